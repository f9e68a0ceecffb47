//! Ranking: the scores `[N, L]` of the items of N lists, and how relevant each item is; one value per list.
//!
//! All losses here can be swapped for one another in a config file: see [`RankingLossConfig`]. A list is what is ranked together:
//! the documents of a query, or the items that a user has seen. Shorter lists are filled up, and [`Relevance`] says which items
//! are there. For pairs without lists there is [`RankedPairs`].

mod approx_ndcg;
mod bpr;
mod gain;
mod lambda_rank;
mod list_mle;
mod list_net;
mod margin_ranking;
mod multi_label_margin;
mod pairs;
mod ranknet;
mod signature;
#[cfg(test)]
pub mod template;
#[cfg(test)]
mod tests;

use crate::check::Reference;
use crate::engine::lists;
use crate::error::{InputError, expect};
use crate::loss::Loss;
use crate::reduction::{Extras, Unreduced};
use crate::signature::{Arguments, Called, EvalError, Signature, Wanted};
use burn::tensor::Tensor;
use burn_losses_derive::{dispatch, family, inherent};

pub use crate::engine::lists::{Items, Lists, PairFormula, Relevance};
pub use approx_ndcg::{ApproxNdcgLoss, ApproxNdcgLossConfig};
pub use bpr::{BprLoss, BprLossConfig};
#[cfg(feature = "train")]
pub(crate) use gain::ndcg_and_counts;
pub use gain::{Gain, ndcg};
pub use lambda_rank::{LambdaRankLoss, LambdaRankLossConfig, LambdaScheme};
pub use list_mle::{ListMleLoss, ListMleLossConfig};
pub use list_net::{ListNetLoss, ListNetLossConfig, RelevanceTarget};
pub use margin_ranking::{MarginRankingLoss, MarginRankingLossConfig};
pub use multi_label_margin::{MultiLabelMarginLoss, MultiLabelMarginLossConfig};
pub use pairs::RankedPairs;
pub use ranknet::{PairAverage, PairWeights, RanknetLoss, RanknetLossConfig};

/// A loss of lists of scored items.
///
/// A list whose items are all equally relevant has nothing to rank: its value is 0, and it does not count. Ranks are constants
/// for the gradient, and of equal scores the first ranks first. The relevance has no gradient.
///
/// Half-precision inputs are computed and returned in f32; their gradients come back in half precision.
#[inherent]
pub trait RankingLoss: Lists + Loss {
    /// The arguments that the loss takes in place of lists: pairs, if it is a loss of pairs alone.
    #[doc(hidden)]
    fn pairs(&self) -> Option<Signature> {
        None
    }

    /// Calls the loss with the arguments of [`pairs`](Self::pairs).
    #[doc(hidden)]
    fn call_pairs(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        let _ = (arguments, wanted);
        unreachable!("{} takes no pairs", self.kind())
    }

    /// The value of the batch, reduced as the config says.
    ///
    /// # Shapes
    /// - scores: `[N, L]`
    /// - relevance: `[N, L]`, or with it a mask `[N, L]` of the items that are there: `(relevance, valid)`
    /// - output: `[1]`
    fn forward(&self, scores: Tensor<2>, relevance: impl Into<Relevance>) -> Tensor<1> {
        self.forward_with(scores, relevance, Extras::new())
    }

    /// Like `forward`, with weights, a mask of the lists that are valid, or a divisor: see [`Extras`].
    ///
    /// # Shapes
    /// - weights, mask: `[N]`
    fn forward_with(&self, scores: Tensor<2>, relevance: impl Into<Relevance>, extras: impl Into<Extras>) -> Tensor<1> {
        let (relevance, extras) = (relevance.into(), extras.into());
        expect(self.check(&scores, &relevance, &extras));
        lists::reduce(self, self.reduction(), scores, relevance, extras)
    }

    /// One value per list: `[N]`.
    fn forward_no_reduction(&self, scores: Tensor<2>, relevance: impl Into<Relevance>) -> Tensor<1> {
        self.forward_unreduced(scores, relevance, Extras::new()).values
    }

    /// One value per list, with its normalizer: the number that it adds to the divisor of a mean. Each value is multiplied by its weight,
    /// and divided by the divisor of the extras. [`Reduction::reduce`](crate::Reduction::reduce) takes both values and normalizers.
    fn forward_unreduced(
        &self,
        scores: Tensor<2>,
        relevance: impl Into<Relevance>,
        extras: impl Into<Extras>,
    ) -> Unreduced<1> {
        let (relevance, extras) = (relevance.into(), extras.into());
        expect(self.check(&scores, &relevance, &extras));
        lists::unreduced(self, scores, relevance, extras)
    }

    /// Checks the shapes, types and devices of the arguments, but not their values, which are not read.
    fn check(&self, scores: &Tensor<2>, relevance: &Relevance, extras: &Extras) -> Result<(), InputError> {
        lists::check(Reference { loss: self.kind(), name: "scores", tensor: scores }, relevance, extras)
    }
}

/// The config of any loss of this family; its `kind` says which.
#[family(ranking, makes = AnyRankingLoss)]
pub enum RankingLossConfig {
    #[kind("margin_ranking")]
    MarginRanking(MarginRankingLossConfig),
    #[kind("multi_label_margin")]
    MultiLabelMargin(MultiLabelMarginLossConfig),
    #[kind("ranknet")]
    Ranknet(RanknetLossConfig),
    #[kind("bpr")]
    Bpr(BprLossConfig),
    #[kind("list_net")]
    ListNet(ListNetLossConfig),
    #[kind("lambda_rank")]
    LambdaRank(LambdaRankLossConfig),
    #[kind("list_mle")]
    ListMle(ListMleLossConfig),
    #[kind("approx_ndcg")]
    ApproxNdcg(ApproxNdcgLossConfig),
}

#[dispatch]
impl Lists for AnyRankingLoss {
    fn values(&self, items: Items) -> Tensor<1>;
}
