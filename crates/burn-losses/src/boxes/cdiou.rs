//! Control distance IoU loss.

use super::ciou::aspect_term;
use super::diou::diou;
use super::eiou::eiou;
use super::{BoxFormat, BoxesLoss, FactorGradient, Geometry, corners};
use crate::error::expect;
use crate::formula::{BoxFormula, Real};
use crate::reduction::Extras;
use burn::tensor::Tensor;
use burn_losses_derive::{Choice, loss, loss_config};

/// The loss that the control distance is added to, with that loss's defaults (and without an `eps`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum CdiouBase {
    /// 1 - IoU.
    Iou,
    /// Generalized IoU.
    #[default]
    Giou,
    /// Distance IoU.
    Diou,
    /// Complete IoU.
    Ciou,
    /// Efficient IoU.
    Eiou,
}

/// Which corners are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum Corners {
    /// All four: the paper.
    #[default]
    Four,
    /// The top left and the bottom right one: the authors' code.
    Two,
}

/// Control distance IoU (Chen and Miao 2021, [arXiv 2103.11696](https://arxiv.org/abs/2103.11696)).
///
/// # Formula
/// ```text
/// L_base + penalty_weight D
/// D = (sum of the distances of the four pairs of corners) / (4 c)
/// ```
/// where c is the diagonal of the smallest box that encloses both. The evaluation score is IoU + lambda (1 - D): see
/// [`score`](Self::score).
///
/// # When to use
/// To add the distances of the corners to a box loss of a detector: they compare position and size at once, also for disjoint
/// boxes and for boxes with the same center, where the penalty of [`DiouLoss`](super::DiouLoss) is 0.
/// [`CiouLoss`](super::CiouLoss) and [`EiouLoss`](super::EiouLoss) are more widespread.
///
/// # Numerics
/// A distance of 0 has the gradient 0.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{boxes::{CdiouBase, CdiouLossConfig}, prelude::*};
///
/// let device = Device::flex();
/// let loss = CdiouLossConfig::new().with_base(CdiouBase::Iou).init(&device);
/// // Moved by 2 in a box of 5 x 1: every corner by 2.
/// let value = loss.forward(
///     Tensor::from_floats([[0.0, 0.0, 3.0, 1.0]], &device),
///     Tensor::from_floats([[2.0, 0.0, 5.0, 1.0]], &device),
/// );
/// assert!((value.into_scalar::<f32>() - (0.8 + 2.0 / 26f32.sqrt())).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// No library that we know of has it. The authors' code has two corners and a weight of 0.001 (`corners = "two"` and
/// `penalty_weight = 0.001`), and lets no gradient reach the prediction.
#[loss(boxes, "cdiou", "A base box loss plus the mean corner distance")]
pub struct CdiouLoss {
    config: CdiouLossConfig,
}

/// Config of [`CdiouLoss`].
#[loss_config]
pub struct CdiouLossConfig {
    /// The loss that the control distance is added to.
    #[field(default = CdiouBase::Giou)]
    pub base: CdiouBase,
    /// Which corners are compared.
    #[field(default = Corners::Four)]
    pub corners: Corners,
    /// The factor of the control distance.
    #[field(default = 1.0, range = ">= 0")]
    pub penalty_weight: f64,
    /// The factor of the control distance in the score. The loss does not use it: see `penalty_weight`.
    #[field(default = 0.001, range = ">= 0")]
    pub lambda: f64,
    /// How four numbers describe a box.
    #[field(default = BoxFormat::Xyxy)]
    pub format: BoxFormat,
}

impl BoxesLoss for CdiouLoss {
    fn format(&self) -> BoxFormat {
        self.config.format
    }
}

impl CdiouLoss {
    /// The control distance D, in [0, 1].
    #[inline(always)]
    fn distance<R: Real>(&self, pair: &Geometry<R>) -> R {
        match self.config.corners {
            Corners::Four => pair.corner_distances(true) * 0.25,
            Corners::Two => pair.corner_distances(false) * 0.5,
        }
    }

    /// The evaluation score IoU + lambda (1 - D) of each pair of boxes: `[N]`.
    ///
    /// # Panics
    /// With the message of [`check`](BoxesLoss::check)'s error.
    #[track_caller]
    pub fn score(&self, predictions: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        expect(self.check(&predictions, &targets, &Extras::new()));
        let at = |boxes| corners(crate::check::widen(boxes), self.config.format);
        let pair = Geometry::new(at(predictions), at(targets));
        pair.iou.clone() + (-self.distance(&pair) + 1.0) * self.config.lambda
    }
}

impl BoxFormula for CdiouLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: [R; 4], target: [R; 4]) -> R {
        let pair = Geometry::new(prediction, target);
        let base = match self.config.base {
            CdiouBase::Iou => -pair.iou.clone() + 1.0,
            CdiouBase::Giou => -pair.iou.clone() + 1.0 + pair.gap(),
            CdiouBase::Diou => diou(&pair),
            CdiouBase::Ciou => diou(&pair) + aspect_term(&pair, false, FactorGradient::Detached),
            CdiouBase::Eiou => eiou(&pair),
        };
        base + self.distance(&pair) * self.config.penalty_weight
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    /// Every distance by hand: (0,0)-(3,1) against (2,-1)-(4,4), enclosed by 4 x 5.
    #[test]
    fn t43_the_four_corners_by_hand() {
        let (prediction, target) = ([0.0, 0.0, 3.0, 1.0], [2.0, -1.0, 4.0, 4.0]);
        let diagonal = 41f64.sqrt();
        let [top_left, top_right, bottom_left, bottom_right] = [5f64, 2.0, 13.0, 10.0].map(f64::sqrt);
        let config = CdiouLossConfig::new().with_base(CdiouBase::Iou);
        let iou = 1.0 / (3.0 + 10.0 - 1.0);
        let four = (top_left + top_right + bottom_left + bottom_right) / (4.0 * diagonal);
        let two = (top_left + bottom_right) / (2.0 * diagonal);

        let loss = config.clone().init(&Device::flex());
        assert!((loss.eval(prediction, target) - (1.0 - iou + four)).abs() < 1e-14);
        let released = config.with_corners(Corners::Two).with_penalty_weight(0.001).init(&Device::flex());
        assert!((released.eval(prediction, target) - (1.0 - iou + 0.001 * two)).abs() < 1e-14);

        let device = Device::flex();
        let row = |numbers: [f64; 4]| Tensor::<2>::from_floats([numbers.map(|x| x as f32)], &device);
        let loss = CdiouLossConfig::new().with_lambda(0.5).init(&device);
        let score: f32 = loss.score(row(prediction), row(target)).into_scalar();
        assert!((f64::from(score) - (iou + 0.5 * (1.0 - four))).abs() < 1e-6);
    }
}
