//! Multi-class margin loss.

use super::ClassificationLoss;
use crate::ConfigError;
use crate::config::ClassWeights;
use crate::engine::classes::per_class;
use crate::engine::curved_rows::RowPart;
use crate::engine::pairs;
use crate::engine::pointwise::numbers;
use crate::engine::rows::Rows;
use crate::formula::{Anchor, AnchorFormula, Counts, Partners, Real, Score};
use crate::reduction::Unreduced;
use burn::tensor::{Int, Tensor};
use burn_losses_derive::{Choice, loss, loss_config};

/// Which wrong classes count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum MultiMarginVariant {
    /// Every wrong class that comes too near: their sum (Weston and Watkins 1999).
    #[default]
    WestonWatkins,
    /// The wrong class that comes nearest (Crammer and Singer 2001).
    CrammerSinger,
}

/// Multi-class margin loss, of Weston and Watkins (1999) or of
/// [Crammer and Singer (2001)](https://www.jmlr.org/papers/v2/crammer01a.html).
///
/// # Formula
/// ```text
/// w_y sum_{j != y} max(0, margin - x_y + x_j)^p     weston_watkins; divided by C if `divide_by_classes`
/// w_y max(0, margin - x_y + max_{j != y} x_j)^p     crammer_singer
/// ```
/// w are the class weights; the mean divides by the number of rows that are not ignored, as PyTorch does.
///
/// # When to use
/// For a multi-class support vector machine, and where a margin is wanted in place of a probability: a wrong class that is behind
/// by the margin has no gradient. `crammer_singer` counts the strongest wrong class, `weston_watkins` all of them. Take
/// [`CrossEntropyLoss`](super::CrossEntropyLoss) for calibrated probabilities, and [`ArcfaceLoss`](crate::heads::ArcfaceLoss) for
/// a margin between embeddings.
///
/// # Numerics
/// The gradient is 0 where a wrong class is behind by exactly the margin. So with a margin of 0, equal logits have none.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{classification::MultiMarginLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = MultiMarginLossConfig::new().init(&device);
/// let logits = Tensor::<2>::from_floats([[2.0, 1.5, 1.75, 0.0]], &device);
/// let value = loss.forward(logits, Tensor::<1, Int>::from_ints([0], &device));
/// assert_eq!(value.into_scalar::<f32>(), 1.25);
/// ```
///
/// # Elsewhere
/// - `torch.nn.MultiMarginLoss`: it is `weston_watkins` with `divide_by_classes = true`.
/// - `burn.nn.loss.MultiMarginLoss`: it is `weston_watkins` with `divide_by_classes = true`; `MultiMarginLossConfig::from` takes
///   its config.
/// - `optax.losses.multiclass_hinge_loss`: it is `crammer_singer` at margin 1; the reference values agree with it.
/// - `optax.losses.multiclass_perceptron_loss`: it is `crammer_singer` at margin 0.
/// - `keras.losses.CategoricalHinge`: it is `crammer_singer` at margin 1, but adds a wrong class with the score 0.
/// - `sklearn.metrics.hinge_loss`: for several classes it is the mean of `crammer_singer` at margin 1.
#[loss(classification, "multi_margin", "Multi-class hinge loss: the true class leads every other class by a margin")]
pub struct MultiMarginLoss {
    config: MultiMarginLossConfig,
}

/// Config of [`MultiMarginLoss`].
#[loss_config(check = check)]
pub struct MultiMarginLossConfig {
    /// Which wrong classes count.
    #[field(default = MultiMarginVariant::WestonWatkins)]
    pub variant: MultiMarginVariant,
    /// The margin by which the score of the true class has to exceed the others; 0 is the perceptron.
    #[field(default = 1.0, range = ">= 0")]
    pub margin: f64,
    /// The power of each shortfall, 1 or 2.
    #[field(default = 1, range = "[1, 2]")]
    pub p: usize,
    /// One weight per class, or the counts that the weights follow from.
    #[field(default = ClassWeights::None, range = ">= 0")]
    pub class_weights: ClassWeights,
    /// Whether `weston_watkins` divides by the number of classes.
    #[field(default = false)]
    pub divide_by_classes: bool,
    /// The label of rows that are ignored.
    #[field(default = None)]
    pub ignore_index: Option<i64>,
}

fn check(config: &MultiMarginLossConfig) -> Result<(), ConfigError> {
    match config.variant {
        MultiMarginVariant::CrammerSinger if config.divide_by_classes => Err(ConfigError::InvalidValue {
            loss: "multi_margin",
            field: "divide_by_classes".into(),
            value: "true".into(),
            allowed: "false: `crammer_singer` adds nothing up over the classes".into(),
        }),
        _ => Ok(()),
    }
}

impl ClassificationLoss for MultiMarginLoss {}

/// The formula of a row, in which the class of the label is the only positive.
#[derive(Debug, Clone)]
struct MarginRow(MultiMarginLossConfig);

impl MarginRow {
    #[inline(always)]
    fn short<R: Real>(&self, wrong: R, right: R) -> R {
        let short = (wrong - right + self.0.margin).relu();
        if self.0.p == 2 { short.square() } else { short }
    }
}

impl AnchorFormula for MarginRow {
    fn score(&self) -> Score {
        Score::Precomputed
    }

    #[inline(always)]
    fn term_with<R: Real>(&self, _: Partners, logit: R, right: R) -> R {
        self.short(logit, right)
    }

    #[inline(always)]
    fn eval<A: Anchor>(&self, anchor: &mut A) -> A::Number {
        let right = anchor.sum(Partners::Positives);
        match self.0.variant {
            MultiMarginVariant::WestonWatkins => anchor.sum_with(Partners::Negatives, right),
            MultiMarginVariant::CrammerSinger => self.short(anchor.largest(Partners::Negatives), right),
        }
    }

    fn counts(&self) -> Counts {
        Counts::One
    }
}

impl Rows for MultiMarginLoss {
    fn rows(&self, logits: Tensor<2>, labels: Tensor<1, Int>) -> Unreduced<1> {
        let classes = logits.dims()[1];
        let each = Tensor::<1, Int>::arange(0..classes as i64, (&labels.device(), labels.dtype()));
        let values =
            pairs::of_scores(&MarginRow(self.config.clone()), logits.clone(), [labels.clone(), each], None).values;
        let values = if self.config.divide_by_classes { values * (1.0 / classes as f64) } else { values };
        match self.config.class_weights.per_class() {
            Some(weights) => per_class(weights, &logits).select(0, labels).weigh(values),
            None => values,
        }
        .into()
    }

    fn parts(&self, logits: &Tensor<2>, labels: &Tensor<1, Int>) -> Option<Vec<RowPart>> {
        let part = RowPart::of_scores(&MarginRow(self.config.clone()));
        let classes = logits.dims()[1] as f64;
        let part = part.times(if self.config.divide_by_classes { 1.0 / classes } else { 1.0 });
        let factors = self.config.class_weights.per_class().map(|weights| per_class(weights, logits));
        let factors = factors.map(|factors| numbers(factors.select(0, labels.clone())));
        Some(vec![factors.map_or(part.clone(), |factors| part.with_factors(&factors))])
    }

    fn classes(&self) -> Option<usize> {
        self.config.class_weights.per_class().map(<[f64]>::len)
    }

    fn ignore_index(&self) -> Option<i64> {
        self.config.ignore_index
    }

    fn takes_any_scores(&self) -> bool {
        true
    }
}
