//! LambdaRank and its relatives.

use super::{Gain, Items, PairFormula, RankingLoss};
use crate::engine::lists::{discounts, where_more_relevant};
use crate::formula::safe::weighted;
use crate::formula::{Formula, Real};
use burn::tensor::Tensor;
use burn_losses_derive::{Choice, loss, loss_config};

/// The weight of a pair (Wang et al. 2018, [doi 10.1145/3269206.3271784](https://doi.org/10.1145/3269206.3271784)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum LambdaScheme {
    /// |G_i - G_j| |1/D_i - 1/D_j|: how much NDCG changes if the two items change places.
    #[default]
    LambdaRank,
    /// G_i / D_i, over all pairs whatever their relevance, each item with itself too.
    Ndcg1,
    /// |G_i - G_j| |1/D(d) - 1/D(d + 1)|, where d is the distance of the two ranks.
    Ndcg2,
    /// mu times `ndcg2`, plus `lambda_rank`.
    Ndcg2pp,
}

/// LambdaRank (Burges et al. 2006) and the losses of the LambdaLoss framework (Wang et al. 2018,
/// [doi 10.1145/3269206.3271784](https://doi.org/10.1145/3269206.3271784)): the logistic loss of each pair, weighted by the
/// influence of the pair on NDCG.
///
/// # Formula
/// ```text
/// sum over r_i > r_j of w_ij log(1 + e^(-sigma (s_i - s_j)))
/// ```
/// with the logarithm to the base `log_base`. The weight w depends on the gains G_i = gain(r_i) / maxDCG and on the discounts
/// D(rank) = log2(1 + rank) of the ranks by the scores: see [`LambdaScheme`]. In the scheme `ndcg1` the sum runs over all pairs of
/// items. With `k` both items have to be among the first k by their scores, and maxDCG is that of the first k.
///
/// # When to use
/// For learning to rank in search and recommendation, with grades of relevance and NDCG as the metric: pairs at the beginning of
/// a list have the largest weights. In the schemes `ndcg1` and `ndcg2` the loss is an upper bound of 1 - NDCG. The scheme `ndcg2pp` has the
/// best results in the paper. [`RanknetLoss`](super::RanknetLoss) gives all pairs the same weight, and is easier to train with
/// noisy grades.
///
/// # Numerics
/// Ranks and weights are constants for the gradient. A relevance below 0 has no gain, and a list without any gain is 0. The gain
/// 2^r - 1 is taken over 2^r of the largest r, so that it is finite for every r. `normalize` divides a weight by
/// 0.01 + |s_i - s_j|, which is a constant too. A list of L items has L^2 pairs. On CPUs, kernels keep none
/// of them in memory; tensor operations keep about 2^22 at a time.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, ranking::LambdaRankLossConfig};
///
/// let device = Device::flex();
/// let loss = LambdaRankLossConfig::new().init(&device);
/// let scores = Tensor::<2>::from_floats([[0.0, 0.0]], &device);
/// let value = loss.forward(scores, Tensor::<2>::from_floats([[0.0, 1.0]], &device));
/// // Of equal scores the first item ranks first. In the right order NDCG would be 1.
/// let change = 1.0 - 1.0 / 3f32.log2();
/// assert!((value.into_scalar::<f32>() - change).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `allrank.models.losses.lambdaLoss`: the same schemes as `weighing_scheme`; it sums over the batch, ties are in no order, and a
///   probability is at least 1e-10.
/// - `lightgbm.LGBMRanker`: its objective `lambdarank` is the gradient of this loss with `log_base` e and `k` 30, where one item of
///   a pair has to be among the first k; `lambdarank_norm` is `normalize`, followed by a factor for each list.
/// - `xgboost.XGBRanker`: its objective `rank:ndcg`, with the same weights and a factor for each list.
/// - `tensorflow_ranking.keras.losses.PairwiseLogisticLoss`: with `lambda_weight`.
#[loss(ranking, "lambda_rank", "The logistic loss of pairs, weighted by their effect on NDCG (LambdaRank, LambdaLoss)")]
pub struct LambdaRankLoss {
    config: LambdaRankLossConfig,
}

/// Config of [`LambdaRankLoss`].
#[loss_config]
pub struct LambdaRankLossConfig {
    /// The steepness of the logistic curve.
    #[field(default = 1.0, range = "> 0")]
    pub sigma: f64,
    /// How many of the first items count; all if it is not given.
    #[field(default = None, range = ">= 1")]
    pub k: Option<usize>,
    /// The gain of an item as a function of its relevance.
    #[field(default = Gain::Exponential)]
    pub gain: Gain,
    /// The weight of a pair.
    #[field(default = LambdaScheme::LambdaRank)]
    pub scheme: LambdaScheme,
    /// The factor of `ndcg2` in the scheme `ndcg2pp`.
    #[field(default = 10.0, range = ">= 0")]
    pub mu: f64,
    /// The base of the logarithm of the logistic loss.
    #[field(default = 2.0, range = "> 1")]
    pub log_base: f64,
    /// Whether the weight of a pair is divided by the distance of its scores, a constant for the gradient.
    #[field(default = false)]
    pub normalize: bool,
}

impl RankingLoss for LambdaRankLoss {}

/// The distance of scores of which the limit is taken, with `normalize`.
const FAR: f64 = 1e30;

impl Formula for LambdaRankLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, difference: R, weight: R) -> R {
        let unit = 1.0 / self.config.log_base.ln();
        if !self.config.normalize {
            return weighted(weight, (difference * -self.config.sigma).softplus() * unit);
        }
        let (far, near) = (difference.lit(FAR), difference.lit(-FAR));
        let difference = difference.maximum(near).minimum(far);
        let distance = difference.clone().stop().abs() + 0.01;
        weighted(weight, (difference * -self.config.sigma).softplus() * unit / distance)
    }
}

/// Where the constants of an item are: its gain over the best DCG, its rank, and 1 over the discount of the rank.
const GAIN: usize = 1;
const RANK: usize = 2;
const SHARE: usize = 3;

impl LambdaRankLoss {
    /// The weight of a pair of the first k items, 0 for others: 1 over the discount of these is 0.
    fn within<R: Real>(&self, first: &[R], second: &[R], weight: R) -> R {
        if self.config.k.is_none() {
            return weight;
        }
        let nothing = weight.lit(0.0);
        let both = first[SHARE].clone() * second[SHARE].clone();
        R::select(&both.gt_lit(0.0), weight, nothing)
    }
}

impl PairFormula for LambdaRankLoss {
    fn constants(&self, items: &Items) -> Vec<Tensor<2>> {
        let dcg = self.config.gain.dcg(self.config.k);
        let ranks = items.ranks(items.scores.clone());
        let share = dcg.within(discounts(ranks.clone()).recip(), &ranks);
        vec![items.relevance.clone(), dcg.gains(items), ranks, share]
    }

    fn weight<R: Real>(&self, first: &[R], second: &[R]) -> R {
        let difference = |number: usize| (first[number].clone() - second[number].clone()).abs();
        let exchange = || difference(SHARE);
        let apart = || {
            let distance = difference(RANK).maximum(first[RANK].lit(1.0));
            let share = |distance: R| distance.lit(core::f64::consts::LN_2) / (distance + 1.0).ln();
            (share(distance.clone()) - share(distance + 1.0)).abs()
        };
        let of_ranks = match self.config.scheme {
            LambdaScheme::Ndcg1 => return self.within(first, second, first[GAIN].clone() * first[SHARE].clone()),
            LambdaScheme::LambdaRank => exchange(),
            LambdaScheme::Ndcg2 => apart(),
            LambdaScheme::Ndcg2pp => apart() * self.config.mu + exchange(),
        };
        self.within(first, second, where_more_relevant(first, second, of_ranks * difference(GAIN)))
    }

    fn is_mean(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranking::tests::lists;
    use burn::tensor::Device;

    fn value(config: LambdaRankLossConfig, scores: [f32; 3], relevance: [f32; 3]) -> f32 {
        let (scores, relevance) = (lists([scores]), lists([relevance]));
        config.init(&Device::flex()).forward_no_reduction(scores, relevance).into_scalar()
    }

    /// The same base for the logarithm of the discount would cancel in NDCG.
    #[test]
    fn the_base_is_that_of_the_logistic_loss() {
        let (scores, relevance) = ([0.3, -0.2, 1.0], [2.0, 1.0, 0.0]);
        let bits = value(LambdaRankLossConfig::new(), scores, relevance);
        let nats = value(LambdaRankLossConfig::new().with_log_base(core::f64::consts::E), scores, relevance);
        assert!((bits * 2f32.ln() - nats).abs() < 1e-6, "{bits} {nats}");
    }

    #[test]
    fn a_list_without_gain_is_zero() {
        for scheme in [LambdaScheme::LambdaRank, LambdaScheme::Ndcg1, LambdaScheme::Ndcg2, LambdaScheme::Ndcg2pp] {
            let config = LambdaRankLossConfig::new().with_scheme(scheme);
            assert_eq!(value(config.clone(), [1.0, 2.0, 3.0], [0.0, 0.0, 0.0]), 0.0);
            assert_eq!(value(config.clone(), [1.0, 2.0, 3.0], [-1.0, -2.0, 0.0]), 0.0);
            // What is not among the first k has no pair.
            assert!(value(config.clone().with_k(1), [1.0, 2.0, 3.0], [1.0, 2.0, 0.0]) == 0.0);
            assert!(value(config, [1.0, 2.0, 3.0], [1.0, 2.0, 0.0]) > 0.0);
        }
    }

    #[test]
    fn sums_of_the_schemes() {
        let (scores, relevance) = ([0.3, -0.2, 1.0], [2.0, 1.0, 0.0]);
        let of = |scheme| value(LambdaRankLossConfig::new().with_scheme(scheme).with_mu(3.0), scores, relevance);
        let sum = 3.0 * of(LambdaScheme::Ndcg2) + of(LambdaScheme::LambdaRank);
        assert!((of(LambdaScheme::Ndcg2pp) - sum).abs() < 1e-5);
    }

    /// A relevance whose gain is infinite has finite weights, and infinite scores give the limit.
    #[test]
    fn large_numbers() {
        let large = value(LambdaRankLossConfig::new(), [0.0, 1.0, 2.0], [1e4, 3.0, 0.0]);
        assert!(large.is_finite() && large > 0.0, "{large}");
        let config = LambdaRankLossConfig::new().with_normalize(true);
        let [far, limit] = [1e20, f32::INFINITY].map(|far| value(config.clone(), [0.0, 1.0, far], [1.0, 2.0, 0.0]));
        assert!((far - limit).abs() < 1e-5 && limit > 0.0, "{far} {limit}");
    }
}
