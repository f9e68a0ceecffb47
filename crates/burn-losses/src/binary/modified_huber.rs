//! Modified Huber loss.

use super::{BinaryLoss, signed_margin};
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};

/// Modified Huber loss (Zhang 2004, [doi 10.1214/aos/1079120130](https://doi.org/10.1214/aos/1079120130)): a squared hinge that is
/// linear where an answer is wrong by far.
///
/// # Formula
/// ```text
/// max(0, 1 - z)^2   where z >= -1
/// -4 z              elsewhere
/// ```
/// with z = (2y - 1) x. It is meant for hard labels.
///
/// # When to use
/// For a classifier with a margin where outliers should not dominate: beyond the margin there is no gradient, and far on the
/// wrong side the gradient is constant. [`HingeLoss`](super::HingeLoss) is linear up to the margin, [`RampLoss`](super::RampLoss) has no
/// gradient for outliers, and [`BceLoss`](super::BceLoss) gives calibrated probabilities.
///
/// # Numerics
/// Value and slope are continuous.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{binary::ModifiedHuberLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = ModifiedHuberLossConfig::new().init(&device);
/// let values = loss.forward_no_reduction(
///     Tensor::<1>::from_floats([2.0, 0.5, -1.0, -5.0], &device),
///     Tensor::from_floats([1.0, 1.0, 1.0, 1.0], &device),
/// );
/// assert_eq!(values.into_data().to_vec::<f32>().unwrap(), [0.0, 0.25, 4.0, 20.0]);
/// ```
///
/// # Elsewhere
/// - `sklearn.linear_model.SGDClassifier`: the same with `loss = "modified_huber"`.
#[loss(binary, "modified_huber", "Squared hinge that is linear where an answer is wrong by far")]
pub struct ModifiedHuberLoss {
    config: ModifiedHuberLossConfig,
}

/// Config of [`ModifiedHuberLoss`].
#[loss_config]
pub struct ModifiedHuberLossConfig {}

impl BinaryLoss for ModifiedHuberLoss {}

impl Formula for ModifiedHuberLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, logit: R, target: R) -> R {
        let short = (-signed_margin(logit, target) + 1.0).relu();
        let near = short.clone().minimum(short.lit(2.0));
        near.square() + (short - 2.0).relu() * 4.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Dual;
    use burn::tensor::Device;

    #[test]
    fn value_and_slope_are_continuous_at_both_joints() {
        let loss = ModifiedHuberLossConfig::new().init(&Device::flex());
        let at = |x: f64| {
            let y = loss.eval(Dual::<f64, 1>::variable(x, 0), Dual::constant(1.0));
            [y.value, y.slope[0]]
        };
        for (x, expected) in [(1.0, [0.0, 0.0]), (-1.0, [4.0, -4.0]), (-1e4, [4e4, -4.0])] {
            assert_eq!(at(x), expected, "{x}");
        }
        for x in [1.0, -1.0] {
            let (before, behind) = (at(x - 1e-9), at(x + 1e-9));
            assert!((0..2).all(|i| (before[i] - behind[i]).abs() < 1e-8), "{x}");
        }
    }
}
