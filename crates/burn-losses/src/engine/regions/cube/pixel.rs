//! A pixel: its probability and its mask in a class.

use crate::engine::cube::softmax::{Total, exp, merge};
use crate::options::Activation;
use burn_cubecl::cubecl;
use cubecl::prelude::*;

/// Stands for infinity, as in the softmax of tensors.
const LARGEST: f32 = 1e-3 * f32::MAX;

/// Those of `[N, C, pixels]`.
#[derive(CubeType, CubeLaunch)]
pub(super) struct Sizes {
    pub(super) samples: usize,
    pub(super) classes: usize,
    pub(super) pixels: usize,
}

/// A pixel in a class.
#[derive(CubeType)]
pub(super) struct Pixel<F: Float> {
    /// The probability, and of a sigmoid 1 - that.
    pub(super) p: F,
    pub(super) rest: F,
    /// The mask.
    pub(super) t: F,
    /// Whether it is not ignored.
    pub(super) counts: bool,
}

/// A pixel, of whose logits the largest and the sum of e^(x - that) are known where there is a softmax.
#[cube]
#[allow(clippy::too_many_arguments)] // those of a kernel
pub(super) fn pixel<S: Float, M: Float, V: Int, F: Float>(
    logits: &Tensor<S>,
    masks: &Tensor<M>,
    valid: ComptimeOption<&Tensor<V>>,
    sample: usize,
    class: usize,
    place: usize,
    most: F,
    sum: F,
    #[comptime] activation: Activation,
) -> Pixel<F> {
    let one = F::new(1.0_f32);
    let x = F::cast_from(logits[sample * logits.stride(0) + class * logits.stride(1) + place * logits.stride(2)]);
    let t = F::cast_from(masks[sample * masks.stride(0) + class * masks.stride(1) + place * masks.stride(2)]);
    let counts = counts::<V>(valid, sample, class, place);
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
    if comptime!(activation == Activation::Softmax) {
        p = exp::<F>(finite::<F>(select(counts, x, F::new(0.0_f32))) - most) / sum;
    }
    Pixel::<F> { p, rest, t, counts }
}

/// The softmax of a pixel: an ignored logit is 0 there.
#[cube]
pub(super) fn total<S: Float, V: Int, F: Float>(
    logits: &Tensor<S>,
    valid: ComptimeOption<&Tensor<V>>,
    sample: usize,
    place: usize,
    sizes: &Sizes,
) -> Total<F> {
    let start = sample * logits.stride(0) + place * logits.stride(2);
    let mut most = F::new(-LARGEST);
    let mut sum = F::new(0.0_f32);
    let mut class = 0_usize.runtime();
    while class < sizes.classes {
        let x = F::cast_from(logits[start + class * logits.stride(1)]);
        let x = finite::<F>(select(counts::<V>(valid, sample, class, place), x, F::new(0.0_f32)));
        let next = merge::<F>(Total::<F> { most, sum }, Total::<F> { most: x, sum: F::new(1.0_f32) });
        most = next.most;
        sum = next.sum;
        class += 1;
    }
    Total::<F> { most, sum }
}

/// Whether a pixel is not ignored.
#[cube]
fn counts<V: Int>(valid: ComptimeOption<&Tensor<V>>, sample: usize, class: usize, place: usize) -> bool {
    let mut counts = true.runtime();
    #[comptime]
    if let ComptimeOption::Some(valid) = &valid {
        let place = sample * valid.stride(0) + class * valid.stride(1) + place * valid.stride(2);
        counts = valid[place] != V::from_int(0);
    }
    counts
}

/// A large number in place of an infinite one. What is not a number stays one.
#[cube]
fn finite<F: Float>(x: F) -> F {
    let x = select(x > F::new(LARGEST), F::new(LARGEST), x);
    select(x < F::new(-LARGEST), F::new(-LARGEST), x)
}
