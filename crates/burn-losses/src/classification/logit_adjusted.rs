//! Logit-adjusted cross-entropy.

use super::{ClassificationLoss, SoftTargets};
use crate::check::Reference;
use crate::engine::classes::along_axis_1;
use crate::error::{ConfigError, InputError, expect};
use crate::formula::safe::weighted;
use crate::formula::{Real, RowFormula};
use crate::options::log_prior;
use burn::tensor::{Device, Tensor};
use burn_losses_derive::{loss, loss_config};

/// Logit-adjusted cross-entropy (Menon et al. 2021, [arXiv 2007.07314](https://arxiv.org/abs/2007.07314)); with tau = 1 balanced
/// softmax (Ren et al. 2020, [arXiv 2007.10740](https://arxiv.org/abs/2007.10740)).
///
/// # Formula
/// `-ln softmax(x + tau ln pi)_y`, with the prior pi of the classes. Soft targets: `-sum_c q_c ln softmax(x + tau ln pi)_c`.
///
/// # When to use
/// For a long tail of classes where each class counts equally in the end (balanced accuracy): the margin between two classes grows
/// with the ratio of their frequencies. In training the prior is added to the logits; in use nothing is added, and the largest
/// logit x is the answer. A model that was trained with [`CrossEntropyLoss`](super::CrossEntropyLoss) is adjusted afterwards by
/// [`adjust`](Self::adjust). Class weights (`class_weights` of [`CrossEntropyLoss`](super::CrossEntropyLoss)) have little effect
/// on a model that separates its training data, and the prior does have one.
///
/// # Numerics
/// As [`CrossEntropyLoss`](super::CrossEntropyLoss) of the adjusted logits. A class of prior 0 would have a logit of minus
/// infinity: it is an error of the config, unless `smoothing` is added to the counts.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{ClassCounts, classification::LogitAdjustedLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let counts = ClassCounts::from_labels([0, 0, 0, 1]);
/// let loss = LogitAdjustedLossConfig::new(&counts).init(&device);
/// // Logits that say nothing: the rare class costs as much as its prior, 1/4, says.
/// let logits = Tensor::<2>::zeros([1, 2], &device);
/// let value = loss.forward(logits, Tensor::<1, Int>::from_ints([1], &device));
/// assert!((value.into_scalar::<f32>() - 4f32.ln()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `torch.nn.CrossEntropyLoss`: of logits to which `tau * prior.log()` was added, it is the same.
#[loss(
    classification,
    "logit_adjusted",
    "Softmax cross-entropy of logits with the class prior added, for a long tail of classes (balanced softmax)"
)]
pub struct LogitAdjustedLoss {
    config: LogitAdjustedLossConfig,
    /// tau ln pi, for each class.
    #[module(skip)]
    offsets: Vec<f64>,
}

/// Config of [`LogitAdjustedLoss`].
#[loss_config(check = |config| config.offsets().map(|_| ()))]
pub struct LogitAdjustedLossConfig {
    /// How often each class occurs: one count or one probability per class, of any sum.
    #[field(example = vec![0.6, 0.3, 0.1], range = ">= 0")]
    pub prior: Vec<f64>,
    /// The factor of the logarithm of the prior: 1 is balanced softmax, 0 is cross-entropy.
    #[field(default = 1.0)]
    pub tau: f64,
    /// What is added to each entry of `prior`, so that a class that was not seen has a prior.
    #[field(default = 0.0, range = ">= 0")]
    pub smoothing: f64,
    /// The label of rows that are ignored.
    #[field(default = None)]
    pub ignore_index: Option<i64>,
}

/// The largest number that is added to a logit: it is finite in single precision, and so are its sums with logits.
const MOST: f64 = 1e30;

impl LogitAdjustedLossConfig {
    fn build(&self, _: &Device) -> LogitAdjustedLoss {
        LogitAdjustedLoss { config: self.clone(), offsets: expect(self.offsets()) }
    }

    /// tau ln pi, for each class.
    fn offsets(&self) -> Result<Vec<f64>, ConfigError> {
        let loss = "logit_adjusted";
        let offset = |log_pi: f64| log_pi * self.tau;
        let offsets: Vec<f64> = log_prior(loss, &self.prior, self.smoothing)?.into_iter().map(offset).collect();
        if offsets.iter().all(|offset| offset.abs() <= MOST) {
            return Ok(offsets);
        }
        Err(ConfigError::InvalidValue {
            loss,
            field: "tau".into(),
            value: self.tau.to_string(),
            allowed: format!("a number whose product with each logarithm of the prior is at most {MOST:e}"),
        })
    }
}

impl LogitAdjustedLoss {
    /// The logits of a model that was trained without a prior, adjusted afterwards: x - tau ln pi. The largest one is the answer
    /// under equally likely classes.
    ///
    /// # Shapes
    /// - logits, output: `[N, C, d1, ..]`
    ///
    /// # Panics
    /// With the message of an [`InputError`] if axis 1 has not one logit per class.
    #[track_caller]
    pub fn adjust<const D: usize>(&self, logits: Tensor<D>) -> Tensor<D> {
        let dims = logits.dims();
        let classes = self.offsets.len();
        let result: Result<(), InputError> = if D >= 2 && dims[1] == classes {
            Ok(())
        } else {
            let reference = Reference { loss: self.kind(), name: "logits", tensor: &logits };
            Err(reference.shape_error("logits", &dims, format!("{classes} classes on axis 1, as the config has")))
        };
        expect(result);
        let offsets = along_axis_1(&self.offsets, &logits).expand(dims);
        logits - offsets
    }
}

impl ClassificationLoss for LogitAdjustedLoss {}

impl SoftTargets for LogitAdjustedLoss {}

impl RowFormula for LogitAdjustedLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, log_p: R, share: R) -> R {
        weighted(share, -log_p)
    }

    fn class_offsets(&self) -> Option<&[f64]> {
        Some(&self.offsets)
    }

    fn ignore_index(&self) -> Option<i64> {
        self.config.ignore_index
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classification::CrossEntropyLossConfig;
    use burn::tensor::Int;

    #[test]
    fn a_uniform_prior_and_tau_zero_are_cross_entropy() {
        let device = Device::flex();
        let logits = || Tensor::<2>::from_floats([[1.5, -0.25, 3.0], [0.0, 2.0, -1.0]], &device);
        let labels = || Tensor::<1, Int>::from_ints([1, 0], &device);
        let expected: f32 = CrossEntropyLossConfig::new().init(&device).forward(logits(), labels()).into_scalar();
        for config in [
            LogitAdjustedLossConfig::new([7.0, 7.0, 7.0]),
            LogitAdjustedLossConfig::new([70.0, 7.0, 1.0]).with_tau(0.0),
        ] {
            let value: f32 = config.init(&device).forward(logits(), labels()).into_scalar();
            assert!((value - expected).abs() < 1e-6, "{value} {expected}");
        }
    }

    /// Counts and probabilities are the same, and what training adds the post-hoc form takes away.
    #[test]
    fn counts_are_probabilities_and_adjust_is_the_inverse() {
        let device = Device::flex();
        let logits = || Tensor::<3>::from_floats([[[1.5], [-0.25], [3.0]]], &device);
        let value = |prior: [f64; 3]| {
            let loss = LogitAdjustedLossConfig::new(prior).with_tau(0.5).init(&device);
            let labels = Tensor::<2, Int>::from_ints([[2]], &device);
            let plain = CrossEntropyLossConfig::new().init(&device);
            let expected: f32 = plain.forward(logits(), labels.clone()).into_scalar();
            let adjusted: f32 = loss.forward(loss.adjust(logits()), labels.clone()).into_scalar();
            assert!((adjusted - expected).abs() < 1e-6);
            loss.forward(logits(), labels).into_scalar::<f32>()
        };
        assert!((value([60.0, 30.0, 10.0]) - value([0.6, 0.3, 0.1])).abs() < 1e-6);
    }

    #[test]
    fn a_class_without_samples_is_an_error_unless_smoothed() {
        let config = LogitAdjustedLossConfig::new([3.0, 0.0, 1.0]);
        assert_eq!(
            config.validate().unwrap_err().to_string(),
            "logit_adjusted: `prior[1]` is 0, allowed: a number > 0, or 0 with a `smoothing` above 0"
        );
        let error = LogitAdjustedLossConfig::new([3.0, 1.0]).with_tau(1e31).validate().unwrap_err().to_string();
        assert!(error.starts_with("logit_adjusted: `tau` is 1"), "{error}");
        let loss = config.with_smoothing(1.0).init(&Device::flex());
        let expected = [4.0, 1.0, 2.0].map(|n: f64| (n / 7.0).ln());
        assert!(loss.offsets.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12));
    }
}
