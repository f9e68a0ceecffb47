//! Sequences: their output, and the label error rate.

use super::figure::{EpochCounts, EpochFigure, EpochMetric, Share};
use super::output::submitted;
use crate::sequence::edit_distance;
use burn::tensor::{ExecutionError, Int, Tensor, TensorReadError};
use burn::train::metric::{Adaptor, ItemLazy, LossInput};

/// The output of a step on sequences; for Burn's `LossMetric` and [`LabelErrorRateMetric`].
#[derive(Debug, Clone)]
pub struct SequenceOutput {
    /// The loss, `[1]`.
    pub loss: Tensor<1>,
    /// The predicted labels, `[N, P]`, padded; or the predicted class of each step, if there is a `blank`.
    pub predictions: Tensor<2, Int>,
    /// How many of the predictions belong to each sequence, `[N]`.
    pub prediction_lengths: Tensor<1, Int>,
    /// The labels, `[N, L]`, padded.
    pub labels: Tensor<2, Int>,
    /// How many labels each sequence has, `[N]`.
    pub label_lengths: Tensor<1, Int>,
    /// The class that is no label: predictions of the same class one after the other are joined, then blanks are dropped. `None`: the
    /// predictions are labels.
    pub blank: Option<usize>,
}

impl SequenceOutput {
    /// From the loss, the labels that a decoder has found, and the true labels, each with their number per sequence.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn new(
        loss: Tensor<1>,
        predictions: Tensor<2, Int>,
        prediction_lengths: Tensor<1, Int>,
        labels: Tensor<2, Int>,
        label_lengths: Tensor<1, Int>,
    ) -> Self {
        let rows = predictions.dims()[0];
        let counts = [labels.dims()[0], prediction_lengths.dims()[0], label_lengths.dims()[0]];
        for (name, given) in ["labels", "prediction_lengths", "label_lengths"].into_iter().zip(counts) {
            assert!(
                given == rows,
                "SequenceOutput: `{name}` has {given} rows, expected {rows} (that of the predictions)"
            );
        }
        Self { loss, predictions, prediction_lengths, labels, label_lengths, blank: None }
    }

    /// From the arguments of `ctc`: the logits or log-probabilities, `[N, T, C]`, are decoded by the most likely class of each step.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    #[track_caller]
    pub fn of_ctc(
        loss: Tensor<1>,
        predictions: Tensor<3>,
        labels: Tensor<2, Int>,
        input_lengths: Tensor<1, Int>,
        label_lengths: Tensor<1, Int>,
        blank: usize,
    ) -> Self {
        let [rows, steps, _] = predictions.dims();
        let classes = predictions.detach().argmax(2).reshape([rows, steps]);
        Self { blank: Some(blank), ..Self::new(loss, classes, input_lengths, labels, label_lengths) }
    }
}

impl ItemLazy for SequenceOutput {
    fn sync(self) -> Result<Self, ExecutionError> {
        Ok(Self {
            loss: submitted(self.loss)?,
            predictions: self.predictions.without_autodiff(),
            prediction_lengths: self.prediction_lengths.without_autodiff(),
            labels: self.labels.without_autodiff(),
            label_lengths: self.label_lengths.without_autodiff(),
            ..self
        })
    }
}

impl Adaptor<LossInput> for SequenceOutput {
    fn adapt(&self) -> LossInput {
        LossInput::new(self.loss.clone())
    }
}

/// The input of [`LabelErrorRateMetric`].
pub struct SequencesInput {
    predictions: Tensor<2, Int>,
    prediction_lengths: Tensor<1, Int>,
    labels: Tensor<2, Int>,
    label_lengths: Tensor<1, Int>,
    blank: Option<usize>,
}

impl Adaptor<SequencesInput> for SequenceOutput {
    fn adapt(&self) -> SequencesInput {
        SequencesInput {
            predictions: self.predictions.clone(),
            prediction_lengths: self.prediction_lengths.clone(),
            labels: self.labels.clone(),
            label_lengths: self.label_lengths.clone(),
            blank: self.blank,
        }
    }
}

/// The label error rate.
#[derive(Debug, Clone)]
pub struct LabelErrorRate;

/// The label error rate: the [`edit_distance`] of the predicted labels from the true ones, over the number of true labels of the epoch.
///
/// With phonemes, characters or words as labels it is the phoneme, character or word error rate. It is above 1 if there are more
/// errors than labels.
pub type LabelErrorRateMetric = EpochMetric<LabelErrorRate>;

impl LabelErrorRateMetric {
    /// The label error rate.
    pub fn new() -> Self {
        LabelErrorRate.into()
    }
}

impl Default for LabelErrorRateMetric {
    fn default() -> Self {
        Self::new()
    }
}

/// The beginning of each row, up to its length.
fn sequences(padded: &Tensor<2, Int>, lengths: &Tensor<1, Int>) -> Result<Vec<Vec<i64>>, TensorReadError> {
    let [rows, width] = padded.dims();
    if rows * width == 0 {
        return Ok(vec![Vec::new(); rows]);
    }
    let labels: Vec<i64> = padded.clone().try_into_vec_as()?;
    let lengths: Vec<i64> = lengths.clone().try_into_vec_as()?;
    let rows = labels.chunks_exact(width).zip(lengths);
    Ok(rows.map(|(row, length)| row[..length.clamp(0, width as i64) as usize].to_vec()).collect())
}

impl EpochFigure for LabelErrorRate {
    type Input = SequencesInput;
    type Counts = Share;
    const HIGHER_IS_BETTER: bool = false;

    fn name(&self) -> String {
        "Label error rate".into()
    }

    fn description(&self) -> String {
        "The insertions, deletions and substitutions that make the predicted labels right, over the number of labels."
            .into()
    }

    fn count(&self, input: &SequencesInput) -> Result<Share, TensorReadError> {
        let predicted = sequences(&input.predictions, &input.prediction_lengths)?;
        let labels = sequences(&input.labels, &input.label_lengths)?;
        let mut share = Share::default();
        for (mut predicted, labels) in predicted.into_iter().zip(labels) {
            if let Some(blank) = input.blank {
                predicted.dedup();
                predicted.retain(|class| *class != blank as i64);
            }
            share.add(Share { sum: edit_distance(&predicted, &labels) as f64, of: labels.len() });
        }
        Ok(share)
    }

    fn value(&self, counts: &Share) -> Result<f64, TensorReadError> {
        Ok(counts.value())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::epoch_values;
    use super::*;
    use burn::tensor::Device;

    fn ints<const N: usize>(numbers: [i64; N]) -> Tensor<1, Int> {
        Tensor::from_ints(numbers, &Device::flex())
    }

    fn loss() -> Tensor<1> {
        Tensor::zeros([1], &Device::flex())
    }

    #[test]
    fn rates_by_hand() {
        // 1 3 of 1 2 3: one is missing. 4 4 of 5: one is wrong and one too many. What lies beyond the lengths is not used.
        let predictions = ints([1, 3, 9, 4, 4, 9]).reshape([2, 3]);
        let labels = ints([1, 2, 3, 5, 4, 4]).reshape([2, 3]);
        let first =
            || SequenceOutput::new(loss(), predictions.clone(), ints([2, 2]), labels.clone(), ints([3, 1])).adapt();
        let second = || {
            let rows = ints([7, 8]).reshape([1, 2]);
            SequenceOutput::new(loss(), rows.clone(), ints([2]), rows, ints([2])).adapt()
        };
        let (each, all) = epoch_values(LabelErrorRateMetric::new(), vec![first(), second()]);
        assert_eq!((each, all), (vec![0.75, 0.0], 0.5));
    }

    #[test]
    fn steps_are_decoded() {
        // The classes 1 1 0 1 2 of five steps are the labels 1 1 2, and those of the first three are 1.
        let device = Device::flex();
        let rows = Tensor::<2>::from_floats(
            [[0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            &device,
        );
        let logits = Tensor::stack::<3>(vec![rows.clone(), rows], 0);
        let labels = ints([1, 1, 2, 1, 1, 2]).reshape([2, 3]);
        let output = SequenceOutput::of_ctc(loss(), logits, labels, ints([5, 3]), ints([3, 3]), 0);
        assert_eq!(epoch_values(LabelErrorRateMetric::new(), vec![output.adapt()]).1, 2.0 / 6.0);
    }

    #[test]
    fn no_labels_have_no_rate() {
        let none = || Tensor::<2, Int>::zeros([1, 0], &Device::flex());
        let output = SequenceOutput::new(loss(), none(), ints([0]), none(), ints([0]));
        assert!(epoch_values(LabelErrorRateMetric::new(), vec![output.adapt()]).1.is_nan());
    }

    #[test]
    #[should_panic(expected = "`label_lengths` has 1 rows, expected 2")]
    fn a_length_for_each_sequence() {
        let rows = ints([1, 2]).reshape([2, 1]);
        SequenceOutput::new(loss(), rows.clone(), ints([1, 1]), rows, ints([1]));
    }
}
