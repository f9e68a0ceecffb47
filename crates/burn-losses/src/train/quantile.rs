//! Quantile regression: its output, and how many targets lie below.

use super::figure::{EpochFigure, EpochMetric, Share};
use super::output::submitted;
use burn::tensor::{ExecutionError, Tensor, TensorReadError};
use burn::train::metric::{Adaptor, ItemLazy, LossInput};

/// The output of a step of quantile regression; for Burn's `LossMetric`, [`QuantileCoverageMetric`],
/// [`IntervalCoverageMetric`](super::IntervalCoverageMetric) and [`IntervalScoreMetric`](super::IntervalScoreMetric).
#[derive(Debug, Clone)]
pub struct QuantileRegressionOutput {
    /// The loss, `[1]`.
    pub loss: Tensor<1>,
    /// The predicted quantiles, `[N, Q]`: quantiles of one level for Q targets, or of Q levels for one target.
    pub predictions: Tensor<2>,
    /// The targets, `[N, Q]` or `[N, 1]`. A NaN is a target that is not known and does not count.
    pub targets: Tensor<2>,
}

impl QuantileRegressionOutput {
    /// From the loss, the predictions and the targets.
    ///
    /// # Panics
    /// If the targets are neither `[N, Q]` nor `[N, 1]`.
    #[track_caller]
    pub fn new(loss: Tensor<1>, predictions: Tensor<2>, targets: Tensor<2>) -> Self {
        let [rows, quantiles] = predictions.dims();
        assert!(
            [[rows, quantiles], [rows, 1]].contains(&targets.dims()),
            "QuantileRegressionOutput: `targets` has shape {:?}, expected {:?} or {:?}",
            targets.dims(),
            [rows, quantiles],
            [rows, 1]
        );
        Self { loss, predictions, targets }
    }
}

impl ItemLazy for QuantileRegressionOutput {
    fn sync(self) -> Result<Self, ExecutionError> {
        Ok(Self {
            loss: submitted(self.loss)?,
            predictions: self.predictions.without_autodiff(),
            targets: self.targets.without_autodiff(),
        })
    }
}

impl Adaptor<LossInput> for QuantileRegressionOutput {
    fn adapt(&self) -> LossInput {
        LossInput::new(self.loss.clone())
    }
}

/// The input of the metrics of quantiles.
pub struct QuantileInput {
    pub(super) predictions: Tensor<2>,
    pub(super) targets: Tensor<2>,
}

impl Adaptor<QuantileInput> for QuantileRegressionOutput {
    fn adapt(&self) -> QuantileInput {
        QuantileInput { predictions: self.predictions.clone(), targets: self.targets.clone() }
    }
}

/// The share of the targets below the prediction.
#[derive(Debug, Clone)]
pub struct QuantileCoverage {
    level: f64,
    column: Option<usize>,
}

/// The share of the targets that lie below the predicted quantile: it should be the quantile's level.
pub type QuantileCoverageMetric = EpochMetric<QuantileCoverage>;

impl QuantileCoverageMetric {
    /// The share for quantiles of this level, in all columns of the predictions. The level is only part of the name.
    pub fn new(level: f64) -> Self {
        QuantileCoverage { level, column: None }.into()
    }

    /// Counts this column of the predictions alone, if each column has a level of its own.
    pub fn of_column(self, column: usize) -> Self {
        QuantileCoverage { column: Some(column), ..self.figure }.into()
    }
}

impl EpochFigure for QuantileCoverage {
    type Input = QuantileInput;
    type Counts = Share;
    const HIGHER_IS_BETTER: bool = true;

    fn name(&self) -> String {
        match self.column {
            None => format!("Coverage {}", self.level),
            Some(column) => format!("Coverage {} (column {column})", self.level),
        }
    }

    fn description(&self) -> String {
        format!("The share of the targets below the predicted quantile, which should be {}.", self.level)
    }

    fn count(&self, input: &QuantileInput) -> Result<Share, TensorReadError> {
        let shape = input.predictions.dims();
        let (mut predictions, mut targets) = (input.predictions.clone(), input.targets.clone().expand(shape));
        if let Some(column) = self.column {
            (predictions, targets) = (predictions.narrow(1, column, 1), targets.narrow(1, column, 1));
        }
        let unknown = targets.clone().is_nan();
        let below = targets.lower(predictions).bool_and(unknown.clone().bool_not());
        let counts = Tensor::cat(vec![below.int().sum(), unknown.bool_not().int().sum()], 0);
        let counts: Vec<i64> = counts.try_into_vec_as()?;
        Ok(Share { sum: counts[0] as f64, of: counts[1] as usize })
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

    fn input<const N: usize, const Q: usize>(predictions: [[f32; Q]; N], targets: [[f32; 1]; N]) -> QuantileInput {
        let device = Device::flex();
        let predictions = Tensor::from_floats(predictions, &device);
        let output = QuantileRegressionOutput::new(
            Tensor::zeros([1], &device),
            predictions,
            Tensor::from_floats(targets, &device),
        );
        output.adapt()
    }

    #[test]
    fn coverage_by_hand() {
        // 3 of 4 targets are below, then 0 of 1. An unknown target does not count, and a target at the prediction is not below
        // it.
        let first = || input([[1.0], [1.0], [1.0], [1.0], [1.0]], [[0.0], [f32::NAN], [0.5], [1.0], [-1.0]]);
        let second = || input([[1.0]], [[2.0]]);
        let (each, all) = epoch_values(QuantileCoverageMetric::new(0.75), vec![first(), second()]);
        assert_eq!((each, all), (vec![0.75, 0.0], 0.6));
        let unknown = epoch_values(QuantileCoverageMetric::new(0.75), vec![input([[1.0]], [[f32::NAN]])]);
        assert!(unknown.0[0].is_nan() && unknown.1.is_nan());
    }

    #[test]
    fn columns_of_their_own() {
        let both = || input([[1.0, 3.0], [1.0, 3.0]], [[2.0], [0.0]]);
        assert_eq!(epoch_values(QuantileCoverageMetric::new(0.5).of_column(0), vec![both()]).1, 0.5);
        assert_eq!(epoch_values(QuantileCoverageMetric::new(0.9).of_column(1), vec![both()]).1, 1.0);
        assert_eq!(epoch_values(QuantileCoverageMetric::new(0.7), vec![both()]).1, 0.75);
    }

    #[test]
    #[should_panic(expected = "`targets` has shape [1, 2], expected [2, 2] or [2, 1]")]
    fn targets_of_another_batch() {
        let device = Device::flex();
        QuantileRegressionOutput::new(
            Tensor::zeros([1], &device),
            Tensor::zeros([2, 2], &device),
            Tensor::zeros([1, 2], &device),
        );
    }
}
