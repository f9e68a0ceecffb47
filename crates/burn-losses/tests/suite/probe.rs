//! Inputs that every loss can be tried on.
#![allow(dead_code)] // each user of this file needs its own part of it

use burn::tensor::TensorData;
use burn_losses::config::{Table, Value};
use burn_losses::eval::Inputs;
use burn_losses::{AnyLoss, LossConfig, LossInfo, registry};

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
    let shape = [&[rows, 3], extra].concat();
    let count: usize = shape.iter().product();
    let inner: usize = extra.iter().product();
    let raw: Vec<f64> = numbers(count, seed).iter().map(|u| u * scale).collect();
    let tensor = |data: Vec<f64>| TensorData::new(data, shape.clone());

    let first = match loss.input() {
        "probabilities" => raw.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect(),
        "log_probabilities" => {
            // The logarithm of a softmax over axis 1.
            let at = |row: usize, class: usize, i: usize| raw[(row * 3 + class) * inner + i];
            let log_sum = |row, i| {
                let most = (0..3).map(|c| at(row, c, i)).fold(f64::MIN, f64::max);
                most + (0..3).map(|c| (at(row, c, i) - most).exp()).sum::<f64>().ln()
            };
            (0..count).map(|j| raw[j] - log_sum(j / inner / 3, j % inner)).collect()
        }
        _ => raw.clone(),
    };
    let mut inputs = Inputs::from([(loss.input().to_owned(), tensor(first))]);
    match loss {
        AnyLoss::Regression(_) => {
            // Every other prediction is nearly right.
            let near = numbers(count, seed + 1).into_iter().zip(&raw).enumerate();
            let targets = near.map(|(i, (u, x))| if i % 2 == 0 { u } else { x + 0.03 * u });
            inputs.insert("targets".into(), tensor(targets.collect()))
        }
        AnyLoss::Binary(_) => {
            // Three hard labels for each soft one; positives are rarer.
            let targets = numbers(count, seed + 2).into_iter().enumerate().map(|(i, u)| match i % 4 {
                0 => (u + 1.0) / 2.0,
                _ if u > 0.4 => 1.0,
                _ => 0.0,
            });
            inputs.insert("targets".into(), tensor(targets.collect()))
        }
        _ => {
            let labels: Vec<i64> = (0..rows * inner).map(|i| (i * 7 % 5 % 3) as i64).collect();
            inputs.insert("labels".into(), TensorData::new(labels, [&[rows], extra].concat()))
        }
    };
    inputs
}

/// The same with one weight per sample.
pub(crate) fn weighted(mut inputs: Inputs, seed: u64) -> Inputs {
    let values = inputs.get("labels").or(inputs.get("targets")).expect("targets").shape().to_vec();
    let mut shape = vec![1; values.len()];
    shape[0] = values[0];
    let weights = numbers(values[0], seed).iter().map(|u| 1.5 + u).collect::<Vec<_>>();
    inputs.insert("weights".into(), TensorData::new(weights, shape));
    inputs
}

/// What is measured: each loss by `family/kind`, with its config and a batch of `rows` samples.
pub(crate) fn benchmarks(rows: usize) -> Vec<(String, LossConfig, Inputs)> {
    let benchmark = |info: LossInfo| {
        let config = LossConfig::of(info.family, info.kind).expect("the default is valid");
        let loss = config.init(&burn::tensor::Device::flex());
        let inputs = batch(&loss, rows, 3.0, &[128], 1);
        (format!("{}/{}", info.family, info.kind), config, inputs)
    };
    registry().into_iter().map(benchmark).collect()
}

/// The config of a loss with one field set.
pub(crate) fn with_field(info: &LossInfo, field: &str, value: &Value) -> Result<LossConfig, String> {
    let mut table = Table::new();
    table.insert("family".into(), info.family.into());
    table.insert("kind".into(), info.kind.into());
    table.insert(field.into(), value.clone());
    serde_yaml_ng::from_value(Value::Mapping(table)).map_err(|error| error.to_string())
}

pub(crate) fn default_of(info: &LossInfo) -> LossConfig {
    LossConfig::of(info.family, info.kind).expect("the default is valid")
}

/// Every config that differs from the default in one field.
pub(crate) fn variants(info: &LossInfo) -> Vec<LossConfig> {
    let mut variants = vec![default_of(info)];
    for field in &info.fields {
        for sample in &field.samples {
            variants.push(with_field(info, field.name, sample).unwrap_or_else(|error| panic!("{error}")));
        }
    }
    variants
}
