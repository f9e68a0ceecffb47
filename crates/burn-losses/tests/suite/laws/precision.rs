//! Numbers that are large, or of low precision.

use super::{assert_close, evaluate, every_variant, flex_f64, floats};
use crate::devices::{self, Target};
use crate::probe::batch;
use burn::tensor::{Device, FloatDType, TensorData};
use burn_losses::eval::{Evaluation, Inputs};

/// The largest number that a type is asked to hold: half of its largest one, since the inputs are rounded.
pub(crate) fn most(dtype: FloatDType) -> f64 {
    match dtype {
        FloatDType::F64 => 0.5 * f64::MAX,
        FloatDType::F16 => 0.5 * half::f16::MAX.to_f64(),
        _ => 0.5 * f64::from(f32::MAX),
    }
}

/// Checks that every number is finite. A gradient counts where the type can hold the exact one.
pub(crate) fn all_finite(what: &str, evaluation: &Evaluation, most: f64, exact: impl FnOnce() -> Evaluation) {
    assert!(evaluation.loss.is_finite(), "{what}: loss {}", evaluation.loss);
    assert!(floats(&evaluation.unreduced).iter().all(|x| x.is_finite()), "{what}: unreduced values");
    let is_finite = |numbers: &[f64]| numbers.iter().all(|x| x.is_finite());
    if evaluation.gradients.values().all(|gradient| is_finite(&floats(gradient))) {
        return;
    }
    let exact = exact();
    for (name, gradient) in &evaluation.gradients {
        for (at, (got, exact)) in floats(gradient).iter().zip(floats(&exact.gradients[name])).enumerate() {
            assert!(got.is_finite() || exact.abs() > most, "{what}: gradient of {name} at {at} is {got}, not {exact}");
        }
    }
}

/// Finite inputs have finite results: logits of +-50 and +-1e4, errors of 1e4, soft and hard targets, in every precision.
#[test]
fn extreme_inputs_have_finite_values_and_gradients() {
    let precise = flex_f64();
    for target in devices::cpu().into_iter().chain(half_precision()) {
        every_variant(|config| {
            for (scale, seed) in [(50.0, 41), (1e4, 42), (0.0, 43)] {
                let loss = config.init(&target.device);
                let inputs = batch(&loss, 6, scale, &[], seed);
                let got = evaluate(&loss, &inputs, &target);
                let exact = || evaluate(&config.init(&precise.device), &inputs, &precise);
                all_finite(&format!("{config:?} on {} at {scale}", target.name), &got, most(target.dtype), exact);
            }
        });
    }
}

/// Flex in half precision.
pub(crate) fn half_precision() -> Vec<Target> {
    // A gradient is rounded to half precision once, to half a unit in the last place.
    let target = |name, dtype, tolerance| Target { name, device: Device::flex(), dtype, tolerance };
    vec![target("flex f16", FloatDType::F16, 1e-3), target("flex bf16", FloatDType::BF16, 8e-3)]
}

/// The inputs, whose floats are numbers of a type with half precision; those of other types are as they are.
pub(crate) fn rounded(inputs: Inputs, dtype: FloatDType) -> Inputs {
    let of_type = |data: TensorData| match (data.dtype().is_float(), dtype) {
        (true, FloatDType::F16) => data.convert::<half::f16>().convert::<f64>(),
        (true, FloatDType::BF16) => data.convert::<half::bf16>().convert::<f64>(),
        _ => data,
    };
    inputs.into_iter().map(|(name, data)| (name, of_type(data))).collect()
}

/// Half precision is computed in f32: the value is that of the rounded inputs within the error of f32, and the gradient within
/// the rounding error of the half type, where that can hold it.
#[test]
fn half_precision_is_within_its_budget() {
    let exact = flex_f64();
    for target in half_precision() {
        every_variant(|config| {
            let loss = config.init(&target.device);
            let inputs = rounded(batch(&loss, 6, 3.0, &[], 61), target.dtype);
            let got = evaluate(&loss, &inputs, &target);
            let expected = evaluate(&config.init(&exact.device), &inputs, &exact);
            let place = format!("{config:?} on {}", target.name);
            // The scale of a head or of circle loss multiplies the rounding error of a cosine.
            let budget = if config.kind() == "circle" { 1e-4 } else { 5e-6 };
            assert_close(&place, &[got.loss], &[expected.loss], budget);
            assert_close(&place, &floats(&got.unreduced), &floats(&expected.unreduced), budget);
            for (name, gradient) in &expected.gradients {
                let (mut got, mut expected) = (floats(&got.gradients[name]), floats(gradient));
                for (got, expected) in got.iter_mut().zip(&mut expected) {
                    if expected.abs() > most(target.dtype) {
                        (*got, *expected) = (0.0, 0.0);
                    }
                }
                assert_close(&place, &got, &expected, target.tolerance);
            }
        });
    }
}
