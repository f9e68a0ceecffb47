//! Two views of the same things: the first half of the rows is one, the second half the other.

use crate::check::{Reference, widen};
use crate::error::InputError;
use crate::reduction::Extras;
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

/// What the number of rows must be, if it is not that.
pub(super) fn accepts(rows: usize) -> Result<(), String> {
    if rows.is_multiple_of(2) { Ok(()) } else { Err("an even number of rows: two views, one after the other".into()) }
}

/// A parameter of one number, which begins at 0: what is learned beyond the config.
pub(super) fn number(device: &Device) -> Param<Tensor<1>> {
    Param::from_tensor(Tensor::zeros([1], device))
}

/// What the cosines are multiplied by: 1 / temperature. What is learned is ln of a further factor, and both together are at most 100.
pub(super) fn factor(learned: Option<&Param<Tensor<1>>>, temperature: f64, embeddings: &Tensor<2>) -> Tensor<2> {
    let Some(scale) = learned else { return constant(1.0 / temperature, embeddings) };
    let scale = scale.val().cast(embeddings.dtype());
    // Beyond the limit the slope stays that of the limit, or nothing would bring the parameter back.
    let beyond = (scale.clone().detach() - (100.0 * temperature).ln()).clamp_min(0.0);
    ((scale - beyond).exp() * (1.0 / temperature)).reshape([1, 1])
}

/// One number.
pub(super) fn constant(number: f64, like: &Tensor<2>) -> Tensor<2> {
    Tensor::full([1, 1], number, (&like.device(), like.dtype()))
}

/// `forward_views` of a loss of two views.
macro_rules! forward_views {
    ($module:ident) => {
        impl $crate::metric::MetricLoss for $module {
            fn tuples(&self) -> Option<$crate::signature::Signature> {
                Some($crate::metric::views::signature())
            }
            fn call_tuples(
                &self,
                arguments: &mut $crate::signature::Arguments<'_>,
                wanted: $crate::signature::Wanted,
            ) -> Result<$crate::signature::Called, $crate::signature::EvalError> {
                let (first, second) = (arguments.float("first"), arguments.float("second"));
                self.check_views(&first, &second, &$crate::Extras::new())?;
                Ok(match wanted {
                    $crate::signature::Wanted::Values => {
                        self.forward_views_unreduced(first, second, $crate::Extras::new()).values.into()
                    }
                    $crate::signature::Wanted::Loss => self.forward_views(first, second).into(),
                })
            }
        }

        impl $module {
            /// The value of two views of the same things, row by row, reduced as the config says.
            ///
            /// # Shapes
            /// - first, second: `[N, E]`
            ///
            /// # Panics
            /// With the message of [`check_views`](Self::check_views)'s error.
            #[track_caller]
            pub fn forward_views(&self, first: Tensor<2>, second: Tensor<2>) -> Tensor<1> {
                self.forward_views_with(first, second, $crate::Extras::new())
            }

            /// Like `forward`, with weights, a mask of the rows that are valid, or a divisor: see [`Extras`](crate::Extras).
            ///
            /// # Shapes
            /// - weights, mask: `[2 N]`, the rows of the first view before those of the second
            ///
            /// # Panics
            /// With the message of [`check_views`](Self::check_views)'s error.
            #[track_caller]
            pub fn forward_views_with(
                &self,
                first: Tensor<2>,
                second: Tensor<2>,
                extras: impl Into<$crate::Extras>,
            ) -> Tensor<1> {
                let extras = extras.into();
                $crate::error::expect(self.check_views(&first, &second, &extras));
                let (embeddings, labels) = $crate::metric::views::joined(first, second);
                $crate::metric::MetricLoss::forward_with(self, embeddings, labels, extras)
            }

            /// One value per row of the two views, the rows of the first before those of the second, times its weight and divided by
            /// the divisor.
            ///
            /// # Panics
            /// With the message of [`check_views`](Self::check_views)'s error.
            #[track_caller]
            pub fn forward_views_unreduced(
                &self,
                first: Tensor<2>,
                second: Tensor<2>,
                extras: impl Into<$crate::Extras>,
            ) -> $crate::Unreduced<1> {
                let extras = extras.into();
                $crate::error::expect(self.check_views(&first, &second, &extras));
                let (embeddings, labels) = $crate::metric::views::joined(first, second);
                $crate::metric::MetricLoss::forward_unreduced(self, embeddings, labels, extras)
            }

            /// What is wrong with two views: their shapes, types and devices.
            pub fn check_views(
                &self,
                first: &Tensor<2>,
                second: &Tensor<2>,
                extras: &$crate::Extras,
            ) -> Result<(), $crate::InputError> {
                $crate::metric::views::check($crate::Loss::kind(self), first, second, extras)
            }
        }
    };
}
pub(super) use forward_views;
