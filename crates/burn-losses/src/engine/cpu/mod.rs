//! The fused engine of the CPU backends: value and gradient in one pass over memory.
//!
//! A formula is compiled for the vector instructions of the machine ([`lanes`]), with [`Dual`](crate::formula::Dual) numbers where a
//! gradient is wanted, and runs over the memory of the tensors ([`memory`]) on all threads. Work is cut into pieces of a fixed size
//! whose sums, in double precision, are added in order: the same bits come out whatever the number of threads.
//!
//! Where that does not apply (another device, another type, targets that need a gradient) there is no kernel, and the caller runs
//! the formula on tensors.

pub(crate) mod boxes;
pub(crate) mod centers;
pub(crate) mod heads;
pub(crate) mod host;
pub(crate) mod lanes;
pub(crate) mod memory;
pub(crate) mod overlap;
pub(crate) mod pairwise;
pub(crate) mod picks;
pub(crate) mod pointwise;
pub(crate) mod proxies;
pub(crate) mod rank;
mod raw;
pub(crate) mod rows;
pub(crate) mod soft;
mod turn;
pub(crate) mod unit;

use burn::tensor::Tensor;
use rayon::prelude::*;
use std::cell::Cell;
use std::sync::OnceLock;

/// The environment variable that turns the fused engine off.
const SWITCH: &str = "BURN_LOSSES_ENGINE";

thread_local! {
    static OFF: Cell<bool> = const { Cell::new(false) };
}

/// Runs `run` with the fused engine off.
pub(crate) fn without<T>(run: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            OFF.set(self.0);
        }
    }
    let _restore = Restore(OFF.replace(true));
    run()
}

/// Whether tensor operations were asked for.
pub(crate) fn is_off() -> bool {
    static EVERYWHERE: OnceLock<bool> = OnceLock::new();
    OFF.get()
        || *EVERYWHERE.get_or_init(|| match std::env::var(SWITCH).as_deref() {
            Err(_) | Ok("fused") => false,
            Ok("tensor") => true,
            Ok(other) => panic!("{SWITCH} is `{other}`; allowed are `fused` (the default) and `tensor`"),
        })
}

/// Whether there may be a kernel for this tensor: whether its numbers lie in the memory of this process.
pub(crate) fn applies<const D: usize>(tensor: &Tensor<D>) -> bool {
    !is_off() && memory::Memory::has(tensor)
}

/// What a sum is multiplied by to divide it by this; 0 where that is 0.
fn factor_of(divisor: Option<f64>) -> f64 {
    match divisor {
        None => 1.0,
        Some(0.0) => 0.0,
        Some(divisor) => 1.0 / divisor,
    }
}

/// The sum divided by this; 0 where that is 0.
fn of_sum(sum: f64, divisor: Option<f64>) -> f64 {
    match divisor {
        None => sum,
        Some(0.0) => 0.0,
        Some(divisor) => sum / divisor,
    }
}

/// Numbers of a piece of work: what it reads and writes fits into a core's own cache.
const PIECE: usize = 1 << 14;

/// Runs `work` on `count` entries, `size` at a time, and adds up what it returns, in order. Each piece gets its part of both outputs,
/// of which every entry has as many numbers as `widths` says.
fn in_pieces<T: Send>(
    count: usize,
    size: usize,
    outputs: [Option<&mut [T]>; 2],
    widths: [usize; 2],
    work: impl Fn(usize, [Option<&mut [T]>; 2]) -> f64 + Send + Sync,
) -> f64 {
    let [first, second] = outputs;
    if count <= size {
        return work(0, [first, second]);
    }
    let pieces = count.div_ceil(size);
    let (first, second) = (split(first, pieces, size * widths[0]), split(second, pieces, size * widths[1]));
    let outputs: Vec<_> = first.into_iter().zip(second).collect();
    let run = |(piece, (first, second))| work(piece, [first, second]);
    outputs.into_par_iter().enumerate().map(run).collect::<Vec<f64>>().into_iter().sum()
}

fn split<T>(output: Option<&mut [T]>, pieces: usize, size: usize) -> Vec<Option<&mut [T]>> {
    match output {
        Some(output) => output.chunks_mut(size).map(Some).collect(),
        None => (0..pieces).map(|_| None).collect(),
    }
}

/// What belongs to a piece: of entries with `width` numbers each.
fn part<T>(of: &[T], piece: usize, size: usize, width: usize) -> &[T] {
    let start = piece * size * width;
    &of[start..of.len().min(start + size * width)]
}
