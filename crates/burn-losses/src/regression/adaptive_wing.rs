//! Adaptive wing loss.

use super::RegressionLoss;
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};

/// Adaptive wing loss (Wang et al. 2019, [arXiv 1904.07399](https://arxiv.org/abs/1904.07399)), whose shape depends on the
/// target: small errors count more where a heat map is high.
///
/// # Formula
/// ```text
/// omega ln(1 + (x/epsilon)^k)    where x < theta
/// A x - C                        elsewhere
///
/// k = alpha - target
/// A = omega k/theta (theta/epsilon)^k / (1 + (theta/epsilon)^k)
/// C = theta A - omega ln(1 + (theta/epsilon)^k)
/// ```
/// with x = |prediction - target|, and the target in [0, 1].
///
/// # When to use
/// For heat maps of landmarks and key points, where most pixels are background: on foreground pixels it is nearly
/// [`WingLoss`](super::WingLoss), on background pixels nearly [`MseLoss`](super::MseLoss). Its paper weights the pixels around
/// the foreground by 11. For coordinates take `WingLoss`.
///
/// # Numerics
/// Both pieces meet in value and slope. The logarithm is computed as a softplus of k ln(x/epsilon), so no power overflows. An
/// error below 1e-30 counts as 1e-30 and has no gradient; so the gradient at x = 0 is 0. alpha has to be above every target plus
/// 1, or the slope near zero is infinite.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, regression::AdaptiveWingLossConfig};
///
/// let device = Device::flex();
/// let loss = AdaptiveWingLossConfig::new().init(&device);
/// // The same error on a foreground and on a background pixel.
/// let values = loss.forward_no_reduction(
///     Tensor::<1>::from_floats([0.9, 0.1], &device),
///     Tensor::from_floats([1.0, 0.0], &device),
/// );
/// let values = values.into_data().to_vec::<f32>().unwrap();
/// assert!(values[0] > 9.0 * values[1]);
/// ```
///
/// # Elsewhere
/// - `mmpose.models.losses.AdaptiveWingLoss`: the same formula, not compared by a test; its mean is over all pixels.
///
/// PyTorch has none.
#[loss(regression, "adaptive_wing", "For heat maps: small errors count more on the foreground")]
pub struct AdaptiveWingLoss {
    config: AdaptiveWingLossConfig,
}

/// Config of [`AdaptiveWingLoss`].
#[loss_config]
pub struct AdaptiveWingLossConfig {
    /// The exponent where the target is 0; where it is 1, the exponent is smaller by 1.
    #[field(default = 2.1, range = "> 0")]
    pub alpha: f64,
    /// The factor of the logarithm.
    #[field(default = 14.0, range = "> 0")]
    pub omega: f64,
    /// The unit of the errors inside the logarithm.
    #[field(default = 1.0, range = ">= 1e-30")]
    pub epsilon: f64,
    /// Where the logarithm ends and the line begins.
    #[field(default = 0.5, range = ">= 1e-30")]
    pub theta: f64,
}

impl RegressionLoss for AdaptiveWingLoss {}

/// The least error whose logarithm is taken.
const LEAST: f64 = 1e-30;

impl Formula for AdaptiveWingLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        let AdaptiveWingLossConfig { alpha, omega, epsilon, theta, .. } = self.config;
        let size = (prediction - target.clone()).abs();
        let exponent = -target + alpha;
        let near = size.clone().minimum(size.lit(theta)).maximum(size.lit(LEAST));
        let inside = (exponent.clone() * (near * (1.0 / epsilon)).ln()).softplus() * omega;
        let slope = (exponent.clone() * (theta / epsilon).ln()).sigmoid() * exponent * (omega / theta);
        inside + (size - theta).relu().weigh(slope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Dual;
    use burn::tensor::Device;

    fn at(prediction: f64, target: f64) -> (f64, f64) {
        let loss = AdaptiveWingLossConfig::new().init(&Device::flex());
        let y = loss.eval(Dual::<f64, 1>::variable(prediction, 0), Dual::constant(target));
        (y.value, y.slope[0])
    }

    #[test]
    fn both_pieces_are_the_papers_and_meet() {
        for target in [0.0, 0.4, 1.0] {
            let k = 2.1 - target;
            let (value, slope) = at(target - 0.3, target);
            assert!((value - 14.0 * 0.3f64.powf(k).ln_1p()).abs() < 1e-13, "{target}");
            assert!(slope < 0.0);
            let power = 0.5f64.powf(k);
            let a = 14.0 * (1.0 / (1.0 + power)) * k * 0.5f64.powf(k - 1.0);
            let c = 0.5 * a - 14.0 * power.ln_1p();
            assert!((at(target + 2.0, target).0 - (2.0 * a - c)).abs() < 1e-12, "{target}");
            let (inside, outside) = (at(target + 0.5 - 1e-9, target), at(target + 0.5 + 1e-9, target));
            assert!((inside.0 - outside.0).abs() < 1e-6 && (inside.1 - outside.1).abs() < 1e-6, "{target}");
            let (value, slope) = at(target, target);
            assert!(value < 1e-30 && slope == 0.0, "{target}: {value}");
        }
    }
}
