//! T73: masking rows has the same result as leaving them out.

use super::{assert_close, every_case, every_signature, every_variant, everywhere_else, floats};
use crate::devices::{self, Target};
use crate::probe::{batch, numbers, weighted};
use burn::tensor::{DType, Device, FloatDType, TensorData};
use burn_losses::config::Value;
use burn_losses::eval::{Evaluation, Inputs};
use burn_losses::signature::{Argument, Kind, Shape};
use burn_losses::{AnyLoss, LossConfig, extend::Anchors, with_tensor_operations};

/// Calls `run` with the fused engine and with tensor operations.
fn on_both_paths<T>(run: impl Fn() -> T) -> [(&'static str, T); 2] {
    [("fused", run()), ("tensor operations", with_tensor_operations(run))]
}

/// Which of `rows` rows are valid. With two views, a row is valid in both or in neither.
fn valid_rows(loss: &AnyLoss, rows: usize) -> Vec<bool> {
    let period = if pairs_rows(loss) { rows / 2 } else { rows };
    (0..rows).map(|row| ![1, 2, 5].contains(&(row % period))).collect()
}

/// Whether the loss compares a row with the row at the same place in the other half.
pub(crate) fn pairs_rows(loss: &AnyLoss) -> bool {
    matches!(loss, AnyLoss::Metric(loss) if loss.accepts(1, 4).is_err() && loss.accepts(4, 4).is_ok())
}

/// Whether an argument has an entry for each row.
pub(super) fn is_per_row(loss: &AnyLoss, inputs: &Inputs, name: &str) -> bool {
    let signature = loss.signature(inputs);
    let argument = signature.iter().find(|argument| argument.name == name).expect("an argument");
    let rows = inputs[signature[0].name].shape()[0];
    // Further embeddings with axes of their own have rows of their own.
    let is_apart =
        matches!(loss, AnyLoss::Metric(_)) && matches!(argument.shape, Shape::Axes(..)) && name != signature[0].name;
    !is_apart && !matches!(argument.shape, Shape::Exactly(_)) && inputs[name].shape()[0] == rows
}

/// The rows of a tensor that are valid.
fn kept(data: &TensorData, valid: &[bool]) -> TensorData {
    let mut shape = data.shape().to_vec();
    let width = data.num_elements() / shape[0];
    shape[0] = valid.iter().filter(|valid| **valid).count();
    let chosen = |place: &usize| valid[place / width];
    let places = || (0..data.num_elements()).filter(chosen);
    match data.dtype() {
        DType::Bool(_) => {
            let all: Vec<bool> = data.iter().collect();
            TensorData::new(places().map(|place| all[place]).collect::<Vec<_>>(), shape)
        }
        dtype if dtype.is_int() => {
            let all: Vec<i64> = data.iter().collect();
            TensorData::new(places().map(|place| all[place]).collect::<Vec<_>>(), shape)
        }
        _ => {
            let all = floats(data);
            TensorData::new(places().map(|place| all[place]).collect::<Vec<_>>(), shape)
        }
    }
}

/// The same batch with NaN and with labels out of range in the rows that are not valid.
fn poisoned(data: &TensorData, valid: &[bool]) -> TensorData {
    let shape = data.shape().clone();
    let width = data.num_elements() / shape[0];
    match data.dtype() {
        DType::Bool(_) => data.clone(),
        dtype if dtype.is_int() => {
            let label =
                |(place, label): (usize, i64)| if valid[place / width] { label } else { 99 - 200 * (place % 2) as i64 };
            TensorData::new(data.iter::<i64>().enumerate().map(label).collect::<Vec<_>>(), shape)
        }
        _ => {
            let number = |(place, number): (usize, f64)| if valid[place / width] { number } else { f64::NAN };
            TensorData::new(floats(data).into_iter().enumerate().map(number).collect::<Vec<_>>(), shape)
        }
    }
}

/// The mask of a batch, with an entry for each element or for each row.
pub(crate) fn mask(loss: &AnyLoss, inputs: &Inputs, valid: &[bool], of_elements: bool) -> TensorData {
    let signature = loss.signature(inputs);
    let prediction = inputs[signature[0].name].shape().to_vec();
    let argument = signature.iter().find(|argument| argument.name == "mask").expect("a mask");
    let mut shape = argument.shape.resolve(&prediction).expect("a shape that follows from the prediction's");
    if !of_elements {
        shape[1..].fill(1);
    }
    let width = shape[1..].iter().product::<usize>();
    TensorData::new((0..shape[0] * width).map(|place| valid[place / width]).collect::<Vec<_>>(), shape)
}

fn evaluate(loss: &AnyLoss, inputs: &Inputs, target: &Target, place: &str) -> Evaluation {
    loss.evaluate(inputs, &target.device, target.dtype).unwrap_or_else(|error| panic!("{place}: {error}"))
}

/// Checks that two steps with the other rows masked are two steps without these rows.
pub(crate) fn assert_left_out(
    config: &LossConfig,
    inputs: &Inputs,
    valid: &[bool],
    target: &Target,
    of_elements: bool,
) {
    for (path, ()) in on_both_paths(|| ()) {
        let run = || {
            let place = format!("{config:?} on {}, {path}, {:?}", target.name, inputs.keys().collect::<Vec<_>>());
            let [masked_loss, loss] = [(); 2].map(|()| config.init(&target.device));
            let (mut without, mut masked) = (inputs.clone(), inputs.clone());
            for name in inputs.keys().filter(|name| is_per_row(&loss, inputs, name)) {
                without.insert(name.clone(), kept(&inputs[name], valid));
                masked.insert(name.clone(), poisoned(&inputs[name], valid));
            }
            masked.insert("mask".into(), mask(&loss, inputs, valid, of_elements));
            // A loss with state takes another step.
            for _ in 0..if target.dtype == FloatDType::F64 { 2 } else { 1 } {
                let expected = evaluate(&loss, &without, target, &place);
                let got = evaluate(&masked_loss, &masked, target, &place);
                let tolerance = 20.0 * target.tolerance;
                assert_close(&place, &[got.loss], &[expected.loss], tolerance);
                assert_rows(&place, &got.unreduced, &expected.unreduced, valid, tolerance);
                for (name, gradient) in &expected.gradients {
                    let place = format!("{place}: {name}");
                    match is_per_row(&loss, inputs, name) {
                        true => assert_rows(&place, &got.gradients[name], gradient, valid, tolerance),
                        false => assert_close(&place, &floats(&got.gradients[name]), &floats(gradient), tolerance),
                    }
                }
            }
        };
        if path == "fused" { run() } else { with_tensor_operations(run) }
    }
}

/// Checks that the valid rows are the expected ones, and that all others are 0.
fn assert_rows(place: &str, got: &TensorData, expected: &TensorData, valid: &[bool], tolerance: f64) {
    assert_close(place, &floats(&kept(got, valid)), &floats(expected), tolerance);
    let invalid: Vec<bool> = valid.iter().map(|valid| !valid).collect();
    let masked = floats(&kept(got, &invalid));
    assert!(masked.iter().all(|number| *number == 0.0), "{place}: masked rows have {masked:?}");
}

/// Whether it matters for a row which place in the batch it has: the loss draws negatives by places, or cuts the batch into parts.
pub(crate) fn looks_at_places(config: &LossConfig) -> bool {
    let parts = config.to_value().get("parts").and_then(Value::as_f64);
    config.kind() == "negative_sampling" || parts.is_some_and(|parts| parts > 1.0)
}

fn check_rows(config: &LossConfig, target: &Target) {
    let loss = config.init(&target.device);
    if looks_at_places(config) {
        return;
    }
    let inputs = batch(&loss, 8, 2.0, &[], 61);
    let valid = valid_rows(&loss, inputs[loss.input()].shape()[0]);
    assert_left_out(config, &inputs, &valid, target, false);
}

/// Masking rows has the same result as leaving them out: value, unreduced values and gradients, whatever stands in them.
#[test]
fn t73_masking_rows_equals_leaving_them_out() {
    every_case(check_rows);
}

/// The same holds in half precision and on a GPU.
#[test]
fn t73_masking_rows_equals_leaving_them_out_everywhere_else() {
    everywhere_else(check_rows);
}

/// The same holds for positions inside a sample.
#[test]
fn t73_masking_positions_equals_leaving_them_out() {
    let target = &devices::cpu()[0];
    every_variant(|config| {
        let loss = config.init(&target.device);
        if ["boxes", "heads", "metric", "vectors", "self_supervised"].contains(&config.family()) {
            return;
        }
        let inputs = batch(&loss, 8, 2.0, &[2, 2], 62);
        assert_left_out(config, &inputs, &valid_rows(&loss, 8), target, true);
    });
}

/// The same holds for rows with weights.
#[test]
fn t73_masking_rows_with_weights_equals_leaving_them_out() {
    let target = &devices::cpu()[0];
    every_variant(|config| {
        let loss = config.init(&target.device);
        if looks_at_places(config) {
            return;
        }
        let inputs = weighted(&loss, batch(&loss, 8, 2.0, &[], 63), 64);
        let valid = valid_rows(&loss, inputs[loss.input()].shape()[0]);
        assert_left_out(config, &inputs, &valid, target, true);
    });
}

/// The same holds for every other way to call a loss.
#[test]
fn t73_masking_rows_equals_leaving_them_out_in_every_signature() {
    let target = &devices::cpu()[0];
    every_signature(|config, inputs| {
        let loss = config.init(&target.device);
        let signature = loss.signature(inputs);
        if looks_at_places(config) || !signature.iter().any(|argument| argument.name == "mask") {
            return;
        }
        let mut inputs = inputs.clone();
        inputs.remove("mask");
        let valid = [true, false, true, true];
        assert_left_out(config, &inputs, &valid, target, true);
    });
}

/// Beside a mask of several entries per sample, a weight per sample is the weight of each value of the sample. A weight per sample without
/// the axes of length 1 is refused.
#[test]
fn t73_a_weight_per_sample_beside_a_mask_of_entries() {
    let target = &devices::cpu()[0];
    every_variant(|config| {
        let loss = config.init(&target.device);
        let mut of_samples = weighted(&loss, batch(&loss, 4, 2.0, &[2, 2], 67), 68);
        let signature = loss.signature(&of_samples);
        let prediction = of_samples[signature[0].name].shape().to_vec();
        let shape_of = |name: &str| {
            let argument = signature.iter().find(|argument| argument.name == name).expect("an argument");
            argument.shape.resolve(&prediction).expect("a shape that follows from the prediction's")
        };
        let (of_mask, of_weights) = (shape_of("mask"), shape_of("weights"));
        if of_mask.len() == 1 {
            return;
        }
        let entries = numbers(of_mask.iter().product(), 69).iter().map(|u| *u > -0.4).collect::<Vec<_>>();
        of_samples.insert("mask".into(), TensorData::new(entries, of_mask));
        let (weights, width) = (floats(&of_samples["weights"]), of_weights[1..].iter().product());
        let of_each = weights.iter().flat_map(|weight| vec![*weight; width]).collect::<Vec<_>>();
        let with = |weights: TensorData| {
            let mut inputs = of_samples.clone();
            inputs.insert("weights".into(), weights);
            inputs
        };
        let of_values = with(TensorData::new(of_each, of_weights));
        for (path, [got, expected]) in on_both_paths(|| {
            [&of_samples, &of_values].map(|inputs| evaluate(&config.init(&target.device), inputs, target, "weights"))
        }) {
            let (place, tolerance) = (format!("{config:?}, {path}"), 20.0 * target.tolerance);
            assert_close(&place, &[got.loss], &[expected.loss], tolerance);
            for (name, gradient) in &expected.gradients {
                let (got, mut expected) = (floats(&got.gradients[name]), floats(gradient));
                if name == "weights" {
                    expected = expected.chunks(width).map(|of_sample| of_sample.iter().sum()).collect();
                }
                assert_close(&format!("{place}: {name}"), &got, &expected, tolerance);
            }
        }
        let samples = with(TensorData::new(weights, [4]));
        let error = loss.evaluate(&samples, &target.device, target.dtype).expect_err("weights of another rank");
        assert!(error.to_string().contains("(one per sample)"), "{config:?}: {error}");
    });
}

/// A batch with every row masked has the value 0 and the gradient 0.
#[test]
fn t73_a_batch_without_a_valid_row_is_zero() {
    every_case(|config, target| {
        for (path, got) in on_both_paths(|| {
            let loss = config.init(&target.device);
            let inputs = weighted(&loss, batch(&loss, 6, 2.0, &[], 65), 66);
            let valid = vec![false; inputs[loss.input()].shape()[0]];
            let mut masked = inputs.clone();
            for name in inputs.keys().filter(|name| is_per_row(&loss, &inputs, name)) {
                masked.insert(name.clone(), poisoned(&inputs[name], &valid));
            }
            masked.insert("mask".into(), mask(&loss, &inputs, &valid, false));
            evaluate(&loss, &masked, target, "all masked")
        }) {
            let place = format!("{config:?} on {}, {path}", target.name);
            assert_eq!(got.loss, 0.0, "{place}");
            assert!(floats(&got.unreduced).iter().all(|value| *value == 0.0), "{place}");
            for (name, gradient) in &got.gradients {
                assert!(floats(gradient).iter().all(|slope| *slope == 0.0), "{place}: {name}");
            }
        }
    });
}

/// The same holds for pixels of all classes: masking them has the same result as leaving them out.
#[test]
fn t73_masking_pixels_equals_leaving_them_out() {
    every_case(|config, target| {
        if config.family() != "segmentation" {
            return;
        }
        let valid = [true, false, true, true, false, true];
        let part = |data: &TensorData, poison: bool| {
            let shape = data.shape().to_vec();
            let all = floats(data).into_iter().zip(valid.into_iter().cycle());
            let numbers: Vec<f64> = match poison {
                true => all.map(|(number, valid)| if valid { number } else { f64::NAN }).collect(),
                false => all.filter(|(_, valid)| *valid).map(|(number, _)| number).collect(),
            };
            TensorData::new(numbers, if poison { shape } else { vec![shape[0], shape[1], 4] })
        };
        for (path, [got, expected]) in on_both_paths(|| {
            let loss = config.init(&target.device);
            let shape = [4, 3, 6];
            let targets: Vec<f64> = numbers(72, 71).iter().map(|u| f64::from(*u > 0.2)).collect();
            let first: Vec<f64> = numbers(72, 72).iter().map(|u| 0.5 + 0.45 * u).collect();
            let (first, targets) = (TensorData::new(first, shape), TensorData::new(targets, shape));
            let inputs = |poison| {
                let mut inputs = Inputs::from([
                    (loss.input().to_owned(), part(&first, poison)),
                    ("masks".to_owned(), part(&targets, poison)),
                ]);
                if poison {
                    let mask: Vec<bool> = (0..24).map(|place| valid[place % 6]).collect();
                    inputs.insert("mask".into(), TensorData::new(mask, [4, 1, 6]));
                }
                if loss.signature(&inputs).iter().any(ignores) {
                    let count = inputs[loss.input()].num_elements();
                    let shape = inputs[loss.input()].shape().clone();
                    inputs.insert("valid".into(), TensorData::new(vec![true; count], shape));
                }
                inputs
            };
            [true, false].map(|poison| evaluate(&loss, &inputs(poison), target, &format!("{config:?}")))
        }) {
            let place = format!("{config:?} on {}, {path}", target.name);
            assert_close(&place, &[got.loss], &[expected.loss], 20.0 * target.tolerance);
            assert_close(&place, &floats(&got.unreduced), &floats(&expected.unreduced), 20.0 * target.tolerance);
            let first = config.init(&Device::flex()).input();
            let gradient = part(&got.gradients[first], false);
            assert_close(&place, &floats(&gradient), &floats(&expected.gradients[first]), 20.0 * target.tolerance);
        }
    });
}

fn ignores(argument: &Argument) -> bool {
    matches!(argument.kind, Kind::Mask) && argument.name == "valid"
}

/// The example of the issue: the hardest values of a mining loss are masked.
#[test]
fn t73_masked_values_are_not_mined() {
    use burn::tensor::Tensor;
    use burn_losses::binary::{BceLossConfig, OhemLossConfig};

    let device = Device::flex().autodiff();
    let config = OhemLossConfig::new().with_keep(burn_losses::binary::HardExamples::Ratio(0.5));
    let logits = Tensor::<1>::from_floats([9.0, 8.0, 7.0, -1.0, -2.0, -3.0], &device).require_grad();
    let targets = Tensor::zeros([6], &device);
    let mask = logits.clone().detach().lower_scalar(0.0);
    let value = config.init(&device).forward_with(logits.clone(), targets, mask);
    // Half of three is two, by rounding: the values -1 and -2.
    let expected = BceLossConfig::new().init(&device);
    let expected = expected.forward(Tensor::<1>::from_floats([-1.0, -2.0], &device), Tensor::zeros([2], &device));
    let gradient = logits.grad(&value.backward()).expect("a gradient").into_data().iter::<f32>().collect::<Vec<_>>();
    assert_eq!(value.into_scalar::<f32>(), expected.into_scalar::<f32>());
    assert_eq!(
        gradient.iter().map(|slope| *slope != 0.0).collect::<Vec<_>>(),
        [false, false, false, true, true, false]
    );
}
