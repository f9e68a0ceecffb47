//! The executor of vectors: the few numbers of a prediction and of its target in, one value out.

#[cfg(feature = "cube")]
pub(super) mod cube;
#[cfg(feature = "cpu-engine")]
pub(super) mod host;

use super::any_tensor::AnyTensor;
use super::outlined::Outlined;
use super::rows::valid_rows;
use super::{machine, without_weightless};
use crate::check::widen;
use crate::formula::inlined::{expect_inlined, note};
use crate::formula::safe::{finite, quotient};
use crate::formula::{Real, VectorFormula};
use crate::reduction::{Divisor, Extras, Reduction, ShapedExtras, Unreduced, cleaned, count_true, sum};
use burn::tensor::{Bool, Tensor};

/// A loss of vectors: predictions `[N, K]` and targets `[N, TARGETS]`.
pub(crate) trait Vectors {
    /// The formula of every single value, for the fused engine; `None` if there is none.
    fn kernel(&self) -> Option<VectorKernel>;

    /// The factors of the kernel's values, for a loss that depends on the rest of the batch only through them: constants, on a
    /// device without autodiff.
    fn factors(&self, predictions: &Tensor<2>, targets: &Tensor<2>) -> Option<Factors> {
        let _ = (predictions, targets);
        None
    }

    /// Whether the gradient of a value flows to other rows too.
    fn mixes_rows(&self) -> bool {
        false
    }

    /// Whether [`select`](Self::select) drops any values.
    fn selects(&self) -> bool {
        false
    }

    /// Selects the values that are kept, out of the valid ones: all of them, unless the loss mines hard examples.
    fn select(&self, values: Unreduced<1>) -> Unreduced<1> {
        values
    }

    /// The `[N]` values as tensor operations, of inputs in single or double precision; N is not 0.
    fn values(&self, predictions: Tensor<2>, targets: Tensor<2>, mask: Option<&Tensor<1, Bool>>) -> Tensor<1>;
}

/// Factors of the values of a batch.
pub struct Factors {
    pub(crate) of_each: Tensor<1>,
    /// Whether the factors are divided by their mean; if the mean is 0, they become 0.
    pub(crate) over_mean: bool,
}

impl Factors {
    /// The factors, one for each value; a masked value has no part in the mean.
    pub(crate) fn numbers(self, mask: Option<&Tensor<1, Bool>>) -> Tensor<1> {
        let Self { of_each, over_mean } = self;
        if !over_mean {
            return of_each;
        }
        let (shape, total) = (of_each.dims(), sum(cleaned(of_each.clone(), mask)));
        let mean = match mask {
            None => total * (1.0 / shape[0] as f64),
            Some(mask) => count_true(mask).divide(total),
        };
        of_each * quotient(mean.ones_like(), mean, LEAST_MEAN).expand(shape)
    }
}

/// A mean of the factors below this number counts as 0.
const LEAST_MEAN: f64 = 1e-18;

/// A [`VectorFormula`] as the machines of the fused engine run it.
pub struct VectorKernel {
    #[cfg(feature = "cpu-engine")]
    host: Box<dyn host::Kernels>,
    #[cfg(feature = "cube")]
    pub(super) record: Box<dyn cube::Record>,
}

/// A call of the executor: rows, and the results that are wanted of them.
pub(crate) struct Call<'a> {
    pub(crate) kernel: &'a VectorKernel,
    pub(crate) predictions: AnyTensor,
    pub(crate) targets: AnyTensor,
    /// How the values are reduced to one number; `None` if all values are wanted.
    pub(crate) reduction: Option<Reduction>,
    pub(crate) weights: Option<AnyTensor>,
}

impl VectorKernel {
    /// The kernel of a formula.
    pub fn new<const K: usize, const TARGETS: usize>(formula: &impl VectorFormula<K, TARGETS>) -> Self {
        expect_inlined(formula, |formula, x| {
            let (prediction, target) = formula.linear([x; K], [x; TARGETS]);
            let y = formula.eval(prediction, target);
            note();
            y
        });
        Self {
            #[cfg(feature = "cpu-engine")]
            host: Box::new(host::Compiled::<_, K, TARGETS, true>(formula.clone())),
            #[cfg(feature = "cube")]
            record: Box::new(cube::Recorded::<_, K, TARGETS, true>(formula.clone())),
        }
    }

    /// The kernel of a formula whose gradient is never needed.
    pub(crate) fn of_values<const K: usize, const TARGETS: usize>(formula: &impl VectorFormula<K, TARGETS>) -> Self {
        let _ = formula;
        Self {
            #[cfg(feature = "cpu-engine")]
            host: Box::new(host::Compiled::<_, K, TARGETS, false>(formula.clone())),
            #[cfg(feature = "cube")]
            record: Box::new(cube::Recorded::<_, K, TARGETS, false>(formula.clone())),
        }
    }

    fn run(
        &self,
        predictions: &Tensor<2>,
        targets: &Tensor<2>,
        reduction: Option<Reduction>,
        weights: Option<&Tensor<1>>,
    ) -> Option<Tensor<1>> {
        let (predictions, targets) = (predictions.into(), targets.into());
        let call = Call { kernel: self, predictions, targets, reduction, weights: weights.map(AnyTensor::from) };
        machine::run("vectors", &call.predictions, |machine| machine.vectors(&call)).map(AnyTensor::into_rank)
    }
}

/// The `K` columns of a tensor.
pub(crate) fn columns<const K: usize>(rows: Tensor<2>) -> [Tensor<1>; K] {
    core::array::from_fn(|column| rows.clone().narrow(1, column, 1).squeeze_dim(1))
}

/// The arguments of a formula, none of which is an infinite coordinate.
#[inline(always)]
fn arguments<R: Real, const K: usize, const TARGETS: usize>(
    formula: &impl VectorFormula<K, TARGETS>,
    prediction: [R; K],
    target: [R; TARGETS],
) -> ([R; K], [R; TARGETS]) {
    let (mut prediction, mut target) = formula.linear(prediction, target);
    for numbers in [&mut prediction[..], &mut target[..]] {
        for coordinate in numbers.iter_mut().take(formula.coordinates()) {
            *coordinate = finite(coordinate.clone());
        }
    }
    (prediction, target)
}

/// The values of a formula as tensor operations.
pub(crate) fn of_formula<const K: usize, const TARGETS: usize>(
    formula: &impl VectorFormula<K, TARGETS>,
    predictions: Tensor<2>,
    targets: Tensor<2>,
) -> Tensor<1> {
    let (predictions, targets) = (columns(predictions).map(Outlined), columns(targets).map(Outlined));
    let (prediction, target) = arguments(formula, predictions, targets);
    formula.eval(prediction, target).0
}

/// The values of a formula as constants, on a device without autodiff.
pub(crate) fn constants<const K: usize, const TARGETS: usize>(
    formula: &impl VectorFormula<K, TARGETS>,
    predictions: &Tensor<2>,
    targets: &Tensor<2>,
) -> Tensor<1> {
    // A tensor that is only detached still counts as tracked.
    let (predictions, targets) = (predictions.clone().without_autodiff(), targets.clone().without_autodiff());
    let values = VectorKernel::of_values(formula).run(&predictions, &targets, None, None);
    values.unwrap_or_else(|| of_formula(formula, widen(predictions), widen(targets)))
}

/// The factors of a loss, if it has any, on the device of the predictions.
fn factors_of(loss: &impl Vectors, predictions: &Tensor<2>, targets: &Tensor<2>) -> Option<Factors> {
    let Factors { of_each, over_mean } = loss.factors(predictions, targets)?;
    Some(Factors { of_each: AnyTensor::from(predictions).lift(of_each.into()).into_rank(), over_mean })
}

/// The unreduced values, computed in at least single precision; a value that is masked or not selected is 0 and does not count.
pub(crate) fn values(
    loss: &impl Vectors,
    predictions: Tensor<2>,
    targets: Tensor<2>,
    mask: Option<&Tensor<1, Bool>>,
) -> Unreduced<1> {
    if predictions.dims()[0] == 0 {
        return widen(predictions).reshape([0]).into();
    }
    let (predictions, targets) = (valid_rows(predictions, mask), valid_rows(targets, mask));
    let values = match loss.kernel().and_then(|kernel| kernel.run(&predictions, &targets, None, None)) {
        None => loss.values(widen(predictions), widen(targets), mask),
        Some(values) => match factors_of(loss, &predictions, &targets) {
            None => values,
            Some(factors) => values * factors.numbers(mask),
        },
    };
    loss.select(Unreduced::from(values).masked(mask))
}

/// The unreduced values, with the weights, the mask and the divisor in `extras` applied.
pub(crate) fn unreduced(
    loss: &impl Vectors,
    predictions: Tensor<2>,
    targets: Tensor<2>,
    extras: Extras,
) -> Unreduced<1> {
    let extras = extras.for_shape([predictions.dims()[0]]);
    let [predictions, targets] = of_own_weight(loss, [predictions, targets], &extras);
    let values = values(loss, predictions, targets, extras.mask.as_ref());
    extras.apply(values)
}

/// The reduced value of the batch.
pub(crate) fn reduce(
    loss: &impl Vectors,
    reduction: Reduction,
    predictions: Tensor<2>,
    targets: Tensor<2>,
    extras: Extras,
) -> Tensor<1> {
    let extras = extras.for_shape([predictions.dims()[0]]);
    reduce_shaped(loss, reduction, predictions, targets, extras)
}

/// The reduced value of the batch, with extras that have an entry for each row.
pub(crate) fn reduce_shaped(
    loss: &impl Vectors,
    reduction: Reduction,
    predictions: Tensor<2>,
    targets: Tensor<2>,
    extras: ShapedExtras<1>,
) -> Tensor<1> {
    if let Some(value) = reduced(loss, reduction, &predictions, &targets, &extras) {
        return value;
    }
    let [predictions, targets] = of_own_weight(loss, [predictions, targets], &extras);
    let values = values(loss, predictions, targets, extras.mask.as_ref());
    extras.reduce(reduction, values)
}

/// The same rows, but without a gradient where the weight is 0, if the gradient of a row is that of its own value.
fn of_own_weight(loss: &impl Vectors, rows: [Tensor<2>; 2], extras: &ShapedExtras<1>) -> [Tensor<2>; 2] {
    if loss.mixes_rows() { rows } else { rows.map(|rows| without_weightless(rows, extras)) }
}

/// The reduced value by the fused engine; `None` if it has no kernel, if something is masked, or if values are selected.
fn reduced(
    loss: &impl Vectors,
    reduction: Reduction,
    predictions: &Tensor<2>,
    targets: &Tensor<2>,
    extras: &ShapedExtras<1>,
) -> Option<Tensor<1>> {
    if predictions.dims()[0] == 0 || loss.selects() {
        return None;
    }
    let (kernel, (reduction, divisor)) = (loss.kernel()?, extras.in_kernel(reduction)?);
    let run = |reduction, weights| {
        let value = kernel.run(predictions, targets, Some(reduction), weights)?;
        Some(Divisor::divide_by(divisor, value))
    };
    let Some(Factors { of_each, over_mean }) = factors_of(loss, predictions, targets) else {
        return run(reduction, extras.weights.as_ref());
    };
    let reduction = match (over_mean, reduction) {
        // Factors are not weights: a weighted mean would divide by their sum.
        (false, Reduction::WeightedMean) => Reduction::Mean,
        (false, reduction) => reduction,
        (true, Reduction::Sum) => return None,
        (true, _) => Reduction::WeightedMean,
    };
    if extras.weights.is_some() { None } else { run(reduction, Some(&of_each)) }
}
