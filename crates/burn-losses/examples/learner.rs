//! Burn's learner with a loss from a file: `cargo run -p burn-losses --example learner --features train`.

use burn::data::{dataloader::DataLoaderBuilder, dataloader::batcher::Batcher, dataset::InMemDataset};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor};
use burn::train::{ClassificationOutput, InferenceStep, Learner, SupervisedTraining, TrainOutput, TrainStep};
use burn::{module::Module, optim::AdamConfig, train::metric::AccuracyMetric, train::metric::LossMetric};
use burn_losses::{classification::AnyClassificationLoss, prelude::*};

/// A line in this file chooses the loss. The program is the same for every loss of the family.
const LOSS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/learner.toml");

#[derive(Module, Debug)]
struct Classifier {
    network: Linear,
    loss: AnyClassificationLoss,
}

impl InferenceStep for Classifier {
    type Input = (Tensor<2>, Tensor<1, Int>);
    type Output = ClassificationOutput;
    fn step(&self, (inputs, labels): Self::Input) -> ClassificationOutput {
        let logits = self.network.forward(inputs);
        ClassificationOutput::new(self.loss.forward(logits.clone(), labels.clone()), logits, labels)
    }
}

impl TrainStep for Classifier {
    type Input = (Tensor<2>, Tensor<1, Int>);
    type Output = ClassificationOutput;
    fn step(&self, batch: Self::Input) -> TrainOutput<ClassificationOutput> {
        let output = InferenceStep::step(self, batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

/// The index of a point determines its class and its position: on the circle around the center of its class.
struct Points;

impl Batcher<i32, (Tensor<2>, Tensor<1, Int>)> for Points {
    fn batch(&self, numbers: Vec<i32>, device: &Device) -> (Tensor<2>, Tensor<1, Int>) {
        let numbers = Tensor::<1, Int>::from_ints(numbers.as_slice(), device);
        let labels = numbers.clone().remainder_scalar(3);
        let (center, angle) = (labels.clone().float() * 2.1, numbers.float());
        let [x, y] = [center.clone().cos() + angle.clone().cos() * 0.7, center.sin() + angle.sin() * 0.7];
        (Tensor::stack(vec![x, y], 1), labels)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = Device::flex().autodiff();
    device.seed(1);
    let loss = ClassificationLossConfig::load(LOSS)?.try_init(&device)?;
    let learner = Classifier { network: LinearConfig::new(2, 3).init(&device), loss };
    let learner = Learner::new(learner, AdamConfig::new().init(), 0.05);
    let load = |points| DataLoaderBuilder::new(Points).batch_size(50).shuffle(2).build(InMemDataset::new(points));
    let (train, held_out) = (load((0..300).collect()), load((300..400).collect()));

    let result = SupervisedTraining::new(std::env::temp_dir().join("burn-losses-learner"), train, held_out)
        .metrics((AccuracyMetric::new(), LossMetric::new()))
        .num_epochs(4)
        .launch(learner);

    let (inputs, labels) = Points.batch((300..400).collect(), &Device::flex());
    let output = InferenceStep::step(&result.model, (inputs, labels.clone()));
    let accuracy = output.output.argmax(1).reshape([-1]).equal(labels).float().mean().into_scalar::<f32>();
    println!("held-out points: loss {:.3}, accuracy {accuracy:.2}", output.loss.into_scalar::<f32>());
    assert!(accuracy > 0.9);
    Ok(())
}
