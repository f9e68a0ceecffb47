//! T76: at ties, every device makes the same choice.

use super::{evaluate, every_case, flex_f64, floats};
use crate::devices::{self, Target};
use crate::probe::{batch, numbers};
use burn::tensor::TensorData;
use burn_losses::eval::Inputs;
use burn_losses::{AnyLoss, LossConfig, extend::Anchors, registry, with_tensor_operations};

/// A batch whose floats are multiples of a half, so that many values are equal.
fn tied(config: &LossConfig, seed: u64) -> Inputs {
    let loss = config.init(&flex_f64().device);
    let input = loss.input();
    let mut inputs = batch(&loss, 24, 1.0, &[], seed);
    // Cosines of rows that are multiples of each other differ only by rounding.
    let compares_cosines = match &loss {
        // The windows of an image with few colors have no variance, by which others are divided.
        AnyLoss::Heads(_) | AnyLoss::Image(_) | AnyLoss::Vectors(_) => true,
        AnyLoss::Metric(loss) => loss.compares_cosines(),
        _ => false,
    };
    if compares_cosines {
        return inputs;
    }
    for (name, data) in inputs.iter_mut().filter(|(_, data)| data.dtype().is_float()) {
        // A distribution must stay one, so it is not rounded.
        if !input.contains("probabilities") || name == "masks" {
            let mut numbers: Vec<f64> = floats(data).iter().map(|x| (2.0 * x).round() * 0.5).collect();
            if let AnyLoss::Classification(_) = &loss {
                // The values of the same logits in another order differ by rounding, so whole rows are the same.
                let (rows, width) = (data.shape()[0], numbers.len() / data.shape()[0]);
                (3..rows).for_each(|row| numbers.copy_within(row % 3 * width..(row % 3 + 1) * width, row * width));
            }
            *data = TensorData::new(numbers, data.shape().clone());
        }
    }
    inputs
}

fn assert_same(config: &LossConfig, target: &Target) {
    let exact = flex_f64();
    for seed in [3, 4] {
        let inputs = tied(config, seed);
        let run = |target: &Target| evaluate(&config.init(&target.device), &inputs, target);
        let expected = run(&exact);
        for (path, got) in [("fused", run(target)), ("tensor", with_tensor_operations(|| run(target)))] {
            let place = format!("{config:?}, {path} on {}", target.name);
            // A margin is steep at a cosine of 1; another choice would give an entirely different number.
            let tolerance = (500.0 * target.tolerance).max(1e-8);
            let close = |what: &str, got: &[f64], expected: &[f64]| {
                let scale = expected.iter().fold(1e-3, |most: f64, x| most.max(x.abs()));
                for (i, (a, b)) in got.iter().zip(expected).enumerate() {
                    let is_same = (a - b).abs() <= tolerance * scale || a.is_nan() && b.is_nan();
                    assert!(is_same, "{place}: {what}[{i}] is {a}, not {b}");
                }
            };
            close("loss", &[got.loss], &[expected.loss]);
            close("values", &floats(&got.unreduced), &floats(&expected.unreduced));
            for (name, gradient) in &expected.gradients {
                close(name, &floats(&got.gradients[name]), &floats(gradient));
            }
        }
    }
}

/// Sorting, selecting and mining take the first of equal values, on every device and path.
#[test]
fn t76_ties() {
    every_case(assert_same);
}

/// The same holds on a GPU.
#[test]
fn t76_ties_on_the_gpu() {
    let Some(target) = devices::gpu() else { return };
    for config in registry().iter().map(crate::probe::base).filter(chooses) {
        assert_same(&config, &target);
    }
}

/// Whether the loss chooses at ties: numbers that are moved by almost nothing have another gradient or another value.
fn chooses(config: &LossConfig) -> bool {
    let exact = flex_f64();
    let inputs = tied(config, 3);
    let mut moved = inputs.clone();
    let input = config.init(&exact.device).input();
    let shape = inputs[input].shape().clone();
    let near = floats(&inputs[input]).into_iter().zip(numbers(shape.num_elements(), 5)).map(|(x, u)| x + 1e-9 * u);
    moved.insert(input.into(), TensorData::new(near.collect::<Vec<_>>(), shape));
    let [one, other] = [&inputs, &moved].map(|inputs| evaluate(&config.init(&exact.device), inputs, &exact));
    let [one, other] = [one, other].map(|of| [floats(&of.unreduced), floats(&of.gradients[input])].concat());
    one.iter().zip(&other).any(|(a, b)| (a - b).abs() > 1e-4 * (1e-3 + a.abs()))
}
