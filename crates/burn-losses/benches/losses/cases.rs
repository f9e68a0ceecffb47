//! The measured cases: every registered loss with its default config, at the size that its family has in practice.

use crate::backward;
use burn::tensor::{Device, Int, Tensor, TensorData};
use burn_losses::config::{Format, Value, from_str};
use burn_losses::preference::{Compared, Preferences};
use burn_losses::prelude::*;
use burn_losses::{AnyLoss, BoxTargets, Boxes, Likelihood, LossInfo, registry};

/// A loss and its batch.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) config: LossConfig,
    /// How many classes the loss has parameters for.
    pub(crate) classes: Option<usize>,
    /// The shape of the predictions, logits or embeddings.
    shape: Vec<usize>,
    first: Vec<f32>,
    second: Second,
}

enum Second {
    /// Targets, boxes or masks, in the shape `[rows]`, `[rows, width]` or that of the first input.
    Floats(Vec<usize>, Vec<f32>),
    Labels(Vec<i32>),
}

/// A batch on a device.
pub(crate) struct Inputs {
    first: TensorOf,
    second: TensorOf,
}

enum TensorOf {
    Rows(Tensor<2>),
    Images(Tensor<4>),
    Volumes(Tensor<5>),
    Numbers(Tensor<1>),
    Labels(Tensor<1, Int>),
}

/// Numbers in [0, 1) that look random and are the same everywhere.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1 << 24) as f32
    }

    fn some(&mut self, count: usize, of: impl Fn(f32) -> f32) -> Vec<f32> {
        (0..count).map(|_| of(self.next())).collect()
    }
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
            // What is said about two answers.
            "preference" => vec![1_000_000, 2],
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
        let (first, second) = match family {
            "ranking" | "preference" => {
                let first = logits(&mut numbers);
                (first, Second::Floats(shape.clone(), numbers.some(count, |u| (u * 5.0).floor())))
            }
            "image" => {
                let first = numbers.some(count, |u| u);
                (first, Second::Floats(shape.clone(), numbers.some(count, |u| u)))
            }
            "regression" | "generative" => {
                let first = logits(&mut numbers);
                (first, Second::Floats(shape.clone(), numbers.some(count, |u| (u - 0.5) * 8.0)))
            }
            "binary" | "segmentation" => {
                let share = if family == "binary" { 0.02 } else { 0.1 };
                let first = logits(&mut numbers);
                (first, Second::Floats(shape.clone(), numbers.some(count, |u| f32::from(u8::from(u < share)))))
            }
            "distribution" => {
                let first = log_probabilities(logits(&mut numbers), shape[1]);
                let targets = log_probabilities(logits(&mut numbers), shape[1]).into_iter().map(f32::exp).collect();
                (first, Second::Floats(shape.clone(), targets))
            }
            "boxes" if takes_bins => {
                let targets = numbers.some(rows * 4, |u| u * 14.0);
                (logits(&mut numbers), Second::Floats(vec![rows, 4], targets))
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
                (first, Second::Floats(shape.clone(), targets))
            }
            "likelihood" => {
                (numbers.some(count, |u| u * 2.0), Second::Floats(vec![rows], numbers.some(rows, |u| u * 2.0)))
            }
            _ => {
                let classes = match family {
                    "classification" => shape[1],
                    "heads" => CLASSES,
                    _ => 64,
                };
                let mut first = logits(&mut numbers);
                if default.input() == "log_probabilities" {
                    first = log_probabilities(first, shape[1]);
                }
                (first, Second::Labels((0..rows).map(|row| (row * 7919 % classes) as i32).collect()))
            }
        };
        Self { name: format!("{family}/{kind}"), config, classes, shape, first, second }
    }

    pub(crate) fn size(&self) -> &[usize] {
        &self.shape
    }

    /// The rows and columns, as the PyTorch side of the benchmark counts them.
    pub(crate) fn rows_and_columns(&self) -> [usize; 2] {
        [self.shape[0], self.shape[1..].iter().product()]
    }

    /// The numbers of both inputs; labels are left out, since they are few.
    pub(crate) fn floats(&self) -> (&[f32], &[f32]) {
        match &self.second {
            Second::Floats(_, second) => (&self.first, second),
            Second::Labels(_) => (&self.first, &[]),
        }
    }

    pub(crate) fn inputs(&self, device: &Device) -> Inputs {
        let tensor = |shape: &[usize], numbers: &[f32]| {
            let data = TensorData::new(numbers.to_vec(), shape.to_vec());
            match shape.len() {
                1 => TensorOf::Numbers(Tensor::from_data(data, device)),
                2 => TensorOf::Rows(Tensor::from_data(data, device)),
                4 => TensorOf::Images(Tensor::from_data(data, device)),
                _ => TensorOf::Volumes(Tensor::from_data(data, device)),
            }
        };
        let second = match &self.second {
            Second::Floats(shape, numbers) => tensor(shape, numbers),
            Second::Labels(labels) => TensorOf::Labels(Tensor::from_data(&labels[..], device)),
        };
        Inputs { first: tensor(&self.shape, &self.first), second }
    }

    /// The value of the batch.
    pub(crate) fn value(&self, loss: &AnyLoss, inputs: &Inputs) -> Tensor<1> {
        let on_autodiff =
            |tensor: Tensor<2>| if tensor.device().is_autodiff() { tensor.require_grad() } else { tensor };
        match (&inputs.first, &inputs.second) {
            (TensorOf::Volumes(first), TensorOf::Volumes(masks)) => {
                let AnyLoss::Segmentation(loss) = loss else { unreachable!("volumes are for segmentation") };
                let first = first.clone();
                let first = if first.device().is_autodiff() { first.require_grad() } else { first };
                loss.forward(first, masks.clone())
            }
            (TensorOf::Images(first), TensorOf::Images(targets)) => {
                let AnyLoss::Image(loss) = loss else { unreachable!("images are for losses of images") };
                let first = first.clone();
                let first = if first.device().is_autodiff() { first.require_grad() } else { first };
                loss.forward(first, targets.clone())
            }
            (TensorOf::Rows(first), TensorOf::Rows(targets)) => {
                let (first, targets) = (on_autodiff(first.clone()), targets.clone());
                match loss {
                    AnyLoss::Regression(loss) => loss.forward(first, targets),
                    AnyLoss::Binary(loss) => loss.forward(first, targets),
                    AnyLoss::Distribution(loss) => loss.forward(first, targets),
                    AnyLoss::Boxes(loss) => loss.forward(first, targets),
                    AnyLoss::Ranking(loss) => loss.forward(first, targets),
                    AnyLoss::Preference(loss) => loss.forward(preferences(loss.compared(), first, targets)),
                    AnyLoss::Generative(loss) => loss.forward(first, targets),
                    _ => unreachable!("a loss of targets"),
                }
            }
            (TensorOf::Rows(first), TensorOf::Numbers(targets)) => {
                let AnyLoss::Likelihood(loss) = loss else { unreachable!("one number per row is for likelihood") };
                loss.forward(on_autodiff(first.clone()), targets.clone())
            }
            (TensorOf::Rows(first), TensorOf::Labels(labels)) => {
                let (first, labels) = (on_autodiff(first.clone()), labels.clone());
                match loss {
                    AnyLoss::Classification(loss) => loss.forward(first, labels),
                    AnyLoss::Heads(loss) => loss.forward(first, labels),
                    AnyLoss::Metric(loss) => loss.forward(first, labels),
                    _ => unreachable!("a loss of labels"),
                }
            }
            _ => unreachable!("no loss takes these"),
        }
    }

    /// Forward and backward.
    pub(crate) fn step(&self, loss: &AnyLoss, inputs: &Inputs) {
        backward(self.value(loss, inputs));
    }
}

/// What a loss of preferences compares: the two columns of both tensors.
fn preferences(compared: Compared, first: Tensor<2>, targets: Tensor<2>) -> Preferences {
    let columns = |rows: Tensor<2>| [0, 1].map(|column| rows.clone().narrow(1, column, 1).squeeze_dim::<1>(1));
    let ([chosen, rejected], [of_chosen, of_rejected]) = (columns(first), columns(targets));
    match compared {
        Compared::Single => Preferences::single(chosen, of_chosen, of_rejected.greater_scalar(2.0)),
        Compared::PairsWithReference => Preferences::pairs(chosen, rejected).with_reference(of_chosen, of_rejected),
        _ => Preferences::pairs(chosen, rejected),
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
