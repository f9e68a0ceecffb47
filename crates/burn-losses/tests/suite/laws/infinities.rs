//! T74: the result for an infinity is the limit.

use super::{assert_close, evaluate, every_case, flex_f64, floats};
use crate::devices::{self, Target};
use crate::probe::batch;
use burn::tensor::TensorData;
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

/// Whether the first argument of a loss may be infinite: a logit or a prediction may; a probability, a parameter, a box or an embedding may not.
fn may_be_infinite(loss: &AnyLoss, sign: f64) -> bool {
    match loss {
        AnyLoss::Boxes(boxes) => boxes.targets() == BoxTargets::Bins,
        _ => match loss.input() {
            "logits" | "predictions" | "scores" => true,
            "log_probabilities" => sign < 0.0,
            _ => false,
        },
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
    let inputs = batch(&loss, 6, 2.0, &[], seed);
    let input = loss.input();
    for (place, sign) in places.iter().flat_map(|place| [(*place, 1.0), (*place, -1.0)]) {
        if !may_be_infinite(&loss, sign) {
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
                            "{config:?}, {sign} at {place}, {path} on {name}: {what}[{i}] is {got}, limit {limit:?}"
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

/// The same holds on a GPU.
#[test]
fn t74_infinities_on_the_gpu() {
    let mut failures = Vec::new();
    if let Some(target) = devices::gpu() {
        for info in registry() {
            check(&crate::probe::base(&info), BATCH, &target, &mut failures);
        }
    }
    assert_none(&failures);
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
