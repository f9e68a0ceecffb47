//! Metric learning: its output, and how alike its embeddings are.

mod recall;
mod verification;

use super::output::submitted;
use burn::tensor::{Bool, ExecutionError, Int, Tensor};
use burn::train::metric::{AccuracyInput, Adaptor, ItemLazy, LossInput};

pub use recall::{Neighbors, RecallAtK, RecallAtKMetric};
pub use verification::{Pairs, VerificationAccuracy, VerificationAccuracyMetric};

/// The output of a step of metric learning; for Burn's `LossMetric`, [`RecallAtKMetric`], [`VerificationAccuracyMetric`], and with
/// the logits of a head also for Burn's `AccuracyMetric`.
#[derive(Debug, Clone)]
pub struct MetricLearningOutput {
    /// The loss, `[1]`.
    pub loss: Tensor<1>,
    /// The embeddings, `[N, E]`, of any length: only their directions count.
    pub embeddings: Tensor<2>,
    /// The class of each embedding, `[N]`.
    pub labels: Tensor<1, Int>,
    /// Embeddings with this label do not count, and are not neighbors of others.
    pub ignore_index: Option<i64>,
    /// The logits of the loss's head, `[N, C]`, where it has one.
    pub logits: Option<Tensor<2>>,
}

impl MetricLearningOutput {
    /// From the loss, the embeddings and their labels.
    ///
    /// # Panics
    /// If there is not one label for each embedding.
    #[track_caller]
    pub fn new(loss: Tensor<1>, embeddings: Tensor<2>, labels: Tensor<1, Int>) -> Self {
        let ([rows, _], given) = (embeddings.dims(), labels.dims());
        assert!(
            given == [rows],
            "MetricLearningOutput: `labels` has shape {given:?}, expected {:?} (one per embedding)",
            [rows]
        );
        Self { loss, embeddings, labels, ignore_index: None, logits: None }
    }

    /// Embeddings with this label do not count.
    pub fn with_ignore_index(self, label: i64) -> Self {
        Self { ignore_index: Some(label), ..self }
    }

    /// With the logits of a head, `[N, C]`.
    pub fn with_logits(self, logits: Tensor<2>) -> Self {
        Self { logits: Some(logits), ..self }
    }
}

impl ItemLazy for MetricLearningOutput {
    fn sync(self) -> Result<Self, ExecutionError> {
        Ok(Self {
            loss: submitted(self.loss)?,
            embeddings: self.embeddings.without_autodiff(),
            labels: self.labels.without_autodiff(),
            logits: self.logits.map(Tensor::without_autodiff),
            ..self
        })
    }
}

impl Adaptor<LossInput> for MetricLearningOutput {
    fn adapt(&self) -> LossInput {
        LossInput::new(self.loss.clone())
    }
}

/// # Panics
/// If there are no logits.
impl Adaptor<AccuracyInput> for MetricLearningOutput {
    fn adapt(&self) -> AccuracyInput {
        let logits = self.logits.clone().expect("MetricLearningOutput: the accuracy needs `with_logits`");
        AccuracyInput::new(logits, self.labels.clone())
    }
}

/// The input of [`RecallAtKMetric`] and [`VerificationAccuracyMetric`].
#[derive(Clone)]
pub struct EmbeddingsInput {
    embeddings: Tensor<2>,
    labels: Tensor<1, Int>,
    ignore_index: Option<i64>,
}

impl Adaptor<EmbeddingsInput> for MetricLearningOutput {
    fn adapt(&self) -> EmbeddingsInput {
        EmbeddingsInput {
            embeddings: self.embeddings.clone(),
            labels: self.labels.clone(),
            ignore_index: self.ignore_index,
        }
    }
}

impl EmbeddingsInput {
    fn all(parts: &[Self]) -> Self {
        Self {
            embeddings: Tensor::cat(parts.iter().map(|part| part.embeddings.clone()).collect(), 0),
            labels: Tensor::cat(parts.iter().map(|part| part.labels.clone()).collect(), 0),
            ignore_index: parts[0].ignore_index,
        }
    }

    fn rows(&self) -> usize {
        self.labels.dims()[0]
    }

    /// The embeddings at length 1; one without a direction stays 0.
    fn directions(&self) -> Tensor<2> {
        let length = self.embeddings.clone().square().sum_dim(1).sqrt();
        let none = length.clone().equal_scalar(0.0);
        self.embeddings.clone() / length.mask_fill(none, 1.0)
    }

    fn valid(&self) -> Tensor<1, Bool> {
        match self.ignore_index {
            Some(label) => self.labels.clone().not_equal_elem(label),
            None => self.labels.clone().equal(self.labels.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    pub(super) fn output<const N: usize>(embeddings: [[f32; 2]; N], labels: [i32; N]) -> MetricLearningOutput {
        let device = Device::flex();
        let embeddings = Tensor::from_floats(embeddings, &device);
        let labels = Tensor::<1, Int>::from_ints(labels, &device);
        MetricLearningOutput::new(Tensor::zeros([1], &device), embeddings, labels)
    }

    /// By the cosine, the fourth is the nearest to the third, though the first is closer to it.
    pub(super) const FOUR: [[f32; 2]; 4] = [[1.0, 0.0], [1.0, 0.1], [0.1, 1.0], [0.0, 9.0]];

    #[test]
    #[should_panic(expected = "the accuracy needs `with_logits`")]
    fn no_accuracy_without_a_head() {
        let _: AccuracyInput = output(FOUR, [0, 0, 1, 1]).adapt();
    }

    #[test]
    #[should_panic(expected = "`labels` has shape [1], expected [2] (one per embedding)")]
    fn labels_of_another_batch() {
        let device = Device::flex();
        let labels = Tensor::<1, Int>::zeros([1], &device);
        MetricLearningOutput::new(Tensor::zeros([1], &device), Tensor::zeros([2, 3], &device), labels);
    }
}
