//! The measured cases: every registered loss with its default config, at the size that its family has in practice.

use crate::backward;
use burn::tensor::{Device, Int, Tensor, TensorData};
use burn_losses::config::{Format, Value, from_str};
use burn_losses::prelude::*;
use burn_losses::{AnyLoss, BoxTargets, Boxes, LossInfo, registry};

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
    /// Targets, boxes or masks, in the shape `[rows, width]` or that of the first input.
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
    Volumes(Tensor<5>),
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
        let has_class_vectors = matches!(&default, AnyLoss::Metric(loss) if loss.class_vectors().is_some());
        let mut table = info.example();
        let mut set = |key: &str, value: Value| table.insert(key, value);
        let shape = match family {
            "regression" | "binary" => vec![131_072, 80],
            "classification" | "distribution" => vec![2048, 32_000],
            "segmentation" => vec![4, 1, 128, 128, 128],
            "boxes" if takes_bins => vec![250_000, 64],
            "boxes" => vec![1_000_000, 4],
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
            "regression" => {
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
                let targets: Vec<f32> = (0..rows)
                    .flat_map(|_| {
                        let [x, y, w, h] = [(); 4].map(|()| numbers.next());
                        [x, y, x + 0.05 + w * 0.5, y + 0.05 + h * 0.5]
                    })
                    .collect();
                let first = targets.iter().map(|corner| corner + (numbers.next() - 0.5) * 0.05).collect();
                (first, Second::Floats(shape.clone(), targets))
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
                2 => TensorOf::Rows(Tensor::from_data(data, device)),
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
            (TensorOf::Rows(first), TensorOf::Rows(targets)) => {
                let (first, targets) = (on_autodiff(first.clone()), targets.clone());
                match loss {
                    AnyLoss::Regression(loss) => loss.forward(first, targets),
                    AnyLoss::Binary(loss) => loss.forward(first, targets),
                    AnyLoss::Distribution(loss) => loss.forward(first, targets),
                    AnyLoss::Boxes(loss) => loss.forward(first, targets),
                    _ => unreachable!("a loss of targets"),
                }
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

/// The logarithm of each row's softmax.
fn log_probabilities(mut logits: Vec<f32>, classes: usize) -> Vec<f32> {
    for row in logits.chunks_mut(classes) {
        let log_total = row.iter().map(|logit| logit.exp()).sum::<f32>().ln();
        row.iter_mut().for_each(|logit| *logit -= log_total);
    }
    logits
}
