//! Rotated boxes as Gaussians.

use crate::formula::Real;

/// A length below this share of the largest length counts as this share: a box without an area has a finite distance. Quotients are
/// divided by one area after the other, so that no square of a divisor underflows in single precision.
const LEAST: f64 = 1e-7;
/// A largest length below this counts as 1.
const TINY: f64 = 1e-30;

/// Two rotated boxes (cx, cy, w, h, angle), each as the Gaussian whose covariance is `R diag(w^2, h^2) R^T / spread`: S1 of the
/// prediction, S2 of the target.
///
/// All distances are sums of squares of these numbers, so that nothing cancels. With p and t the products of the sides and
/// delta the difference of the angles,
/// ```text
/// spread^2 |S1 + S2|            = 4 p t + apart + rotated,      apart = (p - t)^2
/// spread^2 |S1| tr(S1^-1 S2)    = 2 p t + rotated
/// rotated = (w1 h2 - h1 w2)^2 cos^2 delta + (w1 w2 - h1 h2)^2 sin^2 delta
/// ```
#[derive(Debug, Clone)]
pub(super) struct Gaussians<R> {
    /// The unit of all lengths, a constant for the gradient: the largest length.
    unit: R,
    /// The width and the height of the prediction and of the target.
    sides: [[R; 2]; 2],
    /// The offset of the centers.
    offset: [R; 2],
    /// The product of the sides of the prediction, and of the target.
    areas: [R; 2],
    /// The squared cosine and the squared sine of the difference of the angles.
    rotation: [R; 2],
    /// `d^T adj(S) d spread` of the prediction, and of the target, with d the offset.
    stretched: [R; 2],
}

impl<R: Real> Gaussians<R> {
    #[inline(always)]
    pub(super) fn new(prediction: [R; 5], target: [R; 5]) -> Self {
        let ([px, py, pw, ph, p_angle], [tx, ty, tw, th, t_angle]) = (prediction, target);
        let (x, y) = (px - tx, py - ty);
        let largest = pw.clone().maximum(ph.clone()).maximum(tw.clone().maximum(th.clone()));
        let largest = largest.maximum(x.clone().abs().maximum(y.clone().abs())).stop();
        let unit = R::select(&largest.gt_lit(TINY), largest.clone(), largest.lit(1.0));
        let scale = unit.lit(1.0) / unit.clone();
        let least = scale.lit(LEAST);
        let pw = (pw * scale.clone()).maximum(least.clone());
        let ph = (ph * scale.clone()).maximum(least.clone());
        let tw = (tw * scale.clone()).maximum(least.clone());
        let th = (th * scale.clone()).maximum(least);
        let (x, y) = (x * scale.clone(), y * scale);
        let rotation = p_angle.clone() - t_angle.clone();
        Self {
            unit,
            areas: [pw.clone() * ph.clone(), tw.clone() * th.clone()],
            rotation: [rotation.clone().cos().square(), rotation.sin().square()],
            stretched: [stretched([&pw, &ph], p_angle, [&x, &y]), stretched([&tw, &th], t_angle, [&x, &y])],
            sides: [[pw, ph], [tw, th]],
            offset: [x, y],
        }
    }

    /// How far the shapes are from parallel ones of the same aspect ratio, in units of squared areas.
    #[inline(always)]
    fn rotated(&self) -> R {
        let [[pw, ph], [tw, th]] = &self.sides;
        let parallel = (pw.clone() * th.clone() - ph.clone() * tw.clone()).square();
        let crossed = (pw.clone() * tw.clone() - ph.clone() * th.clone()).square();
        let [cos, sin] = self.rotation.clone();
        parallel * cos + crossed * sin
    }

    /// The part of the Bhattacharyya distance that is due to the offset of the centers, and the part of the shapes.
    #[inline(always)]
    pub(super) fn bhattacharyya(&self, spread: f64) -> [R; 2] {
        let [p, t] = self.areas.clone();
        // How far |(S1 + S2) / 2| / sqrt(|S1| |S2|) is above 1.
        let excess = ((p.clone() - t.clone()).square() + self.rotated()) / p.clone() / t.clone() * 0.25;
        let [one, other] = self.stretched.clone();
        let offset = (one + other) / p / t / (excess.clone() + 1.0) * (spread / 16.0);
        [offset, excess.log1p() * 0.5]
    }

    /// The Kullback-Leibler divergence of the target from the prediction: the part of the offset, and that of the shapes.
    #[inline(always)]
    pub(super) fn kullback_leibler(&self, spread: f64) -> [R; 2] {
        let [p, t] = self.areas.clone();
        let [one, _] = self.stretched.clone();
        let offset = one / p.clone() / p.clone() * (0.5 * spread);
        let shape = self.rotated() / p.clone() / p.clone() * 0.5 + above_its_logarithm(t / p);
        [offset, shape]
    }

    /// The mean of both Kullback-Leibler divergences: the part of the offset, and that of the shapes.
    #[inline(always)]
    pub(super) fn jeffreys(&self, spread: f64) -> [R; 2] {
        let [p, t] = self.areas.clone();
        let ([one, other], rotated) = (self.stretched.clone(), self.rotated());
        let offset = (one / p.clone() / p.clone() + other / t.clone() / t.clone()) * (0.25 * spread);
        let rotations = rotated.clone() / p.clone() / p.clone() + rotated / t.clone() / t.clone();
        let ratios = (p.clone() - t.clone()).square() / p / t;
        [offset, rotations * 0.25 + ratios * 0.5]
    }

    /// The squared Wasserstein distance, in squared units of the boxes: the part of the offset, and that of the shapes.
    #[inline(always)]
    pub(super) fn wasserstein(&self, spread: f64) -> [R; 2] {
        let ([[pw, ph], [tw, th]], [cos, sin]) = (self.sides.clone(), self.rotation.clone());
        // tr S1 + tr S2 - 2 C, as ((tr S1 + tr S2)^2 - 4 C^2) / (tr S1 + tr S2 + 2 C).
        let parallel = products([&pw, &ph], [&tw, &th]) * cos.clone();
        let crossed = products([&pw, &ph], [&th, &tw]) * sin.clone();
        let straight = (pw.clone() * tw.clone() + ph.clone() * th.clone()).square() * cos;
        let across = (pw.clone() * th.clone() + ph.clone() * tw.clone()).square() * sin;
        let traces = pw.square() + ph.square() + tw.square() + th.square();
        let shape = (parallel + crossed) / (traces + (straight + across).sqrt() * 2.0);
        let [x, y] = self.offset.clone();
        let area = self.unit.clone().square();
        [(x.square() + y.square()) * area.clone(), shape * area * (1.0 / spread)]
    }
}

/// `d^T adj(R diag(w^2, h^2) R^T) d`: the offset along each side, times the length of the other side, squared.
#[inline(always)]
fn stretched<R: Real>([w, h]: [&R; 2], angle: R, [x, y]: [&R; 2]) -> R {
    let (cos, sin) = (angle.clone().cos(), angle.sin());
    let along = x.clone() * cos.clone() + y.clone() * sin.clone();
    let across = y.clone() * cos - x.clone() * sin;
    (h.clone() * along).square() + (w.clone() * across).square()
}

/// `|a - b|^2 |a + b|^2` of the sides of two boxes.
#[inline(always)]
fn products<R: Real>([a, b]: [&R; 2], [c, d]: [&R; 2]) -> R {
    let less = (a.clone() - c.clone()).square() + (b.clone() - d.clone()).square();
    less * ((a.clone() + c.clone()).square() + (b.clone() + d.clone()).square())
}

/// `r - 1 - ln r`, precise near 1.
#[inline(always)]
fn above_its_logarithm<R: Real>(r: R) -> R {
    // Near 1 it is a series of u = (r - 1) / (r + 1), since ln r = 2 atanh u.
    const NEAR: f64 = 0.25;
    let x = r.clone() - 1.0;
    let far = x.clone().abs().gt_lit(NEAR);
    let near = R::select(&far, x.lit(0.0), x.clone());
    let u = near.clone() / (near + 2.0);
    let squared = u.clone().square();
    let mut series = u.lit(1.0 / 21.0);
    for n in (1..=9).rev() {
        series = series * squared.clone() + 1.0 / f64::from(2 * n + 1);
    }
    let close = squared.clone() / (-u.clone() + 1.0) - squared * u * series;
    R::select(&far, x - r.ln(), close * 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_excess_over_the_logarithm_is_precise_near_one() {
        for x in [-0.9_f64, -0.26, -0.24, -1e-3, 0.0, 1e-8, 0.1, 0.25, 0.3, 5.0] {
            let ratio = 1.0 + x;
            let (x, got) = (ratio - 1.0, above_its_logarithm(ratio));
            // The series of x - ln(1 + x), where the difference cancels.
            let expected = match x.abs() < 0.01 {
                true => x * x * (0.5 - x * (1.0 / 3.0 - x * (0.25 - x * (0.2 - x / 6.0)))),
                false => x - x.ln_1p(),
            };
            assert!((got - expected).abs() <= 1e-11 * expected, "{x}: {got} {expected}");
        }
    }
}
