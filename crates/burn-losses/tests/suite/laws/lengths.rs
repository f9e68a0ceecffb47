//! T8: what lies beyond the length of a sequence is not read.

use super::{assert_close, evaluate, every_case, floats};
use crate::probe::batch;
use burn::tensor::TensorData;
use burn_losses::signature::{Classes, Kind};
use burn_losses::with_tensor_operations;

/// The steps beyond the length of a sequence, and the states beyond the number of its labels, may hold anything.
#[test]
fn t08_what_lies_beyond_the_lengths_is_not_read() {
    let mut checked = 0;
    every_case(|config, target| {
        let loss = config.init(&target.device);
        let mut inputs = batch(&loss, 6, 2.0, &[], 31);
        let signature = loss.signature(&inputs);
        let with = |is_wanted: fn(Classes) -> bool| {
            let is_wanted = |kind: Kind| matches!(kind, Kind::Labels { classes, .. } if is_wanted(classes));
            signature.iter().find(|argument| is_wanted(argument.kind)).map(|argument| argument.name)
        };
        let Some(steps) = with(|classes| matches!(classes, Classes::Length(_))) else { return };
        let labels = with(|classes| classes == Classes::LengthOfLabels).expect("the number of labels");

        // Every other sequence is shorter by a step.
        let numbers = |data: &TensorData| data.iter::<i64>().collect::<Vec<_>>();
        let lengths: Vec<i64> = numbers(&inputs[steps]).iter().zip(0..).map(|(steps, row)| steps - row % 2).collect();
        let counts = numbers(&inputs[labels]);
        inputs.insert(steps.into(), TensorData::new(lengths.clone(), [lengths.len()]));
        let input = loss.input();
        let shape = inputs[input].shape().to_vec();
        let is_beyond = |place: usize| {
            let at = |axis: usize| place / shape[axis + 1..].iter().product::<usize>() % shape[axis];
            // A transducer has a state for each number of labels, on an axis of its own.
            at(1) as i64 >= lengths[at(0)] || (shape.len() == 4 && at(2) as i64 > counts[at(0)])
        };
        let filled = |number: f64| {
            let all = floats(&inputs[input]).into_iter().enumerate();
            let numbers: Vec<f64> = all.map(|(place, x)| if is_beyond(place) { number } else { x }).collect();
            let mut inputs = inputs.clone();
            inputs.insert(input.into(), TensorData::new(numbers, shape.clone()));
            inputs
        };
        let expected = evaluate(&loss, &filled(-0.5), target);
        assert!(floats(&expected.gradients[input]).iter().any(|slope| *slope != 0.0), "{config:?}");
        for number in [1e4, f64::NEG_INFINITY, f64::NAN] {
            let run = || evaluate(&loss, &filled(number), target);
            for (path, got) in [("fused", run()), ("tensor operations", with_tensor_operations(run))] {
                let place = format!("{config:?} with {number} beyond the lengths, {path} on {}", target.name);
                let compare = |got: &TensorData, expected: &TensorData| {
                    assert_close(&place, &floats(got), &floats(expected), 20.0 * target.tolerance);
                };
                assert_close(&place, &[got.loss], &[expected.loss], 20.0 * target.tolerance);
                compare(&got.unreduced, &expected.unreduced);
                compare(&got.gradients[input], &expected.gradients[input]);
                checked += 1;
            }
        }
    });
    assert!(checked > 0);
}
