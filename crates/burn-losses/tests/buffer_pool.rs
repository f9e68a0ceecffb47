//! The buffers that the fused engine keeps between steps. There is one test, since all losses of a process share the buffers.

use burn::tensor::{Device, Tensor};
use burn_losses::regression::MseLossConfig;
use burn_losses::{keep_memory, kept_memory};
use std::thread::sleep;
use std::time::{Duration, Instant};

const COUNT: usize = 1 << 20;

fn step(device: &Device) {
    let loss = MseLossConfig::new().init(device);
    let predictions = Tensor::<1>::zeros([COUNT], device).require_grad();
    let gradients = loss.forward(predictions.clone(), Tensor::ones([COUNT], device)).backward();
    assert!(predictions.grad(&gradients).is_some());
}

#[test]
fn buffers_wait_for_the_next_step_and_then_go_back() {
    let device = Device::flex().autodiff();
    assert_eq!(kept_memory(), 0);
    for _ in 0..5 {
        step(&device);
        assert_eq!(kept_memory(), COUNT * size_of::<f32>(), "one gradient, as a step uses");
    }
    let start = Instant::now();
    while kept_memory() > 0 {
        assert!(start.elapsed() < Duration::from_secs(30), "nothing was given back");
        sleep(Duration::from_millis(100));
    }
    keep_memory(0);
    step(&device);
    assert_eq!(kept_memory(), 0, "the pool is off");
}
