//! KL divergence of Gaussians.

use super::{Generative, GenerativeLoss, values};
use crate::check::{Reference, widen};
use crate::engine::primitives::columns::columns;
use crate::engine::rows::valid_rows;
use crate::engine::vectors::{self, VectorKernel, Vectors, of_formula};
use crate::engine::{with_zero_gradient, without_weightless};
use crate::error::{InputError, expect};
use crate::formula::{Real, VectorFormula};
use crate::reduction::{Extras, Reduction, ShapedExtras, Unreduced, row_sums};
use crate::signature::{Argument, Arguments, Called, EvalError, Shape, Signature, Wanted, with_rank};
use burn::tensor::{Bool, Tensor};
use burn_losses_derive::{Choice, loss, loss_config};

/// The Gaussian that the latent one is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum OtherGaussian {
    /// The standard normal distribution, unless the call gives another Gaussian.
    #[default]
    Standard,
    /// Another Gaussian, which every call has to give.
    Given,
}

/// KL divergence of one diagonal Gaussian from another (Kingma and Welling 2013,
/// [arXiv 1312.6114](https://arxiv.org/abs/1312.6114)).
///
/// # Formula
/// ```text
/// sum_e max(free_bits, 1/2 (e^s + m^2 - 1 - s))
/// ```
/// with the mean m and the log-variance s of each latent variable. The sum runs over all axes but the first, so there is one value per
/// row of `[N, ..]`. [`forward_between`](Self::forward_between) compares with another Gaussian, whose mean is m' and whose log-variance
/// is s'. The term is then `1/2 (e^(s - s') - 1 - (s - s') + (m - m')^2 e^-s')`.
///
/// `free_bits` is the divergence, in nats per latent variable, below which the term is constant (Kingma et al. 2016,
/// [arXiv 1606.04934](https://arxiv.org/abs/1606.04934)). The bound holds for each row; the paper has it for the mean over the batch.
///
/// # When to use
/// For variational autoencoders: this loss is the rate, and a reconstruction loss is the distortion. The beta of a beta-VAE is the weight
/// of this term in a [`JointLossConfig`](crate::composition::JointLossConfig), and the weight may follow a schedule. If the posterior
/// collapses, begin with a small weight, or set `free_bits` to a number from 0.1 to 2. For distributions over classes, take
/// [`KlDivergenceLoss`](crate::distribution::KlDivergenceLoss).
///
/// # Numerics
/// For small s, e^s - 1 - s is computed as a series, so that it loses no digits and is never negative. Above a difference of 60 between
/// the log-variances, the exponential continues as its tangent. A log-variance of the other Gaussian below -60 counts as -60. Values and
/// gradients are therefore finite in f32. Below `free_bits` the gradient is 0.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{generative::KlGaussianLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = KlGaussianLossConfig::new().init(&device);
/// let mean = Tensor::<2>::from_floats([[1.0, 2.0]], &device);
/// let value = loss.forward(mean.clone(), mean.zeros_like());
/// assert_eq!(value.into_scalar::<f32>(), 2.5);
/// // The divergence of a distribution from itself is 0.
/// let value = loss.forward_between(mean.clone(), mean.zeros_like(), mean.clone(), mean.zeros_like());
/// assert_eq!(value.into_scalar::<f32>(), 0.0);
/// ```
///
/// # Elsewhere
/// - `torch.distributions.kl_divergence`: of two `Normal`, whose scale is e^(s/2), the terms before the sum; the reference values
///   agree with it.
#[loss(generative, "kl_gaussian", "KL divergence of latent Gaussians, for variational autoencoders")]
pub struct KlGaussianLoss {
    config: KlGaussianLossConfig,
}

/// Config of [`KlGaussianLoss`].
#[loss_config]
pub struct KlGaussianLossConfig {
    /// The least value of the term of a latent variable, in nats.
    #[field(default = 0.0, range = ">= 0")]
    pub free_bits: f64,
    /// The Gaussian that the latent one is compared with.
    #[field(default = OtherGaussian::Standard)]
    pub other: OtherGaussian,
}

/// A difference of log-variances beyond this is on the tangent.
const STEEPEST: f64 = 60.0;

/// (m, s) and (m', s') of one latent number.
impl VectorFormula<2, 2> for KlGaussianLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, [mean, log_variance]: [R; 2], [other_mean, other]: [R; 2]) -> R {
        let least = other.lit(-STEEPEST);
        let precision = (-other.clone().maximum(least)).exp();
        let apart = (mean - other_mean).square() * precision;
        let value = (excess(log_variance - other) + apart) * 0.5;
        if self.config.free_bits > 0.0 {
            let free = value.lit(self.config.free_bits);
            // In this order a NaN stays one.
            return value.maximum(free);
        }
        value
    }
}

/// e^x - 1 - x.
#[inline(always)]
fn excess<R: Real>(x: R) -> R {
    // Near 0 it is a series, whose last term is below the last digit of an `f64`.
    let far = x.clone().abs().gt_lit(0.5);
    let near = R::select(&far, x.lit(0.0), x.clone());
    let mut series = x.lit(1.0);
    for n in (3..=15).rev() {
        series = series * near.clone() * (1.0 / f64::from(n)) + 1.0;
    }
    let bounded = x.clone().minimum(x.lit(STEEPEST));
    let slope = bounded.clone().exp() - 1.0;
    let beyond = (x - STEEPEST).relu();
    R::select(&far, slope.clone() - bounded + beyond * slope.stop(), near.square() * series * 0.5)
}

impl Vectors for KlGaussianLoss {
    fn kernel(&self) -> Option<VectorKernel> {
        Some(VectorKernel::new(self))
    }
    fn values(&self, latent: Tensor<2>, other: Tensor<2>, _: Option<&Tensor<1, Bool>>) -> Tensor<1> {
        of_formula(self, latent, other)
    }
}

/// Means and log-variances `[N, E]` as rows of two numbers: `[N E, 2]`.
fn pairs(mean: Tensor<2>, log_variance: Tensor<2>) -> Tensor<2> {
    let count = mean.shape().num_elements();
    columns([mean, log_variance].map(|numbers| numbers.reshape([count])))
}

impl KlGaussianLoss {
    /// The `[N]` values of `[N, E]` means and log-variances.
    fn rows(
        &self,
        latent: [Tensor<2>; 2],
        other: Option<[Tensor<2>; 2]>,
        mask: Option<&Tensor<1, Bool>>,
    ) -> Unreduced<1> {
        let [count, size] = latent[0].dims();
        let [mean, log_variance] = latent.map(|rows| widen(valid_rows(rows, mask)));
        if count * size == 0 {
            let none = Tensor::zeros([count], (&mean.device(), mean.dtype()));
            return Unreduced::from(with_zero_gradient(none, mean)).masked(mask);
        }
        let latent = pairs(mean, log_variance);
        let other = match other {
            Some(other) => {
                let [mean, log_variance] = other.map(|rows| widen(valid_rows(rows, mask)));
                pairs(mean, log_variance)
            }
            None => Tensor::zeros(latent.dims(), (&latent.device(), latent.dtype())),
        };
        let Unreduced { values, .. } = vectors::values(self, latent, other, None);
        Unreduced::from(row_sums(values.reshape([count, size])).squeeze_dim(1)).masked(mask)
    }

    /// The `[N]` values of a batch that has been checked, and the extras for their shape.
    fn values_of(
        &self,
        latent: [Tensor<2>; 2],
        other: Option<[Tensor<2>; 2]>,
        extras: Extras,
    ) -> (Unreduced<1>, ShapedExtras<1>) {
        let extras: ShapedExtras<1> = extras.for_shape([latent[0].dims()[0]]);
        let latent = latent.map(|rows| without_weightless(rows, &extras));
        let other = other.map(|other| other.map(|rows| without_weightless(rows, &extras)));
        (self.rows(latent, other, extras.mask.as_ref()), extras)
    }

    /// The value of the batch against another Gaussian, reduced as the config says.
    ///
    /// # Shapes
    /// - mean, log_variance, other_mean, other_log_variance: `[N, ..]`, of the same shape
    /// - output: `[1]`
    ///
    /// # Panics
    /// With the message of [`check_between`](Self::check_between)'s error.
    #[track_caller]
    pub fn forward_between<const D: usize>(
        &self,
        mean: Tensor<D>,
        log_variance: Tensor<D>,
        other_mean: Tensor<D>,
        other_log_variance: Tensor<D>,
    ) -> Tensor<1> {
        self.forward_between_with([mean, log_variance], [other_mean, other_log_variance], Extras::new())
    }

    /// Like [`forward_between`](Self::forward_between), with weights `[N]`, a mask `[N]` of the rows that are valid, or a divisor:
    /// see [`Extras`]. A Gaussian is its mean and its log-variance.
    ///
    /// # Panics
    /// With the message of [`check_between`](Self::check_between)'s error.
    #[track_caller]
    pub fn forward_between_with<const D: usize>(
        &self,
        latent: [Tensor<D>; 2],
        other: [Tensor<D>; 2],
        extras: impl Into<Extras>,
    ) -> Tensor<1> {
        let extras = extras.into();
        expect(self.check_between(&latent, &other, &extras));
        let (values, extras) = self.values_of(latent.map(values::rows), Some(other.map(values::rows)), extras);
        extras.reduce(self.config.reduction, values)
    }

    /// One value per row, with its normalizer: the number that it adds to the divisor of a mean. Each value is multiplied by its weight,
    /// and divided by the divisor of the extras.
    ///
    /// # Panics
    /// With the message of [`check_between`](Self::check_between)'s error.
    #[track_caller]
    pub fn forward_between_unreduced<const D: usize>(
        &self,
        latent: [Tensor<D>; 2],
        other: [Tensor<D>; 2],
        extras: impl Into<Extras>,
    ) -> Unreduced<1> {
        let extras = extras.into();
        expect(self.check_between(&latent, &other, &extras));
        let (values, extras) = self.values_of(latent.map(values::rows), Some(other.map(values::rows)), extras);
        extras.apply(values)
    }

    /// Checks the shapes, types and devices of two Gaussians, each a mean and a log-variance.
    pub fn check_between<const D: usize>(
        &self,
        latent: &[Tensor<D>; 2],
        other: &[Tensor<D>; 2],
        extras: &Extras,
    ) -> Result<(), InputError> {
        values::check_two(self, &latent[0], &latent[1], extras)?;
        let first = Reference { loss: self.kind(), name: "mean", tensor: &latent[0] };
        first.same("other_mean", &other[0])?;
        first.same("other_log_variance", &other[1])
    }
}

impl GenerativeLoss for KlGaussianLoss {}

impl Generative for KlGaussianLoss {
    fn arguments(&self) -> [&'static str; 2] {
        ["mean", "log_variance"]
    }

    fn is_per_row(&self) -> bool {
        true
    }

    fn needs(&self) -> Option<(&'static str, &'static str)> {
        let why = "`other` is `given`: call `forward_between`";
        (self.config.other == OtherGaussian::Given).then_some(("other_mean", why))
    }

    fn unreduced(&self, mean: Tensor<2>, log_variance: Tensor<2>, extras: Extras) -> Unreduced<2> {
        let (values, extras) = self.values_of([mean, log_variance], None, extras);
        let Unreduced { values, normalizer } = extras.apply(values);
        Unreduced {
            values: values.unsqueeze_dim(1),
            normalizer: normalizer.map(|normalizer| normalizer.unsqueeze_dim(1)),
        }
    }

    fn reduce(&self, reduction: Reduction, mean: Tensor<2>, log_variance: Tensor<2>, extras: Extras) -> Tensor<1> {
        let (values, extras) = self.values_of([mean, log_variance], None, extras);
        extras.reduce(reduction, values)
    }

    fn other_signature(&self) -> Option<Signature> {
        let latent = [Argument::prediction("mean", Shape::ANY), Argument::prediction("log_variance", Shape::Same)];
        let other = ["other_mean", "other_log_variance"].map(|name| Argument::target(name, Shape::Same));
        let extras = [Argument::weights(Shape::First(1)), Argument::mask("mask", Shape::First(1))];
        Some(latent.into_iter().chain(other).chain(extras).collect())
    }

    fn call_other(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        with_rank!(arguments, |D| {
            let latent = ["mean", "log_variance"].map(|name| arguments.float::<D>(name));
            let other = ["other_mean", "other_log_variance"].map(|name| arguments.float::<D>(name));
            let extras = arguments.extras::<1, 1>();
            self.check_between(&latent, &other, &extras)?;
            Ok(match wanted {
                Wanted::Values => self.forward_between_unreduced(latent, other, extras.mask_alone()).values.into(),
                Wanted::Loss => self.forward_between_with(latent, other, extras).into(),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Dual;
    use burn::tensor::Device;

    #[test]
    fn small_log_variances_keep_their_digits() {
        for x in [1e-8f64, -1e-6, 1e-3, -0.02, 0.3, 0.499, -0.5] {
            let expected = (2..25).map(|n| x.powi(n) / (1..=n).map(f64::from).product::<f64>()).sum::<f64>();
            let got = excess(Dual::<f64, 1>::variable(x, 0));
            assert!((got.value / expected - 1.0).abs() < 1e-14, "{x}: {} against {expected}", got.value);
            assert!((got.slope[0] / x.exp_m1() - 1.0).abs() < 1e-14, "{x}: {}", got.slope[0]);
        }
        // In f32 the formula as it stands is off by 1e-4 here.
        let device = Device::flex();
        let s = Tensor::<2>::from_floats([[1e-3]], &device);
        let got: f64 = KlGaussianLossConfig::new().init(&device).forward(s.zeros_like(), s).into_scalar();
        let s = f64::from(1e-3f32);
        assert!((got / ((s.exp_m1() - s) / 2.0) - 1.0).abs() < 1e-6, "{got}");
    }

    #[test]
    fn large_log_variances_are_finite_and_have_a_slope() {
        let device = Device::flex().autodiff();
        for size in [50.0f32, 100.0, 1e4] {
            let s = Tensor::<2>::from_floats([[size, -size]], &device).require_grad();
            let m = Tensor::<2>::from_floats([[1e4, -1e4]], &device).require_grad();
            let o = Tensor::<2>::from_floats([[-size, size]], &device).require_grad();
            let loss = KlGaussianLossConfig::new().init(&device);
            let run = |value: Tensor<1>| {
                let gradients = value.clone().backward();
                let slopes = [&s, &m].map(|leaf| leaf.grad(&gradients).expect("a gradient").into_data());
                assert!(value.into_scalar::<f32>().is_finite());
                assert!(slopes.iter().all(|slopes| slopes.iter::<f32>().all(f32::is_finite)), "{slopes:?}");
                slopes[0].iter::<f32>().collect::<Vec<_>>()
            };
            let slopes = run(loss.forward(m.clone(), s.clone()));
            assert!(slopes[0] > 1e20 && (slopes[1] + 0.5).abs() < 1e-6, "{slopes:?}");
            run(loss.forward_between(m.clone(), s.clone(), m.zeros_like(), o));
        }
    }

    #[test]
    fn free_bits_cost_nothing_and_have_no_gradient() {
        let device = Device::flex().autodiff();
        let mean = Tensor::<2>::from_floats([[0.1, 3.0]], &device).require_grad();
        let loss = KlGaussianLossConfig::new().with_free_bits(0.5).init(&device);
        let value = loss.forward(mean.clone(), mean.zeros_like());
        let gradient = mean.grad(&value.backward()).expect("a gradient").into_data().iter::<f32>().collect::<Vec<_>>();
        assert_eq!((value.into_scalar::<f32>(), gradient), (5.0, vec![0.0, 3.0]));
    }

    #[test]
    fn another_gaussian_has_to_be_given_where_the_config_says_so() {
        let device = Device::flex();
        let loss = KlGaussianLossConfig::new().with_other(OtherGaussian::Given).init(&device);
        let mean = Tensor::<2>::zeros([1, 2], &device);
        let error = loss.check(&mean, &mean, &Extras::new()).expect_err("no other").to_string();
        assert_eq!(error, "kl_gaussian: `other_mean` is missing: `other` is `given`: call `forward_between`");
        let value = loss.forward_between(mean.clone(), mean.clone(), mean.clone() + 2.0, mean);
        assert_eq!(value.into_scalar::<f32>(), 4.0);
    }

    #[test]
    fn both_arguments_have_a_gradient_from_the_fused_engine() {
        let device = Device::flex().autodiff();
        let latent = || Tensor::<2>::from_floats([[0.5, -1.0]], &device).require_grad();
        let (mean, log_variance) = (latent(), latent());
        let loss = KlGaussianLossConfig::new().init(&device);
        let (value, paths) = crate::watched(|| loss.forward(mean.clone(), log_variance.clone()));
        assert_eq!((paths.fused, paths.tensor.len()), (vec!["columns", "vectors"], 0));
        let gradients = value.backward();
        let of =
            |leaf: &Tensor<2>| leaf.grad(&gradients).expect("a gradient").into_data().iter::<f32>().collect::<Vec<_>>();
        assert_eq!(of(&mean), [0.5, -1.0]);
        let expected = [0.5f64, -1.0].map(|s| s.exp_m1() / 2.0);
        of(&log_variance).iter().zip(expected).for_each(|(a, b)| assert!((f64::from(*a) - b).abs() < 1e-6));
    }
}
