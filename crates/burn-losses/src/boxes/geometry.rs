//! The geometry of two boxes, which the losses of this family share.

use crate::formula::{Real, safe};

/// A length below this counts as 0: other lengths, divided by it, would overflow in single precision.
const TINY: f64 = 1e-30;
/// A divisor below this, relative to the enclosing box, counts as 0. Its square is still a normal number in single precision.
const FLOOR: f64 = 1e-18;

/// `numerator / denominator`, 0 with a zero gradient where the denominator is zero.
#[inline(always)]
pub(super) fn quotient<R: Real>(numerator: R, denominator: R) -> R {
    safe::quotient(numerator, denominator, FLOOR)
}

/// A power of a number that is not negative; 0 with a zero gradient where the number is zero.
#[inline(always)]
pub(super) fn power<R: Real>(base: R, exponent: f64) -> R {
    safe::power(base, exponent, FLOOR)
}

/// The larger of two; at a tie both have half of the gradient, so that a perfect fit is not pushed to either side.
#[inline(always)]
fn larger<R: Real>(a: R, b: R) -> R {
    let (over, under) = (a.gt(&b), b.gt(&a));
    let middle = (a.clone() + b.clone()) * 0.5;
    R::select(&over, a, R::select(&under, b, middle))
}

/// The smaller of two; at a tie both have half of the gradient.
#[inline(always)]
fn smaller<R: Real>(a: R, b: R) -> R {
    -larger(-a, -b)
}

/// Two boxes along one axis. All lengths are in units of the enclosing length, which is a constant for the gradient: boxes of
/// any size are computed alike, and nothing overflows.
#[derive(Debug, Clone)]
pub struct Axis<R> {
    /// The unit: the length of the interval that encloses both boxes (1 where that is zero), without a gradient.
    pub unit: R,
    /// The length of the predicted box, 0 where it is inverted.
    pub prediction: R,
    /// The length of the target box, 0 where it is inverted.
    pub target: R,
    /// The length of the intersection.
    pub common: R,
    /// The length of the enclosing interval, in its own unit: 1, or 0 where it is zero; with a gradient.
    pub enclosing: R,
    /// The signed distance from the target's center to the predicted center.
    pub offset: R,
    /// The signed distances from the target's low edge to the predicted one, and from its high edge to the predicted one.
    pub edges: [R; 2],
}

impl<R: Real> Axis<R> {
    #[inline(always)]
    pub(super) fn new(prediction: [R; 2], target: [R; 2]) -> Self {
        let ([p1, p2], [t1, t2]) = (prediction, target);
        // The interval encloses all four edges, so that an inverted box lies inside too.
        let high = larger(p2.clone(), t2.clone()).maximum(p1.clone().maximum(t1.clone()));
        let low = smaller(p1.clone(), t1.clone()).minimum(p2.clone().minimum(t2.clone()));
        let enclosing = (high - low).relu();
        let length = enclosing.clone().stop();
        let unit = R::select(&length.gt_lit(TINY), length.clone(), length.lit(1.0));
        let scale = unit.lit(1.0) / unit.clone();
        let common = smaller(p2.clone(), t2.clone()) - larger(p1.clone(), t1.clone());
        let edges = [(p1.clone() - t1.clone()) * scale.clone(), (p2.clone() - t2.clone()) * scale.clone()];
        Self {
            prediction: ((p2 - p1) * scale.clone()).relu(),
            target: ((t2 - t1) * scale.clone()).relu(),
            common: (common * scale.clone()).relu(),
            enclosing: enclosing * scale,
            offset: (edges[0].clone() + edges[1].clone()) * 0.5,
            edges,
            unit,
        }
    }

    /// How much longer the predicted box is than the target.
    #[inline(always)]
    pub fn difference(&self) -> R {
        self.prediction.clone() - self.target.clone()
    }
}

/// A predicted and a target box.
///
/// A box whose second corner lies before the first is empty: its width and height count as 0, but its corners stay where they
/// are. A quotient whose divisor is zero, such as the IoU of two points, is 0 and has no gradient.
#[derive(Debug, Clone)]
pub struct Geometry<R> {
    /// The boxes along x: their widths.
    pub x: Axis<R>,
    /// The boxes along y: their heights.
    pub y: Axis<R>,
    /// The area of the intersection, in units of `x.unit * y.unit`.
    pub intersection: R,
    /// The area of the union, in the same units.
    pub union: R,
    /// Intersection over union, in [0, 1].
    pub iou: R,
}

impl<R: Real> Geometry<R> {
    /// The geometry of two boxes, from the corners (x1, y1, x2, y2) of each.
    #[inline(always)]
    pub fn new(prediction: [R; 4], target: [R; 4]) -> Self {
        let ([px1, py1, px2, py2], [tx1, ty1, tx2, ty2]) = (prediction, target);
        let x = Axis::new([px1, px2], [tx1, tx2]);
        let y = Axis::new([py1, py2], [ty1, ty2]);
        let intersection = x.common.clone() * y.common.clone();
        let areas = x.prediction.clone() * y.prediction.clone() + x.target.clone() * y.target.clone();
        let union = areas - intersection.clone();
        let iou = quotient(intersection.clone(), union.clone());
        Self { x, y, intersection, union, iou }
    }

    /// The share of the enclosing box that neither box covers, in [0, 1]: the penalty of GIoU.
    #[inline(always)]
    pub fn gap(&self) -> R {
        let enclosing = self.x.enclosing.clone() * self.y.enclosing.clone();
        quotient(enclosing.clone() - self.union.clone(), enclosing)
    }

    /// `iou` and [`gap`](Self::gap), with divisors of at least `eps` times the area of the enclosing box.
    #[inline(always)]
    pub fn iou_and_gap(&self, eps: f64) -> (R, R) {
        let enclosing = self.x.enclosing.clone() * self.y.enclosing.clone();
        let least = enclosing.clone() * eps;
        let gap = quotient(enclosing.clone() - self.union.clone(), enclosing.maximum(least.clone()));
        (quotient(self.intersection.clone(), self.union.clone().maximum(least)), gap)
    }

    /// The squared distance of the centers over the squared diagonal of the enclosing box, in [0, 1]: the penalty of DIoU.
    #[inline(always)]
    pub fn offset(&self) -> R {
        let plane = self.plane();
        plane.of_diagonal(&self.x.offset, &self.y.offset)
    }

    /// The sum of the distances of the top left and of the bottom right corners, and of the two others if `all`, over the
    /// diagonal of the enclosing box.
    #[inline(always)]
    pub fn corner_distances(&self, all: bool) -> R {
        let ([left, right], [top, bottom]) = (&self.x.edges, &self.y.edges);
        let plane = self.plane();
        let two = plane.of_diagonal(left, top).safe_sqrt() + plane.of_diagonal(right, bottom).safe_sqrt();
        if !all {
            return two;
        }
        two + plane.of_diagonal(right, top).safe_sqrt() + plane.of_diagonal(left, bottom).safe_sqrt()
    }

    /// Both axes in the same unit.
    #[inline(always)]
    pub fn plane(&self) -> Plane<R> {
        let (x, y) = (&self.x.unit, &self.y.unit);
        let unit = x.clone().maximum(y.clone());
        let scale = unit.lit(1.0) / unit.clone();
        let (x, y) = (x.clone() * scale.clone(), y.clone() * scale);
        let (width, height) = (self.x.enclosing.clone() * x.clone(), self.y.enclosing.clone() * y.clone());
        let diagonal = width.square() + height.square();
        Plane { unit, x, y, diagonal }
    }

    /// The difference of the aspect ratios as v = 4/pi^2 (difference of atan(width / height))^2, in [0, 1].
    ///
    /// With `scaled` the gradient lacks the factor 1 / (width^2 + height^2), which is large for small boxes.
    #[inline(always)]
    pub fn aspect(&self, scaled: bool) -> R {
        let plane = self.plane();
        let difference = plane.angle(&self.x.target, &self.y.target, scaled)
            - plane.angle(&self.x.prediction, &self.y.prediction, scaled);
        difference.square() * (4.0 / (core::f64::consts::PI * core::f64::consts::PI))
    }
}

/// Both axes in one unit: the longer side of the enclosing box, a constant for the gradient.
#[derive(Debug, Clone)]
pub struct Plane<R> {
    /// The length of the unit, in the units of the boxes.
    pub unit: R,
    x: R,
    y: R,
    diagonal: R,
}

impl<R: Real> Plane<R> {
    /// Two lengths, along x and along y, in this unit.
    #[inline(always)]
    pub fn lengths(&self, x: &R, y: &R) -> (R, R) {
        (x.clone() * self.x.clone(), y.clone() * self.y.clone())
    }

    /// atan(width / height); with `scaled`, its gradient lacks a factor: see [`Geometry::aspect`].
    #[inline(always)]
    fn angle(&self, width: &R, height: &R, scaled: bool) -> R {
        let (width, height) = self.lengths(width, height);
        let exact = angle(width.clone(), height.clone());
        if !scaled {
            return exact;
        }
        // width * height - height * width has the value 0 and the gradient (height, -width).
        let cross = width.clone() * height.clone().stop() - height * width.stop();
        exact.stop() + cross * self.unit.clone() * self.unit.clone()
    }

    /// x^2 + y^2, of two lengths along the axes, over the squared diagonal of the enclosing box.
    #[inline(always)]
    fn of_diagonal(&self, x: &R, y: &R) -> R {
        let (x, y) = self.lengths(x, y);
        quotient(x.square() + y.square(), self.diagonal.clone())
    }
}

/// atan(width / height), in [0, pi/2]; 0 where both are 0.
#[inline(always)]
fn angle<R: Real>(width: R, height: R) -> R {
    // The smaller over the larger is at most 1, so that the angle is precise on both sides of the diagonal.
    let wide = width.gt(&height);
    let smaller = R::select(&wide, height.clone(), width.clone());
    let larger = R::select(&wide, width, height);
    let acute = quotient(smaller, larger).atan();
    R::select(&wide, -acute.clone() + core::f64::consts::FRAC_PI_2, acute)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Dual;

    #[test]
    fn a_pair_by_hand() {
        let pair = Geometry::new([0.0, 0.0, 4.0, 2.0], [2.0, 1.0, 6.0, 5.0]);
        assert_eq!((pair.x.unit, pair.y.unit), (6.0, 5.0));
        let area = 30.0;
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-15, "{a} {b}");
        close(pair.intersection * area, 2.0);
        close(pair.union * area, 22.0);
        close(pair.iou, 2.0 / 22.0);
        close(pair.gap(), 8.0 / 30.0);
        close(pair.offset(), (4.0 + 4.0) / (36.0 + 25.0));
        let diagonal = 61f64.sqrt();
        close(pair.corner_distances(false), (5f64.sqrt() + 13f64.sqrt()) / diagonal);
        close(pair.corner_distances(true), 2.0 * (5f64.sqrt() + 13f64.sqrt()) / diagonal);
        let v = 4.0 / core::f64::consts::PI.powi(2) * (1f64.atan() - 2f64.atan()).powi(2);
        close(pair.aspect(false), v);
        close(pair.aspect(true), v);
    }

    #[test]
    fn the_scaled_aspect_has_the_gradient_of_the_paper() {
        let at = |scaled| {
            let p = [0.0, 0.0, 3.0, 2.0].map(Dual::<f64, 4>::constant);
            let mut p = p;
            for (i, x) in p.iter_mut().enumerate() {
                *x = Dual::variable(x.value, i);
            }
            Geometry::new(p, [0.0, 0.0, 1.0, 5.0].map(Dual::constant)).aspect(scaled).slope
        };
        for (exact, scaled) in at(false).into_iter().zip(at(true)) {
            assert!((exact * 13.0 - scaled).abs() < 1e-12, "{exact} {scaled}");
        }
    }
}
