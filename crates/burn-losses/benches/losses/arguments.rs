//! The arguments of a case, as numbers and on a device, and the call of a loss with them.

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use burn_losses::AnyLoss;
use burn_losses::preference::{Compared, Preferences};
use burn_losses::prelude::*;
use burn_losses::signature::{Argument, Classes, Kind, Role, Shape};

/// One argument of a loss.
pub(crate) struct Input {
    /// Whether training differentiates the loss with respect to it.
    pub(crate) is_leaf: bool,
    data: Data,
}

/// The shape and the entries of an argument.
pub(crate) enum Data {
    Floats(Vec<usize>, Vec<f32>),
    Labels(Vec<usize>, Vec<i32>),
    Mask(Vec<usize>, Vec<bool>),
}

/// An argument on a device.
pub(crate) enum TensorOf {
    Numbers(Tensor<1>),
    Rows(Tensor<2>),
    Steps(Tensor<3>),
    Images(Tensor<4>),
    Volumes(Tensor<5>),
    Labels(Tensor<1, Int>),
    Lists(Tensor<2, Int>),
    Mask(Tensor<1, Bool>),
}

/// Numbers in [0, 1) that look random and are the same everywhere.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1 << 24) as f32
    }

    pub(crate) fn some(&mut self, count: usize, of: impl Fn(f32) -> f32) -> Vec<f32> {
        (0..count).map(|_| of(self.next())).collect()
    }
}

/// How many labels the sequences of a batch have at most. A transducer has one state more than there are labels.
fn most_labels(prediction: &[usize]) -> usize {
    if prediction.len() == 4 { prediction[2] - 1 } else { 60 }
}

/// Lengths from three quarters of the largest one on.
fn lengths(count: usize, most: usize) -> Vec<i32> {
    (0..count).map(|row| (most - row * 7919 % (most / 4).max(1)) as i32).collect()
}

impl Input {
    /// An output of the model.
    pub(crate) fn leaf(shape: Vec<usize>, numbers: Vec<f32>) -> Self {
        Self { is_leaf: true, data: Data::Floats(shape, numbers) }
    }

    /// Targets, boxes or masks of regions.
    pub(crate) fn floats(shape: Vec<usize>, numbers: Vec<f32>) -> Self {
        Self::constant(Data::Floats(shape, numbers))
    }

    /// An argument without a gradient.
    pub(crate) fn constant(data: Data) -> Self {
        Self { is_leaf: false, data }
    }

    /// An argument as a signature describes it, beside a prediction of this shape; `number` says in which range its numbers are.
    pub(crate) fn of_argument(
        argument: &Argument,
        prediction: &[usize],
        numbers: &mut Numbers,
        number: fn(f32) -> f32,
    ) -> Self {
        let shape = argument.shape.resolve(prediction).unwrap_or_else(|| match argument.shape {
            Shape::Rows(axes) => {
                let mut shape = vec![most_labels(prediction); axes];
                shape[0] = prediction[0];
                shape
            }
            _ => prediction.to_vec(),
        });
        let count = shape.iter().product();
        let data = match argument.kind {
            Kind::Float if argument.role == Role::Target && argument.shape == Shape::First(1) => {
                Data::Floats(shape, numbers.some(count, |u| f32::from(u8::from(u < 0.5))))
            }
            Kind::Float => Data::Floats(shape, numbers.some(count, number)),
            Kind::Mask => Data::Mask(shape, (0..count).map(|_| numbers.next() < 0.5).collect()),
            Kind::Labels { classes: Classes::Length(axis), .. } => {
                Data::Labels(shape, lengths(count, prediction[axis]))
            }
            Kind::Labels { classes: Classes::LengthOfLabels, .. } => {
                Data::Labels(shape, lengths(count, most_labels(prediction)))
            }
            Kind::Labels { classes: Classes::NotBlank(blank), .. } => {
                let others = prediction[prediction.len() - 1] - 1;
                let label = |at: usize| {
                    let label = at * 7919 % others;
                    if label < blank { label } else { label + 1 }
                };
                Data::Labels(shape, (0..count).map(|at| label(at) as i32).collect())
            }
            Kind::Labels { classes, .. } => {
                let classes = classes.number(prediction).unwrap_or(64);
                Data::Labels(shape, (0..count).map(|at| (at * 7919 % classes) as i32).collect())
            }
        };
        Self { is_leaf: argument.role == Role::Prediction, data }
    }

    /// The numbers of the argument; `None` for labels and masks.
    pub(crate) fn numbers(&self) -> Option<&[f32]> {
        match &self.data {
            Data::Floats(_, numbers) => Some(numbers),
            _ => None,
        }
    }

    /// The argument as a tensor.
    pub(crate) fn on(&self, device: &Device) -> TensorOf {
        match &self.data {
            Data::Floats(shape, numbers) => {
                let data = TensorData::new(numbers.clone(), shape.clone());
                match shape.len() {
                    1 => TensorOf::Numbers(self.tensor(data, device)),
                    2 => TensorOf::Rows(self.tensor(data, device)),
                    3 => TensorOf::Steps(self.tensor(data, device)),
                    4 => TensorOf::Images(self.tensor(data, device)),
                    _ => TensorOf::Volumes(self.tensor(data, device)),
                }
            }
            Data::Labels(shape, labels) => {
                let data = TensorData::new(labels.clone(), shape.clone());
                match shape.len() {
                    1 => TensorOf::Labels(Tensor::from_data(data, device)),
                    _ => TensorOf::Lists(Tensor::from_data(data, device)),
                }
            }
            Data::Mask(shape, truths) => {
                TensorOf::Mask(Tensor::from_data(TensorData::new(truths.clone(), shape.clone()), device))
            }
        }
    }

    /// The numbers, with a gradient where the device has autodiff and training needs it.
    fn tensor<const D: usize>(&self, data: TensorData, device: &Device) -> Tensor<D> {
        let tensor = Tensor::<D>::from_data(data, device);
        if self.is_leaf && device.is_autodiff() { tensor.require_grad() } else { tensor }
    }
}

/// The value of the batch.
pub(crate) fn value(loss: &AnyLoss, inputs: &[TensorOf]) -> Tensor<1> {
    use TensorOf::{Images, Labels, Lists, Mask, Numbers, Rows, Steps, Volumes};
    match (loss, inputs) {
        (AnyLoss::Regression(loss), [Rows(first), Rows(targets)]) => loss.forward(first.clone(), targets.clone()),
        (AnyLoss::Binary(loss), [Rows(first), Rows(targets)]) => loss.forward(first.clone(), targets.clone()),
        (AnyLoss::Distribution(loss), [Rows(first), Rows(targets)]) => loss.forward(first.clone(), targets.clone()),
        (AnyLoss::Boxes(loss), [Rows(first), Rows(targets)]) => loss.forward(first.clone(), targets.clone()),
        (AnyLoss::Ranking(loss), [Rows(first), Rows(targets)]) => loss.forward(first.clone(), targets.clone()),
        (AnyLoss::Generative(loss), [Rows(first), Rows(second)]) => loss.forward(first.clone(), second.clone()),
        (AnyLoss::SelfSupervised(loss), [Rows(first), Rows(second)]) => loss.forward(first.clone(), second.clone()),
        (AnyLoss::Vectors(loss), [Rows(first), Rows(second)]) => loss.forward(first.clone(), second.clone()),
        (AnyLoss::Vectors(loss), [Rows(first), Rows(second), Numbers(dissimilar)]) => {
            loss.forward_pairs(first.clone(), second.clone(), dissimilar.clone())
        }
        (AnyLoss::Likelihood(loss), [Rows(first), Numbers(targets)]) => loss.forward(first.clone(), targets.clone()),
        (AnyLoss::Classification(loss), [Rows(first), Labels(labels)]) => loss.forward(first.clone(), labels.clone()),
        (AnyLoss::Heads(loss), [Rows(first), Labels(labels)]) => loss.forward(first.clone(), labels.clone()),
        (AnyLoss::Metric(loss), [Rows(first), Labels(labels)]) => loss.forward(first.clone(), labels.clone()),
        (AnyLoss::Segmentation(loss), [Volumes(first), Volumes(masks)]) => loss.forward(first.clone(), masks.clone()),
        (AnyLoss::Image(loss), [Images(first), Images(targets)]) => loss.forward(first.clone(), targets.clone()),
        (AnyLoss::Sequence(loss), [Steps(first), Lists(labels), Labels(steps), Labels(counts)]) => {
            loss.forward(first.clone(), labels.clone(), steps.clone(), counts.clone())
        }
        (AnyLoss::Sequence(loss), [Images(first), Lists(labels), Labels(steps), Labels(counts)]) => {
            loss.forward(first.clone(), labels.clone(), steps.clone(), counts.clone())
        }
        (AnyLoss::Preference(loss), [Numbers(first), Numbers(second)]) if loss.compared() != Compared::Single => {
            loss.forward(Preferences::pairs(first.clone(), second.clone()))
        }
        (AnyLoss::Preference(loss), [Numbers(first), Numbers(second), Numbers(of_first), Numbers(of_second)]) => {
            let pairs = Preferences::pairs(first.clone(), second.clone());
            loss.forward(pairs.with_reference(of_first.clone(), of_second.clone()))
        }
        (AnyLoss::Preference(loss), [Numbers(policy), Numbers(reference), Mask(desirable)]) => {
            loss.forward(Preferences::single(policy.clone(), reference.clone(), desirable.clone()))
        }
        _ => unreachable!("no loss takes these"),
    }
}
