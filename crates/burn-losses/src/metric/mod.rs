//! Metric learning: embeddings `[N, E]` and labels `[N]`, one value per anchor.
//!
//! All losses here can be swapped for one another in a config file: see [`MetricLossConfig`]. Rows of one label belong together,
//! rows of different labels do not; a label is any integer (of `center`, a class).

mod signature;
mod views;

use crate::check::Reference;
use crate::config::Value;
use crate::engine::pairs::anchors::{self, Anchors, NeededPartners};
use crate::error::{InputError, expect};
use crate::macros::{dispatch, family};
use crate::reduction::{Extras, Reduction, Unreduced};
use crate::signature::{Argument, Arguments, Called, EvalError, Signature, Wanted};
use burn::tensor::{Bool, Int, Tensor};

pub use crate::formula::Distance;
pub use center::CenterUpdate;
pub use contrastive::ContrastiveForm;
pub use triplet::{Average, Mining, TripletKind, triplet_kinds};

/// A loss of embeddings and labels.
///
/// Every row is an anchor, compared with every other row of the batch. An anchor without a partner that the loss needs has the
/// value 0 and counts nothing; a batch without any has the value 0, with a live graph.
///
/// Half-precision inputs are computed and returned in f32; their gradients come back in half precision.
pub trait MetricLoss: Anchors {
    /// The `kind`, which errors name.
    fn kind(&self) -> &'static str;

    /// How the unreduced values become one number.
    fn reduction(&self) -> Reduction;

    /// The config, for [`diagnose`](crate::diagnose).
    #[doc(hidden)]
    fn settings(&self) -> Value {
        Value::Null
    }

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

    /// The same with weights, a mask of the rows that are valid, or a divisor: see [`Extras`]. A row that is masked is neither an anchor
    /// nor anybody's partner.
    ///
    /// # Shapes
    /// - weights, mask: `[N]`
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error, or with a divisor and [`Reduction::Sum`], which divides by nothing.
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

    /// One value per row, times its weight and divided by the divisor, and what each counts in a mean: what [`Reduction::reduce`]
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

/// What every loss of this family says of itself.
macro_rules! kind_and_settings {
    ($kind:expr) => {
        $crate::macros::kind_and_reduction!($kind);
        fn settings(&self) -> $crate::config::Value {
            $crate::macros::settings(self.config())
        }
    };
}

macro_rules! implement {
    (loss TripletLoss, $kind:expr) => {};
    (loss ContrastiveLoss, $kind:expr) => {};
    (loss CenterLoss, $kind:expr) => {};
    (loss ClipLoss, $kind:expr) => {};
    (loss SiglipLoss, $kind:expr) => {};
    (loss ProxyAnchorLoss, $kind:expr) => {};
    (loss $loss:ident, $kind:expr) => {
        impl MetricLoss for $loss {
            kind_and_settings!($kind);
        }
    };
    (any $any:ident, $config:ident, $($variant:ident),+) => {
        dispatch! {
            $any [$($variant),+]
            impl Anchors {
                fn anchors(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>, mask: Option<&Tensor<1, Bool>>) -> Unreduced<1>;
                fn accepts(&self, rows: usize, size: usize) -> Result<(), String>;
                fn partners(&self) -> NeededPartners;
                fn compares_cosines(&self) -> bool;
            }
            impl MetricLoss {
                fn kind(&self) -> &'static str;
                fn reduction(&self) -> Reduction;
                fn settings(&self) -> Value;
                fn class_vectors(&self) -> Option<(Argument, Tensor<2>)>;
                fn tuples(&self) -> Option<Signature>;
                fn call_tuples(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError>;
                {
                    fn with_class_vectors(self, vectors: Tensor<2>) -> Self {
                        match self {
                            $(Self::$variant(loss) => Self::$variant(loss.with_class_vectors(vectors)),)+
                        }
                    }
                }
            }
        }
    };
}

family! {
    metric, MetricLossConfig => AnyMetricLoss, implement;
    triplet: Triplet;
    contrastive: Contrastive;
    center: Center;
    nt_xent: NtXent;
    sup_con: SupCon;
    multi_similarity: MultiSimilarity;
    circle: Circle;
    clip: Clip;
    siglip: Siglip;
    proxy_anchor: ProxyAnchor;
    weighted_sum: WeightedSum;
}
