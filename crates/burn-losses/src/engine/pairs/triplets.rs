//! Sums over triplets, as tensor operations.

use super::anchors::Pairs;
use crate::engine::TOGETHER;
use crate::engine::any_tensor::AnyTensor;
use crate::engine::custom_backward::custom_backward;
use crate::engine::primitives::order_statistics::argmax_where;
use crate::formula::{AnchorFormula, Dual, Partners, Real, Triplets};
use burn::tensor::{Bool, Tensor};
use core::slice::from_ref;

/// The sum over the triplets of each anchor, the number of its triplets, and the number of those whose term is not 0.
pub(super) fn sum(
    formula: &impl AnchorFormula,
    scores: Tensor<2>,
    pairs: &Pairs,
    chosen: Triplets,
) -> (Tensor<1>, [Tensor<1>; 2]) {
    match chosen {
        Triplets::All => many(formula, scores, pairs, None),
        Triplets::Within(margin) => many(formula, scores, pairs, Some(margin)),
        Triplets::Nearest => nearest(formula, scores, pairs),
    }
}

/// 1 where a triplet is chosen, and 1 where it is active too. A NaN is active, so that it stays visible.
fn counts<const D: usize>(terms: &Tensor<D>, chosen: &Tensor<D, Bool>) -> [Tensor<D>; 2] {
    let terms = terms.clone().detach();
    let active = chosen.clone().bool_and(terms.clone().lower_equal_scalar(0.0).bool_not());
    [chosen.clone(), active].map(|mask| terms.zeros_like().mask_fill(mask, 1.0))
}

/// All triplets, or those within a margin.
///
/// The terms and their slopes are computed without a graph, some positives at a time. The slopes add up to one number per score,
/// and the gradient needs no more than that.
fn many(
    formula: &impl AnchorFormula,
    scores: Tensor<2>,
    pairs: &Pairs,
    margin: Option<f64>,
) -> (Tensor<1>, [Tensor<1>; 2]) {
    let [count, columns] = scores.dims();
    let known = scores.clone().detach().without_autodiff();
    let nothing = || known.zeros_like().narrow(1, 0, 1);
    let (mut sums, mut normalizers, mut slopes) = (nothing(), [nothing(), nothing()], known.zeros_like());
    let mut slopes_of_positives = Vec::new();
    for (from, size) in parts(count, columns) {
        let shape = [count, size, columns];
        let positive = known.clone().narrow(1, from, size).unsqueeze_dim::<3>(2).expand(shape);
        let negative = known.clone().unsqueeze_dim::<3>(1).expand(shape);
        let mut chosen = pairs.positive.clone().narrow(1, from, size).unsqueeze_dim::<3>(2).expand(shape);
        chosen = chosen.bool_and(pairs.negative.clone().unsqueeze_dim::<3>(1).expand(shape));
        if let Some(margin) = margin {
            // Triplets are excluded, not included, by comparisons: a NaN is never excluded, so that it stays visible.
            let easy = negative.clone().greater(positive.clone() + margin);
            let hard = negative.clone().lower_equal(positive.clone());
            chosen = chosen.bool_and(easy.bool_or(hard).bool_not());
        }
        let (negative, positive) = (Dual::<_, 2>::variable(negative, 0), Dual::variable(positive, 1));
        let Dual { value, slope } = formula.term_with(Partners::Negatives, negative, positive);
        let all = |numbers: Tensor<3>| numbers.sum_dim(2).sum_dim(1).reshape([count, 1]);
        let [chosen_here, active_here] = counts(&value, &chosen).map(all);
        let dropped = chosen.bool_not();
        let [by_negative, by_positive] = slope.map(|slope| slope.mask_fill(dropped.clone(), 0.0));
        sums = sums + all(value.mask_fill(dropped, 0.0));
        let [chosen, active] = normalizers;
        normalizers = [chosen + chosen_here, active + active_here];
        slopes_of_positives.push(by_positive.sum_dim(2).reshape([count, size]));
        slopes = slopes + by_negative.sum_dim(1).reshape([count, columns]);
    }
    slopes = slopes + Tensor::cat(slopes_of_positives, 1);
    let parent = AnyTensor::from(&scores);
    let lift = |tensor: Tensor<2>| parent.lift(tensor.into()).into_rank::<2>();
    let of_scores = slopes.clone();
    let attached = custom_backward(sums.clone().into(), from_ref(&parent), move |upstream| {
        vec![Some((of_scores * upstream.into_rank::<2>().expand([count, columns])).into())]
    });
    // The difference of infinite scores is NaN, and most of them have no slope.
    let live = || lift(sums) + lift(slopes).weigh(scores.clone() - scores.detach()).sum_dim(1);
    let sums = attached.map_or_else(live, AnyTensor::into_rank);
    (sums.squeeze_dim(1), normalizers.map(|normalizer| lift(normalizer).squeeze_dim(1)))
}

/// [`Triplets::Nearest`]: one negative per pair of anchor and positive.
fn nearest(formula: &impl AnchorFormula, scores: Tensor<2>, pairs: &Pairs) -> (Tensor<1>, [Tensor<1>; 2]) {
    let [count, columns] = scores.dims();
    let known = scores.clone().detach();
    let farthest = argmax_where(known.clone(), pairs.negative.clone()).unsqueeze_dim::<2>(1);
    let places = parts(count, columns).map(|(from, size)| {
        let shape = [count, size, columns];
        let positive = known.clone().narrow(1, from, size).unsqueeze_dim::<3>(2).expand(shape);
        let negative = known.clone().unsqueeze_dim::<3>(1).expand(shape);
        let chosen = pairs.negative.clone().unsqueeze_dim::<3>(1).expand(shape);
        let chosen = chosen.bool_and(negative.clone().greater(positive));
        let none = chosen.clone().any_dim(2).bool_not().reshape([count, size]);
        let rows = [count * size, columns];
        let nearest = argmax_where(-negative.reshape(rows), chosen.reshape(rows)).reshape([count, size]);
        nearest.mask_where(none, farthest.clone().expand([count, size]))
    });
    let negative = scores.clone().gather(1, Tensor::cat(places.collect(), 1));
    let terms = formula.term_with(Partners::Negatives, negative, scores);
    let has_negative = pairs.negative.clone().any_dim(1).expand([count, columns]);
    let chosen = pairs.positive.clone().bool_and(has_negative);
    let sum = |numbers: Tensor<2>| numbers.sum_dim(1).squeeze_dim::<1>(1);
    (sum(terms.clone().mask_fill(chosen.clone().bool_not(), 0.0)), counts(&terms, &chosen).map(sum))
}

/// The columns of the positives, in parts: (from, size).
fn parts(count: usize, columns: usize) -> impl Iterator<Item = (usize, usize)> {
    let size = (TOGETHER / (count * columns)).clamp(1, columns);
    (0..columns).step_by(size).map(move |from| (from, size.min(columns - from)))
}
