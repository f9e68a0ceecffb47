//! Inputs for testing every loss.

mod boxes;
mod configs;
mod signatures;

use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData};
use burn_losses::AnyLoss;
use burn_losses::config::Value;
use burn_losses::eval::Inputs;
use burn_losses::extend::{Anchors, Boxes, Distributions, Likelihood};
use burn_losses::prelude::*;
use burn_losses::signature::{Argument, Kind, Role, Shape};
use signatures::of_signature;

pub(crate) use configs::{SHAPES, base, default_of, table_with, takes_small_images, variants, with_field};
pub(crate) use signatures::other_batches;

/// Numbers in [-1, 1] that look random and are the same everywhere.
pub(crate) fn numbers(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bf0_3635;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// The sizes of a batch.
pub(crate) struct Sizes<'a> {
    pub(crate) rows: usize,
    /// The classes on axis 1, or other numbers of a row.
    pub(crate) classes: usize,
    /// The numbers of an embedding, where the config does not say how many it has.
    pub(crate) width: usize,
    /// Further axes.
    pub(crate) extra: &'a [usize],
}

/// A batch of `rows` samples for `loss`: its first argument in about [-scale, scale], three classes or the parameters of a target
/// on axis 1, and `extra` further axes.
pub(crate) fn batch(loss: &AnyLoss, rows: usize, scale: f64, extra: &[usize], seed: u64) -> Inputs {
    batch_of_sizes(loss, &Sizes { rows, classes: 3, width: 4, extra }, scale, seed)
}

/// A batch of any sizes, as far as the loss leaves a choice.
pub(crate) fn batch_of_sizes(loss: &AnyLoss, sizes: &Sizes, scale: f64, seed: u64) -> Inputs {
    let Sizes { rows, classes, width, extra } = *sizes;
    if let AnyLoss::Boxes(boxes) = loss {
        return boxes::batch(boxes.targets(), rows, scale, seed);
    }
    if let AnyLoss::Likelihood(loss) = loss {
        return likelihood_batch(loss, rows, scale, extra, seed);
    }
    // One row alone has no variance.
    let rows = if rows == 1 && matches!(loss, AnyLoss::SelfSupervised(_)) { 2 } else { rows };
    let shape = [&[rows, classes], extra].concat();
    let count: usize = shape.iter().product();
    let raw: Vec<f64> = numbers(count, seed).iter().map(|u| u * scale).collect();
    let tensor = |data: Vec<f64>| TensorData::new(data, shape.clone());

    let first = match loss.input() {
        "probabilities" => raw.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect(),
        "log_probabilities" => log_softmax(&raw, classes, extra),
        _ => raw.clone(),
    };
    if let AnyLoss::Heads(_) | AnyLoss::Metric(_) = loss {
        return embedding_batch(loss, [rows, width], scale, seed);
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
            let log_q =
                log_softmax(&numbers(count, seed + 3).iter().map(|u| 3.0 * u).collect::<Vec<_>>(), classes, extra);
            let targets = if field(loss, "target") == Some("log_probabilities".into()) {
                log_q
            } else {
                log_q.into_iter().map(f64::exp).collect()
            };
            inputs.insert("targets".into(), tensor(targets));
            if needs_labels(loss) {
                inputs.insert("labels".into(), labels(rows, classes, extra));
            }
        }
        AnyLoss::Classification(_) | AnyLoss::Segmentation(_) => {
            inputs.insert("labels".into(), labels(rows, classes, extra));
        }
        _ => {
            let mut signature = loss.signatures().remove(0);
            signature.retain(|argument| !argument.optional);
            // A list has more items than a position has classes, so that each of the first items counts.
            let shape = match loss {
                AnyLoss::Ranking(_) if classes > 1 => vec![rows, classes.max(6)],
                AnyLoss::Ranking(_) => vec![rows, 1],
                AnyLoss::Sequence(_) => sequence_shape(&signature[0].shape, sizes),
                _ => shape,
            };
            let mut inputs = of_signature(&signature, &shape, scale, seed);
            if let (AnyLoss::Image(_), Some(targets)) = (loss, inputs.get("targets")) {
                let near = nearly_right(&inputs["predictions"], targets, seed + 4);
                inputs.insert("predictions".into(), near);
            }
            return inputs;
        }
    }
    inputs
}

/// The shape of the scores of a sequence: three steps, and the classes on the last axis, of which one is a blank.
fn sequence_shape(prediction: &Shape, sizes: &Sizes) -> Vec<usize> {
    let Shape::Axes(axes, _) = *prediction else { unreachable!("scores have a fixed number of axes") };
    let mut shape = [&[sizes.rows, 3], sizes.extra].concat();
    shape.resize(axes, 6);
    shape[axes - 1] = sizes.classes.max(6);
    shape
}

/// The predictions, but every other row of them is nearly its target.
fn nearly_right(predictions: &TensorData, targets: &TensorData, seed: u64) -> TensorData {
    let (shape, count) = (predictions.shape().clone(), predictions.num_elements());
    let width = count / shape[0].max(1);
    let pairs = predictions.iter::<f64>().zip(targets.iter::<f64>()).zip(numbers(count, seed)).enumerate();
    let near = pairs.map(|(at, ((x, t), u))| if at / width % 2 == 0 { x } else { t + 0.03 * u });
    TensorData::new(near.collect::<Vec<_>>(), shape)
}

/// Parameters of a target, and targets. A spread is positive, so that it is a variance too, and the errors of a mean are of its
/// size: the square of an error of 1e4 is more than a gradient in half precision can hold.
fn likelihood_batch(loss: &impl Likelihood, rows: usize, scale: f64, extra: &[usize], seed: u64) -> Inputs {
    let (width, inner) = (loss.parameters(), extra.iter().product::<usize>());
    let raw = numbers(rows * width * inner, seed);
    let is_spread = |at: usize| loss.has_parts() && at / inner % width == 1;
    let number = |(at, u): (usize, &f64)| if is_spread(at) { 1.0 + 0.9 * u } else { u * scale };
    let parameters: Vec<f64> = raw.iter().enumerate().map(number).collect();
    let target = |(at, u): (usize, f64)| {
        let location = parameters[at / inner * width * inner + at % inner];
        match (loss.has_parts(), at % 2 == 0) {
            (true, _) => location + 2.0 * u,
            (false, true) => u,
            (false, false) => location + 0.03 * u,
        }
    };
    let targets = numbers(rows * inner, seed + 1).into_iter().enumerate().map(target).collect::<Vec<_>>();
    Inputs::from([
        ("targets".into(), TensorData::new(targets, [&[rows], extra].concat())),
        ("parameters".into(), TensorData::new(parameters, [&[rows, width], extra].concat())),
    ])
}

/// Embeddings of the size in the config, of three classes, with the parameters of the loss.
fn embedding_batch(loss: &AnyLoss, [rows, width]: [usize; 2], scale: f64, seed: u64) -> Inputs {
    let tensor = |shape: [usize; 2], seed, scale: f64| {
        TensorData::new(numbers(shape[0] * shape[1], seed).iter().map(|u| u * scale).collect::<Vec<_>>(), shape)
    };
    let signature = loss.signatures().remove(0);
    let size = signature.iter().find_map(|argument| match argument.shape {
        Shape::Exactly(ref shape) => shape.get(1),
        _ => None,
    });
    let size = size.copied().unwrap_or(width);
    // Both views have equally many rows, and perhaps several parts.
    let rows = match loss {
        AnyLoss::Metric(loss) => (rows..).find(|rows| loss.accepts(*rows, size).is_ok()).expect("some number of rows"),
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

/// The logarithm of a softmax over the middle axis of `[rows, classes, extra]`.
fn log_softmax(raw: &[f64], classes: usize, extra: &[usize]) -> Vec<f64> {
    let inner: usize = extra.iter().product();
    let mut numbers = raw.to_vec();
    for row in numbers.chunks_mut(classes * inner) {
        for i in 0..inner {
            let column = || row.iter().skip(i).step_by(inner);
            let most = column().fold(f64::MIN, |most, x| most.max(*x));
            let log_sum = most + column().map(|x| (x - most).exp()).sum::<f64>().ln();
            row.iter_mut().skip(i).step_by(inner).for_each(|x| *x -= log_sum);
        }
    }
    numbers
}

/// Three of the classes, in an order that looks random.
fn labels(rows: usize, classes: usize, extra: &[usize]) -> TensorData {
    let count = rows * extra.iter().product::<usize>();
    let labels: Vec<i64> = (0..count).map(|i| ((i * 7 % 5 % 3) * classes / 3) as i64).collect();
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

/// The same numbers for a loss with another config, whose first argument may have another name, and which may need labels.
pub(crate) fn renamed(inputs: &Inputs, from: &AnyLoss, to: &AnyLoss) -> Inputs {
    let mut inputs = inputs.clone();
    let first = inputs.remove(from.input()).expect("the first argument");
    if needs_labels(to) {
        let shape = first.shape().to_vec();
        inputs.insert("labels".into(), labels(shape[0], shape[1], &shape[2..]));
    }
    let shape = first.shape().to_vec();
    inputs.insert(to.input().to_owned(), first);
    if let AnyLoss::Generative(_) = to {
        let mut signature = to.signature(&inputs);
        signature.retain(|argument| !argument.optional);
        let missing = of_signature(&signature, &shape, 1.0, 1);
        missing.into_iter().for_each(|(name, data)| _ = inputs.entry(name).or_insert(data));
    }
    if let AnyLoss::Heads(_) = to {
        for (name, shape) in parameters(to) {
            if inputs.get(name).is_none_or(|data| data.shape().to_vec() != shape) {
                inputs.insert(name.into(), parameter(shape, 1));
            }
        }
    }
    // A config may ask for fewer tensors than another, as without a reference model.
    let signature = to.signature(&inputs);
    inputs.retain(|name, _| signature.iter().any(|argument| argument.name == name));
    inputs
}

/// Whether the value of a row depends on other rows of the batch: other numbers in the second row change another value.
pub(crate) fn shares_rows(config: &LossConfig, inputs: &Inputs) -> bool {
    let device = Device::flex();
    let values = |inputs: &Inputs| {
        let evaluation = config.init(&device).evaluate(inputs, &device, FloatDType::F64).expect("values");
        evaluation.unreduced.iter::<f64>().collect::<Vec<_>>()
    };
    let (first, expected) = (config.init(&device).input(), values(inputs));
    let rows = inputs[first].shape()[0];
    let (low, high) = if first == "probabilities" { (0.001, 0.999) } else { (-30.0, 30.0) };
    [f64::NAN, low, high].into_iter().any(|number| {
        let mut numbers: Vec<f64> = inputs[first].iter().collect();
        let width = numbers.len() / rows;
        numbers[width..2 * width].fill(number);
        let mut changed = inputs.clone();
        changed.insert(first.into(), TensorData::new(numbers, inputs[first].shape().clone()));
        let (got, each) = (values(&changed), expected.len() / rows);
        (0..got.len()).any(|at| at / each != 1 && got[at] != expected[at])
    })
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
        AnyLoss::Likelihood(loss) => {
            let targets = Tensor::<1>::from_data(second.clone(), (&device, first.dtype()));
            loss.forward_no_reduction(first.clone(), targets)
        }
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
        _ => unreachable!("only families with a target or labels are called in this way"),
    }
}
