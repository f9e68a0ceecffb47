//! Regions and masks -> sums over their pixels, for every sample and class.
//!
//! The probabilities are kept for the backward pass, which makes them the gradient in place.

use super::PIECE;
use super::lanes::{Float, Lanes, MOST_LANES};
use super::memory::{Memory, Number, of_type, tensor, unwritten};
use super::pointwise::{Sum, load, rest, store_rest};
use crate::engine::backward::{attach, like};
use crate::formula::Real;
use crate::segmentation::{Activation, Denominator, Over, Regions};
use burn::tensor::Tensor;
use core::ops::Range;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// Pixels that are looked at together.
const BLOCK: usize = 16 * MOST_LANES;

/// The sums `[N, C, 3]` of `[N, C, pixels]`: of p t, of p, and of t, or of their squares; in the graph of the logits. `None` where
/// there is no kernel for these tensors.
pub(crate) fn sums(regions: &Regions, logits: &Tensor<3>, masks: &Tensor<3>) -> Option<Tensor<3>> {
    of_type!(logits.dtype(), N => sums_of::<N>(regions, logits, masks))
}

/// Logits and masks in memory.
struct Batch {
    /// Until the probabilities are known.
    logits: Option<Memory>,
    masks: Memory,
    shape: [usize; 3],
    activation: Activation,
    denominator: Denominator,
}

fn sums_of<N: Number>(regions: &Regions, logits: &Tensor<3>, masks: &Tensor<3>) -> Option<Tensor<3>> {
    if super::is_off() || masks.is_tracked() {
        return None;
    }
    let shape = logits.dims();
    let [samples, classes, _] = shape;
    let Regions { activation, denominator, over, .. } = *regions;
    let memory = Memory::of(logits)?;
    memory.numbers::<N>()?;
    let mut batch = Batch { logits: Some(memory), masks: Memory::of(masks)?, shape, activation, denominator };
    batch.masks.numbers::<N>()?;

    // What belongs to all samples of a class is the same for each of them.
    let of_all = move |of_each: &[[f64; 3]], i: usize| -> [f64; 3] {
        let of_class = || of_each.iter().skip(i % classes).step_by(classes);
        [0, 1, 2].map(|k| of_class().map(|sum| sum[k]).sum())
    };
    let in_all = move |of_each: Vec<[f64; 3]>| match over {
        Over::Sample => of_each,
        Over::Batch => (0..of_each.len()).map(|i| of_all(&of_each, i)).collect(),
    };
    let is_tracked = logits.is_tracked();
    let mut probabilities = unwritten::<N::Wide>(if is_tracked { shape.iter().product() } else { 0 });
    let sums = in_all(batch.sums::<N>(is_tracked.then_some(&mut probabilities)));
    let device = logits.clone().without_autodiff().device();
    let numbers: Vec<_> = sums.into_iter().flatten().map(N::Wide::from_f64).collect();
    let sums = tensor(numbers, [samples, classes, 3], &device);
    if !is_tracked {
        return Some(like(logits, sums));
    }
    let dtype = logits.dtype();
    batch.logits = None;
    attach(sums, core::slice::from_ref(logits), move |upstream: Tensor<3>| {
        let upstream: Vec<f64> = upstream.into_data().iter::<f64>().collect();
        let of_each = upstream.chunks(3).map(|slopes| [slopes[0], slopes[1], slopes[2]]).collect();
        let mut gradient = probabilities;
        batch.replace_by_gradient::<N>(&mut gradient, &in_all(of_each));
        vec![Some(tensor(gradient, shape, &device).cast(dtype))]
    })
}

impl Batch {
    /// How many pixels of all classes make a piece of work.
    fn piece(&self) -> usize {
        (PIECE / self.shape[1]).next_multiple_of(BLOCK)
    }

    /// The sums over the pixels of each sample and class: of p t, p and t, or of their squares. The probabilities go where there is room.
    fn sums<N: Number>(&self, room: Option<&mut [N::Wide]>) -> Vec<[f64; 3]> {
        let [samples, classes, pixels] = self.shape;
        let size = self.piece();
        let pieces = pixels.div_ceil(size);
        let rooms: Vec<_> = match room {
            Some(room) => self.of_pieces(room).into_iter().map(Some).collect(),
            None => (0..samples * pieces).map(|_| None).collect(),
        };
        let of_piece = |(i, room)| {
            let range = i % pieces * size..pixels.min((i % pieces + 1) * size);
            self.run::<N>(i / pieces, range, Wanted::Sums(room))
        };
        let parts: Vec<Vec<[f64; 3]>> = rooms.into_par_iter().enumerate().map(of_piece).collect();
        let mut sums = vec![[0.0; 3]; samples * classes];
        for (i, part) in parts.into_iter().enumerate() {
            for (class, part) in part.into_iter().enumerate() {
                let sum = &mut sums[i / pieces * classes + class];
                (0..3).for_each(|k| sum[k] += part[k]);
            }
        }
        sums
    }

    /// The gradient in place of the probabilities, from the derivatives by the sums.
    fn replace_by_gradient<N: Number>(&self, probabilities: &mut [N::Wide], slopes: &[[f64; 3]]) {
        let [_, classes, pixels] = self.shape;
        let size = self.piece();
        let pieces = pixels.div_ceil(size);
        self.of_pieces(probabilities).into_par_iter().enumerate().for_each(|(i, gradient)| {
            let (sample, start) = (i / pieces, i % pieces * size);
            let slopes = &slopes[sample * classes..][..classes];
            self.run::<N>(sample, start..start + gradient[0].len(), Wanted::Gradient(gradient, slopes));
        });
    }

    /// What belongs to each piece: its pixels of all classes.
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
    fn run<N: Number>(&self, sample: usize, pixels: Range<usize>, wanted: Wanted<'_, N::Wide>) -> Vec<[f64; 3]> {
        let [_, classes, all] = self.shape;
        let mut rooms: Vec<[Vec<N::Wide>; 2]> = (0..classes).map(|_| Default::default()).collect();
        let logits = self.logits.as_ref().map(|logits| logits.numbers::<N>().expect("seen before"));
        let masks = self.masks.numbers::<N>().expect("seen before");
        let mut inputs = Vec::with_capacity(classes);
        for (class, [room, mask_room]) in rooms.iter_mut().enumerate() {
            let start = (sample * classes + class) * all;
            let range = start + pixels.start..start + pixels.end;
            let logits = logits.map_or(&[][..], |logits| N::widen(&logits[range.clone()], room));
            inputs.push((logits, N::widen(&masks[range], mask_room)));
        }
        let task = Task { activation: self.activation, denominator: self.denominator, inputs: &inputs, wanted };
        N::Wide::dispatch(Run(task))
    }
}

/// What is wanted of some pixels of all classes.
enum Wanted<'a, T> {
    /// The sums, and the probabilities of each class where there is room for them.
    Sums(Option<Vec<&'a mut [T]>>),
    /// The gradient, class by class, in place of the probabilities; and the derivatives that it is made of.
    Gradient(Vec<&'a mut [T]>, &'a [[f64; 3]]),
}

/// Some pixels of all classes.
struct Task<'a, T> {
    activation: Activation,
    denominator: Denominator,
    /// The logits, where they are wanted, and the masks of each class.
    inputs: &'a [(&'a [T], &'a [T])],
    wanted: Wanted<'a, T>,
}

struct Run<'a, T>(Task<'a, T>);

impl<T: Float> WithSimd for Run<'_, T> {
    type Output = Vec<[f64; 3]>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<[f64; 3]> {
        let Self(mut task) = self;
        let classes = task.inputs.len();
        let squared = task.denominator == Denominator::Squared;
        let mut sums: Vec<[Sum; 3]> = (0..classes).map(|_| Default::default()).collect();
        let mut probabilities = vec![[T::default(); BLOCK]; classes];
        let mut room = [T::default(); BLOCK];
        let pixels = task.inputs[0].1.len();
        let mut start = 0;
        while start < pixels {
            let size = BLOCK.min(pixels - start);
            let block = start..start + size;
            match &mut task.wanted {
                Wanted::Sums(room) => {
                    activate(simd, task.activation, task.inputs, block.clone(), &mut probabilities);
                    for ((sums, p), (_, masks)) in sums.iter_mut().zip(&probabilities).zip(task.inputs) {
                        let (p, t) = (&p[..size], &masks[block.clone()]);
                        let [both, prediction, target] = sums;
                        both.add(p, Some(t));
                        prediction.add(p, squared.then_some(p));
                        target.add(t, squared.then_some(t));
                    }
                    for (room, p) in room.iter_mut().flatten().zip(&probabilities) {
                        room[block.clone()].copy_from_slice(&p[..size]);
                    }
                }
                Wanted::Gradient(gradient, slopes) => {
                    for (p, stored) in probabilities.iter_mut().zip(gradient.iter()) {
                        p[..size].copy_from_slice(&stored[block.clone()]);
                    }
                    // The derivatives by the probabilities, and for a softmax their mean.
                    let mut mean = [T::default(); BLOCK];
                    for (class, (gradient, [by_both, by_prediction, _])) in
                        gradient.iter_mut().zip(slopes.iter()).enumerate()
                    {
                        let (p, gradient) = (&probabilities[class][..size], &mut gradient[block.clone()]);
                        gradient.copy_from_slice(&task.inputs[class].1[block.clone()]);
                        zip(
                            simd,
                            p,
                            gradient,
                            #[inline(always)]
                            |p, t| {
                                let by_size = if squared { p * (2.0 * by_prediction) } else { p.lit(*by_prediction) };
                                t * *by_both + by_size
                            },
                        );
                        match task.activation {
                            Activation::None => {}
                            Activation::Sigmoid => zip(
                                simd,
                                p,
                                gradient,
                                #[inline(always)]
                                |p, slope| slope * p * (-p + 1.0),
                            ),
                            Activation::Softmax => {
                                room[..size].copy_from_slice(p);
                                zip(
                                    simd,
                                    gradient,
                                    &mut room[..size],
                                    #[inline(always)]
                                    |slope, p| slope * p,
                                );
                                zip(
                                    simd,
                                    &room[..size],
                                    &mut mean[..size],
                                    #[inline(always)]
                                    |part, mean| mean + part,
                                );
                            }
                        }
                    }
                    if task.activation == Activation::Softmax {
                        for (class, gradient) in gradient.iter_mut().enumerate() {
                            let gradient = &mut gradient[block.clone()];
                            zip(
                                simd,
                                &mean[..size],
                                gradient,
                                #[inline(always)]
                                |mean, slope| slope - mean,
                            );
                            zip(
                                simd,
                                &probabilities[class][..size],
                                gradient,
                                #[inline(always)]
                                |p, slope| slope * p,
                            );
                        }
                    }
                }
            }
            start += size;
        }
        sums.iter().map(|sums| [sums[0].total(), sums[1].total(), sums[2].total()]).collect()
    }
}

/// The probabilities of some pixels.
#[inline(always)]
fn activate<S: Simd, T: Float>(
    simd: S,
    activation: Activation,
    inputs: &[(&[T], &[T])],
    block: Range<usize>,
    probabilities: &mut [[T; BLOCK]],
) {
    let size = block.len();
    match activation {
        Activation::None => {
            for (p, (logits, _)) in probabilities.iter_mut().zip(inputs) {
                p[..size].copy_from_slice(&logits[block.clone()]);
            }
        }
        Activation::Sigmoid => {
            for (p, (logits, _)) in probabilities.iter_mut().zip(inputs) {
                zip(
                    simd,
                    &logits[block.clone()],
                    &mut p[..size],
                    #[inline(always)]
                    |x, _| x.sigmoid(),
                );
            }
        }
        Activation::Softmax => {
            let logits = |class: usize| &inputs[class].0[block.clone()];
            let mut room = [T::default(); BLOCK];
            room[..size].copy_from_slice(logits(0));
            for class in 1..inputs.len() {
                zip(
                    simd,
                    logits(class),
                    &mut room[..size],
                    #[inline(always)]
                    |x, most| x.maximum(most),
                );
            }
            let mut total = [T::default(); BLOCK];
            for (class, p) in probabilities.iter_mut().enumerate() {
                p[..size].copy_from_slice(&room[..size]);
                zip(
                    simd,
                    logits(class),
                    &mut p[..size],
                    #[inline(always)]
                    |x, most| (x - most).exp(),
                );
                zip(
                    simd,
                    &p[..size],
                    &mut total[..size],
                    #[inline(always)]
                    |p, total| total + p,
                );
            }
            for p in probabilities.iter_mut() {
                zip(
                    simd,
                    &total[..size],
                    &mut p[..size],
                    #[inline(always)]
                    |total, p| p / total,
                );
            }
        }
    }
}

/// `results` = f(numbers, results).
#[inline(always)]
fn zip<S: Simd, T: Float>(
    simd: S,
    numbers: &[T],
    results: &mut [T],
    f: impl Fn(T::Lanes<S>, T::Lanes<S>) -> T::Lanes<S>,
) {
    let width = <T::Lanes<S> as Lanes<S, T>>::COUNT;
    let mut i = 0;
    while i + width <= numbers.len() {
        f(load::<S, T>(simd, &numbers[i..]), load::<S, T>(simd, &results[i..])).store(&mut results[i..]);
        i += width;
    }
    if i < numbers.len() {
        let lanes = f(rest::<S, T>(simd, &numbers[i..]), rest::<S, T>(simd, &results[i..]));
        store_rest(lanes, &mut results[i..]);
    }
}
