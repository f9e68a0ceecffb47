//! Two boxes in, one value out.

use crate::boxes::BoxFormat;
use crate::check::{Reference, widen};
use crate::error::InputError;
use crate::formula::{BoxFormula, Formula};
use crate::reduction::Reduction;
use burn::tensor::Tensor;

/// How a loss of the family `boxes` computes its values.
///
/// Every [`BoxFormula`] is one. Losses that look at the whole batch implement it themselves.
pub trait Boxes: Sized {
    /// The `[N]` values of `[N, K]` predictions and `[N, 4]` targets, in single or double precision; N is not 0.
    fn values(&self, predictions: Tensor<2>, targets: Tensor<2>, format: BoxFormat) -> Tensor<1>;

    /// The formula of every single value, where there is one, for the fused engine.
    fn kernel(&self) -> Option<BoxKernel> {
        None
    }

    /// What K, the width of the predictions, must be, if it is not that.
    fn accepts(&self, width: usize) -> Result<(), String> {
        if width == 4 { Ok(()) } else { Err("4 numbers per box on axis 1".into()) }
    }
}

impl<F: BoxFormula> Boxes for F {
    fn values(&self, predictions: Tensor<2>, targets: Tensor<2>, format: BoxFormat) -> Tensor<1> {
        self.eval(corners(predictions, format), corners(targets, format))
    }

    fn kernel(&self) -> Option<BoxKernel> {
        Some(BoxKernel::of(self))
    }
}

/// A [`BoxFormula`] as the fused engine runs it.
pub struct BoxKernel {
    #[cfg(feature = "cpu-engine")]
    kernel: super::cpu::boxes::PairKernel,
}

impl BoxKernel {
    /// The kernel of a formula.
    pub fn of(formula: &impl BoxFormula) -> Self {
        let _ = formula;
        Self {
            #[cfg(feature = "cpu-engine")]
            kernel: super::cpu::boxes::PairKernel { formula: Box::new(formula.clone()), weighing: None },
        }
    }

    /// That of a formula whose values are multiplied by the `weight` of what `by` measures, given the largest of these, over the mean
    /// weight if `normalize`: constants for the gradient.
    pub(crate) fn weighed(
        formula: &impl BoxFormula,
        by: &impl BoxFormula,
        weight: &impl Formula,
        normalize: bool,
    ) -> Self {
        let _ = (formula, by, weight, normalize);
        Self {
            #[cfg(feature = "cpu-engine")]
            kernel: super::cpu::boxes::PairKernel {
                formula: Box::new(formula.clone()),
                weighing: Some(super::cpu::boxes::Weighing {
                    by: Box::new(by.clone()),
                    weight: Box::new(weight.clone()),
                    normalize,
                }),
            },
        }
    }

    fn values(&self, predictions: &Tensor<2>, targets: &Tensor<2>, format: BoxFormat) -> Option<Tensor<1>> {
        let _ = (predictions, targets, format);
        #[cfg(feature = "cpu-engine")]
        return super::cpu::boxes::values(&self.kernel, format, predictions, targets);
        #[cfg(not(feature = "cpu-engine"))]
        None
    }

    fn reduced(
        &self,
        reduction: Reduction,
        predictions: &Tensor<2>,
        targets: &Tensor<2>,
        weights: Option<&Tensor<1>>,
        format: BoxFormat,
    ) -> Option<Tensor<1>> {
        let _ = (reduction, predictions, targets, weights, format);
        #[cfg(feature = "cpu-engine")]
        return super::cpu::boxes::reduced(&self.kernel, reduction, format, predictions, targets, weights);
        #[cfg(not(feature = "cpu-engine"))]
        None
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
    if let Some(values) = loss.kernel().and_then(|kernel| kernel.values(&predictions, &targets, format)) {
        return values;
    }
    loss.values(widen(predictions), widen(targets), format)
}

/// The value of the batch.
pub(crate) fn reduce<B: Boxes>(
    loss: &B,
    reduction: Reduction,
    predictions: Tensor<2>,
    targets: Tensor<2>,
    weights: Option<Tensor<1>>,
    format: BoxFormat,
) -> Tensor<1> {
    if predictions.dims()[0] > 0
        && let Some(kernel) = loss.kernel()
        && let Some(value) = kernel.reduced(reduction, &predictions, &targets, weights.as_ref(), format)
    {
        return value;
    }
    reduction.reduce(values(loss, predictions, targets, format).into(), weights, None)
}
