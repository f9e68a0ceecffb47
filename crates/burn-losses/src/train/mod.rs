//! Outputs and metrics for Burn's learner. Feature `train`.
//!
//! | task | output of a step | metrics |
//! |---|---|---|
//! | one of several classes | Burn's `ClassificationOutput` | Burn's, [`ExpectedCalibrationErrorMetric`] |
//! | several labels at once | Burn's `MultiLabelClassificationOutput` | Burn's |
//! | a value | Burn's `RegressionOutput` | Burn's |
//! | quantiles of a value | [`QuantileRegressionOutput`] | [`QuantileCoverageMetric`], [`IntervalCoverageMetric`], [`IntervalScoreMetric`] |
//! | a class for every pixel | [`SegmentationOutput`] | [`IouMetric`], [`DiceMetric`] |
//! | boxes | [`DetectionOutput`] | [`BoxIouMetric`] |
//! | embeddings | [`MetricLearningOutput`] | [`RecallAtKMetric`], [`VerificationAccuracyMetric`] |
//! | lists to rank | [`RankingOutput`] | [`NdcgMetric`] |
//! | labels of sequences | [`SequenceOutput`] | [`LabelErrorRateMetric`] |
//! | any of these with a loss of several terms | [`WithTerms`] around it | [`LossTermMetric`], one per term |
//!
//! All outputs go with Burn's `LossMetric`. Each metric here keeps counts over the epoch and takes its figure from them, as an
//! [`EpochFigure`]: a small last batch counts only by its size, and ignored entries do not count. The numbers are read on the
//! learner's metric thread, never in a step.
//!
//! # Several devices
//! Burn's `ExecutionStrategy::multi` adds up the gradients of its workers. So that they amount to the gradient of one big batch,
//! each worker divides by the count of the whole step: `loss.forward_with(.., Extras::new().with_divisor(count))`. The example
//! `train-distributed` does that, on devices of one process and of several, and says which losses split over workers and which do
//! not.
//!
//! # Example
//! ```no_run
//! use burn::train::{ExecutionStrategy, SupervisedTraining, metric::LossMetric};
//! use burn_losses::train::{DiceMetric, IouMetric, LossTermMetric};
//! # use burn::{train::{LearnerModel, TrainStep, InferenceStep}, data::dataloader::DataLoader};
//! # use burn_losses::train::{SegmentationOutput, WithTerms};
//! # use std::sync::Arc;
//! # fn run<M, T: Send + 'static>(train: Arc<dyn DataLoader<T>>, valid: Arc<dyn DataLoader<T>>)
//! # where M: LearnerModel + TrainStep<Input = T, Output = WithTerms<SegmentationOutput>>
//! #     + InferenceStep<Input = T, Output = WithTerms<SegmentationOutput>> {
//! let training = SupervisedTraining::<M>::new("report", train, valid)
//!     .metrics((LossMetric::new(), LossTermMetric::new("cross_entropy"), LossTermMetric::new("dice")))
//!     .metric_valid_numeric(IouMetric::new())
//!     .metric_valid_numeric(DiceMetric::new());
//! # }
//! ```

mod calibration;
mod detection;
mod embeddings;
mod figure;
mod interval;
mod output;
mod quantile;
mod ranking;
mod segmentation;
mod sequence;
mod terms;

pub use calibration::{CalibrationBin, CalibrationInput, ExpectedCalibrationError, ExpectedCalibrationErrorMetric};
pub use detection::{BoxIou, BoxIouMetric, BoxesInput, DetectionOutput};
pub use embeddings::{
    EmbeddingsInput, MetricLearningOutput, Neighbors, Pairs, RecallAtK, RecallAtKMetric, VerificationAccuracy,
    VerificationAccuracyMetric,
};
pub use figure::{EpochCounts, EpochFigure, EpochMetric, Share};
pub use interval::{
    IntervalCoverage, IntervalCoverageMetric, IntervalMean, IntervalScore, IntervalScoreMetric, OfInterval,
};
pub use quantile::{QuantileCoverage, QuantileCoverageMetric, QuantileInput, QuantileRegressionOutput};
pub use ranking::{Ndcg, NdcgMetric, RankingInput, RankingOutput};
pub use segmentation::{ClassCounts, Dice, DiceMetric, Iou, IouMetric, PixelsInput, SegmentationOutput};
pub use sequence::{LabelErrorRate, LabelErrorRateMetric, SequenceOutput, SequencesInput};
pub use terms::{LossTerm, LossTermMetric, LossTermsInput, WithTerms};

#[cfg(test)]
mod tests {
    use super::*;
    use burn::data::dataloader::Progress;
    use burn::tensor::{Device, Tensor};
    use burn::train::metric::{Metric, MetricMetadata, Numeric};

    pub(super) fn metadata() -> MetricMetadata {
        MetricMetadata {
            progress: Progress { items_processed: 1, items_total: 1, unit: None },
            iteration: None,
            lr: None,
        }
    }

    /// The figure of each batch, and that of all batches together.
    pub(super) fn epoch_values<F: EpochFigure>(mut metric: EpochMetric<F>, batches: Vec<F::Input>) -> (Vec<f64>, f64) {
        let mut each = Vec::new();
        for batch in batches {
            metric.update(&batch, &metadata()).unwrap();
            each.push(metric.value().map_or(f64::NAN, |value| value.current()));
        }
        metric.compute().unwrap();
        let all = metric.final_value().current();
        metric.clear();
        assert!(metric.running_value().is_none() && metric.value().is_none(), "clear forgets");
        (each, all)
    }

    #[test]
    fn names_are_unique() {
        let names = [
            IouMetric::new().name(),
            DiceMetric::new().name(),
            BoxIouMetric::new().name(),
            RecallAtKMetric::new(1).name(),
            RecallAtKMetric::new(5).name(),
            RecallAtKMetric::new(5).within_batches().name(),
            VerificationAccuracyMetric::new().name(),
            VerificationAccuracyMetric::at(0.5).name(),
            QuantileCoverageMetric::new(0.9).name(),
            QuantileCoverageMetric::new(0.9).of_column(1).name(),
            QuantileCoverageMetric::new(0.5).name(),
            NdcgMetric::new().name(),
            NdcgMetric::at(5).name(),
            NdcgMetric::at(5).linear().name(),
            ExpectedCalibrationErrorMetric::new().name(),
            ExpectedCalibrationErrorMetric::with_bins(10).name(),
            IntervalCoverageMetric::new(0.9).name(),
            IntervalCoverageMetric::new(0.9).of_columns(0, 1).name(),
            IntervalScoreMetric::new(0.9).name(),
            IntervalScoreMetric::new(0.5).name(),
            LabelErrorRateMetric::new().name(),
            LossTermMetric::new("dice").name(),
            LossTermMetric::new("bce").name(),
        ];
        let unique: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(unique.len(), names.len());
        // Burn's file logger makes a file of each name.
        assert!(names.iter().all(|name| !name.contains(['/', '\\', ':'])), "{names:?}");
    }

    #[test]
    fn synced_outputs_have_left_the_autodiff_backend() {
        use burn::train::metric::ItemLazy;
        let device = Device::flex();
        let tracked = Tensor::<2>::from_floats([[1.0, 2.0, 3.0, 4.0]], &device.autodiff()).require_grad();
        let loss = tracked.clone().sum();
        let labels = tracked.clone().narrow(1, 0, 1).int().reshape([1]);
        let boxes = DetectionOutput::new(loss.clone(), tracked.clone(), tracked.clone()).sync().unwrap();
        assert!(!boxes.loss.device().is_autodiff() && !boxes.predictions.device().is_autodiff());
        let embeddings = MetricLearningOutput::new(loss.clone(), tracked.clone(), labels).sync().unwrap();
        assert!(!embeddings.embeddings.device().is_autodiff() && !embeddings.labels.device().is_autodiff());
        let terms = crate::composition::LossTerms::new(["all".to_string()], [loss.clone()]);
        let output = QuantileRegressionOutput::new(loss, tracked.clone(), tracked);
        let both = WithTerms::new(output, terms, 1).sync().unwrap();
        assert!(!both.output.targets.device().is_autodiff() && !both.terms.values().device().is_autodiff());
    }
}
