//! Metric learning: embeddings `[N, E]` and labels `[N]`, one value per anchor.
//!
//! All losses here can be swapped for one another in a config file: see [`MetricLossConfig`]. Rows of one label belong together,
//! rows of different labels do not; a label is any integer (of `center`, a class).

mod center;
mod circle;
mod clip;
mod contrastive;
mod multi_similarity;
mod nt_xent;
mod proxy_anchor;
mod siglip;
mod signature;
mod sup_con;
#[cfg(test)]
pub mod template;
mod triplet;
mod views;
mod weighted_sum;

use crate::check::Reference;
use crate::engine::pairs::anchors::{self, Anchors, NeededPartners};
use crate::error::{InputError, expect};
use crate::loss::Loss;
use crate::reduction::{Extras, Unreduced};
use crate::signature::{Argument, Arguments, Called, EvalError, Signature, Wanted};
use burn::tensor::{Bool, Int, Tensor};
use burn_losses_derive::{dispatch, family, inherent};

pub use crate::formula::Distance;
pub use center::{CenterLoss, CenterLossConfig, CenterUpdate};
pub use circle::{CircleLoss, CircleLossConfig};
pub use clip::{ClipLoss, ClipLossConfig};
pub use contrastive::{ContrastiveForm, ContrastiveLoss, ContrastiveLossConfig};
pub use multi_similarity::{MultiSimilarityLoss, MultiSimilarityLossConfig};
pub use nt_xent::{NtXentLoss, NtXentLossConfig};
pub use proxy_anchor::{ProxyAnchorLoss, ProxyAnchorLossConfig};
pub use siglip::{SiglipLoss, SiglipLossConfig};
pub use sup_con::{SupConLoss, SupConLossConfig};
pub use triplet::{Average, Mining, TripletKind, TripletLoss, TripletLossConfig, triplet_kinds};
pub use weighted_sum::{WeightedSumLoss, WeightedSumLossConfig};

/// A loss of embeddings and labels.
///
/// Every row is an anchor, compared with every other row of the batch. An anchor without a partner that the loss needs has the
/// value 0 and does not count; a batch without any has the value 0, with a live graph.
///
/// Half-precision inputs are computed and returned in f32; their gradients come back in half precision.
#[inherent]
pub trait MetricLoss: Anchors + Loss {
    /// The vectors that the loss has for its classes, proxies or centers, `[num_classes, embedding_dim]`, as an argument; `None`: it has
    /// none.
    #[doc(hidden)]
    fn class_vectors(&self) -> Option<(Argument, Tensor<2>)> {
        None
    }

    /// The loss with other such vectors.
    #[doc(hidden)]
    #[track_caller]
    fn with_class_vectors(self, vectors: Tensor<2>) -> Self {
        panic!("{}: the loss has no vectors for its classes, but {:?} were given", self.kind(), vectors.dims())
    }

    /// What the loss takes in place of a batch with labels: pairs, triplets, or two views.
    #[doc(hidden)]
    fn tuples(&self) -> Option<Signature> {
        None
    }

    /// Calls the loss with such arguments.
    #[doc(hidden)]
    fn call_tuples(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        let _ = (arguments, wanted);
        unreachable!("{} takes no tuples", self.kind())
    }

    /// The value of the batch, reduced as the config says.
    ///
    /// # Shapes
    /// - embeddings: `[N, E]`
    /// - labels: `[N]`
    /// - output: `[1]`
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn forward(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
        self.forward_with(embeddings, labels, Extras::new())
    }

    /// Like `forward`, with weights, a mask of the rows that are valid, or a divisor: see [`Extras`]. A row that is masked is neither an anchor
    /// nor anybody's partner.
    ///
    /// # Shapes
    /// - weights, mask: `[N]`
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error, or with a divisor and [`Reduction::Sum`](crate::Reduction::Sum), which divides by nothing.
    #[track_caller]
    fn forward_with(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>, extras: impl Into<Extras>) -> Tensor<1> {
        let extras = extras.into();
        expect(self.check(&embeddings, &labels, &extras));
        anchors::reduce(self, self.reduction(), embeddings, labels, extras)
    }

    /// One value per row.
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn forward_no_reduction(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
        self.forward_unreduced(embeddings, labels, Extras::new()).values
    }

    /// One value per row, times its weight and divided by the divisor, and what each counts in a mean: what [`Reduction::reduce`](crate::Reduction::reduce)
    /// takes.
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn forward_unreduced(
        &self,
        embeddings: Tensor<2>,
        labels: Tensor<1, Int>,
        extras: impl Into<Extras>,
    ) -> Unreduced<1> {
        let extras = extras.into();
        expect(self.check(&embeddings, &labels, &extras));
        anchors::unreduced(self, embeddings, labels, extras)
    }

    /// What is wrong with the arguments: their shapes, types and devices; never their values, which are not read.
    fn check(&self, embeddings: &Tensor<2>, labels: &Tensor<1, Int>, extras: &Extras) -> Result<(), InputError> {
        let first = Reference { loss: self.kind(), name: "embeddings", tensor: embeddings };
        anchors::check(self, first, labels, extras)
    }
}

/// The config of any module of this family, told apart by `kind`.
#[family(metric, makes = AnyMetricLoss)]
pub enum MetricLossConfig {
    #[kind("triplet")]
    Triplet(TripletLossConfig),
    #[kind("contrastive")]
    Contrastive(ContrastiveLossConfig),
    #[kind("center")]
    Center(CenterLossConfig),
    #[kind("nt_xent")]
    NtXent(NtXentLossConfig),
    #[kind("sup_con")]
    SupCon(SupConLossConfig),
    #[kind("multi_similarity")]
    MultiSimilarity(MultiSimilarityLossConfig),
    #[kind("circle")]
    Circle(CircleLossConfig),
    #[kind("clip")]
    Clip(ClipLossConfig),
    #[kind("siglip")]
    Siglip(SiglipLossConfig),
    #[kind("proxy_anchor")]
    ProxyAnchor(ProxyAnchorLossConfig),
    #[kind("weighted_sum")]
    WeightedSum(WeightedSumLossConfig),
}

/// What losses with a vector of their own for each class say of the size of the embeddings.
fn accepts_size(expected: usize, size: usize) -> Result<(), String> {
    if size == expected { Ok(()) } else { Err(format!("{expected} numbers per embedding, as `embedding_dim` says")) }
}

#[dispatch]
impl Anchors for AnyMetricLoss {
    fn anchors(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>, mask: Option<&Tensor<1, Bool>>) -> Unreduced<1>;
    fn accepts(&self, rows: usize, size: usize) -> Result<(), String>;
    fn partners(&self) -> NeededPartners;
    fn compares_cosines(&self) -> bool;
}

#[dispatch]
impl MetricLoss for AnyMetricLoss {
    fn class_vectors(&self) -> Option<(Argument, Tensor<2>)>;
    fn tuples(&self) -> Option<Signature>;
    fn call_tuples(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError>;
    fn with_class_vectors(self, vectors: Tensor<2>) -> Self;
}
