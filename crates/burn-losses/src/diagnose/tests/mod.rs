//! Every problem with its message, through the methods of the families.

mod numbers;
mod suspicious;
mod targets;

use super::Diagnosis;
use crate::prelude::*;
use crate::regression::{GhmRLossConfig, MseLossConfig};
use burn::tensor::{Device, Int, Tensor, TensorData};

fn device() -> Device {
    Device::flex()
}

fn floats<const D: usize>(data: impl Into<TensorData>) -> Tensor<D> {
    Tensor::from_data(data.into().convert::<f32>(), &device())
}

fn ints<const D: usize>(data: impl Into<TensorData>) -> Tensor<D, Int> {
    Tensor::from_data(data, &device())
}

#[track_caller]
fn says(diagnosis: &Diagnosis, lines: &[&str]) {
    let got: Vec<_> = diagnosis.findings.iter().map(ToString::to_string).collect();
    assert_eq!(got, lines, "\n{diagnosis}");
}

const NAN: f64 = f64::NAN;
const INF: f64 = f64::INFINITY;

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    let loss = MseLossConfig::new().init(&device());
    let diagnosis = loss.diagnose(&floats::<1>([0.5, 3.0]), &floats([0.0, 0.0]), None);
    assert!(diagnosis.is_clean() && !diagnosis.has_errors());
    assert_eq!(diagnosis.to_string(), "mse: nothing found");
}

/// A diagnosis is not a step of training: GHM's moving counts stay, and tensors with autodiff are accepted.
#[test]
fn nothing_is_learned_by_it() {
    let config = GhmRLossConfig::new().with_momentum(0.9);
    let autodiff = device().autodiff();
    let predictions = Tensor::<1>::from_floats([0.5, 3.0, -1.0], &autodiff).require_grad();
    let targets = Tensor::<1>::from_floats([0.0, 2.9, 1.0], &autodiff);
    let [asked, silent] = [true, false].map(|ask| {
        let loss = config.init(&autodiff);
        if ask {
            says(&loss.diagnose(&predictions, &targets, None), &[]);
        }
        let step = |made: &Tensor<1>| loss.forward(made.clone(), targets.clone()).into_scalar::<f32>();
        [step(&predictions), step(&targets), step(&predictions)]
    });
    assert_eq!(asked, silent);
    assert_ne!(asked[0], asked[2], "the second step is remembered");
}
