//! Bayesian personalized ranking.

use super::pairs::{self, RankedPairs};
use super::{Items, PairFormula, RankingLoss};
use crate::engine::lists::where_more_relevant;
use crate::formula::safe::weighted;
use crate::formula::{Formula, Real};
use crate::signature::{Arguments, Called, EvalError, Signature, Wanted};
use burn::tensor::Tensor;
use burn_losses_derive::{loss, loss_config};

/// Bayesian personalized ranking (Rendle et al. 2009, [arXiv 1205.2618](https://arxiv.org/abs/1205.2618)): it compares an
/// item that a user has chosen with items that the user has not chosen.
///
/// # Formula
/// `-ln sigmoid(s_p - s_n)`, averaged over the negatives n of a list and its positives p. The positives are the items of the
/// highest relevance in the list, usually one; all others are negatives.
///
/// # When to use
/// For recommendations from implicit feedback (views, purchases), with sampled negatives: as pairs, or as lists of one positive and
/// its negatives. For grades of relevance, take [`RanknetLoss`](super::RanknetLoss), which compares all grades. With many negatives, take
/// [`ListNetLoss`](super::ListNetLoss), which gives more weight to the negatives with the highest scores.
///
/// # Numerics
/// The value is a softplus. The gradient of a pair in the wrong order tends to 1 in size as the scores move apart: it does not vanish.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, ranking::BprLossConfig};
///
/// let device = Device::flex();
/// let loss = BprLossConfig::new().init(&device);
/// // One positive with two negatives.
/// let scores = Tensor::<2>::from_floats([[0.0, 0.0, -30.0]], &device);
/// let value = loss.forward(scores, Tensor::<2>::from_floats([[1.0, 0.0, 0.0]], &device));
/// assert!((value.into_scalar::<f32>() - 2f32.ln() / 2.0).abs() < 1e-6);
///
/// let pairs = loss.forward_pairs(Tensor::from_floats([0.0], &device), Tensor::from_floats([40.0], &device));
/// assert_eq!(pairs.into_scalar::<f32>(), 40.0);
/// ```
///
/// # Elsewhere
/// - `recbole.model.loss.BPRLoss`: pairs, with 1e-10 inside the logarithm: its value is at most 23.03, and a pair that is worse has
///   no slope.
/// - `torch_geometric.nn.models.lightgcn.BPRLoss`: pairs, with a penalty on the embeddings; the formula is the same.
/// - `implicit.bpr.BayesianPersonalizedRanking`: the whole model, trained with this loss.
#[loss(ranking, "bpr", "Bayesian personalized ranking: a chosen item against others")]
pub struct BprLoss {
    config: BprLossConfig,
}

/// Config of [`BprLoss`].
#[loss_config]
pub struct BprLossConfig {}

impl RankingLoss for BprLoss {
    fn pairs(&self) -> Option<Signature> {
        Some(pairs::signature())
    }
    fn call_pairs(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        pairs::call(self, arguments, wanted)
    }
}

impl RankedPairs for BprLoss {}

impl Formula for BprLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, difference: R, weight: R) -> R {
        weighted(weight, (-difference).softplus())
    }
}

impl PairFormula for BprLoss {
    fn constants(&self, items: &Items) -> Vec<Tensor<2>> {
        let missing = items.valid.clone().bool_not();
        let known = items.relevance.clone().mask_fill(missing, f64::from(f32::MIN));
        let shape = known.dims();
        let is_positive = known.clone().equal(known.max_dim(1).expand(shape));
        vec![items.relevance.clone(), is_positive.float().cast(items.relevance.dtype())]
    }

    fn weight<R: Real>(&self, first: &[R], second: &[R]) -> R {
        where_more_relevant(first, second, first[1].clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::pointwise::numbers;
    use crate::ranking::RanknetLossConfig;
    use crate::ranking::tests::{gradient, lists};
    use burn::tensor::Device;

    /// The loss of a pair is that of RankNet, as pairs and as lists of two.
    #[test]
    fn a_pair_is_that_of_ranknet() {
        let device = Device::flex();
        let (bpr, ranknet) = (BprLossConfig::new().init(&device), RanknetLossConfig::new().init(&device));
        let tensor = |numbers: &[f32]| Tensor::<1>::from_floats(numbers, &device);
        let (better, worse) = (tensor(&[0.5, -30.0, 2.0]), tensor(&[1.0, 70.0, -1e4]));
        let none = crate::Extras::new;
        let pairs = numbers(bpr.forward_pairs_unreduced(better.clone(), worse.clone(), none()).values);
        let expected = numbers(ranknet.forward_pairs_unreduced(better.clone(), worse.clone(), none()).values);
        assert_eq!(pairs, expected);
        let scores: Tensor<2> = Tensor::stack(vec![better, worse], 1);
        let relevance = lists([[1.0, 0.0]; 3]);
        assert_eq!(numbers(bpr.forward_no_reduction(scores.clone(), relevance.clone())), expected);
        assert_eq!(numbers(ranknet.forward_no_reduction(scores, relevance)), expected);
    }

    /// `-ln(1e-10 + sigmoid(d))` has no slope below -23; the loss has.
    #[test]
    fn a_pair_that_is_far_wrong_has_a_slope() {
        let device = Device::flex().autodiff();
        let better = Tensor::<1>::from_floats([-50.0, -1e4], &device).require_grad();
        let value = BprLossConfig::new().init(&device).forward_pairs(better.clone(), better.zeros_like().detach());
        assert_eq!(gradient(&value, &better), [-0.5, -0.5]);
    }

    #[test]
    fn only_the_best_are_positives() {
        let (scores, relevance) = (lists([[1.0, 2.0, 0.0]]), lists([[2.0, 1.0, 0.0]]));
        let value: f32 = BprLossConfig::new().init(&Device::flex()).forward(scores, relevance).into_scalar();
        assert!((value - (1f32.exp().ln_1p() + (-1f32).exp().ln_1p()) / 2.0).abs() < 1e-6);
    }
}
