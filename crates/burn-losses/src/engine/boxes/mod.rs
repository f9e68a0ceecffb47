//! Two boxes in, one value out.

#[cfg(feature = "cube")]
pub(super) mod cube;
#[cfg(feature = "cpu-engine")]
pub(super) mod host;

use super::any_tensor::AnyTensor;
use super::machine;
use crate::check::{Reference, widen};
use crate::error::InputError;
use crate::formula::{BoxFormula, Formula};
use crate::options::BoxFormat;
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

    /// What the four numbers of a target are. The default is a box, which is what every [`BoxFormula`] takes.
    fn targets(&self) -> BoxTargets {
        BoxTargets::Boxes
    }
}

/// What the four numbers of a target are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoxTargets {
    /// A box, as the prediction is one.
    Boxes,
    /// The distances of the four sides, in units of a bin; the prediction has the logits of the bins of each side.
    Bins,
}

impl<F: BoxFormula> Boxes for F {
    fn values(&self, predictions: Tensor<2>, targets: Tensor<2>, format: BoxFormat) -> Tensor<1> {
        self.eval(corners(predictions, format), corners(targets, format))
    }

    fn kernel(&self) -> Option<BoxKernel> {
        Some(BoxKernel::new(self))
    }
}

/// A [`BoxFormula`] as the machines of the fused engine run it.
pub struct BoxKernel {
    #[cfg(feature = "cpu-engine")]
    host: Box<dyn host::Kernels>,
    #[cfg(feature = "cpu-engine")]
    weighting: Option<host::Weighting>,
    #[cfg(feature = "cube")]
    pub(super) record: Box<dyn cube::Record>,
    /// Whether values are multiplied by weights of their own.
    #[cfg(feature = "cube")]
    is_weighted: bool,
}

/// A call of the executor: pairs of boxes, and what is wanted of their values.
pub(crate) struct Call<'a> {
    pub(crate) kernel: &'a BoxKernel,
    pub(crate) format: BoxFormat,
    pub(crate) predictions: AnyTensor,
    pub(crate) targets: AnyTensor,
    /// How the values become one; all of them are wanted otherwise.
    pub(crate) reduction: Option<Reduction>,
    pub(crate) weights: Option<AnyTensor>,
}

impl BoxKernel {
    /// The kernel of a formula.
    pub fn new(formula: &impl BoxFormula) -> Self {
        let _ = formula;
        Self {
            #[cfg(feature = "cpu-engine")]
            host: Box::new(formula.clone()),
            #[cfg(feature = "cpu-engine")]
            weighting: None,
            #[cfg(feature = "cube")]
            record: Box::new(formula.clone()),
            #[cfg(feature = "cube")]
            is_weighted: false,
        }
    }

    /// That of a formula whose values are multiplied by the `weight` of what `by` measures, given the largest of these, over the mean
    /// weight if `normalize`: constants for the gradient.
    pub(crate) fn weighted(
        formula: &impl BoxFormula,
        by: &impl BoxFormula,
        weight: &impl Formula,
        normalize: bool,
    ) -> Self {
        let _ = (by, weight, normalize);
        Self {
            #[cfg(feature = "cpu-engine")]
            weighting: Some(host::Weighting {
                by: Box::new(by.clone()),
                weight: super::pointwise::PointKernel::new(weight),
                normalize,
            }),
            #[cfg(feature = "cube")]
            is_weighted: true,
            ..Self::new(formula)
        }
    }

    fn run(
        &self,
        predictions: &Tensor<2>,
        targets: &Tensor<2>,
        format: BoxFormat,
        (reduction, weights): (Option<Reduction>, Option<&Tensor<1>>),
    ) -> Option<Tensor<1>> {
        let (predictions, targets) = (predictions.into(), targets.into());
        let call =
            Call { kernel: self, format, predictions, targets, reduction, weights: weights.map(AnyTensor::from) };
        machine::run("boxes", &call.predictions, |machine| machine.boxes(&call)).map(AnyTensor::into_rank)
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
    if let Some(values) = loss.kernel().and_then(|kernel| kernel.run(&predictions, &targets, format, (None, None))) {
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
        && let Some(value) = kernel.run(&predictions, &targets, format, (Some(reduction), weights.as_ref()))
    {
        return value;
    }
    reduction.reduce(values(loss, predictions, targets, format).into(), weights, None)
}
