//! The output of a step and the figure of an epoch for experiments that neither Burn nor burn-losses has one for.

use burn::tensor::{ExecutionError, Tensor, TensorReadError};
use burn::train::metric::{Adaptor, ItemLazy, LossInput};
use burn_losses::train::{EpochFigure, EpochMetric, Share};

use crate::metrics;
use crate::reading::Reading;

/// The output of a step: the loss, the predictions and the targets.
#[derive(Debug, Clone)]
pub struct StepOutput<const D: usize> {
    /// The loss, `[1]`.
    pub loss: Tensor<1>,
    /// The predictions, of each row of the batch.
    pub predictions: Tensor<D>,
    /// The targets, `[rows, width]`.
    pub targets: Tensor<2>,
}

impl<const D: usize> ItemLazy for StepOutput<D> {
    fn sync(self) -> Result<Self, ExecutionError> {
        self.loss.device().flush()?;
        Ok(Self {
            loss: self.loss.without_autodiff(),
            predictions: self.predictions.without_autodiff(),
            targets: self.targets.without_autodiff(),
        })
    }
}

impl<const D: usize> Adaptor<LossInput> for StepOutput<D> {
    fn adapt(&self) -> LossInput {
        LossInput::new(self.loss.clone())
    }
}

impl<const D: usize> Adaptor<Self> for StepOutput<D> {
    fn adapt(&self) -> Self {
        self.clone()
    }
}

/// A mean error that is computed on the host.
#[derive(Debug, Clone)]
pub struct MeanError<const D: usize> {
    name: &'static str,
    description: &'static str,
    /// From the predictions and the targets of a batch.
    count: fn(&[f32], &[f32]) -> Share,
}

/// The mean angle between the long side of a rotated box and that of its target.
pub fn angle_error() -> EpochMetric<MeanError<2>> {
    let count = |boxes: &[f32], targets: &[f32]| {
        let errors = metrics::angle_errors(boxes, targets);
        Share { sum: errors.iter().sum(), of: errors.len() }
    };
    let description = "The mean angle between the long side of a box and that of its target, in degrees.";
    MeanError { name: "Angle error", description, count }.into()
}

/// The edit distance from the labels that are read to the right ones, over the number of right ones.
pub fn label_error() -> EpochMetric<MeanError<3>> {
    let count = |logits: &[f32], targets: &[f32]| {
        let readings = Reading::all(logits, targets);
        let sum = readings.iter().map(Reading::errors).sum::<usize>() as f64;
        Share { sum, of: readings.iter().map(|reading| reading.right.len()).sum() }
    };
    let description = "Insertions, deletions and substitutions that the labels need, over the number of right labels.";
    MeanError { name: "Label error", description, count }.into()
}

impl<const D: usize> EpochFigure for MeanError<D> {
    type Input = StepOutput<D>;
    type Counts = Share;
    const HIGHER_IS_BETTER: bool = false;

    fn name(&self) -> String {
        self.name.to_string()
    }

    fn description(&self) -> String {
        self.description.to_string()
    }

    fn count(&self, input: &StepOutput<D>) -> Result<Share, TensorReadError> {
        let predictions: Vec<f32> = input.predictions.clone().try_into_vec_as()?;
        let targets: Vec<f32> = input.targets.clone().try_into_vec_as()?;
        Ok((self.count)(&predictions, &targets))
    }

    fn value(&self, counts: &Share) -> Result<f64, TensorReadError> {
        Ok(counts.value())
    }
}
