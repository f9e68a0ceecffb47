//! The field of a loss that its picture varies, and the values at which it is drawn.

use crate::families::{Sample, sample_curves};
use crate::panel::Curve;
use crate::probe::fields;
use burn_losses::config::Field;
use burn_losses::{LossConfig, LossInfo};
use serde_json::Value;

/// Curves differ visibly if somewhere they are farther apart than this part of their range.
const VISIBLE: f64 = 0.03;
/// At most this many values of a field are drawn.
const MOST: usize = 6;
/// Smaller numbers only guard against divisions by zero.
const GUARD: f64 = 1e-4;

/// The configs that differ in the main field of a loss, in the order of its values; one config if no field changes the curves.
///
/// The main field is the first one with a default that changes the curves visibly. Fields that the summary of the loss names
/// come before all others. A field without a default describes the data: it is not varied.
pub(crate) fn sweep(config: &LossConfig, info: &LossInfo) -> Vec<LossConfig> {
    let Ok(own) = sample_curves(config) else { return vec![config.clone()] };
    let words = format!(" {} ", info.summary.to_lowercase()).replace(|letter: char| !letter.is_alphanumeric(), " ");
    let is_named = |field: &&Field| words.contains(&format!(" {} ", field.name.replace('_', " ")));
    let (named, others): (Vec<_>, Vec<_>) = info.fields.iter().filter(|f| f.default.is_some()).partition(is_named);
    let drawn = named.into_iter().chain(others).map(|field| of_field(config, field, &own));
    drawn.into_iter().find(|configs| configs.len() > 1).unwrap_or_else(|| vec![config.clone()])
}

/// The config with each of some values of a field, without values that change nothing.
fn of_field(config: &LossConfig, field: &Field, own: &Sample) -> Vec<LossConfig> {
    let all = fields(config);
    let Some(default) = all.get(field.name) else { return Vec::new() };
    let with = |value: &Value| with(config, field.name, value);
    let values = values(default, field, &|value| with(value).is_some());
    // The default comes first, so that it is not the one that is left out.
    let mut order: Vec<_> = values.iter().enumerate().collect();
    order.sort_by_key(|(_, value)| *value != default);
    let mut drawn: Vec<(usize, LossConfig, Sample)> = Vec::new();
    for (place, value) in order {
        let Some(config) = with(value) else { continue };
        let sample = sample_curves(&config).ok().filter(|sample| sample.axes() == own.axes() && is_finite(sample));
        let Some(sample) = sample else { continue };
        if drawn.len() < MOST && drawn.iter().all(|(.., other)| differ(&other.curves, &sample.curves)) {
            drawn.push((place, config, sample));
        }
    }
    drawn.sort_by_key(|(place, ..)| *place);
    drawn.into_iter().map(|(_, config, _)| config).collect()
}

/// The values of a field, in their order. Not all of them have to be allowed.
fn values(default: &Value, field: &Field, is_allowed: &dyn Fn(&Value) -> bool) -> Vec<Value> {
    let Some(number) = default.as_f64() else { return words(default, field) };
    let mut numbers: Vec<f64> = match (default.as_u64(), number) {
        // A whole number that is 0 is an index, or where random numbers begin.
        (Some(0), _) => return Vec::new(),
        (Some(1..=4), _) => return (0..=4).map(Value::from).collect(),
        (Some(whole), _) => return [whole / 2, whole, 2 * whole].map(Value::from).to_vec(),
        (None, 0.0) => vec![0.0, 0.1, 0.3, 0.5, 1.0, 2.0],
        (None, _) if number.abs() < GUARD => return Vec::new(),
        // A number that is at most 1.
        (None, 0.0..=1.0) if !is_allowed(&2.0.into()) => vec![0.1, 0.3, 0.5, 0.7, 0.9, number],
        (None, 0.0..0.01) => vec![number, 0.1, 1.0],
        (None, _) => [0.0, 0.5, 1.0, 2.0, 4.0].map(|factor| factor * number).to_vec(),
    };
    numbers.retain(|number| is_allowed(&(*number).into()));
    if numbers.len() < 3 {
        // The range is narrow.
        numbers.extend([0.8, 1.2].map(|factor| factor * number));
    }
    numbers.sort_by(f64::total_cmp);
    numbers.dedup();
    numbers.into_iter().map(Value::from).collect()
}

/// The default and other words or numbers, without lists and tables; nothing for a field that is not there by default.
fn words(default: &Value, field: &Field) -> Vec<Value> {
    if default.is_null() {
        return Vec::new();
    }
    let samples = field.samples.iter().filter_map(|sample| serde_json::to_value(sample).ok());
    let is_simple = |value: &Value| value != default && (value.is_string() || value.is_boolean() || value.is_number());
    std::iter::once(default.clone()).chain(samples.filter(is_simple)).collect()
}

/// The config with another value of a field, if that is allowed.
pub(crate) fn with(config: &LossConfig, name: &str, value: &Value) -> Option<LossConfig> {
    let mut fields = fields(config);
    fields.insert(name.to_owned(), value.clone());
    let config: LossConfig = serde_json::from_value(Value::Object(fields)).ok()?;
    config.validate().is_ok().then_some(config)
}

fn is_finite(sample: &Sample) -> bool {
    let mut numbers = sample.curves.iter().flat_map(|curve| curve.value.iter().chain(&curve.gradient));
    numbers.all(|number| number.is_finite())
}

/// Whether a reader sees that two samples differ, in a value or in a derivative.
fn differ(one: &[Curve], other: &[Curve]) -> bool {
    let apart = |one: &[f64], other: &[f64]| {
        let all = || one.iter().chain(other).copied();
        let range = all().fold(f64::NEG_INFINITY, f64::max) - all().fold(f64::INFINITY, f64::min);
        let largest = one.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        largest > VISIBLE * range
    };
    one.len() != other.len()
        || one.iter().zip(other).any(|(a, b)| apart(&a.value, &b.value) || apart(&a.gradient, &b.gradient))
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn_losses::registry;

    /// The names and values of what the picture of a loss varies.
    fn varied(family: &str, kind: &str) -> Vec<String> {
        let info = registry().into_iter().find(|info| (info.family, info.kind) == (family, kind)).expect("a loss");
        let config = LossConfig::example(family, kind).expect("an example");
        let configs = sweep(&config, &info);
        if configs.len() == 1 { Vec::new() } else { crate::compare::names(&configs) }
    }

    #[test]
    fn the_main_field_varies() {
        assert_eq!(varied("binary", "focal"), ["gamma = 0", "gamma = 1", "gamma = 2", "gamma = 4", "gamma = 8"]);
        assert_eq!(varied("regression", "huber"), ["delta = 0.5", "delta = 1", "delta = 2", "delta = 4"]);
        assert_eq!(varied("regression", "quantile"), ["tau = 0.1", "tau = 0.3", "tau = 0.5", "tau = 0.7", "tau = 0.9"]);
        assert_eq!(varied("distribution", "kl_divergence").len(), 2);
        // The scale comes first, but the summary names the margin.
        assert!(varied("heads", "arcface").iter().all(|name| name.starts_with("margin = ")));
        assert_eq!(varied("regression", "mse"), [""; 0]);
        // A guard against divisions by zero is no parameter.
        assert_eq!(varied("boxes", "giou"), [""; 0]);
    }
}
