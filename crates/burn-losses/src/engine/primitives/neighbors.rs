//! Sums over the differences of neighboring pixels.

use crate::engine::any_tensor::AnyTensor;
use crate::engine::machine;
use crate::formula::Real;
use crate::formula::inlined::{expect_inlined, note};
use burn::tensor::Tensor;
use core::fmt::Debug;

/// A function of the differences between the next pixel along an axis and a pixel, for each axis.
pub(crate) trait NeighborFormula: Debug + Clone + Send + Sync + 'static {
    /// The value of one pixel, from its differences along the depth, the height and the width. Without a next pixel the difference is
    /// 0. Write `#[inline(always)]` above it.
    fn eval<R: Real>(&self, differences: [R; 3]) -> R;
}

/// A call of the primitive.
pub(crate) struct Call<'a> {
    #[cfg(feature = "cpu-engine")]
    host: &'a (dyn host::Kernels + 'static),
    /// The images in rows, `[M, pixels]`.
    pub(crate) images: &'a AnyTensor,
    /// The sides of an image: depth, height and width.
    pub(crate) sides: [usize; 3],
}

/// The sum over the pixels of each image, for images in rows `[M, pixels]`: `[M]`; `None` if there is no kernel.
pub(crate) fn sums(formula: &impl NeighborFormula, images: &Tensor<2>, sides: [usize; 3]) -> Option<Tensor<1>> {
    expect_inlined(formula, |formula, x| {
        let y = formula.eval([x, x, x]);
        note();
        y
    });
    let images = AnyTensor::from(images);
    if !machine::reads_for_free(images.clone()) {
        return None;
    }
    let call = Call {
        #[cfg(feature = "cpu-engine")]
        host: formula,
        images: &images,
        sides,
    };
    machine::run("neighbors", &images, |machine| machine.neighbors(&call)).map(AnyTensor::into_rank)
}

#[cfg(feature = "cpu-engine")]
pub(in crate::engine) mod host {
    use super::{Call, NeighborFormula};
    use crate::engine::any_tensor::AnyTensor;
    use crate::engine::host::blocks::{BLOCK, par_blocks, part};
    use crate::engine::host::memory::{Memory, in_precision, stale, tensor, with_slopes};
    use crate::engine::host::simd::{Float, KnownZero, Lanes, MOST_LANES, Sum, read, write, zip};
    use crate::formula::Dual;
    use pulp::{Simd, WithSimd};

    /// A formula that is compiled for the machine.
    pub(in crate::engine) trait Kernel<T>: Sync {
        /// The sum over the pixels of an image; the gradient is written if it is wanted.
        fn run(&self, image: &[T], sides: [usize; 3], gradient: Option<&mut [T]>) -> f64;
    }

    /// A formula that is compiled in both precisions.
    pub(in crate::engine) trait Kernels: Kernel<f32> + Kernel<f64> {}
    impl<K: Kernel<f32> + Kernel<f64>> Kernels for K {}

    impl<F: NeighborFormula, T: Float> Kernel<T> for F {
        fn run(&self, image: &[T], sides: [usize; 3], gradient: Option<&mut [T]>) -> f64 {
            T::dispatch(OfImage { formula: self, image, sides, gradient })
        }
    }

    struct OfImage<'a, F, T> {
        formula: &'a F,
        image: &'a [T],
        sides: [usize; 3],
        gradient: Option<&'a mut [T]>,
    }

    impl<F: NeighborFormula, T: Float> WithSimd for OfImage<'_, F, T> {
        type Output = f64;

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> f64 {
            let Self { formula, image, sides: [depth, height, width], mut gradient } = self;
            if let Some(gradient) = &mut gradient {
                gradient.fill(T::default());
            }
            let mut scratch = vec![T::default(); 3 * width];
            let (along_depth, others) = scratch.split_at_mut(width);
            let (along_height, along_width) = others.split_at_mut(width);
            let mut sum = Sum::default();
            for row in 0..depth * height {
                let start = row * width;
                let own = &image[start..][..width];
                // Where the next pixels of the row are.
                let deeper = (row / height + 1 < depth).then_some(start + height * width);
                let lower = (row % height + 1 < height).then_some(start + width);
                differences(simd, own, deeper.map(|next| &image[next..]), along_depth);
                differences(simd, own, lower.map(|next| &image[next..]), along_height);
                differences(simd, &own[..width - 1], Some(&own[1..]), along_width);
                along_width[width - 1] = T::default();
                // The derivatives take the place of the differences.
                for at in (0..width).step_by(Lanes::<S, T>::COUNT) {
                    let value = formula.eval([
                        Dual::<_, 3>::variable(KnownZero::new(read(simd, along_depth, at)), 0),
                        Dual::variable(KnownZero::new(read(simd, along_height, at)), 1),
                        Dual::variable(KnownZero::new(read(simd, along_width, at)), 2),
                    ]);
                    let mut values = [T::default(); MOST_LANES];
                    value.value.numbers.store(&mut values);
                    sum.add(&values[..Lanes::<S, T>::COUNT.min(width - at)], None);
                    let [of_depth, of_height, of_width] = value.slope;
                    write(of_depth.numbers, along_depth, at);
                    write(of_height.numbers, along_height, at);
                    write(of_width.numbers, along_width, at);
                }
                if let Some(gradient) = &mut gradient {
                    let own = &mut gradient[start..][..width];
                    for slopes in [&*along_depth, &*along_height, &*along_width] {
                        zip(
                            simd,
                            slopes,
                            own,
                            #[inline(always)]
                            |slope, sum| sum - slope,
                        );
                    }
                    add(simd, &along_width[..width - 1], &mut own[1..]);
                    for (slopes, next) in [(&*along_depth, deeper), (&*along_height, lower)] {
                        if let Some(next) = next {
                            add(simd, slopes, &mut gradient[next..][..width]);
                        }
                    }
                }
            }
            sum.total()
        }
    }

    /// The differences between the next numbers, if there are any, and the own numbers.
    #[inline(always)]
    fn differences<S: Simd, T: Float>(simd: S, own: &[T], next: Option<&[T]>, differences: &mut [T]) {
        let differences = &mut differences[..own.len()];
        let Some(next) = next else { return differences.fill(T::default()) };
        differences.copy_from_slice(&next[..own.len()]);
        zip(
            simd,
            own,
            differences,
            #[inline(always)]
            |own, next| next - own,
        );
    }

    #[inline(always)]
    fn add<S: Simd, T: Float>(simd: S, numbers: &[T], sums: &mut [T]) {
        zip(
            simd,
            numbers,
            sums,
            #[inline(always)]
            |number, sum| sum + number,
        );
    }

    /// The sum over the pixels of each image, in the graph of the images.
    pub(in crate::engine) fn run(call: &Call<'_>) -> Option<AnyTensor> {
        in_precision!(call.images.dtype(), T => run_in::<T>(call))
    }

    fn run_in<T: Float>(call: &Call<'_>) -> Option<AnyTensor>
    where
        dyn Kernels: Kernel<T>,
    {
        let &Call { host, images, sides } = call;
        let (shape, is_tracked) = (images.shape(), images.is_tracked());
        let (count, pixels) = (shape[0], shape[1]);
        let memory = Memory::new(images)?;
        let numbers = memory.numbers_of::<T>()?;
        let mut sums = vec![T::default(); count];
        let mut slopes = stale::<T>(if is_tracked { count * pixels } else { 0 });
        let outputs = [Some(&mut sums[..]), is_tracked.then_some(&mut slopes[..])];
        let size = (BLOCK / pixels).max(1);
        par_blocks(count, size, outputs, [1, pixels], &|block, [sums, mut slopes]| {
            for (i, sum) in sums.expect("an output").iter_mut().enumerate() {
                let gradient = slopes.as_mut().map(|slopes| &mut slopes[i * pixels..][..pixels]);
                let image = part(numbers, block * size + i, 1, pixels);
                *sum = T::from_f64(host.run(image, sides, gradient));
            }
            0.0
        });
        with_slopes(images, tensor(sums, &[count], &images.inner_device()), slopes, false)
    }
}
