//! Windows that slide over images: weighted sums over windows, and values of windows that are formulas of such sums.

#[cfg(feature = "cpu-engine")]
pub(in crate::engine) mod host;

use crate::engine::any_tensor::AnyTensor;
use crate::engine::custom_backward::custom_backward;
use crate::engine::machine;
use crate::engine::outlined::Outlined;
use crate::formula::Real;
use crate::formula::inlined::{expect_inlined, note};
use crate::reduction::row_sums;
use burn::tensor::Tensor;
use core::fmt::Debug;

/// The value of a window, which depends on weighted means over its pixels.
///
/// The mean of the target over the whole image is subtracted from the target first: variances lose digits where numbers are far
/// from 0.
pub(crate) trait WindowFormula: Debug + Clone + Send + Sync + 'static {
    /// Three numbers of a pixel, from its two numbers. Write `#[inline(always)]` above it.
    fn maps<R: Real>(&self, first: R, target: R) -> [R; 3];

    /// The value of a window, from the means of the three numbers and of the target. The mean that was subtracted from the target
    /// is `middle`. Write `#[inline(always)]` above it.
    fn eval<R: Real>(&self, means: [R; 3], target: R, middle: R) -> R;
}

/// The windows of an image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Windows<'a> {
    /// The sides of an image; none of them is shorter than a window.
    pub(crate) sides: &'a [usize],
    /// The weights along each axis; their number is odd. The weight of a pixel is the product of those of its axes.
    pub(crate) weights: &'a [f64],
    /// Whether there is a window around every pixel: beyond the border the image is then reflected. Otherwise windows lie inside the
    /// image.
    pub(crate) is_reflected: bool,
}

/// The axes before an axis, the axis, and those behind it, each as one axis.
fn around(sides: &[usize], axis: usize) -> [usize; 3] {
    [sides[..axis].iter().product(), sides[axis], sides[axis + 1..].iter().product()]
}

impl Windows<'_> {
    /// The number of windows along an axis of this length.
    fn count_along(&self, side: usize) -> usize {
        if self.is_reflected { side } else { side + 1 - self.weights.len() }
    }

    /// The weighted means of each row of `[M, pixels]`, in every window.
    fn means(&self, rows: Tensor<2>) -> Tensor<2> {
        let [count, _] = rows.dims();
        let mut sides = self.sides.to_vec();
        let mut maps = rows;
        for axis in 0..sides.len() {
            let [outer, side, inner] = around(&sides, axis);
            let mut numbers = maps.reshape([count * outer, side, inner]);
            if self.is_reflected {
                numbers = reflected(numbers, self.weights.len() / 2);
            }
            sides[axis] = self.count_along(side);
            maps = slide(numbers, self.weights).reshape([count, sides.iter().product()]);
        }
        maps
    }
}

/// A call of the primitive.
pub(crate) struct Call<'a> {
    #[cfg(feature = "cpu-engine")]
    host: &'a (dyn host::Kernels + 'static),
    /// The images in rows, `[M, pixels]`.
    pub(crate) first: AnyTensor,
    pub(crate) targets: AnyTensor,
    pub(crate) windows: Windows<'a>,
}

/// The mean of the values of all windows of each image, for images in rows `[M, pixels]`: `[M]`, in double precision if there is a
/// kernel.
pub(crate) fn mean_values(
    formula: &impl WindowFormula,
    first: &Tensor<2>,
    targets: &Tensor<2>,
    windows: Windows<'_>,
) -> Tensor<1> {
    expect_inlined(formula, |formula, x| {
        let means = formula.maps(x, x);
        let y = formula.eval(means, x, x);
        note();
        y
    });
    let call = Call {
        #[cfg(feature = "cpu-engine")]
        host: formula,
        first: first.into(),
        targets: targets.into(),
        windows,
    };
    if machine::reads_for_free(call.first.clone())
        && let Some(means) = machine::run("windows", &call.first, |machine| machine.windows(&call))
    {
        return means.into_rank();
    }
    let shape = targets.dims();
    let middle = targets.clone().detach().mean_dim(1);
    let centered = targets.clone() - middle.clone().expand(shape);
    let maps = formula.maps(Outlined::new(first.clone()), Outlined::new(centered.clone()));
    let maps = maps.into_iter().map(|map| map.0.reshape(shape)).chain([centered]);
    let means = windows.means(Tensor::cat(maps.collect(), 0));
    let shape = [shape[0], means.dims()[1]];
    let mean = |number: usize| Outlined::new(means.clone().narrow(0, number * shape[0], shape[0]));
    let middle = Outlined::new(middle.expand(shape));
    let values = formula.eval([mean(0), mean(1), mean(2)], mean(3), middle).0.reshape(shape);
    row_sums(values).squeeze_dim::<1>(1) * (1.0 / shape[1] as f64)
}

/// The numbers, continued beyond both ends of axis 1 by their reflection at the outermost number.
fn reflected(numbers: Tensor<3>, width: usize) -> Tensor<3> {
    if width == 0 {
        return numbers;
    }
    let length = numbers.dims()[1];
    let before = numbers.clone().narrow(1, 1, width).flip([1]);
    let behind = numbers.clone().narrow(1, length - 1 - width, width).flip([1]);
    Tensor::cat(vec![before, numbers, behind], 1)
}

/// Slides a window along axis 1 of `[outer, L, inner]`: the sums of its numbers, each times its weight, at every place where the
/// window fits, `[outer, L + 1 - weights, inner]`.
///
/// As a custom backward it keeps no number for the backward pass, however long the window is.
fn slide(numbers: Tensor<3>, weights: &[f64]) -> Tensor<3> {
    let parent = AnyTensor::from(&numbers);
    if !parent.is_tracked() {
        return sums(numbers, weights);
    }
    let mut reversed = weights.to_vec();
    reversed.reverse();
    let value = sums(parent.clone().without_autodiff().into_rank(), weights);
    let backward = move |upstream: AnyTensor| vec![Some(spread(upstream.into_rank(), &reversed).into())];
    let attached = custom_backward(value.into(), &[parent], backward);
    attached.map_or_else(|| sums(numbers, weights), AnyTensor::into_rank)
}

/// The gradient: what each number adds to the windows that it is in. The weights are in reverse order.
fn spread(upstream: Tensor<3>, reversed: &[f64]) -> Tensor<3> {
    let [outer, _, inner] = upstream.dims();
    let beyond = Tensor::zeros([outer, reversed.len() - 1, inner], (&upstream.device(), upstream.dtype()));
    match reversed.len() {
        1 => upstream * reversed[0],
        _ => sums(Tensor::cat(vec![beyond.clone(), upstream, beyond], 1), reversed),
    }
}

fn sums(numbers: Tensor<3>, weights: &[f64]) -> Tensor<3> {
    let [outer, size, inner] = numbers.dims();
    let length = size + 1 - weights.len();
    // With the axis in front, a part of it is one block of memory.
    let rows = numbers.swap_dims(0, 1).reshape([size, outer * inner]);
    let mut shifted =
        weights.iter().enumerate().map(|(at, weight)| rows.clone().narrow(0, at, length).mul_scalar(*weight));
    let first = shifted.next().expect("a window is not empty");
    shifted.fold(first, Tensor::add).reshape([length, outer, inner]).swap_dims(0, 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{DType, Device, FloatDType, TensorData};

    const SHAPE: [usize; 3] = [2, 5, 2];

    fn total(numbers: &[f64], device: &Device) -> (Tensor<3>, Tensor<1>) {
        let leaf = Tensor::<3>::from_data(TensorData::new(numbers.to_vec(), SHAPE), (device, DType::F64));
        let leaf = if device.is_autodiff() { leaf.require_grad() } else { leaf };
        let sums = slide(leaf.clone(), &[0.5, -1.0, 2.0]);
        assert_eq!(sums.dims(), [2, 3, 2]);
        let factors = Tensor::<1>::from_floats([1.0, 2.0, -1.0, 0.5, 3.0, 1.5, 0.25, 1.0, 2.0, -2.0, 1.0, 4.0], device);
        (leaf, (sums.reshape([12]).square() * factors.cast(FloatDType::F64)).sum())
    }

    #[test]
    fn gradients_match_central_differences() {
        let numbers: Vec<f64> = (0..20).map(|i| f64::from(i * 7 % 11) / 4.0 - 1.0).collect();
        let (leaf, value) = total(&numbers, &Device::flex().autodiff());
        let gradient: Vec<f64> = leaf.grad(&value.backward()).expect("a gradient").into_data().iter().collect();
        for (at, slope) in gradient.into_iter().enumerate() {
            let moved = |step: f64| {
                let mut numbers = numbers.clone();
                numbers[at] += step;
                total(&numbers, &Device::flex()).1.into_scalar::<f64>()
            };
            let expected = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((slope - expected).abs() < 1e-7 * (1.0 + expected.abs()), "{at}: {slope} against {expected}");
        }
    }

    #[test]
    fn the_border_is_reflected_without_itself() {
        let numbers = Tensor::<3>::from_floats([[[1.0], [2.0], [3.0], [4.0]]], &Device::flex());
        let got = reflected(numbers, 2).into_data().iter::<f32>().collect::<Vec<_>>();
        assert_eq!(got, [3.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 2.0]);
    }

    /// Its derivatives are all different.
    #[derive(Debug, Clone)]
    struct Example;

    impl WindowFormula for Example {
        #[inline(always)]
        fn maps<R: Real>(&self, first: R, target: R) -> [R; 3] {
            [first.clone(), first.clone() * target.clone(), first.square() + target.square()]
        }

        #[inline(always)]
        fn eval<R: Real>(&self, [mean, product, squares]: [R; 3], target: R, middle: R) -> R {
            (mean.clone() + middle) * product + target / (squares + 1.0) + mean
        }
    }

    /// The values of images and the gradient, for upstream gradients that differ from image to image.
    fn of_images(shape: [usize; 4], windows: Windows<'_>, dtype: DType, is_transposed: bool) -> [Vec<f64>; 2] {
        let device = Device::flex().autodiff();
        let [images, pixels] = [shape[0], shape[1..].iter().product()];
        let image = |factor: usize| {
            let numbers = (0..images * pixels).map(|i| (i * factor % 97) as f64 / 97.0).collect::<Vec<_>>();
            let layout = if is_transposed { [pixels, images] } else { [images, pixels] };
            let image = Tensor::<2>::from_data(TensorData::new(numbers, layout), (&device, dtype));
            if is_transposed { image.transpose() } else { image }
        };
        let first = image(37).require_grad();
        let values = mean_values(&Example, &first, &image(53), windows).cast(dtype);
        let factors = (Tensor::<1, burn::tensor::Int>::arange(0..images as i64, &device).float() + 0.5).cast(dtype);
        let gradient = first.grad(&(values.clone() * factors).sum().backward()).expect("a gradient");
        [values.into_data(), gradient.into_data()].map(|data| data.iter().collect())
    }

    #[test]
    fn the_kernel_gives_what_tensor_operations_give() {
        let shapes =
            [[3, 1, 1, 1], [2, 1, 7, 11], [3, 1, 12, 33], [1, 1, 33, 7], [2, 1, 1, 40], [2, 5, 7, 6], [1, 1, 300, 260]];
        let (flat, window) = ([1.0], [0.1, 0.2, 0.4, -0.3, 0.6]);
        for shape in shapes {
            for is_reflected in [false, true] {
                for weights in [&flat[..], &window[..3], &window[..]] {
                    let sides = if shape[1] == 1 { &shape[2..] } else { &shape[1..] };
                    if sides.iter().any(|side| *side < weights.len()) {
                        continue;
                    }
                    let windows = Windows { sides, weights, is_reflected };
                    for (dtype, is_transposed, tolerance) in
                        [(DType::F32, false, 1e-5), (DType::F32, true, 1e-5), (DType::F64, false, 1e-13)]
                    {
                        let run = || of_images(shape, windows, dtype, is_transposed);
                        let (fused, paths) = crate::watched(run);
                        assert_eq!(paths.fused, ["windows"]);
                        assert_eq!(fused, run(), "{shape:?}: other bits");
                        let plain = crate::with_tensor_operations(run);
                        for (fused, plain) in fused.iter().zip(&plain) {
                            let most = plain.iter().fold(0.0, |most: f64, number| most.max(number.abs()));
                            let is_close = |(a, b): (&f64, &f64)| (a - b).abs() <= tolerance * most;
                            assert!(fused.iter().zip(plain).all(is_close), "{shape:?}, {windows:?} in {dtype:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn by_hand() {
        let numbers = Tensor::<3>::from_floats([[[1.0], [2.0], [4.0], [8.0]]], &Device::flex());
        let sums = slide(numbers.clone(), &[1.0, 0.0, -1.0]).into_data().iter::<f32>().collect::<Vec<_>>();
        assert_eq!(sums, [-3.0, -6.0]);
        assert_eq!(slide(numbers, &[3.0]).into_data().iter::<f32>().collect::<Vec<_>>(), [3.0, 6.0, 12.0, 24.0]);
    }
}
