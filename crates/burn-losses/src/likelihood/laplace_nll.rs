//! Laplace negative log-likelihood.

use super::spread::weighed_by_variance;
use super::{LikelihoodLoss, SpreadForm};
use crate::formula::{Real, VectorFormula};
use burn_losses_derive::{loss, loss_config};

/// Negative log-likelihood of a Laplace distribution whose mean and variance are both predicted.
///
/// # Formula
/// ```text
/// v^beta (ln(2 b) + |d| / b)      d = target - mean, v^beta a constant for the gradient
///
/// v = 2 b^2 = e^s                        log_variance, with s in [-60, 60]
/// v = 2 b^2 = max(s, floor)              variance
/// v = 2 b^2 = max(ln(1 + e^s), floor)    softplus
/// ```
/// of the parameters mean and s: s gives the variance, as for [`GaussianNllLoss`](super::GaussianNllLoss). With beta = 0 the factor
/// is 1.
///
/// # When to use
/// In place of [`GaussianNllLoss`](super::GaussianNllLoss) for errors with heavier tails. The gradient with respect to the mean is bounded,
/// and the model learns the median of the targets. Both losses take the same outputs of a model.
///
/// # Shapes
/// - parameters: `[N, 2, d1, ..]`, the mean and the spread; or two tensors of the shape of the targets, with `forward_parts`
/// - targets: `[N, d1, ..]`
///
/// # Numerics
/// The gradient at an error of 0 is 0. A variance below the floor has the gradient of the floor, so that it can rise again. A
/// log-variance outside [-60, 60] has no gradient.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{likelihood::{LaplaceNllLossConfig, SpreadForm}, prelude::*};
///
/// let device = Device::flex();
/// let loss = LaplaceNllLossConfig::new().with_spread(SpreadForm::Variance).init(&device);
/// // A variance of 2 is b = 1.
/// let parameters = Tensor::<2>::from_floats([[1.0, 2.0]], &device);
/// let value = loss.forward(parameters, Tensor::<1>::from_floats([4.0], &device));
/// assert!((value.into_scalar::<f32>() - (2f32.ln() + 3.0)).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `torch.distributions.Laplace.log_prob`: minus this loss; its `scale` is b.
/// - `mmdet3d.models.losses.UncertainL1Loss`: its `sigma` is half of `log_variance`, and the constant ln(2) / 2 is left out, as is a
///   root of 2 at the error.
#[loss(
    likelihood,
    "laplace_nll",
    "Negative log-likelihood of a Laplace distribution with a predicted mean and variance"
)]
pub struct LaplaceNllLoss {
    config: LaplaceNllLossConfig,
}

/// Config of [`LaplaceNllLoss`].
#[loss_config]
pub struct LaplaceNllLossConfig {
    /// How the second parameter gives the variance.
    #[field(default = SpreadForm::LogVariance)]
    pub spread: SpreadForm,
    /// The least variance, of `variance` and `softplus`.
    #[field(default = 1e-6, range = "> 0")]
    pub floor: f64,
    /// The exponent of the variance in the weight of each value. The weight is a constant for the gradient; 0 means no weight.
    #[field(default = 0.0, range = "[0, 1]")]
    pub beta: f64,
}

impl LikelihoodLoss for LaplaceNllLoss {}

impl VectorFormula<2, 1> for LaplaceNllLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, [mean, spread]: [R; 2], [target]: [R; 1]) -> R {
        let LaplaceNllLossConfig { floor, beta, .. } = self.config;
        let [log_variance, precision] = self.config.spread.of(spread, floor);
        // ln(2 b) = ln(2 v) / 2, and 1 / b is the root of 2 / v.
        let share = (target - mean).abs().weigh((precision * 2.0).sqrt());
        let value = share + (log_variance.clone() + core::f64::consts::LN_2) * 0.5;
        weighed_by_variance(value, log_variance, beta)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Dual;
    use burn::tensor::Device;

    #[test]
    fn the_slope_of_the_mean_is_bounded() {
        let loss = LaplaceNllLossConfig::new().with_spread(SpreadForm::Variance).init(&Device::flex());
        for (target, slope) in [(1e4, -1.0), (0.0, 0.0), (-1e4, 1.0)] {
            let y = loss.eval([Dual::<f64, 1>::variable(0.0, 0), Dual::constant(2.0)], [Dual::constant(target)]);
            assert!((y.slope[0] - slope).abs() < 1e-15, "{target}: {:?}", y.slope);
        }
    }
}
