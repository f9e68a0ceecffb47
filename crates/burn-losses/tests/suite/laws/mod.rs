//! The laws that hold for every registered loss, on every CPU device and in both precisions.

mod configs;
mod divisors;
mod extremes;
pub(crate) mod gradients;
pub(crate) mod infinities;
mod lengths;
pub(crate) mod masks;
pub(crate) mod precision;
mod sizes;
mod sums;
mod ties;
pub(crate) mod values;
mod zeros;

use crate::devices::{self, Target};
use crate::probe::{base, other_batches, variants};
use burn::tensor::TensorData;
use burn_losses::eval::{Evaluation, Inputs};
use burn_losses::{AnyLoss, LossConfig, registry};

pub(crate) fn every_variant(mut check: impl FnMut(&LossConfig)) {
    for info in registry() {
        variants(&info).iter().for_each(&mut check);
    }
}

/// Checks every variant on one device in one precision, which alternate; the default on all CPU devices and in both precisions.
fn every_case(mut check: impl FnMut(&LossConfig, &Target)) {
    let targets = devices::cpu();
    for info in registry() {
        for (at, config) in variants(&info).iter().enumerate() {
            let index = at % targets.len();
            let on = if at == 0 { &targets[..] } else { &targets[index..=index] };
            on.iter().for_each(|target| check(config, target));
        }
    }
}

/// Checks every loss on the GPU, if there is one.
fn on_the_gpu(mut check: impl FnMut(&LossConfig, &Target)) {
    if let Some(target) = devices::gpu() {
        registry().iter().for_each(|info| check(&base(info), &target));
    }
}

/// Checks every loss in half precision, and on the GPU if there is one.
fn everywhere_else(mut check: impl FnMut(&LossConfig, &Target)) {
    for target in precision::half_precision() {
        registry().iter().for_each(|info| check(&base(info), &target));
    }
    on_the_gpu(check);
}

/// Checks every other way to call a loss than the usual one, with a batch for it.
fn every_signature(mut check: impl FnMut(&LossConfig, &Inputs)) {
    every_variant(|config| {
        other_batches(&config.init(&devices::cpu()[0].device)).iter().for_each(|inputs| check(config, inputs));
    });
}

pub(crate) fn evaluate(loss: &AnyLoss, inputs: &Inputs, target: &Target) -> Evaluation {
    loss.evaluate(inputs, &target.device, target.dtype).unwrap_or_else(|error| panic!("{}: {error}", target.name))
}

pub(crate) fn flex_f64() -> Target {
    devices::cpu().remove(0)
}

pub(crate) fn floats(data: &TensorData) -> Vec<f64> {
    data.clone().convert::<f64>().iter().collect()
}

pub(crate) fn assert_close(what: &str, got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(1e-9, |most: f64, x| most.max(x.abs()));
    for (i, (a, b)) in got.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance * scale, "{what}: at {i} {a} against {b}");
    }
}
