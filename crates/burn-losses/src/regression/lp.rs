//! Power of the absolute error.

use super::RegressionLoss;
use crate::formula::safe::{power, split};
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};

/// A power of the absolute error.
///
/// # Formula
/// `|d|^p`, d = prediction - target. No root is taken.
///
/// # When to use
/// To choose by one number how much large errors count: p = 1 is [`MaeLoss`](super::MaeLoss), p = 2 is
/// [`MseLoss`](super::MseLoss). A p between them is a compromise without a threshold; where the errors have a natural scale,
/// [`HuberLoss`](super::HuberLoss) is the better one. Above 2 the largest errors dominate. Below 1 the loss is not convex, and
/// its gradient is steep near zero: it makes most errors exactly 0, as in sparse regression.
///
/// # Numerics
/// The gradient is p |d|^(p-1) times the sign of d, and 0 at d = 0, also where p < 1 and the true slope is infinite. An error
/// below 1e-37 counts as 0. The second derivative at 0 is 2 for p = 2 and counts as 0 for every other p; its true value is
/// infinite where p < 2 is not 1.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, regression::LpLossConfig};
///
/// let device = Device::flex();
/// let loss = LpLossConfig::new().with_p(1.5).init(&device);
/// let value = loss.forward(
///     Tensor::<1>::from_floats([4.0], &device),
///     Tensor::from_floats([0.0], &device),
/// );
/// assert!((value.into_scalar::<f32>() - 8.0).abs() < 1e-5);
/// ```
///
/// # Elsewhere
/// - `burn.nn.loss.LpLoss`: the same values; `LpLossConfig::from` takes its config. Its gradient at 0 is infinite or NaN for p < 1.
///
/// PyTorch has none: `torch.dist` takes the root of the sum.
#[loss(regression, "lp", "A power of the absolute error")]
pub struct LpLoss {
    config: LpLossConfig,
}

/// Config of [`LpLoss`].
#[loss_config]
pub struct LpLossConfig {
    /// The exponent.
    #[field(default = 2.0, range = "> 0")]
    pub p: f64,
}

impl RegressionLoss for LpLoss {}

/// A smaller error counts as 0. Its power to p - 1 would overflow in single precision.
const LEAST: f64 = 1e-37;

/// Beyond this the loss grows like a straight line, so that an infinite error has a slope.
const STRAIGHT: f64 = 1e38;

impl Formula for LpLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        let (error, p) = (prediction - target, self.config.p);
        if p == 1.0 {
            error.abs()
        } else if p == 2.0 {
            error.square()
        } else {
            let (size, beyond) = split(error.abs(), STRAIGHT);
            power(size, p, LEAST) + beyond
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::{Dual, second_order};
    use crate::regression::{MaeLossConfig, MseLossConfig};
    use burn::tensor::Device;

    fn loss(p: f64) -> LpLoss {
        LpLossConfig::new().with_p(p).init(&Device::flex())
    }

    #[test]
    fn it_is_mae_at_1_and_mse_at_2() {
        let device = Device::flex();
        let (mae, mse) = (MaeLossConfig::new().init(&device), MseLossConfig::new().init(&device));
        for d in [-1e4, -0.3, 0.0, 1e-3, 7.0] {
            assert_eq!(loss(1.0).eval(d, 0.0), mae.eval(d, 0.0));
            assert_eq!(loss(2.0).eval(d, 0.0), mse.eval(d, 0.0));
        }
        assert_eq!(loss(3.0).eval(-2.0, 1.0), 27.0);
        assert_eq!(second_order(&loss(2.0), 0.0), [0.0, 0.0, 2.0]);
    }

    #[test]
    fn the_gradient_at_zero_is_zero_for_every_p() {
        for p in [1e-3, 0.5, 1.0, 1.5, 2.0, 3.0, 10.0] {
            let at = |d: f64| loss(p).eval(Dual::<f64, 1>::variable(d, 0), Dual::constant(0.0));
            assert_eq!((at(0.0).value, at(0.0).slope), (0.0, [0.0]), "{p}");
            assert!(at(1e-36).slope[0].is_finite() && at(f64::INFINITY).value == f64::INFINITY, "{p}");
            assert!(!at(f64::INFINITY).slope[0].is_nan(), "{p}");
        }
    }
}
