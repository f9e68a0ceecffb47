//! A network and its loss, which is chosen by a config.

use burn::module::{Module, ModuleVisitor, Param};
use burn::nn::{Linear, LinearConfig};
use burn::optim::GradientsParams;
use burn::tensor::activation::tanh;
use burn::tensor::{Device, Tensor};
use burn::train::{ClassificationOutput, InferenceStep, TrainOutput, TrainStep};
use burn_losses::classification::AnyClassificationLoss;
use burn_losses::config::{Format, from_str};
use burn_losses::prelude::*;

use crate::data::{Batch, CLASSES, IGNORED, WIDTH};

/// The size of the embeddings.
const HIDDEN: usize = 8;

/// A classifier with one hidden layer.
#[derive(Module, Debug)]
pub(crate) struct Classifier {
    hidden: Linear,
    last: Linear,
    /// The loss, which moves with the model.
    pub(crate) loss: AnyClassificationLoss,
}

impl Classifier {
    /// A classifier with random weights.
    pub(crate) fn new(device: &Device) -> Self {
        let config = format!("kind = 'cross_entropy'\nignore_index = {IGNORED}\n[label_smoothing]\nepsilon = 0.1");
        let config: ClassificationLossConfig =
            from_str(&config, Format::Toml).unwrap_or_else(|error| panic!("{error}"));
        Self {
            hidden: LinearConfig::new(WIDTH, HIDDEN).init(device),
            last: LinearConfig::new(HIDDEN, CLASSES).init(device),
            loss: config.init(device),
        }
    }

    /// Maps `[rows, WIDTH]` to `[rows, HIDDEN]`.
    pub(crate) fn embed(&self, inputs: Tensor<2>) -> Tensor<2> {
        tanh(self.hidden.forward(inputs))
    }

    /// Maps `[rows, WIDTH]` to `[rows, CLASSES]`.
    pub(crate) fn logits(&self, inputs: Tensor<2>) -> Tensor<2> {
        self.last.forward(self.embed(inputs))
    }

    /// The output for a batch, with a loss that is divided by the count of the whole step: the learner adds up the gradients of
    /// the workers, and the sum is the gradient of the mean over all rows that count.
    fn run(&self, batch: Batch) -> ClassificationOutput {
        let logits = self.logits(batch.inputs);
        let divisor = Extras::new().with_divisor(batch.step_count);
        let loss = self.loss.forward_with(logits.clone(), batch.labels.clone(), divisor);
        ClassificationOutput::new(loss, logits, batch.labels)
    }

    /// All parameters in one row.
    pub(crate) fn numbers(&self) -> Vec<f32> {
        let mut numbers = Numbers { of: None, all: Vec::new() };
        self.visit(&mut numbers);
        numbers.all
    }

    /// The gradients of all parameters in one row; 0 for a parameter without a gradient.
    pub(crate) fn gradient(&self, gradients: &GradientsParams) -> Vec<f32> {
        let mut numbers = Numbers { of: Some(gradients), all: Vec::new() };
        self.visit(&mut numbers);
        numbers.all
    }
}

/// Collects parameters, or their gradients.
struct Numbers<'a> {
    of: Option<&'a GradientsParams>,
    all: Vec<f32>,
}

impl ModuleVisitor for Numbers<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = param.val();
        let numbers = match self.of {
            None => value,
            Some(gradients) => gradients.get(param.id).unwrap_or_else(|| value.zeros_like()),
        };
        self.all.extend(numbers.into_data().iter::<f32>());
    }
}

impl TrainStep for Classifier {
    type Input = Batch;
    type Output = ClassificationOutput;

    fn step(&self, batch: Batch) -> TrainOutput<ClassificationOutput> {
        let output = self.run(batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Classifier {
    type Input = Batch;
    type Output = ClassificationOutput;

    fn step(&self, batch: Batch) -> ClassificationOutput {
        self.run(batch)
    }
}
