//! Batches of boxes.

use super::numbers;
use burn::tensor::TensorData;
use burn_losses::eval::Inputs;
use burn_losses::extend::BoxTargets;

/// Boxes of positive numbers, so that they are valid in every format; every other prediction nearly fits its target.
pub(super) fn batch(targets: BoxTargets, rows: usize, scale: f64, seed: u64) -> Inputs {
    let tensor = |data: Vec<f64>, width| TensorData::new(data, [rows, width]);
    if let BoxTargets::Rotated | BoxTargets::Solids(_) = targets {
        return wide_batch(targets.width(), rows, scale, seed);
    }
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

/// Boxes of five numbers with an angle, or of six numbers: the first half of these is less than the second.
fn wide_batch(width: usize, rows: usize, scale: f64, seed: u64) -> Inputs {
    let u = |seed| numbers(width * rows, seed).into_iter().map(|u| (u + 1.0) / 2.0).collect::<Vec<f64>>();
    let boxes = |seed| -> Vec<f64> {
        let u = u(seed);
        let number = |at: usize| match (width, at % width) {
            (5, 4) => 3.0 * u[at],
            (5, 2 | 3) => (0.1 + u[at]) * scale,
            (6, 3..) => (0.1 + u[at - 3] + u[at]) * scale,
            _ => u[at] * scale,
        };
        (0..width * rows).map(number).collect()
    };
    let (predictions, others, near) = (boxes(seed), boxes(seed + 1), numbers(width * rows, seed + 2));
    let target = |at: usize| match (at / width).is_multiple_of(2) {
        true => others[at],
        false => predictions[at] * (1.0 + 0.1 * near[at]),
    };
    let targets = (0..width * rows).map(target).collect::<Vec<_>>();
    let tensor = |data: Vec<f64>| TensorData::new(data, [rows, width]);
    Inputs::from([("predictions".into(), tensor(predictions)), ("targets".into(), tensor(targets))])
}
