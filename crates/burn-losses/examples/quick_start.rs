//! The quick start of the README: `cargo run -p burn-losses --example quick_start`.

use burn::tensor::{Device, Tensor};
use burn_losses::binary::FocalLossConfig;

fn main() {
    let device = Device::flex().autodiff();
    let loss = FocalLossConfig::new().with_gamma(1.5).init(&device);

    let logits = Tensor::<2>::from_floats([[2.0, -1.0], [0.5, -3.0]], &device).require_grad();
    let targets = Tensor::from_floats([[1.0, 0.0], [0.0, 0.0]], &device);
    let value = loss.forward(logits.clone(), targets);

    let gradient = logits.grad(&value.backward()).expect("a gradient");
    println!("loss      {:.4}", value.into_scalar::<f32>());
    println!("gradient  {:.4?}", gradient.into_data().try_to_vec::<f32>().unwrap());
}
