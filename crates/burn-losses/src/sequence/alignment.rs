//! What the losses of sequences share: how predictions are read, and the likelihood of all alignments.

use super::SequenceLoss;
use crate::check::{Reference, widen};
use crate::engine::primitives::bounded_gradient::bounded_gradient;
use crate::engine::primitives::lattice::{Labels, negative_log_likelihood, within_lengths};
use crate::engine::primitives::softmax::log_softmax_of_rows;
use crate::engine::without_weightless;
use crate::error::{InputError, InputProblem, expect};
use crate::reduction::{Extras, ShapedExtras, Unreduced, cleaned};
use burn::tensor::{Int, Tensor};
use burn_losses_derive::Choice;

pub use crate::engine::primitives::lattice::Lattice;

/// The form of the predictions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum SequenceInput {
    /// Logits: the log-softmax over the classes, on the last axis, is taken here.
    #[default]
    Logits,
    /// Log-probabilities: the result of a log-softmax over the last axis. They need not add up to one.
    LogProbabilities,
}

impl SequenceInput {
    /// The name of the argument.
    pub fn name(self) -> &'static str {
        match self {
            Self::Logits => "logits",
            Self::LogProbabilities => "log_probabilities",
        }
    }
}

/// The order of the first two axes of the predictions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum SequenceLayout {
    /// Sequences first: `[N, T, C]`.
    #[default]
    Ntc,
    /// Steps first: `[T, N, C]`, as in PyTorch.
    Tnc,
}

/// The number that the value of a sequence is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum Normalize {
    /// No divisor: the value is the negative log-likelihood of the sequence.
    #[default]
    None,
    /// The number of its labels, or 1 without labels: the mean of PyTorch.
    LabelLength,
    /// The number of its steps, or 1 without steps.
    InputLength,
}

/// A lattice of alignments, and how the predictions for it are read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alignment {
    /// The paths that are summed over.
    pub lattice: Lattice,
    /// The form of the predictions.
    pub input: SequenceInput,
    /// The order of their axes.
    pub layout: SequenceLayout,
    /// The class that is no label.
    pub blank: usize,
    /// Whether a sequence without an alignment has the value 0 in place of infinity.
    pub zero_infinity: bool,
    /// The divisor of each value.
    pub normalize: Normalize,
    /// The gradient of the labels of a transducer is multiplied by 1 plus this number.
    pub fast_emit: f64,
    /// The greatest size of the derivative of a sequence's value with respect to a prediction.
    pub clamp: Option<f64>,
}

impl Alignment {
    /// Checks the shapes of predictions and labels, and returns the number of sequences.
    pub(super) fn check<const D: usize>(
        &self,
        first: Reference<'_, D>,
        labels: &Tensor<2, Int>,
    ) -> Result<usize, InputError> {
        let shape = first.tensor.dims();
        let expected = match (self.lattice, self.layout) {
            (Lattice::Ctc, SequenceLayout::Ntc) => "3 axes: [N, T, C]",
            (Lattice::Ctc, SequenceLayout::Tnc) => "3 axes: [T, N, C]",
            (Lattice::Transducer, _) => "4 axes: [N, T, L + 1, C]",
        };
        if D != self.lattice.axes() {
            return Err(first.shape_error(first.name, &shape, expected.into()));
        }
        let [rows, steps] = match self.layout {
            SequenceLayout::Ntc => [shape[0], shape[1]],
            SequenceLayout::Tnc => [shape[1], shape[0]],
        };
        let [given, width] = labels.dims();
        if given != rows {
            let expected = format!("{:?} (one row per sequence)", [rows, width]);
            return Err(first.shape_error("labels", &labels.dims(), expected));
        }
        first.same_device("labels", labels)?;
        if self.lattice == Lattice::Transducer && shape[2] != width + 1 {
            let mut wanted = shape;
            wanted[2] = width + 1;
            let expected = format!("{wanted:?}: one entry more than there are labels on axis 2");
            return Err(first.shape_error(first.name, &shape, expected));
        }
        if steps == 0 {
            return Err(first.shape_error(first.name, &shape, "at least one step".into()));
        }
        let classes = shape[D - 1];
        if self.blank >= classes {
            let why = format!("`blank` is class {}, but there are {classes} classes on the last axis", self.blank);
            return Err(first.error(first.name, InputProblem::Unsupported(why)));
        }
        Ok(rows)
    }
}

/// The arguments of a call.
pub(super) struct Batch<const D: usize> {
    pub(super) predictions: Tensor<D>,
    pub(super) labels: Tensor<2, Int>,
    pub(super) input_lengths: Tensor<1, Int>,
    pub(super) label_lengths: Tensor<1, Int>,
    pub(super) extras: Extras,
}

impl<const D: usize> Batch<D> {
    /// The values of the sequences, without their weights, and the extras in their shape. The arguments are checked first.
    #[track_caller]
    pub(super) fn values<L: SequenceLoss + ?Sized>(self, loss: &L) -> (Unreduced<1>, ShapedExtras<1>) {
        let Self { predictions, labels, input_lengths, label_lengths, extras } = &self;
        expect(loss.check(predictions, labels, input_lengths, label_lengths, extras));
        let alignment = loss.alignment();
        let predictions = match alignment.layout {
            SequenceLayout::Ntc => self.predictions,
            SequenceLayout::Tnc => self.predictions.swap_dims(0, 1),
        };
        let shape = predictions.dims();
        let extras = self.extras.for_shape([shape[0]]);
        if shape[0] == 0 {
            return (widen(predictions).reshape([0]).into(), extras);
        }
        let per_row: [usize; D] = core::array::from_fn(|axis| if axis == 0 { shape[0] } else { 1 });
        let mask = extras.mask.clone().map(|mask| mask.reshape(per_row).expand(shape));
        let predictions = cleaned(widen(without_weightless(predictions, &extras)), mask.as_ref());
        let divisor = match alignment.normalize {
            Normalize::None => None,
            Normalize::LabelLength => Some(&self.label_lengths),
            Normalize::InputLength => Some(&self.input_lengths),
        };
        let divisor = divisor.map(|lengths| lengths.clone().clamp_min(1).float().cast(predictions.dtype()));
        let labels = Labels {
            labels: self.labels,
            input_lengths: self.input_lengths,
            label_lengths: self.label_lengths,
            blank: alignment.blank,
            fast_emit: alignment.fast_emit,
        };
        let predictions = within_lengths(predictions, &labels);
        let values = |predictions: Tensor<D>| {
            let log_p = match alignment.input {
                SequenceInput::LogProbabilities => predictions,
                SequenceInput::Logits => {
                    let rows = predictions.reshape([shape[..D - 1].iter().product::<usize>(), shape[D - 1]]);
                    log_softmax_of_rows(rows).reshape(shape)
                }
            };
            negative_log_likelihood(alignment.lattice, log_p, &labels)
        };
        let mut values = match alignment.clamp {
            Some(bound) => bounded_gradient(predictions, bound, values),
            None => values(predictions),
        };
        if alignment.zero_infinity {
            let is_infinite = values.clone().equal_scalar(f64::INFINITY);
            values = values.mask_fill(is_infinite, 0.0);
        }
        if let Some(divisor) = divisor {
            values = values / divisor;
        }
        (Unreduced::from(values).masked(extras.mask.as_ref()), extras)
    }
}
