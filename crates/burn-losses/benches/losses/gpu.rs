//! The same losses on a GPU: kernels and tensor operations, beside a copy on the device and beside PyTorch with CUDA.
//!
//! `cargo xtask bench --gpu` builds the benchmark twice, since Burn's fusion is a feature. A time is the median of steps, each
//! from an idle device to an idle device, as on PyTorch's side.

use crate::cases::{self, Case};
use crate::gpu_results::{Gpu, GpuResults, OnGpu};
use crate::torch::Torch;
use crate::{machine, median, milliseconds, report, time};
use burn::tensor::{Device, Tensor};
use burn_losses::with_tensor_operations;
use std::hint::black_box;
use std::time::Duration;

/// Measures on the device of a backend.
pub(crate) fn run(backend: &str, filters: &[String]) {
    let device = device(backend).unwrap_or_else(|| panic!("the benchmark was built without the feature `{backend}`"));
    check(&device);
    let mut torch = Torch::start("cuda");
    let mut results = GpuResults {
        gpu: gpu(backend, &device),
        fusion: cfg!(feature = "fusion"),
        date: machine::today(),
        versions: machine::versions(torch.as_ref().and_then(|torch| torch.version.clone())),
        losses: Vec::new(),
    };
    let file = format!("{backend}{}.json", if results.fusion { "-fusion" } else { "" });
    report::write(&file, &results);
    println!("{:?}", results.gpu);
    for case in cases::all(filters) {
        let of = measure(&case, &device, torch.as_mut());
        println!("{}: {:.3} ms; tensor operations {:.3} ms, copy {:.3} ms", of.name, of.fused, of.tensor, of.copy);
        results.losses.push(of);
        report::write(&file, &results);
    }
}

/// The first device of a backend, if the benchmark was built with it. The names are those of Burn's features.
fn device(backend: &str) -> Option<Device> {
    match backend {
        #[cfg(feature = "wgpu")]
        "wgpu" => Some(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
        #[cfg(feature = "vulkan")]
        "vulkan" => Some(Device::vulkan(burn::tensor::DeviceKind::DefaultDevice)),
        #[cfg(feature = "metal")]
        "metal" => Some(Device::metal(burn::tensor::DeviceKind::DefaultDevice)),
        #[cfg(feature = "webgpu")]
        "webgpu" => Some(Device::webgpu(burn::tensor::DeviceKind::DefaultDevice)),
        #[cfg(feature = "cuda")]
        "cuda" => Some(Device::cuda(0)),
        #[cfg(feature = "rocm")]
        "rocm" => Some(Device::rocm(0)),
        #[cfg(feature = "cpu")]
        "cpu" => Some(Device::cpu()),
        _ => None,
    }
}

/// Some drivers silently compute wrongly: their loops stop after 65535 rounds.
///
/// # Panics
/// If the driver is one of them.
fn check(device: &Device) {
    const ONES: usize = 1 << 22;
    let sum: f32 = Tensor::<1>::ones([ONES], device).sum().into_scalar();
    assert!(sum == ONES as f32, "the driver of {device:?} sums {ONES} ones to {sum}: it is refused");
}

fn gpu(backend: &str, device: &Device) -> Gpu {
    let identity = device.identity();
    let (name, target) = identity.map(|identity| (identity.name, identity.fingerprint)).unwrap_or_default();
    let driver = driver(&name);
    Gpu { backend: backend.into(), name, target, driver }
}

/// The version of the driver: of NVIDIA's module in Linux, or what `vulkaninfo` says of the device.
fn driver(name: &str) -> Option<String> {
    let nvidia = std::fs::read_to_string("/proc/driver/nvidia/version").ok();
    if let Some(line) = nvidia.as_ref().filter(|_| name.contains("NVIDIA")).and_then(|text| text.lines().next()) {
        return Some(line.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    let output = std::process::Command::new("vulkaninfo").arg("--summary").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let value = |line: &str, key: &str| Some(line.trim().strip_prefix(key)?.split_once('=')?.1.trim().to_owned());
    let mut of_device = text.lines().skip_while(|line| value(line, "deviceName").as_deref() != Some(name));
    of_device.find_map(|line| value(line, "driverInfo"))
}

fn measure(case: &Case, plain: &Device, torch: Option<&mut Torch>) -> OnGpu {
    let device = plain.clone().autodiff();
    let (inputs, loss) = (case.inputs(&device), case.config.init(&device));
    let step = || case.step(&loss, &inputs);
    let fused = typical(plain, step);
    let tensor = typical(plain, || with_tensor_operations(step));
    let (inputs, loss) = (case.inputs(plain), case.config.init(plain));
    let forward = typical(plain, || drop(black_box(case.value(&loss, &inputs))));
    OnGpu {
        name: case.name.clone(),
        size: case.size().to_vec(),
        classes: case.classes,
        fused,
        forward,
        tensor,
        copy: copy(case, plain),
        torch: torch.and_then(|torch| torch.measure(case, true)),
    }
}

/// The time of a copy that reads and writes as many bytes as the inputs and the gradients have.
fn copy(case: &Case, device: &Device) -> f64 {
    let [differentiated, others] = case.floats().map(|numbers| numbers.len());
    let from = Tensor::<1>::ones([(2 * differentiated + others).div_ceil(2)], device);
    typical(device, || drop(black_box(from.clone() * 2.0)))
}

/// The median time of a step in milliseconds, after steps that compile kernels and choose among them.
fn typical(device: &Device, step: impl Fn()) -> f64 {
    const WARM_UPS: usize = 3;
    const LEAST: usize = 5;
    const ENOUGH: Duration = Duration::from_millis(500);
    const TOO_LONG: Duration = Duration::from_secs(5);
    let run = || {
        step();
        device.sync().expect("a device that works");
    };
    (0..WARM_UPS).for_each(|_| run());
    let mut times = Vec::new();
    let mut sum = Duration::ZERO;
    while (times.len() < LEAST || sum < ENOUGH) && sum < TOO_LONG {
        times.push(time(run));
        sum += times[times.len() - 1];
    }
    milliseconds(median(&mut times))
}
