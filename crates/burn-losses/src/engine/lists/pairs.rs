//! The pairs inside a list.

use super::{Items, Lists, in_parts};
use crate::engine::any_tensor::AnyTensor;
use crate::engine::machine::{self, has_kernels};
use crate::engine::outlined::Outlined;
use crate::engine::pointwise::{self, PointKernel};
use crate::formula::{Formula, Real};
use crate::reduction::row_sums;
use burn::tensor::Tensor;

/// A loss of the pairs inside a list: a formula of the difference s_i - s_j of two scores and of the weight of the pair (i, j).
pub trait PairFormula: Formula {
    /// The numbers of an item that the weights of its pairs are computed from, each `[N, L]`. The scores of the items are constants
    /// here.
    fn constants(&self, items: &Items) -> Vec<Tensor<2>> {
        vec![items.relevance.clone()]
    }

    /// The weight of the pair (i, j), from the [`constants`](Self::constants) of both items; 0 where there is no pair. It is also
    /// called for an item and itself. By default it is 1 where the first constant of i, its relevance, is above that of j.
    fn weight<R: Real>(&self, first: &[R], second: &[R]) -> R {
        let one = first[0].lit(1.0);
        where_more_relevant(first, second, one)
    }

    /// Whether the value of a list is the mean over its pairs; otherwise it is their sum.
    fn is_mean(&self) -> bool {
        true
    }
}

/// This weight where the first constant of item i is above that of item j; 0 for other pairs.
pub(crate) fn where_more_relevant<R: Real>(first: &[R], second: &[R], weight: R) -> R {
    let nothing = weight.lit(0.0);
    R::select(&first[0].gt(&second[0]), weight, nothing)
}

/// The weights of a row of pairs, on the host.
pub(crate) trait Weigh: Sync {
    /// Writes the weight of the item with the constants `first` and each of `items`, whose constants are side by side.
    fn weigh(&self, first: &[f64], items: &[f64], weights: &mut [f64]);
}

impl<F: PairFormula> Weigh for F {
    fn weigh(&self, first: &[f64], items: &[f64], weights: &mut [f64]) {
        for (weight, second) in weights.iter_mut().zip(items.chunks_exact(first.len())) {
            *weight = self.weight(first, second);
        }
    }
}

/// A call of the executor: the value of each list is wanted.
pub(crate) struct Call<'a> {
    pub(crate) kernel: &'a PointKernel,
    pub(crate) weights: &'a dyn Weigh,
    /// `[N, L]`
    pub(crate) scores: AnyTensor,
    /// `[N, L]` each, in the type of the scores.
    pub(crate) constants: Vec<AnyTensor>,
    /// `[N, L]`: 1 where there is an item, 0 elsewhere.
    pub(crate) valid: AnyTensor,
    pub(crate) is_mean: bool,
}

impl<F: PairFormula> Lists for F {
    fn values(&self, items: Items) -> Tensor<1> {
        if let Some(values) = by_kernel(self, &items) {
            return values;
        }
        let formula = self.clone();
        in_parts(items, move |items| of_pairs(&formula, items))
    }
}

/// The values without memory for all pairs; `None` if there is no such kernel for the scores.
fn by_kernel(formula: &impl PairFormula, items: &Items) -> Option<Tensor<1>> {
    if !has_kernels(&items.scores) {
        return None;
    }
    let call = Call {
        kernel: &PointKernel::new(formula),
        weights: formula,
        scores: AnyTensor::from(&items.scores),
        constants: formula.constants(&items.constant()).into_iter().map(AnyTensor::from).collect(),
        valid: items.valid_numbers().into(),
        is_mean: formula.is_mean(),
    };
    machine::run("lists", &call.scores, |machine| machine.lists(&call)).map(AnyTensor::into_rank)
}

/// The values as tensor operations around the kernel of the formula, if it has one.
pub(super) fn of_pairs(formula: &impl PairFormula, items: Items) -> Tensor<1> {
    let [count, length, _] = items.shape();
    let shape = [count, length * length];
    let weights = weights(formula, &items.constant()).reshape(shape);
    let no_pair = weights.clone().equal_scalar(0.0);
    let differences = items.differences().reshape(shape).mask_fill(no_pair.clone(), 0.0);
    let values = pointwise::of_formula(formula, differences, weights);
    let total = row_sums(values).squeeze_dim::<1>(1);
    if !formula.is_mean() {
        return total;
    }
    let pairs = no_pair.bool_not().int().sum_dim(1).squeeze_dim::<1>(1).clamp_min(1);
    let dtype = total.dtype();
    total / pairs.float().cast(dtype)
}

/// The `[N, L, L]` weights of the pairs (i, j), 0 where there is no pair.
fn weights(formula: &impl PairFormula, items: &Items) -> Tensor<3> {
    let constants = formula.constants(items);
    let of = |of_pair: &dyn Fn(Tensor<2>) -> Tensor<3>| -> Vec<Outlined> {
        constants.iter().map(|numbers| Outlined::new(of_pair(numbers.clone()))).collect()
    };
    let first = of(&|numbers| items.of_first(numbers));
    let second = of(&|numbers| items.of_second(numbers));
    let weights = formula.weight(&first, &second).0.reshape(items.shape());
    weights.mask_fill(items.both_valid().bool_not(), 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{DType, Device, TensorData};

    /// A value that depends on both scores and on the weight, which depends on the ranks.
    #[derive(Debug, Clone)]
    struct Squares {
        is_mean: bool,
    }

    impl Formula for Squares {
        #[inline(always)]
        fn eval<R: Real>(&self, difference: R, weight: R) -> R {
            (difference + 0.25).square() * weight
        }
    }

    impl PairFormula for Squares {
        fn constants(&self, items: &Items) -> Vec<Tensor<2>> {
            vec![items.relevance.clone(), items.ranks(items.scores.clone())]
        }
        fn weight<R: Real>(&self, first: &[R], second: &[R]) -> R {
            where_more_relevant(first, second, first[1].clone() / second[1].clone())
        }
        fn is_mean(&self) -> bool {
            self.is_mean
        }
    }

    fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
        tensor.into_data().iter().collect()
    }

    /// The values, and the gradient of their sum where each value has another factor.
    fn run(items: &Items, values: impl Fn(Items) -> Tensor<1>) -> (Vec<f64>, Vec<f64>) {
        let scores = items.scores.clone().require_grad();
        let values = values(Items { scores: scores.clone(), ..items.clone() });
        let factors = Tensor::arange(1..values.dims()[0] as i64 + 1, &values.device()).float().cast(values.dtype());
        let gradient = scores.grad(&(values.clone() * factors).sum().backward()).expect("a gradient");
        (numbers(values), numbers(gradient))
    }

    /// Lists with ties, of which every third item is missing.
    fn items([count, length]: [usize; 2], dtype: DType) -> Items {
        let device = Device::flex().autodiff();
        let row = |salt: usize, ties: usize| -> Vec<f64> {
            (0..count * length).map(|at| ((at * 7919 + salt) % ties) as f64 * 1e-2).collect()
        };
        let tensor = |row: Vec<f64>| Tensor::<2>::from_data(TensorData::new(row, [count, length]), (&device, dtype));
        let valid = tensor(row(3, 3)).greater_scalar(0.0).without_autodiff();
        Items { scores: tensor(row(1, 101)), relevance: tensor(row(2, 5)).without_autodiff(), valid }
    }

    /// The kernel, all pairs at once, and some lists at a time have the same values and gradients.
    #[test]
    fn kernels_and_tensor_operations_agree() {
        for (dtype, tolerance) in [(DType::F64, 1e-12), (DType::F32, 1e-5)] {
            for shape in [[1, 1], [3, 2], [40, 33], [3, 1200]] {
                for is_mean in [true, false] {
                    let (formula, items) = (Squares { is_mean }, items(shape, dtype));
                    let (got, paths) = crate::watched(|| run(&items, |items| formula.values(items)));
                    assert!(paths.fused.contains(&"lists") && paths.tensor.is_empty(), "{paths:?}");
                    let parts = crate::with_tensor_operations(|| run(&items, |items| formula.values(items)));
                    let all = crate::with_tensor_operations(|| run(&items, |items| of_pairs(&formula, items)));
                    for other in [parts, all] {
                        for (got, other) in [(&got.0, &other.0), (&got.1, &other.1)] {
                            let most = other.iter().fold(1e-3, |most: f64, number| most.max(number.abs()));
                            let is_close = |(a, b): (&f64, &f64)| (a - b).abs() <= tolerance * most;
                            assert!(got.iter().zip(other).all(is_close), "{shape:?} {dtype:?}: {got:?} {other:?}");
                        }
                    }
                }
            }
        }
    }
}
