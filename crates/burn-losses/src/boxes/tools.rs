//! Tools for detection besides losses.

use super::corners;
use super::{BoxFormat, Geometry};
use crate::check::{Reference, widen};
use crate::engine::vectors::columns;
use crate::error::expect;
use burn::tensor::Tensor;

/// The overlap of every box of one set with every box of another, in [0, 1].
///
/// # Shapes
/// - first: `[N, 4]`
/// - second: `[M, 4]`
/// - output: `[N, M]`
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::boxes::{BoxFormat, pairwise_iou};
///
/// let device = Device::flex();
/// let anchors = Tensor::from_floats([[0.0, 0.0, 2.0, 1.0], [1.0, 0.0, 3.0, 1.0], [9.0, 9.0, 9.0, 9.0]], &device);
/// let objects = Tensor::from_floats([[0.0, 0.0, 2.0, 1.0]], &device);
/// let iou = pairwise_iou(anchors, objects, BoxFormat::Xyxy);
/// let expected = Tensor::from_floats([[1.0], [1.0 / 3.0], [0.0]], &device);
/// assert!(iou.all_close(expected, None, None));
/// ```
///
/// # Panics
/// If a set is not of width 4, or the types or devices differ.
#[track_caller]
pub fn pairwise_iou(first: Tensor<2>, second: Tensor<2>, format: BoxFormat) -> Tensor<2> {
    let reference = Reference { loss: "pairwise_iou", name: "first", tensor: &first };
    let ([n, width], [m, _]) = (first.dims(), second.dims());
    if width != 4 {
        expect(Err(reference.shape_error("first", &[n, width], "4 numbers per box on axis 1".into())))
    }
    expect(reference.companion("second", &second, [m, 4], "4 numbers per box on axis 1"));
    let (first, second) = (widen(first), widen(second));
    if n * m == 0 {
        return Tensor::zeros([n, m], (&first.device(), first.dtype()));
    }
    let rows = corners(first, format).map(|x| x.unsqueeze_dim::<2>(1).expand([n, m]));
    let columns = corners(second, format).map(|x| x.unsqueeze::<2>().expand([n, m]));
    Geometry::new(rows, columns).iou
}

/// Boxes `[N, 4]` in another format; `ltrb` is relative to the origin.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::boxes::{BoxFormat, convert};
///
/// let device = Device::flex();
/// let boxes = convert(Tensor::from_floats([[1.0, 2.0, 4.0, 8.0]], &device), BoxFormat::Xyxy, BoxFormat::Cxcywh);
/// assert_eq!(boxes.into_data().to_vec::<f32>().unwrap(), [2.5, 5.0, 3.0, 6.0]);
/// ```
///
/// # Panics
/// If the boxes are not of width 4.
#[track_caller]
pub fn convert(boxes: Tensor<2>, from: BoxFormat, to: BoxFormat) -> Tensor<2> {
    let [count, width] = boxes.dims();
    if width != 4 {
        let reference = Reference { loss: "convert", name: "boxes", tensor: &boxes };
        expect(Err(reference.shape_error("boxes", &[count, width], "4 numbers per box on axis 1".into())))
    }
    if from == to {
        return boxes;
    }
    let numbers = to.of_corners(from.corners(columns(boxes)));
    Tensor::stack::<2>(numbers.to_vec(), 1)
}
