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
    let finite = numbers.clone().mask_where(is_infinite.clone(), numbers.clone().sign() * LARGEST);
    let [infinite, nan] = [is_infinite, numbers.is_nan()].map(|which| samples_with(which, targets.dims()));
    let is_nan = constant.clone().into_rank::<T>().is_nan().bool_or(nan);
    let samples = infinite.bool_and(is_nan.bool_not());
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

/// Which samples have such a logit, in the shape of the targets.
fn samples_with<const D: usize, const T: usize>(logits: Tensor<D, Bool>, shape: [usize; T]) -> Tensor<T, Bool> {
    let (samples, count) = (shape[0], logits.shape().num_elements());
    let of_samples = logits.reshape([samples, count / samples]).any_dim(1);
    of_samples.reshape(per_sample(shape)).expand(shape)
}

/// The slopes of targets, with infinities where they are infinite in the limit. `samples` have an infinite logit, and no NaN.
fn limits<const T: usize>(slopes: AnyTensor, samples: &Tensor<T, Bool>) -> AnyTensor {
    let slopes: Tensor<T> = slopes.into_rank();
    // Mining gives a value that it does not keep the slope 0. Times a slope that overflows, that is NaN.
    let slopes = slopes.clone().mask_fill(slopes.is_nan().bool_and(samples.clone()), 0.0);
    let [high, low] = [slopes.clone().greater_scalar(INFINITE), slopes.clone().lower_scalar(-INFINITE)]
        .map(|is_large| is_large.bool_and(samples.clone()));
    slopes.mask_fill(high, f64::INFINITY).mask_fill(low, f64::NEG_INFINITY).into()
}

#[cfg(test)]
mod tests {
    use crate::reduction::Reduction;
    use crate::regression::MseLossConfig;
    use burn::tensor::{Device, Tensor};

    /// The slope of a target that is NaN is no limit.
    #[test]
    fn a_nan_beside_an_infinity_stays_nan() {
        let device = Device::flex().autodiff();
        let predictions = Tensor::<2>::from_floats([[f32::INFINITY, 1.0]], &device);
        let targets = Tensor::<2>::from_floats([[0.0, f32::NAN]], &device).require_grad();
        let loss = MseLossConfig::new().with_reduction(Reduction::Sum).init(&device);
        let slopes = loss.forward(predictions, targets.clone()).backward();
        let slopes = targets.grad(&slopes).expect("a gradient").into_data().iter::<f32>().collect::<Vec<_>>();
        assert!(slopes[0] == f32::NEG_INFINITY && slopes[1].is_nan(), "{slopes:?}");
    }
}
