//! Two views of the same things: the first half of the rows is one, the second half the other.

use super::MetricLoss;
use crate::check::{Reference, widen};
use crate::error::{InputError, expect};
use crate::reduction::{Extras, Unreduced};
use crate::signature::{Argument, Shape, Signature};
use burn::module::Param;
use burn::tensor::{Device, Int, Tensor};

/// Both views in one tensor, and which rows belong together.
pub(super) fn joined(first: Tensor<2>, second: Tensor<2>) -> (Tensor<2>, Tensor<1, Int>) {
    let [count, _] = first.dims();
    let each = Tensor::<1, Int>::arange(0..count as i64, &first.device());
    let labels = Tensor::cat(vec![each.clone(), each], 0);
    (Tensor::cat(vec![widen(first), widen(second)], 0), labels)
}

/// Two views as arguments.
pub(super) fn signature() -> Signature {
    vec![Argument::prediction("first", Shape::MATRIX), Argument::prediction("second", Shape::Same)]
}

pub(super) fn check(
    loss: &'static str,
    first: &Tensor<2>,
    second: &Tensor<2>,
    extras: &Extras,
) -> Result<(), InputError> {
    let reference = Reference { loss, name: "first", tensor: first };
    reference.same("second", second)?;
    reference.extras(&[2 * first.dims()[0]], extras)
}

/// Checks that the number of rows is even.
pub(super) fn accepts(rows: usize) -> Result<(), String> {
    if rows.is_multiple_of(2) { Ok(()) } else { Err("an even number of rows: two views, one after the other".into()) }
}

/// A learned parameter of one number, which begins at 0.
pub(super) fn number(device: &Device) -> Param<Tensor<1>> {
    Param::from_tensor(Tensor::zeros([1], device))
}

/// The factor of the cosines: 1 / temperature, times e^t where the parameter t is learned. The product is at most 100.
pub(super) fn factor(learned: Option<&Param<Tensor<1>>>, temperature: f64, embeddings: &Tensor<2>) -> Tensor<2> {
    let Some(scale) = learned else { return constant(1.0 / temperature, embeddings) };
    let scale = scale.val().cast(embeddings.dtype());
    // Beyond the limit the slope stays that at the limit: with a slope of 0 nothing would bring the parameter back.
    let beyond = (scale.clone().detach() - (100.0 * temperature).ln()).clamp_min(0.0);
    ((scale - beyond).exp() * (1.0 / temperature)).reshape([1, 1])
}

/// One number as a tensor.
pub(super) fn constant(number: f64, like: &Tensor<2>) -> Tensor<2> {
    Tensor::full([1, 1], number, (&like.device(), like.dtype()))
}

/// The value of two views.
#[track_caller]
pub(super) fn forward<L: MetricLoss>(loss: &L, first: Tensor<2>, second: Tensor<2>, extras: Extras) -> Tensor<1> {
    expect(check(loss.kind(), &first, &second, &extras));
    let (embeddings, labels) = joined(first, second);
    loss.forward_with(embeddings, labels, extras)
}

/// One value per row of two views.
#[track_caller]
pub(super) fn forward_unreduced<L: MetricLoss>(
    loss: &L,
    first: Tensor<2>,
    second: Tensor<2>,
    extras: Extras,
) -> Unreduced<1> {
    expect(check(loss.kind(), &first, &second, &extras));
    let (embeddings, labels) = joined(first, second);
    loss.forward_unreduced(embeddings, labels, extras)
}
