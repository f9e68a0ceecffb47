//! Focal L1 loss.

use super::RegressionLoss;
use crate::formula::safe::{clamped, power};
use crate::formula::{Formula, Real};
use burn_losses_derive::{Choice, loss, loss_config};
use core::f64::consts::E;

/// Two losses that both are called focal L1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum FocalL1Form {
    /// The regression form of the focal loss of efficient IoU (Zhang et al. 2021).
    #[default]
    EfficientIou,
    /// The focal loss of deep imbalanced regression (Yang et al. 2021).
    FocalR,
}

/// FocalL1 of efficient IoU (Zhang et al. 2021, [arXiv 2101.08158](https://arxiv.org/abs/2101.08158)), an absolute error whose
/// slope is small for good and for bad predictions; or Focal-R of deep imbalanced regression (Yang et al. 2021,
/// [arXiv 2102.09554](https://arxiv.org/abs/2102.09554)), an absolute error that down-weights small errors.
///
/// # Formula
/// With x = |prediction - target|, and alpha = e beta:
/// ```text
/// form = "efficient_iou":
///     -alpha x^2 (2 ln(beta x) - 1) / 4                         where x <= 1
///     -alpha ln(beta) x + (2 alpha ln(beta) + alpha) / 4        elsewhere
///
/// form = "focal_r":
///     (2 sigmoid(beta x) - 1)^gamma x
/// ```
///
/// # When to use
/// `efficient_iou`: for boxes whose errors are normalized to about [0, 1], so that neither the many nearly perfect boxes nor the
/// outliers dominate; its paper then moves on to [`FocalEiouLoss`](crate::boxes::FocalEiouLoss), which weights a box by its IoU.
/// `focal_r`: for regression with few hard samples among many easy ones. [`SmoothL1Loss`](super::SmoothL1Loss) down-weights small
/// errors too, and is the usual choice.
///
/// # Numerics
/// `efficient_iou`: the slope is -alpha x ln(beta x) up to x = 1, whose greatest value is 1, and the constant -alpha ln(beta)
/// beyond; values and slopes meet at 1. **With beta = 1 the slope beyond 1 is 0**: a prediction that is off by more than 1 does
/// not learn. At x = 0 value and slope are 0, since the argument of the logarithm counts as at least 1e-30; the second derivative
/// there is infinite, and counts as a large number. `focal_r`: the bracket is computed as tanh(beta x / 2), which keeps its
/// digits near 0; the second derivative at x = 0 counts as 0.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, regression::FocalL1LossConfig};
///
/// let device = Device::flex();
/// let loss = FocalL1LossConfig::new().with_beta(1.0).init(&device);
/// let values = loss.forward_no_reduction(
///     Tensor::<1>::from_floats([1.0, 9.0], &device),
///     Tensor::from_floats([0.0, 0.0], &device),
/// );
/// for value in values.into_data().to_vec::<f32>().unwrap() {
///     assert!((value - 1f32.exp() / 4.0).abs() < 1e-6);
/// }
/// ```
///
/// # Elsewhere
/// No library that we know of has `efficient_iou`.
///
/// The code of deep imbalanced regression: `weighted_focal_l1_loss` with `activate = "sigmoid"`, whose `beta` and `gamma` are those
/// here; with `activate = "tanh"` and half the beta it is the same. Copies of it have a beta of 0.2 or 20. This loss takes
/// at least 1/e and at most 1, as the other form does: predictions and targets times k have the same effect as k beta, and values
/// that are k times as large.
#[loss(regression, "focal_l1", "Absolute error that down-weights easy samples, and outliers as well")]
pub struct FocalL1Loss {
    config: FocalL1LossConfig,
}

/// Config of [`FocalL1Loss`].
#[loss_config]
pub struct FocalL1LossConfig {
    /// How steep the loss is: between 1/e, where outliers have the largest slope, and 1, where they have none.
    #[field(default = 0.8, range = "[0.36787944117144233, 1]")]
    pub beta: f64,
    /// Which of the two losses is computed.
    #[field(default = FocalL1Form::EfficientIou)]
    pub form: FocalL1Form,
    /// How strongly small errors are down-weighted, if the form is `focal_r`; 0 is the absolute error.
    #[field(default = 1.0, range = ">= 0")]
    pub gamma: f64,
}

impl RegressionLoss for FocalL1Loss {}

/// The least argument of a logarithm and of a power.
const LEAST: f64 = 1e-30;

/// Beyond this error the hyperbolic tangent is 1 for every allowed beta.
const SATURATED: f64 = 1000.0;

impl Formula for FocalL1Loss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        let FocalL1LossConfig { beta, form, gamma, .. } = self.config;
        let error = prediction - target;
        let size = error.clone().abs();
        match form {
            FocalL1Form::EfficientIou => {
                let alpha = E * beta;
                let square = clamped(error, 1.0).square();
                let near = size.clone().minimum(size.lit(1.0));
                let inside = square * ((near.clone().maximum(near.lit(LEAST)) * beta).ln() * 2.0 - 1.0);
                let slope = size.lit(-alpha * beta.ln());
                inside * (-0.25 * alpha) + slope.weigh((size - 1.0).relu())
            }
            FocalL1Form::FocalR => {
                let near = size.clone().minimum(size.lit(SATURATED));
                let share = (near.clone() * (0.5 * beta)).tanh();
                // The second derivative at 0 is not lost for the default.
                let share = if gamma == 1.0 { share } else { power(share, gamma, LEAST) };
                share * near + (size - SATURATED).relu()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::{Dual, second_order};
    use burn::tensor::Device;

    fn at(loss: &FocalL1Loss, d: f64) -> (f64, f64) {
        let y = loss.eval(Dual::<f64, 1>::variable(d, 0), Dual::constant(0.0));
        (y.value, y.slope[0])
    }

    fn loss(beta: f64) -> FocalL1Loss {
        FocalL1LossConfig::new().with_beta(beta).init(&Device::flex())
    }

    #[test]
    fn value_and_slope_meet_at_1_and_the_greatest_slope_is_1() {
        for beta in [1.0 / E, 0.5, 0.8, 1.0] {
            let loss = loss(beta);
            let ((value, slope), (beyond, slope_beyond)) = (at(&loss, 1.0), at(&loss, 1.0 + 1e-12));
            assert!((value - beyond).abs() < 1e-11 && (slope - slope_beyond).abs() < 1e-11, "{beta}");
            assert!((slope + E * beta * beta.ln()).abs() < 1e-14, "{beta}");
            // -alpha x ln(beta x) is 1 at x = 1/(e beta).
            assert!((at(&loss, 1.0 / (E * beta)).1 - 1.0).abs() < 1e-14, "{beta}");
            let greatest = (0..4000).map(|i| at(&loss, 0.001 * f64::from(i)).1).fold(0.0, f64::max);
            assert!(greatest <= 1.0 + 1e-14, "{beta}: {greatest}");
        }
    }

    #[test]
    fn with_beta_1_the_slope_of_outliers_is_0() {
        assert_eq!(at(&loss(1.0), 5.0), (E / 4.0, 0.0));
        assert_eq!(at(&loss(1.0), f64::INFINITY), (E / 4.0, 0.0));
        assert!(at(&loss(0.8), -5.0).1 < 0.0);
    }

    #[test]
    fn an_exact_prediction_has_the_value_0_and_no_slope() {
        for beta in [1.0 / E, 0.8, 1.0] {
            assert_eq!(at(&loss(beta), 0.0), (0.0, 0.0));
            let [.., curvature] = second_order(&loss(beta), 0.0);
            assert!(curvature > 10.0 && curvature.is_finite(), "{curvature}");
        }
    }

    #[test]
    fn focal_r_is_the_code_of_its_paper() {
        for gamma in [0.0, 0.5, 1.0, 2.0] {
            let config = FocalL1LossConfig::new().with_form(FocalL1Form::FocalR).with_gamma(gamma);
            let loss = config.init(&Device::flex());
            for d in [-3.0, -0.25, 0.5, 2.0] {
                let sigmoid = 1.0 / (1.0 + (-0.8 * f64::abs(d)).exp());
                let expected = (2.0 * sigmoid - 1.0).powf(gamma) * d.abs();
                assert!((at(&loss, d).0 - expected).abs() < 1e-14, "{gamma} {d}");
            }
            assert_eq!(at(&loss, 0.0), (0.0, 0.0));
            assert_eq!(at(&loss, -1e6), (1e6, -1.0));
        }
    }
}
