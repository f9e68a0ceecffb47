//! Negative sampling.

use super::layer::{HeadLayer, layer_methods};
use super::sampler::Draws;
use super::samples::logistic;
use super::{HeadLoss, Sampler, WeightInitializer, sampled, values_of};
use crate::check::Reference;
use crate::engine::heads::{self, Head, Labels, Parameters, Scaling, Targets, classes_or_none};
use crate::engine::primitives::gathered_matmul::gathered_matmul;
use crate::error::{InputError, expect};
use crate::reduction::{Extras, ShapedExtras, Unreduced};
use crate::signature::{Argument, Arguments, Called, EvalError, Wanted};
use burn::tensor::{Device, Int, IntDType, Tensor};
use burn_losses_derive::{loss, loss_config};

/// Negative sampling (Mikolov et al. 2013, word2vec, [arXiv 1310.4546](https://arxiv.org/abs/1310.4546)).
///
/// # Formula
/// `ln(1 + e^(-x_y)) + sum_k ln(1 + e^(x_k))` over k classes that are drawn for each row, with `x_j = W_j x + b_j`.
///
/// Word2vec draws from `{ kind = "unigram", counts = [..], power = 0.75 }`. [`SampledSoftmaxLoss`](super::SampledSoftmaxLoss)
/// says when classes are drawn.
///
/// # When to use
/// For embeddings of words, nodes of a graph or items of a catalog, with a large vocabulary (word2vec). It learns
/// representations, not probabilities: [`logits`](HeadLoss::logits) are not the logits of a softmax. For probabilities take
/// [`SampledSoftmaxLoss`](super::SampledSoftmaxLoss) or [`NceLoss`](super::NceLoss).
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{heads::NegativeSamplingLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let config = NegativeSamplingLossConfig::new(1000, 4).with_negatives(3);
/// // A product of 0 says nothing: ln 2 for the label and for each negative.
/// let value = config.init(&device).forward(Tensor::zeros([1, 4], &device), Tensor::<1, Int>::from_ints([7], &device));
/// assert!((value.into_scalar::<f32>() - 4.0 * 2f32.ln()).abs() < 1e-5);
/// ```
///
/// # Elsewhere
/// - `gensim.models.Word2Vec`: with `negative` = 5; it draws by the counts to the power 0.75, and is a whole model.
///
/// `tensorflow.nn.nce_loss` subtracts the logarithms of the expected counts from the logits, and all rows share their negatives: it is
/// [`NceLoss`](super::NceLoss). PyTorch has no such loss.
#[loss(heads, "negative_sampling", "Logistic loss of the label against a few sampled classes (word2vec)")]
pub struct NegativeSamplingLoss {
    config: NegativeSamplingLossConfig,
    #[module(flatten)]
    layer: HeadLayer,
}

/// Config of [`NegativeSamplingLoss`].
#[loss_config(check = |config| config.sampler.check_classes("negative_sampling", config.num_classes))]
pub struct NegativeSamplingLossConfig {
    /// The number of classes: the rows of the weight.
    #[field(example = 10, range = ">= 1")]
    pub num_classes: usize,
    /// The size of the embeddings: the columns of the weight.
    #[field(example = 16, range = ">= 1")]
    pub embedding_dim: usize,
    /// How many classes are drawn for each row.
    #[field(default = 5, range = ">= 1")]
    pub negatives: usize,
    /// The distribution that the classes are drawn from.
    #[field(default = Sampler::LogUniform {})]
    pub sampler: Sampler,
    /// Whether a drawn class that is the row's label is left out.
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

impl NegativeSamplingLossConfig {
    fn build(&self, device: &Device) -> NegativeSamplingLoss {
        let weight = self.initializer.init(self.num_classes, self.embedding_dim, device);
        let draws = Draws::new(&self.sampler, self.num_classes, self.seed);
        let layer = HeadLayer::plain(weight, draws, self.ignore_index, device);
        NegativeSamplingLoss { config: self.clone(), layer: layer.with_bias(self.bias, self.num_classes, device) }
    }
}

impl HeadLoss for NegativeSamplingLoss {
    layer_methods!();
    fn has_own_values(&self) -> bool {
        true
    }
    fn values(&self, parameters: Parameters, embeddings: Tensor<2>, labels: Labels<1>) -> Unreduced<1> {
        let (rows, negatives) = (embeddings.dims()[0], self.config.negatives);
        let sampled = self.layer.draws.next(rows * negatives, embeddings.device().is_autodiff(), &labels.of);
        self.values_with_samples(parameters, embeddings, labels, sampled.reshape([rows, negatives]))
    }
    fn samples(&self) -> Vec<Argument> {
        vec![sampled(self, 2)]
    }
    fn draws_per_row(&self) -> Option<usize> {
        Some(self.config.negatives)
    }
    fn call_samples(
        &self,
        embeddings: Tensor<2>,
        labels: Tensor<1, Int>,
        extras: Extras,
        (arguments, wanted): (&mut Arguments<'_>, Wanted),
    ) -> Result<Called, EvalError> {
        // If `sampled` has one axis, all rows share its classes.
        let sampled = match arguments.axes("sampled") {
            1 => {
                let shared = arguments.labels::<1>("sampled");
                let shape = [embeddings.dims()[0], shared.dims()[0]];
                shared.unsqueeze::<2>().expand(shape)
            }
            _ => arguments.labels("sampled"),
        };
        self.check_samples(&embeddings, &labels, &sampled, &extras)?;
        Ok(match wanted {
            Wanted::Values => {
                let extras = extras.mask_alone();
                self.forward_with_samples_unreduced(embeddings, labels, sampled, extras).values.into()
            }
            Wanted::Loss => self.forward_with_samples(embeddings, labels, sampled, extras).into(),
        })
    }
}

impl Head for NegativeSamplingLoss {
    fn scaling(&self) -> Scaling {
        Scaling::NONE
    }
    fn has_margin(&self) -> bool {
        false
    }
}

impl NegativeSamplingLoss {
    /// The value of the batch with classes that the caller has drawn, and with [`Extras`], reduced as the config says.
    ///
    /// # Shapes
    /// - sampled: `[N, K]`; a number that is out of range makes the row's value NaN
    ///
    /// # Panics
    /// With the message of [`check_samples`](Self::check_samples)'s error.
    #[track_caller]
    pub fn forward_with_samples(
        &self,
        embeddings: Tensor<2>,
        labels: Tensor<1, Int>,
        sampled: Tensor<2, Int>,
        extras: impl Into<Extras>,
    ) -> Tensor<1> {
        let (values, extras) = self.checked(embeddings, labels, sampled, extras.into());
        extras.reduce(self.config.reduction, values)
    }

    /// One value per row, with its normalizer: the number that it adds to the divisor of a mean. Each value is multiplied by its weight,
    /// and divided by the divisor of the extras.
    ///
    /// # Panics
    /// With the message of [`check_samples`](Self::check_samples)'s error.
    #[track_caller]
    pub fn forward_with_samples_unreduced(
        &self,
        embeddings: Tensor<2>,
        labels: Tensor<1, Int>,
        sampled: Tensor<2, Int>,
        extras: impl Into<Extras>,
    ) -> Unreduced<1> {
        let (values, extras) = self.checked(embeddings, labels, sampled, extras.into());
        extras.apply(values)
    }

    /// Checks the shapes, types and devices of the arguments.
    pub fn check_samples(
        &self,
        embeddings: &Tensor<2>,
        labels: &Tensor<1, Int>,
        sampled: &Tensor<2, Int>,
        extras: &Extras,
    ) -> Result<(), InputError> {
        self.check(embeddings, labels, extras)?;
        let reference = Reference { loss: self.kind(), name: "embeddings", tensor: embeddings };
        let [rows, _] = embeddings.dims();
        if sampled.dims()[0] != rows || sampled.dims()[1] == 0 {
            let expected = format!("[{rows}, K] (K classes per embedding, at least one)");
            return Err(reference.shape_error("sampled", &sampled.dims(), expected));
        }
        reference.same_device("sampled", sampled)
    }

    /// The values of arguments that are checked first, and the extras for their shape.
    #[track_caller]
    fn checked(
        &self,
        embeddings: Tensor<2>,
        labels: Tensor<1, Int>,
        sampled: Tensor<2, Int>,
        extras: Extras,
    ) -> (Unreduced<1>, ShapedExtras<1>) {
        expect(self.check_samples(&embeddings, &labels, &sampled, &extras));
        values_of(self, embeddings, labels, extras, |parameters, embeddings, labels| {
            self.values_with_samples(parameters, embeddings, labels, sampled)
        })
    }

    fn values_with_samples(
        &self,
        Parameters { weight, bias }: Parameters,
        embeddings: Tensor<2>,
        labels: Labels<1>,
        sampled: Tensor<2, Int>,
    ) -> Unreduced<1> {
        let [rows, _] = embeddings.dims();
        if rows == 0 {
            return heads::values(self, Parameters { weight, bias }, embeddings, labels);
        }
        let (embeddings, targets) = Targets::new(self, embeddings, labels);
        let sampled = sampled.cast(IntDType::from(targets.safe.dtype()));
        let (sampled, invalid) = classes_or_none(sampled, self.config.num_classes);
        let [_, negatives] = sampled.dims();
        let own = targets.safe.clone().unsqueeze_dim::<2>(1);
        // The label comes first: [N, 1 + K].
        let classes = Tensor::cat(vec![own.clone(), sampled.clone()], 1);
        let weight = weight.cast(embeddings.dtype());
        let mut products = gathered_matmul(embeddings, weight, classes.clone(), None);
        if let Some(bias) = bias {
            let columns = 1 + negatives;
            let bias = bias.cast(products.dtype()).select(0, classes.reshape([rows * columns]));
            products = products + bias.reshape([rows, columns]);
        }
        let hits = self.config.remove_accidental_hits.then(|| sampled.equal(own.expand([rows, negatives])));
        let (positive, negative) = logistic(products, hits);
        let negative = negative.mask_fill(invalid, f64::NAN);
        targets.finish(positive + negative.sum_dim(1).squeeze_dim::<1>(1))
    }
}
