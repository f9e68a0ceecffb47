//! Factors that may be constants for the gradient.

use crate::formula::Real;
use burn_losses_derive::Choice;

/// Whether a factor in a loss is a constant for its gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum FactorGradient {
    /// The factor is a constant: it only scales the gradient.
    #[default]
    Detached,
    /// The gradient flows through the factor too.
    Full,
}

impl FactorGradient {
    #[inline(always)]
    pub(crate) fn apply<R: Real>(self, factor: R) -> R {
        match self {
            Self::Detached => factor.stop(),
            Self::Full => factor,
        }
    }
}
