//! Negative log-likelihood.

use super::ClassificationLoss;
use crate::config::ClassWeights;
use crate::engine::classes::per_class;
use crate::engine::curved_rows::RowPart;
use crate::engine::pointwise::numbers;
use crate::engine::primitives::gather::gather;
use crate::engine::rows::Rows;
use crate::formula::{Anchor, AnchorFormula, Counts, Partners, Real, Score};
use crate::reduction::Unreduced;
use burn::tensor::{Int, Tensor};
use burn_losses_derive::{loss, loss_config};

/// Negative log-likelihood: cross-entropy for a model that gives log-probabilities.
///
/// # Formula
/// `-w_y l_y`, with the log-probabilities l and the class weights w. The mean divides by the sum of w_y over the rows that are
/// not ignored, as PyTorch does.
///
/// # When to use
/// For models whose last layer is a log-softmax, or that make log-probabilities in another way, such as mixtures. On logits take
/// [`CrossEntropyLoss`](super::CrossEntropyLoss), which takes soft targets and label smoothing, too.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{classification::NllLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = NllLossConfig::new().init(&device);
/// let log_probabilities = Tensor::<2>::from_floats([[0.25, 0.75]], &device).log();
/// let value = loss.forward(log_probabilities, Tensor::<1, Int>::from_ints([0], &device));
/// assert!((value.into_scalar::<f32>() - 4f32.ln()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `torch.nn.NLLLoss`: the same.
///
/// If all rows are ignored, PyTorch's mean is NaN, and the mean here is 0.
#[loss(classification, "nll", "Negative log-likelihood of log-probabilities")]
pub struct NllLoss {
    config: NllLossConfig,
}

/// Config of [`NllLoss`].
#[loss_config]
pub struct NllLossConfig {
    /// One weight per class, or the counts that the weights follow from.
    #[field(default = ClassWeights::None, range = ">= 0")]
    pub class_weights: ClassWeights,
    /// The label of rows that are ignored.
    #[field(default = None)]
    pub ignore_index: Option<i64>,
}

/// The formula of a row, in which the class of the label is the only positive.
#[derive(Debug, Clone)]
struct OfLabel;

impl AnchorFormula for OfLabel {
    fn score(&self) -> Score {
        Score::Precomputed
    }

    #[inline(always)]
    fn eval<A: Anchor>(&self, anchor: &mut A) -> A::Number {
        -anchor.sum(Partners::Positives)
    }

    fn counts(&self) -> Counts {
        Counts::One
    }
}

impl Rows for NllLoss {
    fn rows(&self, log_probabilities: Tensor<2>, labels: Tensor<1, Int>) -> Unreduced<1> {
        let normalizer = self
            .config
            .class_weights
            .per_class()
            .map(|weights| per_class(weights, &log_probabilities).select(0, labels.clone()));
        let values = -gather(log_probabilities, labels);
        Unreduced {
            values: match &normalizer {
                Some(normalizer) => normalizer.clone().weigh(values),
                None => values,
            },
            normalizer,
        }
    }

    fn parts(&self, log_probabilities: &Tensor<2>, labels: &Tensor<1, Int>) -> Option<Vec<RowPart>> {
        let part = RowPart::of_scores(&OfLabel);
        let factors = self.config.class_weights.per_class().map(|weights| per_class(weights, log_probabilities));
        let factors = factors.map(|factors| numbers(factors.select(0, labels.clone())));
        Some(vec![factors.map_or(part.clone(), |factors| part.with_factors(&factors))])
    }

    fn classes(&self) -> Option<usize> {
        self.config.class_weights.per_class().map(<[f64]>::len)
    }

    fn ignore_index(&self) -> Option<i64> {
        self.config.ignore_index
    }
}

impl ClassificationLoss for NllLoss {
    fn input(&self) -> &'static str {
        "log_probabilities"
    }
}
