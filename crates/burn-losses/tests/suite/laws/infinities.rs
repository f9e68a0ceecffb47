//! T74: the result for an infinity is the limit.

use super::precision::rounded;
use super::{assert_close, evaluate, every_case, everywhere_else, flex_f64, floats};
use crate::devices::{self, Target};
use crate::probe::{base, batch};
use burn::tensor::{FloatDType, TensorData};
use burn_losses::config::Value;
use burn_losses::eval::{Evaluation, Inputs};
use burn_losses::extend::{BoxTargets, Boxes};
use burn_losses::{AnyLoss, LossConfig, registry, with_tensor_operations};

/// The limit of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Limit {
    Finite(f64),
    /// An infinity of this sign.
    Infinite(f64),
    /// The limit is unknown, since two numbers do not determine it.
    Unknown,
}

/// The limit of a function that is `near` at a large number and `far` at a much larger one.
fn limit(near: f64, far: f64) -> Limit {
    match (near.is_finite() && far.is_finite(), far.abs() > 2.0 * near.abs()) {
        (true, false) if (near - far).abs() <= 1e-9 * (1.0 + near.abs()) => Limit::Finite(far),
        (true, true) if far.abs() > 1e9 => Limit::Infinite(far.signum()),
        _ => Limit::Unknown,
    }
}

/// Whether an argument of a loss may be infinite: a logit, a score, a prediction or the log-probability of an answer may; a probability, a
/// parameter or an embedding may not. Boxes have a law of their own.
fn may_be_infinite(loss: &AnyLoss, argument: &str, sign: f64) -> bool {
    match (loss, argument) {
        (AnyLoss::Boxes(boxes), "predictions") => boxes.targets() == BoxTargets::Bins,
        (_, "logits" | "predictions" | "scores" | "real" | "fake" | "chosen" | "rejected" | "policy") => true,
        (_, "log_probabilities") => sign < 0.0,
        _ => false,
    }
}

fn with(inputs: &Inputs, name: &str, place: usize, number: f64) -> Inputs {
    let mut numbers = floats(&inputs[name]);
    numbers[place] = number;
    let mut inputs = inputs.clone();
    let shape = inputs[name].shape().clone();
    inputs.insert(name.into(), TensorData::new(numbers, shape));
    inputs
}

/// The numbers that are compared with limits, with their names: the loss, the unreduced values, and the gradient of each argument.
fn numbers(evaluation: &Evaluation) -> Vec<(String, Vec<f64>)> {
    let gradients = evaluation.gradients.iter().map(|(name, of)| (format!("the gradient of {name}"), floats(of)));
    let values = [("loss", vec![evaluation.loss]), ("values", floats(&evaluation.unreduced))];
    values.into_iter().map(|(name, numbers)| (name.to_owned(), numbers)).chain(gradients).collect()
}

/// Checks that the results for an infinity at some places of a batch are the limits.
pub(crate) fn check(config: &LossConfig, (places, seed): (&[usize], u64), target: &Target, failures: &mut Vec<String>) {
    if config.to_value().get("zero_infinity").and_then(Value::as_bool) == Some(true) {
        // An infinite value is 0 by definition.
        return;
    }
    let exact = flex_f64();
    let loss = config.init(&exact.device);
    let inputs = rounded(batch(&loss, 6, 2.0, &[], seed), target.dtype);
    let numbers_at = |place: usize| inputs.keys().flat_map(move |name| [(name, place, 1.0), (name, place, -1.0)]);
    for (input, place, sign) in places.iter().flat_map(|place| numbers_at(*place)) {
        if place >= inputs[input].num_elements() || !may_be_infinite(&loss, input, sign) {
            continue;
        }
        let at = |number: f64| with(&inputs, input, place, number * sign);
        let [near, far] =
            [1e30, 1e60].map(|number| numbers(&evaluate(&config.init(&exact.device), &at(number), &exact)));
        let run = || numbers(&evaluate(&config.init(&target.device), &at(f64::INFINITY), target));
        for (path, got) in [("fused", run()), ("tensor", with_tensor_operations(run))] {
            let is_finite = matches!(limit(near[0].1[0], far[0].1[0]), Limit::Finite(_));
            for (((what, got), (_, near)), (_, far)) in got.iter().zip(&near).zip(&far) {
                for (i, ((got, near), far)) in got.iter().zip(near).zip(far).enumerate() {
                    let limit = limit(*near, *far);
                    let is_right = match limit {
                        // The gradient of an infinite value is at least not NaN.
                        _ if what.starts_with("the gradient") && !is_finite => !got.is_nan(),
                        Limit::Finite(limit) => (got - limit).abs() <= 100.0 * target.tolerance * (1.0 + limit.abs()),
                        Limit::Infinite(sign) => *got == sign * f64::INFINITY,
                        Limit::Unknown => !got.is_nan(),
                    };
                    if !is_right {
                        let sign = if sign > 0.0 { "inf" } else { "-inf" };
                        let name = target.name;
                        failures.push(format!(
                            "{config:?}, {sign} at {place} of {input}, {path} on {name}: {what}[{i}] is {got}, limit {limit:?}"
                        ));
                    }
                }
            }
        }
    }
}

/// The places of infinities in a batch, and its seed.
const BATCH: (&[usize], u64) = (&[0, 1, 5, 9], 12);

pub(crate) fn assert_none(failures: &[String]) {
    assert!(failures.is_empty(), "{} faults:\n{}", failures.len(), failures.join("\n"));
}

/// A logit or prediction of plus or minus infinity gives the limit of the value and of the gradient of each argument, on both paths. The
/// limit may be an infinity, but the result is never NaN.
#[test]
fn t74_infinities() {
    let mut failures = Vec::new();
    every_case(|config, target| check(config, BATCH, target, &mut failures));
    assert_none(&failures);
}

/// The same holds in half precision and on a GPU.
#[test]
fn t74_infinities_everywhere_else() {
    let mut failures = Vec::new();
    everywhere_else(|config, target| check(config, BATCH, target, &mut failures));
    assert_none(&failures);
}

/// Checks the first `most` coordinates of a box: an infinite one gives numbers, the same on both paths, and has no gradient. Where it is
/// a corner, a finite limit is the result, and a large number stands for an infinite one.
fn check_boxes(config: &LossConfig, target: &Target, most: usize, failures: &mut Vec<String>) {
    let exact = flex_f64();
    let loss = config.init(&exact.device);
    let AnyLoss::Boxes(boxes) = &loss else { return };
    let inputs = rounded(batch(&loss, 6, 2.0, &[], 12), target.dtype);
    let is_rotated = boxes.targets() == BoxTargets::Rotated;
    if boxes.targets() == BoxTargets::Bins {
        return;
    }
    let is_corner = match config.to_value().get("format").and_then(Value::as_str) {
        Some(format) => ["xyxy", "xyzxyz"].contains(&format),
        None => true,
    };
    // The angle of a rotated box, the last of its five numbers, is no coordinate.
    let places = (0..boxes.targets().width()).filter(|place| !is_rotated || *place != 4).take(most);
    for (place, sign) in places.flat_map(|place| [(place, 1.0), (place, -1.0)]) {
        for argument in ["predictions", "targets"] {
            let at = |number: f64| with(&inputs, argument, place, number * sign);
            let of = |number: f64, on: &Target| numbers(&evaluate(&config.init(&on.device), &at(number), on));
            let [near, far, expected] = [1e11, 1e13, f64::INFINITY].map(|number| of(number, &exact));
            let run = || of(f64::INFINITY, target);
            for (path, got) in [("fused", run()), ("tensor", with_tensor_operations(run))] {
                for (((what, got), (_, expected)), (near, far)) in got.iter().zip(&expected).zip(near.iter().zip(&far))
                {
                    let is_own = what.ends_with(&format!(" {argument}"));
                    // The center and the sides of a box are sums of its corners, of which one is large.
                    let rounding =
                        if is_corner { 0.0 } else { expected.iter().fold(0.0, |most: f64, x| most.max(x.abs())) };
                    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
                        // The gradient has the type of the boxes, and an f16 holds no larger number.
                        let is_beyond = target.dtype == FloatDType::F16 && expected.abs() > f64::from(half::f16::MAX);
                        if is_beyond && what.starts_with("the gradient") && *got == expected.signum() * f64::INFINITY {
                            continue;
                        }
                        let is_close = |number: f64| {
                            (got - number).abs() <= target.tolerance * (1e3 * (1.0 + number.abs()) + rounding)
                        };
                        let is_right = match limit(near.1[i], far.1[i]) {
                            _ if is_own && i == place => *got == 0.0,
                            Limit::Finite(limit) if is_corner => is_close(limit),
                            // The box is not as far away as that of `far`.
                            Limit::Infinite(sign) if is_corner => {
                                near.1[i] * sign < got * sign && got.abs() < far.1[i].abs()
                            }
                            _ => true,
                        };
                        if !is_right || !is_close(*expected) {
                            let (sign, name) = (if sign > 0.0 { "inf" } else { "-inf" }, target.name);
                            failures.push(format!(
                                "{config:?}, {sign} at {place} of {argument}, {path} on {name}: {what}[{i}] is {got}, not {expected}"
                            ));
                        }
                    }
                }
            }
        }
    }
}

/// An infinite corner of a box counts as one far away, on every device: both paths give the limit where it is finite.
#[test]
fn t74_infinite_boxes() {
    let mut failures = Vec::new();
    // Which numbers are corners depends on the format alone.
    let without_format = |config: &LossConfig| {
        let mut fields = config.to_value().into_table().expect("a table");
        fields.remove("format");
        fields
    };
    let defaults: Vec<_> = registry().iter().map(|info| without_format(&base(info))).collect();
    every_case(|config, target| {
        if defaults.contains(&without_format(config)) {
            check_boxes(config, target, usize::MAX, &mut failures);
        }
    });
    // There one coordinate stands for all: a call takes long on a GPU.
    everywhere_else(|config, target| check_boxes(config, target, 1, &mut failures));
    assert_none(&failures);
}

/// Mining keeps every infinite value, and those beyond its count do not count in a mean: both paths have the same gradient.
#[test]
fn t74_infinities_beyond_the_count_of_mining() {
    let mut is_beyond = false;
    every_case(|config, target| {
        if config.kind() != "ohem" || !["regression", "binary"].contains(&config.family()) {
            return;
        }
        let loss = config.init(&target.device);
        let (mut inputs, input) = (batch(&loss, 8, 2.0, &[], 12), loss.input());
        let mut numbers = floats(&inputs[input]);
        numbers.iter_mut().skip(1).step_by(2).for_each(|number| *number = f64::INFINITY);
        let infinite = TensorData::new(numbers, inputs[input].shape().clone());
        inputs.insert(input.into(), infinite);
        let run = || evaluate(&config.init(&target.device), &inputs, target);
        let [fused, tensor] = [run(), with_tensor_operations(run)];
        let place = format!("{config:?} on {}", target.name);
        assert!(fused.loss == tensor.loss && !fused.loss.is_nan(), "{place}: {} {}", fused.loss, tensor.loss);
        let [fused, tensor] = [fused, tensor].map(|results| floats(&results.gradients[input]));
        for (i, (a, b)) in fused.iter().zip(&tensor).enumerate() {
            let is_same = a == b || (a - b).abs() <= 100.0 * target.tolerance * (1.0 + b.abs());
            assert!(is_same, "{place}: at {i} {a} and {b}");
        }
        is_beyond |= fused.iter().filter(|slope| **slope != 0.0).count() > 6;
    });
    assert!(is_beyond, "in no batch is a value kept beyond the count");
}

/// The same holds for rows of probabilities with `poly1`, whose value is no sum over the classes where it has a gamma: where the value is
/// infinite, the gradient is that of the cross-entropy.
#[test]
fn t74_infinities_beside_probabilities() {
    const INF: f64 = f64::INFINITY;
    let p = 1.0 / (1.0 + 0.5f64.exp());
    let cases = [
        ([0.5, -INF, 1.0], [0.0, 1.0, 0.0], Some([p, -1.0, 1.0 - p])),
        ([0.5, INF, 1.0], [0.5, 0.0, 0.5], Some([-0.5, 1.0, -0.5])),
        ([0.5, -INF, 1.0], [0.2, 0.3, 0.5], None),
        ([0.5, INF, 1.0], [0.2, 0.3, 0.5], None),
    ];
    for (gamma, target) in
        [0.0, 0.5, 1.0, 1.5].into_iter().flat_map(|gamma| devices::cpu().into_iter().map(move |on| (gamma, on)))
    {
        let text = format!("family: classification\nkind: poly1\ngamma: {gamma:?}");
        let config: LossConfig = serde_yaml_ng::from_str(&text).expect("a config");
        for (logits, probabilities, expected) in cases {
            let inputs = Inputs::from([
                ("logits".into(), TensorData::new(logits.to_vec(), [1, 3])),
                ("probabilities".into(), TensorData::new(probabilities.to_vec(), [1, 3])),
            ]);
            let run = || evaluate(&config.init(&target.device), &inputs, &target);
            let [fused, tensor] = [run(), with_tensor_operations(run)];
            let place = format!("gamma {gamma}, {logits:?} with {probabilities:?} on {}", target.name);
            assert!(fused.loss == INF && tensor.loss == INF, "{place}: {} {}", fused.loss, tensor.loss);
            let [fused, tensor] = [fused, tensor].map(|results| floats(&results.gradients["logits"]));
            assert!(fused.iter().all(|slope| slope.is_finite()), "{place}: {fused:?}");
            assert_close(&place, &tensor, &fused, 100.0 * target.tolerance);
            if let Some(expected) = expected {
                assert_close(&place, &fused, &expected, 100.0 * target.tolerance);
            }
        }
    }
}
