//! Cross-entropy.

use super::{ClassificationLoss, SoftTargets};
use crate::config::{ClassWeights, Limit};
use crate::error::expect;
use crate::formula::safe::weighted;
use crate::formula::{Real, RowFormula};
use crate::options::LabelSmoothing;
use burn::tensor::Device;
use burn_losses_derive::{loss, loss_config};

/// Softmax cross-entropy.
///
/// # Formula
/// ```text
/// sum_c w_c q_c (-ln softmax(x)_c)  +  w_y z_loss ln(sum_c e^x_c)^2
/// ```
/// with the class weights w (1 where none are given) and the smoothed target q. The mean divides by the sum of w_y over the rows
/// that are not ignored, as PyTorch does.
///
/// With `softcap` = k every logit x becomes k tanh(x / k) before everything else, so that it stays between -k and k.
///
/// Soft targets: q is the given row of probabilities, smoothed to (1 - e) q + e/C, or (1 - e) q + e (1 - q)/(C - 1) for `spread =
/// "others"`; w_y becomes sum_c w_c q_c, with the q before smoothing.
///
/// # When to use
/// The usual choice for one of C classes, from images to the tokens of a language model. For class imbalance or a long tail set
/// `class_weights` or take [`FocalLoss`](super::FocalLoss) or [`LogitAdjustedLoss`](super::LogitAdjustedLoss); for over-confidence and
/// noisy labels set `label_smoothing`, for logits that drift away `z_loss`. For a large vocabulary take [`SoftmaxLoss`](crate::heads::SoftmaxLoss) in chunks, for several
/// labels at once [`BceLoss`](crate::binary::BceLoss), for embeddings with a margin (face recognition)
/// [`ArcfaceLoss`](crate::heads::ArcfaceLoss).
///
/// # Numerics
/// The gradient of a row with respect to its logits is softmax(x) - q where there are no class weights and no `z_loss`. The largest
/// logit is subtracted first: a shift of all logits of a row by 1e4 changes nothing. A batch whose rows are all
/// ignored has the value 0 and the gradient 0. An ignored row may hold anything, NaN included.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{classification::CrossEntropyLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = CrossEntropyLossConfig::new().with_ignore_index(-100).init(&device);
/// let logits = Tensor::<2>::from_floats([[2.0, 0.0, 0.0], [9.0, 9.0, 9.0]], &device);
/// let value = loss.forward(logits, Tensor::<1, burn::tensor::Int>::from_ints([0, -100], &device));
/// assert!((value.into_scalar::<f32>() - 0.239_545).abs() < 1e-5);
/// ```
///
/// # Elsewhere
/// - `torch.nn.CrossEntropyLoss`: the same for labels. For soft targets with class weights its mean divides by N, its mean is
///   NaN if all rows are ignored, and its `ignore_index` is -100 if not set.
/// - `keras.losses.SparseCategoricalCrossentropy`: it takes probabilities, clipped at 1e-7, or logits with `from_logits`;
///   `ignore_class` is `ignore_index`.
/// - `keras.losses.CategoricalCrossentropy`: this loss for soft targets; it takes probabilities, or logits with `from_logits`.
/// - `optax.losses.softmax_cross_entropy_with_integer_labels`: the same formula, without options; the reference values agree
///   with it.
/// - `optax.losses.softmax_cross_entropy`: this loss for soft targets, without options.
/// - `burn.nn.loss.CrossEntropyLoss`: an ignored label (`pad_tokens`) has to be less than C, and the mean is NaN if all rows
///   are ignored; `CrossEntropyLossConfig::try_from` takes its config.
/// - `timm.loss.LabelSmoothingCrossEntropy`: with `label_smoothing = 0.1`, its default.
/// - `timm.loss.SoftTargetCrossEntropy`: this loss for soft targets, without options.
/// - `segmentation_models_pytorch.losses.SoftCrossEntropyLoss`: its `smooth_factor` is `label_smoothing`, and ignored rows count
///   in its mean.
/// - `mmseg.models.losses.CrossEntropyLoss`: ignored rows count in its mean without `avg_non_ignore`, and class weights do not
///   enter its divisor.
/// - `liger_kernel.transformers.LigerCrossEntropyLoss`: its `lse_square_scale` is `z_loss`, which has no class weights there; its
///   `softcap` is the same.
#[loss(
    classification,
    "cross_entropy",
    "Softmax cross-entropy with class weights, label smoothing, ignored labels and soft targets"
)]
pub struct CrossEntropyLoss {
    config: CrossEntropyLossConfig,
    /// What a head with a prior adds to the logits of the classes.
    #[module(skip)]
    offsets: Option<Vec<f64>>,
}

/// Config of [`CrossEntropyLoss`].
#[loss_config]
pub struct CrossEntropyLossConfig {
    /// One weight per class, or the counts that the weights follow from.
    #[field(default = ClassWeights::None, range = ">= 0")]
    pub class_weights: ClassWeights,
    /// The label of rows that are ignored.
    #[field(default = None)]
    pub ignore_index: Option<i64>,
    /// The share of each target that goes to other classes, and to which ones.
    #[field(default = LabelSmoothing::default())]
    pub label_smoothing: LabelSmoothing,
    /// The weight of the squared logarithm of the partition function, which keeps logits from drifting (PaLM, 1e-4).
    #[field(default = 0.0, range = ">= 0")]
    pub z_loss: f64,
    /// The bound of all logits: x becomes softcap tanh(x / softcap) (Gemma 2 uses 30).
    #[field(default = Limit::None, range = "> 0")]
    pub softcap: Limit,
}

impl CrossEntropyLossConfig {
    fn build(&self, _: &Device) -> CrossEntropyLoss {
        CrossEntropyLoss { config: self.clone(), offsets: None }
    }
}

impl CrossEntropyLoss {
    /// The loss of a config. It has no state, and so it needs no device.
    ///
    /// # Panics
    /// With the message of the error of the config's `validate`.
    #[track_caller]
    pub fn new(config: CrossEntropyLossConfig) -> Self {
        expect(config.validate());
        Self { config, offsets: None }
    }

    /// The loss of logits to each of which the number of its class is added.
    pub(crate) fn with_offsets(self, offsets: Option<Vec<f64>>) -> Self {
        Self { offsets, ..self }
    }
}

impl ClassificationLoss for CrossEntropyLoss {}

impl SoftTargets for CrossEntropyLoss {}

impl RowFormula for CrossEntropyLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, log_p: R, share: R) -> R {
        weighted(share, -log_p)
    }

    #[inline(always)]
    fn logit<R: Real>(&self, logit: R) -> Option<R> {
        match self.config.softcap {
            Limit::Number(bound) => Some((logit * (1.0 / bound)).tanh() * bound),
            Limit::None => None,
        }
    }

    #[inline(always)]
    fn penalty<R: Real>(&self, log_total: R) -> Option<R> {
        (self.config.z_loss > 0.0).then(|| log_total.square() * self.config.z_loss)
    }

    fn class_factors(&self) -> Option<&[f64]> {
        self.config.class_weights.per_class()
    }

    fn class_offsets(&self) -> Option<&[f64]> {
        self.offsets.as_deref()
    }

    fn factors_count(&self) -> bool {
        true
    }

    fn smoothing(&self, classes: usize) -> (f64, f64) {
        self.config.label_smoothing.weights(classes)
    }

    fn ignore_index(&self) -> Option<i64> {
        self.config.ignore_index
    }
}
