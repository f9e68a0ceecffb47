//! The options that losses of regions share.

use burn_losses_derive::{Choice, shared_fields};

/// Where a decision is needed, a soft mask above this is foreground, and a soft target above this is positive.
pub const FOREGROUND: f64 = 0.5;

/// How a logit becomes a probability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Choice)]
pub enum Activation {
    /// Each class by itself: regions may overlap.
    #[default]
    Sigmoid,
    /// One class per pixel, over axis 1.
    Softmax,
    /// Not at all: the model gives probabilities.
    None,
}

/// How the areas in a quotient are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum Denominator {
    /// Sums of p and of t.
    #[default]
    Linear,
    /// Sums of p^2 and of t^2 (V-Net, [arXiv 1606.04797](https://arxiv.org/abs/1606.04797)).
    Squared,
}

/// The pixels that the sums run over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum SumOver {
    /// The pixels of one sample.
    #[default]
    Sample,
    /// The pixels of the whole batch: every sample then has the same value, that of the batch.
    Batch,
}

/// Whether the first class counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum Background {
    /// The first class counts as the others do.
    #[default]
    Included,
    /// The first class has the value 0 and does not count in a mean. (A softmax still runs over all classes.)
    Excluded,
}

/// How classes absent from the masks are handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum AbsentClasses {
    /// An absent class counts: every prediction of it is wrong.
    #[default]
    Count,
    /// An absent class has the value 0 and does not count in a mean.
    Skip,
}

/// The options that all losses of this family share.
#[shared_fields]
pub struct RegionOptions {
    /// How a logit becomes a probability.
    #[field(default = crate::options::Activation::Sigmoid)]
    pub activation: crate::options::Activation,
    /// Whether areas are sums of p and t, or of their squares.
    #[field(default = crate::options::Denominator::Linear)]
    pub denominator: crate::options::Denominator,
    /// Whether the sums run over each sample, or over the whole batch.
    #[field(default = crate::options::SumOver::Sample)]
    pub over: crate::options::SumOver,
    /// Whether the first class counts.
    #[field(default = crate::options::Background::Included)]
    pub background: crate::options::Background,
    /// How classes absent from the masks are handled.
    #[field(default = crate::options::AbsentClasses::Count)]
    pub absent_classes: crate::options::AbsentClasses,
    /// The label of pixels that do not count, if the masks are made from labels.
    #[field(default = None)]
    pub ignore_index: Option<i64>,
}
