//! A pixel: its probability and its mask in a class.

use crate::engine::cube::softmax::exp;
use crate::options::Activation;
use burn_cubecl::cubecl;
use cubecl::prelude::*;

/// A number in place of infinity, as in the softmax of tensors.
const LARGEST: f32 = 1e-3 * f32::MAX;

/// The sizes of `[N, C, pixels]`.
#[derive(CubeType, CubeLaunch)]
pub(super) struct Sizes {
    pub(super) samples: usize,
    pub(super) classes: usize,
    pub(super) pixels: usize,
}

/// A probability, and 1 minus the probability.
#[derive(CubeType)]
pub(super) struct Probability<F: Float> {
    pub(super) p: F,
    pub(super) rest: F,
}

/// The probability of a pixel, for activations other than the softmax.
#[cube]
pub(super) fn probability<S: Float, F: Float>(
    logits: &Tensor<S>,
    sample: usize,
    class: usize,
    place: usize,
    #[comptime] activation: Activation,
) -> Probability<F> {
    let one = F::new(1.0_f32);
    let x = F::cast_from(logits[sample * logits.stride(0) + class * logits.stride(1) + place * logits.stride(2)]);
    let mut p = x;
    let mut rest = one - x;
    if comptime!(activation == Activation::Sigmoid) {
        let power = exp::<F>(-x.abs());
        let large = one / (one + power);
        let small = power * large;
        let is_negative = x < F::new(0.0_f32);
        p = select(is_negative, small, large);
        rest = select(is_negative, large, small);
    }
    Probability::<F> { p, rest }
}

/// The mask of a pixel.
#[cube]
pub(super) fn mask<M: Float, F: Float>(masks: &Tensor<M>, sample: usize, class: usize, place: usize) -> F {
    F::cast_from(masks[sample * masks.stride(0) + class * masks.stride(1) + place * masks.stride(2)])
}

/// The largest logit of a pixel.
#[cube]
pub(super) fn largest<S: Float, V: Int, F: Float>(
    logits: &Tensor<S>,
    valid: ComptimeOption<&Tensor<V>>,
    sample: usize,
    place: usize,
    sizes: &Sizes,
) -> F {
    let mut most = F::new(-LARGEST);
    let mut class = 0_usize.runtime();
    while class < sizes.classes {
        let x = logit::<S, V, F>(logits, valid, sample, class, place);
        most = select(x > most, x, most);
        class += 1;
    }
    most
}

/// e^(x - largest) for a logit x.
#[cube]
pub(super) fn power<S: Float, V: Int, F: Float>(
    logits: &Tensor<S>,
    valid: ComptimeOption<&Tensor<V>>,
    sample: usize,
    class: usize,
    place: usize,
    most: F,
) -> F {
    exp::<F>(logit::<S, V, F>(logits, valid, sample, class, place) - most)
}

/// A logit as the softmax takes it: 0 if the pixel is ignored, a large number in place of infinity. A NaN stays NaN.
#[cube]
fn logit<S: Float, V: Int, F: Float>(
    logits: &Tensor<S>,
    valid: ComptimeOption<&Tensor<V>>,
    sample: usize,
    class: usize,
    place: usize,
) -> F {
    let x = F::cast_from(logits[sample * logits.stride(0) + class * logits.stride(1) + place * logits.stride(2)]);
    let x = select(counts::<V>(valid, sample, class, place), x, F::new(0.0_f32));
    let x = select(x > F::new(LARGEST), F::new(LARGEST), x);
    select(x < F::new(-LARGEST), F::new(-LARGEST), x)
}

/// Whether a pixel is not ignored.
#[cube]
pub(super) fn counts<V: Int>(valid: ComptimeOption<&Tensor<V>>, sample: usize, class: usize, place: usize) -> bool {
    let mut counts = true.runtime();
    #[comptime]
    if let ComptimeOption::Some(valid) = &valid {
        let place = sample * valid.stride(0) + class * valid.stride(1) + place * valid.stride(2);
        counts = valid[place] != V::from_int(0);
    }
    counts
}
