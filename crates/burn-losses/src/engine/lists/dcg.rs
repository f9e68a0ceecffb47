//! Discounted cumulative gain.

use super::Items;
use crate::formula::Real;
use crate::reduction::row_sums;
use burn::tensor::{Bool, Tensor};

/// The gains of items and the discounts of ranks, of which DCG is the sum of quotients.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dcg {
    /// Whether the gain of the relevance r is 2^r - 1, or r.
    pub(crate) is_exponential: bool,
    /// How many of the first items count.
    pub(crate) first: Option<usize>,
}

impl Dcg {
    /// The gain of each item over the DCG of the best order; 0 where that is 0. A relevance below 0 has no gain.
    pub(crate) fn gains(&self, items: &Items) -> Tensor<2> {
        let relevance = items.relevance.clone().clamp_min(0.0);
        let shape = relevance.dims();
        let gains = if self.is_exponential {
            // Over 2^r of the largest r, which cancels: it may be infinite.
            let most = relevance.clone().max_dim(1).expand(shape);
            let ln_two = core::f64::consts::LN_2;
            -Real::exp_m1(relevance.clone() * -ln_two) * ((relevance.clone() - most) * ln_two).exp()
        } else {
            relevance.clone()
        };
        let ranks = items.ranks(relevance);
        let best = row_sums(self.within(gains.clone(), &ranks) / discounts(ranks));
        let nothing = best.clone().equal_scalar(0.0);
        let best = best.mask_fill(nothing.clone(), 1.0).expand(shape);
        (gains / best).mask_fill(nothing.expand(shape), 0.0)
    }

    /// The numbers of the first items, 0 for the others.
    pub(crate) fn within(&self, numbers: Tensor<2>, ranks: &Tensor<2>) -> Tensor<2> {
        match self.first {
            None => numbers,
            Some(first) => numbers.mask_fill(ranks.clone().greater_scalar(first as f64), 0.0),
        }
    }

    /// NDCG of each list by its scores, `[N]`, and which lists have any gain.
    pub(crate) fn normalized(&self, items: &Items) -> (Tensor<1>, Tensor<1, Bool>) {
        let (gains, ranks) = (self.gains(items), items.ranks(items.scores.clone()));
        let has_gain = gains.clone().max_dim(1).greater_scalar(0.0).squeeze_dim(1);
        (row_sums(self.within(gains, &ranks) / discounts(ranks)).squeeze_dim(1), has_gain)
    }
}

/// log2(1 + rank).
pub(crate) fn discounts<const D: usize>(ranks: Tensor<D>) -> Tensor<D> {
    (ranks + 1.0).log() * core::f64::consts::LOG2_E
}
