//! Sorting and running sums that stay on the device.
//!
//! On GPUs Burn 0.22 sorts on the host, and computes running sums in n^2 steps. Here both are a few whole-tensor operations per
//! level.

use crate::engine::any_tensor::AnyTensor;
use crate::engine::machine::{self, reads_for_free};
use crate::formula::Real;
use burn::tensor::{IndexingUpdateOp, Int, Tensor, TensorData};
use core::cmp::Ordering;

/// The rank and the marks of an element in its row, sorted in descending order.
#[derive(Debug, Clone)]
pub(crate) struct Ranked<R> {
    /// The rank, from 1 on.
    pub(crate) rank: R,
    /// The mark of the element: 1 or 0.
    pub(crate) mark: R,
    /// The sum of the marks up to this element.
    pub(crate) found: R,
    /// The sum of all marks of the row.
    pub(crate) total: R,
}

/// A formula of an element's rank, and of the marks before it.
pub(crate) trait RankFormula: Send + Sync {
    fn eval<R: Real>(&self, ranked: Ranked<R>) -> R;
}

/// A call of the primitive: `[rows, n]` keys, which are sorted with the largest first; marks of 1 and 0; and a formula of each
/// element.
pub(crate) struct Call<'a> {
    pub(crate) keys: AnyTensor,
    pub(crate) marks: AnyTensor,
    pub(crate) formula: &'a dyn InDoubles,
}

/// A [`RankFormula`] in double precision.
pub(crate) trait InDoubles: Send + Sync {
    fn at(&self, ranked: Ranked<f64>) -> f64;
}

impl<F: RankFormula> InDoubles for F {
    fn at(&self, ranked: Ranked<f64>) -> f64 {
        self.eval(ranked)
    }
}

/// The value of the formula for each element of `[rows, n]` keys, a constant. Equal keys keep their order; there must be no NaN.
pub(crate) fn of_ranks(formula: &impl RankFormula, keys: Tensor<2>, marks: Tensor<2>) -> Tensor<2> {
    let call = Call { keys: (&keys).into(), marks: (&marks).into(), formula };
    if let Some(values) = machine::run("of_ranks", &call.keys, |machine| machine.of_ranks(&call)) {
        return call.keys.lift(values).into_rank();
    }
    let [rows, n] = keys.dims();
    let order = descending(keys);
    let mark = marks.gather(1, order.clone());
    let total = mark.clone().sum_dim(1).expand([rows, n]);
    let found = cumulative_sum(mark.clone());
    let rank = Tensor::<1, Int>::arange(1..n as i64 + 1, &found.device()).float().cast(found.dtype());
    let rank = rank.unsqueeze::<2>().expand([rows, n]);
    let values = formula.eval(Ranked { rank, mark, found, total });
    values.zeros_like().scatter(1, order, values, IndexingUpdateOp::Add)
}

/// The order that sorts each row with the largest key first: `[rows, n]` indices. Equal keys keep their order; there must be no
/// NaN.
fn descending(keys: Tensor<2>) -> Tensor<2, Int> {
    if reads_for_free(&keys) { stable(keys) } else { bitonic(keys) }
}

/// Sorts on the host: Burn's own sorting may swap equal keys.
fn stable(keys: Tensor<2>) -> Tensor<2, Int> {
    let (shape @ [_, n], device) = (keys.dims(), keys.device());
    let numbers: Vec<f64> = keys.into_data().iter().collect();
    let mut order = Vec::with_capacity(numbers.len());
    for row in numbers.chunks(n.max(1)) {
        let start = order.len();
        order.extend(0..n as i64);
        order[start..].sort_by(|a, b| row[*b as usize].partial_cmp(&row[*a as usize]).unwrap_or(Ordering::Equal));
    }
    Tensor::from_data(TensorData::new(order, shape), &device)
}

/// The running sum along each row.
fn cumulative_sum(values: Tensor<2>) -> Tensor<2> {
    if reads_for_free(&values) { values.cumsum(1) } else { doubling_sum(values) }
}

/// Batcher's bitonic network: log2(n) (log2(n) + 1) / 2 rounds, in each of which every element is compared with one other.
fn bitonic(keys: Tensor<2>) -> Tensor<2, Int> {
    let [rows, n] = keys.dims();
    let size = n.next_power_of_two();
    let device = keys.device();
    let mut order = Tensor::<1, Int>::arange(0..size as i64, &device).unsqueeze::<2>().expand([rows, size]);
    // The padding of the rows comes last.
    let mut keys = match size - n {
        0 => keys,
        missing => {
            let least = Tensor::full([rows, missing], f32::MIN as f64, (&device, keys.dtype()));
            Tensor::cat(vec![keys, least], 1)
        }
    };
    let mut length = 2;
    while length <= size {
        let mut distance = length / 2;
        while distance >= 1 {
            let pairs = size / (2 * distance);
            let shape = [rows, pairs, 2, distance];
            let half = [rows, pairs, 1, distance];
            // Every other stretch of `length` elements is ascending, so that two neighboring stretches make a bitonic row.
            let stretch = Tensor::<1, Int>::arange(0..pairs as i64, &device).mul_scalar((2 * distance) as i64);
            let rises = stretch.div_scalar(length as i64).remainder_scalar(2).equal_elem(1);
            let rises = rises.reshape([1, pairs, 1, 1]).expand(half);

            let pair = keys.reshape(shape);
            let (a, b) = (pair.clone().narrow(2, 0, 1), pair.narrow(2, 1, 1));
            let pair = order.reshape(shape);
            let (place_of_a, place_of_b) = (pair.clone().narrow(2, 0, 1), pair.narrow(2, 1, 1));
            // At ties, the places decide.
            let is_later = a.clone().equal(b.clone()).bool_and(place_of_a.clone().greater(place_of_b.clone()));
            let swap = a.clone().lower(b.clone()).bool_or(is_later).not_equal(rises);
            let (first, second) = (a.clone().mask_where(swap.clone(), b.clone()), b.mask_where(swap.clone(), a));
            keys = Tensor::cat(vec![first, second], 2).reshape([rows, size]);

            let (a, b) = (place_of_a, place_of_b);
            let (first, second) = (a.clone().mask_where(swap.clone(), b.clone()), b.mask_where(swap, a));
            order = Tensor::cat(vec![first, second], 2).reshape([rows, size]);
            distance /= 2;
        }
        length *= 2;
    }
    order.narrow(1, 0, n)
}

/// The running sum in log2(n) rounds (Hillis and Steele); each adds the sums twice as far back as the round before.
fn doubling_sum(values: Tensor<2>) -> Tensor<2> {
    let [rows, n] = values.dims();
    let mut sums = values;
    let mut distance = 1;
    while distance < n {
        let zeros = Tensor::zeros([rows, distance], (&sums.device(), sums.dtype()));
        sums = sums.clone() + Tensor::cat(vec![zeros, sums], 1).narrow(1, 0, n);
        distance *= 2;
    }
    sums
}

#[cfg(feature = "cpu-engine")]
pub(in crate::engine) mod host {
    use super::{Call, InDoubles, Ranked};
    use crate::engine::any_tensor::AnyTensor;
    use crate::engine::host::memory::{Memory, in_precision, tensor};
    use crate::engine::host::simd::Float;

    pub(in crate::engine) fn of_ranks(call: &Call<'_>) -> Option<AnyTensor> {
        in_precision!(call.keys.dtype(), T => run_in::<T>(call))
    }

    fn run_in<T: Float>(call: &Call<'_>) -> Option<AnyTensor> {
        let (shape, device) = (call.keys.shape(), call.keys.inner_device());
        let (keys, marks) = (Memory::new(&call.keys)?, Memory::new(&call.marks)?);
        let values = values::<T>(call.formula, keys.numbers_of()?, marks.numbers_of()?, shape[1]);
        Some(tensor(values, &shape, &device))
    }

    fn values<T: Float>(formula: &dyn InDoubles, keys: &[T], marks: &[T], width: usize) -> Vec<T> {
        let mut values = vec![T::default(); keys.len()];
        for ((keys, marks), values) in keys.chunks(width).zip(marks.chunks(width)).zip(values.chunks_mut(width)) {
            // -0 and 0 become the same key.
            let mut order: Vec<(T, u32)> = keys.iter().map(|key| *key + T::default()).zip(0..).collect();
            T::sort_descending(&mut order);
            let total = marks.iter().map(|mark| mark.to_f64()).sum();
            let mut found = 0.0;
            for (rank, (_, place)) in (1..).zip(order) {
                let mark = marks[place as usize].to_f64();
                found += mark;
                let value = formula.at(Ranked { rank: f64::from(rank), mark, found, total });
                values[place as usize] = T::from_f64(value);
            }
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn numbers(n: usize) -> Vec<f32> {
        (0..2 * n).map(|i| ((i * 7919 + 13) % 1009) as f32).collect()
    }

    fn sorted(keys: &Tensor<2>, order: Tensor<2, Int>) -> Vec<f32> {
        keys.clone().gather(1, order).into_data().iter().collect()
    }

    #[test]
    fn the_network_sorts_any_length() {
        let device = Device::flex();
        for n in [1, 2, 3, 5, 8, 31, 100, 257] {
            let keys = Tensor::<1>::from_floats(numbers(n).as_slice(), &device).reshape([2, n]);
            assert_eq!(sorted(&keys, bitonic(keys.clone())), sorted(&keys, descending(keys.clone())), "{n}");
            let mut order: Vec<i64> = bitonic(keys).narrow(0, 0, 1).into_data().iter().collect();
            order.sort_unstable();
            assert_eq!(order, (0..n as i64).collect::<Vec<_>>());
        }
    }

    #[test]
    fn of_equal_keys_the_first_comes_first() {
        let device = Device::flex();
        for n in [1, 2, 7, 64, 300] {
            let keys: Vec<f32> = (0..n).map(|i| [0.5, -0.0, 0.0, 1.0][i * 7 % 4]).collect();
            let mut expected: Vec<i64> = (0..n as i64).collect();
            expected.sort_by(|a, b| keys[*b as usize].partial_cmp(&keys[*a as usize]).expect("no NaN"));
            let keys = Tensor::<1>::from_floats(keys.as_slice(), &device).reshape([1, n]);
            for order in [bitonic(keys.clone()), stable(keys)] {
                assert_eq!(order.into_data().iter::<i64>().collect::<Vec<_>>(), expected, "{n}");
            }
        }
    }

    #[test]
    fn doubling_adds_up() {
        let device = Device::flex();
        for n in [1, 2, 3, 7, 64, 100] {
            let values = Tensor::<1>::from_floats(numbers(n).as_slice(), &device).reshape([2, n]);
            let list = |sums: Tensor<2>| sums.into_data().iter::<f32>().collect::<Vec<_>>();
            assert_eq!(list(doubling_sum(values.clone())), list(cumulative_sum(values)));
        }
    }
}
