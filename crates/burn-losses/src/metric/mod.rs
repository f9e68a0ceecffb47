//! Metric learning: losses that take embeddings `[N, E]` and labels `[N]`, and give one value per anchor.
//!
//! All losses here can be swapped for one another in a config file: see [`MetricLossConfig`]. Rows with the same label belong
//! together, rows with different labels do not. A label is any integer; for `center` and `proxy_anchor` it is a class. [`MPerClass`]
//! makes batches that have several rows of each of their classes. For pairs row by row, see [`vectors`](crate::vectors), and for two
//! views without negatives [`self_supervised`](crate::self_supervised).

mod angular;
mod center;
mod circle;
mod clip;
mod contrastive;
mod info_nce;
mod lifted_structure;
mod m_per_class;
mod multi_similarity;
mod n_pair;
mod nca;
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
use crate::formula::EarlierRows;
use crate::loss::Loss;
use crate::reduction::{Extras, Unreduced};
use crate::signature::{Argument, Arguments, Called, EvalError, Signature, Wanted};
use burn::tensor::{Bool, Int, Tensor};
use burn_losses_derive::{dispatch, family, inherent};

pub use crate::formula::Distance;
pub use crate::options::{Memory, MemoryFrom, MemoryNegatives};
pub use angular::{AngularLoss, AngularLossConfig};
pub use center::{CenterLoss, CenterLossConfig, CenterUpdate};
pub use circle::{CircleLoss, CircleLossConfig};
pub use clip::{ClipLoss, ClipLossConfig};
pub use contrastive::{ContrastiveForm, ContrastiveLoss, ContrastiveLossConfig};
pub use info_nce::{Candidates, InfoNceLoss, InfoNceLossConfig};
pub use lifted_structure::{LiftedStructureLoss, LiftedStructureLossConfig};
pub use m_per_class::MPerClass;
pub use multi_similarity::{MultiSimilarityLoss, MultiSimilarityLossConfig};
pub use n_pair::{NPairLoss, NPairLossConfig};
pub use nca::{NcaLoss, NcaLossConfig};
pub use nt_xent::{NtXentLoss, NtXentLossConfig};
pub use proxy_anchor::{ProxyAnchorLoss, ProxyAnchorLossConfig};
pub use siglip::{SiglipLoss, SiglipLossConfig};
pub use sup_con::{SupConLoss, SupConLossConfig};
pub use triplet::{Average, Mining, TripletKind, TripletLoss, TripletLossConfig, triplet_kinds};
pub use views::TwoViews;
pub use weighted_sum::{WeightedSumLoss, WeightedSumLossConfig};

/// A loss of embeddings and labels.
///
/// Every row is an anchor, compared with every other row of the batch. An anchor without a partner that the loss needs has the
/// value 0 and does not count. A batch in which no anchor counts has the value 0, with a live graph.
///
/// Half-precision inputs are computed and returned in f32; their gradients come back in half precision.
#[inherent]
pub trait MetricLoss: Anchors + Loss {
    /// The vectors that the loss keeps for its classes (proxies or centers), as an argument of shape
    /// `[num_classes, embedding_dim]`; `None`: it has none.
    #[doc(hidden)]
    fn class_vectors(&self) -> Option<(Argument, Tensor<2>)> {
        None
    }

    /// The loss with other vectors for its classes.
    #[doc(hidden)]
    #[track_caller]
    fn with_class_vectors(self, vectors: Tensor<2>) -> Self {
        panic!("{}: the loss has no vectors for its classes, but {:?} were given", self.kind(), vectors.dims())
    }

    /// The arguments that the loss takes in place of a batch with labels: pairs, triplets, or two views.
    #[doc(hidden)]
    fn tuples(&self) -> Vec<Signature> {
        Vec::new()
    }

    /// Calls the loss with the arguments of one of [`tuples`](Self::tuples).
    #[doc(hidden)]
    fn call_tuples(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        let _ = (arguments, wanted);
        unreachable!("{} takes no tuples", self.kind())
    }

    /// Adds rows to the memory of the loss, which is the way to fill it with `from = "given"`: the keys of a momentum encoder, after
    /// each step. The first row is the oldest.
    ///
    /// # Panics
    /// If the loss has no memory, or if the shapes do not fit it.
    #[track_caller]
    fn enqueue(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>) {
        let kind = self.kind();
        let Some(memory) = Anchors::earlier(self) else {
            panic!("{kind}: `memory` is not set, so nothing can be remembered")
        };
        let [count, size] = embeddings.dims();
        expect(
            memory
                .accepts(size)
                .map_err(|expected| format!("{kind}: the embeddings have {size} numbers, expected {expected}")),
        );
        assert_eq!(labels.dims(), [count], "{kind}: one label per embedding");
        memory.enqueue(embeddings, labels, None);
    }

    /// The value of the batch, reduced as the config says.
    ///
    /// # Shapes
    /// - embeddings: `[N, E]`
    /// - labels: `[N]`
    /// - output: `[1]`
    fn forward(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
        self.forward_with(embeddings, labels, Extras::new())
    }

    /// Like `forward`, with weights, a mask of the rows that are valid, or a divisor: see [`Extras`]. A masked row is neither an
    /// anchor nor a partner.
    ///
    /// # Shapes
    /// - weights, mask: `[N]`
    fn forward_with(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>, extras: impl Into<Extras>) -> Tensor<1> {
        let extras = extras.into();
        expect(self.check(&embeddings, &labels, &extras));
        anchors::reduce(self, self.reduction(), embeddings, labels, extras)
    }

    /// One value per row.
    fn forward_no_reduction(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
        self.forward_unreduced(embeddings, labels, Extras::new()).values
    }

    /// One value per row, with its normalizer: the number that it adds to the divisor of a mean. Each value is multiplied by its weight,
    /// and divided by the divisor of the extras. [`Reduction::reduce`](crate::Reduction::reduce) takes both values and normalizers.
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

    /// Checks the shapes, types and devices of the arguments, but not their values, which are not read.
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
    #[kind("lifted_structure")]
    LiftedStructure(LiftedStructureLossConfig),
    #[kind("angular")]
    Angular(AngularLossConfig),
    #[kind("n_pair")]
    NPair(NPairLossConfig),
    #[kind("nca")]
    Nca(NcaLossConfig),
    #[kind("circle")]
    Circle(CircleLossConfig),
    #[kind("clip")]
    Clip(ClipLossConfig),
    #[kind("info_nce")]
    InfoNce(InfoNceLossConfig),
    #[kind("siglip")]
    Siglip(SiglipLossConfig),
    #[kind("proxy_anchor")]
    ProxyAnchor(ProxyAnchorLossConfig),
    #[kind("weighted_sum")]
    WeightedSum(WeightedSumLossConfig),
}

/// Checks the size of the embeddings, for losses that keep a vector for each class.
fn accepts_size(expected: usize, size: usize) -> Result<(), String> {
    if size == expected { Ok(()) } else { Err(format!("{expected} numbers per embedding, as `embedding_dim` says")) }
}

#[dispatch]
impl Anchors for AnyMetricLoss {
    fn anchors(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>, mask: Option<&Tensor<1, Bool>>) -> Unreduced<1>;
    fn accepts(&self, rows: usize, size: usize) -> Result<(), String>;
    fn earlier(&self) -> Option<&dyn EarlierRows>;
    fn partners(&self) -> NeededPartners;
    fn compares_cosines(&self) -> bool;
    fn weighted_anchors(
        &self,
        embeddings: Tensor<2>,
        labels: Tensor<1, Int>,
        mask: Option<&Tensor<1, Bool>>,
        weightless: Option<&Tensor<1, Bool>>,
    ) -> Unreduced<1>;
}
