//! The kernels of an [`Activation`]: from the logits of some pixels to their probabilities in each class, and back.

use crate::engine::host::simd::{Float, zip};
use crate::formula::Real;
use crate::options::Activation;
use pulp::Simd;

/// A number in place of infinity, in both precisions: its difference from itself is not NaN.
const LARGE: f64 = 0.25 * f32::MAX as f64;

/// The probabilities of pixels, from the logits of each class.
#[inline(always)]
pub(in crate::engine) fn forward<S: Simd, T: Float, const SIZE: usize>(
    simd: S,
    activation: Activation,
    logits: &[&[T]],
    probabilities: &mut [[T; SIZE]],
) {
    let size = logits[0].len();
    for (p, logits) in probabilities.iter_mut().zip(logits) {
        p[..size].copy_from_slice(logits);
    }
    match activation {
        Activation::None => {}
        Activation::Sigmoid => {
            for (p, logits) in probabilities.iter_mut().zip(logits) {
                zip(
                    simd,
                    logits,
                    &mut p[..size],
                    #[inline(always)]
                    |x, _| x.sigmoid(),
                );
            }
        }
        Activation::Softmax => {
            let (mut most, mut total) = (probabilities[0], [T::default(); SIZE]);
            for logits in &logits[1..] {
                zip(
                    simd,
                    logits,
                    &mut most[..size],
                    #[inline(always)]
                    |x, most| x.maximum(most),
                );
            }
            if most[..size].iter().any(|most| most.to_f64().is_infinite()) {
                for x in probabilities.iter_mut().chain([&mut most]).flat_map(|row| &mut row[..size]) {
                    *x = T::from_f64(x.to_f64().clamp(-LARGE, LARGE));
                }
            }
            for p in probabilities.iter_mut() {
                zip(
                    simd,
                    &most[..size],
                    &mut p[..size],
                    #[inline(always)]
                    |most, x| (x - most).exp(),
                );
                zip(
                    simd,
                    &p[..size],
                    &mut total[..size],
                    #[inline(always)]
                    |p, total| total + p,
                );
            }
            for p in probabilities {
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

/// The derivatives with respect to the logits of each class, which replace those with respect to the probabilities.
#[inline(always)]
pub(in crate::engine) fn backward<S: Simd, T: Float, const SIZE: usize>(
    simd: S,
    activation: Activation,
    probabilities: &[[T; SIZE]],
    slopes: &mut [&mut [T]],
) {
    // For a softmax, the mean of the derivatives with respect to the probabilities.
    let mut mean = [T::default(); SIZE];
    if activation == Activation::Softmax {
        for (p, slopes) in probabilities.iter().zip(slopes.iter()) {
            let (size, mut part) = (slopes.len(), *p);
            zip(
                simd,
                slopes,
                &mut part[..size],
                #[inline(always)]
                |slope, p| slope * p,
            );
            zip(
                simd,
                &part[..size],
                &mut mean[..size],
                #[inline(always)]
                |part, mean| mean + part,
            );
        }
    }
    for (p, slopes) in probabilities.iter().zip(slopes) {
        let size = slopes.len();
        match activation {
            Activation::None => {}
            Activation::Sigmoid => zip(
                simd,
                &p[..size],
                slopes,
                #[inline(always)]
                |p, slope| slope * p * (-p + 1.0),
            ),
            Activation::Softmax => {
                zip(
                    simd,
                    &mean[..size],
                    slopes,
                    #[inline(always)]
                    |mean, slope| slope - mean,
                );
                zip(
                    simd,
                    &p[..size],
                    slopes,
                    #[inline(always)]
                    |p, slope| slope * p,
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulp::WithSimd;

    const SIZE: usize = 16;

    /// Computes the probabilities of logits of three classes, and the derivatives of their weighted sum.
    struct Run<'a>(Activation, &'a [[f64; SIZE]; 3], [[f64; SIZE]; 3]);

    impl WithSimd for Run<'_> {
        type Output = [[[f64; SIZE]; 3]; 2];

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
            let Self(activation, logits, mut slopes) = self;
            let mut probabilities = [[0.0; SIZE]; 3];
            forward(simd, activation, &logits.each_ref().map(|row| &row[..5]), &mut probabilities);
            backward(simd, activation, &probabilities, &mut slopes.each_mut().map(|row| &mut row[..5]));
            [probabilities, slopes]
        }
    }

    #[test]
    fn gradients_match_central_differences() {
        let number = |class: usize, pixel: usize| ((7 * class + 3 * pixel) % 11) as f64 / 4.0 - 1.0;
        let row = |class| core::array::from_fn(|pixel| number(class, pixel));
        let (logits, weights) = ([0, 1, 2].map(row), [3, 4, 5].map(row));
        for activation in [Activation::None, Activation::Sigmoid, Activation::Softmax] {
            let [_, gradient] = f64::dispatch(Run(activation, &logits, weights));
            let total = |class: usize, pixel: usize, step: f64| {
                let mut moved = logits;
                moved[class][pixel] += step;
                let [probabilities, _] = f64::dispatch(Run(activation, &moved, weights));
                (0..3).map(|class| probabilities[class][pixel] * weights[class][pixel]).sum::<f64>()
            };
            for (class, pixel) in [(0, 0), (1, 2), (2, 4)] {
                let expected = (total(class, pixel, 1e-5) - total(class, pixel, -1e-5)) / 2e-5;
                let got = gradient[class][pixel];
                assert!((got - expected).abs() < 1e-9, "{activation:?}: {got} against {expected}");
            }
        }
    }
}
