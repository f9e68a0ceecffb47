//! A user's program with one loss. `cargo xtask cost` compiles it; it is no part of xtask.

use burn::tensor::{Device, Tensor};
use burn_losses::regression::{HuberLossConfig, RegressionLoss};

fn main() {
    let device = Device::flex().autodiff();
    let loss = HuberLossConfig::new().with_delta(0.5).init(&device);

    let predictions = Tensor::<2>::from_floats([[0.0, 1.0], [2.0, 3.0]], &device).require_grad();
    let targets = Tensor::from_floats([[0.0, 1.5], [2.0, 0.0]], &device);
    let value = loss.forward(predictions.clone(), targets);
    println!("{value}");

    let gradients = value.backward();
    let gradient = predictions.grad(&gradients).expect("the predictions require one");
    println!("{gradient}");
}
