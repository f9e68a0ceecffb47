//! Every registered loss, forward and forward + backward, on Flex and NdArray: the median of a few runs.
//!
//! `cargo xtask bench [FILTER]`. Read the ratios within one run: the times are those of one machine at one moment.

#[path = "../tests/suite/probe.rs"]
mod probe;

use burn::tensor::{DType, Device, Tensor};
use std::time::{Duration, Instant};

/// Samples of a batch; each has 3 numbers, or 4 if it is a box.
const ROWS: usize = 1 << 18;
const RUNS: usize = 7;

#[allow(deprecated)] // upstream's, not ours: burn-ndarray is part of what we support
fn devices() -> [(&'static str, Device); 2] {
    [("flex", Device::flex()), ("ndarray", Device::ndarray())]
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
    println!("{:<40}{:>14}{:>22}", format!("median of {RUNS}, {ROWS} samples f32"), "forward", "forward + backward");
    for (name, config, mut inputs) in probe::benchmarks(ROWS) {
        let loss = config.init(&Device::flex());
        let first = inputs.remove(loss.input()).expect("the first argument");
        let second = inputs.into_values().next().expect("the second argument");
        for (device_name, device) in devices() {
            let name = format!("{name}/{device_name}");
            if !name.contains(&filter) {
                continue;
            }
            let plain = Tensor::<2>::from_data(first.clone(), (&device, DType::F32));
            let loss = config.init(&device);
            let value = median(|| {
                let _: f32 = probe::unreduced(&loss, plain.clone(), &second).mean().into_scalar();
            });
            let autodiff = device.autodiff();
            let loss = config.init(&autodiff);
            let tracked = Tensor::<2>::from_data(first.clone(), (&autodiff, DType::F32));
            let both = median(|| {
                let leaf = tracked.clone().require_grad();
                let gradients = probe::unreduced(&loss, leaf.clone(), &second).mean().backward();
                leaf.grad(&gradients).expect("a gradient").into_data();
            });
            println!("{name:<40}{:>11.2} ms{:>19.2} ms", value.as_secs_f64() * 1e3, both.as_secs_f64() * 1e3);
        }
    }
}
