//! The terms of a loss on the dashboard.

use super::figure::{EpochFigure, EpochMetric, Share};
use super::{BoxesInput, CalibrationInput, EmbeddingsInput, PixelsInput, QuantileInput, RankingInput, SequencesInput};
use crate::composition::LossTerms;
use burn::tensor::{ExecutionError, TensorReadError};
use burn::train::metric::{
    AccuracyInput, Adaptor, ConfusionStatsInput, HammingScoreInput, ItemLazy, LossInput, PerplexityInput,
    TopKAccuracyInput,
};
use std::ops::Deref;

/// The output of a step, Burn's or ours, with the value of each term of the loss.
///
/// It goes with every metric that the output goes with, and with [`LossTermMetric`].
#[derive(Debug, Clone)]
pub struct WithTerms<O> {
    /// The output.
    pub output: O,
    /// The terms of its loss.
    pub terms: LossTerms,
    /// How many samples the batch has.
    pub samples: usize,
}

impl<O> WithTerms<O> {
    /// The output of a batch of `samples` samples, with the terms of its loss.
    pub fn new(output: O, terms: LossTerms, samples: usize) -> Self {
        Self { output, terms, samples }
    }
}

/// Gives access to the output's own fields, such as its loss.
impl<O> Deref for WithTerms<O> {
    type Target = O;

    fn deref(&self) -> &O {
        &self.output
    }
}

impl<O: ItemLazy> ItemLazy for WithTerms<O> {
    fn sync(self) -> Result<Self, ExecutionError> {
        Ok(Self { output: self.output.sync()?, terms: self.terms, samples: self.samples })
    }
}

/// An input of a metric that [`WithTerms`] adapts to if its output does. Implementing `Adaptor` for all types would overlap with the
/// implementation for [`LossTermsInput`].
trait OfOutput {}

impl OfOutput for AccuracyInput {}
impl OfOutput for BoxesInput {}
impl OfOutput for CalibrationInput {}
impl OfOutput for ConfusionStatsInput {}
impl OfOutput for EmbeddingsInput {}
impl OfOutput for HammingScoreInput {}
impl OfOutput for LossInput {}
impl OfOutput for PerplexityInput {}
impl OfOutput for PixelsInput {}
impl OfOutput for QuantileInput {}
impl OfOutput for RankingInput {}
impl OfOutput for SequencesInput {}
impl OfOutput for TopKAccuracyInput {}

impl<I: OfOutput, O: Adaptor<I>> Adaptor<I> for WithTerms<O> {
    fn adapt(&self) -> I {
        self.output.adapt()
    }
}

/// The input of [`LossTermMetric`].
pub struct LossTermsInput {
    terms: LossTerms,
    samples: usize,
}

impl<O> Adaptor<LossTermsInput> for WithTerms<O> {
    fn adapt(&self) -> LossTermsInput {
        LossTermsInput { terms: self.terms.clone(), samples: self.samples }
    }
}

/// One term of a loss, by its name: its mean over the samples.
#[derive(Debug, Clone)]
pub struct LossTerm {
    term: String,
}

/// One line of the dashboard for one term of a loss.
///
/// Burn's `LossMetric` weighs every batch alike, so that the terms add up to it exactly only where all batches have the same size.
pub type LossTermMetric = EpochMetric<LossTerm>;

impl LossTermMetric {
    /// The line of the term of this name.
    ///
    /// # Panics
    /// During training, if the loss has no such term.
    pub fn new(term: impl Into<String>) -> Self {
        LossTerm { term: term.into() }.into()
    }
}

impl EpochFigure for LossTerm {
    type Input = LossTermsInput;
    type Counts = Share;
    const HIGHER_IS_BETTER: bool = false;

    fn name(&self) -> String {
        format!("Loss ({})", self.term)
    }

    fn description(&self) -> String {
        format!("The term `{}` of the loss, its mean over the samples.", self.term)
    }

    fn count(&self, input: &LossTermsInput) -> Result<Share, TensorReadError> {
        let names = input.terms.names();
        let Some(index) = names.iter().position(|name| *name == self.term) else {
            panic!("LossTermMetric: the loss has no term `{}`, its terms: `{}`", self.term, names.join("`, `"));
        };
        let value: f64 = input.terms.values().narrow(0, index, 1).try_into_scalar()?;
        Ok(Share { sum: value * input.samples as f64, of: input.samples })
    }

    fn value(&self, counts: &Share) -> Result<f64, TensorReadError> {
        Ok(counts.value())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::epoch_values;
    use super::super::{BoxIou, DetectionOutput, ExpectedCalibrationError, LabelErrorRate, MetricLearningOutput, Ndcg};
    use super::super::{RankingOutput, SequenceOutput, VerificationAccuracy};
    use super::*;
    use burn::tensor::{Device, Tensor};
    use burn::train::RegressionOutput;

    fn step(dice: f32, bce: f32, samples: usize) -> WithTerms<RegressionOutput> {
        let device = Device::flex();
        let value = |value: f32| Tensor::from_floats([value], &device);
        let names = ["dice".to_string(), "bce".to_string()];
        let terms = LossTerms::new(names, [value(dice), value(bce)]);
        let rows = Tensor::zeros([samples, 1], &device);
        WithTerms::new(RegressionOutput::new(value(dice + bce), rows.clone(), rows), terms, samples)
    }

    /// The compiler checks it.
    #[test]
    fn our_outputs_with_terms_go_with_their_metrics() {
        fn goes_with<F: EpochFigure, O>()
        where
            WithTerms<O>: Adaptor<F::Input>,
        {
        }
        goes_with::<BoxIou, DetectionOutput>();
        goes_with::<ExpectedCalibrationError, burn::train::ClassificationOutput>();
        goes_with::<LabelErrorRate, SequenceOutput>();
        goes_with::<Ndcg, RankingOutput>();
        goes_with::<VerificationAccuracy, MetricLearningOutput>();
    }

    #[test]
    fn each_term_by_hand() {
        let inputs = || vec![step(1.0, 8.0, 3).adapt(), step(2.0, 4.0, 1).adapt()];
        assert_eq!(epoch_values(LossTermMetric::new("dice"), inputs()), (vec![1.0, 2.0], 1.25));
        assert_eq!(epoch_values(LossTermMetric::new("bce"), inputs()), (vec![8.0, 4.0], 7.0));
    }

    #[test]
    #[should_panic(expected = "the loss has no term `dicee`, its terms: `dice`, `bce`")]
    fn a_term_that_is_not_there() {
        epoch_values(LossTermMetric::new("dicee"), vec![step(1.0, 1.0, 1).adapt()]);
    }

    #[test]
    fn the_metrics_of_the_output_stay() {
        use super::super::tests::metadata;
        use burn::train::metric::{LossMetric, Metric, Numeric};
        let mut loss = LossMetric::new();
        loss.update(&step(1.0, 8.0, 3).sync().unwrap().adapt(), &metadata()).unwrap();
        assert_eq!(loss.value().unwrap().current(), 9.0);
    }
}
