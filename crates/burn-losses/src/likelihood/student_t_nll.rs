//! Student's t negative log-likelihood.

use super::{LikelihoodLoss, SpreadForm};
use crate::formula::{Real, VectorFormula};
use burn::tensor::Device;
use burn_losses_derive::{loss, loss_config};

/// Negative log-likelihood of Student's t distribution whose location and scale are both predicted (Lange et al. 1989,
/// [doi 10.2307/2290063](https://doi.org/10.2307/2290063)).
///
/// # Formula
/// ```text
/// ln c + (dof + 1) / 2 ln(1 + d^2 / (c^2 dof))
///      + ln G(dof / 2) - ln G((dof + 1) / 2) + ln(dof pi) / 2
///
/// c^2 = e^s                        log_variance, with s in [-60, 60]
/// c^2 = max(s, floor)              variance
/// c^2 = max(ln(1 + e^s), floor)    softplus
/// ```
/// of the parameters mean and s, with d = target - mean and G the gamma function. c is the scale: for dof above 2 the variance is
/// c^2 dof / (dof - 2).
///
/// # When to use
/// In place of [`GaussianNllLoss`](super::GaussianNllLoss) for targets with outliers. The gradient with respect to the mean goes to 0
/// for large errors, and it does so sooner for a smaller `dof`. With many degrees of freedom the distribution tends to the Gaussian.
///
/// # Shapes
/// - parameters: `[N, 2, d1, ..]`, the mean and the spread; or two tensors of the shape of the targets, with `forward_parts`
/// - targets: `[N, d1, ..]`
///
/// # Numerics
/// The constants are computed once, in double precision and without cancellation. A squared scale below the floor has the gradient of the
/// floor, so that it can rise again. A logarithm of the squared scale outside [-60, 60] has no gradient.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{likelihood::StudentTNllLossConfig, prelude::*};
///
/// let device = Device::flex();
/// // With one degree of freedom it is the Cauchy distribution, whose density at 0 is 1 / pi.
/// let loss = StudentTNllLossConfig::new().with_dof(1.0).init(&device);
/// let parameters = Tensor::<2>::from_floats([[2.0, 0.0]], &device);
/// let value = loss.forward(parameters, Tensor::<1>::from_floats([2.0], &device));
/// assert!((value.into_scalar::<f32>() - std::f32::consts::PI.ln()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `torch.distributions.StudentT.log_prob`: minus this loss; its `scale` is c.
/// - `scipy.stats.t.logpdf`: minus this loss; its `scale` is c.
/// - `torch_uncertainty.losses.DistributionNLLLoss`: of any distribution of torch.
#[loss(likelihood, "student_t_nll", "Negative log-likelihood of Student's t distribution, which outliers hardly move")]
pub struct StudentTNllLoss {
    config: StudentTNllLossConfig,
    /// Minus the logarithm of the density at the center.
    #[module(skip)]
    constant: f64,
}

/// Config of [`StudentTNllLoss`].
#[loss_config]
pub struct StudentTNllLossConfig {
    /// The degrees of freedom.
    #[field(default = 5.0, range = "> 0")]
    pub dof: f64,
    /// How the second parameter gives the squared scale.
    #[field(default = SpreadForm::LogVariance)]
    pub spread: SpreadForm,
    /// The least squared scale, of `variance` and `softplus`.
    #[field(default = 1e-6, range = "> 0")]
    pub floor: f64,
}

impl StudentTNllLossConfig {
    fn build(&self, _: &Device) -> StudentTNllLoss {
        StudentTNllLoss { config: self.clone(), constant: constant(self.dof) }
    }
}

impl LikelihoodLoss for StudentTNllLoss {}

impl VectorFormula<2, 1> for StudentTNllLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, [mean, spread]: [R; 2], [target]: [R; 1]) -> R {
        let StudentTNllLossConfig { dof, floor, .. } = self.config;
        let [log_scale, precision] = self.config.spread.of(spread, floor);
        let share = (target - mean).square().weigh(precision);
        log_scale * 0.5 + (share * (1.0 / dof)).log1p() * (0.5 * (dof + 1.0)) + self.constant
    }
}

/// `ln G(v / 2) - ln G((v + 1) / 2) + ln(v pi) / 2`: minus the logarithm of the density at the center.
fn constant(dof: f64) -> f64 {
    // From here on the series of the quotient of two gamma functions is precise to the last digit.
    const LARGE: f64 = 24.0;
    // ln G(z + 1/2) - ln G(z) grows by ln((z + 1/2) / z) from z to z + 1.
    let (mut z, mut steps) = (dof * 0.5, 0.0);
    while z < LARGE {
        steps += (0.5 / z).ln_1p();
        z += 1.0;
    }
    let inverse = 1.0 / z;
    let squared = inverse * inverse;
    let series =
        inverse * (-1.0 / 8.0 + squared * (1.0 / 192.0 + squared * (-1.0 / 640.0 + squared * (17.0 / 14336.0))));
    steps - 0.5 * z.ln() - series + 0.5 * (dof * core::f64::consts::PI).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_constants() {
        let close = |dof: f64, expected: f64| {
            let got = constant(dof);
            assert!((got - expected).abs() < 2e-15 * expected.abs().max(1.0), "{dof}: {got} {expected}");
        };
        // The densities at the center are 1 / pi, 1 / (2 sqrt 2), 2 / (pi sqrt 3) and 3 / 8.
        close(1.0, core::f64::consts::PI.ln());
        close(2.0, 8f64.ln() / 2.0);
        close(3.0, (core::f64::consts::PI * 3f64.sqrt() / 2.0).ln());
        close(4.0, (8.0 / 3f64).ln());
        // Of very many degrees of freedom it is the constant of the Gaussian.
        assert!((constant(1e9) - (2.0 * core::f64::consts::PI).ln() / 2.0 - 0.25e-9).abs() < 1e-14);
    }

    #[test]
    fn many_degrees_of_freedom_are_the_gaussian() {
        let student = StudentTNllLossConfig::new().with_dof(1e9).init(&Device::flex());
        let gaussian = super::super::GaussianNllLossConfig::new().with_full(true).init(&Device::flex());
        for (parameters, target) in [([0.5, 0.7], 2.0), ([-1.0, -2.0], 0.25)] {
            let (one, other): (f64, f64) = (student.eval(parameters, [target]), gaussian.eval(parameters, [target]));
            assert!((one - other).abs() < 1e-6, "{one} {other}");
        }
    }
}
