//! The softmax over axis 1 of logits that may be infinite.

use crate::engine::any_tensor::AnyTensor;
use crate::engine::custom_backward::custom_backward;
use crate::engine::machine::{self, reads_for_free};
use burn::tensor::{DType, Tensor, activation};
use core::slice::from_ref;

/// The log-softmax. A class with a logit of minus infinity is masked: its result is minus infinity. If a logit is plus infinity,
/// its class has all of the probability.
pub(crate) fn log_softmax<const D: usize>(logits: Tensor<D>) -> Tensor<D> {
    let log_p = activation::log_softmax(finite(logits), 1);
    identity(log_p, |log_p| {
        let is_infinite = log_p.clone().lower_scalar(-0.5 * largest(log_p.dtype()));
        log_p.mask_fill(is_infinite, f64::NEG_INFINITY)
    })
}

/// The log-softmax of rows, by a kernel where there is one.
pub(crate) fn log_softmax_of_rows(logits: Tensor<2>) -> Tensor<2> {
    let rows = AnyTensor::from(&logits);
    if reads_for_free(&logits)
        && let Some(log_p) = machine::run("log_softmax", &rows, |machine| machine.log_softmax(&rows))
    {
        return log_p.into_rank();
    }
    log_softmax(logits)
}

/// The softmax: the exponential of [`log_softmax`].
pub(crate) fn softmax<const D: usize>(logits: Tensor<D>) -> Tensor<D> {
    activation::softmax(finite(logits), 1)
}

/// A number in place of infinity: sums, differences and multiples of it are finite.
fn largest(dtype: DType) -> f64 {
    1e-3 * if dtype == DType::F64 { f64::MAX } else { f64::from(f32::MAX) }
}

/// The logits, with large numbers in place of infinities.
pub(crate) fn finite<const D: usize>(logits: Tensor<D>) -> Tensor<D> {
    let most = largest(logits.dtype());
    identity(logits, |logits| {
        if reads_for_free(&logits) {
            return logits.clamp(-most, most);
        }
        // This is not a clamp, which turns a NaN into a number on some GPUs.
        let (high, low) = (logits.clone().greater_scalar(most), logits.clone().lower_scalar(-most));
        logits.mask_fill(high, most).mask_fill(low, -most)
    })
}

/// Applies a small change to numbers, whose gradient stays that of the unchanged numbers.
fn identity<const D: usize>(numbers: Tensor<D>, change: impl Fn(Tensor<D>) -> Tensor<D>) -> Tensor<D> {
    let tracked = AnyTensor::from(&numbers);
    let changed = AnyTensor::from(change(numbers.clone().without_autodiff()));
    if !tracked.is_tracked() {
        return tracked.lift(changed).into_rank();
    }
    let attached = custom_backward(changed, from_ref(&tracked), |upstream| vec![Some(upstream)]);
    attached.map_or_else(|| change(numbers), AnyTensor::into_rank)
}

#[cfg(feature = "cpu-engine")]
pub(in crate::engine) mod host {
    use super::largest as most;
    use crate::engine::any_tensor::AnyTensor;
    use crate::engine::custom_backward::custom_backward;
    use crate::engine::host::blocks::{BLOCK, par_blocks, par_rows, part};
    use crate::engine::host::memory::{Memory, in_precision, stale, tensor};
    use crate::engine::host::simd::{Float, Sum, each, exponentials, largest, splat, zip};
    use crate::formula::Real;
    use pulp::{Simd, WithSimd};

    /// The log-softmax of each row of `[N, C]`, in the graph of the rows.
    pub(in crate::engine) fn log_softmax(rows: &AnyTensor) -> Option<AnyTensor> {
        if rows.count() == 0 {
            return None;
        }
        in_precision!(rows.dtype(), T => of_rows::<T>(rows))
    }

    fn of_rows<T: Float>(rows: &AnyTensor) -> Option<AnyTensor> {
        let (shape, device) = (rows.shape(), rows.inner_device());
        let classes = shape[1];
        let size = (BLOCK / classes).max(1);
        let memory = Memory::new(rows)?;
        let logits = memory.numbers_of::<T>()?;
        let (mut log_p, mut sums) = (stale::<T>(logits.len()), stale::<T>(2 * shape[0]));
        let outputs = [Some(&mut log_p[..]), Some(&mut sums[..])];
        par_blocks(shape[0], size, outputs, [classes, 2], &|block, outputs| {
            let [log_p, sums] = outputs.map(|output| output.expect("an output"));
            let rows = log_p.chunks_exact_mut(classes).zip(sums.chunks_exact_mut(2));
            for ((log_p, sums), row) in rows.zip(block * size..) {
                T::dispatch(Forward { logits: part(logits, row, 1, classes), log_p, sums });
            }
            0.0
        });
        let known = rows.clone().without_autodiff();
        custom_backward(tensor(log_p, &shape, &device), core::slice::from_ref(rows), move |upstream| {
            let [memory, upstream] = [&known, &upstream].map(|rows| Memory::new(rows).expect("in memory"));
            let [logits, upstream] = [&memory, &upstream].map(|rows| rows.numbers_of::<T>().expect("of this type"));
            let mut gradient = stale::<T>(logits.len());
            par_rows(&mut gradient, classes, size, &|row, gradient| {
                gradient.copy_from_slice(part(upstream, row, 1, classes));
                let (logits, sums) = (part(logits, row, 1, classes), part(&sums, row, 1, 2));
                T::dispatch(Backward { logits, sums, gradient });
            });
            vec![Some(tensor(gradient, &shape, &device))]
        })
    }

    struct Forward<'a, T> {
        logits: &'a [T],
        log_p: &'a mut [T],
        /// The largest logit, and the sum of e^(logit - largest).
        sums: &'a mut [T],
    }

    impl<T: Float> WithSimd for Forward<'_, T> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Self { logits, log_p, sums } = self;
            let largest = largest(simd, logits, T::from_f64(f64::NEG_INFINITY));
            sums.fill(largest);
            if largest.to_f64().is_infinite() {
                return limits(logits, log_p);
            }
            exponentials(simd, Some(logits), largest, log_p);
            let mut sum = Sum::default();
            sum.add(log_p, None);
            sums[1] = T::from_f64(sum.total());
            let largest = splat::<S, T>(simd, largest);
            let log_sum = splat::<S, T>(simd, T::from_f64(sum.total().ln()));
            each(
                simd,
                logits,
                log_p,
                #[inline(always)]
                |logit| (logit - largest) - log_sum,
            );
        }
    }

    /// The log-softmax of logits of which one is plus infinity, or all are minus infinity.
    #[cold]
    #[inline(never)]
    fn limits<T: Float>(logits: &[T], log_p: &mut [T]) {
        let most = most(T::dtype());
        let finite = |logit: &T| logit.to_f64().clamp(-most, most);
        let largest = logits.iter().map(finite).fold(-most, f64::max);
        let sum: f64 = logits.iter().map(|logit| (finite(logit) - largest).exp()).sum();
        for (to, logit) in log_p.iter_mut().zip(logits) {
            let number = finite(logit) - largest - sum.ln();
            *to = T::from_f64(if number < -0.5 * most { f64::NEG_INFINITY } else { number });
        }
    }

    /// Turns the gradient with respect to log-probabilities, in place, into the gradient with respect to the logits.
    struct Backward<'a, T> {
        logits: &'a [T],
        sums: &'a [T],
        gradient: &'a mut [T],
    }

    impl<T: Float> WithSimd for Backward<'_, T> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Self { logits, sums, gradient } = self;
            // What nobody reads has no gradient, whatever the logits are.
            if gradient.iter().all(|slope| slope.to_f64() == 0.0) {
                return;
            }
            let mut total = Sum::default();
            total.add(gradient, None);
            if sums[0].to_f64().is_infinite() {
                let mut log_p = vec![T::default(); logits.len()];
                limits(logits, &mut log_p);
                for (gradient, log_p) in gradient.iter_mut().zip(log_p) {
                    *gradient = T::from_f64(gradient.to_f64() - log_p.to_f64().exp() * total.total());
                }
                return;
            }
            // A log-probability far from 0 has few digits behind the point, so the probabilities do not come from it.
            let largest = splat::<S, T>(simd, sums[0]);
            let factor = splat::<S, T>(simd, T::from_f64(total.total() / sums[1].to_f64()));
            zip(
                simd,
                logits,
                gradient,
                #[inline(always)]
                |logit, gradient| gradient - (logit - largest).exp() * factor,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    /// The log-softmax, and the gradient for an upstream gradient that differs from number to number.
    fn run(rows: &[f64], classes: usize, dtype: DType) -> [Vec<f64>; 2] {
        let device = Device::flex().autodiff();
        let shape = [rows.len() / classes, classes];
        let logits = Tensor::<2>::from_data(TensorData::new(rows.to_vec(), shape), (&device, dtype)).require_grad();
        let factors: Vec<f64> = (0..rows.len()).map(|at| ((at * 7919) % 13) as f64 - 4.0).collect();
        let factors = Tensor::<2>::from_data(TensorData::new(factors, shape), (&device, dtype));
        let log_p = log_softmax_of_rows(logits.clone());
        // A masked class has no slope; an infinity times its factor is not of interest.
        let is_masked = log_p.clone().equal_scalar(f64::NEG_INFINITY);
        let total = (log_p.clone().mask_fill(is_masked, 0.0) * factors).sum();
        let gradient = logits.grad(&total.backward()).expect("a gradient");
        [log_p, Tensor::from_inner(gradient)].map(|tensor| tensor.into_data().iter().collect())
    }

    #[test]
    fn kernels_and_tensor_operations_agree() {
        let (infinite, nan) = (f64::INFINITY, f64::NAN);
        for (dtype, tolerance) in [(DType::F64, 1e-12), (DType::F32, 3e-6)] {
            for classes in [1, 2, 7, 16, 17, 33, 100] {
                let mut rows: Vec<f64> = (0..6 * classes).map(|at| ((at * 31) % 17) as f64 - 8.0).collect();
                rows[classes] = -infinite;
                rows[2 * classes] = infinite;
                rows[3 * classes..4 * classes].fill(-infinite);
                rows[4 * classes] = nan;
                rows[5 * classes] = 1e4;
                let (got, paths) = crate::watched(|| run(&rows, classes, dtype));
                assert_eq!(paths.fused, ["log_softmax"]);
                let expected = crate::with_tensor_operations(|| run(&rows, classes, dtype));
                for (got, expected) in got.iter().zip(&expected) {
                    let is_close = |(a, b): (&f64, &f64)| {
                        a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= tolerance * (1.0 + b.abs())
                    };
                    assert!(got.iter().zip(expected).all(is_close), "{classes} {dtype:?}: {got:?} {expected:?}");
                }
            }
        }
    }
}
