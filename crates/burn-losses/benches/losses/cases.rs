//! The measured cases: every registered loss with its default config, at the size that its family has in practice.

use crate::arguments::{Data, Input, Numbers, TensorOf, value};
use crate::backward;
use burn::tensor::{Device, Tensor};
use burn_losses::config::{Format, Value, from_str};
use burn_losses::extend::{BoxTargets, Boxes, Likelihood};
use burn_losses::prelude::*;
use burn_losses::signature::Shape;
use burn_losses::{AnyLoss, LossInfo, registry};

/// A loss and its batch.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) config: LossConfig,
    /// How many classes the loss has parameters for.
    pub(crate) classes: Option<usize>,
    /// The shape of the predictions, logits or embeddings.
    shape: Vec<usize>,
    /// The arguments that the loss needs; the first is the prediction.
    arguments: Vec<Input>,
}

/// The losses whose names contain one of the filters; without filters, all losses.
pub(crate) fn all(filters: &[String]) -> impl Iterator<Item = Case> {
    let is_wanted = |name: String| filters.is_empty() || filters.iter().any(|filter| name.contains(filter));
    let wanted = move |info: &LossInfo| is_wanted(format!("{}/{}", info.family, info.kind));
    registry().into_iter().filter(wanted).map(|info| Case::new(&info))
}

const CLASSES: usize = 10_000;

impl Case {
    fn new(info: &LossInfo) -> Self {
        let (family, kind) = (info.family, info.kind);
        let default = LossConfig::example(family, kind).expect("a kind").init(&Device::flex());
        let has_field = |name: &str| info.fields.iter().any(|field| field.name == name);
        let takes_bins = matches!(&default, AnyLoss::Boxes(loss) if loss.targets() == BoxTargets::Bins);
        // How many numbers there are for each target.
        let width = match &default {
            AnyLoss::Boxes(loss) => loss.targets().width(),
            AnyLoss::Likelihood(loss) => loss.parameters(),
            _ => 1,
        };
        let has_class_vectors = matches!(&default, AnyLoss::Metric(loss) if loss.class_vectors().is_some());
        let signature = default.signatures().remove(0);
        let mut table = info.example();
        let mut set = |key: &str, value: Value| table.insert(key, value);
        let shape = match family {
            "regression" | "binary" | "generative" => vec![131_072, 80],
            "image" => vec![8, 3, 256, 256],
            "classification" | "distribution" => vec![2048, 32_000],
            "segmentation" => vec![4, 1, 128, 128, 128],
            "boxes" if takes_bins => vec![250_000, 64],
            "boxes" => vec![1_000_000, width],
            "likelihood" => vec![1_000_000, width],
            "ranking" => vec![4096, 64],
            // What a model says about an answer is one number.
            "preference" => vec![1_000_000],
            // Sentences, and two views of a batch behind the projector.
            "vectors" => vec![16_384, 768],
            "self_supervised" => vec![1024, 2048],
            // Speech in pieces of words: classes for each step, and for a transducer for each label so far too.
            "sequence" if signature[0].shape == Shape::Axes(4, 4) => vec![8, 150, 41, 500],
            "sequence" => vec![32, 400, 1000],
            _ => vec![1024, 512],
        };
        let classes = match family {
            "heads" => Some(CLASSES),
            "metric" if has_class_vectors => Some(64),
            _ => None,
        };
        if let Some(classes) = classes {
            set("num_classes", classes.into());
            set("embedding_dim", shape[1].into());
        }
        // A long tail of classes, and clusters of rare ones.
        if has_field("prior") && family == "classification" {
            set("prior", (0..shape[1]).map(|class| 1.0 / (1.0 + class as f64)).collect::<Vec<_>>().into());
        }
        if has_field("cutoffs") {
            set("cutoffs", vec![CLASSES / 10, CLASSES / 2].into());
        }
        if has_field("mining") {
            set("mining", "hard".into());
        }
        if family == "metric" && has_field("terms") {
            let terms = "{ nearest: { kind: triplet, mining: hard }, all: { kind: nt_xent } }";
            set("terms", from_str(terms, Format::Yaml).expect("two losses"));
        }
        // There is only one class.
        if has_field("activation") {
            set("activation", "sigmoid".into());
        }
        let config = LossConfig::from_value(table.into()).expect("a config");
        let (mut numbers, count, rows) = (Numbers(7), shape.iter().product(), shape[0]);
        let logits = |numbers: &mut Numbers| numbers.some(count, |u| (u - 0.5) * 8.0);
        let with_floats = |first: Vec<f32>, of_second: &[usize], second: Vec<f32>| {
            vec![Input::leaf(shape.clone(), first), Input::floats(of_second.to_vec(), second)]
        };
        let arguments = match family {
            "ranking" => {
                let first = logits(&mut numbers);
                with_floats(first, &shape, numbers.some(count, |u| (u * 5.0).floor()))
            }
            "image" => {
                let first = numbers.some(count, |u| u);
                with_floats(first, &shape, numbers.some(count, |u| u))
            }
            "regression" => {
                let first = logits(&mut numbers);
                with_floats(first, &shape, numbers.some(count, |u| (u - 0.5) * 8.0))
            }
            "binary" | "segmentation" => {
                let share = if family == "binary" { 0.02 } else { 0.1 };
                let first = logits(&mut numbers);
                with_floats(first, &shape, numbers.some(count, |u| f32::from(u8::from(u < share))))
            }
            "distribution" => {
                let first = log_probabilities(logits(&mut numbers), shape[1]);
                let targets = log_probabilities(logits(&mut numbers), shape[1]).into_iter().map(f32::exp).collect();
                with_floats(first, &shape, targets)
            }
            "boxes" if takes_bins => {
                let targets = numbers.some(rows * 4, |u| u * 14.0);
                with_floats(logits(&mut numbers), &[rows, 4], targets)
            }
            "boxes" => {
                // Of rotated boxes the last two are the height and the angle.
                let targets: Vec<f32> = (0..rows)
                    .flat_map(|_| {
                        let low: Vec<f32> = numbers.some(width / 2, |u| u);
                        let mut high: Vec<f32> = low.iter().map(|low| low + 0.05 + numbers.next() * 0.5).collect();
                        high.resize(width - low.len(), 0.5);
                        [low, high].concat()
                    })
                    .collect();
                let first = targets.iter().map(|corner| corner + (numbers.next() - 0.5) * 0.05).collect();
                with_floats(first, &shape, targets)
            }
            "likelihood" => {
                let first = numbers.some(count, |u| u * 2.0);
                with_floats(first, &[rows], numbers.some(rows, |u| u * 2.0))
            }
            "classification" | "heads" | "metric" => {
                let classes = match family {
                    "classification" => shape[1],
                    "heads" => CLASSES,
                    _ => 64,
                };
                let mut first = logits(&mut numbers);
                if default.input() == "log_probabilities" {
                    first = log_probabilities(first, shape[1]);
                }
                let labels = (0..rows).map(|row| (row * 7919 % classes) as i32).collect();
                vec![Input::leaf(shape.clone(), first), Input::constant(Data::Labels(vec![rows], labels))]
            }
            // What an argument is, the signature says.
            _ => {
                let number: fn(f32) -> f32 = match family {
                    // The logarithms of probabilities.
                    "preference" => |u| -0.05 - 8.0 * u,
                    _ => |u| (u - 0.5) * 8.0,
                };
                let needed = signature.iter().filter(|argument| !argument.optional);
                needed.map(|argument| Input::of_argument(argument, &shape, &mut numbers, number)).collect()
            }
        };
        Self { name: format!("{family}/{kind}"), config, classes, shape, arguments }
    }

    pub(crate) fn size(&self) -> &[usize] {
        &self.shape
    }

    /// The rows and columns, as the PyTorch side of the benchmark counts them.
    pub(crate) fn rows_and_columns(&self) -> [usize; 2] {
        [self.shape[0], self.shape[1..].iter().product()]
    }

    /// The numbers that get a gradient, and the other ones; labels are left out, since they are few.
    pub(crate) fn floats(&self) -> [Vec<f32>; 2] {
        [true, false].map(|is_leaf| {
            let floats = self.arguments.iter().filter(|given| given.is_leaf == is_leaf).filter_map(Input::numbers);
            floats.collect::<Vec<_>>().concat()
        })
    }

    pub(crate) fn inputs(&self, device: &Device) -> Vec<TensorOf> {
        self.arguments.iter().map(|given| given.on(device)).collect()
    }

    /// The value of the batch.
    pub(crate) fn value(&self, loss: &AnyLoss, inputs: &[TensorOf]) -> Tensor<1> {
        value(loss, inputs)
    }

    /// Forward and backward.
    pub(crate) fn step(&self, loss: &AnyLoss, inputs: &[TensorOf]) {
        backward(self.value(loss, inputs));
    }
}

/// The logarithm of each row's softmax.
fn log_probabilities(mut logits: Vec<f32>, classes: usize) -> Vec<f32> {
    for row in logits.chunks_mut(classes) {
        let log_total = row.iter().map(|logit| logit.exp()).sum::<f32>().ln();
        row.iter_mut().for_each(|logit| *logit -= log_total);
    }
    logits
}
