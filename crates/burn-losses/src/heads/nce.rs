//! Noise-contrastive estimation.

use super::layer::{HeadLayer, layer_methods};
use super::sampler::{Draws, expected_counts};
use super::samples::{self, Sampling, SharedSamples};
use super::{HeadLoss, Sampler, WeightInitializer};
use crate::engine::heads::{Head, Labels, Parameters, Scaling};
use crate::reduction::{Extras, Unreduced};
use crate::signature::{Argument, Arguments, Called, EvalError, Wanted};
use burn::tensor::{Bool, Device, Int, Tensor};
use burn_losses_derive::{loss, loss_config};

/// Noise-contrastive estimation (Gutmann and Hyvarinen 2010,
/// [paper](https://proceedings.mlr.press/v9/gutmann10a.html); Mnih and Teh 2012, [arXiv 1206.6426](https://arxiv.org/abs/1206.6426)).
///
/// # Formula
/// `ln(1 + e^-(x_y - ln k Q_y)) + sum_j ln(1 + e^(x_j - ln k Q_j))` over the k classes j that are drawn for all rows, with
/// `x_j = W_j x + b_j`, and k Q_j, how often class j is expected among the k.
///
/// Each term tells the label from noise, so that for many samples x_j is the logarithm of the probability itself, and the softmax needs
/// no normalizer. Without the correction (`subtract_log_q = false`) this is
/// [`NegativeSamplingLoss`](super::NegativeSamplingLoss) with negatives that all rows share.
/// [`SampledSoftmaxLoss`](super::SampledSoftmaxLoss) says when classes are drawn.
///
/// # When to use
/// For models with a large vocabulary whose probabilities are wanted one at a time, without a sum over all classes.
/// [`SampledSoftmaxLoss`](super::SampledSoftmaxLoss) mostly needs fewer samples for the same accuracy; where vectors are wanted and no
/// probabilities, take [`NegativeSamplingLoss`](super::NegativeSamplingLoss).
///
/// # Numerics
/// Value and gradient are finite for all finite logits. A drawn class that is a row's label stays in the sum, as in the paper, unless
/// `remove_accidental_hits` is set.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{heads::NceLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let head = NceLossConfig::new(10_000, 8).with_num_sampled(50).init(&device);
/// let embeddings = Tensor::<2>::ones([2, 8], &device);
/// let value = head.forward(embeddings.clone(), Tensor::<1, Int>::from_ints([3, 9_876], &device));
/// assert!(value.into_scalar::<f32>() > 0.0);
/// // For inference and accuracy: the logits of all classes.
/// assert_eq!(head.logits(embeddings).dims(), [2, 10_000]);
/// ```
///
/// # Elsewhere
/// - `tensorflow.nn.nce_loss`: the same formula with `subtract_log_q` and `remove_accidental_hits`; it draws without replacement, and
///   its values are one per row.
///
/// PyTorch has no such loss.
#[loss(heads, "nce", "Logistic loss of the label against sampled noise, corrected for its frequency (NCE)")]
pub struct NceLoss {
    config: NceLossConfig,
    #[module(flatten)]
    layer: HeadLayer,
    /// How often each class is expected in a sample.
    expected: Tensor<1>,
}

/// Config of [`NceLoss`].
#[loss_config(check = |config| config.sampler.check_classes("nce", config.num_classes))]
pub struct NceLossConfig {
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
    /// Whether to subtract the logarithms of the expected counts from the logits.
    #[field(default = true)]
    pub subtract_log_q: bool,
    /// Whether a drawn class that is a row's label is left out for that row.
    #[field(default = false)]
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

impl NceLossConfig {
    fn build(&self, device: &Device) -> NceLoss {
        let weight = self.initializer.init(self.num_classes, self.embedding_dim, device);
        let draws = Draws::new(&self.sampler, self.num_classes, self.seed);
        let layer = HeadLayer::plain(weight, draws, self.ignore_index, device);
        NceLoss {
            config: self.clone(),
            layer: layer.with_bias(self.bias, self.num_classes, device),
            expected: expected_counts(&self.sampler, self.num_classes, self.num_sampled, device),
        }
    }
}

impl HeadLoss for NceLoss {
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

impl Head for NceLoss {
    fn scaling(&self) -> Scaling {
        Scaling::NONE
    }
    fn has_margin(&self) -> bool {
        false
    }
}

impl SharedSamples for NceLoss {
    fn sampling(&self) -> Sampling<'_> {
        let NceLossConfig { num_sampled: count, subtract_log_q, remove_accidental_hits, .. } = self.config;
        Sampling { count, expected: &self.expected, subtract_log_q, remove_accidental_hits }
    }
    fn values_of_logits(&self, logits: Tensor<2>, _: &Tensor<1, Int>, hits: Option<Tensor<2, Bool>>) -> Tensor<1> {
        let (label, noise) = samples::logistic(logits, hits);
        label + noise.sum_dim(1).squeeze_dim::<1>(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heads::NegativeSamplingLossConfig;
    use burn::tensor::Distribution;

    /// Without the correction, and with the same negatives for all rows.
    #[test]
    fn without_the_correction_it_is_negative_sampling() {
        let device = Device::flex();
        let config = NceLossConfig::new(6, 3).with_subtract_log_q(false).with_remove_accidental_hits(true);
        let head = config
            .with_bias(true)
            .init(&device)
            .with_bias(Tensor::from_floats([0.5, 0.0, -1.0, 2.0, 0.0, 0.25], &device));
        let other = NegativeSamplingLossConfig::new(6, 3).with_negatives(3).with_bias(true).init(&device);
        let other = other.with_weight(HeadLoss::weight(&head)).with_bias(HeadLoss::bias(&head).unwrap());
        let embeddings = Tensor::<2>::random([4, 3], Distribution::Normal(0.0, 3.0), &device);
        let labels = Tensor::<1, Int>::from_ints([0, 5, 2, 4], &device);
        let sampled = Tensor::<1, Int>::from_ints([2, 2, 1], &device);
        let value = head.forward_with_samples(
            embeddings.clone(),
            labels.clone(),
            sampled.clone(),
            Tensor::ones([6], &device) * 0.25,
            Extras::new(),
        );
        let each = sampled.unsqueeze::<2>().expand([4, 3]);
        let expected: f32 = other.forward_with_samples(embeddings, labels, each, Extras::new()).into_scalar();
        assert!((value.into_scalar::<f32>() - expected).abs() < 1e-5);
    }

    /// The logit of a class whose noise is as likely as the data says nothing: ln 2.
    #[test]
    fn the_expected_counts_are_subtracted() {
        let device = Device::flex();
        let head = NceLossConfig::new(4, 2).init(&device);
        let weight = Tensor::from_floats([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]], &device);
        let head = head.with_weight(weight);
        let counts = Tensor::from_floats([7.389_056, 1.0, 1.0, 1.0], &device);
        let value = head.forward_with_samples(
            Tensor::from_floats([[2.0, 0.0]], &device),
            Tensor::<1, Int>::from_ints([0], &device),
            Tensor::<1, Int>::from_ints([1], &device),
            counts,
            Extras::new(),
        );
        assert!((value.into_scalar::<f32>() - 2.0 * 2f32.ln()).abs() < 1e-5);
    }
}
