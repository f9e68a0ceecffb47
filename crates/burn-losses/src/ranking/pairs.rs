//! Pairs of scores, of which the first should be higher.

use super::{BprLoss, RankingLoss, RanknetLoss};
use crate::check::{Reference, widen};
use crate::engine::any_tensor::AnyTensor;
use crate::engine::lists::PairFormula;
use crate::engine::pointwise;
use crate::error::{InputError, expect};
use crate::reduction::{Extras, Unreduced};
use crate::signature::{Argument, Arguments, Called, EvalError, Shape, Signature, Wanted, forward};
use burn::tensor::Tensor;
use burn_losses_derive::inherent;

/// Pairs as arguments.
pub(super) fn signature() -> Signature {
    vec![
        Argument::prediction("better", Shape::Axes(1, 1)),
        Argument::prediction("worse", Shape::Same),
        Argument::weights(Shape::First(1)),
        Argument::mask("mask", Shape::First(1)),
    ]
}

/// Calls a loss with the arguments of pairs.
pub(super) fn call(
    loss: &impl RankedPairs,
    arguments: &mut Arguments<'_>,
    wanted: Wanted,
) -> Result<Called, EvalError> {
    let (better, worse) = (arguments.float("better"), arguments.float("worse"));
    let extras = arguments.extras::<1, 1>();
    loss.check_pairs(&better, &worse, &extras)?;
    Ok(forward!(loss, wanted, extras; forward_pairs_with, forward_pairs_unreduced; better, worse))
}

/// The difference of two scores, and the weight 1 of each pair.
fn differences(better: Tensor<1>, worse: Tensor<1>) -> (Tensor<1>, Tensor<1>) {
    with_ones(widen(better) - widen(worse))
}

/// Differences, each with the weight 1.
pub(super) fn with_ones(difference: Tensor<1>) -> (Tensor<1>, Tensor<1>) {
    let ones = difference.clone().without_autodiff().ones_like();
    let ones = AnyTensor::from(&difference).lift(ones.into()).into_rank();
    (difference, ones)
}

/// A loss of pairs of scores. Its methods are methods of [`RanknetLoss`] and [`BprLoss`] too.
#[inherent]
pub trait RankedPairs: RankingLoss + PairFormula {
    /// The value of pairs of scores, of which the first should be the higher one, reduced as the config says.
    ///
    /// # Shapes
    /// - better, worse: `[N]`
    /// - output: `[1]`
    fn forward_pairs(&self, better: Tensor<1>, worse: Tensor<1>) -> Tensor<1> {
        self.forward_pairs_with(better, worse, Extras::new())
    }

    /// Like [`forward_pairs`](Self::forward_pairs), with weights `[N]`, a mask `[N]` of the pairs that are valid, or a divisor: see
    /// [`Extras`].
    fn forward_pairs_with(&self, better: Tensor<1>, worse: Tensor<1>, extras: impl Into<Extras>) -> Tensor<1> {
        let extras = extras.into();
        expect(self.check_pairs(&better, &worse, &extras));
        let (difference, ones) = differences(better, worse);
        pointwise::reduce(self, self.reduction(), difference, ones, extras)
    }

    /// One value per pair, `[N]`, times its weight and divided by the divisor of the extras.
    fn forward_pairs_unreduced(&self, better: Tensor<1>, worse: Tensor<1>, extras: impl Into<Extras>) -> Unreduced<1> {
        let extras = extras.into();
        expect(self.check_pairs(&better, &worse, &extras));
        let (difference, ones) = differences(better, worse);
        pointwise::unreduced(self, difference, ones, extras)
    }

    /// Checks the shapes, types and devices of pairs.
    fn check_pairs(&self, better: &Tensor<1>, worse: &Tensor<1>, extras: &Extras) -> Result<(), InputError> {
        let first = Reference { loss: self.kind(), name: "better", tensor: better };
        first.same("worse", worse)?;
        first.extras(&better.dims(), extras)
    }
}
ranked_pairs_methods!(RanknetLoss, BprLoss);
