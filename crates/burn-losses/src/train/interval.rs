//! Prediction intervals between two quantiles: how many targets they hold, and their score.

use super::figure::{EpochCounts, EpochFigure, EpochMetric, Share};
use super::quantile::QuantileInput;
use burn::tensor::TensorReadError;
use std::marker::PhantomData;

/// A number that follows from a target and its predicted interval; the metric is the mean of these numbers.
pub trait OfInterval: Clone + Send + Sync + 'static {
    /// The name of the metric's type, for errors.
    const METRIC: &'static str;
    /// The name of the figure, without the coverage.
    const NAME: &'static str;
    /// Whether more is better.
    const HIGHER_IS_BETTER: bool;

    /// One sentence that says what the figure is.
    fn description(coverage: f64) -> String;

    /// The number of a target.
    fn of_target(coverage: f64, lower: f64, upper: f64, target: f64) -> f64;
}

/// The mean over the known targets of a number that follows from the interval between two columns of the predicted quantiles.
#[derive(Debug, Clone)]
pub struct IntervalMean<S> {
    coverage: f64,
    /// The first and the last column if there are none.
    columns: Option<[usize; 2]>,
    of: PhantomData<S>,
}

impl<S: OfInterval> EpochMetric<IntervalMean<S>> {
    /// The metric of intervals from the first column of the predictions to the last, with this coverage: 0.8 for quantiles of the levels
    /// 0.1 and 0.9.
    ///
    /// # Panics
    /// If the coverage is not above 0 and below 1.
    #[track_caller]
    pub fn new(coverage: f64) -> Self {
        assert!(
            coverage > 0.0 && coverage < 1.0,
            "{}: `coverage` is {coverage}, allowed: a number above 0 and below 1",
            S::METRIC
        );
        IntervalMean { coverage, columns: None, of: PhantomData }.into()
    }

    /// From one column of the predictions to another.
    pub fn of_columns(self, lower: usize, upper: usize) -> Self {
        IntervalMean { columns: Some([lower, upper]), ..self.figure }.into()
    }
}

impl<S: OfInterval> EpochFigure for IntervalMean<S> {
    type Input = QuantileInput;
    type Counts = Share;
    const HIGHER_IS_BETTER: bool = S::HIGHER_IS_BETTER;

    fn name(&self) -> String {
        match self.columns {
            None => format!("{} {}", S::NAME, self.coverage),
            Some([lower, upper]) => format!("{} {} (columns {lower}, {upper})", S::NAME, self.coverage),
        }
    }

    fn description(&self) -> String {
        S::description(self.coverage)
    }

    fn count(&self, input: &QuantileInput) -> Result<Share, TensorReadError> {
        let shape = input.predictions.dims();
        if shape.contains(&0) {
            return Ok(Share::default());
        }
        let [lower, upper] = self.columns.unwrap_or([0, shape[1] - 1]);
        let targets = input.targets.clone().expand(shape);
        let lowers: Vec<f64> = input.predictions.clone().narrow(1, lower, 1).try_into_vec_as()?;
        let uppers: Vec<f64> = input.predictions.clone().narrow(1, upper, 1).try_into_vec_as()?;
        let targets: Vec<f64> = targets.narrow(1, lower, 1).try_into_vec_as()?;
        let mut share = Share::default();
        for ((lower, upper), target) in lowers.into_iter().zip(uppers).zip(targets) {
            if !target.is_nan() {
                share.add(Share { sum: S::of_target(self.coverage, lower, upper, target), of: 1 });
            }
        }
        Ok(share)
    }

    fn value(&self, counts: &Share) -> Result<f64, TensorReadError> {
        Ok(counts.value())
    }
}

/// The share of the targets in an interval.
#[derive(Debug, Clone)]
pub struct IntervalCoverage;

/// The share of the targets that lie in the interval between two predicted quantiles: it should be the coverage of the interval.
///
/// A target on a bound lies in the interval. The coverage that `new` takes is only part of the name. The output of the step is
/// [`QuantileRegressionOutput`](super::QuantileRegressionOutput) with one target per row.
pub type IntervalCoverageMetric = EpochMetric<IntervalMean<IntervalCoverage>>;

impl OfInterval for IntervalCoverage {
    const METRIC: &'static str = "IntervalCoverageMetric";
    const NAME: &'static str = "Interval coverage";
    const HIGHER_IS_BETTER: bool = true;

    fn description(coverage: f64) -> String {
        format!("The share of the targets between two predicted quantiles, which should be {coverage}.")
    }

    fn of_target(_: f64, lower: f64, upper: f64, target: f64) -> f64 {
        f64::from(lower <= target && target <= upper)
    }
}

/// The mean interval score.
#[derive(Debug, Clone)]
pub struct IntervalScore;

/// The mean interval score (Winkler 1972; Gneiting and Raftery 2007, section 6.2) of the intervals [l, u] between two predicted
/// quantiles.
///
/// ```text
/// (u - l) + 2 / a max(l - y, 0) + 2 / a max(y - u, 0),  a = 1 - coverage
/// ```
/// Narrow intervals score low, but each target y outside costs its distance. The true quantiles of the levels a/2 and 1 - a/2 have the
/// lowest score, so it compares models whose coverage differs, which coverage and width alone do not. The output of the step is
/// [`QuantileRegressionOutput`](super::QuantileRegressionOutput) with one target per row.
pub type IntervalScoreMetric = EpochMetric<IntervalMean<IntervalScore>>;

impl OfInterval for IntervalScore {
    const METRIC: &'static str = "IntervalScoreMetric";
    const NAME: &'static str = "Interval score";
    const HIGHER_IS_BETTER: bool = false;

    fn description(_: f64) -> String {
        "The width of the interval between two predicted quantiles, and a penalty for each target outside.".into()
    }

    fn of_target(coverage: f64, lower: f64, upper: f64, target: f64) -> f64 {
        let penalty = 2.0 / (1.0 - coverage);
        (upper - lower) + penalty * ((lower - target).max(0.0) + (target - upper).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::super::QuantileRegressionOutput;
    use super::super::tests::epoch_values;
    use super::*;
    use burn::tensor::{Device, Tensor};
    use burn::train::metric::Adaptor;

    /// The quantiles 1, 2 and 3 for each of these targets.
    fn input<const N: usize>(targets: [[f32; 1]; N]) -> QuantileInput {
        let device = Device::flex();
        let predictions = Tensor::from_floats([[1.0, 2.0, 3.0]; N], &device);
        QuantileRegressionOutput::new(Tensor::zeros([1], &device), predictions, Tensor::from_floats(targets, &device))
            .adapt()
    }

    fn near(given: &[f64], expected: &[f64]) {
        let is_near = given.iter().zip(expected).all(|(given, expected)| (given - expected).abs() < 1e-9);
        assert!(is_near && given.len() == expected.len(), "{given:?}, expected {expected:?}");
    }

    #[test]
    fn intervals_by_hand() {
        let first = || input([[2.0], [0.0], [f32::NAN]]);
        let second = || input([[3.5], [3.0]]);
        let batches = || vec![first(), second()];
        // 2 / (1 - 0.8) is 10: the scores are 2 and 2 + 10, then 2 + 5 and 2.
        let (each, all) = epoch_values(IntervalScoreMetric::new(0.8), batches());
        near(&each, &[7.0, 4.5]);
        near(&[all], &[5.75]);
        let (each, all) = epoch_values(IntervalCoverageMetric::new(0.8), batches());
        near(&each, &[0.5, 0.5]);
        near(&[all], &[0.5]);
        // From 1 to 2 only the target 2 is inside; 2 / (1 - 0.5) is 4: 1, 1 + 4, 1 + 6, 1 + 4.
        near(&[epoch_values(IntervalCoverageMetric::new(0.5).of_columns(0, 1), batches()).1], &[0.25]);
        near(&[epoch_values(IntervalScoreMetric::new(0.5).of_columns(0, 1), batches()).1], &[4.5]);
    }

    #[test]
    fn no_target_has_no_score() {
        assert!(epoch_values(IntervalScoreMetric::new(0.9), vec![input([[f32::NAN]])]).1.is_nan());
    }

    #[test]
    #[should_panic(expected = "IntervalScoreMetric: `coverage` is 1, allowed: a number above 0 and below 1")]
    fn everything_is_no_interval() {
        IntervalScoreMetric::new(1.0);
    }
}
