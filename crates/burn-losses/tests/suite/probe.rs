//! Inputs for testing every loss.

use burn::tensor::{Int, Tensor, TensorData};
use burn_losses::config::{Table, Value};
use burn_losses::eval::Inputs;
use burn_losses::prelude::*;
use burn_losses::signature::{Argument, Kind, Role, Shape, Signature};
use burn_losses::{Anchors, AnyLoss, BoxTargets, Boxes, Distributions, LossInfo};

/// Numbers in [-1, 1] that look random and are the same everywhere.
pub(crate) fn numbers(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bf0_3635;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// A batch of `rows` samples for `loss`: its first argument in about [-scale, scale], three classes on axis 1, and `extra`
/// further axes.
pub(crate) fn batch(loss: &AnyLoss, rows: usize, scale: f64, extra: &[usize], seed: u64) -> Inputs {
    if let AnyLoss::Boxes(boxes) = loss {
        return box_batch(boxes.targets(), rows, scale, seed);
    }
    let shape = [&[rows, 3], extra].concat();
    let count: usize = shape.iter().product();
    let raw: Vec<f64> = numbers(count, seed).iter().map(|u| u * scale).collect();
    let tensor = |data: Vec<f64>| TensorData::new(data, shape.clone());

    let first = match loss.input() {
        "probabilities" => raw.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect(),
        "log_probabilities" => log_softmax(&raw, extra),
        _ => raw.clone(),
    };
    if let AnyLoss::Heads(_) | AnyLoss::Metric(_) = loss {
        return embedding_batch(loss, rows, scale, seed);
    }
    let mut inputs = Inputs::from([(loss.input().to_owned(), tensor(first))]);
    // There are three hard targets for each soft one, and positives are rarer than negatives.
    let mixed = || {
        numbers(count, seed + 2).into_iter().enumerate().map(|(i, u)| match i % 4 {
            0 => (u + 1.0) / 2.0,
            _ if u > 0.4 => 1.0,
            _ => 0.0,
        })
    };
    match loss {
        AnyLoss::Regression(_) => {
            // Every other prediction is nearly right.
            let near = numbers(count, seed + 1).into_iter().zip(&raw).enumerate();
            let targets = near.map(|(i, (u, x))| if i % 2 == 0 { u } else { x + 0.03 * u });
            inputs.insert("targets".into(), tensor(targets.collect()));
        }
        AnyLoss::Binary(_) => {
            inputs.insert("targets".into(), tensor(mixed().collect()));
        }
        // Seeds decide the targets: masks, or labels with an odd seed.
        AnyLoss::Segmentation(loss) if seed.is_multiple_of(2) && loss.regions().ignore_index.is_none() => {
            inputs.insert("masks".into(), tensor(mixed().collect()));
        }
        AnyLoss::Distribution(_) => {
            let log_q = log_softmax(&numbers(count, seed + 3).iter().map(|u| 3.0 * u).collect::<Vec<_>>(), extra);
            let targets = if field(loss, "target") == Some("log_probabilities".into()) {
                log_q
            } else {
                log_q.into_iter().map(f64::exp).collect()
            };
            inputs.insert("targets".into(), tensor(targets));
            if needs_labels(loss) {
                inputs.insert("labels".into(), labels(rows, extra));
            }
        }
        _ => {
            inputs.insert("labels".into(), labels(rows, extra));
        }
    }
    inputs
}

/// Boxes of positive numbers, so that they are valid in every format; every other prediction nearly fits its target.
fn box_batch(targets: BoxTargets, rows: usize, scale: f64, seed: u64) -> Inputs {
    let tensor = |data: Vec<f64>, width| TensorData::new(data, [rows, width]);
    let unit = |seed| numbers(4 * rows, seed).into_iter().map(|u| (u + 1.0) / 2.0);
    let (predictions, targets) = if targets == BoxTargets::Bins {
        let logits = numbers(16 * rows, seed).iter().map(|u| u * scale).collect();
        (tensor(logits, 16), unit(seed + 1).map(|u| 3.0 * u).collect())
    } else {
        let corners = |seed| -> Vec<f64> {
            let u: Vec<f64> = unit(seed).collect();
            let side = |at: usize| 0.05 + 1.3 * u[at];
            (0..4 * rows)
                .map(|i| if i % 4 < 2 { 0.05 + u[i] } else { 0.05 + u[i - 2] + side(i) })
                .map(|x| x * scale)
                .collect()
        };
        let (mut predictions, mut others, near) = (corners(seed), corners(seed + 1), numbers(4 * rows, seed + 2));
        // Every fifth pair is a cross: the union is a small part of the enclosing box.
        for row in (4..rows).step_by(5) {
            let cross = |numbers: &mut [f64], thin: [f64; 4]| (0..4).for_each(|i| numbers[i] = thin[i] * scale);
            cross(&mut predictions[4 * row..], [1.0, 0.2, 1.1, 1.4]);
            cross(&mut others[4 * row..], [0.2, 1.0, 1.4, 1.1]);
        }
        let target =
            |i: usize| if (i / 4).is_multiple_of(2) { others[i] } else { predictions[i] * (1.0 + 0.1 * near[i]) };
        let targets = (0..4 * rows).map(target).collect();
        (tensor(predictions, 4), targets)
    };
    Inputs::from([("predictions".into(), predictions), ("targets".into(), tensor(targets, 4))])
}

/// Embeddings of the size in the config, of three classes, with the parameters of the loss.
fn embedding_batch(loss: &AnyLoss, rows: usize, scale: f64, seed: u64) -> Inputs {
    let tensor = |shape: [usize; 2], seed, scale: f64| {
        TensorData::new(numbers(shape[0] * shape[1], seed).iter().map(|u| u * scale).collect::<Vec<_>>(), shape)
    };
    let signature = loss.signatures().remove(0);
    let size = signature.iter().find_map(|argument| match argument.shape {
        Shape::Exactly(ref shape) => shape.get(1),
        _ => None,
    });
    let size = size.copied().unwrap_or(4);
    // Both views have equally many rows.
    let rows = match loss {
        AnyLoss::Metric(loss) if loss.accepts(rows, size).is_err() => rows + 1,
        _ => rows,
    };
    let classes = signature.iter().find_map(|argument| match argument.kind {
        Kind::Labels { classes, .. } => classes.number(&[rows, size]),
        _ => None,
    });
    let classes = classes.unwrap_or(3);
    let mut inputs = Inputs::from([
        ("embeddings".into(), tensor([rows, size], seed, scale)),
        (
            "labels".into(),
            TensorData::new((0..rows).map(|i| (i * 7 % 5 % 3 % classes) as i64).collect::<Vec<_>>(), [rows]),
        ),
    ]);
    inputs.extend(parameters(loss).map(|(name, shape)| (name.to_owned(), parameter(shape, seed + 1))));
    inputs
}

/// The parameters of a loss that an evaluation takes, with their shapes.
pub(crate) fn parameters(loss: &AnyLoss) -> impl Iterator<Item = (&'static str, Vec<usize>)> {
    loss.signatures().remove(0).into_iter().filter_map(|argument| match argument {
        Argument { name, role: Role::Parameter, shape: Shape::Exactly(shape), .. } => Some((name, shape)),
        _ => None,
    })
}

fn parameter(shape: Vec<usize>, seed: u64) -> TensorData {
    // A bias must differ from a row of the weight.
    let seed = if shape.len() == 1 { 6 } else { seed };
    TensorData::new(numbers(shape.iter().product(), seed), shape)
}

/// The logarithm of a softmax over the middle axis of `[rows, 3, extra]`.
fn log_softmax(raw: &[f64], extra: &[usize]) -> Vec<f64> {
    let inner: usize = extra.iter().product();
    let at = |row: usize, class: usize, i: usize| raw[(row * 3 + class) * inner + i];
    let log_sum = |row, i| {
        let most = (0..3).map(|c| at(row, c, i)).fold(f64::MIN, f64::max);
        most + (0..3).map(|c| (at(row, c, i) - most).exp()).sum::<f64>().ln()
    };
    (0..raw.len()).map(|j| raw[j] - log_sum(j / inner / 3, j % inner)).collect()
}

fn labels(rows: usize, extra: &[usize]) -> TensorData {
    let count = rows * extra.iter().product::<usize>();
    let labels: Vec<i64> = (0..count).map(|i| (i * 7 % 5 % 3) as i64).collect();
    TensorData::new(labels, [&[rows], extra].concat())
}

/// A field of the loss's config, if its value is a word.
fn field(loss: &AnyLoss, name: &str) -> Option<String> {
    let AnyLoss::Distribution(loss) = loss else { return None };
    loss.config().to_value().get(name).and_then(Value::as_str).map(str::to_owned)
}

fn needs_labels(loss: &AnyLoss) -> bool {
    matches!(loss, AnyLoss::Distribution(loss) if loss.needs_labels())
}

/// A batch for each other way to call a loss than the usual one.
pub(crate) fn other_batches(loss: &AnyLoss) -> Vec<Inputs> {
    let signatures = loss.signatures();
    let is_ignored = |argument: &Argument| matches!(argument.kind, Kind::Labels { ignored: Some(_), .. });
    let ignores = signatures[0].iter().any(is_ignored);
    // Rows of probabilities have no label that could be ignored.
    let fits = |signature: &&Signature| !ignores || signature[1].name != "probabilities";
    signatures.iter().skip(1).filter(fits).map(batch_of).collect()
}

/// A batch for a signature, with each argument as the signature describes it.
fn batch_of(signature: &Signature) -> Inputs {
    let prediction = match &signature[0].shape {
        Shape::ClassAxis => vec![4, 3, 2],
        _ => vec![4, 4],
    };
    let tensor = |(seed, argument): (usize, &Argument)| {
        let shape = argument.shape.resolve(&prediction).unwrap_or_else(|| match argument.shape {
            Shape::Axes(1, _) => vec![2],
            _ => prediction.clone(),
        });
        let count = shape.iter().product();
        let numbers = numbers(count, seed as u64 + 1).into_iter();
        let data = match (argument.kind, argument.role) {
            (Kind::Labels { classes, .. }, _) => {
                let classes = classes.number(&prediction).unwrap_or(3);
                TensorData::new((0..count).map(|at| (at % classes) as i64).collect::<Vec<_>>(), shape)
            }
            (Kind::Mask, _) => TensorData::new((0..count).map(|at| at != 1).collect::<Vec<_>>(), shape),
            (Kind::Float, Role::Prediction | Role::Parameter) if argument.name != "probabilities" => {
                TensorData::new(numbers.collect::<Vec<_>>(), shape)
            }
            // Numbers in (0, 1) fit a probability, a weight and a count.
            (Kind::Float, _) => TensorData::new(numbers.map(|u| 0.5 + 0.4 * u).collect::<Vec<_>>(), shape),
        };
        (argument.name.to_owned(), data)
    };
    signature.iter().enumerate().map(tensor).collect()
}

/// The same numbers for a loss with another config, whose first argument may have another name, and which may need labels.
pub(crate) fn renamed(inputs: &Inputs, from: &AnyLoss, to: &AnyLoss) -> Inputs {
    let mut inputs = inputs.clone();
    let first = inputs.remove(from.input()).expect("the first argument");
    if needs_labels(to) {
        let shape = first.shape().to_vec();
        inputs.insert("labels".into(), labels(shape[0], &shape[2..]));
    }
    inputs.insert(to.input().to_owned(), first);
    if let AnyLoss::Heads(_) = to {
        for (name, shape) in parameters(to) {
            if inputs.get(name).is_none_or(|data| data.shape().to_vec() != shape) {
                inputs.insert(name.into(), parameter(shape, 1));
            }
        }
    }
    inputs
}

/// The same inputs with one weight per sample.
pub(crate) fn weighted(loss: &AnyLoss, mut inputs: Inputs, seed: u64) -> Inputs {
    let first = inputs[loss.input()].shape().to_vec();
    let signature = loss.signatures().remove(0);
    let argument = signature.iter().find(|argument| argument.name == "weights").expect("weights");
    let mut shape = vec![1; argument.shape.resolve(&first).expect("as many axes as values have").len()];
    shape[0] = first[0];
    let weights = numbers(first[0], seed).iter().map(|u| 1.5 + u).collect::<Vec<_>>();
    inputs.insert("weights".into(), TensorData::new(weights, shape));
    inputs
}

/// The unreduced values for a first argument `[N, K]` and its second argument.
pub(crate) fn unreduced(loss: &AnyLoss, first: Tensor<2>, second: &TensorData) -> Tensor<1> {
    let device = first.device();
    let floats = || Tensor::<2>::from_data(second.clone(), (&device, first.dtype()));
    let labels = || Tensor::<1, Int>::from_data(second.clone(), &device);
    match loss {
        AnyLoss::Regression(loss) => loss.forward_no_reduction(first.clone(), floats()).reshape([-1]),
        AnyLoss::Binary(loss) => loss.forward_no_reduction(first.clone(), floats()).reshape([-1]),
        AnyLoss::Classification(loss) => loss.forward_no_reduction(first.clone(), labels()),
        AnyLoss::Distribution(loss) => loss.forward_no_reduction(first.clone(), floats()),
        AnyLoss::Segmentation(loss) => loss.forward_no_reduction(first.clone(), floats()).reshape([-1]),
        AnyLoss::Boxes(loss) => loss.forward_no_reduction(first.clone(), floats()),
        AnyLoss::Heads(loss) => {
            // This replaces the head's random weight.
            let weight = parameter(loss.weight().dims().to_vec(), 9);
            let loss = loss.clone().with_weight(Tensor::from_data(weight, (&device, first.dtype())));
            loss.forward_no_reduction(first.clone(), labels())
        }
        AnyLoss::Metric(loss) => {
            // This replaces random proxies.
            let learned = loss.class_vectors().filter(|(argument, _)| argument.role == Role::Parameter);
            let loss = match learned {
                Some((_, vectors)) => {
                    let vectors = parameter(vectors.dims().to_vec(), 9);
                    loss.clone().with_class_vectors(Tensor::from_data(vectors, (&device, first.dtype())))
                }
                None => loss.clone(),
            };
            loss.forward_no_reduction(first.clone(), labels())
        }
    }
}

/// The config of a loss with one field set.
pub(crate) fn with_field(info: &LossInfo, field: &str, value: &Value) -> Result<LossConfig, String> {
    LossConfig::from_value(table_with(info, field, value).into()).map_err(|error| error.to_string())
}

pub(crate) fn table_with(info: &LossInfo, field: &str, value: &Value) -> Table {
    let mut table = info.example();
    if info.family == "heads" {
        // The lists of these tests have three numbers, one per class.
        table.insert("num_classes", 3);
        table.insert("embedding_dim", 4);
    }
    table.insert(field, value.clone());
    table
}

pub(crate) fn default_of(info: &LossInfo) -> LossConfig {
    LossConfig::example(info.family, info.kind).expect("the default is valid")
}

/// Fields for the shape and the initial value of a parameter; a probe supplies its parameters.
pub(crate) const SHAPES: [&str; 3] = ["num_classes", "embedding_dim", "initializer"];

/// The default config, with the sizes that [`with_field`] sets.
pub(crate) fn base(info: &LossInfo) -> LossConfig {
    with_field(info, "reduction", &"mean".into()).expect("the default is valid")
}

/// Every config that differs from the default in one field.
pub(crate) fn variants(info: &LossInfo) -> Vec<LossConfig> {
    let mut variants = vec![base(info)];
    for field in info.fields.iter().filter(|field| !SHAPES.contains(&field.name)) {
        for sample in &field.samples {
            variants.push(with_field(info, field.name, sample).unwrap_or_else(|error| panic!("{error}")));
        }
    }
    variants
}
