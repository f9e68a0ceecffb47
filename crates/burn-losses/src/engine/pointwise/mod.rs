//! Two tensors of one shape in, the same shape out.

#[cfg(feature = "cube")]
pub(super) mod cube;
#[cfg(feature = "cpu-engine")]
pub(super) mod host;

use super::any_tensor::AnyTensor;
use super::keep_graph;
use super::machine::{self, has_kernels};
use crate::check::{Reference, widen};
use crate::error::{InputError, InputProblem};
use crate::formula::Formula;
use crate::reduction::{Divisor, Reduction, Unreduced};
use burn::tensor::Tensor;

/// How a loss of the families `regression` and `binary` computes its values.
///
/// Every [`Formula`] is one. Losses that look at the whole batch implement it themselves. Whatever the axes of the inputs, they come here
/// as `[N, C, rest]`, with axes of 1 where there are fewer: what is here is compiled once, not for each number of axes.
pub trait Pointwise: Sized {
    /// The unreduced values, of inputs `[N, C, rest]` in single or double precision.
    fn values(&self, first: Tensor<3>, targets: Tensor<3>) -> Unreduced<3>;

    /// The formula of every single value, where there is one, for the fused engine; values that depend on the whole batch have none.
    fn kernel(&self) -> Option<PointKernel> {
        None
    }

    /// The same where values depend on the whole batch, through constants alone: called once for each reduced value, with inputs in
    /// single or double precision, and where a kernel can run.
    #[doc(hidden)]
    fn kernel_of_batch(&self, first: &Tensor<3>, targets: &Tensor<3>) -> Option<BatchKernel> {
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
    fn values(&self, first: Tensor<3>, targets: Tensor<3>) -> Unreduced<3> {
        keep_graph(self.eval(first.clone(), targets), first).into()
    }

    fn kernel(&self) -> Option<PointKernel> {
        Some(PointKernel::new(self))
    }
}

/// What the fused engine runs for one batch.
pub struct BatchKernel {
    pub(crate) kernel: PointKernel,
    /// What each value is multiplied by: no tensor with a gradient.
    pub(crate) factors: Option<Tensor<3>>,
    /// What a mean divides by, where not all values count.
    pub(crate) normalizer: Option<f64>,
}

/// Any number of axes as `[N, C, rest]`.
fn as_three_axes<const D: usize>(tensor: Tensor<D>) -> Tensor<3> {
    let dims = tensor.dims();
    let axis = |axis| dims.get(axis).copied().unwrap_or(1);
    tensor.reshape([axis(0), axis(1), dims.iter().skip(2).product()])
}

/// A [`Formula`] as the machines of the fused engine run it.
pub struct PointKernel {
    #[cfg(feature = "cpu-engine")]
    pub(super) host: Box<dyn host::Kernels>,
    #[cfg(feature = "cube")]
    pub(super) record: std::sync::Arc<dyn cube::Record>,
}

/// A call of the executor: pairs of numbers, and what is wanted of their values.
pub(crate) struct Call<'a> {
    pub(crate) kernel: &'a PointKernel,
    pub(crate) first: AnyTensor,
    pub(crate) targets: AnyTensor,
    pub(crate) wanted: Wanted<'a>,
}

/// What is wanted of the values.
pub(crate) enum Wanted<'a> {
    /// All of them, in the shape of the inputs.
    Values,
    /// The sum of each row, of inputs `[rows, columns]`.
    RowSums,
    /// One number.
    Reduced(&'a Reduce),
}

/// How values become one.
pub(crate) struct Reduce {
    pub(crate) reduction: Reduction,
    /// How many entries of the inputs make a value: 1, or all of a row.
    pub(crate) width: usize,
    pub(crate) samples: usize,
    /// What a mean divides by, where not all values count.
    pub(crate) normalizer: Option<f64>,
    /// One per value, or one per sample.
    pub(crate) weights: Option<AnyTensor>,
}

impl PointKernel {
    /// The kernel of a formula.
    pub fn new(formula: &impl Formula) -> Self {
        let _ = formula;
        Self {
            #[cfg(feature = "cpu-engine")]
            host: Box::new(formula.clone()),
            #[cfg(feature = "cube")]
            record: std::sync::Arc::new(formula.clone()),
        }
    }

    /// The kernel of a sum of formulas, each times its weight; `None` if one of them has none.
    pub(crate) fn weighted_sum(terms: impl Iterator<Item = (f64, Option<Self>)>) -> Option<Self> {
        let terms: Vec<(f64, Self)> = terms.map(|(weight, kernel)| Some((weight, kernel?))).collect::<Option<_>>()?;
        let _ = &terms;
        Some(Self {
            #[cfg(feature = "cube")]
            record: std::sync::Arc::new(cube::WeightedSum::new(&terms)),
            #[cfg(feature = "cpu-engine")]
            host: Box::new(host::WeightedSum(terms)),
        })
    }

    fn run(&self, first: AnyTensor, targets: AnyTensor, wanted: Wanted<'_>) -> Option<AnyTensor> {
        let call = Call { kernel: self, first, targets, wanted };
        machine::run("pointwise", &call.first, |machine| machine.pointwise(&call))
    }

    pub(crate) fn values<const D: usize>(&self, first: &Tensor<D>, targets: &Tensor<D>) -> Option<Tensor<D>> {
        self.run(first.into(), targets.into(), Wanted::Values).map(AnyTensor::into_rank)
    }

    /// The sum of each row.
    pub(crate) fn row_sums(&self, first: &Tensor<2>, targets: &Tensor<2>) -> Option<Tensor<1>> {
        self.run(first.into(), targets.into(), Wanted::RowSums).map(AnyTensor::into_rank)
    }

    /// The reduced value.
    pub(crate) fn reduced<const D: usize>(
        &self,
        reduce: &Reduce,
        first: &Tensor<D>,
        targets: &Tensor<D>,
    ) -> Option<Tensor<1>> {
        self.run(first.into(), targets.into(), Wanted::Reduced(reduce)).map(AnyTensor::into_rank)
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
pub(crate) fn of_formula(formula: &impl Formula, first: Tensor<3>, targets: Tensor<3>) -> Tensor<3> {
    let values = PointKernel::new(formula).values(&first, &targets);
    values.unwrap_or_else(|| formula.eval(first, targets))
}

/// The unreduced values, computed in at least single precision.
pub(crate) fn values<P: Pointwise, const D: usize>(loss: &P, first: Tensor<D>, targets: Tensor<D>) -> Unreduced<D> {
    let shape = first.dims();
    if shape.contains(&0) {
        return widen(first).into();
    }
    if let Some(values) = loss.kernel().and_then(|kernel| kernel.values(&first, &targets)) {
        return values.into();
    }
    let Unreduced { values, mass } = loss.values(as_three_axes(widen(first)), as_three_axes(widen(targets)));
    Unreduced { values: values.reshape(shape), mass: mass.map(|mass| mass.reshape(shape)) }
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
    let samples = first.dims()[0];
    if let Some(kernel) = loss.kernel() {
        let weights = weights.map(AnyTensor::from);
        let reduce = Reduce { reduction, width: 1, samples, normalizer: None, weights };
        return kernel.reduced(&reduce, first, targets);
    }
    if weights.is_some() || !has_kernels(first) || targets.is_tracked() {
        return None;
    }
    let [first, targets] = [first, targets].map(|tensor| as_three_axes(widen(tensor.clone())));
    let BatchKernel { kernel, factors, normalizer } = loss.kernel_of_batch(&first, &targets)?;
    // Factors are no weights, whose mean it would be.
    let reduction = if reduction == Reduction::WeightedMean { Reduction::Mean } else { reduction };
    let weights = factors.as_ref().map(AnyTensor::from);
    let reduce = Reduce { reduction, width: 1, samples, normalizer, weights };
    // A second try would count the batch once more.
    Some(kernel.reduced(&reduce, &first, &targets).expect("a kernel for what is in memory"))
}
