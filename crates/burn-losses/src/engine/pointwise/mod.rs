//! The executor of pairs of numbers: two tensors of one shape in, the same shape out.

#[cfg(feature = "cube")]
pub(super) mod cube;
#[cfg(feature = "cpu-engine")]
pub(super) mod host;

use super::any_tensor::AnyTensor;
use super::curved::{Curved, Part, Sum};
use super::machine::{self, has_kernels};
use super::{outlined, tracked_targets, with_zero_gradient, without_weightless};
use crate::check::{Reference, widen};
use crate::error::InputError;
use crate::formula::Formula;
use crate::formula::inlined::{expect_inlined, note};
use crate::options::FOREGROUND;
use crate::reduction::{Divisor, Extras, Reduction, ShapedExtras, Unreduced, cleaned};
use burn::tensor::kind::Basic;
use burn::tensor::{Bool, Tensor, TensorData};
use std::sync::Arc;

/// How a loss of the families `regression` and `binary` computes its values.
///
/// Every [`Formula`] is one. Losses that need the whole batch implement it themselves. Whatever axes the inputs have, they are
/// passed as `[N, C, rest]`, with axes of length 1 if there are fewer: so the code is compiled once, not for each number of axes.
pub trait Pointwise: Sized {
    /// The unreduced values, of inputs `[N, C, rest]` in single or double precision.
    ///
    /// Where a mask is false both inputs are 0, and the values are dropped afterwards: only losses that need the whole batch have
    /// to look at the mask.
    fn values(&self, first: Tensor<3>, targets: Tensor<3>, mask: Option<&Tensor<3, Bool>>) -> Unreduced<3>;

    /// The formula of every single value, for the fused engine; `None` if there is none, as for values that depend on the whole
    /// batch.
    fn kernel(&self) -> Option<PointKernel> {
        None
    }

    /// The formula for values that depend on the whole batch, but only through constants. It is called once for each reduced
    /// value, with inputs in single or double precision, if a kernel can run and nothing is masked.
    #[doc(hidden)]
    fn kernel_of_batch(&self, first: &Tensor<3>, targets: &Tensor<3>) -> Option<BatchKernel> {
        let _ = (first, targets);
        None
    }

    /// The formulas of which the values are made, for second derivatives; `None` if there are none. By default they are those of
    /// [`kernel`](Self::kernel) and of `kernel_of_batch`. It is called with inputs without a graph, which are 0 where the mask is
    /// false.
    #[doc(hidden)]
    fn parts(&self, first: &Tensor<3>, targets: &Tensor<3>, mask: Option<&Tensor<3, Bool>>) -> Option<Vec<Part>> {
        match self.kernel() {
            Some(kernel) => Some(vec![Part::new(&kernel)]),
            None => Some(vec![part_of_batch(self, first, targets, mask)?]),
        }
    }

    /// Checks the shape of the inputs, beyond being the same; the error says what it must be.
    fn accepts(&self, shape: &[usize]) -> Result<(), String> {
        let _ = shape;
        Ok(())
    }
}

impl<F: Formula> Pointwise for F {
    fn values(&self, first: Tensor<3>, targets: Tensor<3>, _: Option<&Tensor<3, Bool>>) -> Unreduced<3> {
        with_zero_gradient(outlined::eval(self, first.clone(), targets), first).into()
    }

    fn kernel(&self) -> Option<PointKernel> {
        Some(PointKernel::new(self))
    }
}

/// The part that [`Pointwise::kernel_of_batch`] gives for the values that are not masked.
fn part_of_batch(
    loss: &impl Pointwise,
    first: &Tensor<3>,
    targets: &Tensor<3>,
    mask: Option<&Tensor<3, Bool>>,
) -> Option<Part> {
    let Some(mask) = mask else {
        let BatchKernel { kernel, factors, .. } = loss.kernel_of_batch(first, targets)?;
        let part = Part::new(&kernel);
        return Some(factors.map_or(part.clone(), |factors| part.with_factors(&numbers(factors))));
    };
    let valid: Vec<bool> = mask.clone().into_data().iter::<bool>().collect();
    let mut chosen: Vec<usize> = (0..valid.len()).filter(|at| valid[*at]).collect();
    if chosen.is_empty() {
        chosen.push(0);
    }
    let compact = |tensor: &Tensor<3>| {
        let all = numbers(tensor.clone());
        let kept: Vec<f64> = chosen.iter().map(|at| all[*at]).collect();
        Tensor::<3>::from_data(TensorData::new(kept, [chosen.len(), 1, 1]), (&tensor.device(), tensor.dtype()))
    };
    let BatchKernel { kernel, factors, .. } = loss.kernel_of_batch(&compact(first), &compact(targets))?;
    let part = Part::new(&kernel);
    let Some(factors) = factors else { return Some(part) };
    let mut all = vec![0.0; valid.len()];
    for (at, factor) in chosen.into_iter().zip(numbers(factors)) {
        all[at] = factor;
    }
    Some(part.with_factors(&all))
}

/// The numbers of a tensor, read back to the host.
pub(crate) fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

/// The kernel of one batch, with its constants.
pub struct BatchKernel {
    pub(crate) kernel: PointKernel,
    /// The factor of each value: a tensor without a gradient.
    pub(crate) factors: Option<Tensor<3>>,
    /// What a mean divides by; `None`: the number of values.
    pub(crate) count: Option<Divisor>,
}

/// A tensor with any number of axes, reshaped to `[N, C, rest]`.
pub(crate) fn as_three_axes<const D: usize, K: Basic>(tensor: Tensor<D, K>) -> Tensor<3, K> {
    let dims = tensor.dims();
    let axis = |axis| dims.get(axis).copied().unwrap_or(1);
    tensor.reshape([axis(0), axis(1), dims.iter().skip(2).product()])
}

/// A [`Formula`] as the machines of the fused engine run it.
pub struct PointKernel {
    /// The formula with its second derivative.
    pub(super) curved: Arc<dyn Curved>,
    #[cfg(feature = "cpu-engine")]
    pub(super) host: Box<dyn host::Kernels>,
    #[cfg(feature = "cube")]
    pub(super) record: Arc<dyn cube::Record>,
}

/// A call of the executor: pairs of numbers, and the results that are wanted of them.
pub(crate) struct Call<'a> {
    pub(crate) kernel: &'a PointKernel,
    pub(crate) first: AnyTensor,
    pub(crate) targets: AnyTensor,
    pub(crate) wanted: Wanted<'a>,
}

/// The results that are wanted of the values.
pub(crate) enum Wanted<'a> {
    /// All values, in the shape of the inputs.
    Values,
    /// The sum of each row, for inputs `[rows, columns]`.
    RowSums,
    /// One number, the reduced value.
    Reduced(&'a Reduce),
}

/// How values are reduced to one number.
pub(crate) struct Reduce {
    pub(crate) reduction: Reduction,
    /// The number of entries that belong to a value: 1, or the length of a row.
    pub(crate) width: usize,
    pub(crate) samples: usize,
    /// The weights: one per value, or one per sample.
    pub(crate) weights: Option<AnyTensor>,
}

impl PointKernel {
    /// The kernel of a formula.
    pub fn new(formula: &impl Formula) -> Self {
        expect_inlined(formula, |formula, x| {
            let y = formula.eval(x, x);
            note();
            y
        });
        Self {
            curved: Arc::new(formula.clone()),
            #[cfg(feature = "cpu-engine")]
            host: Box::new(formula.clone()),
            #[cfg(feature = "cube")]
            record: Arc::new(formula.clone()),
        }
    }

    /// The kernel of a sum of formulas, each times its weight; `None` if one of them has none.
    pub(crate) fn weighted_sum(terms: impl Iterator<Item = (f64, Option<Self>)>) -> Option<Self> {
        let terms: Vec<(f64, Self)> = terms.map(|(weight, kernel)| Some((weight, kernel?))).collect::<Option<_>>()?;
        Some(Self {
            curved: Arc::new(Sum(terms.iter().map(|(weight, kernel)| (*weight, kernel.curved.clone())).collect())),
            #[cfg(feature = "cube")]
            record: Arc::new(cube::WeightedSum::new(&terms)),
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

/// Checks the arguments of a loss; every forward method does this first.
pub(crate) fn check<P: Pointwise, const D: usize>(
    loss: &P,
    first: Reference<'_, D>,
    targets: &Tensor<D>,
    extras: &Extras,
) -> Result<(), InputError> {
    first.same("targets", targets)?;
    let shape = first.tensor.dims();
    loss.accepts(&shape).map_err(|expected| first.shape_error(first.name, &shape, expected))?;
    first.extras(&shape, extras)
}

/// The values of a formula.
pub(crate) fn of_formula<const D: usize>(formula: &impl Formula, first: Tensor<D>, targets: Tensor<D>) -> Tensor<D> {
    let values = PointKernel::new(formula).values(&first, &targets);
    values.unwrap_or_else(|| outlined::eval(formula, first, targets))
}

/// The unreduced values, computed in at least single precision; a masked value is 0 and does not count.
pub(crate) fn values<P: Pointwise, const D: usize>(
    loss: &P,
    first: Tensor<D>,
    targets: Tensor<D>,
    mask: Option<&Tensor<D, Bool>>,
) -> Unreduced<D> {
    let shape = first.dims();
    if shape.contains(&0) {
        return widen(first).into();
    }
    let (first, targets) = (cleaned(first, mask), cleaned(targets, mask));
    if let Some(values) = loss.kernel().and_then(|kernel| kernel.values(&first, &targets)) {
        return Unreduced::from(values).masked(mask);
    }
    let of_axes = mask.cloned().map(as_three_axes);
    let (first, targets) = (as_three_axes(widen(first)), as_three_axes(widen(targets)));
    let of_axes = of_axes.as_ref();
    let Unreduced { values, normalizer } =
        tracked_targets::values(first, targets, |first, targets| loss.values(first, targets, of_axes));
    Unreduced { values: values.reshape(shape), normalizer: normalizer.map(|normalizer| normalizer.reshape(shape)) }
        .masked(mask)
}

/// The unreduced values, with the weights, the mask and the divisor in `extras` applied.
pub(crate) fn unreduced<P: Pointwise, const D: usize>(
    loss: &P,
    first: Tensor<D>,
    targets: Tensor<D>,
    extras: Extras,
) -> Unreduced<D> {
    let extras = extras.for_shape(first.dims());
    let [first, targets] = [first, targets].map(|numbers| without_weightless(numbers, &extras));
    let values = values(loss, first, targets, extras.mask.as_ref());
    extras.apply(values)
}

/// Which targets are positive: their number is the divisor of [`Reduction::Positives`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Positives {
    /// Those greater than a number.
    Above(f64),
    /// Those that are at least a number.
    From(f64),
}

impl Default for Positives {
    fn default() -> Self {
        Self::Above(FOREGROUND)
    }
}

impl Positives {
    /// Which targets are positive, by a comparison in the type of the targets.
    pub(crate) fn is_positive<const D: usize>(self, targets: Tensor<D>) -> Tensor<D, Bool> {
        match self {
            Self::Above(number) => targets.greater_scalar(number),
            Self::From(number) => targets.lower_scalar(number).bool_not(),
        }
    }
}

/// The number of positive targets, at least 1: the divisor of [`Reduction::Positives`].
fn count_positives<const D: usize>(which: Positives, targets: Tensor<D>) -> Divisor {
    if targets.dims().contains(&0) {
        return Divisor::Number(1.0);
    }
    let targets = widen(targets).detach();
    let positive = targets.zeros_like().mask_fill(which.is_positive(targets), 1.0);
    crate::reduction::sum(positive).clamp_min(1.0).into()
}

/// The reduced value of a loss.
pub(crate) fn reduce<P: Pointwise, const D: usize>(
    loss: &P,
    reduction: Reduction,
    first: Tensor<D>,
    targets: Tensor<D>,
    extras: Extras,
) -> Tensor<1> {
    reduce_by(loss, (reduction, Positives::default()), first, targets, extras)
}

/// The reduced value of a loss that says which targets are positive.
pub(crate) fn reduce_by<P: Pointwise, const D: usize>(
    loss: &P,
    (reduction, which): (Reduction, Positives),
    first: Tensor<D>,
    targets: Tensor<D>,
    extras: Extras,
) -> Tensor<1> {
    let mut extras = extras.for_shape(first.dims());
    let counts = reduction == Reduction::Positives && extras.divisor.is_none();
    let count = |mask: Option<&Tensor<D, Bool>>| Some(count_positives(which, cleaned(targets.clone(), mask)));
    // Kernels count the usual positives by themselves.
    if counts && which != Positives::default() {
        extras.divisor = count(extras.mask.as_ref());
    }
    if !first.dims().contains(&0)
        && let Some(value) = reduced(loss, reduction, &first, &targets, &extras)
    {
        return value;
    }
    if counts && which == Positives::default() {
        extras.divisor = count(extras.mask.as_ref());
    }
    let [first, targets] = [first, targets].map(|numbers| without_weightless(numbers, &extras));
    let values = values(loss, first, targets, extras.mask.as_ref());
    extras.reduce(reduction, values)
}

/// The reduced value by the fused engine; `None` if it has no kernel, or if something is masked.
fn reduced<P: Pointwise, const D: usize>(
    loss: &P,
    reduction: Reduction,
    first: &Tensor<D>,
    targets: &Tensor<D>,
    extras: &ShapedExtras<D>,
) -> Option<Tensor<1>> {
    let (samples, (reduction, divisor)) = (first.dims()[0], extras.in_kernel(reduction)?);
    if let Some(kernel) = loss.kernel() {
        let weights = extras.weights.as_ref().map(AnyTensor::from);
        let reduce = Reduce { reduction, width: 1, samples, weights };
        return Some(Divisor::divide_by(divisor, kernel.reduced(&reduce, first, targets)?));
    }
    if extras.weights.is_some() || !has_kernels(first) || targets.is_tracked() {
        return None;
    }
    let [first, targets] = [first, targets].map(|tensor| as_three_axes(widen(tensor.clone())));
    let BatchKernel { kernel, factors, count } = loss.kernel_of_batch(&first, &targets)?;
    let (reduction, divisor) = match (reduction, count) {
        (Reduction::Mean | Reduction::WeightedMean, Some(count)) => (Reduction::Sum, Some(count)),
        // For the kernel, factors are weights: a weighted mean would divide by their sum.
        (Reduction::WeightedMean, None) => (Reduction::Mean, divisor),
        (reduction, _) => (reduction, divisor),
    };
    let weights = factors.as_ref().map(AnyTensor::from);
    let reduce = Reduce { reduction, width: 1, samples, weights };
    // No fallback is possible from here on: it would count the batch a second time.
    let total = kernel.reduced(&reduce, &first, &targets).expect("a kernel for what is in memory");
    Some(Divisor::divide_by(divisor, total))
}
