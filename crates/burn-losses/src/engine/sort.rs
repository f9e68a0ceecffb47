//! Sorting and running sums that stay on the device.
//!
//! On GPUs Burn 0.22 sorts on the host and adds up in n^2 steps; here both are a few whole-tensor operations per level.

use burn::tensor::{Device, Int, Tensor};

/// The order in which each row falls: `[rows, n]` indices. Equal values come in any order; there must be no NaN.
pub(crate) fn descending(keys: Tensor<2>) -> Tensor<2, Int> {
    if is_cpu(&keys.device()) { keys.argsort_descending(1) } else { bitonic(keys) }
}

/// The running sum along each row.
pub(crate) fn cumulative_sum(values: Tensor<2>) -> Tensor<2> {
    if is_cpu(&values.device()) { values.cumsum(1) } else { doubling_sum(values) }
}

/// Whether Burn sorts where the tensors are. The name is all that a device tells of its kind.
fn is_cpu(device: &Device) -> bool {
    let name = format!("{device:?}");
    name.contains("Flex") || name.contains("NdArray")
}

/// Batcher's bitonic network: log2(n) (log2(n) + 1) / 2 rounds in which every element meets one other.
fn bitonic(keys: Tensor<2>) -> Tensor<2, Int> {
    let [rows, n] = keys.dims();
    let size = n.next_power_of_two();
    let device = keys.device();
    let mut order = Tensor::<1, Int>::arange(0..size as i64, &device).unsqueeze::<2>().expand([rows, size]);
    // What fills the rows up comes last.
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
            // Every other stretch of `length` elements rises, so that two of them make a bitonic row.
            let stretch = Tensor::<1, Int>::arange(0..pairs as i64, &device).mul_scalar((2 * distance) as i64);
            let rises = stretch.div_scalar(length as i64).remainder_scalar(2).equal_elem(1);
            let rises = rises.reshape([1, pairs, 1, 1]).expand(half);

            let pair = keys.reshape(shape);
            let (a, b) = (pair.clone().narrow(2, 0, 1), pair.narrow(2, 1, 1));
            let swap = a.clone().lower(b.clone()).not_equal(rises);
            let (first, second) = (a.clone().mask_where(swap.clone(), b.clone()), b.mask_where(swap.clone(), a));
            keys = Tensor::cat(vec![first, second], 2).reshape([rows, size]);

            let pair = order.reshape(shape);
            let (a, b) = (pair.clone().narrow(2, 0, 1), pair.narrow(2, 1, 1));
            let (first, second) = (a.clone().mask_where(swap.clone(), b.clone()), b.mask_where(swap, a));
            order = Tensor::cat(vec![first, second], 2).reshape([rows, size]);
            distance /= 2;
        }
        length *= 2;
    }
    order.narrow(1, 0, n)
}

/// log2(n) rounds, each adding what lies twice as far back (Hillis and Steele).
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

#[cfg(test)]
mod tests {
    use super::*;

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
    fn doubling_adds_up() {
        let device = Device::flex();
        for n in [1, 2, 3, 7, 64, 100] {
            let values = Tensor::<1>::from_floats(numbers(n).as_slice(), &device).reshape([2, n]);
            let list = |sums: Tensor<2>| sums.into_data().iter::<f32>().collect::<Vec<_>>();
            assert_eq!(list(doubling_sum(values.clone())), list(cumulative_sum(values)));
        }
    }
}
