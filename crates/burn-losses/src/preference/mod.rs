//! Preferences: which of two answers is better, or whether an answer is good; one value per pair or answer.
//!
//! Losses that compare the same tensors can be swapped for one another in a config file: see [`PreferenceLossConfig`] and
//! [`Compared`]. They take the log-probabilities `[N]` of whole answers, which [`sequence_log_probabilities`] computes, or the
//! scores of a reward model: see [`Preferences`].

mod answers;
mod dpo;
mod kto;
mod orpo;
mod reward;
mod sequences;
mod signature;
mod simpo;
#[cfg(test)]
pub mod template;

use crate::engine::vectors::{self, VectorKernel};
use crate::error::{InputError, expect};
use crate::loss::Loss;
use crate::reduction::{Extras, Unreduced};
use answers::Columns;
use burn::tensor::Tensor;
use burn_losses_derive::{dispatch, family, inherent};

pub use answers::{Compared, Comparisons, Preferences, Rewards};
pub use dpo::{DpoDivergence, DpoForm, DpoLoss, DpoLossConfig, DpoReference};
pub use kto::{KtoLoss, KtoLossConfig};
pub use orpo::{OrpoLoss, OrpoLossConfig};
pub use reward::{RewardLoss, RewardLossConfig};
pub use sequences::{SequenceAverage, sequence_log_probabilities, sequence_log_probabilities_in_chunks};
pub use simpo::{SimpoLoss, SimpoLossConfig};

/// A loss of preferences.
///
/// Half-precision inputs are computed and returned in f32; their gradients come back in half precision.
#[inherent]
pub trait PreferenceLoss: Comparisons + Loss {
    /// Which tensors the loss compares.
    fn compared(&self) -> Compared {
        Compared::Pairs
    }

    /// The value of the batch, reduced as the config says.
    ///
    /// # Shapes
    /// - preferences: tensors `[N]`, those that [`compared`](Self::compared) says; a tuple of two or four of them is enough
    /// - output: `[1]`
    fn forward(&self, preferences: impl Into<Preferences>) -> Tensor<1> {
        self.forward_with(preferences, Extras::new())
    }

    /// Like `forward`, with weights, a mask of the pairs or answers that are valid, or a divisor: see [`Extras`].
    ///
    /// # Shapes
    /// - weights, mask: `[N]`
    fn forward_with(&self, preferences: impl Into<Preferences>, extras: impl Into<Extras>) -> Tensor<1> {
        let (preferences, extras) = (preferences.into(), extras.into());
        expect(self.check(&preferences, &extras));
        let (predictions, targets) = preferences.into_columns();
        vectors::reduce(&Columns(self), self.reduction(), predictions, targets, extras)
    }

    /// One value per pair or answer: `[N]`.
    fn forward_no_reduction(&self, preferences: impl Into<Preferences>) -> Tensor<1> {
        self.forward_unreduced(preferences, Extras::new()).values
    }

    /// One value per pair or answer, with its normalizer: the number that it adds to the divisor of a mean. Each value is multiplied by its
    /// weight, and divided by the divisor of the extras. [`Reduction::reduce`](crate::Reduction::reduce) takes both values and normalizers.
    fn forward_unreduced(&self, preferences: impl Into<Preferences>, extras: impl Into<Extras>) -> Unreduced<1> {
        let (preferences, extras) = (preferences.into(), extras.into());
        expect(self.check(&preferences, &extras));
        let (predictions, targets) = preferences.into_columns();
        vectors::unreduced(&Columns(self), predictions, targets, extras)
    }

    /// Checks that the loss has the tensors that it compares, and their shapes, types and devices, but not their values, which
    /// are not read.
    fn check(&self, preferences: &Preferences, extras: &Extras) -> Result<(), InputError> {
        preferences.check(self.kind(), self.compared(), extras)
    }
}

/// The config of any loss of this family; its `kind` says which.
#[family(preference, makes = AnyPreferenceLoss)]
pub enum PreferenceLossConfig {
    #[kind("dpo")]
    Dpo(DpoLossConfig),
    #[kind("kto")]
    Kto(KtoLossConfig),
    #[kind("orpo")]
    Orpo(OrpoLossConfig),
    #[kind("simpo")]
    Simpo(SimpoLossConfig),
    #[kind("reward")]
    Reward(RewardLossConfig),
}

#[dispatch]
impl Comparisons for AnyPreferenceLoss {
    fn kernel(&self) -> VectorKernel;
    fn values(&self, predictions: Tensor<2>, targets: Tensor<2>) -> Tensor<1>;
}
