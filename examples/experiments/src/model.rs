//! The networks, and how each takes a training step: forward, the loss from the config file, backward.
//!
//! The loss is a field of the model. It therefore moves to the device with the model, and its state between steps
//! (GHM's histogram) is saved with the weights.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::activation::{sigmoid, tanh};
use burn::tensor::{Device, Tensor, TensorData};
use burn::train::{ClassificationOutput, InferenceStep, MultiLabelClassificationOutput, TrainOutput, TrainStep};
use burn_losses::AnyLoss;
use burn_losses::binary::AnyBinaryLoss;
use burn_losses::classification::AnyClassificationLoss;
use burn_losses::likelihood::AnyLikelihoodLoss;
use burn_losses::prelude::*;
use burn_losses::regression::AnyRegressionLoss;
use burn_losses::train::{
    MetricLearningOutput, QuantileRegressionOutput, RankingOutput, SegmentationOutput, WithTerms,
};

use crate::data::rotated::ANCHOR;
use crate::data::strips::{LABELS, MOST, SIDE, STEPS, STRIDE};
use crate::data::{ClassBatch, MaskBatch, ValueBatch, search};
use crate::embedding::EmbeddingNetwork;
use crate::epoch_figures::StepOutput;
use crate::intervals::Bounds;
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

/// A model that predicts the parameters of a distribution; the loss is any of the likelihood family with known [`Bounds`].
#[derive(Module, Debug)]
pub struct Forecaster {
    /// One network with all outputs, or one for each output.
    pub networks: Vec<Mlp>,
    /// The loss of the config file.
    pub loss: AnyLikelihoodLoss,
    /// How the outputs give the bounds of an interval.
    #[module(skip)]
    pub bounds: Bounds,
}

impl Forecaster {
    /// The parameters of the distribution, `[rows, parameters]`.
    pub fn parameters(&self, inputs: Tensor<2>) -> Tensor<2> {
        Tensor::cat(self.networks.iter().map(|network| network.forward(inputs.clone())).collect(), 1)
    }

    fn run(&self, batch: ValueBatch) -> QuantileRegressionOutput {
        let parameters = self.parameters(batch.inputs);
        let loss = self.loss.forward(parameters.clone(), batch.targets.clone().squeeze_dim::<1>(1));
        QuantileRegressionOutput::new(loss, self.bounds.select(parameters), batch.targets)
    }
}

/// A model that predicts a rotated box; the loss is of the boxes family, or of the regression family.
#[derive(Module, Debug)]
pub struct Locator {
    /// The network: the offset of the center, the logarithms of the sides over those of an anchor, and the cosine and sine of twice
    /// the angle, up to a factor. They are the same for an angle and half a turn more.
    pub network: Mlp,
    /// The loss of the config file.
    pub loss: AnyLoss,
}

impl Locator {
    /// The outputs of the network.
    pub const OUTPUTS: usize = 6;

    /// The boxes, `[rows, 5]`.
    pub fn boxes(&self, images: Tensor<2>) -> Tensor<2> {
        let outputs = self.network.forward(images);
        let column = |at: usize| outputs.clone().narrow(1, at, 1);
        let [width, height] = [(2, ANCHOR[0]), (3, ANCHOR[1])].map(|(at, side)| column(at).exp() * side);
        let angle = column(5).atan2(column(4)) * 0.5;
        Tensor::cat(vec![column(0), column(1), width, height, angle], 1)
    }

    fn run(&self, batch: ValueBatch) -> StepOutput<2> {
        let boxes = self.boxes(batch.inputs);
        let loss = match &self.loss {
            AnyLoss::Boxes(loss) => loss.forward(boxes.clone(), batch.targets.clone()),
            AnyLoss::Regression(loss) => loss.forward(boxes.clone(), batch.targets.clone()),
            _ => unreachable!("checked when the file was read"),
        };
        StepOutput { loss, predictions: boxes, targets: batch.targets }
    }
}

/// A model that reads a strip of garments; the loss is of the sequence family, or of the classification family, which takes a label
/// for each step.
#[derive(Module, Debug)]
pub struct Reader {
    /// The network: from the pixels of a window to a logit for the blank and for each label.
    pub network: Mlp,
    /// The loss of the config file.
    pub loss: AnyLoss,
}

impl Reader {
    /// The logits of all windows, `[rows, STEPS, LABELS + 1]`.
    pub fn logits(&self, strips: Tensor<2>) -> Tensor<3> {
        let [rows, _] = strips.dims();
        let window = |step: usize| strips.clone().narrow(1, step * STRIDE * SIDE, SIDE * SIDE);
        let windows = Tensor::stack::<3>((0..STEPS).map(window).collect(), 1);
        self.network.forward(windows.reshape([rows * STEPS, SIDE * SIDE])).reshape([rows, STEPS, LABELS + 1])
    }

    fn run(&self, batch: ValueBatch) -> StepOutput<3> {
        let logits = self.logits(batch.inputs);
        let part = |from: usize, count: usize| batch.targets.clone().narrow(1, from, count).int();
        let loss = match &self.loss {
            AnyLoss::Sequence(loss) => {
                let [steps, count] = [0, 1].map(|at| part(at, 1).squeeze_dim::<1>(1));
                loss.forward(logits.clone(), part(2, MOST), steps, count)
            }
            AnyLoss::Classification(loss) => loss.forward(logits.clone().swap_dims(1, 2), part(2 + MOST, STEPS)),
            _ => unreachable!("checked when the file was read"),
        };
        StepOutput { loss, predictions: logits, targets: batch.targets }
    }
}

/// A model that scores the candidates of a list; the loss is of the ranking family, or of the regression family.
#[derive(Module, Debug)]
pub struct Ranker {
    /// The network: from the features of a candidate to its score.
    pub network: Mlp,
    /// The loss of the config file.
    pub loss: AnyLoss,
}

impl Ranker {
    /// The scores, `[rows, LENGTH]`, of lists with the features of all their candidates.
    pub fn scores(&self, lists: Tensor<2>) -> Tensor<2> {
        let [rows, _] = lists.dims();
        self.network.forward(lists.reshape([rows * search::LENGTH, search::WIDTH])).reshape([rows, search::LENGTH])
    }

    fn run(&self, batch: ValueBatch) -> RankingOutput {
        let scores = self.scores(batch.inputs);
        let loss = match &self.loss {
            AnyLoss::Ranking(loss) => loss.forward(scores.clone(), batch.targets.clone()),
            AnyLoss::Regression(loss) => loss.forward(scores.clone(), batch.targets.clone()),
            _ => unreachable!("checked when the file was read"),
        };
        RankingOutput::new(loss, scores, batch.targets)
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
    Forecaster: ValueBatch => QuantileRegressionOutput,
    Locator: ValueBatch => StepOutput<2>,
    Reader: ValueBatch => StepOutput<3>,
    Ranker: ValueBatch => RankingOutput,
}
