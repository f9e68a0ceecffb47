//! What losses of regions have in common.

use burn_losses_derive::Choice;

/// How a logit becomes a probability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum Activation {
    /// Each class by itself: regions may overlap.
    #[default]
    Sigmoid,
    /// One class per pixel, over axis 1.
    Softmax,
    /// Not at all: the model gives probabilities.
    None,
}

/// What the areas in a quotient are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum Denominator {
    /// Sums of p and of t.
    #[default]
    Linear,
    /// Sums of p^2 and of t^2 (V-Net, [arXiv 1606.04797](https://arxiv.org/abs/1606.04797)).
    Squared,
}

/// What the sums run over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum Over {
    /// The pixels of one sample.
    #[default]
    Sample,
    /// The pixels of the whole batch: every sample then has the value of the batch.
    Batch,
}

/// Whether the first class counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum Background {
    /// It is a class as the others.
    #[default]
    Included,
    /// Its value is 0 and counts nothing in a mean. (A softmax still runs over all classes.)
    Excluded,
}

/// What becomes of a class without a pixel in the masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum AbsentClasses {
    /// It counts: what is predicted of it is wrong.
    #[default]
    Count,
    /// Its value is 0 and counts nothing in a mean.
    Skip,
}

/// What all losses of this family have in common.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Regions {
    /// How a logit becomes a probability.
    pub activation: Activation,
    /// What the areas in a quotient are.
    pub denominator: Denominator,
    /// What the sums run over.
    pub over: Over,
    /// Whether the first class counts.
    pub background: Background,
    /// What becomes of a class without a pixel.
    pub absent_classes: AbsentClasses,
    /// The label of pixels that count nothing.
    pub ignore_index: Option<i64>,
}
