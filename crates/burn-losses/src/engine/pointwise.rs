//! Two tensors of one shape in, the same shape out.

use super::{is_fused, keep_graph};
use crate::check::{Reference, widen};
use crate::error::{InputError, InputProblem};
use crate::formula::Formula;
use crate::reduction::{Divisor, Reduction, Unreduced};
use burn::tensor::Tensor;

/// How a loss of the families `regression` and `binary` computes its values.
///
/// Every [`Formula`] is one. Losses that look at the whole batch implement it themselves.
pub trait Pointwise: Sized {
    /// The unreduced values, of inputs of one shape in single or double precision.
    fn values<const D: usize>(&self, first: Tensor<D>, targets: Tensor<D>) -> Unreduced<D>;

    /// The formula of every single value, where there is one, for the fused engine; values that depend on the whole batch have none.
    fn kernel(&self) -> Option<PointKernel> {
        None
    }

    /// The same where values depend on the whole batch, through constants alone: called once for each reduced value, with inputs in
    /// single or double precision, and where a kernel can run.
    #[doc(hidden)]
    fn kernel_of_batch<const D: usize>(&self, first: &Tensor<D>, targets: &Tensor<D>) -> Option<BatchKernel<D>> {
        let _ = (first, targets);
        None
    }

    /// What the shape of the inputs must be beyond being the same, where there is more to say.
    fn accepts(&self, shape: &[usize]) -> Result<(), String> {
        let _ = shape;
        Ok(())
    }
}

impl<F: Formula> Pointwise for F {
    fn values<const D: usize>(&self, first: Tensor<D>, targets: Tensor<D>) -> Unreduced<D> {
        keep_graph(self.eval(first.clone(), targets), first).into()
    }

    fn kernel(&self) -> Option<PointKernel> {
        Some(PointKernel::of(self))
    }
}

/// What the fused engine runs for one batch.
pub struct BatchKernel<const D: usize> {
    pub(crate) kernel: PointKernel,
    /// What each value is multiplied by: no tensor with a gradient.
    pub(crate) factors: Option<Tensor<D>>,
    /// What a mean divides by, where not all values count.
    pub(crate) count: Option<f64>,
}

/// A [`Formula`] as the fused engine runs it.
pub struct PointKernel {
    #[cfg(feature = "cpu-engine")]
    compiled: Box<dyn super::cpu::pointwise::Compiled>,
}

impl PointKernel {
    /// The kernel of a formula.
    pub fn of(formula: &impl Formula) -> Self {
        let _ = formula;
        Self {
            #[cfg(feature = "cpu-engine")]
            compiled: Box::new(formula.clone()),
        }
    }

    /// The kernel of a sum of formulas, each times its weight; `None` if one of them has none.
    pub(crate) fn weighted_sum(terms: impl Iterator<Item = (f64, Option<Self>)>) -> Option<Self> {
        #[cfg(feature = "cpu-engine")]
        {
            let terms = terms.map(|(weight, kernel)| Some((weight, kernel?.compiled)));
            let compiled = Box::new(super::cpu::pointwise::WeightedSum(terms.collect::<Option<_>>()?));
            Some(Self { compiled })
        }
        #[cfg(not(feature = "cpu-engine"))]
        {
            let _ = terms;
            None
        }
    }

    pub(crate) fn values<const D: usize>(&self, first: &Tensor<D>, targets: &Tensor<D>) -> Option<Tensor<D>> {
        let _ = (first, targets);
        #[cfg(feature = "cpu-engine")]
        return super::cpu::pointwise::values(&*self.compiled, first, targets);
        #[cfg(not(feature = "cpu-engine"))]
        None
    }

    /// The sum of each row.
    pub(crate) fn row_sums(&self, first: &Tensor<2>, targets: &Tensor<2>) -> Option<Tensor<1>> {
        let _ = (first, targets);
        #[cfg(feature = "cpu-engine")]
        return super::cpu::pointwise::row_sums(&*self.compiled, first, targets);
        #[cfg(not(feature = "cpu-engine"))]
        None
    }

    /// The reduced value. `width` entries make a value; the batch has so many samples; `count` values count, where these are not all.
    pub(crate) fn reduced<const D: usize, const W: usize>(
        &self,
        reduction: Reduction,
        [width, samples]: [usize; 2],
        count: Option<f64>,
        first: &Tensor<D>,
        targets: &Tensor<D>,
        weights: Option<&Tensor<W>>,
    ) -> Option<Tensor<1>> {
        let _ = (reduction, width, samples, count, first, targets, weights);
        #[cfg(feature = "cpu-engine")]
        {
            use super::cpu::pointwise::{Reduce, reduced};
            reduced(&*self.compiled, &Reduce { reduction, width, samples, count, weights }, first, targets)
        }
        #[cfg(not(feature = "cpu-engine"))]
        None
    }
}

/// Checks the arguments of a loss: what the forward methods do first.
pub(crate) fn check<P: Pointwise, const D: usize>(
    loss: &P,
    first: Reference<'_, D>,
    targets: &Tensor<D>,
    weights: Option<&Tensor<D>>,
) -> Result<(), InputError> {
    first.same("targets", targets)?;
    let shape = first.tensor.dims();
    loss.accepts(&shape)
        .map_err(|expected| first.error(first.name, InputProblem::Shape { given: shape.to_vec(), expected }))?;
    weights.map_or(Ok(()), |weights| first.weights(shape, weights))
}

/// The values of a formula.
pub(crate) fn of_formula<const D: usize>(formula: &impl Formula, first: Tensor<D>, targets: Tensor<D>) -> Tensor<D> {
    let values = PointKernel::of(formula).values(&first, &targets);
    values.unwrap_or_else(|| formula.eval(first, targets))
}

/// The unreduced values, computed in at least single precision.
pub(crate) fn values<P: Pointwise, const D: usize>(loss: &P, first: Tensor<D>, targets: Tensor<D>) -> Unreduced<D> {
    if first.dims().contains(&0) {
        return widen(first).into();
    }
    if let Some(values) = loss.kernel().and_then(|kernel| kernel.values(&first, &targets)) {
        return values.into();
    }
    loss.values(widen(first), widen(targets))
}

/// The number of positive targets, at least 1: the divisor of [`Reduction::Positives`].
pub(crate) fn positives<const D: usize>(targets: Tensor<D>) -> Divisor {
    if targets.dims().contains(&0) {
        return Divisor::Number(1.0);
    }
    let targets = widen(targets).detach();
    let positive = targets.zeros_like().mask_fill(targets.greater_scalar(0.5), 1.0);
    crate::reduction::sum(positive).clamp_min(1.0).into()
}

/// The reduced value of a binary loss.
pub(crate) fn reduce<P: Pointwise, const D: usize>(
    loss: &P,
    reduction: Reduction,
    first: Tensor<D>,
    targets: Tensor<D>,
    weights: Option<Tensor<D>>,
) -> Tensor<1> {
    if !first.dims().contains(&0)
        && let Some(value) = reduced(loss, reduction, &first, &targets, weights.as_ref())
    {
        return value;
    }
    let divisor = (reduction == Reduction::Positives).then(|| positives(targets.clone()));
    reduction.reduce(values(loss, first, targets), weights, divisor)
}

/// The same by the fused engine; `None` where it has no kernel.
fn reduced<P: Pointwise, const D: usize>(
    loss: &P,
    reduction: Reduction,
    first: &Tensor<D>,
    targets: &Tensor<D>,
    weights: Option<&Tensor<D>>,
) -> Option<Tensor<1>> {
    let shape = [1, first.dims()[0]];
    if let Some(kernel) = loss.kernel() {
        return kernel.reduced(reduction, shape, None, first, targets, weights);
    }
    if weights.is_some() || !is_fused(first) || targets.is_tracked() {
        return None;
    }
    let (first, targets) = (widen(first.clone()), widen(targets.clone()));
    let BatchKernel { kernel, factors, count } = loss.kernel_of_batch(&first, &targets)?;
    // Factors are no weights, whose mean it would be.
    let reduction = if reduction == Reduction::WeightedMean { Reduction::Mean } else { reduction };
    let value = kernel.reduced(reduction, shape, count, &first, &targets, factors.as_ref());
    // A second try would count the batch once more.
    Some(value.expect("a kernel for what is in memory"))
}
