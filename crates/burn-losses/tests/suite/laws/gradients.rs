//! Gradients agree with difference quotients of the values.

use super::{evaluate, every_signature, every_variant, flex_f64, floats};
use crate::probe::{base, batch, default_of, parameters, weighted, with_field};
use burn::tensor::{Device, TensorData};
use burn_losses::config::{Field, Format, Table, Value, to_string};
use burn_losses::eval::Inputs;
use burn_losses::{LossConfig, LossInfo, registry};
use std::sync::LazyLock;

/// The gradient with respect to the first argument is the true one, by central differences in f64.
#[test]
fn gradients_match_central_differences() {
    every_variant(|config| {
        if has_true_gradient(config) {
            assert_true_gradient(config, config.init(&Device::flex()).input(), 31);
        }
    });
}

/// Whether nothing in a loss that depends on the predictions is a constant for the gradient. (The weights of GHM are constants, but the
/// difference quotient does not leave a bin.)
///
/// A config says so: by a field `.._gradient`, by a field whose summary says that it is a constant, where that is not as by default, or by
/// the formula of its kind, which then has something that has no gradient.
pub(crate) fn has_true_gradient(config: &LossConfig) -> bool {
    let Value::Table(table) = config.to_value() else { panic!("a table") };
    !has_constants(config.family(), &table) && !is_guided(&table)
}

/// Whether a loss, or one inside it, has a constant for the gradient.
fn has_constants(family: &str, table: &Table) -> bool {
    static REGISTRY: LazyLock<Vec<LossInfo>> = LazyLock::new(registry);
    let info = |kind: &str| REGISTRY.iter().find(|info| (info.family, info.kind) == (family, kind));
    let is_constant = |field: &Field| match table.get(field.name) {
        None => false,
        Some(value) if field.name.ends_with("_gradient") => !["full", "exact"].map(Value::from).contains(value),
        Some(value) => field.summary.contains("constant for the gradient") && field.default.as_ref() != Some(value),
    };
    let says_so = |info: &LossInfo| {
        let formula = ["has no gradient", "have no gradient"].iter().any(|words| info.formula.contains(words));
        formula || info.fields.iter().any(is_constant)
    };
    let kind = table.get("kind").and_then(Value::as_str);
    kind.and_then(info).is_some_and(says_so)
        || table.iter().any(|(key, value)| match value {
            Value::Table(inner) => has_constants(family, inner),
            // The name of another loss stands for its default config. (A scheme may have the name of its own loss.)
            Value::Text(word) if key != "kind" && Some(word.as_str()) != kind => {
                info(word).is_some_and(|info| match default_of(info).to_value() {
                    Value::Table(table) => has_constants(family, &table),
                    _ => false,
                })
            }
            _ => false,
        })
}

/// Whether a loss changes its gradient on purpose: it bounds it, or it makes that of labels larger.
fn is_guided(table: &Table) -> bool {
    let number = |field: &str| table.get(field).and_then(Value::as_f64);
    ["fast_emit", "clamp"].into_iter().filter_map(number).any(|number| number != 0.0)
}

/// The gradients with respect to the parameters agree too: weight and bias of a head, and learned centers.
#[test]
fn gradients_of_parameters_match_central_differences() {
    for info in registry() {
        let mut configs = vec![base(&info)];
        let with = |field: &str, value: Value| with_field(&info, field, &value).ok();
        configs.extend(with("bias", true.into()));
        configs.extend(with("update", "gradient".into()));
        for config in configs.iter().filter(|config| has_true_gradient(config)) {
            for (name, _) in parameters(&config.init(&Device::flex())) {
                assert_true_gradient(config, name, 31);
            }
        }
    }
}

/// All gradients agree too if a loss is called in another way than the usual one.
#[test]
fn gradients_of_every_signature_match_central_differences() {
    let target = flex_f64();
    every_signature(|config, inputs| {
        // The floor of a variance does not cut the slope of what is below it.
        let has_floor = config.to_value().get("spread").and_then(Value::as_str) == Some("variance");
        if !has_true_gradient(config) || has_floor {
            return;
        }
        let mut gradients = evaluate(&config.init(&target.device), inputs, &target).gradients;
        // The divisor of a mean is a constant for the gradient.
        let text = to_string(config, Format::Yaml).unwrap();
        for (setting, name) in [("class_weights:\n", "probabilities"), ("reduction: weighted_mean", "weights")] {
            if text.contains(setting) {
                gradients.remove(name);
            }
        }
        for (name, gradient) in &gradients {
            assert_slope(config, inputs, name, &floats(gradient));
        }
    });
}

pub(crate) fn assert_true_gradient(config: &LossConfig, name: &str, seed: u64) {
    let target = flex_f64();
    let loss = config.init(&target.device);
    let inputs = weighted(&loss, batch(&loss, 5, 2.0, &[], seed), seed + 1);
    let gradient = floats(&evaluate(&loss, &inputs, &target).gradients[name]);
    assert_slope(config, &inputs, name, &gradient);
}

/// The most numbers of a tensor that are moved.
const MOST_PLACES: usize = 48;

fn assert_slope(config: &LossConfig, inputs: &Inputs, name: &str, gradient: &[f64]) {
    let target = flex_f64();
    let first = floats(&inputs[name]);
    let step = 1e-6;
    let at = |i: usize, offset: f64| {
        let mut moved = first.clone();
        moved[i] += offset;
        let mut inputs = inputs.clone();
        inputs.insert(name.into(), TensorData::new(moved, inputs[name].shape().clone()));
        evaluate(&config.init(&target.device), &inputs, &target).loss
    };
    // Of an image, some pixels are enough.
    let places = || (0..first.len()).step_by(first.len().div_ceil(MOST_PLACES).max(1));
    let gradient: Vec<f64> = places().map(|i| gradient[i]).collect();
    let quotient = |i: usize, step: f64| (at(i, step) - at(i, -step)) / (2.0 * step);
    let differences: Vec<f64> = places().map(|i| quotient(i, step)).collect();
    // A difference of two values has the rounding error of the values, divided by the step.
    let loss = evaluate(&config.init(&target.device), inputs, &target).loss;
    let rounding = 1e-9 * loss.abs().max(1.0);
    let scale = differences.iter().fold(1e-9, |most: f64, x| most.max(x.abs()));
    for ((i, &slope), &difference) in places().zip(&gradient).zip(&differences) {
        let allowed = rounding.max(1e-6 * scale);
        if (slope - difference).abs() <= allowed {
            continue;
        }
        // Next to a point of infinite slope, a value bends within the step. A smaller step says how wrong the quotient is.
        let closer = quotient(i, step / 16.0);
        let allowed = (16.0 * rounding).max(1e-6 * scale) + (closer - difference).abs() / 128.0;
        assert!(
            (slope - closer).abs() <= allowed,
            "{config:?}: {name}: at {i} {slope} against {difference} and {closer}"
        );
    }
}
