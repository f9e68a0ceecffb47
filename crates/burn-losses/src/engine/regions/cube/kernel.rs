//! The kernels of regions: sums over pixels, a formula of the sums, and the gradient.

// A kernel has no chains of `let`.
#![allow(clippy::collapsible_if)]

use super::pixel::{Sizes, pixel, total};
use crate::engine::cube::emit;
use crate::formula::program::Program;
use crate::options::Activation;
use burn_cubecl::cubecl;
use cubecl::prelude::*;

/// What kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Structure {
    pub(super) activation: Activation,
    /// Whether areas are sums of squares.
    pub(super) is_squared: bool,
    /// Whether sums run over the samples too.
    pub(super) is_of_batch: bool,
    /// The units of a cube: a power of two.
    pub(super) units: usize,
}

/// The softmax of each pixel: the largest logits `[N, pixels]`, then the sums of e^(x - that).
#[cube(launch, address_type = "dynamic")]
pub(super) fn totals<S: Float, V: Int, F: Float>(
    logits: &Tensor<S>,
    valid: ComptimeOption<&Tensor<V>>,
    totals: &mut Tensor<F>,
    sizes: &Sizes,
    #[comptime] units: usize,
    #[define(S, V, F)] _types: [ElemType; 3],
) {
    let length = sizes.samples * sizes.pixels;
    let mut i = ABSOLUTE_POS;
    while i < length {
        let total = total::<S, V, F>(logits, valid, i / sizes.pixels, i % sizes.pixels, sizes);
        totals[i] = total.most;
        totals[length + i] = total.sum;
        i += CUBE_COUNT * units;
    }
}

/// The sums over some pixels of a sample and class, by each cube: `[N, C, pieces, 3]`.
#[cube(launch, address_type = "dynamic")]
#[allow(clippy::too_many_arguments)] // those of a kernel
pub(super) fn sums<S: Float, M: Float, V: Int, F: Float>(
    logits: &Tensor<S>,
    masks: &Tensor<M>,
    valid: ComptimeOption<&Tensor<V>>,
    totals: ComptimeOption<&Tensor<F>>,
    partial: &mut Tensor<F>,
    sizes: &Sizes,
    pieces: usize,
    // Of a piece, in pixels.
    size: usize,
    #[comptime] structure: Structure,
    #[define(S, M, V, F)] _types: [ElemType; 4],
) {
    let jobs = sizes.samples * sizes.classes * pieces;
    let unit = UNIT_POS as usize;
    let mut job = CUBE_POS;
    // All units of a cube do the same jobs: they wait for each other.
    while job < jobs {
        let row = job / pieces;
        let (sample, class) = (row / sizes.classes, row % sizes.classes);
        let begin = job % pieces * size;
        let end = select(begin + size < sizes.pixels, begin + size, sizes.pixels);
        let mut both = F::new(0.0_f32);
        let mut prediction = F::new(0.0_f32);
        let mut target = F::new(0.0_f32);
        let mut place = begin + unit;
        while place < end {
            let mut most = F::new(0.0_f32);
            let mut sum = F::new(1.0_f32);
            #[comptime]
            if let ComptimeOption::Some(totals) = &totals {
                most = totals[sample * sizes.pixels + place];
                sum = totals[(sizes.samples + sample) * sizes.pixels + place];
            }
            let here = pixel::<S, M, V, F>(
                logits,
                masks,
                valid,
                sample,
                class,
                place,
                most,
                sum,
                comptime!(structure.activation),
            );
            let t = select(here.counts, here.t, F::new(0.0_f32));
            let p = select(here.counts, here.p, F::new(0.0_f32));
            both += p * t;
            if comptime!(structure.is_squared) {
                prediction += p * p;
                target += t * t;
            } else {
                prediction += p;
                target += t;
            }
            place += comptime!(structure.units);
        }
        let sums = cube_sums::<F>(Areas::<F> { both, prediction, target }, comptime!(structure.units));
        if unit == 0 {
            partial[3 * job] = sums.both;
            partial[3 * job + 1] = sums.prediction;
            partial[3 * job + 2] = sums.target;
        }
        job += CUBE_COUNT;
    }
}

/// What the sums over the pieces make: the values of a formula `[N, C]` and its derivatives by the first two sums, `[N, C, 2]`, or of the
/// batch `[1, C, 2]`; where there is none, the sums themselves, `[N, C, 3]`. One cube does a sample and class at a time, or a class.
#[cube(launch, address_type = "dynamic")]
#[allow(clippy::too_many_arguments)] // those of a kernel
pub(super) fn finish<F: Float>(
    partial: &Tensor<F>,
    values: &mut Tensor<F>,
    mut slopes: ComptimeOption<&mut Tensor<F>>,
    parameters: &Sequence<InputScalar>,
    sizes: &Sizes,
    pieces: usize,
    #[comptime] program: Option<Program>,
    #[comptime] is_of_batch: bool,
    #[comptime] units: usize,
    #[define(F)] _type: ElemType,
) {
    let mut of_each = 1_usize.runtime();
    let mut rows = sizes.samples * sizes.classes;
    if comptime!(is_of_batch) {
        of_each = sizes.samples;
        rows = sizes.classes;
    }
    let unit = UNIT_POS as usize;
    let mut row = CUBE_POS;
    while row < rows {
        let mut both = F::new(0.0_f32);
        let mut prediction = F::new(0.0_f32);
        let mut target = F::new(0.0_f32);
        let mut i = unit;
        while i < of_each * pieces {
            let place = 3 * ((row + i / pieces * sizes.classes) * pieces + i % pieces);
            both += partial[place];
            prediction += partial[place + 1];
            target += partial[place + 2];
            i += units;
        }
        let sums = cube_sums::<F>(Areas::<F> { both, prediction, target }, units);
        if unit == 0 {
            if comptime!(program.is_some()) {
                let mut inputs = Sequence::<Vector<F, Const<1>>>::new();
                inputs.push(Vector::new(sums.both));
                inputs.push(Vector::new(sums.prediction));
                inputs.push(Vector::new(sums.target));
                let program = comptime!(program.clone().expect("a program"));
                let outputs = emit::run::<F, Const<1>>(&inputs, parameters, program);
                let mut sample = 0_usize.runtime();
                while sample < of_each {
                    values[row + sample * sizes.classes] = outputs.index(0).extract(0_usize);
                    sample += 1;
                }
                #[comptime]
                if let ComptimeOption::Some(slopes) = &mut slopes {
                    slopes[2 * row] = outputs.index(1).extract(0_usize);
                    slopes[2 * row + 1] = outputs.index(2).extract(0_usize);
                }
            } else {
                let mut sample = 0_usize.runtime();
                while sample < of_each {
                    let place = 3 * (row + sample * sizes.classes);
                    values[place] = sums.both;
                    values[place + 1] = sums.prediction;
                    values[place + 2] = sums.target;
                    sample += 1;
                }
            }
        }
        row += CUBE_COUNT;
    }
}

/// The sum over the samples of what comes from above.
#[cube(launch, address_type = "dynamic")]
pub(super) fn of_batch<F: Float>(
    upstream: &Tensor<F>,
    sums: &mut Tensor<F>,
    samples: usize,
    columns: usize,
    #[comptime] units: usize,
    #[define(F)] _type: ElemType,
) {
    let mut column = ABSOLUTE_POS;
    while column < columns {
        let mut sum = F::new(0.0_f32);
        let mut sample = 0_usize.runtime();
        while sample < samples {
            sum += upstream[sample * columns + column];
            sample += 1;
        }
        sums[column] = sum;
        column += CUBE_COUNT * units;
    }
}

/// The gradient of the logits, one pixel of all classes by each unit. What comes from above is that of the values `[N, C]`, which have
/// slopes, or of the sums `[N, C, 3]`; of the batch where N is 1 there.
#[cube(launch, address_type = "dynamic")]
#[allow(clippy::too_many_arguments)] // those of a kernel
pub(super) fn gradient<S: Float, M: Float, V: Int, F: Float>(
    logits: &Tensor<S>,
    masks: &Tensor<M>,
    valid: ComptimeOption<&Tensor<V>>,
    slopes: ComptimeOption<&Tensor<F>>,
    upstream: &Tensor<F>,
    gradient: &mut Tensor<S>,
    sizes: &Sizes,
    #[comptime] structure: Structure,
    #[define(S, M, V, F)] _types: [ElemType; 4],
) {
    let activation = comptime!(structure.activation);
    let mut i = ABSOLUTE_POS;
    while i < sizes.samples * sizes.pixels {
        let (sample, place) = (i / sizes.pixels, i % sizes.pixels);
        let mut most = F::new(0.0_f32);
        let mut sum = F::new(1.0_f32);
        // The mean derivative by the probabilities.
        let mut mean = F::new(0.0_f32);
        if comptime!(activation == Activation::Softmax) {
            let total = total::<S, V, F>(logits, valid, sample, place, sizes);
            most = total.most;
            sum = total.sum;
            let mut class = 0_usize.runtime();
            while class < sizes.classes {
                let here = pixel::<S, M, V, F>(logits, masks, valid, sample, class, place, most, sum, activation);
                let slope = by_probability::<F>(slopes, upstream, sample, class, here.p, here.t, sizes, structure);
                mean += select(here.counts, slope * here.p, F::new(0.0_f32));
                class += 1;
            }
        }
        let mut class = 0_usize.runtime();
        while class < sizes.classes {
            let here = pixel::<S, M, V, F>(logits, masks, valid, sample, class, place, most, sum, activation);
            let mut slope = by_probability::<F>(slopes, upstream, sample, class, here.p, here.t, sizes, structure);
            if comptime!(activation == Activation::Sigmoid) {
                slope *= here.p * here.rest;
            }
            if comptime!(activation == Activation::Softmax) {
                slope = (slope - mean) * here.p;
            }
            gradient[(sample * sizes.classes + class) * sizes.pixels + place] =
                S::cast_from(select(here.counts, slope, F::new(0.0_f32)));
            class += 1;
        }
        i += CUBE_COUNT * comptime!(structure.units);
    }
}

/// The derivative by a probability.
#[cube]
#[allow(clippy::too_many_arguments)] // those of the kernel
fn by_probability<F: Float>(
    slopes: ComptimeOption<&Tensor<F>>,
    upstream: &Tensor<F>,
    sample: usize,
    class: usize,
    p: F,
    t: F,
    sizes: &Sizes,
    #[comptime] structure: Structure,
) -> F {
    let mut row = class;
    if !comptime!(structure.is_of_batch) {
        row += sample * sizes.classes;
    }
    let mut by_both = F::new(0.0_f32);
    let mut by_prediction = F::new(0.0_f32);
    #[comptime]
    if let ComptimeOption::Some(slopes) = &slopes {
        by_both = upstream[row] * slopes[2 * row];
        by_prediction = upstream[row] * slopes[2 * row + 1];
    }
    #[comptime]
    if slopes.is_none() {
        by_both = upstream[3 * row];
        by_prediction = upstream[3 * row + 1];
    }
    if comptime!(structure.is_squared) {
        by_prediction *= p + p;
    }
    by_both * t + by_prediction
}

/// Areas over pixels.
#[derive(CubeType)]
struct Areas<F: Float> {
    both: F,
    prediction: F,
    target: F,
}

/// The sums over all units of a cube.
#[cube]
fn cube_sums<F: Float>(own: Areas<F>, #[comptime] units: usize) -> Areas<F> {
    let mut all = Shared::<[F]>::new_slice(3 * units);
    let unit = UNIT_POS as usize;
    all[unit] = own.both;
    all[units + unit] = own.prediction;
    all[2 * units + unit] = own.target;
    sync_cube();
    let mut active = (units / 2).runtime();
    while active > 0 {
        if unit < active {
            #[unroll]
            for number in 0..3_usize {
                let place = number * units + unit;
                let other = all[place + active];
                all[place] += other;
            }
        }
        sync_cube();
        active /= 2;
    }
    let sums = Areas::<F> { both: all[0], prediction: all[units], target: all[2 * units] };
    // Before anybody writes there again.
    sync_cube();
    sums
}
