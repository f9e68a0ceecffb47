//! Every registered loss, forward and forward + backward, on Flex and NdArray: the median of a few runs.
//!
//! `cargo xtask bench [FILTER]`. Read the ratios within one run: the times are those of one machine at one moment.

#[path = "../tests/suite/probe.rs"]
mod probe;

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use burn_losses::AnyLoss;
use burn_losses::prelude::*;
use std::time::{Duration, Instant};

/// Samples of a batch; each has 3 x 128 values.
const ROWS: usize = 2048;
const RUNS: usize = 7;

#[allow(deprecated)] // upstream's, not ours: burn-ndarray is part of what we support
fn devices() -> [(&'static str, Device); 2] {
    [("flex", Device::flex()), ("ndarray", Device::ndarray())]
}

/// The reduced value of a first argument and what belongs to it.
fn forward(loss: &AnyLoss, first: Tensor<3>, second: &TensorData) -> Tensor<1> {
    let device = first.device();
    let targets = || Tensor::<3>::from_data(second.clone(), (&device, DType::F32));
    match loss {
        AnyLoss::Regression(loss) => loss.forward(first, targets()),
        AnyLoss::Binary(loss) => loss.forward(first, targets()),
        AnyLoss::Classification(loss) => loss.forward(first, Tensor::<2, Int>::from_data(second.clone(), &device)),
    }
}

fn median(mut run: impl FnMut()) -> Duration {
    run();
    let mut times: Vec<_> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[RUNS / 2]
}

fn main() {
    // Cargo adds options of its own, such as `--bench`.
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    println!("{:<40}{:>14}{:>22}", format!("median of {RUNS}, {ROWS} x 3 x 128 f32"), "forward", "forward + backward");
    for (name, config, mut inputs) in probe::benchmarks(ROWS) {
        let loss = config.init(&Device::flex());
        let first = inputs.remove(loss.input()).expect("the first argument");
        let second = inputs.into_values().next().expect("the second argument");
        for (device_name, device) in devices() {
            let name = format!("{name}/{device_name}");
            if !name.contains(&filter) {
                continue;
            }
            let plain = Tensor::<3>::from_data(first.clone(), (&device, DType::F32));
            let loss = config.init(&device);
            let value = median(|| {
                let _: f32 = forward(&loss, plain.clone(), &second).into_scalar();
            });
            let autodiff = device.autodiff();
            let loss = config.init(&autodiff);
            let tracked = Tensor::<3>::from_data(first.clone(), (&autodiff, DType::F32));
            let both = median(|| {
                let leaf = tracked.clone().require_grad();
                let gradients = forward(&loss, leaf.clone(), &second).backward();
                leaf.grad(&gradients).expect("a gradient").into_data();
            });
            println!("{name:<40}{:>11.2} ms{:>19.2} ms", value.as_secs_f64() * 1e3, both.as_secs_f64() * 1e3);
        }
    }
}
