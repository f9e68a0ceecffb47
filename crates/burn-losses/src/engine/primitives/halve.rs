//! Images of half the size.

use crate::engine::any_tensor::AnyTensor;
use crate::engine::machine;
use burn::tensor::Tensor;

/// The means of pairs along axis 1 of `[outer, side, inner]`, with at least one pair: `[outer, side / 2, inner]`. The last entry of
/// an odd side has no partner, and is left out.
pub(crate) fn halve(numbers: Tensor<3>) -> Tensor<3> {
    let any = AnyTensor::from(&numbers);
    if machine::reads_for_free(any.clone())
        && let Some(means) = machine::run("halve", &any, |machine| machine.halve(&any))
    {
        return means.into_rank();
    }
    let [outer, side, inner] = numbers.dims();
    let pairs = numbers.narrow(1, 0, side / 2 * 2).reshape([outer * (side / 2), 2, inner]);
    pairs.sum_dim(1).reshape([outer, side / 2, inner]) * 0.5
}

#[cfg(feature = "cpu-engine")]
pub(in crate::engine) mod host {
    use crate::engine::any_tensor::AnyTensor;
    use crate::engine::custom_backward::custom_backward;
    use crate::engine::host::blocks::{BLOCK, par_rows};
    use crate::engine::host::memory::{Memory, in_precision, stale, tensor};
    use crate::engine::host::simd::{Float, vectorized};
    use core::slice::from_ref;

    /// The means of pairs along axis 1, in the graph of the numbers.
    pub(in crate::engine) fn halve(numbers: &AnyTensor) -> Option<AnyTensor> {
        in_precision!(numbers.dtype(), T => halve_in::<T>(numbers))
    }

    fn halve_in<T: Float>(parent: &AnyTensor) -> Option<AnyTensor> {
        let (shape, device) = (parent.shape(), parent.inner_device());
        let (outer, side, inner) = (shape[0], shape[1], shape[2]);
        let (of_whole, of_half) = (side * inner, side / 2 * inner);
        let memory = Memory::new(parent)?;
        let numbers = memory.numbers_of::<T>()?;
        let mut means = stale::<T>(outer * of_half);
        par_rows(&mut means, of_half, (BLOCK / of_half).max(1), &|row, means| {
            let numbers = &numbers[row * of_whole..][..of_whole];
            vectorized(
                #[inline(always)]
                || match inner {
                    1 => means_of_pairs(numbers, means, 1),
                    _ => means_of_pairs(numbers, means, inner),
                },
            );
        });
        custom_backward(tensor(means, &[outer, side / 2, inner], &device), from_ref(parent), move |upstream| {
            let memory = Memory::new(&upstream).expect("a gradient is where its tensor is");
            let slopes = memory.numbers_of::<T>().expect("of the type of the value");
            let mut gradient = stale::<T>(outer * of_whole);
            par_rows(&mut gradient, of_whole, (BLOCK / of_whole).max(1), &|row, gradient| {
                let slopes = &slopes[row * of_half..][..of_half];
                gradient[2 * of_half..].fill(T::default());
                vectorized(
                    #[inline(always)]
                    || match inner {
                        1 => halves_in_pairs(slopes, gradient, 1),
                        _ => halves_in_pairs(slopes, gradient, inner),
                    },
                );
            });
            vec![Some(tensor(gradient, &[outer, side, inner], &device))]
        })
    }

    /// The means of pairs of `inner` numbers. It is compiled for neighbors, which are pairs of one number, by themselves.
    #[inline(always)]
    fn means_of_pairs<T: Float>(numbers: &[T], means: &mut [T], inner: usize) {
        let half = T::from_f64(0.5);
        for (means, pair) in means.chunks_exact_mut(inner).zip(numbers.chunks_exact(2 * inner)) {
            let (first, second) = pair.split_at(inner);
            for ((mean, first), second) in means.iter_mut().zip(first).zip(second) {
                *mean = (*first + *second) * half;
            }
        }
    }

    /// Writes half of each number to both numbers of its pair.
    #[inline(always)]
    fn halves_in_pairs<T: Float>(numbers: &[T], pairs: &mut [T], inner: usize) {
        let half = T::from_f64(0.5);
        for (pair, numbers) in pairs.chunks_exact_mut(2 * inner).zip(numbers.chunks_exact(inner)) {
            let (first, second) = pair.split_at_mut(inner);
            for ((first, second), number) in first.iter_mut().zip(second).zip(numbers) {
                *first = *number * half;
                *second = *first;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{DType, Device, TensorData};

    #[test]
    fn the_kernel_gives_what_tensor_operations_give() {
        let device = Device::flex().autodiff();
        for shape in [[1, 2, 1], [3, 7, 1], [2, 12, 33], [5, 33, 7], [4, 2, 3], [70, 300, 1]] {
            for (dtype, is_transposed) in [(DType::F32, false), (DType::F32, true), (DType::F64, false)] {
                let count = shape.iter().product();
                let numbers: Vec<f64> = (0..count).map(|i| (i * 37 % 97) as f64 / 97.0).collect();
                let [outer, side, inner] = shape;
                let layout = if is_transposed { [inner, side, outer] } else { shape };
                let leaf = Tensor::<3>::from_data(TensorData::new(numbers, layout), (&device, dtype));
                let leaf = if is_transposed { leaf.swap_dims(0, 2) } else { leaf }.require_grad();
                let run = || {
                    let means = halve(leaf.clone());
                    let gradient = leaf.grad(&means.clone().square().sum().backward()).expect("a gradient");
                    [means, gradient].map(|numbers| (numbers.dims(), numbers.into_data().iter::<f64>().collect()))
                };
                let (fused, paths) = crate::watched(run);
                assert_eq!(paths.fused, ["halve"]);
                let plain: [([usize; 3], Vec<f64>); 2] = crate::with_tensor_operations(run);
                // The mean of two numbers is rounded once, in either way.
                assert_eq!(fused, plain, "{shape:?}");
            }
        }
    }
}
