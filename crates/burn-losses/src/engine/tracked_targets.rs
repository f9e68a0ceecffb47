//! Targets that need a gradient.

use super::any_tensor::AnyTensor;
use super::custom_backward::custom_backward;
use super::held;
use crate::check::{per_sample, widen};
use crate::reduction::Unreduced;
use burn::tensor::{Bool, Tensor};

/// The number in place of an infinite logit where targets are differentiated: the products of formulas are then finite, and where
/// the slope of a target has a finite limit, it has that limit here.
const LARGEST: f64 = 1e30;

/// A larger slope of a target beside an infinite logit is infinite in the limit.
const INFINITE: f64 = 1e12;

/// The values of `values`, a function of logits and targets with equally many samples on axis 0, none of which is empty.
///
/// In the graph of the targets alone, the logits are finite. A backward pass would multiply an infinite logit by a slope of 0,
/// which is no number.
pub(super) fn values<const D: usize, const T: usize, const V: usize>(
    logits: Tensor<D>,
    targets: Tensor<T>,
    values: impl Fn(Tensor<D>, Tensor<T>) -> Unreduced<V>,
) -> Unreduced<V> {
    if !targets.is_tracked() {
        return values(logits, targets);
    }
    let (logits, targets) = (widen(logits), widen(targets));
    let (of_logits, of_targets) = (AnyTensor::from(&logits), AnyTensor::from(&targets));
    let constant = of_targets.clone().without_autodiff();
    let numbers: Tensor<D> = of_logits.clone().without_autodiff().into_rank();
    let is_infinite = numbers.clone().is_inf();
    let finite = numbers.clone().mask_where(is_infinite.clone(), numbers.sign() * LARGEST);
    let samples = infinite_samples(is_infinite, targets.dims());
    let Some(attached) = custom_backward(constant.clone(), core::slice::from_ref(&of_targets), move |slopes| {
        vec![Some(limits(slopes, &samples))]
    }) else {
        return values(logits, targets);
    };
    // A loss with a state takes one step.
    let through_targets = held(|| values(of_logits.lift(finite.into()).into_rank(), attached.into_rank::<T>())).values;
    let Unreduced { values: through_logits, normalizer } = values(logits, of_targets.lift(constant).into_rank());
    let parents = [AnyTensor::from(&through_logits), AnyTensor::from(through_targets)];
    let both = custom_backward(parents[0].clone().without_autodiff(), &parents, |upstream| {
        vec![Some(upstream.clone()), Some(upstream)]
    });
    Unreduced { values: both.map_or(through_logits, AnyTensor::into_rank), normalizer }
}

/// Which samples have an infinite logit, in the shape of the targets.
fn infinite_samples<const D: usize, const T: usize>(
    is_infinite: Tensor<D, Bool>,
    shape: [usize; T],
) -> Tensor<T, Bool> {
    let (samples, count) = (shape[0], is_infinite.shape().num_elements());
    let of_samples = is_infinite.reshape([samples, count / samples]).any_dim(1);
    of_samples.reshape(per_sample(shape)).expand(shape)
}

/// The slopes of targets, with infinities where they are infinite in the limit.
fn limits<const T: usize>(slopes: AnyTensor, samples: &Tensor<T, Bool>) -> AnyTensor {
    let slopes: Tensor<T> = slopes.into_rank();
    // A value that is not kept has a slope of 0, even where the slope of its formula is infinite.
    let slopes = slopes.clone().mask_fill(slopes.is_nan().bool_and(samples.clone()), 0.0);
    let [high, low] = [slopes.clone().greater_scalar(INFINITE), slopes.clone().lower_scalar(-INFINITE)]
        .map(|is_large| is_large.bool_and(samples.clone()));
    slopes.mask_fill(high, f64::INFINITY).mask_fill(low, f64::NEG_INFINITY).into()
}
