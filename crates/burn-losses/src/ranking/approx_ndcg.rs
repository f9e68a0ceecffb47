//! Approximate NDCG.

use super::{Gain, Items, Lists, RankingLoss};
use crate::engine::any_tensor::AnyTensor;
use crate::engine::lists::{discounts, in_floats, in_parts};
use crate::engine::pointwise::of_formula;
use crate::formula::{Formula, Real};
use crate::reduction::row_sums;
use burn::tensor::Tensor;
use burn_losses_derive::{loss, loss_config};

/// Approximate NDCG (Qin et al. 2010, [doi 10.1007/s10791-009-9124-x](https://doi.org/10.1007/s10791-009-9124-x)): one minus NDCG, with
/// ranks that are smooth functions of the scores.
///
/// # Formula
/// ```text
/// 1 - sum_i G_i / log2(1 + rank_i)
/// rank_i = 1 + sum_(j != i) 1 / (1 + e^((s_i - s_j) / temperature))
/// ```
/// over the items that are there, with the gains G_i = gain(r_i) / maxDCG. As the temperature tends to 0 the ranks become those of the
/// scores, and the value 1 - NDCG.
///
/// # When to use
/// For lists with grades of relevance where NDCG is the metric, and its value should be what falls: unlike the pairs of
/// [`LambdaRankLoss`](super::LambdaRankLoss), it is bounded, so that a list that cannot be ranked does not dominate. With a small
/// temperature the gradient of items that are far apart is 0, so begin with scores near each other, or train with
/// [`ListNetLoss`](super::ListNetLoss) first.
///
/// # Numerics
/// The value is in [0, 1]. A relevance below 0 has no gain, and a list without any gain is 0. A list of L items has L^2 pairs; about 2^22
/// pairs are in memory at a time.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, ranking::ApproxNdcgLossConfig};
///
/// let device = Device::flex();
/// let loss = ApproxNdcgLossConfig::new().init(&device);
/// // Both items have the rank 1.5.
/// let scores = Tensor::<2>::zeros([1, 2], &device);
/// let value = loss.forward(scores, Tensor::<2>::from_floats([[0.0, 1.0]], &device));
/// assert!((value.into_scalar::<f32>() - (1.0 - 1.0 / 2.5f32.log2())).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `tensorflow_ranking.keras.losses.ApproxNDCGLoss`: it has no 1, so it is negative, and its temperature is 0.1 too; not compared by
///   a test.
/// - `allrank.models.losses.approxNDCGLoss`: without the 1 too; its `alpha` is 1 / `temperature`, and a score counts as at least 1e-10
///   of a rank; not compared by a test.
#[loss(ranking, "approx_ndcg", "One minus NDCG with smooth ranks (ApproxNDCG)")]
pub struct ApproxNdcgLoss {
    config: ApproxNdcgLossConfig,
}

/// Config of [`ApproxNdcgLoss`].
#[loss_config]
pub struct ApproxNdcgLossConfig {
    /// The difference of two scores from which on an item ranks clearly above another.
    #[field(default = 0.1, range = ">= 0.001")]
    pub temperature: f64,
    /// The gain of an item as a function of its relevance.
    #[field(default = Gain::Exponential)]
    pub gain: Gain,
}

impl RankingLoss for ApproxNdcgLoss {}

impl Lists for ApproxNdcgLoss {
    fn values(&self, items: Items) -> Tensor<1> {
        let (gain, temperature) = (self.config.gain, self.config.temperature);
        in_parts(items, move |items| missing_ndcg(&items, gain, temperature))
    }
}

/// How far the second item of a pair is above the first one; 0 where there is no pair.
#[derive(Debug, Clone)]
struct IsAbove {
    temperature: f64,
}

impl Formula for IsAbove {
    #[inline(always)]
    fn eval<R: Real>(&self, difference: R, is_pair: R) -> R {
        let x = difference * (-1.0 / self.temperature);
        let [above, below] = x.clone().sigmoids();
        // The slope of the smaller one has all its digits: that of a number near 1 would be the rest of a difference.
        is_pair.weigh(R::select(&x.gt_lit(0.0), -below + 1.0, above))
    }
}

/// One minus the approximate NDCG of each list.
fn missing_ndcg(items: &Items, gain: Gain, temperature: f64) -> Tensor<1> {
    let gains = gain.dcg(None).gains(items);
    let has_gain = gains.clone().max_dim(1).greater_scalar(0.0).squeeze_dim::<1>(1);
    let like = AnyTensor::from(&items.scores);
    let gains = like.lift(gains.into()).into_rank::<2>();
    let is_pair = in_floats(&items.others(), &items.scores);
    let is_above = of_formula(&IsAbove { temperature }, items.differences(), is_pair);
    let ranks = is_above.sum_dim(2).squeeze_dim::<2>(2) + 1.0;
    let ndcg = row_sums(gains / discounts(ranks)).squeeze_dim::<1>(1);
    (-ndcg + 1.0).mask_fill(has_gain.bool_not(), 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::pointwise::numbers;
    use crate::ranking::ndcg;
    use crate::ranking::tests::{lists, with_missing_items};
    use burn::tensor::Device;

    /// With a small temperature the ranks are those of the scores.
    #[test]
    fn the_limit_is_one_minus_ndcg() {
        let device = Device::flex();
        let scores = || lists([[0.5, -1.0, 2.0, 0.25], [3.0, 2.0, 1.0, 0.0]]);
        let relevance = || lists([[2.0, 3.0, 0.0, 1.0], [3.0, 1.0, 1.0, 0.0]]);
        for gain in [Gain::Exponential, Gain::Linear] {
            let loss = ApproxNdcgLossConfig::new().with_temperature(0.001).with_gain(gain).init(&device);
            let values = numbers(loss.forward_no_reduction(scores(), relevance()));
            let expected = numbers(ndcg(scores(), relevance(), gain, None));
            assert!(
                values.iter().zip(&expected).all(|(value, ndcg)| (value - (1.0 - ndcg)).abs() < 1e-6),
                "{values:?}"
            );
        }
    }

    /// A list without any gain or any item is 0.
    #[test]
    fn missing_items_have_no_part() {
        let loss = ApproxNdcgLossConfig::new().init(&Device::flex().autodiff());
        let first = [Some((1.0, 0.0)), Some((0.75, 1.0)), None];
        let without_gain = [Some((0.0, -1.0)), None, Some((1.0, -2.0))];
        let (values, gradient) = with_missing_items(&loss, [first, without_gain, [None; 3]]);
        assert!(values[0] > 0.0 && values[1..] == [0.0, 0.0], "{values:?}");
        assert!(gradient[1] < 0.0 && gradient[2..].iter().all(|slope| *slope == 0.0), "{gradient:?}");
    }
}
