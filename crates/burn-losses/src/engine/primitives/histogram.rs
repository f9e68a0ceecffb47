//! Histograms of numbers in [0, 1], and the entry that belongs to each number's bin.

use super::valid::selected;
use crate::engine::any_tensor::AnyTensor;
use crate::engine::machine::{self, has_kernels};
use crate::reduction::sum;
use burn::tensor::{Bool, Int, Tensor};

/// How many of the numbers are in each of the bins of equal size: `[bins]`, a constant. A NaN and a masked number are in none.
pub(crate) fn histogram(numbers: Tensor<1>, mask: Option<&Tensor<1, Bool>>, bins: usize) -> Tensor<1> {
    if let Some(mask) = mask.filter(|_| has_kernels(&numbers)) {
        let nothing = Tensor::zeros([bins], (&numbers.device(), numbers.dtype()));
        return selected(numbers, mask).map_or(nothing, |numbers| histogram(numbers, None, bins));
    }
    let any = AnyTensor::from(&numbers);
    if mask.is_none()
        && let Some(counts) = machine::run("histogram", &any, |machine| machine.histogram(&any, bins))
    {
        return any.lift(counts).into_rank();
    }
    let bin = bin_of(&numbers, bins, -1);
    let bin = match mask {
        None => bin,
        Some(mask) => bin.mask_fill(mask.clone().bool_not(), -1),
    };
    let counts = (0..bins as i64).map(|b| sum(numbers.zeros_like().mask_fill(bin.clone().equal_elem(b), 1.0)));
    Tensor::cat(counts.collect(), 0)
}

/// For each number the entry of its bin, from entries `[bins]`: a constant. A NaN has the first entry.
pub(crate) fn lookup(numbers: Tensor<1>, entries: Tensor<1>) -> Tensor<1> {
    let (any, of) = (AnyTensor::from(&numbers), AnyTensor::from(&entries));
    if let Some(found) = machine::run("lookup", &any, |machine| machine.lookup(&any, &of)) {
        return any.lift(found).into_rank();
    }
    let bin = bin_of(&numbers, entries.dims()[0], 0);
    entries.select(0, bin)
}

/// The bin of each number, and `of_nan` for a NaN, which has no integer on a GPU.
fn bin_of(numbers: &Tensor<1>, bins: usize, of_nan: i64) -> Tensor<1, Int> {
    let number = numbers.clone().mask_fill(numbers.clone().is_nan(), of_nan as f64);
    (number * bins as f64).int().clamp(of_nan, bins as i64 - 1)
}

#[cfg(feature = "cpu-engine")]
pub(in crate::engine) mod host {
    use crate::engine::any_tensor::AnyTensor;
    use crate::engine::host::blocks::{BLOCK, par_rows, part};
    use crate::engine::host::memory::{Memory, Pooled, in_precision, stale, tensor};
    use crate::engine::host::simd::Float;
    use rayon::prelude::*;

    /// The bin of a number in [0, 1]; for a NaN it is the first one.
    fn bin<T: Float>(number: T, bins: usize) -> usize {
        ((number.to_f64() * bins as f64) as usize).min(bins - 1)
    }

    /// How many of the numbers are in each bin: `[bins]`.
    pub(in crate::engine) fn histogram(numbers: &AnyTensor, bins: usize) -> Option<AnyTensor> {
        let (device, memory) = (numbers.inner_device(), Memory::new(numbers)?);
        in_precision!(numbers.dtype(), T => {
            let counts = counts_of(memory.numbers_of::<T>()?, bins);
            Some(tensor(counts.into_iter().map(T::from_f64).collect::<Vec<T>>(), &[bins], &device))
        })
    }

    fn counts_of<T: Float>(numbers: &[T], bins: usize) -> Vec<f64> {
        let of_block = |numbers: &[T]| {
            let (mut counts, mut nans) = (vec![0u64; bins], 0);
            for number in numbers {
                counts[bin(*number, bins)] += 1;
                nans += u64::from(number.to_f64().is_nan());
            }
            counts[0] -= nans;
            counts
        };
        let add = |a: Vec<u64>, b: Vec<u64>| a.into_iter().zip(b).map(|(a, b)| a + b).collect();
        let counts = numbers.par_chunks(BLOCK).map(of_block).reduce(|| vec![0; bins], add);
        counts.into_iter().map(|count| count as f64).collect()
    }

    /// For each number the entry of its bin.
    pub(in crate::engine) fn lookup(numbers: &AnyTensor, entries: &AnyTensor) -> Option<AnyTensor> {
        let (device, memory, of) = (numbers.inner_device(), Memory::new(numbers)?, Memory::new(entries)?);
        in_precision!(numbers.dtype(), T => {
            Some(tensor(entries_of(memory.numbers_of::<T>()?, of.numbers_of::<T>()?), &numbers.shape(), &device))
        })
    }

    fn entries_of<T: Float>(numbers: &[T], entries: &[T]) -> Pooled<T> {
        let mut of_numbers = stale::<T>(numbers.len());
        par_rows(&mut of_numbers, BLOCK, 1, &|block, of_numbers| {
            for (entry, number) in of_numbers.iter_mut().zip(part(numbers, block, BLOCK, 1)) {
                *entry = entries[bin(*number, entries.len())];
            }
        });
        of_numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    #[test]
    fn what_is_masked_or_nan_is_in_no_bin() {
        let device = Device::flex();
        let numbers = || Tensor::<1>::from_floats([0.1, 0.1, 0.9, f32::NAN, 0.6], &device);
        let counts = |mask: [bool; 5]| {
            let mask = Tensor::from_data(TensorData::from(mask), &device);
            let run = || histogram(numbers(), Some(&mask), 2).into_data().iter::<f32>().collect::<Vec<_>>();
            let fused = run();
            assert_eq!(crate::with_tensor_operations(run), fused);
            fused
        };
        assert_eq!(counts([true, false, true, false, true]), [1.0, 2.0]);
        assert_eq!(counts([true; 5]), [2.0, 2.0]);
        assert_eq!(counts([false; 5]), [0.0, 0.0]);
        let run = || histogram(numbers(), None, 2).into_data().iter::<f32>().collect::<Vec<_>>();
        assert_eq!([run(), crate::with_tensor_operations(run)], [[2.0, 2.0], [2.0, 2.0]]);
    }
}
