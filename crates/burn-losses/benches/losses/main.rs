//! Every registered loss at a realistic size, forward and backward: the fused engine and tensor operations, on Flex and NdArray,
//! beside a plain copy of the same bytes and beside PyTorch.
//!
//! `cargo xtask bench [FILTER]`. All figures of a loss are measured before the next loss, and the fused engine and PyTorch
//! take turns, so that the ratios of a row are valid even on a machine with other work. Criterion measures the fused engine;
//! the others, which may take seconds, are the median of a few runs.
//!
//! With `--device=wgpu` or another backend of GPUs, the same losses are measured there: see `gpu.rs`.
//!
//! A loss is printed and written to `target/bench/losses.json` as soon as it is measured. The task prints a table at the end. It
//! saves a run of all losses in `benches/results`, in the file of the machine.

mod arguments;
mod cases;
mod cpu;
#[cfg(feature = "cube")]
mod gpu;
#[cfg(feature = "cube")]
mod gpu_results;
mod machine;
mod report;
mod results;
mod torch;

use burn::tensor::{Device, Tensor};
use burn_losses::with_tensor_operations;
use cases::Case;
use criterion::{Criterion, SamplingMode};
use rayon::prelude::*;
use results::{Measured, OfTorch, Results, Times};
use std::hint::black_box;
use std::time::{Duration, Instant};

#[allow(deprecated)] // upstream's, not ours: burn-ndarray is part of what we support
fn devices() -> [(&'static str, Device); 2] {
    [("flex", Device::flex()), ("ndarray", Device::ndarray())]
}

fn main() {
    // Cargo adds options of its own, such as `--bench`.
    let (options, filters): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with('-'));
    if let Some(device) = options.iter().find_map(|option| option.strip_prefix("--device=")) {
        #[cfg(feature = "cube")]
        return gpu::run(device, &filters);
        #[cfg(not(feature = "cube"))]
        panic!("the benchmark was built without the feature `{device}`");
    }
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(500));
    let mut torch = torch::Torch::start("cpu");
    let versions = machine::versions(torch.as_ref().and_then(|torch| torch.version.clone()));
    let mut results = Results { machine: machine::here(), date: machine::today(), versions, losses: Vec::new() };
    // The results of an older run must not be taken for this one's.
    report::write(FILE, &results);
    for case in cases::all(&filters) {
        let measured = measure(&case, &mut criterion, torch.as_mut());
        report::print(&measured);
        results.losses.push(measured);
        // The results are written after each loss, so that an early end of the run loses none.
        report::write(FILE, &results);
    }
}

/// The file of the results, in `target/bench`.
const FILE: &str = "losses.json";

/// How often the fused engine and PyTorch take turns. A disturbance of some seconds affects both, or the median removes it.
const ROUNDS: usize = 3;

fn measure(case: &Case, criterion: &mut Criterion, mut torch: Option<&mut torch::Torch>) -> Measured {
    let mut times = Times::default();
    let mut peaks = [None; 2];
    let mut of_torch = None;
    for (name, plain) in devices() {
        let device = plain.clone().autodiff();
        let inputs = case.inputs(&device);
        let loss = case.config.init(&device);
        let step = || case.step(&loss, &inputs);
        let fused = if name == "flex" {
            peaks = [peak(step), peak(|| with_tensor_operations(step))];
            let mut rounds = Vec::new();
            let mut of_rounds = Vec::new();
            let mut group = criterion.benchmark_group(&case.name);
            group.sampling_mode(SamplingMode::Flat);
            for round in 1..=ROUNDS {
                let mut fused = Vec::new();
                group.bench_function(format!("flex, round {round}"), |bencher| {
                    bencher.iter_custom(|count| {
                        let all = (0..count).map(|_| time(step)).inspect(|time| fused.push(*time));
                        all.sum()
                    });
                });
                rounds.push(median(&mut fused));
                of_rounds.extend(torch.as_mut().and_then(|torch| torch.measure(case, round == ROUNDS)));
            }
            of_torch = OfTorch::median(of_rounds);
            median(&mut rounds)
        } else {
            median(&mut runs(7, step))
        };
        let tensor = runs(3, || with_tensor_operations(step));
        times.fused.insert(name.into(), milliseconds(fused));
        times.tensor.insert(name.into(), milliseconds(median(&mut { tensor })));
        if name == "flex" {
            let inputs = case.inputs(&plain);
            let loss = case.config.init(&plain);
            let forward = runs(5, || {
                black_box(case.value(&loss, &inputs).into_scalar::<f32>());
            });
            times.forward = milliseconds(median(&mut { forward }));
        }
    }
    let [fresh, reused] = copies(case);
    Measured {
        name: case.name.clone(),
        size: case.size().to_vec(),
        classes: case.classes,
        times,
        copy: fresh,
        copy_reused: reused,
        torch: of_torch,
        peaks,
    }
}

fn time(step: impl Fn()) -> Duration {
    let start = Instant::now();
    step();
    start.elapsed()
}

/// The memory peak of a step in bytes, beyond what was in use before it, if the system reports it.
fn peak(step: impl Fn()) -> Option<usize> {
    let most = || {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().strip_suffix(" kB")?.parse::<usize>().ok()
    };
    step();
    // Buffers that are kept for the next step are released, so that they count as part of the step.
    burn_losses::release_memory();
    // This resets the peak to the memory in use now.
    std::fs::write("/proc/self/clear_refs", "5").ok()?;
    let before = most()?;
    step();
    // Memory that was returned to the system in the meantime may lower the difference.
    Some(most()?.saturating_sub(before) * 1024)
}

/// The durations of `count` runs after a warm-up run; of one run if that takes long.
fn runs(count: usize, step: impl Fn()) -> Vec<Duration> {
    const LONG: Duration = Duration::from_millis(700);
    let count = if time(&step) > LONG { 1 } else { count };
    (0..count).map(|_| time(&step)).collect()
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The times to read the inputs and write as much as the gradients: into fresh memory, as a new tensor's is, and into memory
/// that was written before.
fn copies(case: &Case) -> [f64; 2] {
    let [first, second] = case.floats();
    let copy = |to: &mut [f32]| {
        const PART: usize = 1 << 14;
        let parts = to.par_chunks_mut(PART).zip(first.par_chunks(PART)).enumerate();
        parts.for_each(|(part, (to, first))| {
            let start = (part * PART).min(second.len());
            let second = &second[start..second.len().min(start + PART)];
            to.copy_from_slice(first);
            to.iter_mut().zip(second).for_each(|(to, second)| *to += second);
        });
    };
    let fresh = runs(7, || {
        let mut to = vec![0.0; first.len()];
        copy(&mut to);
        black_box(to);
    });
    let to = std::cell::RefCell::new(vec![0.0; first.len()]);
    let reused = runs(7, || copy(black_box(&mut to.borrow_mut())));
    [fresh, reused].map(|mut times| milliseconds(median(&mut times)))
}

/// Computes the gradient of a value, which keeps the compiler from removing any work.
fn backward(value: Tensor<1>) {
    black_box(value.backward());
}
