//! The networks, and how each takes a training step: forward, the loss from the config file, backward.
//!
//! The loss is a field of the model. It therefore moves to the device with the model, and its state between steps
//! (GHM's histogram) is saved with the weights.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::activation::{sigmoid, tanh};
use burn::tensor::{Device, Tensor, TensorData};
use burn::train::{ClassificationOutput, InferenceStep, MultiLabelClassificationOutput, TrainOutput, TrainStep};
use burn_losses::binary::AnyBinaryLoss;
use burn_losses::classification::AnyClassificationLoss;
use burn_losses::prelude::*;
use burn_losses::regression::AnyRegressionLoss;
use burn_losses::train::{MetricLearningOutput, QuantileRegressionOutput, SegmentationOutput, WithTerms};

use crate::data::{ClassBatch, MaskBatch, ValueBatch};
use crate::embedding::EmbeddingNetwork;
use crate::rng::Rng;
use crate::terms::WeightedSum;
use crate::unet::UNet;

/// Linear layers with tanh between them; with no hidden layer, a linear model.
#[derive(Module, Debug)]
pub struct Mlp {
    layers: Vec<Linear>,
}

impl Mlp {
    /// A network of layers with these widths, from its input to its output.
    ///
    /// The weights are drawn on the host, so the same seed gives the same network on every device.
    pub fn new(widths: &[usize], seed: u64, device: &Device) -> Self {
        let mut rng = Rng::new(seed);
        let layers = widths
            .windows(2)
            .map(|pair| {
                let weight = rng.weights(pair[0] * pair[1], pair[0]);
                linear(weight, rng.weights(pair[1], pair[0]), device)
            })
            .collect();
        Self { layers }
    }

    /// The model `y = bias + weight x` of one feature.
    pub fn line(bias: f64, weight: f64, device: &Device) -> Self {
        Self { layers: vec![linear(vec![weight as f32], vec![bias as f32], device)] }
    }

    /// Maps `[rows, first width]` to `[rows, last width]`.
    pub fn forward(&self, inputs: Tensor<2>) -> Tensor<2> {
        let (last, hidden) = self.layers.split_last().expect("at least one layer");
        let features = hidden.iter().fold(inputs, |x, layer| tanh(layer.forward(x)));
        last.forward(features)
    }
}

/// A layer with these weights, `[input, output]` row by row.
pub(crate) fn linear(weight: Vec<f32>, bias: Vec<f32>, device: &Device) -> Linear {
    let (output, input) = (bias.len(), weight.len() / bias.len());
    let weight = Tensor::from_data(TensorData::new(weight, [input, output]), device);
    let bias = Tensor::from_data(TensorData::new(bias, [output]), device);
    Linear { weight: Param::from_tensor(weight), bias: Some(Param::from_tensor(bias)) }
}

/// A model that predicts one of several classes; the loss is any of the classification family.
#[derive(Module, Debug)]
pub struct Classifier {
    /// The network: one output per class.
    pub network: Mlp,
    /// The loss of the config file.
    pub loss: AnyClassificationLoss,
}

impl Classifier {
    fn run(&self, batch: ClassBatch) -> ClassificationOutput {
        let logits = self.network.forward(batch.inputs);
        let loss = self.loss.forward(logits.clone(), batch.labels.clone());
        ClassificationOutput::new(loss, logits, batch.labels)
    }
}

/// A model that predicts positive or negative; the loss is any of the binary family.
#[derive(Module, Debug)]
pub struct Detector {
    /// The network: one output, the logit of "positive".
    pub network: Mlp,
    /// The loss of the config file.
    pub loss: AnyBinaryLoss,
}

impl Detector {
    fn run(&self, batch: ValueBatch) -> MultiLabelClassificationOutput {
        let logits = self.network.forward(batch.inputs);
        let loss = self.loss.forward(logits.clone(), batch.targets.clone());
        MultiLabelClassificationOutput::new(loss, sigmoid(logits), batch.targets.int())
    }
}

/// A model that predicts a value; the loss is any of the regression family.
#[derive(Module, Debug)]
pub struct Regressor {
    /// The network: one output, the prediction.
    pub network: Mlp,
    /// The loss of the config file.
    pub loss: AnyRegressionLoss,
}

impl Regressor {
    fn run(&self, batch: ValueBatch) -> QuantileRegressionOutput {
        let predictions = self.network.forward(batch.inputs);
        let loss = self.loss.forward(predictions.clone(), batch.targets.clone());
        QuantileRegressionOutput::new(loss, predictions, batch.targets)
    }
}

/// A model that predicts a mask; the loss is a sum of losses of the segmentation and the binary family.
#[derive(Module, Debug)]
pub struct Segmenter {
    /// The network: for every pixel, the logit of belonging to the mask.
    pub network: UNet,
    /// The losses of the config file.
    pub loss: WeightedSum,
}

impl Segmenter {
    fn run(&self, batch: MaskBatch) -> WithTerms<SegmentationOutput> {
        let logits = self.network.forward(batch.images);
        let [tiles, ..] = logits.dims();
        let (loss, terms) = self.loss.forward(logits.clone(), batch.masks.clone());
        WithTerms::new(SegmentationOutput::of_masks(loss, logits, batch.masks), terms, tiles)
    }
}

/// A model that predicts an embedding; the loss is a sum of heads and of losses of metric learning.
#[derive(Module, Debug)]
pub struct Embedder {
    /// The network.
    pub network: EmbeddingNetwork,
    /// The losses of the config file.
    pub loss: WeightedSum,
}

impl Embedder {
    fn run(&self, batch: ClassBatch) -> WithTerms<MetricLearningOutput> {
        let embeddings = self.network.forward(batch.inputs);
        let [rows, _] = embeddings.dims();
        let (loss, terms) = self.loss.forward_embeddings(embeddings.clone(), batch.labels.clone());
        let output = MetricLearningOutput::new(loss, embeddings.clone(), batch.labels);
        let output = match self.loss.head() {
            Some(head) => output.with_logits(head.logits(embeddings)),
            None => output,
        };
        WithTerms::new(output, terms, rows)
    }
}

macro_rules! learner_steps {
    ($($model:ident: $batch:ty => $output:ty),* $(,)?) => {$(
        impl TrainStep for $model {
            type Input = $batch;
            type Output = $output;

            fn step(&self, batch: $batch) -> TrainOutput<$output> {
                let output = self.run(batch);
                let gradients = output.loss.backward();
                TrainOutput::new(self, gradients, output)
            }
        }

        impl InferenceStep for $model {
            type Input = $batch;
            type Output = $output;

            fn step(&self, batch: $batch) -> $output {
                self.run(batch)
            }
        }
    )*};
}

learner_steps! {
    Classifier: ClassBatch => ClassificationOutput,
    Detector: ValueBatch => MultiLabelClassificationOutput,
    Regressor: ValueBatch => QuantileRegressionOutput,
    Embedder: ClassBatch => WithTerms<MetricLearningOutput>,
    Segmenter: MaskBatch => WithTerms<SegmentationOutput>,
}
