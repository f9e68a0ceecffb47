//! Gaussian negative log-likelihood.

use super::spread::weighed_by_variance;
use super::{LikelihoodLoss, SpreadForm};
use crate::formula::{Real, VectorFormula};
use burn_losses_derive::{loss, loss_config};

/// Half of ln(2 pi).
const HALF_LN_2_PI: f64 = 0.918_938_533_204_672_8;

/// Negative log-likelihood of a Gaussian whose mean and variance are both predicted (Nix and Weigend 1994,
/// [doi 10.1109/ICNN.1994.374138](https://doi.org/10.1109/ICNN.1994.374138)).
///
/// # Formula
/// ```text
/// v^beta ((ln v + d^2 / v) / 2 + ln(2 pi) / 2)      d = target - mean, v^beta a constant for the gradient
///
/// v = e^s                        log_variance, with s in [-60, 60]
/// v = max(s, floor)              variance
/// v = max(ln(1 + e^s), floor)    softplus
/// ```
/// of the parameters mean and s. The term ln(2 pi) is there with `full = true`. With beta = 0 the factor v^beta is 1.
///
/// # When to use
/// For regression whose noise differs from sample to sample, and for the uncertainty of a prediction. Where the variances run
/// away while the means stay bad, `beta = 0.5` gives every sample a share in the means' gradient (beta-NLL, Seitzer et al. 2022,
/// [arXiv 2203.09168](https://arxiv.org/abs/2203.09168)). With one noise for all samples take [`MseLoss`](crate::regression::MseLoss);
/// for heavy tails [`LaplaceNllLoss`](super::LaplaceNllLoss) or [`StudentTNllLoss`](super::StudentTNllLoss), for intervals
/// [`MultiQuantileLoss`](super::MultiQuantileLoss).
///
/// # Shapes
/// - parameters: `[N, 2, d1, ..]`, the mean and the spread; or two tensors of the shape of the targets, with `forward_parts`
/// - targets: `[N, d1, ..]`
///
/// # Numerics
/// A variance below the floor has the gradient of the floor, so that it can rise again. A log-variance outside [-60, 60] has no
/// gradient.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{likelihood::{GaussianNllLossConfig, SpreadForm}, prelude::*};
///
/// let device = Device::flex();
/// let loss = GaussianNllLossConfig::new().with_spread(SpreadForm::Variance).init(&device);
/// let parameters = Tensor::<2>::from_floats([[1.0, 1.0], [0.0, 4.0]], &device);
/// let targets = Tensor::<1>::from_floats([3.0, 0.0], &device);
/// let value = loss.forward(parameters, targets.clone());
/// assert!((value.into_scalar::<f32>() - (2.0 + 4f32.ln() / 2.0) / 2.0).abs() < 1e-6);
///
/// let (mean, variance) = (Tensor::from_floats([1.0, 0.0], &device), Tensor::from_floats([1.0, 4.0], &device));
/// let value = loss.forward_parts(mean, variance, targets);
/// assert!((value.into_scalar::<f32>() - (2.0 + 4f32.ln() / 2.0) / 2.0).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `torch.nn.GaussianNLLLoss`: the same with `spread = "variance"`; its arguments are `input`, `target` and `var`, as in
///   `forward_parts`, and it refuses negative variances.
/// - `burn.nn.loss.GaussianNLLLoss`: the same values with `spread = "variance"`; its arguments are those of `forward_parts`, and
///   `GaussianNllLossConfig::from` takes its config.
/// - `torch_uncertainty.losses.BetaNLL`: it is `beta` with `spread = "variance"`; its default is `beta = 0.5`.
/// - `tensorflow_probability.distributions.Normal.log_prob`: minus this loss with `full = true`; its `scale` is the standard
///   deviation.
#[loss(likelihood, "gaussian_nll", "Negative log-likelihood of a Gaussian with a predicted mean and variance")]
pub struct GaussianNllLoss {
    config: GaussianNllLossConfig,
}

/// Config of [`GaussianNllLoss`].
#[loss_config]
pub struct GaussianNllLossConfig {
    /// How the second parameter gives the variance.
    #[field(default = SpreadForm::LogVariance)]
    pub spread: SpreadForm,
    /// The least variance, of `variance` and `softplus`.
    #[field(default = 1e-6, range = "> 0")]
    pub floor: f64,
    /// Whether the constant ln(2 pi) / 2 is added.
    #[field(default = false)]
    pub full: bool,
    /// The exponent of the variance in the weight of each value. The weight is a constant for the gradient; 0 means no weight.
    #[field(default = 0.0, range = "[0, 1]")]
    pub beta: f64,
}

impl LikelihoodLoss for GaussianNllLoss {}

impl VectorFormula<2, 1> for GaussianNllLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, [mean, spread]: [R; 2], [target]: [R; 1]) -> R {
        let GaussianNllLossConfig { floor, full, beta, .. } = self.config;
        let [log_variance, precision] = self.config.spread.of(spread, floor);
        let share = (target - mean).square().weigh(precision);
        let value = (log_variance.clone() + share) * 0.5;
        let value = if full { value + HALF_LN_2_PI } else { value };
        weighed_by_variance(value, log_variance, beta)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Dual;
    use burn::tensor::{Device, Tensor};

    fn at(config: GaussianNllLossConfig, [mean, spread]: [f64; 2], target: f64) -> Dual<f64, 2> {
        let loss = config.init(&Device::flex());
        loss.eval([Dual::variable(mean, 0), Dual::variable(spread, 1)], [Dual::constant(target)])
    }

    #[test]
    fn the_forms_agree() {
        let log = at(GaussianNllLossConfig::new(), [1.0, 0.7], 2.5).value;
        let expected = (0.7 + 2.25 * (-0.7f64).exp()) / 2.0;
        assert!((log - expected).abs() < 1e-15);
        let variance = GaussianNllLossConfig::new().with_spread(SpreadForm::Variance);
        assert!((at(variance, [1.0, 0.7f64.exp()], 2.5).value - expected).abs() < 1e-15);
        let softplus = GaussianNllLossConfig::new().with_spread(SpreadForm::Softplus);
        assert!((at(softplus, [1.0, 0.7f64.exp().exp_m1().ln()], 2.5).value - expected).abs() < 1e-14);
        let full = at(GaussianNllLossConfig::new().with_full(true), [1.0, 0.7], 2.5).value;
        assert!((full - expected - (2.0 * core::f64::consts::PI).ln() / 2.0).abs() < 1e-15);
    }

    #[test]
    fn a_variance_below_the_floor_has_the_slope_of_the_floor() {
        let config = GaussianNllLossConfig::new().with_spread(SpreadForm::Variance).with_floor(0.5);
        let of_floor = at(config.clone(), [0.0, 0.5], 2.0);
        for variance in [0.25, 0.0, -3.0, -1e4] {
            let y = at(config.clone(), [0.0, variance], 2.0);
            assert_eq!((y.value, y.slope), (of_floor.value, of_floor.slope), "{variance}");
        }
        assert_eq!(of_floor.slope, [-4.0, 1.0 - 8.0]);
        // In single precision too, where the floor is below the last digit of the variance.
        let device = Device::flex().autodiff();
        let loss = GaussianNllLossConfig::new().with_spread(SpreadForm::Variance).init(&device);
        let run = || {
            let leaf = Tensor::<2>::from_floats([[1.0, -1e4]], &device).require_grad();
            let gradients = loss.forward(leaf.clone(), Tensor::<1>::from_floats([1.0], &device)).backward();
            leaf.grad(&gradients).expect("a gradient").into_data().iter::<f32>().collect::<Vec<_>>()
        };
        for gradient in [run(), crate::with_tensor_operations(run)] {
            assert!(gradient[0] == 0.0 && (gradient[1] - 5e5).abs() < 1.0, "{gradient:?}");
        }
    }

    #[test]
    fn beta_weighs_without_a_slope() {
        let plain = at(GaussianNllLossConfig::new().with_full(true), [1.0, 0.7], 2.5);
        let weighed = at(GaussianNllLossConfig::new().with_full(true).with_beta(0.5), [1.0, 0.7], 2.5);
        let factor = 0.35f64.exp();
        assert!((weighed.value - factor * plain.value).abs() < 1e-15);
        assert!(weighed.slope.iter().zip(plain.slope).all(|(a, b)| (a - factor * b).abs() < 1e-15));
    }

    #[test]
    fn extreme_parameters_are_finite() {
        for spread in [SpreadForm::LogVariance, SpreadForm::Variance, SpreadForm::Softplus] {
            for (mean, s) in [(1e4, 1e4), (1e4, -1e4), (-1e4, 0.0), (0.0, -1e4)] {
                let y = at(GaussianNllLossConfig::new().with_spread(spread).with_beta(1.0), [mean, s], 0.0);
                assert!(y.value.is_finite() && y.slope.iter().all(|slope| slope.is_finite()), "{spread:?} {s}: {y:?}");
            }
        }
    }

    #[test]
    fn parts_are_the_same_as_one_tensor() {
        let device = Device::flex();
        let loss = GaussianNllLossConfig::new().init(&device);
        let mean = Tensor::<2>::from_floats([[1.0, 2.0], [3.0, -1.0]], &device);
        let spread = Tensor::<2>::from_floats([[0.5, -0.5], [0.0, 1.0]], &device);
        let targets = mean.clone() * 0.5 - 1.0;
        let parameters = Tensor::stack::<3>(vec![mean.clone(), spread.clone()], 1);
        let whole = loss.forward(parameters, targets.clone()).into_scalar::<f32>();
        assert_eq!(loss.forward_parts(mean, spread, targets).into_scalar::<f32>(), whole);
    }

    #[test]
    fn a_batch_is_diagnosed() {
        use crate::diagnose::LikelihoodDiagnosis;
        let device = Device::flex();
        let loss = GaussianNllLossConfig::new().init(&device);
        let parameters = Tensor::<2>::from_floats([[1.0, 0.5], [2.0, f32::NAN]], &device);
        let targets = Tensor::<1>::from_floats([0.5, 1.0], &device);
        let said = loss.diagnose(&parameters, &targets, None).to_string();
        assert!(said.contains("`parameters`: NaN (1 of 4, first at [1, 1])"), "{said}");
        assert!(loss.diagnose(&parameters.narrow(0, 0, 1), &targets.narrow(0, 0, 1), None).is_clean());
    }

    #[test]
    fn another_number_of_parameters_is_an_error() {
        let device = Device::flex();
        let loss = GaussianNllLossConfig::new().init(&device);
        let (three, targets) = (Tensor::<2>::zeros([4, 3], &device), Tensor::<1>::zeros([4], &device));
        let error = loss.check(&three, &targets, &crate::Extras::new()).unwrap_err();
        let expected = "gaussian_nll: `parameters` has shape [4, 3], expected 2 parameters on axis 1";
        assert_eq!(error.to_string(), expected);
        let two = Tensor::<2>::zeros([4, 2], &device);
        let error = loss.check(&two, &Tensor::<1>::zeros([3], &device), &crate::Extras::new()).unwrap_err();
        let expected = "gaussian_nll: `targets` has shape [3], expected [4] (that of `parameters` without axis 1)";
        assert_eq!(error.to_string(), expected);
    }
}
