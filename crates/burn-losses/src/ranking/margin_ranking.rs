//! Margin ranking loss.

use super::pairs::with_ones;
use super::{PairFormula, RankingLoss};
use crate::check::{Reference, widen};
use crate::engine::{pointwise, without_weightless};
use crate::error::{InputError, expect};
use crate::formula::safe::weighted;
use crate::formula::{Formula, Real};
use crate::loss::Loss;
use crate::reduction::{Extras, Unreduced, cleaned};
use crate::signature::{Argument, Arguments, Called, EvalError, Shape, Signature, Wanted};
use burn::tensor::Tensor;
use burn_losses_derive::{loss, loss_config};

/// Margin ranking loss (Joachims 2002, [doi 10.1145/775047.775067](https://doi.org/10.1145/775047.775067)): the hinge of each pair of
/// items in a list.
///
/// # Formula
/// `max(0, margin - (s_i - s_j))`, averaged over the pairs of a list with r_i > r_j. Of pairs with an order y of 1 or -1 it is
/// `max(0, margin - y (a - b))`: see [`forward_pairs`](Self::forward_pairs).
///
/// # When to use
/// For knowledge graphs, siamese networks with a score, and ranking by a support vector machine. A pair has no gradient once its order is
/// right by at least the margin. If every pair should keep a gradient, take [`RanknetLoss`](super::RanknetLoss). Set a margin above 0:
/// with a margin of 0, a model that gives all items the same score has the value 0.
///
/// # Numerics
/// The slope of a pair is 0 or 1 times its weight, and 0 at the kink.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, ranking::MarginRankingLossConfig};
///
/// let device = Device::flex();
/// let loss = MarginRankingLossConfig::new().with_margin(1.0).init(&device);
/// let scores = Tensor::<2>::from_floats([[0.5, 0.25, 3.0]], &device);
/// let value = loss.forward(scores, Tensor::<2>::from_floats([[1.0, 0.0, 1.0]], &device));
/// assert_eq!(value.into_scalar::<f32>(), 0.375);
///
/// let tensor = |number: f32| Tensor::<1>::from_floats([number], &device);
/// // The second score should be the higher one.
/// assert_eq!(loss.forward_pairs(tensor(2.0), tensor(1.5), tensor(-1.0)).into_scalar::<f32>(), 1.5);
/// ```
///
/// # Elsewhere
/// - `torch.nn.MarginRankingLoss`: the same.
/// - `burn.nn.loss.MarginRankingLoss`: the same values as `forward_pairs`; `MarginRankingLossConfig::from` takes its config.
/// - `tensorflow_ranking.keras.losses.PairwiseHingeLoss`: lists, with the margin 1.
/// - `optax.losses.hinge_loss`: with the margin 1, of a difference and its order.
#[loss(ranking, "margin_ranking", "The hinge of each pair of items in a list, or of pairs with an order")]
pub struct MarginRankingLoss {
    config: MarginRankingLossConfig,
}

/// Config of [`MarginRankingLoss`].
#[loss_config]
pub struct MarginRankingLossConfig {
    /// The difference of the two scores at which a pair stops having a gradient.
    #[field(default = 0.0, range = ">= 0")]
    pub margin: f64,
}

impl RankingLoss for MarginRankingLoss {
    fn pairs(&self) -> Option<Signature> {
        Some(vec![
            Argument::prediction("first", Shape::Axes(1, 1)),
            Argument::prediction("second", Shape::Same),
            Argument::target("order", Shape::Same),
            Argument::weights(Shape::First(1)),
            Argument::mask("mask", Shape::First(1)),
        ])
    }
    fn call_pairs(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        let (first, second, order) = (arguments.float("first"), arguments.float("second"), arguments.float("order"));
        let extras = arguments.extras::<1, 1>();
        self.check_pairs(&first, &second, &order, &extras)?;
        Ok(match wanted {
            Wanted::Values => self.forward_pairs_unreduced(first, second, order, extras.mask_alone()).values.into(),
            Wanted::Loss => self.forward_pairs_with(first, second, order, extras).into(),
        })
    }
}

impl MarginRankingLoss {
    /// The value of pairs of scores, reduced as the config says. The order is 1 where the first score should be higher, and -1
    /// where the second should be.
    ///
    /// # Shapes
    /// - first, second, order: `[N]`
    /// - output: `[1]`
    ///
    /// # Panics
    /// With the message of [`check_pairs`](Self::check_pairs)'s error.
    #[track_caller]
    pub fn forward_pairs(&self, first: Tensor<1>, second: Tensor<1>, order: Tensor<1>) -> Tensor<1> {
        self.forward_pairs_with(first, second, order, Extras::new())
    }

    /// Like [`forward_pairs`](Self::forward_pairs), with weights `[N]`, a mask `[N]` of the pairs that are valid, or a divisor: see
    /// [`Extras`].
    ///
    /// # Panics
    /// With the message of [`check_pairs`](Self::check_pairs)'s error.
    #[track_caller]
    pub fn forward_pairs_with(
        &self,
        first: Tensor<1>,
        second: Tensor<1>,
        order: Tensor<1>,
        extras: impl Into<Extras>,
    ) -> Tensor<1> {
        let extras = extras.into();
        expect(self.check_pairs(&first, &second, &order, &extras));
        let (difference, ones) = differences([first, second, order], &extras);
        pointwise::reduce(self, self.reduction(), difference, ones, extras)
    }

    /// One value per pair, `[N]`, times its weight and divided by the divisor of the extras.
    ///
    /// # Panics
    /// With the message of [`check_pairs`](Self::check_pairs)'s error.
    #[track_caller]
    pub fn forward_pairs_unreduced(
        &self,
        first: Tensor<1>,
        second: Tensor<1>,
        order: Tensor<1>,
        extras: impl Into<Extras>,
    ) -> Unreduced<1> {
        let extras = extras.into();
        expect(self.check_pairs(&first, &second, &order, &extras));
        let (difference, ones) = differences([first, second, order], &extras);
        pointwise::unreduced(self, difference, ones, extras)
    }

    /// Checks the shapes, types and devices of pairs.
    pub fn check_pairs(
        &self,
        first: &Tensor<1>,
        second: &Tensor<1>,
        order: &Tensor<1>,
        extras: &Extras,
    ) -> Result<(), InputError> {
        let reference = Reference { loss: Loss::kind(self), name: "first", tensor: first };
        reference.same("second", second)?;
        reference.same("order", order)?;
        reference.extras(&first.dims(), extras)
    }
}

/// y (a - b), and the weight 1 of each pair. A pair that is masked or has the weight 0 has no gradient, whatever its order is.
fn differences([first, second, order]: [Tensor<1>; 3], extras: &Extras) -> (Tensor<1>, Tensor<1>) {
    let extras = extras.clone().for_shape(first.dims());
    let [first, second, order] = [first, second, order]
        .map(|numbers| cleaned(widen(without_weightless(numbers, &extras)), extras.mask.as_ref()));
    with_ones(order * (first - second))
}

impl Formula for MarginRankingLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, difference: R, weight: R) -> R {
        weighted(weight, (-difference + self.config.margin).relu())
    }
}

impl PairFormula for MarginRankingLoss {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranking::tests::lists;
    use burn::tensor::Device;

    /// Lists are pairs with the order 1.
    #[test]
    fn lists_are_pairs() {
        let device = Device::flex();
        let loss = MarginRankingLossConfig::new().with_margin(0.5).init(&device);
        let value = loss.forward(lists([[1.0, 0.75, 2.0]]), lists([[2.0, 1.0, 0.0]]));
        let tensor = |numbers: [f32; 3]| Tensor::<1>::from_floats(numbers, &device);
        let pairs = loss.forward_pairs(tensor([1.0, 2.0, 0.75]), tensor([0.75, 1.0, 2.0]), tensor([1.0, -1.0, 1.0]));
        assert_eq!(value.into_scalar::<f32>(), pairs.into_scalar::<f32>());
    }
}
