//! Two views of the same things: the first half of the rows is one, the second half the other.

use super::{ClipLoss, MetricLoss, SiglipLoss};
use crate::check::{Reference, widen};
use crate::error::{InputError, expect};
use crate::reduction::{Extras, Unreduced};
use crate::signature::{Argument, Arguments, Called, EvalError, Shape, Signature, Wanted};
use burn::module::Param;
use burn::tensor::{Device, Int, Tensor};
use burn_losses_derive::inherent;

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

/// Calls a loss with the arguments of two views.
pub(super) fn call(loss: &impl TwoViews, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
    let (first, second) = (arguments.float("first"), arguments.float("second"));
    loss.check_views(&first, &second, &Extras::new())?;
    Ok(match wanted {
        Wanted::Values => loss.forward_views_unreduced(first, second, Extras::new()).values.into(),
        Wanted::Loss => loss.forward_views(first, second).into(),
    })
}

/// A loss of two views of the same things. Its methods are methods of [`ClipLoss`] and [`SiglipLoss`] too.
#[inherent]
pub trait TwoViews: MetricLoss {
    /// The value of two views of the same things, row by row, reduced as the config says.
    ///
    /// # Shapes
    /// - first, second: `[N, E]`
    fn forward_views(&self, first: Tensor<2>, second: Tensor<2>) -> Tensor<1> {
        self.forward_views_with(first, second, Extras::new())
    }

    /// Like [`forward_views`](Self::forward_views), with weights, a mask of the rows that are valid, or a divisor: see [`Extras`].
    ///
    /// # Shapes
    /// - weights, mask: `[2 N]`, the rows of the first view before those of the second
    fn forward_views_with(&self, first: Tensor<2>, second: Tensor<2>, extras: impl Into<Extras>) -> Tensor<1> {
        let extras = extras.into();
        expect(self.check_views(&first, &second, &extras));
        let (embeddings, labels) = joined(first, second);
        self.forward_with(embeddings, labels, extras)
    }

    /// One value per row of the two views, the rows of the first before those of the second, times its weight and divided by the
    /// divisor of the extras.
    fn forward_views_unreduced(&self, first: Tensor<2>, second: Tensor<2>, extras: impl Into<Extras>) -> Unreduced<1> {
        let extras = extras.into();
        expect(self.check_views(&first, &second, &extras));
        let (embeddings, labels) = joined(first, second);
        self.forward_unreduced(embeddings, labels, extras)
    }

    /// Checks the shapes, types and devices of two views.
    fn check_views(&self, first: &Tensor<2>, second: &Tensor<2>, extras: &Extras) -> Result<(), InputError> {
        let reference = Reference { loss: self.kind(), name: "first", tensor: first };
        reference.same("second", second)?;
        reference.extras(&[2 * first.dims()[0]], extras)
    }
}
two_views_methods!(ClipLoss, SiglipLoss);
