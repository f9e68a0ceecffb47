//! ListMLE.

use super::{Items, Lists, RankingLoss};
use crate::engine::lists::in_parts;
use crate::reduction::row_sums;
use burn::tensor::Tensor;
use burn_losses_derive::{loss, loss_config};

/// ListMLE (Xia et al. 2008, [doi 10.1145/1390156.1390306](https://doi.org/10.1145/1390156.1390306)): the negative log-likelihood of the
/// right order, if items are drawn one after the other with the softmax of the scores of those that are left (Plackett-Luce model).
///
/// # Formula
/// `sum_i ln(sum_(j from i on) e^(s_j - s_i))`, with the items of a list in the order of their relevance, the most relevant first. Of
/// equal relevance the first comes first.
///
/// # When to use
/// For lists in a known order without ties, such as the preferences of a person among several answers: the whole order counts, not only
/// the first item as in [`ListNetLoss`](super::ListNetLoss). With a few grades of relevance the order of equal items is arbitrary, and
/// yet it is learned: take [`RanknetLoss`](super::RanknetLoss) or [`LambdaRankLoss`](super::LambdaRankLoss) there.
///
/// # Numerics
/// Of the scores only differences are used, and the largest one is subtracted before the exponential. A value above 1e29 counts as
/// infinite, and has no gradient. A list of L items has L^2 pairs; about 2^22 pairs are in memory at a time.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, ranking::ListMleLossConfig};
///
/// let device = Device::flex();
/// let loss = ListMleLossConfig::new().init(&device);
/// // All six orders of three items are equally likely.
/// let scores = Tensor::<2>::zeros([1, 3], &device);
/// let value = loss.forward(scores, Tensor::<2>::from_floats([[2.0, 0.0, 1.0]], &device));
/// assert!((value.into_scalar::<f32>() - 6f32.ln()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `allrank.models.losses.listMLE`: it shuffles equal items, and has 1e-10 inside the logarithm; not compared by a test.
/// - `tensorflow_ranking.keras.losses.ListMLELoss`: it shuffles equal items; not compared by a test.
#[loss(ranking, "list_mle", "Negative log-likelihood of the order of a list (ListMLE, Plackett-Luce)")]
pub struct ListMleLoss {
    config: ListMleLossConfig,
}

/// Config of [`ListMleLoss`].
#[loss_config]
pub struct ListMleLossConfig {}

impl RankingLoss for ListMleLoss {}

impl Lists for ListMleLoss {
    fn values(&self, items: Items) -> Tensor<1> {
        in_parts(items, |items| improbability(&items))
    }
}

/// The size of a difference of scores from which on it counts as infinite.
const FAR: f64 = 1e30;

/// Minus the log-likelihood of the order of each list.
fn improbability(items: &Items) -> Tensor<1> {
    let ranks = items.ranks(items.relevance.clone());
    let is_before = items.of_second(ranks.clone()).lower(items.of_first(ranks));
    let is_gone = is_before.bool_or(items.both_valid().bool_not());
    // s_j - s_i; it is 0 for an item and itself, so that the largest one is never below 0.
    let ahead = -items.differences();
    let ahead = ahead.clone().mask_fill(ahead.greater_scalar(FAR), FAR);
    let ahead = ahead.clone().mask_fill(ahead.lower_scalar(-FAR), -FAR).mask_fill(is_gone, -FAR);
    let most = ahead.clone().max_dim(2).detach();
    let totals = (ahead.clone() - most.clone().expand(ahead.dims())).exp().sum_dim(2).log() + most;
    let values = totals.squeeze_dim::<2>(2).mask_fill(items.valid.clone().bool_not(), 0.0);
    let total = row_sums(values).squeeze_dim::<1>(1);
    let is_infinite = total.clone().greater_scalar(0.1 * FAR);
    total.mask_fill(is_infinite, f64::INFINITY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::pointwise::numbers;
    use crate::ranking::tests::{gradient, lists, with_missing_items};
    use burn::tensor::Device;

    #[test]
    fn three_items_by_hand() {
        let (scores, relevance) = (lists([[1.0, 3.0, 2.0]; 2]), lists([[0.0, 2.0, 1.0], [1.0, 0.0, 1.0]]));
        let values = numbers(ListMleLossConfig::new().init(&Device::flex()).forward_no_reduction(scores, relevance));
        let total = |scores: &[f64]| scores.iter().map(|s| s.exp()).sum::<f64>().ln();
        let all = total(&[1.0, 2.0, 3.0]);
        // The order 3, 2, 1; and, with the first of two equal items first, 1, 2, 3.
        let expected = [all - 3.0 + total(&[2.0, 1.0]) - 2.0, all - 1.0 + total(&[2.0, 3.0]) - 2.0];
        assert!(values.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{values:?} {expected:?}");
    }

    /// Infinite scores give the limits, and nothing is NaN.
    #[test]
    fn infinite_scores() {
        let device = Device::flex().autodiff();
        let run = |scores: [f32; 3]| {
            let scores = Tensor::<2>::from_floats([scores], &device).require_grad();
            let relevance = Tensor::<2>::from_floats([[2.0, 1.0, 0.0]], &device);
            let value = ListMleLossConfig::new().init(&device).forward(scores.clone(), relevance);
            let gradient = gradient(&value, &scores);
            let value: f32 = value.into_scalar();
            assert!(value.is_nan() || gradient.iter().all(|slope| slope.is_finite()), "{gradient:?}");
            value
        };
        assert!((run([f32::INFINITY, 1.0, 1.0]) - 2f32.ln()).abs() < 1e-6);
        assert!((run([1.0, 1.0, f32::NEG_INFINITY]) - 2f32.ln()).abs() < 1e-6);
        assert_eq!(run([1.0, f32::NEG_INFINITY, 1.0]), f32::INFINITY);
        assert!(run([1.0, f32::NAN, 1.0]).is_nan());
    }

    #[test]
    fn missing_items_have_no_part() {
        let loss = ListMleLossConfig::new().init(&Device::flex().autodiff());
        let (values, gradient) = with_missing_items(&loss, [[Some((0.5, 1.0)), None, Some((1.0, 0.0))], [None; 3]]);
        assert!((values[0] - 0.5f64.exp().ln_1p()).abs() < 1e-6 && values[1] == 0.0, "{values:?}");
        assert!(gradient[1] == 0.0 && gradient[3..].iter().all(|slope| *slope == 0.0), "{gradient:?}");
    }
}
