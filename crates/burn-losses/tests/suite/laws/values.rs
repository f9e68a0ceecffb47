//! The laws of every loss's values, alone and in a batch.

use super::masks::pairs_rows;
use super::{assert_close, evaluate, every_variant, flex_f64, floats};
use crate::devices::{self, Target};
use crate::probe::{batch, default_of, numbers, parameters, weighted, with_field};
use burn::module::Module;
use burn::tensor::{Device, TensorData};
use burn_losses::eval::Inputs;
use burn_losses::signature::{Argument, Kind, Role};
use burn_losses::{AnyLoss, LossConfig, Reduction, registry};

/// A sum is the sum of the unreduced values; a mean with weights is linear in them.
#[test]
fn t70_reduced_is_the_reduction_of_unreduced() {
    for target in devices::cpu() {
        for info in registry() {
            let place = format!("{}/{} on {}", info.family, info.kind, target.name);
            let config = |reduction: &str| with_field(&info, "reduction", &reduction.into()).unwrap();
            let run =
                |reduction: &str, inputs: &Inputs| evaluate(&config(reduction).init(&target.device), inputs, &target);
            let inputs = batch(&config("sum").init(&target.device), 6, 2.0, &[], 11);

            let sum = run("sum", &inputs);
            let values = floats(&sum.unreduced);
            assert_close(&place, &[sum.loss], &[values.iter().sum()], 10.0 * target.tolerance);
            // Every value has the weight 1 in these batches; if mining drops some values, only the others count.
            let counted = match info.kind {
                "ohem" => values.iter().filter(|value| **value != 0.0).count(),
                _ => values.len(),
            };
            // In metric learning an anchor counts once per pair or triplet: see the golden values.
            if info.family != "metric" {
                let mean = run("mean", &inputs);
                assert_close(&place, &[mean.loss * counted as f64], &[sum.loss], 10.0 * target.tolerance);
            }
            let batch_mean = run("batch_mean", &inputs);
            assert_close(&place, &[batch_mean.loss * 6.0], &[sum.loss], 10.0 * target.tolerance);

            for reduction in ["sum", "mean", "batch_mean"] {
                assert_linear_in_weights(&config(reduction), &inputs, [1, 2], &target);
            }
        }
    }
}

/// Checks that the loss with the sum of two weights is the sum of the losses.
pub(crate) fn assert_linear_in_weights(config: &LossConfig, inputs: &Inputs, seeds: [u64; 2], target: &Target) {
    let loss = config.init(&target.device);
    let [one, two] = seeds.map(|seed| weighted(&loss, inputs.clone(), seed));
    let total = floats(&one["weights"]).iter().zip(floats(&two["weights"])).map(|(a, b)| a + b).collect::<Vec<_>>();
    let mut both = inputs.clone();
    both.insert("weights".into(), TensorData::new(total, one["weights"].shape().clone()));
    let [one, two, both] = [one, two, both].map(|inputs| evaluate(&config.init(&target.device), &inputs, target).loss);
    // Parts of opposite signs are rounded as their sizes are.
    let scale = one.abs() + two.abs();
    let place = format!("{config:?} on {}", target.name);
    assert_close(&place, &[both, scale], &[one + two, scale], 10.0 * target.tolerance);
}

/// Swapping samples swaps values and gradients and leaves the loss unchanged.
#[test]
fn samples_can_be_permuted() {
    let reversed: Vec<usize> = (0..8).rev().collect();
    every_variant(|config| assert_permuted(config, &reversed, 2.0, 21));
}

/// Checks that the samples of a batch can stand in another order: that of the places in `order`.
pub(crate) fn assert_permuted(config: &LossConfig, order: &[usize], scale: f64, seed: u64) {
    // These draw negatives for each row by its place in the batch, and pair the first two rows of each class.
    if ["negative_sampling", "n_pair"].contains(&config.kind()) {
        return;
    }
    let target = flex_f64();
    let loss = config.init(&target.device);
    let inputs = batch(&loss, order.len(), scale, &[], seed);
    let rows = inputs[loss.input()].shape()[0];
    let order = order_of(&loss, order, rows);
    // A parameter of the loss has no samples.
    let permuted_data = |name: &str, data: &TensorData| {
        if parameters(&loss).any(|(parameter, _)| parameter == name) { data.clone() } else { permuted(data, &order) }
    };
    let other: Inputs = inputs.iter().map(|(name, data)| (name.clone(), permuted_data(name, data))).collect();
    let straight = evaluate(&loss, &inputs, &target);
    let other = evaluate(&config.init(&target.device), &other, &target);
    let place = format!("{config:?} in the order {order:?}");
    if config.kind() == "ohem" {
        // At ties the first values are kept: the numbers are the same, but at other places.
        let sorted = |data: &TensorData| {
            let mut data = floats(data);
            data.sort_by(f64::total_cmp);
            data
        };
        assert_close(&place, &sorted(&other.unreduced), &sorted(&straight.unreduced), 1e-12);
        return;
    }
    assert_close(&place, &[other.loss], &[straight.loss], 1e-12);
    assert_close(&place, &floats(&other.unreduced), &floats(&permuted(&straight.unreduced, &order)), 1e-12);
    for (name, gradient) in &straight.gradients {
        assert_close(&place, &floats(&other.gradients[name]), &floats(&permuted_data(name, gradient)), 1e-12);
    }
}

/// The order of all rows of a batch. Both views have the same order, each within itself, since they may have different roles.
fn order_of(loss: &AnyLoss, order: &[usize], rows: usize) -> Vec<usize> {
    let period = if pairs_rows(loss) { rows / 2 } else { rows };
    let own = order.iter().copied().filter(|row| *row < period).chain(order.len()..period);
    let within = |from: usize| own.clone().map(move |row| from + row);
    (0..rows).step_by(period.max(1)).flat_map(within).collect()
}

/// The samples in another order.
fn permuted(data: &TensorData, order: &[usize]) -> TensorData {
    let shape = data.shape().clone();
    let width = data.num_elements() / order.len().max(1);
    let places = order.iter().flat_map(|row| row * width..(row + 1) * width);
    if data.dtype().is_float() {
        let data = floats(data);
        TensorData::new(places.map(|place| data[place]).collect::<Vec<_>>(), shape)
    } else {
        let data: Vec<i64> = data.clone().convert::<i64>().iter().collect();
        TensorData::new(places.map(|place| data[place]).collect::<Vec<_>>(), shape)
    }
}

/// An empty batch has the value 0, and a graph for the backward pass.
#[test]
fn an_empty_batch_is_zero() {
    for target in devices::all() {
        every_variant(|config| {
            let loss = config.init(&target.device);
            let got = evaluate(&loss, &batch(&loss, 0, 1.0, &[], 51), &target);
            assert_eq!(got.loss, 0.0, "{config:?} on {}", target.name);
            for (name, gradient) in &got.gradients {
                let nothing = gradient.num_elements() == 0;
                let is_parameter = parameters(&loss).any(|(parameter, _)| parameter == name);
                let is_zero = is_parameter && floats(gradient).iter().all(|x| *x == 0.0);
                assert!(nothing || is_zero, "{config:?}: {name}");
            }
        });
    }
}

/// T62: a divisor from the caller replaces the count, so that two halves of a batch add up to the whole.
#[test]
fn t62_micro_batches_add_up() {
    use burn::tensor::Tensor;
    let values = Tensor::<1>::from_floats(numbers(10, 71).as_slice(), &Device::flex());
    let part = |from: usize| Reduction::Mean.apply(values.clone().narrow(0, from, 5), None, Some(10usize.into()));
    let whole: f32 = Reduction::Mean.apply(values.clone(), None, None).into_scalar();
    let sum: f32 = (part(0) + part(5)).into_scalar();
    assert!((whole - sum).abs() < 1e-7);
}

/// A NaN in the input gives a NaN, so that a diverged model does not look good. (To count wrong answers, a NaN is one.)
#[test]
fn nan_in_nan_out() {
    for target in devices::all() {
        for info in registry().iter().filter(|info| info.kind != "zero_one") {
            let loss = default_of(info).init(&target.device);
            let mut inputs = batch(&loss, 6, 2.0, &[], 81);
            let mut first = floats(&inputs[loss.input()]);
            let width = first.len() / 6;
            first[..width].fill(f64::NAN); // one sample
            let shape = inputs[loss.input()].shape().clone();
            inputs.insert(loss.input().into(), TensorData::new(first, shape));
            let got = evaluate(&loss, &inputs, &target);
            assert!(got.loss.is_nan(), "{}/{} on {}: {}", info.family, info.kind, target.name, got.loss);
        }
    }
}

/// An evaluation is one step, whatever it calls: the unreduced values are for the same drawn classes as the loss.
#[test]
fn an_evaluation_is_one_step() {
    for target in devices::cpu() {
        // Losses that draw classes have a seed.
        for info in registry().into_iter().filter(|info| info.fields.iter().any(|field| field.name == "seed")) {
            let kind = info.kind;
            let loss = with_field(&info, "reduction", &"sum".into()).unwrap().init(&target.device);
            let inputs = batch(&loss, 6, 2.0, &[], 91);
            let steps = [(); 3].map(|()| {
                let step = evaluate(&loss, &inputs, &target);
                assert_close(kind, &[step.loss], &[floats(&step.unreduced).iter().sum()], 10.0 * target.tolerance);
                step.loss
            });
            assert!(steps[0] != steps[1] && steps[1] != steps[2], "{kind}: {steps:?}");
        }
    }
}

/// The state of a loss is saved with it: a run that is resumed from a record, taken right after a step, has the same next
/// step.
#[test]
fn a_restart_goes_on_where_it_was() {
    for target in devices::cpu() {
        every_variant(|config| assert_resumed(config, 6, 2.0, [61, 62, 63], &target));
    }
}

/// Checks that the last of some steps is the same if the loss was saved and loaded before it.
pub(crate) fn assert_resumed(config: &LossConfig, rows: usize, scale: f64, seeds: [u64; 3], target: &Target) {
    // The draws start again, as documented.
    let is_drawn = |argument: &Argument| argument.role == Role::State && matches!(argument.kind, Kind::Labels { .. });
    if config.init(&target.device).signatures().iter().flatten().any(is_drawn) {
        return;
    }
    let device = target.device.clone().autodiff();
    let loss = config.init(&device);
    let inputs = |seed| batch(&loss, rows, scale, &[], seed);
    let [first, second, last] = seeds;
    evaluate(&loss, &inputs(first), target);
    evaluate(&loss, &inputs(second), target);
    let resumed = config.init(&device).load_record(loss.clone().into_record());
    let [next, resumed] = [&loss, &resumed].map(|loss| evaluate(loss, &inputs(last), target));
    assert_eq!(next.loss, resumed.loss, "{config:?}");
    assert_eq!(next.gradients, resumed.gradients, "{config:?}");
}
