//! The buffer pool: it keeps what the last steps used, gives it back when training ends, and can be switched off.

use std::thread::sleep;
use std::time::{Duration, Instant};

use burn::tensor::{Device, Tensor};
use burn_losses::regression::HuberLossConfig;
use burn_losses::{keep_memory, kept_memory, release_memory};

use crate::checks::Checks;

const MIB: usize = 1 << 20;

/// One step whose gradient has this many bytes.
fn step(bytes: usize, device: &Device) {
    let count = bytes / size_of::<f32>();
    let loss = HuberLossConfig::new().init(device);
    let predictions = Tensor::<1>::zeros([count], device).require_grad();
    let gradients = loss.forward(predictions.clone(), Tensor::ones([count], device)).backward();
    assert!(predictions.grad(&gradients).is_some());
}

/// How many seconds it takes, doing this, until the pool keeps at most so many bytes; infinity if it takes half a minute.
fn seconds_until(most: usize, meanwhile: impl Fn()) -> f64 {
    let start = Instant::now();
    while kept_memory() > most {
        if start.elapsed() > Duration::from_secs(30) {
            return f64::INFINITY;
        }
        meanwhile();
    }
    start.elapsed().as_secs_f64()
}

/// The most seconds until the pool has seen that less is needed.
const PATIENCE: f64 = 5.0;

pub(crate) fn check(checks: &mut Checks) {
    const LARGE: usize = 16;
    let device = Device::flex().autodiff();
    release_memory();

    // No batch has the size of another, so that each needs a buffer of its own.
    let (mut largest, mut beyond) = (0, 0);
    for halves in (2..2 * LARGE).step_by(2).chain((3..2 * LARGE).step_by(2).rev()) {
        let size = halves * MIB / 2;
        step(size, &device);
        largest = largest.max(size);
        beyond = beyond.max(kept_memory().saturating_sub(largest));
    }
    checks.at_most("bytes that the pool keeps beyond the largest gradient", beyond as f64, 0.0);
    let seconds = seconds_until(MIB, || step(MIB, &device));
    checks.at_most("seconds of small batches until only theirs is kept", seconds, PATIENCE);
    let seconds = seconds_until(0, || sleep(Duration::from_millis(20)));
    checks.at_most("seconds after the training until nothing is kept", seconds, PATIENCE);

    step(LARGE * MIB, &device);
    let missing = (LARGE * MIB).abs_diff(kept_memory());
    checks.at_most("bytes by which the pool differs from the gradient of the last step", missing as f64, 0.0);
    release_memory();
    checks.at_most("bytes that are kept after `release_memory`", kept_memory() as f64, 0.0);
    keep_memory(0);
    step(LARGE * MIB, &device);
    checks.at_most("bytes that are kept after `keep_memory(0)`", kept_memory() as f64, 0.0);
}
