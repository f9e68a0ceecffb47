//! The numbers of well-known explanations.

use burn::tensor::{DType, Device, Int, Tensor};
use burn_losses::classification::NllLossConfig;
use burn_losses::distribution::{Base, CrossEntropyLossConfig};

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
