//! The numbers of well-known explanations.

use burn::tensor::{DType, Device, Int, Tensor};
use burn_losses::classification::NllLossConfig;
use burn_losses::distribution::{Base, CrossEntropyLossConfig};
use burn_losses::formula::Formula;
use burn_losses::regression::{HuberLossConfig, MaeLossConfig, MseLossConfig};

fn close(value: Tensor<1>, expected: f64) {
    let value: f64 = value.into_scalar();
    assert!((value - expected).abs() < 5e-3, "{value} against {expected}");
}

fn row(numbers: [f64; 2]) -> Tensor<2> {
    Tensor::from_data([numbers], (&Device::flex(), DType::F64))
}

/// It rains with a chance of 25 %: the news of rain has 2 bits, that of a dry day 0.415, and a forecast 0.81 on average.
#[test]
fn bits_of_rain() {
    let device = Device::flex();
    let chances = [0.25, 0.75];
    let cross_entropy = CrossEntropyLossConfig::new().with_base(Base::Two).init(&device);
    let news = |days: [f64; 2]| cross_entropy.forward(row(chances).log(), row(days));
    close(news([1.0, 0.0]), 2.0);
    close(news([0.0, 1.0]), 0.415);
    close(news(chances), 0.81);
}

/// The right class has the probability 0.3, and then 0.5: -ln p is 1.204 and 0.693.
#[test]
fn nats_of_the_right_class() {
    let device = Device::flex();
    let nll = NllLossConfig::new().init(&device);
    for (p, expected) in [(0.3, 1.204), (0.5, 0.693)] {
        let label = Tensor::<1, Int>::from_ints([0], &device);
        close(nll.forward(row([p, 1.0 - p]).log(), label), expected);
    }
}

/// The constant that fits targets best.
fn best_constant(loss: &impl Formula, targets: &[f64]) -> f64 {
    let total = |constant: f64| targets.iter().map(|target| loss.eval(constant, *target)).sum::<f64>();
    let (mut low, mut high) = (0.0, 2000.0);
    while high - low > 1e-5 {
        let third = (high - low) / 3.0;
        if total(low + third) < total(high - third) { high -= third } else { low += third }
    }
    low
}

/// 95 of 100 targets are 1000 and the others are 10: the absolute error says 1000, the squared one 950.5, and Huber loss is between.
#[test]
fn the_constant_that_fits_best() {
    let device = Device::flex();
    let targets: Vec<f64> = [1000.0; 95].into_iter().chain([10.0; 5]).collect();
    let mae = best_constant(&MaeLossConfig::new().init(&device), &targets);
    let mse = best_constant(&MseLossConfig::new().init(&device), &targets);
    let huber = best_constant(&HuberLossConfig::new().with_delta(190.0).init(&device), &targets);
    for (got, expected) in [(mae, 1000.0), (mse, 950.5), (huber, 990.0)] {
        assert!((got - expected).abs() < 1e-3, "{got}, not {expected}");
    }
}
