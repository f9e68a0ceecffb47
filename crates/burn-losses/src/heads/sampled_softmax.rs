//! Sampled softmax.

use super::layer::{HeadLayer, layer_methods};
use super::sampler::{Draws, expected_counts};
use super::samples::{self, Sampling, SharedSamples};
use super::{HeadLoss, Sampler, WeightInitializer};
use crate::engine::heads::{Head, Labels, Parameters, Scaling};
use crate::engine::rows::{self, MINUS_INFINITY};
use crate::reduction::{Extras, Unreduced};
use crate::signature::{Argument, Arguments, Called, EvalError, Wanted};
use burn::tensor::{Bool, Device, Int, Tensor};
use burn_losses_derive::{loss, loss_config};

/// Sampled softmax (Jean et al. 2015, [arXiv 1412.2007](https://arxiv.org/abs/1412.2007); Bengio and Senecal 2008).
///
/// # Formula
/// Cross-entropy over the label and the S sampled classes, of the logits
/// ```text
/// W_j x + b_j - ln(S q_j)
/// ```
/// where q_j is the probability with which class j is drawn. With the correction ln(S q_j), the gradient tends to that of the
/// full softmax for many samples. Without it (`log_q = false`), classes that are drawn often are pushed down, and the model is a
/// different one.
///
/// The classes are drawn anew at each step of training (a forward pass on a device with autodiff), from `seed`, on the host, so
/// they are the same on every device. On a device without autodiff they are always those of the first step.
/// [`logits`](HeadLoss::logits) gives the logits of the full softmax. The number of steps is not saved with the module: after a
/// restart, choose another seed.
///
/// # When to use
/// For training with a large vocabulary or catalog (10^5 classes and more), where the full softmax takes too long: language
/// models, recommendation, retrieval of candidates. [`SoftmaxLoss`](super::SoftmaxLoss) with `chunk_rows` is exact where memory
/// alone is the problem; where embeddings are wanted and no probabilities, take
/// [`NegativeSamplingLoss`](super::NegativeSamplingLoss).
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{heads::SampledSoftmaxLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let config = SampledSoftmaxLossConfig::new(10_000, 8).with_num_sampled(50);
/// let head = config.init(&device);
/// let embeddings = Tensor::<2>::ones([2, 8], &device);
/// let value = head.forward(embeddings.clone(), Tensor::<1, Int>::from_ints([3, 9_876], &device));
/// assert!(value.into_scalar::<f32>() > 0.0);
/// // For inference and accuracy: the logits of all classes.
/// assert_eq!(head.logits(embeddings).dims(), [2, 10_000]);
/// ```
///
/// # Elsewhere
/// - `tensorflow.nn.sampled_softmax_loss`: it draws without replacement.
///
/// PyTorch has no such loss.
#[loss(heads, "sampled_softmax", "Softmax over the label and sampled classes, for large vocabularies")]
pub struct SampledSoftmaxLoss {
    config: SampledSoftmaxLossConfig,
    #[module(flatten)]
    layer: HeadLayer,
    /// How often each class is expected in a sample.
    expected: Tensor<1>,
}

/// Config of [`SampledSoftmaxLoss`].
#[loss_config(check = |config| config.sampler.check_classes("sampled_softmax", config.num_classes))]
pub struct SampledSoftmaxLossConfig {
    /// The number of classes: the rows of the weight.
    #[field(example = 10, range = ">= 1")]
    pub num_classes: usize,
    /// The size of the embeddings: the columns of the weight.
    #[field(example = 16, range = ">= 1")]
    pub embedding_dim: usize,
    /// How many classes are drawn at each step, for all rows together.
    #[field(default = 100, range = ">= 1")]
    pub num_sampled: usize,
    /// The distribution that the classes are drawn from.
    #[field(default = Sampler::LogUniform {})]
    pub sampler: Sampler,
    /// Whether to subtract the logarithms of the expected counts from the logits (logQ correction).
    #[field(default = true)]
    pub log_q: bool,
    /// Whether a drawn class that is a row's label is left out for that row.
    #[field(default = true)]
    pub remove_accidental_hits: bool,
    /// Whether there is a bias.
    #[field(default = false)]
    pub bias: bool,
    /// The random seed.
    #[field(default = 0, range = ">= 0")]
    pub seed: usize,
    /// The initializer of the weight.
    #[field(default = WeightInitializer::XavierUniform)]
    pub initializer: WeightInitializer,
    /// The label to ignore.
    #[field(default = None)]
    pub ignore_index: Option<i64>,
}

impl SampledSoftmaxLossConfig {
    fn build(&self, device: &Device) -> SampledSoftmaxLoss {
        let weight = self.initializer.init(self.num_classes, self.embedding_dim, device);
        let draws = Draws::new(&self.sampler, self.num_classes, self.seed);
        let layer = HeadLayer::plain(weight, draws, self.ignore_index, device);
        SampledSoftmaxLoss {
            config: self.clone(),
            layer: layer.with_bias(self.bias, self.num_classes, device),
            expected: expected_counts(&self.sampler, self.num_classes, self.num_sampled, device),
        }
    }
}

impl HeadLoss for SampledSoftmaxLoss {
    layer_methods!();
    fn has_own_values(&self) -> bool {
        true
    }
    fn values(&self, parameters: Parameters, embeddings: Tensor<2>, labels: Labels<1>) -> Unreduced<1> {
        samples::values_of_draws(self, &self.layer.draws, parameters, embeddings, labels)
    }
    fn samples(&self) -> Vec<Argument> {
        samples::arguments(self)
    }
    fn call_samples(
        &self,
        embeddings: Tensor<2>,
        labels: Tensor<1, Int>,
        extras: Extras,
        arguments: (&mut Arguments<'_>, Wanted),
    ) -> Result<Called, EvalError> {
        samples::call(self, embeddings, labels, extras, arguments)
    }
}

impl Head for SampledSoftmaxLoss {
    fn scaling(&self) -> Scaling {
        Scaling::NONE
    }
    fn has_margin(&self) -> bool {
        false
    }
}

impl SharedSamples for SampledSoftmaxLoss {
    fn sampling(&self) -> Sampling<'_> {
        let SampledSoftmaxLossConfig { num_sampled: count, log_q: subtract_log_q, remove_accidental_hits, .. } =
            self.config;
        Sampling { count, expected: &self.expected, subtract_log_q, remove_accidental_hits }
    }
    fn values_of_logits(&self, logits: Tensor<2>, labels: &Tensor<1, Int>, hits: Option<Tensor<2, Bool>>) -> Tensor<1> {
        let logits = hits.into_iter().fold(logits, |logits, hits| {
            // The label itself is not an accidental hit.
            let of_label = hits.clone().narrow(1, 0, 1).full_like(false);
            logits.mask_fill(Tensor::cat(vec![of_label, hits], 1), MINUS_INFINITY)
        });
        rows::valid_values(&self.layer.rows, logits, labels.zeros_like()).values
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heads::SoftmaxLossConfig;
    use burn::tensor::{Device, Distribution};

    #[test]
    fn every_class_once_is_the_full_softmax() {
        let device = Device::flex();
        let config = SampledSoftmaxLossConfig::new(6, 3).with_ignore_index(5);
        let head = config.init(&device);
        let full = SoftmaxLossConfig::new(6, 3).with_ignore_index(5).init(&device);
        let full = full.with_weight(head.weight());
        let embeddings = Tensor::<2>::random([4, 3], Distribution::Normal(0.0, 3.0), &device);
        let labels = Tensor::<1, Int>::from_ints([0, 5, 2, 4], &device);
        let sampled = Tensor::<1, Int>::arange(0..6, &device);
        let value = head.forward_with_samples(
            embeddings.clone(),
            labels.clone(),
            sampled,
            Tensor::ones([6], &device),
            Extras::new(),
        );
        let expected: f32 = full.forward(embeddings, labels).into_scalar();
        assert!((value.into_scalar::<f32>() - expected).abs() < 1e-5);
    }

    #[test]
    fn counts_are_one_per_class() {
        let sampler = Sampler::Unigram { counts: vec![1.0, 2.0], power: 1.0 };
        let error = SampledSoftmaxLossConfig::new(10, 16).with_sampler(sampler).try_init(&Device::flex()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "sampled_softmax: `sampler.counts` is 2 numbers, allowed: one number per class: `num_classes` is 10"
        );
    }
}
