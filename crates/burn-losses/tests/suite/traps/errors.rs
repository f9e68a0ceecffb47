//! Errors of regression.

use super::{F64, assert_near, flex, list, number, vector};
use crate::devices;
use burn::tensor::{DType, FloatDType};
use burn_losses::prelude::*;
use burn_losses::regression::{HuberLossConfig, LogCoshLossConfig, MseLossConfig, SmoothL1LossConfig};

#[test]
fn t45_smooth_l1_at_zero_is_l1_with_a_finite_gradient_on_every_device() {
    for target in devices::all() {
        let device = target.device.clone().autodiff();
        let loss = SmoothL1LossConfig::new().with_beta(0.0).with_reduction(Reduction::Sum).init(&device);
        let p = vector(&[0.0, 2.0, -3.0], &device, target.dtype.into()).require_grad();
        let value = loss.forward(p.clone(), p.clone().detach() * 0.0);
        assert_eq!(list(p.grad(&value.backward()).unwrap()), [0.0, 1.0, -1.0], "{}", target.name);
        assert_eq!(number(value), 5.0);
    }
}

#[test]
fn t46_smooth_l1_is_huber_over_delta() {
    let device = flex();
    let (p, t) = (vector(&[0.0, 0.05, 0.1, 0.2, -4.0], &device, F64), vector(&[0.0; 5], &device, F64));
    let smooth = SmoothL1LossConfig::new().with_beta(1.0 / 9.0).init(&device);
    let huber = HuberLossConfig::new().with_delta(1.0 / 9.0).init(&device);
    assert_near(number(smooth.forward(p.clone(), t.clone())), 9.0 * number(huber.forward(p, t)));
}

#[test]
fn t47_t49_large_errors_do_not_overflow() {
    let ln2 = std::f64::consts::LN_2;
    for (dtype, error) in [(DType::F16, 4e4), (DType::BF16, 1e30), (DType::F32, 1e30), (DType::F64, 1e300)] {
        let device = flex();
        let loss = LogCoshLossConfig::new().init(&device);
        let p = vector(&[error], &device, dtype).require_grad();
        let value = loss.forward(p.clone(), vector(&[0.0], &device, dtype));
        let gradient = list(p.grad(&value.backward()).unwrap());
        let value = number(value);
        assert!((value / (error - ln2) - 1.0).abs() < 5e-3, "{dtype:?}: {value}");
        assert_eq!(gradient, [1.0], "{dtype:?}");
    }
    let device = flex();
    let loss = MseLossConfig::new().init(&device);
    let p = vector(&[300.0], &device, DType::F16).require_grad();
    let value = loss.forward(p.clone(), vector(&[0.0], &device, DType::F16));
    assert_eq!(list(p.grad(&value.backward()).unwrap()), [600.0]);
    assert_eq!((value.dtype(), number(value)), (DType::F32, 90000.0));
}

/// The Taylor series near zero is used on devices whose log1p is only ln(1 + x).
#[test]
fn log_cosh_keeps_its_digits_near_zero_on_every_device() {
    for target in devices::all() {
        let device = target.device.clone();
        let errors = [1e-6, 1e-4, 1e-2, 0.2, 0.3, 1.0];
        let loss = LogCoshLossConfig::new().init(&device);
        let p = vector(&errors, &device, target.dtype.into());
        let values = list(loss.forward_no_reduction(p.clone(), p * 0.0));
        for (d, value) in errors.iter().zip(values) {
            let d = if target.dtype == FloatDType::F64 { *d } else { f64::from(*d as f32) };
            let expected = (2.0 * (d / 2.0).sinh().powi(2)).ln_1p();
            let allowed = if target.dtype == FloatDType::F64 { 1e-14 } else { 4e-6 };
            assert!((value / expected - 1.0).abs() < allowed, "{} at {d}: {value}", target.name);
        }
    }
}

/// Errors that are small relative to the predictions keep their precision.
#[test]
fn tukey_scales_the_error_rather_than_its_parts() {
    let device = flex();
    let loss = burn_losses::regression::TukeyBiweightLossConfig::new()
        .with_scale(burn_losses::regression::TukeyScale::Mad)
        .init(&device);
    let errors = [0.125, -0.25, 0.0625, 0.5, -0.375];
    let run = |offset: f64| {
        let predictions: Vec<f64> = errors.iter().map(|error| offset + error).collect();
        let (p, t) = (vector(&predictions, &device, DType::F32), vector(&[offset; 5], &device, DType::F32));
        list(loss.forward_no_reduction(p, t))
    };
    assert_eq!(run(0.0), run(4096.0));
}
