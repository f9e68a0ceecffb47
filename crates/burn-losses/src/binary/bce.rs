//! Binary cross-entropy.

use super::{BinaryLoss, cross_entropies};
use crate::config::ClassFactor;
use crate::engine::classes::along_axis_1;
use crate::engine::outlined;
use crate::engine::pointwise::{PointKernel, Pointwise};
use crate::formula::{Formula, Real};
use crate::reduction::Unreduced;
use burn::tensor::{Bool, Tensor};
use burn_losses_derive::{Choice, loss, loss_config};

/// The form of the model's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum BceInput {
    /// Logits (recommended: numerically stable).
    #[default]
    Logits,
    /// Probabilities in [0, 1].
    Probabilities,
}

/// Binary cross-entropy.
///
/// # Formula
/// ```text
/// w y softplus(-x) + (1 - y) softplus(x)     of a logit x
/// -(w y ln p + (1 - y) ln(1 - p))            of a probability p
/// ```
/// with the target y in [0, 1], smoothed to y (1 - e) + e/2, and w = `pos_weight`.
///
/// # When to use
/// The usual choice for yes or no and for several labels at once (multi-label), soft labels included: it is the negative
/// log-likelihood, and its probabilities are calibrated. For class imbalance set `pos_weight` or take
/// [`BalancedBceLoss`](super::BalancedBceLoss), and [`FocalLoss`](super::FocalLoss) in detection with very many easy negatives.
/// For classes that exclude one another take [`CrossEntropyLoss`](crate::classification::CrossEntropyLoss); for small objects
/// in segmentation add [`DiceLoss`](crate::segmentation::DiceLoss).
///
/// # Numerics
/// On logits value and gradient are finite for every finite logit. On probabilities a logarithm is never below -100 (as in
/// PyTorch). A probability below 1e-38 counts as 0: its logarithm is -100 and has the gradient 0 rather than an infinite one.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{binary::BceLossConfig, prelude::*};
///
/// let device = Device::flex();
/// // Three labels per image; the first is rare, so that missing it costs four times as much.
/// let loss = BceLossConfig::new().with_pos_weight(vec![4.0, 1.0, 1.0]).init(&device);
/// let logits = Tensor::<2>::from_floats([[0.0, 2.0, -2.0]], &device);
/// let targets = Tensor::from_floats([[1.0, 1.0, 0.0]], &device);
/// let value = loss.forward(logits, targets);
/// assert!((value.into_scalar::<f32>() - 1.008_815).abs() < 1e-5);
/// ```
///
/// # Elsewhere
/// - `torch.nn.BCEWithLogitsLoss`: the same, but `pos_weight` follows the last axis there, and here axis 1, where the classes are
///   in every family.
/// - `torch.nn.BCELoss`: the same with `input = "probabilities"`.
/// - `torch.nn.MultiLabelSoftMarginLoss`: its mean over all labels and samples is the same; unreduced it has one value per
///   sample.
/// - `keras.losses.BinaryCrossentropy`: it takes probabilities, clipped at 1e-7, or logits with `from_logits`; `label_smoothing`
///   is the same.
/// - `optax.losses.sigmoid_binary_cross_entropy`: the same formula, without options; the reference values agree with it.
/// - `burn.nn.loss.BinaryCrossEntropyLoss`: its targets are integers, its `weights` multiply both classes, and its `smoothing`
///   spreads over the labels of a sample: `BceLossConfig::try_from` takes its config without these two.
/// - `timm.loss.BinaryCrossEntropy`: it makes targets of class indices, smoothed to 0.1/C by default; given targets it smooths as
///   here with `smooth_dense`.
/// - `segmentation_models_pytorch.losses.SoftBCEWithLogitsLoss`: its `smooth_factor` is half of `label_smoothing`, and ignored
///   targets count in its mean.
#[loss(binary, "bce", "Binary cross-entropy on logits or probabilities, with soft labels and class weights")]
pub struct BceLoss {
    config: BceLossConfig,
}

/// Config of [`BceLoss`].
#[loss_config]
pub struct BceLossConfig {
    /// Whether the model gives logits or probabilities.
    #[field(default = BceInput::Logits)]
    pub input: BceInput,
    /// The weight of positive targets: one number, or one per class.
    #[field(default = ClassFactor::None, range = ">= 0")]
    pub pos_weight: ClassFactor,
    /// How much of each target is spread evenly over both classes.
    #[field(default = 0.0, range = "[0, 1)")]
    pub label_smoothing: f64,
}

/// Probabilities below this count as 0; it is about the smallest normal `f32`.
const TINY: f64 = 1e-38;

/// ln p, or -100 where p counts as 0.
#[inline(always)]
fn clamped_ln<R: Real>(probability: R) -> R {
    let positive = probability.gt_lit(TINY);
    let safe = R::select(&positive, probability.clone(), probability.lit(1.0));
    R::select(&positive, safe.ln(), probability.lit(-100.0))
}

impl BceLoss {
    /// The terms of the positive and the negative class.
    #[inline(always)]
    fn classes<R: Real>(&self, input: R, target: R) -> (R, R) {
        let smoothing = self.config.label_smoothing;
        let target = target * (1.0 - smoothing) + smoothing / 2.0;
        match self.config.input {
            BceInput::Logits => cross_entropies(input.softpluses(), target),
            BceInput::Probabilities => {
                let positive = target.clone() * -clamped_ln(input.clone());
                let negative = (-target + 1.0) * -clamped_ln(-input + 1.0);
                (positive, negative)
            }
        }
    }

    /// The sum of both terms, the positive one times its weight.
    #[inline(always)]
    fn weigh<R: Real>(&self, input: R, target: R, weight: Option<R>) -> R {
        let (positive, negative) = self.classes(input, target);
        match weight {
            None => positive + negative,
            Some(weight) => weight.weigh(positive) + negative,
        }
    }
}

/// The formula where all classes have the same weight, or none.
#[derive(Debug, Clone)]
struct ScalarWeightBce(BceLoss);

impl Formula for ScalarWeightBce {
    #[inline(always)]
    fn eval<R: Real>(&self, input: R, target: R) -> R {
        let weight = match self.0.config.pos_weight {
            ClassFactor::Number(weight) => Some(input.lit(weight)),
            _ => None,
        };
        self.0.weigh(input, target, weight)
    }
}

impl Pointwise for BceLoss {
    fn values(&self, input: Tensor<3>, targets: Tensor<3>, _: Option<&Tensor<3, Bool>>) -> Unreduced<3> {
        match &self.config.pos_weight {
            ClassFactor::PerClass(weights) => {
                let weights = along_axis_1(weights, &input).expand(input.dims());
                self.weigh(input, targets, Some(weights)).into()
            }
            _ => outlined::eval(&ScalarWeightBce(self.clone()), input, targets).into(),
        }
    }

    fn kernel(&self) -> Option<PointKernel> {
        let per_class = matches!(self.config.pos_weight, ClassFactor::PerClass(_));
        (!per_class).then(|| PointKernel::new(&ScalarWeightBce(self.clone())))
    }

    fn accepts(&self, shape: &[usize]) -> Result<(), String> {
        match &self.config.pos_weight {
            ClassFactor::PerClass(weights) if shape.get(1) != Some(&weights.len()) => {
                Err(format!("{} classes on axis 1, as `pos_weight` has", weights.len()))
            }
            _ => Ok(()),
        }
    }
}

impl BinaryLoss for BceLoss {
    fn input(&self) -> &'static str {
        match self.config.input {
            BceInput::Logits => "logits",
            BceInput::Probabilities => "probabilities",
        }
    }
}
