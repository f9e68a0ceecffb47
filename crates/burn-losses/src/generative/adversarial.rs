//! Adversarial loss.

use super::{Generative, GenerativeLoss};
use crate::check::Reference;
use crate::engine::pointwise;
use crate::error::{ConfigError, InputError, expect};
use crate::formula::{Formula, Real};
use crate::reduction::{Extras, Reduction, Unreduced};
use crate::signature::{Argument, Arguments, Called, EvalError, Shape, Signature, Wanted, with_rank};
use burn::tensor::Tensor;
use burn_losses_derive::{Choice, loss, loss_config};

/// What the discriminator and the generator minimize.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum AdversarialForm {
    /// Binary cross-entropy of the scores, which are logits (Goodfellow et al. 2014).
    #[default]
    Minimax,
    /// Hinges at 1 and -1 (Lim and Ye 2017).
    Hinge,
    /// Squared distances from two labels (Mao et al. 2017).
    LeastSquares,
    /// The scores themselves (Arjovsky et al. 2017).
    Wasserstein,
}

/// What the generator of `minimax` minimizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum GeneratorForm {
    /// -ln D(G(z)): the gradient is large where the discriminator confidently rejects the sample.
    #[default]
    NonSaturating,
    /// ln (1 - D(G(z))): the value of the original minimax game.
    Saturating,
}

/// Adversarial loss of a discriminator and a generator (Goodfellow et al. 2014,
/// [arXiv 1406.2661](https://arxiv.org/abs/1406.2661)).
///
/// # Formula
/// With the score a of a real sample and the score b of a fake one, and sp(x) = ln(1 + e^x):
/// ```text
/// form             discriminator                           generator
/// minimax          sp(-a) + sp(b)                          sp(-b)
/// hinge            max(0, 1 - a) + max(0, 1 + b)           -b
/// least_squares    ((a - real)^2 + (b - fake)^2) / 2       (b - real)^2 / 2
/// wasserstein      b - a                                   -b
/// ```
/// `real` is `real_label` and `fake` is `fake_label`; `half = false` leaves out the 1/2. With `generator = "saturating"` the generator
/// of `minimax` minimizes -sp(b).
/// [`forward_discriminator`](Self::forward_discriminator) takes the scores of real and of fake samples.
/// [`forward_generator`](Self::forward_generator) takes the scores of fake samples alone. The scores may have any shape: there is one
/// per sample, or one per patch of a sample.
///
/// The form `hinge` is from Lim and Ye 2017, [arXiv 1705.02894](https://arxiv.org/abs/1705.02894), `least_squares` is from Mao et al.
/// 2017, [arXiv 1611.04076](https://arxiv.org/abs/1611.04076), and `wasserstein` is from Arjovsky et al. 2017,
/// [arXiv 1701.07875](https://arxiv.org/abs/1701.07875).
///
/// # When to use
/// For generative adversarial networks, and as a term of a codec or of super-resolution next to
/// [`MaeLoss`](crate::regression::MaeLoss) or [`SsimLoss`](crate::image::SsimLoss). `hinge` is the usual choice for images.
/// `wasserstein` needs a discriminator that is Lipschitz continuous: use spectral normalization, since Burn's autodiff cannot
/// differentiate a gradient penalty. Detach the fake samples in the discriminator's step.
///
/// # Numerics
/// The scores are logits. The loss never takes the logarithm of a sigmoid, so no value is infinite for finite scores. The gradient of
/// a hinge is 0 at its kink.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{generative::{AdversarialForm, AdversarialLossConfig}, prelude::*};
///
/// let device = Device::flex();
/// let loss = AdversarialLossConfig::new().with_form(AdversarialForm::Hinge).init(&device);
/// let real = Tensor::<1>::from_floats([0.5, 2.0], &device);
/// let fake = Tensor::<1>::from_floats([-2.0, 1.0], &device);
/// assert_eq!(loss.forward_discriminator(real, fake.clone()).into_scalar::<f32>(), (0.5 + 2.0) / 2.0);
/// assert_eq!(loss.forward_generator(fake).into_scalar::<f32>(), 0.5);
/// ```
///
/// # Elsewhere
/// - `monai.losses.PatchAdversarialLoss`: without the 1/2 of `least_squares`, and with a tanh before the hinge of the generator;
///   otherwise the reference values agree with it.
/// - `torch.nn.BCEWithLogitsLoss`: `minimax`, with targets of 1 for real and 0 for fake scores.
///
/// TF-GAN has all forms as functions of their own (`modified_discriminator_loss`, `least_squares_generator_loss`, ..), with the
/// 1/2.
#[loss(generative, "adversarial", "Scores of a discriminator for real and fake samples, for GANs")]
pub struct AdversarialLoss {
    config: AdversarialLossConfig,
}

/// Config of [`AdversarialLoss`].
#[loss_config(check = check)]
pub struct AdversarialLossConfig {
    /// What the discriminator and the generator minimize.
    #[field(default = AdversarialForm::Minimax)]
    pub form: AdversarialForm,
    /// What the generator of `minimax` minimizes.
    #[field(default = GeneratorForm::NonSaturating)]
    pub generator: GeneratorForm,
    /// The score of a real sample in `least_squares`.
    #[field(default = 1.0)]
    pub real_label: f64,
    /// The score of a fake sample in `least_squares`.
    #[field(default = 0.0)]
    pub fake_label: f64,
    /// Whether the squares of `least_squares` are halved.
    #[field(default = true)]
    pub half: bool,
}

fn check(config: &AdversarialLossConfig) -> Result<(), ConfigError> {
    if config.generator == GeneratorForm::NonSaturating || config.form == AdversarialForm::Minimax {
        return Ok(());
    }
    Err(ConfigError::InvalidValue {
        loss: "adversarial",
        field: "generator".into(),
        value: "saturating".into(),
        allowed: "`non_saturating`: `saturating` is for `form = \"minimax\"`".into(),
    })
}

/// The part of the value that depends on one score.
#[derive(Debug, Clone)]
struct Part {
    form: AdversarialForm,
    /// 1 where the score shall fall, -1 where it shall rise.
    sign: f64,
    factor: f64,
}

/// A score, and what it shall be (in `least_squares`).
impl Formula for Part {
    #[inline(always)]
    fn eval<R: Real>(&self, score: R, label: R) -> R {
        match self.form {
            AdversarialForm::Minimax => (score * self.sign).softplus() * self.factor,
            AdversarialForm::Hinge => (score * self.sign + 1.0).relu() * self.factor,
            AdversarialForm::LeastSquares => (score - label).square() * self.factor,
            AdversarialForm::Wasserstein => score * (self.sign * self.factor),
        }
    }
}

impl AdversarialLoss {
    /// The part of a score, and its label: it shall be that of a real sample, or that of a fake one.
    fn part(&self, is_real: bool) -> (Part, f64) {
        let AdversarialLossConfig { form, real_label, fake_label, half, .. } = self.config;
        let factor = if half && form == AdversarialForm::LeastSquares { 0.5 } else { 1.0 };
        let (sign, label) = if is_real { (-1.0, real_label) } else { (1.0, fake_label) };
        (Part { form, sign, factor }, label)
    }

    /// The part of a fake score for the generator.
    fn part_of_generator(&self) -> (Part, f64) {
        let (mut part, label) = self.part(true);
        match (self.config.form, self.config.generator) {
            (AdversarialForm::Hinge, _) => part.form = AdversarialForm::Wasserstein,
            (AdversarialForm::Minimax, GeneratorForm::Saturating) => (part.sign, part.factor) = (1.0, -1.0),
            _ => {}
        }
        (part, label)
    }

    /// The value of the batch for the discriminator, reduced as the config says: the same as [`forward`](Self::forward).
    ///
    /// # Shapes
    /// - real, fake: `[N, ..]`, of the same shape
    /// - output: `[1]`
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    pub fn forward_discriminator<const D: usize>(&self, real: Tensor<D>, fake: Tensor<D>) -> Tensor<1> {
        self.forward(real, fake)
    }

    /// The value of the batch for the generator, reduced as the config says.
    ///
    /// # Shapes
    /// - fake: `[N, ..]`
    /// - output: `[1]`
    #[track_caller]
    pub fn forward_generator<const D: usize>(&self, fake: Tensor<D>) -> Tensor<1> {
        self.forward_generator_with(fake, Extras::new())
    }

    /// Like [`forward_generator`](Self::forward_generator), with weights, a mask of the scores that are valid, or a divisor: see
    /// [`Extras`].
    ///
    /// # Panics
    /// With the message of [`check_generator`](Self::check_generator)'s error.
    #[track_caller]
    pub fn forward_generator_with<const D: usize>(&self, fake: Tensor<D>, extras: impl Into<Extras>) -> Tensor<1> {
        let extras = extras.into();
        expect(self.check_generator(&fake, &extras));
        let (part, label) = self.part_of_generator();
        let labels = labels(&fake, label);
        pointwise::reduce(&part, self.config.reduction, fake, labels, extras)
    }

    /// One value per fake score, with its normalizer: the number that it adds to the divisor of a mean. Each value is multiplied by its
    /// weight, and divided by the divisor of the extras.
    ///
    /// # Panics
    /// With the message of [`check_generator`](Self::check_generator)'s error.
    #[track_caller]
    pub fn forward_generator_unreduced<const D: usize>(
        &self,
        fake: Tensor<D>,
        extras: impl Into<Extras>,
    ) -> Unreduced<D> {
        let extras = extras.into();
        expect(self.check_generator(&fake, &extras));
        let (part, label) = self.part_of_generator();
        let labels = labels(&fake, label);
        pointwise::unreduced(&part, fake, labels, extras)
    }

    /// Checks the shapes, types and devices of the arguments for the generator.
    pub fn check_generator<const D: usize>(&self, fake: &Tensor<D>, extras: &Extras) -> Result<(), InputError> {
        Reference { loss: self.kind(), name: "fake", tensor: fake }.extras(&fake.dims(), extras)
    }
}

/// One number in the shape of the scores, as a constant.
fn labels<const D: usize>(scores: &Tensor<D>, label: f64) -> Tensor<D> {
    Tensor::full(scores.dims(), label, (&scores.device(), scores.dtype()))
}

impl GenerativeLoss for AdversarialLoss {}

impl Generative for AdversarialLoss {
    fn arguments(&self) -> [&'static str; 2] {
        ["real", "fake"]
    }

    /// The two parts apart: both scores need a gradient, and each part is a formula of one of them.
    fn unreduced(&self, real: Tensor<2>, fake: Tensor<2>, extras: Extras) -> Unreduced<2> {
        let [of_real, of_fake] = [(true, real), (false, fake)].map(|(is_real, scores)| {
            let ((part, label), extras) = (self.part(is_real), extras.clone());
            let labels = labels(&scores, label);
            pointwise::unreduced(&part, scores, labels, extras)
        });
        Unreduced { values: of_real.values + of_fake.values, normalizer: of_real.normalizer }
    }

    fn reduce(&self, reduction: Reduction, real: Tensor<2>, fake: Tensor<2>, extras: Extras) -> Tensor<1> {
        let [of_real, of_fake] = [(true, real), (false, fake)].map(|(is_real, scores)| {
            let ((part, label), extras) = (self.part(is_real), extras.clone());
            let labels = labels(&scores, label);
            pointwise::reduce(&part, reduction, scores, labels, extras)
        });
        of_real + of_fake
    }

    fn other_signature(&self) -> Option<Signature> {
        let extras = [Argument::weights(Shape::Same), Argument::mask("mask", Shape::Same)];
        Some([Argument::prediction("fake", Shape::ANY)].into_iter().chain(extras).collect())
    }

    fn call_other(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        with_rank!(arguments, |D| {
            let fake = arguments.float::<D>("fake");
            let extras = arguments.extras::<D, D>();
            self.check_generator(&fake, &extras)?;
            Ok(match wanted {
                Wanted::Values => self.forward_generator_unreduced(fake, extras.mask_alone()).values.into(),
                Wanted::Loss => self.forward_generator_with(fake, extras).into(),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn values(config: AdversarialLossConfig) -> [f64; 2] {
        let device = Device::flex();
        let loss = config.init(&device);
        let (real, fake) = (Tensor::<1>::from_floats([0.5], &device), Tensor::<1>::from_floats([-0.25], &device));
        [loss.forward_discriminator(real, fake.clone()).into_scalar(), loss.forward_generator(fake).into_scalar()]
    }

    #[test]
    fn each_form_by_hand() {
        let softplus = |x: f64| (1.0 + x.exp()).ln();
        let of = |form| AdversarialLossConfig::new().with_form(form);
        let squares = of(AdversarialForm::LeastSquares);
        let cases = [
            (of(AdversarialForm::Minimax), [softplus(-0.5) + softplus(-0.25), softplus(0.25)]),
            (
                AdversarialLossConfig::new().with_generator(GeneratorForm::Saturating),
                [softplus(-0.5) + softplus(-0.25), -softplus(-0.25)],
            ),
            // The generator has no hinge, and no tanh.
            (of(AdversarialForm::Hinge), [1.25, 0.25]),
            (of(AdversarialForm::Wasserstein), [-0.75, 0.25]),
            (squares.clone(), [(0.25 + 0.0625) / 2.0, 1.5625 / 2.0]),
            (squares.clone().with_half(false), [0.25 + 0.0625, 1.5625]),
            (squares.with_real_label(0.5).with_fake_label(-1.0), [0.5625 / 2.0, 0.5625 / 2.0]),
        ];
        for (config, expected) in cases {
            let got = values(config.clone());
            for (got, expected) in got.iter().zip(expected) {
                assert!((got - expected).abs() < 1e-6, "{config:?}: {got} against {expected}");
            }
        }
    }

    #[test]
    fn both_scores_have_a_gradient_from_the_fused_engine() {
        let device = Device::flex().autodiff();
        let [real, fake] =
            [[3.0f32, -1.0], [0.5, -2.0]].map(|scores| Tensor::<1>::from_floats(scores, &device).require_grad());
        let loss = AdversarialLossConfig::new().with_form(AdversarialForm::Hinge).init(&device);
        let (value, paths) = crate::watched(|| loss.forward_discriminator(real.clone(), fake.clone()));
        assert_eq!((paths.fused, paths.tensor.len()), (vec!["pointwise"; 2], 0));
        let gradients = value.backward();
        let of = |scores: &Tensor<1>| {
            scores.grad(&gradients).expect("a gradient").into_data().iter::<f32>().collect::<Vec<_>>()
        };
        assert_eq!((of(&real), of(&fake)), (vec![0.0, -0.5], vec![0.5, 0.0]));
    }

    #[test]
    fn saturating_is_for_minimax_alone() {
        let config = AdversarialLossConfig::new().with_generator(GeneratorForm::Saturating);
        assert!(config.validate().is_ok());
        let error =
            config.with_form(AdversarialForm::Wasserstein).validate().expect_err("a form without it").to_string();
        assert!(error.contains("`generator` is saturating") && error.contains("minimax"), "{error}");
    }

    #[test]
    fn scores_of_patches_have_one_value_each() {
        let device = Device::flex();
        let loss = AdversarialLossConfig::new().init(&device);
        let scores = Tensor::<4>::zeros([2, 1, 3, 3], &device);
        let values: Tensor<4> = loss.forward_no_reduction(scores.clone(), scores.clone());
        assert_eq!(values.dims(), [2, 1, 3, 3]);
        let error = loss.check(&scores, &Tensor::zeros([2, 1, 3, 4], &device), &Extras::new()).unwrap_err().to_string();
        assert_eq!(error, "adversarial: `fake` has shape [2, 1, 3, 4], expected [2, 1, 3, 3] (that of `real`)");
    }
}
