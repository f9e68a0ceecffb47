//! Lifted structure loss.

use super::{Distance, MetricLoss};
use crate::engine::machine::has_kernels;
use crate::engine::pairs;
use crate::engine::pairs::anchors::{Anchors, NeededPartners, Pairs, keep_where, log_sum_exp, mask_to_float, sums};
use crate::engine::primitives::l2_normalize::l2_normalize;
use crate::formula::{Anchor, AnchorFormula, Counts, Partners, Real, Score};
use crate::reduction::Unreduced;
use burn::tensor::{Bool, DType, IndexingUpdateOp, Int, Tensor, TensorData};
use burn_losses_derive::{loss, loss_config};

/// Lifted structure loss (Oh Song et al. 2016, [arXiv 1511.06452](https://arxiv.org/abs/1511.06452)), and its generalized form
/// (Hermans et al. 2017, [arXiv 1703.07737](https://arxiv.org/abs/1703.07737)).
///
/// # Formula
/// ```text
/// max(0, D(a, p) + ln(sum_n e^(margin - D(a, n)) + sum_m e^(margin - D(p, m))))^2 / 2
/// max(0, ln sum_p e^D(a, p) + ln sum_n e^(margin - D(a, n)))                               with generalized
/// ```
/// of an anchor a, a positive p, the negatives n of the anchor and the negatives m of the positive (the same rows, at other distances),
/// where D is the Euclidean distance.
/// In the first form the value of an anchor is the sum over its positives, and the mean is taken over positives, not anchors. In the
/// generalized form an anchor has one value.
///
/// # When to use
/// For retrieval with batches of several rows per class: each positive pair is compared with all negatives of both of its rows, not
/// with one mined negative. [`MultiSimilarityLoss`](super::MultiSimilarityLoss) weighs pairs in a similar way and is easier to tune.
///
/// # Numerics
/// An anchor without a positive or a negative has the value 0 and does not count. The gradient of a distance of 0 is 0.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{metric::LiftedStructureLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = LiftedStructureLossConfig::new().with_generalized(true).with_margin(2.0).init(&device);
/// let embeddings = Tensor::<2>::from_floats([[0.0], [0.5], [2.0]], &device);
/// let values = loss.forward_no_reduction(embeddings, Tensor::<1, Int>::from_ints([0, 0, 1], &device));
/// // 0.5 + (2 - 2) and 0.5 + (2 - 1.5); the third row has no positive.
/// assert_eq!(values.into_data().to_vec::<f32>().unwrap(), [0.5, 1.0, 0.0]);
/// ```
///
/// # Elsewhere
/// - `pytorch_metric_learning.losses.LiftedStructureLoss`: the same, after a normalization of the embeddings.
/// - `pytorch_metric_learning.losses.GeneralizedLiftedStructureLoss`: with `generalized`, after a normalization of the embeddings.
#[loss(metric, "lifted_structure", "Each positive pair against all negatives of both of its rows")]
pub struct LiftedStructureLoss {
    config: LiftedStructureLossConfig,
}

/// Config of [`LiftedStructureLoss`].
#[loss_config]
pub struct LiftedStructureLossConfig {
    /// The distance that negatives have to keep.
    #[field(default = 1.0, range = "> 0")]
    pub margin: f64,
    /// Whether an anchor has one value for all its positives together, instead of one for each of them.
    #[field(default = false)]
    pub generalized: bool,
    /// Whether the embeddings are L2-normalized first.
    #[field(default = false)]
    pub normalize: bool,
}

/// The generalized form.
#[derive(Debug, Clone)]
struct Generalized {
    margin: f64,
    normalize: bool,
}

impl AnchorFormula for Generalized {
    fn score(&self) -> Score {
        Score::Distance(Distance::Euclidean, self.normalize)
    }

    #[inline(always)]
    fn exponent<R: Real>(&self, partners: Partners, distance: R) -> R {
        if partners == Partners::Positives { distance } else { -distance + self.margin }
    }

    #[inline(always)]
    fn eval<A: Anchor>(&self, anchor: &mut A) -> A::Number {
        (anchor.log_sum_exp(Partners::Positives) + anchor.log_sum_exp(Partners::Negatives)).relu()
    }

    fn counts(&self) -> Counts {
        Counts::WithBoth
    }
}

/// ln of the sum over the negatives of an anchor, in the first form.
#[derive(Debug, Clone)]
struct OfNegatives(Generalized);

impl AnchorFormula for OfNegatives {
    fn score(&self) -> Score {
        self.0.score()
    }

    #[inline(always)]
    fn exponent<R: Real>(&self, partners: Partners, distance: R) -> R {
        self.0.exponent(partners, distance)
    }

    #[inline(always)]
    fn eval<A: Anchor>(&self, anchor: &mut A) -> A::Number {
        anchor.log_sum_exp(Partners::Negatives)
    }

    fn counts(&self) -> Counts {
        Counts::WithBoth
    }
}

/// The value of pairs: of ln of the sums over the negatives of both rows, and of their distance.
fn of_pairs<const D: usize>([own, others]: [Tensor<D>; 2], distances: Tensor<D>) -> Tensor<D> {
    let excess = (own.clone() + (others - own).softplus() + distances).relu();
    excess.clone() * excess * 0.5
}

/// The sums over the positives of each anchor. The pairs are read, which takes no time here: most rows are no positives.
fn sums_of_positives(far: &Tensor<1>, distances: Tensor<2>, positive: &Tensor<2, Bool>) -> Tensor<1> {
    let [count, _] = distances.dims();
    let is_positive = positive.clone().into_data();
    let places = (0..).zip(is_positive.iter::<bool>()).filter(|(_, is_positive)| *is_positive).map(|(place, _)| place);
    let places: Vec<i64> = places.collect();
    if places.is_empty() {
        return far.zeros_like();
    }
    let ints = |of: &dyn Fn(i64) -> i64| {
        let numbers: Vec<i64> = places.iter().map(|place| of(*place)).collect();
        Tensor::<1, Int>::from_data(TensorData::new(numbers, [places.len()]), (&far.device(), DType::I64))
    };
    let [anchors, partners] = [ints(&|place| place / count as i64), ints(&|place| place % count as i64)];
    let distances = distances.reshape([count * count]).select(0, ints(&|place| place));
    let both = [&anchors, &partners].map(|rows| far.clone().select(0, rows.clone()));
    far.zeros_like().select_assign(0, anchors, of_pairs(both, distances), IndexingUpdateOp::Add)
}

impl Anchors for LiftedStructureLoss {
    fn anchors(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>, mask: Option<&Tensor<1, Bool>>) -> Unreduced<1> {
        let LiftedStructureLossConfig { margin, normalize, generalized, .. } = self.config;
        let pairs = Pairs::from_labels(labels.clone(), mask);
        // If no anchor counts, no value depends on any row. The rows are 0 then, since 0 times a NaN would reach their gradients.
        let counts = pairs.has_both().any().unsqueeze::<2>().expand(embeddings.dims());
        let embeddings = embeddings.mask_fill(counts.bool_not(), 0.0);
        let formula = Generalized { margin, normalize };
        if generalized {
            return pairs::values(&formula, embeddings, labels, mask);
        }
        let on_host = has_kernels(&embeddings);
        let far = on_host.then(|| pairs::values(&OfNegatives(formula), embeddings.clone(), labels, mask).values);
        let rows = if normalize { l2_normalize(embeddings) } else { embeddings };
        let distances = Distance::Euclidean.matrix(rows);
        // The positives of an anchor have the same negatives as itself, but at other distances.
        let values = match far {
            Some(far) => sums_of_positives(&far, distances, &pairs.positive),
            None => {
                let shape = distances.dims();
                let far = log_sum_exp(-distances.clone() + margin, pairs.negative.clone());
                let both = [far.clone().unsqueeze_dim::<2>(1), far.unsqueeze::<2>()].map(|far| far.expand(shape));
                sums(of_pairs(both, distances), pairs.positive.clone())
            }
        };
        let number = mask_to_float(pairs.positive.clone(), &values.clone().unsqueeze()).sum_dim(1).squeeze_dim::<1>(1);
        let Unreduced { values, normalizer } = keep_where(values, pairs.has_both());
        Unreduced { values, normalizer: normalizer.map(|counts| counts * number) }
    }

    fn partners(&self) -> NeededPartners {
        NeededPartners::Both
    }

    fn compares_cosines(&self) -> bool {
        self.config.normalize
    }
}

impl MetricLoss for LiftedStructureLoss {}
