//! The gain of a relevance, and NDCG.

use super::Relevance;
use crate::engine::lists::{Dcg, items_of};
use burn::tensor::{Bool, Tensor};
use burn_losses_derive::Choice;

/// The gain of an item as a function of its relevance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum Gain {
    /// 2^r - 1, for grades of relevance.
    #[default]
    Exponential,
    /// r itself.
    Linear,
}

impl Gain {
    /// DCG with this gain, of the first k items or of all.
    pub(super) fn dcg(self, k: Option<usize>) -> Dcg {
        Dcg { is_exponential: self == Self::Exponential, first: k }
    }
}

/// NDCG of each list (Järvelin and Kekäläinen 2002, [doi 10.1145/582415.582418](https://doi.org/10.1145/582415.582418)): the sum
/// of gain / log2(1 + rank) over the first k items by their scores, divided by that of the best order. It is a number from 0 to 1,
/// and 0 for a list without any gain.
///
/// Of equal scores the first ranks first. The result has no gradient.
///
/// # Shapes
/// - scores, relevance: `[N, L]`
/// - output: `[N]`
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::ranking::{Gain, ndcg};
///
/// let device = Device::flex();
/// let scores = Tensor::<2>::from_floats([[0.5, 2.0, 1.0]], &device);
/// let relevance = Tensor::<2>::from_floats([[0.0, 1.0, 2.0]], &device);
/// let value = ndcg(scores, relevance, Gain::Exponential, None);
/// let best = 3.0 + 1.0 / 3f32.log2();
/// assert!((value.into_scalar::<f32>() - (1.0 + 3.0 / 3f32.log2()) / best).abs() < 1e-6);
/// ```
///
/// # Panics
/// If the shapes differ.
#[track_caller]
pub fn ndcg(scores: Tensor<2>, relevance: impl Into<Relevance>, gain: Gain, k: Option<usize>) -> Tensor<1> {
    ndcg_and_counts(scores, relevance.into(), gain, k).0
}

/// NDCG of each list, and which lists have any gain.
#[track_caller]
pub(crate) fn ndcg_and_counts(
    scores: Tensor<2>,
    relevance: Relevance,
    gain: Gain,
    k: Option<usize>,
) -> (Tensor<1>, Tensor<1, Bool>) {
    let items = items_of("ndcg", scores.without_autodiff(), relevance);
    gain.dcg(k).normalized(&items)
}
