//! Binary cross-entropy.

use super::{BinaryLoss, LabelSmoothing, Spread, cross_entropies};
use crate::config::PosWeight;
use crate::engine::classes::along_axis_1;
use crate::engine::curved::Part;
use crate::engine::outlined;
use crate::engine::pointwise::{PointKernel, Pointwise, numbers};
use crate::error::ConfigError;
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
/// with the target y in [0, 1] and w = `pos_weight`. Label smoothing makes y (1 - e) + e/2 of it, or y (1 - 2e) + e for
/// `spread = "others"`: with e = 0.1 a hard label is 0.05 or 0.95, and 0.1 or 0.9.
///
/// # When to use
/// The usual choice for yes or no and for several labels at once (multi-label), soft labels included: it is the negative
/// log-likelihood, and its probabilities are calibrated. For class imbalance set `pos_weight` or take
/// [`BalancedBceLoss`](super::BalancedBceLoss), and [`FocalLoss`](super::FocalLoss) in detection with very many easy negatives.
/// For classes that exclude one another take [`CrossEntropyLoss`](crate::classification::CrossEntropyLoss), for many labels of which
/// few are present [`AsymmetricLoss`](super::AsymmetricLoss); for small objects in segmentation add
/// [`DiceLoss`](crate::segmentation::DiceLoss).
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
/// - `segmentation_models_pytorch.losses.SoftBCEWithLogitsLoss`: its `smooth_factor` is `label_smoothing` with `spread = "others"`,
///   and ignored targets count in its mean.
#[loss(binary, "bce", "Binary cross-entropy on logits or probabilities, with soft labels and class weights")]
pub struct BceLoss {
    config: BceLossConfig,
}

/// Config of [`BceLoss`].
#[loss_config(check = check)]
pub struct BceLossConfig {
    /// Whether the model gives logits or probabilities.
    #[field(default = BceInput::Logits)]
    pub input: BceInput,
    /// The weight of positive targets: one number, or one per class, or the counts that it follows from.
    #[field(default = PosWeight::None, range = ">= 0")]
    pub pos_weight: PosWeight,
    /// The share of each target that goes to the other class, or to both classes. With `spread = "others"` it is below 1/2.
    #[field(default = LabelSmoothing::default())]
    pub label_smoothing: LabelSmoothing,
}

fn check(config: &BceLossConfig) -> Result<(), ConfigError> {
    match config.label_smoothing {
        LabelSmoothing { epsilon, spread: Spread::Others } if epsilon >= 0.5 => Err(ConfigError::InvalidValue {
            loss: "bce",
            field: "label_smoothing.epsilon".into(),
            value: epsilon.to_string(),
            allowed: "a number in [0, 0.5) with `spread = \"others\"`: at one half both classes are the same".into(),
        }),
        _ => Ok(()),
    }
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
        let (keep, floor) = self.config.label_smoothing.weights(2);
        let target = target * keep + floor;
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
struct ScalarWeightBce {
    loss: BceLoss,
    weight: Option<f64>,
}

impl ScalarWeightBce {
    fn new(loss: &BceLoss) -> Self {
        Self { weight: loss.config.pos_weight.number(), loss: loss.clone() }
    }
}

impl Formula for ScalarWeightBce {
    #[inline(always)]
    fn eval<R: Real>(&self, input: R, target: R) -> R {
        #[expect(clippy::manual_map)] // arithmetic in a closure would not be inlined
        let weight = match self.weight {
            Some(weight) => Some(input.lit(weight)),
            None => None,
        };
        self.loss.weigh(input, target, weight)
    }
}

/// The formula of the positive class alone, or of the negative one.
#[derive(Debug, Clone)]
struct OneClass {
    loss: BceLoss,
    is_positive: bool,
}

impl Formula for OneClass {
    #[inline(always)]
    fn eval<R: Real>(&self, input: R, target: R) -> R {
        let (positive, negative) = self.loss.classes(input, target);
        if self.is_positive { positive } else { negative }
    }
}

impl Pointwise for BceLoss {
    fn values(&self, input: Tensor<3>, targets: Tensor<3>, _: Option<&Tensor<3, Bool>>) -> Unreduced<3> {
        match self.config.pos_weight.per_class() {
            Some(weights) => {
                let weights = along_axis_1(weights, &input).expand(input.dims());
                self.weigh(input, targets, Some(weights)).into()
            }
            None => outlined::eval(&ScalarWeightBce::new(self), input, targets).into(),
        }
    }

    fn kernel(&self) -> Option<PointKernel> {
        let is_scalar = self.config.pos_weight.per_class().is_none();
        is_scalar.then(|| PointKernel::new(&ScalarWeightBce::new(self)))
    }

    fn parts(&self, input: &Tensor<3>, _: &Tensor<3>, _: Option<&Tensor<3, Bool>>) -> Option<Vec<Part>> {
        let Some(weights) = self.config.pos_weight.per_class() else {
            return Some(vec![Part::new(&self.kernel()?)]);
        };
        let of = |is_positive| Part::new(&PointKernel::new(&OneClass { loss: self.clone(), is_positive }));
        let weights = numbers(along_axis_1(weights, input).expand(input.dims()));
        Some(vec![of(true).with_factors(&weights), of(false)])
    }

    fn accepts(&self, shape: &[usize]) -> Result<(), String> {
        match self.config.pos_weight.per_class() {
            Some(weights) if shape.get(1) != Some(&weights.len()) => {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classification::CrossEntropyLossConfig;
    use burn::tensor::{Device, Int};

    const SMOOTHED: [LabelSmoothing; 3] = [
        LabelSmoothing { epsilon: 0.0, spread: Spread::All },
        LabelSmoothing { epsilon: 0.3, spread: Spread::All },
        LabelSmoothing { epsilon: 0.3, spread: Spread::Others },
    ];

    /// Two classes with the logits 0 and x are one yes or no with the logit x: the words mean the same in both families.
    #[test]
    fn it_is_cross_entropy_of_two_classes() {
        let device = Device::flex();
        let logits = [-20.0f32, -1.5, 0.0, 0.25, 3.0];
        for smoothing in SMOOTHED {
            let bce = BceLossConfig::new().with_label_smoothing(smoothing).init(&device);
            let classes = CrossEntropyLossConfig::new().with_label_smoothing(smoothing).init(&device);
            for label in [0, 1] {
                let of_one = Tensor::<1>::from_floats(logits, &device);
                let of_two = Tensor::stack(vec![of_one.zeros_like(), of_one.clone()], 1);
                let one = bce.forward_no_reduction(of_one.clone(), of_one.full_like(label as f64));
                let two = classes.forward_no_reduction::<2, 1>(of_two, Tensor::<1, Int>::full([5], label, &device));
                let difference: f32 = (one - two).abs().max().into_scalar();
                assert!(difference < 2e-6, "{smoothing:?} {label}: {difference}");
            }
        }
    }

    /// At e = 0.1, hard labels are 0.1 and 0.9 if the other class gets all of it, and 0.05 and 0.95 if both share it.
    #[test]
    fn smoothed_labels() {
        let smoothed = |spread| {
            let (keep, floor) = LabelSmoothing { epsilon: 0.1, spread }.weights(2);
            [floor, keep + floor].map(|label| (label * 1e6).round() / 1e6)
        };
        assert_eq!(smoothed(Spread::Others), [0.1, 0.9]);
        assert_eq!(smoothed(Spread::All), [0.05, 0.95]);
    }

    #[test]
    fn others_stays_below_one_half() {
        let with = |epsilon, spread| BceLossConfig::new().with_label_smoothing(LabelSmoothing { epsilon, spread });
        let error = with(0.5, Spread::Others).try_init(&Device::flex()).unwrap_err().to_string();
        assert!(error.contains("bce: `label_smoothing.epsilon` is 0.5") && error.contains("[0, 0.5)"), "{error}");
        assert!(with(0.49, Spread::Others).try_init(&Device::flex()).is_ok());
        assert!(with(0.9, Spread::All).try_init(&Device::flex()).is_ok());
    }
}
