//! Every registered loss, forward and forward + backward, on Flex and NdArray.
//!
//! Read the ratios within one run: the times are those of one machine at one moment.

#[path = "../tests/suite/probe.rs"]
mod probe;

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use burn_losses::AnyLoss;
use burn_losses::prelude::*;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Samples of a batch; each has 3 x 128 values.
const ROWS: usize = 1024;

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

fn losses(criterion: &mut Criterion) {
    for (device_name, device) in devices() {
        for (name, config, mut inputs) in probe::benchmarks(ROWS) {
            let loss = config.init(&device);
            let first = inputs.remove(loss.input()).expect("the first argument");
            let second = inputs.into_values().next().expect("the second argument");
            let mut group = criterion.benchmark_group(format!("{name}/{device_name}"));
            group.sample_size(10).throughput(Throughput::Elements(first.num_elements() as u64));

            let plain = Tensor::<3>::from_data(first.clone(), (&device, DType::F32));
            group.bench_function("forward", |bencher| {
                bencher.iter(|| forward(&loss, plain.clone(), &second).into_scalar::<f32>());
            });
            let autodiff = device.clone().autodiff();
            let loss = config.init(&autodiff);
            let tracked = Tensor::<3>::from_data(first, (&autodiff, DType::F32));
            group.bench_function("forward + backward", |bencher| {
                bencher.iter(|| {
                    let leaf = tracked.clone().require_grad();
                    let gradients = forward(&loss, leaf.clone(), &second).backward();
                    leaf.grad(&gradients).expect("a gradient").into_data()
                });
            });
            group.finish();
        }
    }
}

criterion_group!(benches, losses);
criterion_main!(benches);
