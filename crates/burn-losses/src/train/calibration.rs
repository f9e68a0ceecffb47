//! Calibration: whether predictions are right as often as their probability says.

use super::figure::{EpochCounts, EpochFigure, EpochMetric};
use burn::tensor::activation::softmax;
use burn::tensor::{Int, Tensor, TensorReadError};
use burn::train::ClassificationOutput;
use burn::train::metric::Adaptor;

/// The input of [`ExpectedCalibrationErrorMetric`]: logits `[N, C]` (log-probabilities do as well) and labels `[N]`. Burn's
/// `ClassificationOutput` adapts to it.
pub struct CalibrationInput {
    logits: Tensor<2>,
    labels: Tensor<1, Int>,
}

impl Adaptor<CalibrationInput> for ClassificationOutput {
    fn adapt(&self) -> CalibrationInput {
        CalibrationInput { logits: self.output.clone(), labels: self.targets.clone() }
    }
}

/// The expected calibration error.
#[derive(Debug, Clone)]
pub struct ExpectedCalibrationError {
    bins: usize,
}

/// The expected calibration error (ECE): how far the share of right predictions is from their mean probability, over bins of that
/// probability ([arXiv 1706.04599](https://arxiv.org/abs/1706.04599)).
///
/// ```text
/// sum_b n_b / n |share of right predictions in b - mean probability in b|
/// ```
/// The bins ((b - 1) / B, b / B] are equally wide, and the probability is that of the predicted class. Rows whose label is outside of
/// 0..C do not count. Small epochs have large errors, also of a network that is calibrated: a bin of ten rows is off by 0.1 by chance.
/// [`TemperatureScaling`](crate::classification::TemperatureScaling) makes the error smaller.
pub type ExpectedCalibrationErrorMetric = EpochMetric<ExpectedCalibrationError>;

impl ExpectedCalibrationErrorMetric {
    /// With 15 bins.
    pub fn new() -> Self {
        Self::with_bins(15)
    }

    /// With this number of bins.
    ///
    /// # Panics
    /// If the number is 0.
    #[track_caller]
    pub fn with_bins(bins: usize) -> Self {
        assert!(bins > 0, "ExpectedCalibrationErrorMetric: `bins` is 0, allowed: an integer >= 1");
        ExpectedCalibrationError { bins }.into()
    }
}

impl Default for ExpectedCalibrationErrorMetric {
    fn default() -> Self {
        Self::new()
    }
}

/// The contents of a bin of probabilities.
#[derive(Debug, Clone, Copy, Default)]
pub struct CalibrationBin {
    /// The number of predictions.
    pub count: usize,
    /// How many of them are right.
    pub right: usize,
    /// The sum of their probabilities.
    pub probability: f64,
}

impl EpochCounts for Vec<CalibrationBin> {
    fn add(&mut self, batch: Self) {
        self.resize(self.len().max(batch.len()), CalibrationBin::default());
        for (bin, other) in self.iter_mut().zip(batch) {
            bin.count += other.count;
            bin.right += other.right;
            bin.probability += other.probability;
        }
    }

    fn size(&self) -> usize {
        self.iter().map(|bin| bin.count).sum()
    }
}

impl EpochFigure for ExpectedCalibrationError {
    type Input = CalibrationInput;
    type Counts = Vec<CalibrationBin>;
    const HIGHER_IS_BETTER: bool = false;

    fn name(&self) -> String {
        format!("Expected calibration error ({} bins)", self.bins)
    }

    fn description(&self) -> String {
        "How far the share of right predictions is from their mean probability, over bins of the probability.".into()
    }

    fn count(&self, input: &CalibrationInput) -> Result<Vec<CalibrationBin>, TensorReadError> {
        let mut bins = vec![CalibrationBin::default(); self.bins];
        let [rows, classes] = input.logits.dims();
        if rows * classes == 0 {
            return Ok(bins);
        }
        let (probabilities, predicted) = softmax(input.logits.clone(), 1).max_dim_with_indices(1);
        let probabilities: Vec<f64> = probabilities.try_into_vec_as()?;
        let predicted: Vec<i64> = predicted.try_into_vec_as()?;
        let labels: Vec<i64> = input.labels.clone().try_into_vec_as()?;
        for ((probability, predicted), label) in probabilities.into_iter().zip(predicted).zip(labels) {
            if (0..classes as i64).contains(&label) {
                let upper = (probability * self.bins as f64).ceil() as usize;
                let bin = &mut bins[upper.clamp(1, self.bins) - 1];
                bin.count += 1;
                bin.right += usize::from(predicted == label);
                bin.probability += probability;
            }
        }
        Ok(bins)
    }

    fn value(&self, bins: &Vec<CalibrationBin>) -> Result<f64, TensorReadError> {
        let off: f64 = bins.iter().map(|bin| (bin.right as f64 - bin.probability).abs()).sum();
        Ok(off / bins.size() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::epoch_values;
    use super::*;
    use burn::tensor::{Device, TensorData};

    /// Two classes, of which class 0 has these probabilities, and labels.
    fn input<const N: usize>(rows: [(f64, i64); N]) -> CalibrationInput {
        let device = Device::flex();
        let logits: Vec<f32> = rows.iter().flat_map(|(p, _)| [(p / (1.0 - p)).ln() as f32, 0.0]).collect();
        let logits = Tensor::<2>::from_data(TensorData::new(logits, [N, 2]), &device);
        let labels = Tensor::from_ints(rows.map(|(_, label)| label), &device);
        ClassificationOutput::new(Tensor::zeros([1], &device), logits, labels).adapt()
    }

    #[test]
    fn errors_by_hand() {
        // Of five bins the last has 0.9 (right) and 0.85 (wrong), the fourth 0.7 (right), the third 0.55 (wrong).
        let first = || input([(0.9, 0), (0.7, 0), (0.99, -100)]);
        let second = || input([(0.85, 1), (0.55, 1), (0.01, 2)]);
        let (each, all) = epoch_values(ExpectedCalibrationErrorMetric::with_bins(5), vec![first(), second()]);
        assert!((each[0] - (0.1 + 0.3) / 2.0).abs() < 1e-6 && (each[1] - (0.85 + 0.55) / 2.0).abs() < 1e-6, "{each:?}");
        // The epoch has one bin of two predictions, whose errors cancel in part.
        assert!((all - (0.75 + 0.3 + 0.55) / 4.0).abs() < 1e-6, "{all}");
        let one = epoch_values(ExpectedCalibrationErrorMetric::with_bins(1), vec![first(), second()]).1;
        assert!((one - (2.0f64 - 3.0).abs() / 4.0).abs() < 1e-6, "{one}");
    }

    #[test]
    fn the_ends_and_nothing() {
        // A predicted class has a probability of at least 1/2: here exactly 1/2, and 1.
        let ends = input([(0.5, 0), (1.0 - 1e-12, 1)]);
        assert_eq!(epoch_values(ExpectedCalibrationErrorMetric::with_bins(2), vec![ends]).1, 0.75);
        let (each, all) = epoch_values(ExpectedCalibrationErrorMetric::new(), vec![input([(0.5, -1)])]);
        assert!(each[0].is_nan() && all.is_nan());
    }
}
