//! Multi-label margin loss.

use super::{Items, PairFormula, RankingLoss};
use crate::engine::lists::where_more_relevant;
use crate::formula::safe::weighted;
use crate::formula::{Formula, Real};
use burn::tensor::Tensor;
use burn_losses_derive::{loss, loss_config};

/// Multi-label margin loss (Crammer and Singer 2003, [JMLR 3](https://www.jmlr.org/papers/v3/crammer03b.html)): the hinge of each
/// label of a row with each class that is not a label.
///
/// # Formula
/// `sum over r_i > r_j of max(0, margin - (s_i - s_j)), over C`, with the scores s, the relevance r and the number C of the classes
/// that are there. For labels the relevance is 1, for other classes 0. With `divide_by_classes = false` the sum is not divided.
///
/// # When to use
/// For several labels per row where their order against the other classes is wanted, and no probabilities: a label that leads by
/// the margin has no gradient. [`BceLoss`](crate::binary::BceLoss) gives each class a probability of its own. Take
/// [`MarginRankingLoss`](super::MarginRankingLoss) for the mean over the pairs, so that a row with many labels does not weigh more.
///
/// # Numerics
/// The slope of a pair is 0 at the kink. A row of C classes has up to C^2 pairs. On CPUs, kernels keep none
/// of them in memory; tensor operations keep about 2^22 at a time.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::ranking::{MultiLabelMarginLossConfig, Relevance};
/// use burn_losses::prelude::*;
///
/// let device = Device::flex();
/// let loss = MultiLabelMarginLossConfig::new().init(&device);
/// let scores = Tensor::<2>::from_floats([[0.125, 0.25, 0.5, 1.0]], &device);
/// // The labels of PyTorch: the row has the classes 3 and 0.
/// let labels = Tensor::<2, Int>::from_ints([[3, 0, -1, 1]], &device);
/// let value = loss.forward(scores, Relevance::from_labels(labels, 4));
/// assert_eq!(value.into_scalar::<f32>(), (0.25 + 0.5 + 1.125 + 1.375) / 4.0);
/// ```
///
/// # Elsewhere
/// - `torch.nn.MultiLabelMarginLoss`: the same.
///
/// PyTorch's targets are lists of labels that end at the first -1: [`Relevance::from_labels`](super::Relevance::from_labels) takes them.
/// Its mean counts rows without a label too, as `reduction = "batch_mean"` does here.
#[loss(
    ranking,
    "multi_label_margin",
    "The hinge of each label of a row with each class that is none, over the classes"
)]
pub struct MultiLabelMarginLoss {
    config: MultiLabelMarginLossConfig,
}

/// Config of [`MultiLabelMarginLoss`].
#[loss_config]
pub struct MultiLabelMarginLossConfig {
    /// The difference of two scores from which on a pair has no effect.
    #[field(default = 1.0, range = ">= 0")]
    pub margin: f64,
    /// Whether the sum over the pairs of a row is divided by the number of its classes.
    #[field(default = true)]
    pub divide_by_classes: bool,
}

impl RankingLoss for MultiLabelMarginLoss {}

impl Formula for MultiLabelMarginLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, difference: R, weight: R) -> R {
        weighted(weight, (-difference + self.config.margin).relu())
    }
}

impl PairFormula for MultiLabelMarginLoss {
    fn constants(&self, items: &Items) -> Vec<Tensor<2>> {
        let relevance = items.relevance.clone();
        let classes = items.valid.clone().float().cast(relevance.dtype()).sum_dim(1).clamp_min(1.0);
        let classes = if self.config.divide_by_classes { classes } else { classes.ones_like() };
        let shape = relevance.dims();
        vec![relevance, classes.expand(shape)]
    }

    fn weight<R: Real>(&self, first: &[R], second: &[R]) -> R {
        let classes = first[1].clone();
        where_more_relevant(first, second, classes.lit(1.0) / classes)
    }

    fn is_mean(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::pointwise::numbers;
    use crate::ranking::Relevance;
    use crate::ranking::tests::lists;
    use burn::tensor::{Device, Int, TensorData};

    /// The labels of a row end at its first negative number, and a label that is named twice counts once.
    #[test]
    fn labels_end_at_the_first_negative_one() {
        let labels = TensorData::new(vec![2i64, 0, -1, 1, 0, -1, -1, -1, -1, 2, 2, 2], [4, 3]);
        let labels = Tensor::<2, Int>::from_data(labels, &Device::flex());
        let Relevance { relevance, valid } = Relevance::from_labels(labels, 3);
        assert!(valid.is_none());
        let expected = [1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0];
        assert_eq!(numbers(relevance), expected);
    }

    /// Padding has no part in the number of classes.
    #[test]
    fn missing_classes_are_not_counted() {
        let loss = MultiLabelMarginLossConfig::new().init(&Device::flex());
        let short = loss.forward(lists([[0.5, 0.25]]), lists([[1.0, 0.0]]));
        let relevance = lists([[1.0, 0.0, 1.0]]);
        let valid = lists([[1.0, 1.0, 0.0]]).greater_scalar(0.5);
        let long = loss.forward(lists([[0.5, 0.25, 9.0]]), (relevance, valid));
        assert_eq!(numbers(short), [0.375]);
        assert_eq!(numbers(long), [0.375]);
    }
}
