//! Focal losses, with logits and probabilities at the ends of their ranges.

use super::labels::{ROWS, nll};
use super::{F64, assert_near, flex, ints, list, matrix, number, vector};
use crate::devices;
use burn::tensor::{Device, FloatDType, Tensor};
use burn_losses::binary::{BalancedBceLossConfig, BceInput, BceLossConfig, FocalLossConfig};
use burn_losses::classification::{FocalLossConfig as SoftmaxFocalLossConfig, NllLossConfig};
use burn_losses::config::Alpha;
use burn_losses::prelude::*;

#[test]
fn t11_t14b_probabilities_of_zero_and_one_are_finite() {
    for target in devices::all() {
        let device = target.device.clone().autodiff();
        for smoothing in [0.0, 0.1] {
            let loss =
                BceLossConfig::new().with_input(BceInput::Probabilities).with_label_smoothing(smoothing).init(&device);
            let p = vector(&[0.0, 1.0, 0.0, 1.0, 0.5], &device, target.dtype.into()).require_grad();
            let y = vector(&[0.0, 1.0, 1.0, 0.0, 1.0], &device, target.dtype.into());
            let values = list(loss.forward_no_reduction(p.clone(), y.clone()));
            let gradient = list(p.grad(&loss.forward(p.clone(), y).backward()).unwrap());
            assert!(gradient.iter().all(|g| g.is_finite()), "{}: {gradient:?}", target.name);
            if smoothing == 0.0 {
                // As in PyTorch, a logarithm is never below -100.
                assert_eq!(values[..4], [0.0, 0.0, 100.0, 100.0], "{}", target.name);
            }
        }
        let nll = NllLossConfig::new().with_ignore_index(7).init(&device);
        let value = nll.forward(matrix(&ROWS, &device, target.dtype.into()), ints(&[0, 7, 1], &device));
        assert!((number(value) + (ROWS[0][0] + ROWS[2][1]) / 2.0).abs() < 1e-6);
    }
}

#[test]
fn t15_t16_t17_focal_is_finite_at_saturated_logits_in_every_precision() {
    let mut targets = devices::all();
    for dtype in [FloatDType::F16, FloatDType::BF16] {
        targets.push(devices::Target { name: "flex half", device: Device::flex(), dtype, tolerance: 0.0 });
    }
    for target in targets {
        let device = target.device.clone().autodiff();
        for gamma in [0.0, 0.5, 1.0, 2.0] {
            let logits = [1e4, -1e4, 50.0, -50.0, 0.0];
            for positive in [0.0, 1.0] {
                let loss = FocalLossConfig::new().with_gamma(gamma).with_alpha(Alpha::None).init(&device);
                let bce = BceLossConfig::new().init(&device);
                let run = |value: Tensor<1>, x: &Tensor<1>| list(x.grad(&value.backward()).unwrap());
                let x = vector(&logits, &device, target.dtype.into()).require_grad();
                let y = vector(&[positive; 5], &device, target.dtype.into());
                let values = list(loss.forward_no_reduction(x.clone(), y.clone()));
                assert!(values.iter().all(|value| value.is_finite()), "{} {gamma}: {values:?}", target.name);
                let gradient = run(loss.forward(x.clone(), y.clone()), &x);
                assert!(gradient.iter().all(|g| g.is_finite()), "{} {gamma}: {gradient:?}", target.name);
                if gamma == 0.0 {
                    let x = vector(&logits, &device, target.dtype.into()).require_grad();
                    assert_eq!(gradient, run(bce.forward(x.clone(), y), &x), "{}", target.name);
                }
            }
        }
    }
}

#[test]
fn t18_alpha_weighs_the_positive_class_and_each_class_of_a_softmax() {
    let device = flex();
    let value = |alpha: f64, y: f64| {
        let loss = FocalLossConfig::new().with_gamma(0.0).with_alpha(alpha).init(&device);
        number(loss.forward(vector(&[0.0], &device, F64), vector(&[y], &device, F64)))
    };
    assert_near(value(0.9, 1.0) / value(0.9, 0.0), 9.0);
    let loss = SoftmaxFocalLossConfig::new().with_gamma(0.0).with_alpha(vec![1.0, 10.0, 100.0]).init(&device);
    let values = list(loss.forward_no_reduction(matrix(&[[0.0; 3]; 3], &device, F64), ints(&[0, 1, 2], &device)));
    assert_near(values[1] / values[0], 10.0);
    assert_near(values[2] / values[0], 100.0);
}

#[test]
fn t19_multi_class_focal_is_that_of_the_softmax_from_logits_or_probabilities() {
    let device = flex();
    let loss = SoftmaxFocalLossConfig::new().init(&device);
    let logits = matrix(&ROWS, &device, F64);
    let labels = ints(&[2, 0, 1], &device);
    let expected: Vec<f64> = [(0, 2), (1, 0), (2, 1)]
        .map(|(row, class)| {
            let nll = nll(&ROWS[row], class);
            (1.0 - (-nll).exp()).powi(2) * nll
        })
        .to_vec();
    let got = list(loss.forward_no_reduction(logits.clone(), labels.clone()));
    // The logarithms of probabilities are valid logits, and a label is a row of probabilities.
    let probabilities = burn::tensor::activation::softmax(logits.clone(), 1);
    let from_probabilities = list(loss.forward_no_reduction(probabilities.log(), labels));
    let one_hot = matrix(&[[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], &device, F64);
    let soft = list(loss.forward_soft_no_reduction::<2, 1>(logits, one_hot));
    for i in 0..3 {
        assert_near(got[i], expected[i]);
        assert_near(from_probabilities[i], expected[i]);
        assert_near(soft[i], expected[i]);
    }
}

#[test]
fn t20_t21_focal_reduces_by_mean_sum_and_positives_also_without_positives() {
    let device = flex();
    let run = |reduction: Reduction, targets: [[f64; 2]; 3]| {
        let loss = FocalLossConfig::new().with_reduction(reduction).init(&device);
        let logits = matrix(&[[1.0, -2.0], [0.5, 0.3], [-1.0, 2.0]], &device, F64);
        number(loss.forward(logits, matrix(&targets, &device, F64)))
    };
    let two = [[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]];
    assert_near(run(Reduction::Mean, two) * 6.0, run(Reduction::Sum, two));
    assert_near(run(Reduction::Positives, two) * 2.0, run(Reduction::Sum, two));
    let background = [[0.0; 2]; 3];
    assert_near(run(Reduction::Positives, background), run(Reduction::Sum, background));
}

#[test]
fn t21_one_class_alone_is_finite_when_balanced() {
    for positive in [0.0, 1.0] {
        let device = flex();
        let loss = BalancedBceLossConfig::new().init(&device);
        let x = vector(&[2.0, -1.0], &device, F64).require_grad();
        let value = loss.forward(x.clone(), vector(&[positive; 2], &device, F64));
        assert_eq!(list(x.grad(&value.backward()).unwrap()), [0.0, 0.0]);
        assert_eq!(number(value), 0.0);
    }
}
