//! Which points lie in which boxes, and the distances of a point to the sides of its box: for detectors without anchors.

use crate::check::{Reference, widen};
use crate::engine::vectors::columns;
use crate::error::expect;
use burn::tensor::{Bool, Int, Tensor};

/// The rules for which points inside a box belong to it. Points outside of it never do.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PointRules {
    /// Center sampling: the largest distance to the center along each axis, in the units of the boxes; `None`: any.
    pub radius: Option<f64>,
    /// The levels of FCOS: the least and the largest allowed distance to the farthest side, both included; `None`: any.
    pub range: Option<[f64; 2]>,
}

impl PointRules {
    /// Every point inside counts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only points that are at most this far from the center along each axis.
    pub fn with_radius(self, radius: f64) -> Self {
        Self { radius: Some(radius), ..self }
    }

    /// Only points whose distance to the farthest side is in this range.
    pub fn with_range(self, low: f64, high: f64) -> Self {
        Self { range: Some([low, high]), ..self }
    }

    /// Like [`points_inside`], by these rules.
    ///
    /// # Panics
    /// If the points are not of width 2, the boxes not of width 4, or the types or devices differ.
    #[track_caller]
    pub fn inside(&self, points: Tensor<2>, boxes: Tensor<2>) -> Tensor<2, Bool> {
        let (count, objects) = (check("points_inside", &points), boxes.dims()[0]);
        let reference = Reference { loss: "points_inside", name: "points", tensor: &points };
        expect(reference.companion("boxes", &boxes, [objects, 4], "4 numbers per box on axis 1"));
        let shape = [count, objects];
        if count * objects == 0 {
            return Tensor::<2>::zeros(shape, &points.device()).greater_scalar(0.0);
        }
        let [x, y] = columns(widen(points)).map(|numbers| numbers.unsqueeze_dim::<2>(1).expand(shape));
        let corners = columns(widen(boxes)).map(|numbers| numbers.unsqueeze::<2>().expand(shape));
        let [left, top, right, bottom] = distances([x, y], corners);
        let nearest = left.clone().min_pair(right.clone()).min_pair(top.clone().min_pair(bottom.clone()));
        let mut inside = nearest.greater_scalar(0.0);
        if let Some(radius) = self.radius {
            // Twice the distance to the center is the difference of the distances to two sides.
            let along = |low: &Tensor<2>, high: &Tensor<2>| (low.clone() - high.clone()).abs();
            let farthest = along(&left, &right).max_pair(along(&top, &bottom));
            inside = inside.bool_and(farthest.lower_equal_scalar(2.0 * radius));
        }
        if let Some([low, high]) = self.range {
            let farthest = left.max_pair(right).max_pair(top.max_pair(bottom));
            let is_in = farthest.clone().greater_equal_scalar(low).bool_and(farthest.lower_equal_scalar(high));
            inside = inside.bool_and(is_in);
        }
        inside
    }
}

/// Which points lie inside which boxes (UnitBox, Yu et al. 2016, [arXiv 1608.01471](https://arxiv.org/abs/1608.01471); FCOS, Tian et
/// al. 2019, [arXiv 1904.01355](https://arxiv.org/abs/1904.01355)). A point on an edge is outside. [`PointRules`] takes fewer points.
///
/// # Shapes
/// - points: `[P, 2]`, as (x, y)
/// - boxes: `[B, 4]`, as corners (x1, y1, x2, y2)
/// - output: `[P, B]`
///
/// The steps from boxes to a loss that counts the points inside alone:
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::boxes::{BoxFormat, IouLossConfig, decode_ltrb, ltrb_targets, points_inside, smallest_box};
/// use burn_losses::{Extras, Reduction, prelude::*};
///
/// let device = Device::flex();
/// let points = Tensor::<2>::from_floats([[1.0, 1.0], [3.0, 3.0], [9.0, 9.0]], &device);
/// let boxes = Tensor::<2>::from_floats([[0.0, 0.0, 8.0, 8.0], [2.0, 2.0, 4.0, 5.0]], &device);
/// let inside = points_inside(points.clone(), boxes.clone());
/// // The second point lies in both boxes: the smaller one is its target. The third lies in none.
/// let assigned = smallest_box(inside, boxes.clone());
/// assert_eq!(assigned.clone().into_data().iter::<i64>().collect::<Vec<_>>(), [0, 1, -1]);
/// let targets = ltrb_targets(points.clone(), boxes, assigned.clone());
/// assert_eq!(
///     targets.clone().into_data().to_vec::<f32>().unwrap(),
///     [1.0, 1.0, 7.0, 7.0, 1.0, 1.0, 1.0, 2.0, 0.0, 0.0, 0.0, 0.0]
/// );
///
/// let loss = IouLossConfig::new().with_format(BoxFormat::Ltrb).with_reduction(Reduction::WeightedMean).init(&device);
/// let predictions = Tensor::<2>::from_floats([[1.0, 1.0, 7.0, 7.0], [1.0, 1.0, 1.0, 5.0], [2.0; 4]], &device);
/// let weights = assigned.greater_equal_scalar(0).float();
/// let value = loss.forward_with(predictions.clone(), targets, Extras::new().with_weights(weights));
/// // One perfect fit, and one IoU of one half.
/// assert!((value.into_scalar::<f32>() - 0.25).abs() < 1e-6);
/// let boxes = decode_ltrb(points, predictions);
/// assert_eq!(boxes.into_data().to_vec::<f32>().unwrap()[..4], [0.0, 0.0, 8.0, 8.0]);
/// ```
///
/// # Panics
/// If the points are not of width 2, the boxes not of width 4, or the types or devices differ.
#[track_caller]
pub fn points_inside(points: Tensor<2>, boxes: Tensor<2>) -> Tensor<2, Bool> {
    PointRules::new().inside(points, boxes)
}

/// The box with the smallest area among those that a point lies in, as FCOS assigns them; of equal ones the first. A point in no
/// box has the index -1.
///
/// # Shapes
/// - inside: `[P, B]`, from [`points_inside`]
/// - boxes: `[B, 4]`, as corners
/// - output: `[P]`
///
/// # Panics
/// If the boxes are not of width 4, or their number is not that of `inside`, or the devices differ.
#[track_caller]
pub fn smallest_box(inside: Tensor<2, Bool>, boxes: Tensor<2>) -> Tensor<1, Int> {
    let [points, objects] = inside.dims();
    let reference = Reference { loss: "smallest_box", name: "boxes", tensor: &boxes };
    if boxes.dims() != [objects, 4] {
        let expected = format!("[{objects}, 4] (as many boxes as `inside` has columns)");
        expect(Err(reference.shape_error("boxes", &boxes.dims(), expected)))
    }
    expect(reference.same_device("inside", &inside));
    let device = boxes.device();
    if points * objects == 0 {
        return Tensor::full([points], -1, &device);
    }
    let [x1, y1, x2, y2] = columns(widen(boxes));
    let areas = ((x2 - x1) * (y2 - y1)).unsqueeze::<2>().expand([points, objects]);
    let areas = areas.mask_fill(inside.clone().bool_not(), f64::INFINITY);
    let smallest = areas.clone().min_dim(1).expand([points, objects]);
    let is_smallest = areas.equal(smallest).bool_and(inside);
    let none = objects as i64;
    let index = Tensor::<1, Int>::arange(0..none, &device).unsqueeze::<2>().expand([points, objects]);
    let first = index.mask_fill(is_smallest.bool_not(), none).min_dim(1).squeeze_dim::<1>(1);
    let is_none = first.clone().equal_scalar(none);
    first.mask_fill(is_none, -1)
}

/// The distances of each point to the left, top, right and bottom side of its box: the targets of a loss with `format = "ltrb"`. A
/// point whose index is negative has the distances 0; an index that is no box gives NaN.
///
/// # Shapes
/// - points: `[P, 2]`, as (x, y)
/// - boxes: `[B, 4]`, as corners
/// - assigned: `[P]`, the index of the box of each point, from [`smallest_box`]
/// - output: `[P, 4]`, in f32 for half-precision inputs
///
/// # Panics
/// If a shape is another one, or the types or devices differ.
#[track_caller]
pub fn ltrb_targets(points: Tensor<2>, boxes: Tensor<2>, assigned: Tensor<1, Int>) -> Tensor<2> {
    let (count, objects) = (check("ltrb_targets", &points), boxes.dims()[0]);
    let reference = Reference { loss: "ltrb_targets", name: "points", tensor: &points };
    expect(reference.companion("boxes", &boxes, [objects, 4], "4 numbers per box on axis 1"));
    if assigned.dims() != [count] {
        let expected = format!("[{count}] (one per row of `points`)");
        expect(Err(reference.shape_error("assigned", &assigned.dims(), expected)))
    }
    expect(reference.same_device("assigned", &assigned));
    let (points, boxes) = (widen(points), widen(boxes));
    if count * objects == 0 {
        return Tensor::zeros([count, 4], (&points.device(), points.dtype()));
    }
    let last = objects as i64 - 1;
    let of_none = assigned.clone().lower_scalar(0).unsqueeze_dim::<2>(1).expand([count, 4]);
    let of_no_box = assigned.clone().greater_scalar(last).unsqueeze_dim::<2>(1).expand([count, 4]);
    let boxes = boxes.select(0, assigned.clamp(0, last));
    let distances = Tensor::stack::<2>(distances(columns(points), columns(boxes)).to_vec(), 1);
    distances.mask_fill(of_none, 0.0).mask_fill(of_no_box, f64::NAN)
}

/// The boxes, as corners, whose sides have the given distances from points: the inverse of [`ltrb_targets`].
///
/// # Shapes
/// - points: `[P, 2]`, as (x, y)
/// - distances: `[P, 4]`, to the left, top, right and bottom side
/// - output: `[P, 4]`, in f32 for half-precision inputs
///
/// # Panics
/// If a shape is another one, or the types or devices differ.
#[track_caller]
pub fn decode_ltrb(points: Tensor<2>, distances: Tensor<2>) -> Tensor<2> {
    let count = check("decode_ltrb", &points);
    let reference = Reference { loss: "decode_ltrb", name: "points", tensor: &points };
    expect(reference.companion("distances", &distances, [count, 4], "4 distances per point"));
    let ([x, y], [left, top, right, bottom]) = (columns(widen(points)), columns(widen(distances)));
    Tensor::stack::<2>(vec![x.clone() - left, y.clone() - top, x + right, y + bottom], 1)
}

/// The number of points; an error if they are not of width 2.
#[track_caller]
fn check(function: &'static str, points: &Tensor<2>) -> usize {
    let [count, width] = points.dims();
    if width != 2 {
        let reference = Reference { loss: function, name: "points", tensor: points };
        expect(Err(reference.shape_error("points", &[count, width], "2 numbers per point on axis 1".into())))
    }
    count
}

/// The distances of points to the left, top, right and bottom side of boxes; negative beyond a side.
fn distances<const D: usize>([x, y]: [Tensor<D>; 2], [x1, y1, x2, y2]: [Tensor<D>; 4]) -> [Tensor<D>; 4] {
    [x.clone() - x1, y.clone() - y1, x2 - x, y2 - y]
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn tensor<const K: usize>(rows: &[[f32; K]]) -> Tensor<2> {
        let data = burn::tensor::TensorData::new(rows.concat(), [rows.len(), K]);
        Tensor::from_data(data, &Device::flex())
    }

    fn truths(tensor: Tensor<2, Bool>) -> Vec<bool> {
        tensor.into_data().iter().collect()
    }

    #[test]
    fn an_edge_is_outside_and_an_inverted_box_is_empty() {
        let points = tensor(&[[0.0, 1.0], [1.0, 1.0], [1.9, 0.1], [2.0, 2.0]]);
        let boxes = tensor(&[[0.0, 0.0, 2.0, 2.0], [2.0, 2.0, 0.0, 0.0]]);
        let inside = truths(points_inside(points, boxes));
        assert_eq!(inside, [false, false, true, false, true, false, false, false]);
    }

    #[test]
    fn rules_leave_points_out() {
        let points = tensor(&[[5.0, 5.0], [7.0, 5.0], [7.5, 5.0], [1.0, 9.0]]);
        let boxes = tensor(&[[0.0, 0.0, 10.0, 10.0]]);
        let inside = |rules: PointRules| truths(rules.inside(points.clone(), boxes.clone()));
        assert_eq!(inside(PointRules::new()), [true; 4]);
        assert_eq!(inside(PointRules::new().with_radius(2.0)), [true, true, false, false]);
        assert_eq!(inside(PointRules::new().with_range(5.0, 7.0)), [true, true, false, false]);
        assert_eq!(inside(PointRules::new().with_range(7.25, 9.0)), [false, false, true, true]);
        assert_eq!(inside(PointRules::new().with_radius(3.0).with_range(7.0, 8.0)), [false, true, true, false]);
    }

    #[test]
    fn a_point_belongs_to_the_smallest_box_and_at_ties_to_the_first() {
        let points = tensor(&[[1.0, 1.0], [9.0, 9.0], [6.0, 6.0]]);
        let boxes = tensor(&[[0.0, 0.0, 8.0, 8.0], [0.5, 0.5, 2.0, 2.0], [0.5, 0.5, 2.0, 2.0]]);
        let assigned = smallest_box(points_inside(points.clone(), boxes.clone()), boxes.clone());
        assert_eq!(assigned.clone().into_data().iter::<i64>().collect::<Vec<_>>(), [1, -1, 0]);
        let targets = ltrb_targets(points, boxes, assigned).into_data().iter::<f32>().collect::<Vec<_>>();
        assert_eq!(targets, [0.5, 0.5, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 6.0, 6.0, 2.0, 2.0]);
    }

    #[test]
    fn an_index_that_is_no_box_is_a_nan() {
        let assigned = Tensor::<1, Int>::from_ints([0, 7], &Device::flex());
        let targets = ltrb_targets(tensor(&[[1.0, 1.0]; 2]), tensor(&[[0.0, 0.0, 2.0, 2.0]]), assigned);
        let targets = targets.into_data().iter::<f32>().collect::<Vec<_>>();
        assert!(targets[..4] == [1.0; 4] && targets[4..].iter().all(|x| x.is_nan()), "{targets:?}");
    }

    #[test]
    fn distances_there_and_back() {
        let boxes = tensor(&[[0.0, 1.0, 4.0, 8.0], [-3.0, -2.0, 5.0, 0.5]]);
        let points = tensor(&[[1.0, 2.0], [0.0, 0.0]]);
        let assigned = Tensor::<1, Int>::from_ints([0, 1], &Device::flex());
        let distances = ltrb_targets(points.clone(), boxes.clone(), assigned);
        assert_eq!(decode_ltrb(points, distances).into_data(), boxes.into_data());
    }

    #[test]
    fn nothing_has_shapes() {
        let (points, boxes) =
            (Tensor::<2>::zeros([3, 2], &Device::flex()), Tensor::<2>::zeros([0, 4], &Device::flex()));
        let inside = points_inside(points.clone(), boxes.clone());
        assert_eq!(inside.dims(), [3, 0]);
        let assigned = smallest_box(inside, boxes.clone());
        assert_eq!(assigned.clone().into_data().iter::<i64>().collect::<Vec<_>>(), [-1; 3]);
        assert_eq!(ltrb_targets(points, boxes.clone(), assigned).dims(), [3, 4]);
        assert_eq!(points_inside(Tensor::zeros([0, 2], &Device::flex()), boxes).dims(), [0, 0]);
    }

    #[test]
    #[should_panic(expected = "points_inside: `boxes` has shape [1, 5], expected [1, 4] (4 numbers per box on axis 1)")]
    fn another_width_is_an_error() {
        points_inside(tensor(&[[0.0, 0.0]]), tensor(&[[0.0; 5]]));
    }
}
