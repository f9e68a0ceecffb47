//! Values of windows, and their gradient, image by image: the numbers of an image stay in the cache.

mod slide;

use super::{Call, WindowFormula, Windows, around};
use crate::engine::any_tensor::AnyTensor;
use crate::engine::host::blocks::{BLOCK, par_blocks, part};
use crate::engine::host::memory::{Memory, in_precision, stale, tensor, with_slopes};
use crate::engine::host::simd::{Float, KnownZero, Lanes, MOST_LANES, Sum, read, splat, vectorized, write};
use crate::formula::{Dual, Real};
use burn::tensor::DType;
use core::array;
use pulp::{Simd, WithSimd};
use slide::{Beyond, Threads, Weight, weights};

/// The numbers of a task within an image: a small image is one task.
const CHUNK: usize = 4 * BLOCK;

/// The numbers whose means are taken: three numbers of the formula, and the target.
const MAPS: usize = 4;

/// A formula that is compiled for the machine.
pub(in crate::engine) trait Kernel<T>: Sync {
    /// Writes the numbers of some pixels.
    fn maps(&self, pixels: Pixels<'_, T>, maps: [&mut [T]; MAPS]);

    /// The sum of the values of some windows. Each mean of a number of the formula is replaced by the derivative of the value with
    /// respect to it.
    fn values(&self, means: [&mut [T]; MAPS], middle: T) -> f64;

    /// Writes the gradient of some pixels, from the gradient of their numbers, times `factor`: last, so that it rounds no part of a sum.
    fn gradient(&self, pixels: Pixels<'_, T>, of_maps: [&[T]; MAPS - 1], factor: f64, gradient: &mut [T]);
}

/// A formula that is compiled in both precisions.
pub(in crate::engine) trait Kernels: Kernel<f32> + Kernel<f64> {}
impl<K: Kernel<f32> + Kernel<f64>> Kernels for K {}

/// Some pixels of two images, and the mean of the second image.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Pixels<'a, T> {
    first: &'a [T],
    targets: &'a [T],
    middle: T,
}

impl<T> Pixels<'_, T> {
    /// The pixels of a task.
    fn chunk(self, number: usize) -> Self {
        Self { first: part(self.first, number, CHUNK, 1), targets: part(self.targets, number, CHUNK, 1), ..self }
    }
}

impl<F: WindowFormula, T: Float> Kernel<T> for F {
    fn maps(&self, pixels: Pixels<'_, T>, maps: [&mut [T]; MAPS]) {
        T::dispatch(OfPixels { formula: self, pixels, maps });
    }

    fn values(&self, means: [&mut [T]; MAPS], middle: T) -> f64 {
        T::dispatch(OfWindows { formula: self, means, middle })
    }

    fn gradient(&self, pixels: Pixels<'_, T>, of_maps: [&[T]; MAPS - 1], factor: f64, gradient: &mut [T]) {
        T::dispatch(Gradient { formula: self, pixels, of_maps, factor, gradient });
    }
}

struct OfPixels<'a, F, T> {
    formula: &'a F,
    pixels: Pixels<'a, T>,
    maps: [&'a mut [T]; MAPS],
}

impl<F: WindowFormula, T: Float> WithSimd for OfPixels<'_, F, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { formula, pixels: Pixels { first, targets, middle }, maps: [a, b, c, target] } = self;
        let middle = splat::<S, T>(simd, middle);
        for at in (0..first.len()).step_by(Lanes::<S, T>::COUNT) {
            let centered = read(simd, targets, at) - middle;
            let [of_a, of_b, of_c] = formula.maps(read(simd, first, at), centered);
            write(of_a, a, at);
            write(of_b, b, at);
            write(of_c, c, at);
            write(centered, target, at);
        }
    }
}

/// The number of windows whose values are computed before they are added up.
const GROUP: usize = 16 * MOST_LANES;

struct OfWindows<'a, F, T> {
    formula: &'a F,
    means: [&'a mut [T]; MAPS],
    middle: T,
}

impl<F: WindowFormula, T: Float> WithSimd for OfWindows<'_, F, T> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let Self { formula, means: [a, b, c, target], middle } = self;
        let middle = Dual::constant(KnownZero::new(splat::<S, T>(simd, middle)));
        let (mut sum, mut values) = (Sum::default(), [T::default(); GROUP]);
        for start in (0..target.len()).step_by(GROUP) {
            let size = GROUP.min(target.len() - start);
            for at in (start..start + size).step_by(Lanes::<S, T>::COUNT) {
                let means = [
                    Dual::<_, { MAPS - 1 }>::variable(KnownZero::new(read(simd, a, at)), 0),
                    Dual::variable(KnownZero::new(read(simd, b, at)), 1),
                    Dual::variable(KnownZero::new(read(simd, c, at)), 2),
                ];
                let of_target = Dual::constant(KnownZero::new(read(simd, target, at)));
                let value = formula.eval(means, of_target, middle);
                value.value.numbers.store(&mut values[at - start..]);
                let [of_a, of_b, of_c] = value.slope;
                write(of_a.numbers, a, at);
                write(of_b.numbers, b, at);
                write(of_c.numbers, c, at);
            }
            sum.add(&values[..size], None);
        }
        sum.total()
    }
}

struct Gradient<'a, F, T> {
    formula: &'a F,
    pixels: Pixels<'a, T>,
    of_maps: [&'a [T]; MAPS - 1],
    factor: f64,
    gradient: &'a mut [T],
}

impl<F: WindowFormula, T: Float> WithSimd for Gradient<'_, F, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { formula, pixels: Pixels { first, targets, middle }, of_maps: [a, b, c], factor, gradient } = self;
        let middle = splat::<S, T>(simd, middle);
        for at in (0..first.len()).step_by(Lanes::<S, T>::COUNT) {
            let target = Dual::constant(KnownZero::new(read(simd, targets, at) - middle));
            let pixel = Dual::<_, 1>::variable(KnownZero::new(read(simd, first, at)), 0);
            let [of_a, of_b, of_c] = formula.maps(pixel, target);
            let sum = of_a.slope[0].numbers * read(simd, a, at);
            let sum = of_b.slope[0].numbers.mul_add(read(simd, b, at), sum);
            let sum = of_c.slope[0].numbers.mul_add(read(simd, c, at), sum);
            write(sum * factor, gradient, at);
        }
    }
}

/// Memory for the numbers of one image.
struct Scratch<'a, T> {
    maps: [&'a mut [T]; MAPS],
    others: [&'a mut [T]; 2],
}

/// The windows of images, in the type of the computation.
struct Sliding<'a, T> {
    windows: Windows<'a>,
    threads: Threads,
    weights: Vec<Weight<T>>,
    reversed: Vec<Weight<T>>,
}

impl<'a, T: Float> Sliding<'a, T> {
    fn new(windows: Windows<'a>, threads: Threads) -> Self {
        let along = || windows.weights.iter().copied();
        Self { windows, threads, weights: weights(along()), reversed: weights(along().rev()) }
    }

    /// The largest number of numbers that an image has while windows slide over it.
    fn longest(&self) -> usize {
        let Windows { sides, weights, .. } = self.windows;
        let pixels: usize = sides.iter().product();
        sides.iter().map(|side| pixels / side * (side + 2 * (weights.len() - 1))).max().unwrap_or(pixels)
    }

    /// The number of windows along each axis.
    fn counts(&self) -> Vec<usize> {
        self.windows.sides.iter().map(|side| self.windows.count_along(*side)).collect()
    }

    /// Replaces a map by its means in all windows.
    fn means<'b>(&self, map: &mut &'b mut [T], [padded, result]: &mut [&'b mut [T]; 2]) {
        let (mut sides, width) = (self.windows.sides.to_vec(), self.weights.len() / 2);
        for axis in 0..sides.len() {
            let shape @ [outer, side, inner] = around(&sides, axis);
            if self.windows.is_reflected {
                self.threads.pad(map, padded, shape, width, Beyond::Reflection);
                self.threads.slide(padded, result, [outer, side + 2 * width, inner], &self.weights);
            } else {
                self.threads.slide(map, result, shape, &self.weights);
            }
            core::mem::swap(map, result);
            sides[axis] = self.windows.count_along(side);
        }
    }

    /// The adjoint of [`means`](Self::means): replaces the gradient of the means by that of the map.
    fn spread<'b>(&self, map: &mut &'b mut [T], [padded, result]: &mut [&'b mut [T]; 2]) {
        let (mut sides, beyond) = (self.counts(), self.weights.len() - 1);
        for axis in (0..sides.len()).rev() {
            let shape @ [outer, count, inner] = around(&sides, axis);
            self.threads.pad(map, padded, shape, beyond, Beyond::Zeros);
            self.threads.slide(padded, result, [outer, count + 2 * beyond, inner], &self.reversed);
            sides[axis] = self.windows.sides[axis];
            if self.windows.is_reflected {
                self.threads.fold(result, map, [outer, sides[axis], inner], self.weights.len() / 2);
            } else {
                core::mem::swap(map, result);
            }
        }
    }

    /// The mean of the values of all windows of an image, and its gradient.
    fn of_image(
        &self,
        kernel: &(impl Kernel<T> + ?Sized),
        pixels: Pixels<'_, T>,
        scratch: Scratch<'_, T>,
        gradient: Option<&mut [T]>,
    ) -> f64 {
        let Scratch { mut maps, mut others } = scratch;
        self.threads.parts(maps.each_mut().map(|map| &mut map[..pixels.first.len()]), &|chunk, maps| {
            kernel.maps(pixels.chunk(chunk), maps);
            0.0
        });
        maps.iter_mut().for_each(|map| self.means(map, &mut others));
        let count: usize = self.counts().iter().product();
        let factor = 1.0 / count as f64;
        let means = maps.each_mut().map(|map| &mut map[..count]);
        let sum = self.threads.parts(means, &|_, means| kernel.values(means, pixels.middle));
        if let Some(gradient) = gradient {
            maps[..MAPS - 1].iter_mut().for_each(|map| self.spread(map, &mut others));
            self.threads.rows(gradient, CHUNK, &|chunk, gradient| {
                let of_maps = array::from_fn(|map| part(&maps[map][..pixels.first.len()], chunk, CHUNK, 1));
                kernel.gradient(pixels.chunk(chunk), of_maps, factor, gradient);
            });
        }
        sum * factor
    }
}

/// So many windows are few: the rounding of their values does not cancel in the mean.
const FEW: usize = 64;

/// The mean of the values of all windows of each image, in the graph of the first images. The kernel computes no gradient with
/// respect to the targets. Images of few windows are small, and are computed in double precision.
pub(in crate::engine) fn run(call: &Call<'_>) -> Option<AnyTensor> {
    if call.targets.is_tracked() {
        return None;
    }
    let Call { host, windows, .. } = *call;
    let count: usize = windows.sides.iter().map(|side| windows.count_along(*side)).product();
    if count <= FEW && call.first.dtype() == DType::F32 {
        let [first, targets] = [&call.first, &call.targets].map(|images| images.clone().cast(DType::F64));
        return run_in::<f64>(&Call { host, first, targets, windows });
    }
    in_precision!(call.first.dtype(), T => run_in::<T>(call))
}

fn run_in<T: Float>(call: &Call<'_>) -> Option<AnyTensor>
where
    dyn Kernels: Kernel<T>,
{
    let Call { host, first, targets, windows } = call;
    let (shape, is_tracked) = (first.shape(), first.is_tracked());
    let (images, pixels) = (shape[0], shape[1]);
    let memory = [Memory::new(first)?, Memory::new(targets)?];
    let [numbers, target_numbers] = [memory[0].numbers_of::<T>()?, memory[1].numbers_of::<T>()?];
    let threads = Threads { share_pixels: pixels > CHUNK && images < rayon::current_num_threads() };
    let sliding = Sliding::<T>::new(*windows, threads);
    let longest = sliding.longest();
    // The digits of each value, and those that do not fit into them.
    let mut values = vec![T::default(); 2 * images];
    let mut slopes = stale::<T>(if is_tracked { images * pixels } else { 0 });
    let outputs = [Some(&mut values[..]), is_tracked.then_some(&mut slopes[..])];
    let size = if threads.share_pixels { images } else { (BLOCK / pixels).max(1) };
    par_blocks(images, size, outputs, [2, pixels], &|block, [values, mut slopes]| {
        let mut scratch = stale::<T>((MAPS + 2) * longest);
        for (i, to) in values.expect("an output").chunks_exact_mut(2).enumerate() {
            let image = block * size + i;
            let (first, targets) = (part(numbers, image, 1, pixels), part(target_numbers, image, 1, pixels));
            let sum = vectorized(
                #[inline(always)]
                || {
                    let mut sum = Sum::default();
                    sum.add(targets, None);
                    sum.total()
                },
            );
            let mut buffers = scratch.chunks_exact_mut(longest);
            let mut buffer = || buffers.next().expect("a buffer");
            let scratch = Scratch { maps: array::from_fn(|_| buffer()), others: array::from_fn(|_| buffer()) };
            let gradient = slopes.as_mut().map(|slopes| &mut slopes[i * pixels..][..pixels]);
            let pixels = Pixels { first, targets, middle: T::from_f64(sum / pixels as f64) };
            let value = sliding.of_image(*host, pixels, scratch, gradient);
            to[0] = T::from_f64(value);
            to[1] = T::from_f64(value - to[0].to_f64());
        }
        0.0
    });
    let values: Vec<f64> = values.chunks_exact(2).map(|parts| parts[0].to_f64() + parts[1].to_f64()).collect();
    with_slopes(first, tensor(values, &[images], &first.inner_device()), slopes, false)
}
