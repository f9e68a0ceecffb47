//! RankNet.

use super::pairs::{self, RankedPairs};
use super::{PairFormula, RankingLoss};
use crate::engine::lists::where_more_relevant;
use crate::formula::safe::weighted;
use crate::formula::{Formula, Real};
use crate::signature::{Arguments, Called, EvalError, Signature, Wanted};
use burn_losses_derive::{Choice, loss, loss_config};

/// The weight of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum PairWeights {
    /// Every pair has the weight 1.
    #[default]
    None,
    /// The difference of the two relevances.
    Difference,
}

/// How the values of the pairs of a list are combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum PairAverage {
    /// Their mean.
    #[default]
    Pairs,
    /// Their sum.
    List,
}

/// RankNet (Burges et al. 2005, [doi 10.1145/1102351.1102363](https://doi.org/10.1145/1102351.1102363)): the logistic loss of each
/// pair of items in a list.
///
/// # Formula
/// ```text
/// sum over r_i > r_j of w_ij softplus(-sigma (s_i - s_j)), over the number of these pairs
/// ```
/// with the scores s and the relevance r; w_ij is 1, or r_i - r_j with `weights = "difference"`. With `average = "list"` the sum is
/// not divided.
///
/// # When to use
/// The first loss to try for learning to rank, with grades of relevance or with clicks. Pairs at the end of a list count as much as pairs
/// at its beginning. If the first items matter most, take [`LambdaRankLoss`](super::LambdaRankLoss). For one relevant item among many,
/// take [`ListNetLoss`](super::ListNetLoss), or [`BprLoss`](super::BprLoss) for recommendations.
///
/// # Numerics
/// The slope of a pair is at most sigma times its weight, and never vanishes for a pair in the wrong order. A list of L items
/// has L^2 pairs. On CPUs, kernels keep none
/// of them in memory; tensor operations keep about 2^22 at a time.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, ranking::RanknetLossConfig};
///
/// let device = Device::flex();
/// let loss = RanknetLossConfig::new().init(&device);
/// let scores = Tensor::<2>::from_floats([[2.0, 1.0, 9.0]], &device);
/// let relevance = Tensor::<2>::from_floats([[1.0, 0.0, 5.0]], &device);
/// // The last item is only there to make the lists equally long.
/// let valid = relevance.clone().lower_scalar(5.0);
/// let value = loss.forward(scores, (relevance, valid));
/// assert!((value.into_scalar::<f32>() - (1.0 + (-1f32).exp()).ln()).abs() < 1e-6);
///
/// let pairs = loss.forward_pairs(Tensor::from_floats([2.0], &device), Tensor::from_floats([1.0], &device));
/// assert!((pairs.into_scalar::<f32>() - (1.0 + (-1f32).exp()).ln()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `allrank.models.losses.rankNet`: the mean over the pairs of the whole batch, not of each list; its
///   `weight_by_diff` is `weights = "difference"`.
/// - `tensorflow_ranking.keras.losses.PairwiseLogisticLoss`: with `average = "list"`; its mean divides by the number of pairs.
/// - `rax.pairwise_logistic_loss`: with `average = "list"`, a mean over lists; not compared by a test.
#[loss(ranking, "ranknet", "The logistic loss of each pair of items in a list")]
pub struct RanknetLoss {
    config: RanknetLossConfig,
}

/// Config of [`RanknetLoss`].
#[loss_config]
pub struct RanknetLossConfig {
    /// The steepness of the logistic curve.
    #[field(default = 1.0, range = "> 0")]
    pub sigma: f64,
    /// The weight of each pair.
    #[field(default = PairWeights::None)]
    pub weights: PairWeights,
    /// Whether the value of a list is the mean or the sum over its pairs.
    #[field(default = PairAverage::Pairs)]
    pub average: PairAverage,
}

impl RankingLoss for RanknetLoss {
    fn pairs(&self) -> Option<Signature> {
        Some(pairs::signature())
    }
    fn call_pairs(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        pairs::call(self, arguments, wanted)
    }
}

impl RankedPairs for RanknetLoss {}

impl Formula for RanknetLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, difference: R, weight: R) -> R {
        weighted(weight, (difference * -self.config.sigma).softplus())
    }
}

impl PairFormula for RanknetLoss {
    fn weight<R: Real>(&self, first: &[R], second: &[R]) -> R {
        let difference = first[0].clone() - second[0].clone();
        match self.config.weights {
            PairWeights::None => where_more_relevant(first, second, difference.lit(1.0)),
            PairWeights::Difference => difference.relu(),
        }
    }
    fn is_mean(&self) -> bool {
        self.config.average == PairAverage::Pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::pointwise::numbers;
    use crate::ranking::tests::{gradient, lists};
    use burn::tensor::{Device, Tensor};

    fn value(config: RanknetLossConfig, scores: [f32; 3], relevance: [f32; 3]) -> f32 {
        let (scores, relevance) = (lists([scores]), lists([relevance]));
        config.init(&Device::flex()).forward(scores, relevance).into_scalar()
    }

    fn softplus(x: f32) -> f32 {
        x.exp().ln_1p()
    }

    #[test]
    fn three_items_by_hand() {
        let (scores, relevance) = ([1.0, 0.5, 2.0], [2.0, 0.0, 0.0]);
        let sum = softplus(-0.5) + softplus(1.0);
        assert!((value(RanknetLossConfig::new(), scores, relevance) - sum / 2.0).abs() < 1e-6);
        let list = RanknetLossConfig::new().with_average(PairAverage::List);
        assert!((value(list.clone(), scores, relevance) - sum).abs() < 1e-6);
        let weighted = list.with_weights(PairWeights::Difference).with_sigma(2.0);
        assert!((value(weighted, scores, relevance) - 2.0 * (softplus(-1.0) + softplus(2.0))).abs() < 1e-6);
    }

    /// A list whose items are equally relevant is 0, and does not count in the mean.
    #[test]
    fn a_list_without_a_pair_does_not_count() {
        let device = Device::flex().autodiff();
        let loss = RanknetLossConfig::new().init(&device);
        let scores = Tensor::<2>::from_floats([[1.0, 0.0], [3.0, 4.0]], &device).require_grad();
        let relevance = Tensor::<2>::from_floats([[1.0, 0.0], [2.0, 2.0]], &device);
        let values = numbers(loss.forward_no_reduction(scores.clone(), relevance.clone()));
        assert_eq!(values[1], 0.0);
        let value = loss.forward(scores.clone(), relevance);
        let gradient = gradient(&value, &scores);
        assert!((value.into_scalar::<f32>() - softplus(-1.0)).abs() < 1e-6);
        assert_eq!(gradient[2..], [0.0, 0.0]);
    }

    /// An item that is infinitely far from all others gives the limits.
    #[test]
    fn infinite_scores_give_limits() {
        let value = |scores| value(RanknetLossConfig::new(), scores, [1.0, 0.0, 0.0]);
        assert_eq!(value([f32::INFINITY, 0.0, 1.0]), 0.0);
        assert_eq!(value([f32::NEG_INFINITY, 0.0, 1.0]), f32::INFINITY);
    }
}
