//! What losses allocate beyond their inputs, counted by this program's allocator. One test, since others would be counted too.
//!
//! `cargo xtask memory` measures at full size; the tests use small sizes.

use burn::tensor::{Device, Distribution, Int, Tensor};
use burn_losses::heads::SoftmaxLossConfig;
use burn_losses::metric::{Mining, TripletLossConfig};
use burn_losses::prelude::*;
use burn_losses::regression::HuberLossConfig;
use peak_alloc::PeakAlloc;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The peak of a computation's memory in bytes, beyond what was in use before, and its duration.
struct Cost {
    bytes: usize,
    seconds: f64,
}

fn measure<T>(compute: impl FnOnce() -> T) -> Cost {
    // Buffers that an earlier computation has left are released.
    burn_losses::release_memory();
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let start = Instant::now();
    let result = compute();
    let seconds = start.elapsed().as_secs_f64();
    drop(result);
    Cost { bytes: ALLOCATOR.peak_usage() - before, seconds }
}

/// Measures a step of a softmax head: value and gradients.
fn softmax(
    device: &Device,
    rows: usize,
    classes: usize,
    size: usize,
    chunk_rows: Option<usize>,
    reduced: bool,
) -> Cost {
    let mut config = SoftmaxLossConfig::new(classes, size).with_bias(true);
    config.options.chunk_rows = chunk_rows;
    let head = config.init(device);
    let embeddings = Tensor::<2>::random([rows, size], Distribution::Default, device).require_grad();
    let labels = Tensor::<1, Int>::arange(0..rows as i64, device) * 7919 % classes as i64;
    // The parameter exists before the measurement.
    let _ = head.weight().sum().into_scalar::<f32>();
    measure(|| {
        let value = if reduced {
            head.forward(embeddings, labels)
        } else {
            head.forward_no_reduction(embeddings, labels).sum()
        };
        let gradients = value.backward();
        assert!(head.weight().grad(&gradients).is_some());
        gradients
    })
}

/// Measures the reduced value of a pointwise loss, with its gradient or without.
fn huber(device: &Device, count: usize, is_tracked: bool) -> Cost {
    let loss = HuberLossConfig::new().init(device);
    let numbers = || Tensor::<1>::random([count], Distribution::Default, device);
    let (predictions, targets) = (numbers(), numbers());
    if !is_tracked {
        return measure(|| loss.forward(predictions.clone(), targets.clone()).into_scalar::<f32>());
    }
    let leaf = predictions.clone().require_grad();
    measure(|| loss.forward(leaf.clone(), targets.clone()).backward())
}

/// Measures a step of batch-hard triplet loss.
fn triplet(device: &Device, rows: usize, mining: Mining) -> Cost {
    let loss = TripletLossConfig::new().with_mining(mining).init(device);
    let embeddings = Tensor::<2>::random([rows, 64], Distribution::Default, device).require_grad();
    let labels = Tensor::<1, Int>::arange(0..rows as i64, device) % (rows / 4) as i64;
    measure(|| loss.forward(embeddings, labels).backward())
}

fn mb(cost: &Cost) -> f64 {
    cost.bytes as f64 / 1e6
}

#[test]
fn memory_is_bounded() {
    let full = std::env::var("BURN_LOSSES_FULL").is_ok();
    let flex = Device::flex().autodiff();
    #[allow(deprecated)] // upstream's, not ours: burn-ndarray is part of what we support
    let ndarray = Device::ndarray().autodiff();
    let balanced = Device::flex().autodiff().gradient_checkpointing();

    let [rows, classes, size, chunk] = if full { [4096, 50_000, 256, 256] } else { [512, 4000, 16, 32] };
    println!("softmax, N = {rows}, C = {classes}, E = {size}, f32, value and gradients");
    let devices = [("flex", &flex), ("ndarray", &ndarray), ("flex, balanced checkpointing", &balanced)];
    for (name, device) in if full { &devices[..1] } else { &devices } {
        // With the fused engine, the reduced value is computed in chunks anyway.
        let plain = softmax(device, rows, classes, size, None, false);
        println!("  {name}: plain {:.0} MB, {:.2} s", mb(&plain), plain.seconds);
        for (what, reduced) in [("mean", true), ("unreduced", false)] {
            let chunked = softmax(device, rows, classes, size, Some(chunk), reduced);
            let share = chunked.bytes as f64 / plain.bytes as f64;
            let slower = chunked.seconds / plain.seconds;
            println!(
                "  {name}: {what}, {chunk} rows at a time {:.0} MB ({:.1} %), {:.2} s ({slower:.2} x)",
                mb(&chunked),
                100.0 * share,
                chunked.seconds
            );
            assert!(share < 0.25, "{name}, {what}: {share:.3} of the plain path's memory");
            assert!(!full || !reduced || slower < 1.3, "{name}, {what}: {slower:.2} times the plain path's time");
        }
    }

    let count = 1 << 20;
    println!("huber, {count} predictions, f32, beyond the inputs");
    for (name, device) in devices {
        let (value, gradient) = (huber(device, count, false), huber(device, count, true));
        println!("  {name}: value {:.1} MB, value and gradient {:.1} MB", mb(&value), mb(&gradient));
        assert!(value.bytes < 100_000, "{name}: {} bytes for a value alone", value.bytes);
        let one = 4 * count;
        assert!((one..one + 100_000).contains(&gradient.bytes), "{name}: {} bytes, of {one}", gradient.bytes);
    }

    println!("triplet, E = 64, f32, value and gradient, in N x N floats");
    // Semi-hard mining considers every triplet, for some anchors at a time.
    let many = if full { 4096 } else { 512 };
    let cases = [
        ("hard", Mining::Hard, many),
        ("semi_hard", Mining::SemiHard, 256),
        ("semi_hard_closest", Mining::SemiHardClosest, 256),
    ];
    for (name, mining, rows) in cases {
        let cost = triplet(&flex, rows, mining);
        let squares = cost.bytes as f64 / (4 * rows * rows) as f64;
        println!("  {name}, N = {rows}: {:.0} MB, {squares:.1}, {:.2} s", mb(&cost), cost.seconds);
        assert!(name != "hard" || squares < 6.0, "{squares:.2} N^2 floats");
        assert!(cost.bytes < 128_000_000 + 24 * rows * rows, "{name}: {:.0} MB", mb(&cost));
    }
    if full {
        t65_more_logits_than_an_i32_counts();
    }
}

/// No index counts rows and classes together: the last of more than 2^31 logits are as exact as those of a single row.
fn t65_more_logits_than_an_i32_counts() {
    let (device, rows, classes) = (Device::flex(), (1 << 16) + 1, (1 << 15) + 1);
    let config = SoftmaxLossConfig::new(classes, 1).with_chunk_rows(1024);
    let head = config.init(&device);
    let embeddings = Tensor::<2>::random([rows, 1], Distribution::Default, &device);
    let labels = Tensor::<1, Int>::arange(0..rows as i64, &device) % classes as i64;
    let values = head.forward_no_reduction(embeddings.clone(), labels.clone());
    for row in [0, rows / 2, rows - 1] {
        let one = |tensor: Tensor<2>| tensor.narrow(0, row, 1);
        let alone = head.forward(one(embeddings.clone()), labels.clone().narrow(0, row, 1));
        let (got, expected) = (values.clone().narrow(0, row, 1).into_scalar::<f32>(), alone.into_scalar::<f32>());
        assert!((got - expected).abs() < 1e-4, "row {row}: {got} {expected}");
    }
    println!("softmax, N = {rows}, C = {classes}: {} logits", rows * classes);
}
