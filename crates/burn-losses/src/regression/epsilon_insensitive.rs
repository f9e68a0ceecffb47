//! Epsilon-insensitive loss.

use super::RegressionLoss;
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};

/// The epsilon-insensitive loss of support vector regression (Vapnik 1995,
/// [doi 10.1007/978-1-4757-2440-0](https://doi.org/10.1007/978-1-4757-2440-0)).
///
/// # Formula
/// `max(0, |d| - epsilon)`, d = prediction - target; its square with `squared = true`.
///
/// # When to use
/// Where errors below a tolerance do not count, such as the resolution of a sensor: only samples outside the tube have a gradient.
/// Take [`HuberLoss`](super::HuberLoss) where small errors should count, but little. With epsilon = 0 it is
/// [`MaeLoss`](super::MaeLoss), or [`MseLoss`](super::MseLoss).
///
/// # Numerics
/// The gradient is 0 inside the tube and at its edge.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, regression::EpsilonInsensitiveLossConfig};
///
/// let device = Device::flex();
/// let loss = EpsilonInsensitiveLossConfig::new().with_epsilon(0.5).init(&device);
/// let values = loss.forward_no_reduction(
///     Tensor::<1>::from_floats([0.25, -3.0], &device),
///     Tensor::from_floats([0.0, 0.0], &device),
/// );
/// assert_eq!(values.into_data().to_vec::<f32>().unwrap(), [0.0, 2.5]);
/// ```
///
/// # Elsewhere
/// - `sklearn.svm.LinearSVR`: its `loss` is `epsilon_insensitive`, or `squared_epsilon_insensitive` for `squared = true`; its
///   `epsilon` is 0 by default.
/// - `sklearn.linear_model.SGDRegressor`: it has both losses, with the same names and an `epsilon` of 0.1.
///
/// PyTorch has none. LossFunctions.jl: `L1EpsilonInsLoss` and `L2EpsilonInsLoss`.
#[loss(regression, "epsilon_insensitive", "Absolute error beyond a tolerance: small errors do not count")]
pub struct EpsilonInsensitiveLoss {
    config: EpsilonInsensitiveLossConfig,
}

/// Config of [`EpsilonInsensitiveLoss`].
#[loss_config]
pub struct EpsilonInsensitiveLossConfig {
    /// The largest error that does not count, in the units of the prediction.
    #[field(default = 0.1, range = ">= 0")]
    pub epsilon: f64,
    /// Whether the error beyond epsilon is squared.
    #[field(default = false)]
    pub squared: bool,
}

impl RegressionLoss for EpsilonInsensitiveLoss {}

impl Formula for EpsilonInsensitiveLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        let EpsilonInsensitiveLossConfig { epsilon, squared, .. } = self.config;
        let beyond = ((prediction - target).abs() - epsilon).relu();
        if squared { beyond.square() } else { beyond }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Dual;
    use burn::tensor::Device;

    #[test]
    fn the_tube_has_no_gradient() {
        for squared in [false, true] {
            let config = EpsilonInsensitiveLossConfig::new().with_epsilon(0.5).with_squared(squared);
            let loss = config.init(&Device::flex());
            let at = |d: f64| loss.eval(Dual::<f64, 1>::variable(d, 0), Dual::constant(0.0));
            for d in [-0.5, -0.1, 0.0, 0.3, 0.5] {
                assert_eq!((at(d).value, at(d).slope), (0.0, [0.0]));
            }
            assert_eq!((at(-2.5).value, at(-2.5).slope), if squared { (4.0, [-4.0]) } else { (2.0, [-1.0]) });
        }
    }
}
