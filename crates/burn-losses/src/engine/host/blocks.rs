//! Parallel loops over blocks of a fixed size.
//!
//! The sums of the blocks, in double precision, are added in order: the result has the same bits for any number of threads.

use crate::reduction::Reduction;
use rayon::prelude::*;

/// The numbers of a block: all that is read and written for it fits into the core's own cache.
pub(crate) const BLOCK: usize = 1 << 14;

/// For each of two outputs, the part that belongs to a block; `None` if the output is not wanted.
pub(crate) type Outputs<'a, T> = [Option<&'a mut [T]>; 2];

/// Runs `work` on `count` entries, `size` at a time, and adds up its results in order. Each block gets its part of both outputs;
/// `widths` says how many numbers each entry has in them.
///
/// `work` is not compiled again for each loop: the cost of an indirect call is negligible for a block.
pub(crate) fn par_blocks<T: Send>(
    count: usize,
    size: usize,
    outputs: Outputs<'_, T>,
    widths: [usize; 2],
    work: &(dyn Fn(usize, Outputs<'_, T>) -> f64 + Sync),
) -> f64 {
    let [first, second] = outputs;
    if count <= size {
        return work(0, [first, second]);
    }
    let blocks = count.div_ceil(size);
    let (first, second) = (split(first, blocks, size * widths[0]), split(second, blocks, size * widths[1]));
    let outputs: Vec<_> = first.into_iter().zip(second).collect();
    let run = |(block, (first, second))| work(block, [first, second]);
    outputs.into_par_iter().enumerate().map(run).collect::<Vec<f64>>().into_iter().sum()
}

/// Runs `work` on each row of `width` numbers, with the number of the row; a task has `least_rows` rows.
pub(crate) fn par_rows<T: Send>(
    numbers: &mut [T],
    width: usize,
    least_rows: usize,
    work: &(dyn Fn(usize, &mut [T]) + Sync),
) {
    numbers.par_chunks_mut(width * least_rows).enumerate().for_each(|(group, rows)| {
        for (i, row) in rows.chunks_mut(width).enumerate() {
            work(group * least_rows + i, row);
        }
    });
}

/// The results of `work` for 0, 1, .. `count - 1`; a task has at least `least` of them.
pub(crate) fn par_map(count: usize, least: usize, work: &(dyn Fn(usize) -> f64 + Sync)) -> Vec<f64> {
    (0..count).into_par_iter().with_min_len(least).map(work).collect()
}

fn split<T>(output: Option<&mut [T]>, blocks: usize, size: usize) -> Vec<Option<&mut [T]>> {
    match output {
        Some(output) => output.chunks_mut(size).map(Some).collect(),
        None => (0..blocks).map(|_| None).collect(),
    }
}

/// The numbers of a block of `size` entries, each of which has `width` numbers.
pub(crate) fn part<T>(of: &[T], block: usize, size: usize, width: usize) -> &[T] {
    &of[range(of.len(), block, size * width)]
}

/// The range of a block's numbers, of `count` numbers in all and `size` in each block.
pub(crate) fn range(count: usize, block: usize, size: usize) -> core::ops::Range<usize> {
    let start = block * size;
    start..count.min(start + size)
}

/// The factor that divides a sum by this divisor; 0 for a divisor of 0.
pub(crate) fn factor_of(divisor: Option<f64>) -> f64 {
    match divisor {
        None => 1.0,
        Some(0.0) => 0.0,
        Some(divisor) => 1.0 / divisor,
    }
}

/// The sum divided by this divisor; 0 for a divisor of 0.
pub(crate) fn divided(sum: f64, divisor: Option<f64>) -> f64 {
    match divisor {
        None => sum,
        Some(0.0) => 0.0,
        Some(divisor) => sum / divisor,
    }
}

/// The divisor of a reduction: of `count` values (the number of valid ones, or the sum of their class weights) of this many
/// samples, whose weights sum to `weights`. It does not exist for `positives`, which counts targets.
pub(crate) fn divisor_of(reduction: Reduction, count: f64, samples: usize, weights: Option<f64>) -> Option<f64> {
    match reduction {
        Reduction::Sum => None,
        Reduction::Mean => Some(count),
        Reduction::BatchMean => Some(samples as f64),
        Reduction::WeightedMean => Some(weights.unwrap_or(count)),
        Reduction::Positives => panic!("reduction: `positives` needs the number of positive targets as `divisor`"),
    }
}
