//! Sequences: class scores of each step and shorter lists of labels, without an alignment between the two; one value per sequence.
//!
//! All losses here take the same arguments, but the predictions have three axes for `ctc` and four for `rnnt`. See
//! [`SequenceLossConfig`]. For labels that are aligned with the steps, use the family [`classification`](crate::classification).

mod alignment;
mod ctc;
mod distance;
mod rnnt;
mod signature;
#[cfg(test)]
pub mod template;

use crate::check::Reference;
use crate::error::InputError;
use crate::loss::Loss;
use crate::reduction::{Extras, Unreduced};
use burn::tensor::{Int, Tensor};
use burn_losses_derive::{family, inherent};

use alignment::Batch;
pub use alignment::{Alignment, Lattice, Normalize, SequenceInput, SequenceLayout};
pub use ctc::{CtcLoss, CtcLossConfig};
pub use distance::edit_distance;
pub use rnnt::{RnntLoss, RnntLossConfig};

/// A loss of sequences whose labels are not aligned with the steps.
///
/// `labels` has the labels of each sequence, padded to the same length. `label_lengths` says how many labels each sequence has, and
/// `input_lengths` how many steps. The loss does not read what lies beyond these lengths: it may hold anything, NaN included.
///
/// A sequence that has no alignment, since it has too few steps for its labels, has an infinite value and no gradient. A sequence
/// with a length or a label that is out of range, or with the blank as a label, has the value NaN and no gradient.
///
/// Half-precision inputs are computed and returned in f32; their gradients come back in half precision.
#[inherent]
pub trait SequenceLoss: Loss {
    /// The lattice of the loss, and how it reads the predictions.
    fn alignment(&self) -> Alignment;

    /// The value of the batch, reduced as the config says.
    ///
    /// # Shapes
    /// - predictions (logits or log-probabilities, as the config says): `[N, T, C]`; for `rnnt` `[N, T, L + 1, C]`
    /// - labels: `[N, L]`
    /// - input_lengths, label_lengths: `[N]`
    /// - output: `[1]`
    fn forward<const D: usize>(
        &self,
        predictions: Tensor<D>,
        labels: Tensor<2, Int>,
        input_lengths: Tensor<1, Int>,
        label_lengths: Tensor<1, Int>,
    ) -> Tensor<1> {
        self.forward_with(predictions, labels, input_lengths, label_lengths, Extras::new())
    }

    /// Like `forward`, with weights `[N]`, a mask `[N]` of the sequences that are valid, or a divisor: see [`Extras`].
    fn forward_with<const D: usize>(
        &self,
        predictions: Tensor<D>,
        labels: Tensor<2, Int>,
        input_lengths: Tensor<1, Int>,
        label_lengths: Tensor<1, Int>,
        extras: impl Into<Extras>,
    ) -> Tensor<1> {
        let batch = Batch { predictions, labels, input_lengths, label_lengths, extras: extras.into() };
        let (values, extras) = batch.values(self);
        extras.reduce(self.reduction(), values)
    }

    /// One value per sequence, `[N]`.
    fn forward_no_reduction<const D: usize>(
        &self,
        predictions: Tensor<D>,
        labels: Tensor<2, Int>,
        input_lengths: Tensor<1, Int>,
        label_lengths: Tensor<1, Int>,
    ) -> Tensor<1> {
        self.forward_unreduced(predictions, labels, input_lengths, label_lengths, Extras::new()).values
    }

    /// One value per sequence, with its normalizer: the number that it adds to the divisor of a mean. Each value is multiplied by its
    /// weight, and divided by the divisor of the extras. [`Reduction::reduce`](crate::Reduction::reduce) takes both values and normalizers.
    fn forward_unreduced<const D: usize>(
        &self,
        predictions: Tensor<D>,
        labels: Tensor<2, Int>,
        input_lengths: Tensor<1, Int>,
        label_lengths: Tensor<1, Int>,
        extras: impl Into<Extras>,
    ) -> Unreduced<1> {
        let batch = Batch { predictions, labels, input_lengths, label_lengths, extras: extras.into() };
        let (values, extras) = batch.values(self);
        extras.apply(values)
    }

    /// Checks the shapes, types and devices of the arguments, but not their values, which are not read.
    fn check<const D: usize>(
        &self,
        predictions: &Tensor<D>,
        labels: &Tensor<2, Int>,
        input_lengths: &Tensor<1, Int>,
        label_lengths: &Tensor<1, Int>,
        extras: &Extras,
    ) -> Result<(), InputError> {
        let alignment = self.alignment();
        let first = Reference { loss: self.kind(), name: alignment.input.name(), tensor: predictions };
        let rows = alignment.check(first, labels)?;
        for (name, lengths) in [("input_lengths", input_lengths), ("label_lengths", label_lengths)] {
            first.companion(name, lengths, [rows], "one per sequence")?;
        }
        first.extras(&[rows], extras)
    }
}

/// The config of any loss of this family; its `kind` says which.
#[family(sequence, makes = AnySequenceLoss)]
pub enum SequenceLossConfig {
    #[kind("ctc")]
    Ctc(CtcLossConfig),
    #[kind("rnnt", alias = "transducer")]
    Rnnt(RnntLossConfig),
}
