//! Segmentation: logits and masks `[N, C, d1, ..]`, one value per sample and class.
//!
//! All losses here can be swapped for one another in a config file: see [`SegmentationLossConfig`]. The families `binary` and
//! `classification` have losses per pixel.

mod asymmetric_focal;
mod asymmetric_focal_tversky;
mod dice;
mod focal_tversky;
mod form;
mod generalized_dice;
mod jaccard;
mod lovasz;
mod signature;
mod smooth;
#[cfg(test)]
pub mod template;
mod tversky;
mod weighted_sum;

use crate::check::Reference;
use crate::engine::regions::{self, Pixels, Segmentation};
use crate::engine::rows::without_class_axis;
use crate::error::{InputError, expect};
use crate::loss::Loss;
use crate::reduction::{Extras, Unreduced};
use burn::tensor::{Int, Tensor};
use burn_losses_derive::{dispatch, family, inherent};

pub use crate::engine::regions::Masks;
pub use crate::options::{AbsentClasses, Activation, Background, Denominator, FOREGROUND, RegionOptions, SumOver};
pub use asymmetric_focal::{AsymmetricFocalLoss, AsymmetricFocalLossConfig};
pub use asymmetric_focal_tversky::{AsymmetricFocalTverskyLoss, AsymmetricFocalTverskyLossConfig};
pub use dice::{DiceLoss, DiceLossConfig};
pub use focal_tversky::{FocalTverskyLoss, FocalTverskyLossConfig};
pub use form::OverlapForm;
pub use generalized_dice::{ClassWeight, GeneralizedDiceLoss, GeneralizedDiceLossConfig};
pub use jaccard::{JaccardLoss, JaccardLossConfig};
pub use lovasz::{LovaszActivation, LovaszLoss, LovaszLossConfig};
pub use smooth::Smooth;
pub use tversky::{TverskyLoss, TverskyLossConfig};
pub use weighted_sum::{WeightedSumLoss, WeightedSumLossConfig};

/// A loss of logits and masks, or labels.
///
/// The class axis is axis 1 and the pixels are on all axes after it: 2-D and 3-D images, and any other rank. Masks are in
/// [0, 1]: divide those of 0 and 255 by 255. They are not checked, but [`AnyLoss::evaluate`](crate::AnyLoss::evaluate) refuses
/// integers other than 0 and 1, and `diagnose` names whatever is outside. [`masks_of`](Self::masks_of) makes masks from labels.
/// Probabilities that the model gives are not checked: for numbers
/// outside [0, 1] the value is undefined.
///
/// Half-precision inputs are computed and returned in f32, so that sums over many pixels do not overflow; their gradients come
/// back in half precision.
#[inherent]
pub trait SegmentationLoss: Segmentation + Loss {
    /// The options that the losses of this family share.
    fn regions(&self) -> RegionOptions {
        RegionOptions::default()
    }

    /// The name of the first argument: `logits`, or `probabilities`.
    fn input(&self) -> &'static str {
        match self.regions().activation {
            Activation::None => "probabilities",
            _ => "logits",
        }
    }

    /// The masks of labels `[N, d1, ..]`, with the classes and the type of the logits. Pixels with the config's `ignore_index`
    /// do not count: see [`Masks::from_labels`].
    ///
    /// # Panics
    /// If the shape of the labels is not that of the logits without the class axis.
    #[track_caller]
    fn masks_of<const L: usize, const D: usize>(&self, labels: Tensor<L, Int>, logits: &Tensor<D>) -> Masks<D> {
        let first = Reference { loss: self.kind(), name: self.input(), tensor: logits };
        expect(first.labels(&labels, without_class_axis(logits.dims())));
        let Masks { masks, valid } = Masks::from_labels(labels, logits.dims()[1], self.regions().ignore_index);
        Masks { masks: masks.cast(logits.dtype()), valid }
    }

    /// The value of the batch, reduced as the config says.
    ///
    /// # Shapes
    /// - logits, masks: `[N, C, d1, ..]`, of the same shape
    /// - output: `[1]`
    fn forward<const D: usize>(&self, logits: Tensor<D>, masks: impl Into<Masks<D>>) -> Tensor<1> {
        self.forward_with(logits, masks, Extras::new())
    }

    /// Like `forward`, with weights, a mask of the pixels that are valid, or a divisor: see [`Extras`].
    ///
    /// # Shapes
    /// - weights: `[N, C]`, or `[N, 1]` for one per sample
    /// - mask: `[N, C, d1, ..]`, `[N, 1, d1, ..]` for all classes, or `[N, 1, 1, ..]` for whole samples
    fn forward_with<const D: usize>(
        &self,
        logits: Tensor<D>,
        masks: impl Into<Masks<D>>,
        extras: impl Into<Extras>,
    ) -> Tensor<1> {
        let (masks, extras) = (masks.into(), extras.into());
        expect(self.check(&logits, &masks, &extras));
        let (values, extras) = regions::values_of(self, &self.regions(), logits, masks, extras);
        extras.reduce(self.reduction(), values)
    }

    /// One value per sample and class: `[N, C]`.
    fn forward_no_reduction<const D: usize>(&self, logits: Tensor<D>, masks: impl Into<Masks<D>>) -> Tensor<2> {
        self.forward_unreduced(logits, masks, Extras::new()).values
    }

    /// One value per sample and class, times its weight and divided by the divisor of the extras, and its normalizer: the
    /// number that it adds to the divisor of a mean (0 for a class that is left out).
    /// [`Reduction::reduce`](crate::Reduction::reduce) takes both.
    fn forward_unreduced<const D: usize>(
        &self,
        logits: Tensor<D>,
        masks: impl Into<Masks<D>>,
        extras: impl Into<Extras>,
    ) -> Unreduced<2> {
        let (masks, extras) = (masks.into(), extras.into());
        expect(self.check(&logits, &masks, &extras));
        let (values, extras) = regions::values_of(self, &self.regions(), logits, masks, extras);
        extras.apply(values)
    }

    /// Checks the shapes, types and devices of the arguments, but not their values, which are not read.
    fn check<const D: usize>(&self, logits: &Tensor<D>, masks: &Masks<D>, extras: &Extras) -> Result<(), InputError> {
        let first = Reference { loss: self.kind(), name: self.input(), tensor: logits };
        regions::check(&self.regions(), first, masks, extras)
    }
}

/// The config of any loss of this family; its `kind` says which.
#[family(segmentation, makes = AnySegmentationLoss)]
pub enum SegmentationLossConfig {
    #[kind("dice")]
    Dice(DiceLossConfig),
    #[kind("tversky")]
    Tversky(TverskyLossConfig),
    #[kind("jaccard")]
    Jaccard(JaccardLossConfig),
    #[kind("focal_tversky")]
    FocalTversky(FocalTverskyLossConfig),
    #[kind("asymmetric_focal_tversky")]
    AsymmetricFocalTversky(AsymmetricFocalTverskyLossConfig),
    #[kind("asymmetric_focal")]
    AsymmetricFocal(AsymmetricFocalLossConfig),
    #[kind("generalized_dice")]
    GeneralizedDice(GeneralizedDiceLossConfig),
    #[kind("lovasz")]
    Lovasz(LovaszLossConfig),
    #[kind("weighted_sum")]
    WeightedSum(WeightedSumLossConfig),
}

#[dispatch]
impl Segmentation for AnySegmentationLoss {
    fn values(&self, regions: &RegionOptions, pixels: Pixels) -> Tensor<2>;
}
