//! Regions and masks -> sums over their pixels, for every sample and class.
//!
//! The probabilities are kept for the backward pass, which replaces them by the gradient.

use super::{Call, Outcome, of_pixel};
use crate::engine::any_tensor::AnyTensor;
use crate::engine::custom_backward::custom_backward;
use crate::engine::host::blocks::BLOCK;
use crate::engine::host::memory::{Memory, in_precision, stale, tensor};
use crate::engine::host::simd::{Float, MOST_LANES, Sum, zip};
use crate::engine::primitives::activation;
use crate::formula::Dual;
use crate::options::{Activation, Denominator, RegionOptions, SumOver};
use core::ops::Range;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// The number of pixels that are computed together.
const GROUP: usize = 16 * MOST_LANES;

/// Logits and masks in memory.
struct Batch {
    /// The logits, until the probabilities are known.
    logits: Option<Memory>,
    masks: Memory,
    shape: [usize; 3],
    activation: Activation,
    denominator: Denominator,
}

/// The sums, in the graph of the logits. Kernels compute no gradient with respect to the masks, and take no mask of valid pixels.
pub(in crate::engine) fn run(call: &Call<'_>) -> Option<Outcome> {
    if call.masks.is_tracked() || call.valid.is_some() {
        return None;
    }
    in_precision!(call.logits.dtype(), T => run_in::<T>(call)).map(Outcome::Sums)
}

fn run_in<T: Float>(call: &Call<'_>) -> Option<AnyTensor> {
    let Call { regions, logits, masks, .. } = call;
    let shape: [usize; 3] = logits.shape().try_into().expect("[N, C, pixels]");
    let [samples, classes, _] = shape;
    let RegionOptions { activation, denominator, over, .. } = **regions;
    let memory = Memory::new(logits)?;
    memory.numbers()?;
    let mut batch = Batch { logits: Some(memory), masks: Memory::new(masks)?, shape, activation, denominator };
    batch.masks.numbers()?;

    // The sums over the batch are the same for every sample.
    let of_all = move |of_each: &[[f64; 3]], i: usize| -> [f64; 3] {
        let of_class = || of_each.iter().skip(i % classes).step_by(classes);
        [0, 1, 2].map(|k| of_class().map(|sum| sum[k]).sum())
    };
    let in_all = move |of_each: Vec<[f64; 3]>| match over {
        SumOver::Sample => of_each,
        SumOver::Batch => (0..of_each.len()).map(|i| of_all(&of_each, i)).collect(),
    };
    let is_tracked = logits.is_tracked();
    let mut probabilities = stale::<T>(if is_tracked { shape.iter().product() } else { 0 });
    let sums = in_all(batch.sums::<T>(is_tracked.then_some(&mut probabilities)));
    let device = logits.inner_device();
    let numbers: Vec<_> = sums.into_iter().flatten().map(T::from_f64).collect();
    let sums = tensor(numbers, &[samples, classes, 3], &device);
    let dtype = logits.dtype();
    batch.logits = None;
    custom_backward(sums, core::slice::from_ref(logits), move |upstream| {
        let upstream: Vec<f64> = upstream.into_data().iter::<f64>().collect();
        let of_each = upstream.chunks(3).map(|slopes| [slopes[0], slopes[1], slopes[2]]).collect();
        let mut gradient = probabilities;
        batch.replace_by_gradient::<T>(&mut gradient, &in_all(of_each));
        vec![Some(tensor(gradient, &shape, &device).cast(dtype))]
    })
}

impl Batch {
    /// The number of pixels, each with all classes, in a piece of work.
    fn piece(&self) -> usize {
        (BLOCK / self.shape[1]).max(1).next_multiple_of(GROUP)
    }

    /// The sums over the pixels of each sample and class: of p t, p and t, or of their squares. The probabilities are written to
    /// `buffer`, if there is one.
    fn sums<T: Float>(&self, buffer: Option<&mut [T]>) -> Vec<[f64; 3]> {
        let [samples, classes, pixels] = self.shape;
        let size = self.piece();
        let pieces = pixels.div_ceil(size);
        let buffers: Vec<_> = match buffer {
            Some(buffer) => self.of_pieces(buffer).into_iter().map(Some).collect(),
            None => (0..samples * pieces).map(|_| None).collect(),
        };
        let of_piece = |(i, buffer)| {
            let range = i % pieces * size..pixels.min((i % pieces + 1) * size);
            self.run::<T>(i / pieces, range, Wanted::Sums(buffer))
        };
        let parts: Vec<Vec<[f64; 3]>> = buffers.into_par_iter().enumerate().map(of_piece).collect();
        let mut sums = vec![[0.0; 3]; samples * classes];
        for (i, part) in parts.into_iter().enumerate() {
            for (class, part) in part.into_iter().enumerate() {
                let sum = &mut sums[i / pieces * classes + class];
                (0..3).for_each(|k| sum[k] += part[k]);
            }
        }
        sums
    }

    /// Replaces the probabilities by the gradient, computed from the derivatives with respect to the sums.
    fn replace_by_gradient<T: Float>(&self, probabilities: &mut [T], slopes: &[[f64; 3]]) {
        let [_, classes, pixels] = self.shape;
        let size = self.piece();
        let pieces = pixels.div_ceil(size);
        self.of_pieces(probabilities).into_par_iter().enumerate().for_each(|(i, gradient)| {
            let (sample, start) = (i / pieces, i % pieces * size);
            let slopes = &slopes[sample * classes..][..classes];
            self.run::<T>(sample, start..start + gradient[0].len(), Wanted::Gradient(gradient, slopes));
        });
    }

    /// Splits the numbers into pieces: each one has its pixels of all classes.
    fn of_pieces<'a, T>(&self, all: &'a mut [T]) -> Vec<Vec<&'a mut [T]>> {
        let [samples, classes, pixels] = self.shape;
        let size = self.piece();
        let pieces = pixels.div_ceil(size);
        let mut of_pieces: Vec<Vec<&mut [T]>> = (0..samples * pieces).map(|_| Vec::new()).collect();
        for (i, row) in all.chunks_mut(pixels.max(1)).enumerate() {
            for (piece, part) in row.chunks_mut(size).enumerate() {
                of_pieces[i / classes * pieces + piece].push(part);
            }
        }
        of_pieces
    }

    /// The sums over some pixels of a sample, or their gradient.
    fn run<T: Float>(&self, sample: usize, pixels: Range<usize>, wanted: Wanted<'_, T>) -> Vec<[f64; 3]> {
        let [_, classes, all] = self.shape;
        let mut buffers: Vec<[Vec<T>; 2]> = (0..classes).map(|_| Default::default()).collect();
        let logits = self.logits.as_ref().map(|logits| logits.numbers().expect("seen before"));
        let masks = self.masks.numbers().expect("seen before");
        let mut inputs = Vec::with_capacity(classes);
        for (class, [buffer, mask_buffer]) in buffers.iter_mut().enumerate() {
            let start = (sample * classes + class) * all;
            let range = start + pixels.start..start + pixels.end;
            let logits = logits.map_or(&[][..], |logits| T::read(logits, range.clone(), buffer));
            inputs.push((logits, T::read(masks, range, mask_buffer)));
        }
        let task = Task { activation: self.activation, denominator: self.denominator, inputs: &inputs, wanted };
        T::dispatch(Run(task))
    }
}

/// The results that are wanted for some pixels of all classes.
enum Wanted<'a, T> {
    /// The sums; also the probabilities of each class, if there are buffers for them.
    Sums(Option<Vec<&'a mut [T]>>),
    /// The gradient of each class, which replaces the probabilities; and the derivatives that it is computed from.
    Gradient(Vec<&'a mut [T]>, &'a [[f64; 3]]),
}

/// Some pixels of all classes.
struct Task<'a, T> {
    activation: Activation,
    denominator: Denominator,
    /// The logits of each class, if they are needed, and its masks.
    inputs: &'a [(&'a [T], &'a [T])],
    wanted: Wanted<'a, T>,
}

struct Run<'a, T>(Task<'a, T>);

impl<T: Float> WithSimd for Run<'_, T> {
    type Output = Vec<[f64; 3]>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<[f64; 3]> {
        let Self(Task { activation, denominator, inputs, mut wanted }) = self;
        let mut sums: Vec<[Sum; 3]> = inputs.iter().map(|_| Default::default()).collect();
        let mut probabilities = vec![[T::default(); GROUP]; inputs.len()];
        let pixels = inputs[0].1.len();
        for start in (0..pixels).step_by(GROUP) {
            let block = start..pixels.min(start + GROUP);
            let size = block.len();
            match &mut wanted {
                Wanted::Sums(buffers) => {
                    let logits: Vec<_> = inputs.iter().map(|(logits, _)| &logits[block.clone()]).collect();
                    activation::forward(simd, activation, &logits, &mut probabilities);
                    for ((sums, p), (_, masks)) in sums.iter_mut().zip(&probabilities).zip(inputs) {
                        let mut number = 0;
                        while number < 3 {
                            let mut terms = *p;
                            zip(
                                simd,
                                &masks[block.clone()],
                                &mut terms[..size],
                                #[inline(always)]
                                |t, p| of_pixel(denominator, p, t)[number],
                            );
                            sums[number].add(&terms[..size], None);
                            number += 1;
                        }
                    }
                    for (buffer, p) in buffers.iter_mut().flatten().zip(&probabilities) {
                        buffer[block.clone()].copy_from_slice(&p[..size]);
                    }
                }
                Wanted::Gradient(gradient, slopes) => {
                    let mut gradient: Vec<_> = gradient.iter_mut().map(|part| &mut part[block.clone()]).collect();
                    for (class, gradient) in gradient.iter_mut().enumerate() {
                        probabilities[class][..size].copy_from_slice(gradient);
                        let [by_both, by_prediction, _] = slopes[class];
                        zip(
                            simd,
                            &inputs[class].1[block.clone()],
                            gradient,
                            #[inline(always)]
                            |t, p| {
                                let [both, prediction, _] =
                                    of_pixel(denominator, Dual::<_, 1>::variable(p, 0), Dual::constant(t));
                                both.slope[0] * by_both + prediction.slope[0] * by_prediction
                            },
                        );
                    }
                    activation::backward(simd, activation, &probabilities, &mut gradient);
                }
            }
        }
        sums.iter().map(|sums| sums.each_ref().map(Sum::total)).collect()
    }
}
