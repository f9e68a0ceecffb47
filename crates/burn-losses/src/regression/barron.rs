//! Barron's general robust loss.

use super::RegressionLoss;
use super::charbonnier::smooth_abs;
use super::robust::ln_1p_square;
use super::welsch::inverted_gaussian;
use crate::config::IntoField;
use crate::formula::safe::clamped;
use crate::formula::{Formula, Real};
use burn_losses_derive::{WordOrNumber, loss, loss_config};

/// The shape of [`BarronLoss`].
#[derive(Debug, Clone, PartialEq, WordOrNumber)]
pub enum BarronAlpha {
    /// The limit at minus infinity, which is [`WelschLoss`](super::WelschLoss).
    Welsch,
    /// Any finite alpha.
    Number(f64),
}

impl<N: Into<f64>> IntoField<BarronAlpha> for N {
    fn into_field(self) -> BarronAlpha {
        BarronAlpha::Number(self.into())
    }
}

/// The general and adaptive robust loss (Barron 2019, [arXiv 1701.03077](https://arxiv.org/abs/1701.03077)), with a fixed shape.
///
/// # Formula
/// ```text
/// |alpha - 2|/alpha (((d/c)^2 / |alpha - 2| + 1)^(alpha/2) - 1)
/// ```
/// with d = prediction - target, and with its limits where it is not defined:
///
/// | alpha | the loss |
/// |---|---|
/// | 2 | (d/c)^2 / 2: half of [`MseLoss`](super::MseLoss), for c = 1 |
/// | 1 | sqrt((d/c)^2 + 1) - 1: [`CharbonnierLoss`](super::CharbonnierLoss) with epsilon = c, divided by c |
/// | 0 | ln((d/c)^2 / 2 + 1): [`CauchyLoss`](super::CauchyLoss) |
/// | -2 | 2 (d/c)^2 / ((d/c)^2 + 4): [`GemanMcclureLoss`](super::GemanMcclureLoss) |
/// | `"welsch"` | 1 - exp(-(d/c)^2 / 2), the limit at minus infinity: [`WelschLoss`](super::WelschLoss) |
///
/// # When to use
/// To choose by one number how much outliers count: a smaller alpha gives them less influence. Search over alpha, or lower it during
/// training from the convex 1 to a robust -2. If you know which loss of the table you need, take that loss. A learned alpha needs the
/// normalizer of the paper's density, which this loss does not have.
///
/// # Numerics
/// Near alpha = 0 the value is (e^x - 1)/alpha with x = alpha/2 ln(1 + ..), which keeps its digits; near alpha = 2 nothing
/// cancels either. No alpha is clamped away from its limits, as in the authors' code. Where alpha > 0, the loss goes on as a
/// straight line beyond 1e30 c.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, regression::{BarronAlpha, BarronLossConfig}};
///
/// let device = Device::flex();
/// let of = |alpha: BarronAlpha| {
///     let loss = BarronLossConfig::new().with_alpha(alpha).init(&device);
///     let value = loss.forward(Tensor::<1>::from_floats([2.0], &device), Tensor::from_floats([0.0], &device));
///     value.into_scalar::<f32>()
/// };
/// assert!((of(BarronAlpha::Number(-2.0)) - 1.0).abs() < 1e-6);
/// assert!((of(BarronAlpha::Welsch) - 0.864_664_7).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `robust_loss_jax.general.lossfun`: it clamps alpha away from 0 and 2, which costs digits; its `scale` is c.
/// - `robust_loss_pytorch.general.lossfun`: the same formula with `approximate = False`, where alpha has to be a tensor; its
///   `scale` is c.
///
/// PyTorch has none.
#[loss(regression, "barron", "One family of robust losses, from the squared error to Welsch's, by one number")]
pub struct BarronLoss {
    config: BarronLossConfig,
}

/// Config of [`BarronLoss`].
#[loss_config]
pub struct BarronLossConfig {
    /// The shape: the smaller it is, the less outliers count.
    #[field(default = BarronAlpha::Number(1.0))]
    pub alpha: BarronAlpha,
    /// The size from which on errors count as outliers, in the units of the prediction.
    #[field(default = 1.0, range = ">= 1e-30")]
    pub c: f64,
}

impl RegressionLoss for BarronLoss {}

/// A larger alpha has the same values to the last digit; and this one is finite in single precision.
const MOST_ALPHA: f64 = 1e15;

/// A smaller alpha has the same values as 0 to the last digit.
const LEAST_ALPHA: f64 = 1e-30;

/// The error from which on the loss is a straight line if alpha is positive, in units of c.
const STRAIGHT: f64 = 1e30;

impl Formula for BarronLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        let error = (prediction - target) * (1.0 / self.config.c);
        let alpha = match self.config.alpha {
            BarronAlpha::Welsch => return inverted_gaussian(error),
            BarronAlpha::Number(alpha) => alpha.clamp(-MOST_ALPHA, MOST_ALPHA),
        };
        if alpha == 1.0 {
            smooth_abs(error, 1.0)
        } else if alpha == 2.0 {
            error.square() * 0.5
        } else if alpha.abs() < LEAST_ALPHA {
            ln_1p_square(error, 0.5)
        } else {
            let distance = (alpha - 2.0).abs();
            // A negative alpha has a finite limit, so no infinity is multiplied by a slope of 0.
            let near = if alpha < 0.0 { error.clone() } else { clamped(error.clone(), STRAIGHT) };
            let power = ln_1p_square(near, 1.0 / distance) * (0.5 * alpha);
            let value = power.exp_m1() * (distance / alpha);
            if alpha < 0.0 { value } else { value + (error.abs() - STRAIGHT).relu() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::{Dual, second_order};
    use crate::regression::{
        CauchyLossConfig, CharbonnierLossConfig, GemanMcclureLossConfig, MseLossConfig, WelschLossConfig,
    };
    use burn::tensor::Device;

    const ERRORS: [f64; 9] = [-1e6, -30.0, -2.5, -1e-5, 0.0, 1e-3, 0.7, 4.0, 1e4];

    fn loss(alpha: f64, c: f64) -> BarronLoss {
        BarronLossConfig::new().with_alpha(alpha).with_c(c).init(&Device::flex())
    }

    /// The largest relative difference of two losses over the errors.
    fn difference(loss: &impl Formula, other: &impl Formula, factor: f64) -> f64 {
        let relative = |d: &f64| {
            let (a, b) = (loss.eval(*d, 0.0), other.eval(*d, 0.0) * factor);
            (a - b).abs() / b.abs().max(1e-300)
        };
        ERRORS.iter().map(relative).fold(0.0, f64::max)
    }

    #[test]
    fn the_limits_are_the_losses_of_that_name() {
        let device = Device::flex();
        let c = 1.5;
        let mse = MseLossConfig::new().init(&device);
        let charbonnier = CharbonnierLossConfig::new().with_epsilon(c).init(&device);
        let cauchy = CauchyLossConfig::new().with_c(c).init(&device);
        let geman_mcclure = GemanMcclureLossConfig::new().with_c(c).init(&device);
        let welsch = WelschLossConfig::new().with_c(c).init(&device);
        let limit = BarronLossConfig::new().with_alpha(BarronAlpha::Welsch).with_c(c).init(&device);
        assert!(difference(&loss(2.0, c), &mse, 0.5 / (c * c)) < 1e-14);
        assert!(difference(&loss(1.0, c), &charbonnier, 1.0 / c) < 1e-14);
        assert!(difference(&loss(0.0, c), &cauchy, 1.0) < 1e-14);
        assert!(difference(&loss(-2.0, c), &geman_mcclure, 1.0) < 1e-13);
        assert!(difference(&limit, &welsch, 1.0) < 1e-14);
        assert!(difference(&loss(-1e300, c), &welsch, 1.0) < 1e-13);
    }

    /// Beside the special values the formula is the general one, and it loses no digits there.
    #[test]
    fn nothing_cancels_beside_the_limits() {
        for special in [1.0, 0.0, -2.0] {
            assert!(difference(&loss(special + 1e-13, 1.0), &loss(special, 1.0), 1.0) < 5e-11, "{special}");
        }
        // Here the value changes by 1e-13 / 2 ln(u / 1e-13) at most.
        for beside in [2.0 - 1e-13, 2.0 + 1e-13] {
            assert!(difference(&loss(beside, 1.0), &loss(2.0, 1.0), 1.0) < 1e-11, "{beside}");
        }
        assert!(difference(&loss(1e-25, 1.0), &loss(0.0, 1.0), 1.0) < 1e-14);
    }

    #[test]
    fn the_curvature_at_zero_is_1_over_c_squared() {
        for alpha in [-1e300, -7.0, -2.0, 0.0, 0.5, 1.0, 1.999, 2.0, 3.5, 1e300] {
            let [value, slope, curvature] = second_order(&loss(alpha, 0.5), 0.0);
            assert!(value == 0.0 && slope == 0.0 && (curvature - 4.0).abs() < 1e-12, "{alpha}: {curvature}");
        }
    }

    #[test]
    fn large_errors_are_finite() {
        for alpha in [-1e6, -2.0, -0.3, 0.0, 0.3, 1.0] {
            for d in [1e10, 1e29, 1e40, 1e150] {
                let got = loss(alpha, 1.0).eval(Dual::<f64, 1>::variable(d, 0), Dual::constant(0.0));
                assert!(got.value.is_finite() && got.slope[0].is_finite(), "{alpha} {d}: {got:?}");
            }
            let infinite = loss(alpha, 1.0).eval(Dual::<f64, 1>::variable(f64::INFINITY, 0), Dual::constant(0.0));
            assert_eq!(infinite.value.is_finite(), alpha < 0.0, "{alpha}");
            assert!(!infinite.slope[0].is_nan(), "{alpha}");
        }
    }
}
