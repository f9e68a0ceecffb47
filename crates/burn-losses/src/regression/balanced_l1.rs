//! Balanced L1.

use super::RegressionLoss;
use crate::error::ConfigError;
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};

/// Balanced L1 (Pang et al. 2019, Libra R-CNN, [arXiv 1904.02701](https://arxiv.org/abs/1904.02701)): smooth L1 whose accurate
/// samples have more of the gradient.
///
/// # Formula
/// ```text
/// alpha/b (b x + 1) ln(b x/beta + 1) - alpha x    where x < beta
/// gamma x + gamma/b - alpha beta                  elsewhere
/// ```
/// with x = |prediction - target|, and b = e^(gamma/alpha) - 1.
///
/// # When to use
/// For box regression in detection in place of [`SmoothL1Loss`](super::SmoothL1Loss), where the many inaccurate samples dominate
/// the gradient. A smaller alpha raises the share of the accurate samples in the gradient. [`GhmRLoss`](super::GhmRLoss) balances by
/// counting samples of similar gradients.
///
/// # Numerics
/// With beta = 1 the slope is alpha ln(b x + 1) inside and gamma outside. With another beta it jumps at zero, as in the authors'
/// code. Near zero the value has the rounding error of two terms of about alpha x that are subtracted; the gradient has none.
/// gamma/alpha is at most 80, so that b is finite in single precision.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, regression::BalancedL1LossConfig};
///
/// let device = Device::flex();
/// let loss = BalancedL1LossConfig::new().init(&device);
/// let value = loss.forward(Tensor::<1>::from_floats([3.0], &device), Tensor::from_floats([0.0], &device));
/// let b = 3f32.exp() - 1.0;
/// assert!((value.into_scalar::<f32>() - (4.5 + 1.5 / b - 0.5)).abs() < 1e-5);
/// ```
///
/// # Elsewhere
/// - `mmdet.models.losses.BalancedL1Loss`: the same formula, not compared by a test.
///
/// PyTorch has none.
#[loss(regression, "balanced_l1", "Smooth L1 that gives accurate samples more of the gradient")]
pub struct BalancedL1Loss {
    config: BalancedL1LossConfig,
}

/// Config of [`BalancedL1Loss`].
#[loss_config(check = check)]
pub struct BalancedL1LossConfig {
    /// How flat the slope is near zero: the smaller it is, the more of the gradient accurate samples have.
    #[field(default = 0.5, range = "> 0")]
    pub alpha: f64,
    /// The slope of inaccurate samples.
    #[field(default = 1.5, range = "> 0")]
    pub gamma: f64,
    /// The error that separates accurate from inaccurate samples.
    #[field(default = 1.0, range = ">= 1e-30")]
    pub beta: f64,
}

/// e^80 is finite in single precision, also times an error of 1000.
const LARGEST_RATIO: f64 = 80.0;

fn check(config: &BalancedL1LossConfig) -> Result<(), ConfigError> {
    if config.gamma <= LARGEST_RATIO * config.alpha {
        return Ok(());
    }
    Err(ConfigError::InvalidValue {
        loss: "balanced_l1",
        field: "gamma".into(),
        value: format!("{} with alpha {}", config.gamma, config.alpha),
        allowed: format!("at most {LARGEST_RATIO} alpha (else e^(gamma/alpha) is too large)"),
    })
}

impl RegressionLoss for BalancedL1Loss {}

impl Formula for BalancedL1Loss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        let BalancedL1LossConfig { alpha, gamma, beta, .. } = self.config;
        let b = (gamma / alpha).exp_m1();
        let size = (prediction - target).abs();
        let near = size.clone().minimum(size.lit(beta));
        let logarithm = (near.clone() * (b / beta)).log1p();
        let inside = integral(near, logarithm.clone(), beta / b) + logarithm * ((1.0 - beta) / b);
        inside * alpha + (size - beta).relu() * gamma
    }
}

/// The integral of ln(1 + x/scale) from 0 to x, of x and its logarithm. Its derivative is the logarithm itself: that of the closed
/// form is a difference of numbers near 1. Beside a point the integral is a trapezoid, so that the second derivative is right too.
#[inline(always)]
fn integral<R: Real>(x: R, logarithm: R, scale: f64) -> R {
    let (at, height) = (x.clone().stop(), logarithm.clone().stop());
    (at.clone() + scale) * height.clone() - at.clone() + (height + logarithm) * 0.5 * (x - at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Dual;
    use burn::tensor::Device;

    #[test]
    fn both_pieces_are_the_papers_and_meet() {
        let loss = BalancedL1LossConfig::new().init(&Device::flex());
        let at = |d: f64| loss.eval(Dual::<f64, 1>::variable(d, 0), Dual::constant(0.0));
        let b = 3f64.exp_m1();
        for x in [1e-3, 0.4, 0.99] {
            let expected = 0.5 / b * (b * x + 1.0) * (b * x + 1.0).ln() - 0.5 * x;
            assert!((at(-x).value - expected).abs() < 1e-15, "{x}");
            assert!((at(x).slope[0] - 0.5 * (b * x + 1.0).ln()).abs() < 1e-14, "{x}");
        }
        assert!((at(1.0).slope[0] - 1.5).abs() < 1e-14 && (at(7.0).slope[0] - 1.5).abs() < 1e-14);
        assert!((at(7.0).value - (10.5 + 1.5 / b - 0.5)).abs() < 1e-14);
        assert_eq!((at(0.0).value, at(0.0).slope), (0.0, [0.0]));
    }

    #[test]
    fn a_ratio_that_overflows_is_refused_by_name() {
        let error = BalancedL1LossConfig::new().with_alpha(0.01).try_init(&Device::flex()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "balanced_l1: `gamma` is 1.5 with alpha 0.01, allowed: at most 80 alpha (else e^(gamma/alpha) is too large)"
        );
    }
}
