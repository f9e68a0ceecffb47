//! The softmax over axis 1 of logits that may be infinite.

use crate::engine::any_tensor::AnyTensor;
use crate::engine::custom_backward::custom_backward;
use crate::engine::machine::reads_for_free;
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
