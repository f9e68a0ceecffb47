//! Focal efficient IoU loss.

use super::eiou::{EiouLoss, eiou};
use super::geometry::{power, quotient};
use super::values::InFormat;
use super::{BoxFormat, Boxes, BoxesLoss, FactorGradient, Geometry, corners};
use crate::engine::pointwise;
use crate::engine::vectors::{Factors, VectorKernel, constants};
use crate::formula::{BoxFormula, Formula, Real};
use burn::tensor::{Bool, Tensor};
use burn_losses_derive::{loss, loss_config};

/// Focal efficient IoU (Zhang et al. 2021, [arXiv 2101.08158](https://arxiv.org/abs/2101.08158)).
///
/// # Formula
/// ```text
/// W L                         W = IoU^gamma, L the value of EiouLoss
/// N W L / sum W               with normalize: its mean is the paper's sum(W L) / sum(W)
/// ```
///
/// # When to use
/// For detectors with anchors, most of which overlap their targets badly: against this imbalance the boxes that fit well get most
/// of the gradient. Disjoint boxes get none, so it needs anchors that overlap; [`EiouLoss`](super::EiouLoss) pulls disjoint boxes
/// too.
///
/// # Numerics
/// W is a constant for the gradient unless `weight_gradient` is `full`; then an overlap below 1e-18 counts as 0, since the
/// slope of IoU^gamma at 0 is infinite for gamma < 1. Disjoint boxes have the weight 0, hence no gradient; if all are disjoint,
/// the value is 0.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{boxes::FocalEiouLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = FocalEiouLossConfig::new().with_normalize(false).init(&device);
/// let value = loss.forward(
///     Tensor::from_floats([[0.0, 0.0, 4.0, 2.0]], &device),
///     Tensor::from_floats([[1.0, 0.0, 3.0, 2.0]], &device),
/// );
/// assert!((value.into_scalar::<f32>() - 0.5f32.sqrt() * 0.75).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// No library that we know of has it. Several repositories write (1 - IoU)^gamma, which is the opposite.
#[loss(boxes, "focal_eiou", "EIoU weighted by IoU^gamma, so that well-fitting boxes dominate")]
pub struct FocalEiouLoss {
    config: FocalEiouLossConfig,
}

/// Config of [`FocalEiouLoss`].
#[loss_config]
pub struct FocalEiouLossConfig {
    /// How strongly boxes that fit badly are down-weighted; 0 is EIoU.
    #[field(default = 0.5, range = ">= 0")]
    pub gamma: f64,
    /// Whether the weights are divided by their mean over the batch.
    #[field(default = true)]
    pub normalize: bool,
    /// Whether the gradient flows through the weights.
    #[field(default = FactorGradient::Detached)]
    pub weight_gradient: FactorGradient,
    /// How four numbers describe a box.
    #[field(default = BoxFormat::Xyxy)]
    pub format: BoxFormat,
}

impl BoxesLoss for FocalEiouLoss {
    fn format(&self) -> BoxFormat {
        self.config.format
    }
}

/// The weight IoU^gamma, of a pair of boxes or of an overlap.
#[derive(Debug, Clone)]
struct Weight {
    gamma: f64,
}

impl BoxFormula for Weight {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: [R; 4], target: [R; 4]) -> R {
        power(Geometry::new(prediction, target).iou, self.gamma)
    }
}

impl Formula for Weight {
    #[inline(always)]
    fn eval<R: Real>(&self, overlap: R, _: R) -> R {
        power(overlap, self.gamma)
    }
}

impl FocalEiouLoss {
    /// Whether the overlaps are divided by the largest one before the power, so that the power of the largest does not
    /// underflow; the division by the mean cancels this factor. For gamma <= 1 no power underflows.
    fn is_scaled(&self) -> bool {
        self.config.normalize && self.config.gamma > 1.0
    }

    /// The weights of boxes with these overlaps.
    fn weights(&self, mut overlaps: Tensor<1>) -> Tensor<1> {
        if self.is_scaled() {
            let largest = overlaps.clone().detach().max();
            let shape = overlaps.dims();
            overlaps = overlaps * quotient(largest.ones_like(), largest).expand(shape);
        }
        pointwise::of_formula(&Weight { gamma: self.config.gamma }, overlaps.clone(), overlaps.detach())
    }
}

impl Boxes for FocalEiouLoss {
    fn kernel(&self, format: BoxFormat) -> Option<VectorKernel> {
        let is_constant = self.config.weight_gradient == FactorGradient::Detached;
        is_constant.then(|| VectorKernel::new(&InFormat(EiouLoss::plain(), format)))
    }

    fn factors(&self, predictions: &Tensor<2>, targets: &Tensor<2>, format: BoxFormat) -> Option<Factors> {
        let powers = |gamma| constants(&InFormat(Weight { gamma }, format), predictions, targets);
        let of_each = if self.is_scaled() { self.weights(powers(1.0)) } else { powers(self.config.gamma) };
        Some(Factors { of_each, over_mean: self.config.normalize })
    }

    fn mixes_boxes(&self) -> bool {
        self.config.normalize && self.config.weight_gradient == FactorGradient::Full
    }

    fn values(
        &self,
        predictions: Tensor<2>,
        targets: Tensor<2>,
        format: BoxFormat,
        mask: Option<&Tensor<1, Bool>>,
    ) -> Tensor<1> {
        let pair = Geometry::new(corners(predictions, format), corners(targets, format));
        let of_each = self.config.weight_gradient.apply(self.weights(pair.iou.clone()));
        eiou(&pair) * Factors { of_each, over_mean: self.config.normalize }.numbers(mask)
    }
}
