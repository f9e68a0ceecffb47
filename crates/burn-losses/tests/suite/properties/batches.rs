//! What a loss makes of its batch: numbers that are finite, in proportion to the weights, and without regard to the order of the rows
//! and to what is masked.

use super::{Case, any_case, any_target, cases, target};
use crate::laws::masks::{assert_left_out, looks_at_places, pairs_rows};
use crate::laws::precision::{all_finite, most};
use crate::laws::values::{assert_linear_in_weights, assert_permuted, assert_resumed};
use crate::laws::{assert_close, evaluate, flex_f64, floats};
use crate::probe::batch;
use burn_losses::config::Value;
use burn_losses::{LossConfig, with_tensor_operations};
use proptest::prelude::*;

/// The same config with another reduction.
fn with_reduction(config: &LossConfig, reduction: &str) -> LossConfig {
    let mut table = config.to_value().into_table().expect("a table");
    table.insert("reduction", reduction);
    LossConfig::from_value(table.into()).expect("every loss has these reductions")
}

proptest! {
    #![proptest_config(cases(400))]

    /// Finite numbers have finite values and gradients, on both paths.
    #[test]
    fn finite_in_finite_out(Case { config, rows, scale, seed } in any_case(1e4), at in any_target()) {
        let target = target(at);
        let inputs = batch(&config.init(&target.device), rows, scale, &[], seed);
        let exact = || evaluate(&config.init(&flex_f64().device), &inputs, &flex_f64());
        let run = || evaluate(&config.init(&target.device), &inputs, &target);
        for (path, got) in [("fused", run()), ("tensor operations", with_tensor_operations(run))] {
            all_finite(&format!("{config:?} on {}, {path}", target.name), &got, most(target.dtype), exact);
        }
    }

    /// The sum of the values is the loss, if it is reduced so; the mean over the batch is the sum divided by the number of
    /// rows.
    #[test]
    fn reductions_are_of_the_unreduced_values(
        Case { config, rows, scale, seed } in any_case(100.0),
        at in any_target(),
    ) {
        let target = target(at);
        let run = |reduction: &str| {
            let config = with_reduction(&config, reduction);
            let loss = config.init(&target.device);
            evaluate(&loss, &batch(&loss, rows, scale, &[], seed), &target)
        };
        let (sum, mean) = (run("sum"), run("batch_mean"));
        let values = floats(&sum.unreduced);
        // A sum is rounded as the sizes of its parts are.
        let scale = values.iter().map(|value| value.abs()).sum::<f64>();
        let place = format!("{config:?} on {}", target.name);
        assert_close(&place, &[sum.loss, scale], &[values.iter().sum(), scale], 10.0 * target.tolerance);
        let rows = sum.unreduced.shape().to_vec().first().map_or(1, |rows| *rows) as f64;
        assert_close(&place, &[mean.loss * rows, scale], &[sum.loss, scale], 10.0 * target.tolerance);
    }

    /// Weights count in proportion.
    #[test]
    fn linear_in_weights(Case { config, rows, scale, seed } in any_case(100.0), at in any_target()) {
        // A weighted mean divides by the weights.
        let is_linear = config.to_value().get("reduction").and_then(Value::as_str) != Some("weighted_mean");
        if is_linear {
            let target = target(at);
            let inputs = batch(&config.init(&target.device), rows, scale, &[], seed);
            assert_linear_in_weights(&config, &inputs, [seed + 5, seed + 6], &target);
        }
    }

    /// The rows of a batch can stand in any order.
    #[test]
    fn rows_can_be_permuted(
        Case { config, scale, seed, .. } in any_case(10.0),
        order in Just((0..8usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        if !looks_at_places(&config) {
            assert_permuted(&config, &order, scale, seed);
        }
    }

    /// Masked rows are left out: any rows but two.
    #[test]
    fn masked_rows_are_left_out(
        Case { config, scale, seed, .. } in any_case(10.0),
        valid in proptest::collection::vec(any::<bool>(), 8),
        of_elements in any::<bool>(),
        at in any_target(),
    ) {
        let target = target(at);
        let loss = config.init(&target.device);
        if !looks_at_places(&config) {
            let inputs = batch(&loss, 8, scale, &[], seed);
            let rows = inputs[loss.input()].shape()[0];
            let period = if pairs_rows(&loss) { rows / 2 } else { rows };
            let valid: Vec<bool> = (0..rows).map(|row| row % period < 2 || valid[row % period % 8]).collect();
            assert_left_out(&config, &inputs, &valid, &target, of_elements);
        }
    }
}

proptest! {
    #![proptest_config(cases(200))]

    /// A loss that is saved and loaded between two steps has the same next step.
    #[test]
    fn saved_and_loaded_between_steps(Case { config, rows, scale, seed } in any_case(10.0), at in any_target()) {
        assert_resumed(&config, rows, scale, [seed, seed + 10, seed + 20], &target(at));
    }
}
