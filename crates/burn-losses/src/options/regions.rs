//! What losses of regions have in common.

/// A soft mask is foreground above this, and a soft target positive: wherever there is only yes or no.
pub const FOREGROUND: f64 = 0.5;

crate::choice! {
    /// How a logit becomes a probability.
    #[derive(Copy, Eq)]
    pub enum Activation {
        /// Each class by itself: regions may overlap.
        #[default]
        Sigmoid = "sigmoid",
        /// One class per pixel, over axis 1.
        Softmax = "softmax",
        /// Not at all: the model gives probabilities.
        None = "none",
    }
}

crate::choice! {
    /// What the areas in a quotient are.
    #[derive(Copy, Eq)]
    pub enum Denominator {
        /// Sums of p and of t.
        #[default]
        Linear = "linear",
        /// Sums of p^2 and of t^2 (V-Net, [arXiv 1606.04797](https://arxiv.org/abs/1606.04797)).
        Squared = "squared",
    }
}

crate::choice! {
    /// What the sums run over.
    #[derive(Copy, Eq)]
    pub enum Over {
        /// The pixels of one sample.
        #[default]
        Sample = "sample",
        /// The pixels of the whole batch: every sample then has the value of the batch.
        Batch = "batch",
    }
}

crate::choice! {
    /// Whether the first class counts.
    #[derive(Copy, Eq)]
    pub enum Background {
        /// It is a class as the others.
        #[default]
        Included = "included",
        /// Its value is 0 and counts nothing in a mean. (A softmax still runs over all classes.)
        Excluded = "excluded",
    }
}

crate::choice! {
    /// What becomes of a class without a pixel in the masks.
    #[derive(Copy, Eq)]
    pub enum AbsentClasses {
        /// It counts: what is predicted of it is wrong.
        #[default]
        Count = "count",
        /// Its value is 0 and counts nothing in a mean.
        Skip = "skip",
    }
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
