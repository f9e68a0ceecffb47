//! The kernels of regions: sums over pixels, a formula of the sums, and the gradient.

use super::pixel::{Sizes, counts, largest, mask, power, probability};
use crate::engine::cube::emit;
use crate::formula::program::Program;
use crate::options::Activation;
use burn_cubecl::cubecl;
use cubecl::prelude::*;

/// Everything that the kernels are compiled for.
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

/// The softmax of each pixel: the largest logits `[N, pixels]`, then the sums of e^(x - largest).
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
        let (sample, place) = (i / sizes.pixels, i % sizes.pixels);
        let most = largest::<S, V, F>(logits, valid, sample, place, sizes);
        let mut sum = F::new(0.0_f32);
        let mut class = 0_usize.runtime();
        while class < sizes.classes {
            sum += power::<S, V, F>(logits, valid, sample, class, place, most);
            class += 1;
        }
        totals[i] = most;
        totals[length + i] = sum;
        i += CUBE_COUNT * units;
    }
}

/// The sums over the pixels of each piece of a sample and class: `[N, C, pieces, 3]`. Each cube works on one piece at a time.
#[cube(launch, address_type = "dynamic")]
#[expect(clippy::too_many_arguments)] // a kernel takes its arguments one by one
pub(super) fn sums<S: Float, M: Float, V: Int, F: Float>(
    logits: &Tensor<S>,
    masks: &Tensor<M>,
    valid: ComptimeOption<&Tensor<V>>,
    totals: ComptimeOption<&Tensor<F>>,
    partial: &mut Tensor<F>,
    sizes: &Sizes,
    pieces: usize,
    // The number of pixels of a piece.
    size: usize,
    #[comptime] structure: Structure,
    #[define(S, M, V, F)] _types: [ElemType; 4],
) {
    let jobs = sizes.samples * sizes.classes * pieces;
    let unit = UNIT_POS as usize;
    let mut job = CUBE_POS;
    // All units of a cube work on the same jobs, because they wait for each other.
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
            let is_counted = counts::<V>(valid, sample, class, place);
            let mut p = F::new(0.0_f32);
            if comptime!(structure.activation == Activation::Softmax) {
                p = power::<S, V, F>(logits, valid, sample, class, place, most) / sum;
            }
            if comptime!(structure.activation != Activation::Softmax) {
                p = probability::<S, F>(logits, sample, class, place, comptime!(structure.activation)).p;
            }
            let p = select(is_counted, p, F::new(0.0_f32));
            let t = select(is_counted, mask::<M, F>(masks, sample, class, place), F::new(0.0_f32));
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

/// Adds up the sums over the pieces. With a formula, computes its values `[N, C]` and their derivatives with respect to the first
/// two sums, `[N, C, 2]`, or `[1, C, 2]` for sums over the batch. Without one, writes the sums themselves, `[N, C, 3]`. One cube
/// works on one sample and class at a time, or on one class of the batch.
#[cube(launch, address_type = "dynamic")]
#[expect(clippy::too_many_arguments)] // a kernel takes its arguments one by one
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

/// The sum of the upstream gradients over the samples.
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

/// The gradient of the logits; each unit computes one pixel of all classes. The upstream gradient is that of the values `[N, C]`,
/// which have slopes, or that of the sums `[N, C, 3]`. For sums over the batch, N is 1 there.
#[cube(launch, address_type = "dynamic")]
#[expect(clippy::too_many_arguments)] // a kernel takes its arguments one by one
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
    let is_softmax = comptime!(activation == Activation::Softmax);
    let mut i = ABSOLUTE_POS;
    while i < sizes.samples * sizes.pixels {
        let (sample, place) = (i / sizes.pixels, i % sizes.pixels);
        let start = sample * sizes.classes * sizes.pixels + place;
        let mut sum = F::new(1.0_f32);
        // The mean of the derivatives with respect to the probabilities.
        let mut mean = F::new(0.0_f32);
        if is_softmax {
            let most = largest::<S, V, F>(logits, valid, sample, place, sizes);
            sum = F::new(0.0_f32);
            let mut mean_of_squares = F::new(0.0_f32);
            let mut class = 0_usize.runtime();
            while class < sizes.classes {
                // The powers are stored in the place of the gradient: once their sum is known, they become probabilities.
                let power = power::<S, V, F>(logits, valid, sample, class, place, most);
                gradient[start + class * sizes.pixels] = S::cast_from(power);
                sum += power;
                if counts::<V>(valid, sample, class, place) {
                    let by_both = by_sum::<F>(slopes, upstream, sample, class, sizes, 0_usize, structure);
                    let by_prediction = by_sum::<F>(slopes, upstream, sample, class, sizes, 1_usize, structure);
                    mean += by_both * mask::<M, F>(masks, sample, class, place) * power;
                    if comptime!(structure.is_squared) {
                        mean_of_squares += by_prediction * power * power;
                    } else {
                        mean += by_prediction * power;
                    }
                }
                class += 1;
            }
            mean = mean / sum + (mean_of_squares + mean_of_squares) / sum / sum;
        }
        let mut class = 0_usize.runtime();
        while class < sizes.classes {
            let mut p = F::new(0.0_f32);
            let mut rest = F::new(0.0_f32);
            if is_softmax {
                p = F::cast_from(gradient[start + class * sizes.pixels]) / sum;
            }
            if !is_softmax {
                let pixel = probability::<S, F>(logits, sample, class, place, activation);
                p = pixel.p;
                rest = pixel.rest;
            }
            let mut by_prediction = by_sum::<F>(slopes, upstream, sample, class, sizes, 1_usize, structure);
            if comptime!(structure.is_squared) {
                by_prediction *= p + p;
            }
            let by_both = by_sum::<F>(slopes, upstream, sample, class, sizes, 0_usize, structure);
            let mut slope = by_both * mask::<M, F>(masks, sample, class, place) + by_prediction;
            if comptime!(activation == Activation::Sigmoid) {
                slope *= p * rest;
            }
            if is_softmax {
                slope = (slope - mean) * p;
            }
            let is_counted = counts::<V>(valid, sample, class, place);
            gradient[start + class * sizes.pixels] = S::cast_from(select(is_counted, slope, F::new(0.0_f32)));
            class += 1;
        }
        i += CUBE_COUNT * comptime!(structure.units);
    }
}

/// The derivative with respect to a sum: number 0 is the sum of p t, number 1 the sum of p.
#[cube]
fn by_sum<F: Float>(
    slopes: ComptimeOption<&Tensor<F>>,
    upstream: &Tensor<F>,
    sample: usize,
    class: usize,
    sizes: &Sizes,
    #[comptime] number: usize,
    #[comptime] structure: Structure,
) -> F {
    let mut row = class;
    if !comptime!(structure.is_of_batch) {
        row += sample * sizes.classes;
    }
    let mut result = F::new(0.0_f32);
    #[comptime]
    if let ComptimeOption::Some(slopes) = &slopes {
        result = upstream[row] * slopes[2 * row + number];
    }
    #[comptime]
    if slopes.is_none() {
        result = upstream[3 * row + number];
    }
    result
}

/// Sums over pixels.
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
    // No unit may write here again before all have read.
    sync_cube();
    sums
}
