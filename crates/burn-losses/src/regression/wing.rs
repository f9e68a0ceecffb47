//! Wing loss.

use super::RegressionLoss;
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};

/// Wing loss (Feng et al. 2018, [arXiv 1711.06753](https://arxiv.org/abs/1711.06753)): small errors count more.
///
/// # Formula
/// ```text
/// omega ln(1 + x / epsilon)                   where x < omega
/// x - (omega - omega ln(1 + omega/epsilon))   elsewhere
/// ```
/// with x = |prediction - target|.
///
/// # When to use
/// For landmarks of faces and for key points whose coordinates are in pixels, where small and medium errors should be reduced
/// further than with [`MaeLoss`](super::MaeLoss). With coordinates in [0, 1] set omega and epsilon accordingly. The slope at zero
/// is omega/epsilon and jumps: for heat maps take [`AdaptiveWingLoss`](super::AdaptiveWingLoss), whose slope goes to 0.
///
/// # Numerics
/// The gradient is omega/(epsilon + x) inside, 1 outside, and 0 at x = 0. The slope jumps at omega.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, regression::WingLossConfig};
///
/// let device = Device::flex();
/// let loss = WingLossConfig::new().init(&device);
/// let value = loss.forward(Tensor::<1>::from_floats([2.0], &device), Tensor::from_floats([0.0], &device));
/// assert!((value.into_scalar::<f32>() - 10.0 * 2f32.ln()).abs() < 1e-5);
/// ```
///
/// # Elsewhere
/// - `mmpose.models.losses.WingLoss`: the same formula, not compared by a test; it sums over the coordinates and divides by the
///   number of samples.
///
/// PyTorch has none.
#[loss(regression, "wing", "Logarithm of the absolute error near zero: small errors count more")]
pub struct WingLoss {
    config: WingLossConfig,
}

/// Config of [`WingLoss`].
#[loss_config]
pub struct WingLossConfig {
    /// Where the logarithm ends and the line begins, in the units of the prediction.
    #[field(default = 10.0, range = ">= 1e-30")]
    pub omega: f64,
    /// How sharp the bend at zero is, in the units of the prediction.
    #[field(default = 2.0, range = ">= 1e-30")]
    pub epsilon: f64,
}

impl RegressionLoss for WingLoss {}

impl Formula for WingLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        let WingLossConfig { omega, epsilon, .. } = self.config;
        let size = (prediction - target).abs();
        let near = size.clone().minimum(size.lit(omega));
        (near * (1.0 / epsilon)).log1p() * omega + (size - omega).relu()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Dual;
    use burn::tensor::Device;

    #[test]
    fn both_pieces_by_hand() {
        let loss = WingLossConfig::new().init(&Device::flex());
        let at = |d: f64| loss.eval(Dual::<f64, 1>::variable(d, 0), Dual::constant(0.0));
        assert!((at(-2.0).value - 10.0 * 2f64.ln()).abs() < 1e-14 && (at(-2.0).slope[0] + 2.5).abs() < 1e-15);
        assert!((at(15.0).value - (5.0 + 10.0 * 6f64.ln())).abs() < 1e-13);
        assert_eq!((at(15.0).slope, at(0.0).slope), ([1.0], [0.0]));
    }
}
