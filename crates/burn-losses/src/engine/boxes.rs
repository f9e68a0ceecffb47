//! Two boxes in, one value out.

use crate::boxes::BoxFormat;
use crate::check::{Reference, widen};
use crate::error::InputError;
use crate::formula::BoxFormula;
use burn::tensor::Tensor;

/// How a loss of the family `boxes` computes its values.
///
/// Every [`BoxFormula`] is one. Losses that look at the whole batch implement it themselves.
pub trait Boxes: Sized {
    /// The `[N]` values of `[N, K]` predictions and `[N, 4]` targets, in single or double precision; N is not 0.
    fn values(&self, predictions: Tensor<2>, targets: Tensor<2>, format: BoxFormat) -> Tensor<1>;

    /// What K, the width of the predictions, must be, if it is not that.
    fn accepts(&self, width: usize) -> Result<(), String> {
        if width == 4 { Ok(()) } else { Err("4 numbers per box on axis 1".into()) }
    }
}

impl<F: BoxFormula> Boxes for F {
    fn values(&self, predictions: Tensor<2>, targets: Tensor<2>, format: BoxFormat) -> Tensor<1> {
        self.eval(corners(predictions, format), corners(targets, format))
    }
}

/// The corners of `[N, 4]` boxes.
pub(crate) fn corners(boxes: Tensor<2>, format: BoxFormat) -> [Tensor<1>; 4] {
    format.corners(columns(boxes))
}

pub(crate) fn columns(boxes: Tensor<2>) -> [Tensor<1>; 4] {
    [0, 1, 2, 3].map(|column| boxes.clone().narrow(1, column, 1).squeeze_dim(1))
}

/// Checks the arguments of a loss: what the forward methods do first.
pub(crate) fn check<B: Boxes>(
    loss: &B,
    predictions: Reference<'_, 2>,
    targets: &Tensor<2>,
    weights: Option<&Tensor<1>>,
) -> Result<(), InputError> {
    let [count, width] = predictions.tensor.dims();
    loss.accepts(width).map_err(|expected| predictions.shape_error(predictions.name, &[count, width], expected))?;
    predictions.companion("targets", targets, [count, 4], "one box per prediction")?;
    weights.map_or(Ok(()), |weights| predictions.weights([count], weights))
}

/// The unreduced values, computed in at least single precision.
pub(crate) fn values<B: Boxes>(loss: &B, predictions: Tensor<2>, targets: Tensor<2>, format: BoxFormat) -> Tensor<1> {
    if predictions.dims()[0] == 0 {
        return widen(predictions).reshape([0]);
    }
    loss.values(widen(predictions), widen(targets), format)
}
