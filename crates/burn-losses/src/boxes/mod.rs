//! Boxes: predictions and targets `[N, 4]`, rotated boxes `[N, 5]` and boxes in three dimensions `[N, 6]`.
//!
//! All losses of one width can be swapped for one another in a config file: see [`BoxesLossConfig`]. [`Boxes::accepts`] says which
//! width a loss takes: 5 for `prob_iou` and `gaussian_distance`, 6 for `giou_3d`, 4 for the others. (`distribution_focal` takes
//! predictions of another width, since it needs a distribution per side.)
//!
//! For box deltas, `[N, 4]`, use the family `regression`, for instance `ghm_r` or `smooth_l1`.
//!
//! For metrics and matching there are [`pairwise_iou`] and [`convert`]; for detectors without anchors [`points_inside`],
//! [`smallest_box`], [`ltrb_targets`] and [`decode_ltrb`].

mod alpha_iou;
mod cdiou;
mod ciou;
mod diou;
mod distribution_focal;
mod eiou;
mod focal_eiou;
mod gaussian;
mod gaussian_distance;
mod geometry;
mod giou;
mod giou_3d;
mod iou;
mod mpdiou;
mod nwd;
mod ohem;
mod points;
mod prob_iou;
mod signature;
mod siou;
#[cfg(test)]
pub mod template;
mod tools;
mod values;
mod weighted_sum;

use crate::check::Reference;
use crate::engine::vectors::{self, Factors, VectorKernel};
use crate::error::{InputError, expect};
use crate::loss::Loss;
use crate::reduction::{Extras, Unreduced};
use burn::tensor::{Bool, Tensor};
use burn_losses_derive::{dispatch, family, inherent};
use values::Formatted;

pub use crate::options::{BoxFormat, BoxFormat3d, FactorGradient, HardExamples};
pub use alpha_iou::{AlphaIouBase, AlphaIouLoss, AlphaIouLossConfig};
pub use cdiou::{CdiouBase, CdiouLoss, CdiouLossConfig, Corners};
pub use ciou::{AspectGradient, CiouLoss, CiouLossConfig};
pub use diou::{DiouLoss, DiouLossConfig};
pub use distribution_focal::{DistributionFocalLoss, DistributionFocalLossConfig};
pub use eiou::{EiouLoss, EiouLossConfig};
pub use focal_eiou::{FocalEiouLoss, FocalEiouLossConfig};
pub use gaussian_distance::{DistanceTransform, GaussianDistance, GaussianDistanceLoss, GaussianDistanceLossConfig};
pub use geometry::{Axis, Geometry, Plane};
pub use giou::{GiouLoss, GiouLossConfig};
pub use giou_3d::{Form3d, Giou3dLoss, Giou3dLossConfig};
pub use iou::{IouForm, IouLoss, IouLossConfig};
pub use mpdiou::{MpdiouLoss, MpdiouLossConfig};
pub use nwd::{NwdLoss, NwdLossConfig};
pub use ohem::{OhemLoss, OhemLossConfig};
pub use points::{PointRules, decode_ltrb, ltrb_targets, points_inside, smallest_box};
pub use prob_iou::{ProbIouForm, ProbIouLoss, ProbIouLossConfig};
pub use siou::{SiouLoss, SiouLossConfig};
pub use tools::{convert, pairwise_iou};
pub(crate) use values::corners;
pub use values::{BoxTargets, BoxUnit, Boxes};
pub use weighted_sum::{WeightedSumLoss, WeightedSumLossConfig};

/// A loss of predicted and target boxes.
///
/// All lengths are computed in f32 at least, and relative to the box that encloses both: half-precision inputs neither overflow
/// nor lose small boxes. An inverted box (its second corner before the first) is empty: its width and height count as 0. Value
/// and gradient are finite for degenerate, inverted, disjoint and touching boxes. Where two edges coincide, each has half of the
/// gradient, as in PyTorch: a perfect fit has the gradient 0. (A gradient is as large as 1 / size: for boxes below about 1e-4
/// it is more than an f16 can hold.)
///
/// An infinite corner counts as one at a distance of 1e12, and has no gradient. So do the infinite centers and sides of rotated
/// boxes; an infinite angle gives NaN.
#[inherent]
pub trait BoxesLoss: Boxes + Loss {
    /// How four numbers describe a box.
    fn format(&self) -> BoxFormat {
        BoxFormat::Xyxy
    }

    /// The fields of the config that are lengths in the units of the boxes; `diagnose` compares them with the boxes.
    fn units(&self) -> Vec<BoxUnit> {
        Vec::new()
    }

    /// The value of the batch, reduced as the config says.
    ///
    /// # Shapes
    /// - predictions, targets: `[N, 4]`, or the width that the loss [`accepts`](Boxes::accepts)
    /// - output: `[1]`
    fn forward(&self, predictions: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        self.forward_with(predictions, targets, Extras::new())
    }

    /// Like `forward`, with weights, a mask of the boxes that are valid, or a divisor: see [`Extras`].
    ///
    /// # Shapes
    /// - weights, mask: `[N]`
    fn forward_with(&self, predictions: Tensor<2>, targets: Tensor<2>, extras: impl Into<Extras>) -> Tensor<1> {
        let extras = extras.into();
        expect(self.check(&predictions, &targets, &extras));
        vectors::reduce(&Formatted(self, self.format()), self.reduction(), predictions, targets, extras)
    }

    /// One value per pair of boxes: `[N]`.
    fn forward_no_reduction(&self, predictions: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        self.forward_unreduced(predictions, targets, Extras::new()).values
    }

    /// One value per pair of boxes, with its normalizer: the number that it adds to the divisor of a mean. Each value is multiplied by its
    /// weight, and divided by the divisor of the extras. [`Reduction::reduce`](crate::Reduction::reduce) takes both values and normalizers.
    fn forward_unreduced(&self, predictions: Tensor<2>, targets: Tensor<2>, extras: impl Into<Extras>) -> Unreduced<1> {
        let extras = extras.into();
        expect(self.check(&predictions, &targets, &extras));
        vectors::unreduced(&Formatted(self, self.format()), predictions, targets, extras)
    }

    /// Checks the shapes, types and devices of the arguments, but not their values, which are not read.
    fn check(&self, predictions: &Tensor<2>, targets: &Tensor<2>, extras: &Extras) -> Result<(), InputError> {
        let first = Reference { loss: self.kind(), name: "predictions", tensor: predictions };
        values::check(self, first, targets, extras)
    }
}

/// The config of any loss of this family; its `kind` says which.
#[family(boxes, makes = AnyBoxesLoss)]
pub enum BoxesLossConfig {
    #[kind("iou")]
    Iou(IouLossConfig),
    #[kind("giou")]
    Giou(GiouLossConfig),
    #[kind("diou")]
    Diou(DiouLossConfig),
    #[kind("ciou")]
    Ciou(CiouLossConfig),
    #[kind("eiou", alias = "efficient_iou")]
    Eiou(EiouLossConfig),
    #[kind("focal_eiou")]
    FocalEiou(FocalEiouLossConfig),
    #[kind("cdiou")]
    Cdiou(CdiouLossConfig),
    #[kind("siou")]
    Siou(SiouLossConfig),
    #[kind("alpha_iou")]
    AlphaIou(AlphaIouLossConfig),
    #[kind("mpdiou")]
    Mpdiou(MpdiouLossConfig),
    #[kind("nwd")]
    Nwd(NwdLossConfig),
    #[kind("distribution_focal")]
    DistributionFocal(DistributionFocalLossConfig),
    #[kind("giou_3d")]
    Giou3d(Giou3dLossConfig),
    #[kind("prob_iou")]
    ProbIou(ProbIouLossConfig),
    #[kind("gaussian_distance")]
    GaussianDistance(GaussianDistanceLossConfig),
    #[kind("ohem")]
    Ohem(OhemLossConfig),
    #[kind("weighted_sum")]
    WeightedSum(WeightedSumLossConfig),
}

#[dispatch]
impl Boxes for AnyBoxesLoss {
    fn values(
        &self,
        predictions: Tensor<2>,
        targets: Tensor<2>,
        format: BoxFormat,
        mask: Option<&Tensor<1, Bool>>,
    ) -> Tensor<1>;
    fn kernel(&self, format: BoxFormat) -> Option<VectorKernel>;
    fn factors(&self, predictions: &Tensor<2>, targets: &Tensor<2>, format: BoxFormat) -> Option<Factors>;
    fn mixes_boxes(&self) -> bool;
    fn selects(&self) -> bool;
    fn select(&self, values: Unreduced<1>) -> Unreduced<1>;
    fn accepts(&self, width: usize) -> Result<(), String>;
    fn targets(&self) -> BoxTargets;
}
