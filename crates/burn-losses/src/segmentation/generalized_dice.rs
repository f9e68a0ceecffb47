//! Generalized Dice loss.

use super::{AbsentClasses, Activation, Background, RegionOptions, SegmentationLoss, Smooth, SumOver};
use crate::engine::regions::{self, Pixels, Segmentation};
use crate::formula::Overlap;
use burn::tensor::{Int, Tensor};
use burn_losses_derive::{Choice, loss, loss_config};

/// The weight of a class, from its true area T.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum ClassWeight {
    /// 1 / T^2: every class is weighted about equally.
    #[default]
    Square,
    /// 1 / T.
    Simple,
    /// 1.
    Uniform,
}

/// Generalized Dice loss (Sudre et al. 2017, [arXiv 1707.03237](https://arxiv.org/abs/1707.03237)).
///
/// # Formula
/// ```text
/// 1 - (2 sum_c w_c sum(p t) + smooth) / (sum_c w_c (sum p + sum t) + smooth)       w_c ~ 1 / (sum t)^2
/// ```
/// with the weights divided by the largest of them, so that `smooth` is a number of pixels as in the other losses. Without
/// `smooth` only the ratios of the weights matter.
///
/// This is one value per sample. All classes of the sample get that value, so that the shape is the family's `[N, C]`; the mean
/// equals the mean over the samples.
///
/// # When to use
/// For several classes with strong imbalance inside one image, such as small organs next to large ones: the rarer a class, the
/// more its pixels weigh. A class of very few pixels then dominates its sample; `class_weight = "simple"` is milder, and
/// [`DiceLoss`](super::DiceLoss), in which every class counts the same, is steadier.
///
/// # Numerics
/// The weights are constants for the gradient. A class without a pixel, whose weight would be infinite, gets the largest weight
/// of the classes that are present (1 if none is), or the weight 0: see `absent_classes`.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, segmentation::{Activation, GeneralizedDiceLossConfig}};
///
/// let device = Device::flex();
/// let loss = GeneralizedDiceLossConfig::new().with_activation(Activation::None).with_smooth(0.0).init(&device);
/// // Two classes of one and of two pixels; half a pixel of each is found.
/// let value = loss.forward(
///     Tensor::<3>::from_floats([[[0.5, 0.0, 0.0], [0.0, 0.5, 0.0]]], &device),
///     Tensor::from_floats([[[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]], &device),
/// );
/// let (above, below) = (2.0 * (0.5 + 0.25 * 0.5), 1.5 + 0.25 * 2.5); // weights 1 and 1/4
/// assert!((value.into_scalar::<f32>() - (1.0 - above / below)).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `monai.losses.GeneralizedDiceLoss`: with `absent_classes = "count"` and `smooth = 0` it is the same; its own 1e-5 is not a
///   number of pixels, but is added to sums that are weighted by 1 / T^2.
/// - `optax.losses.multiclass_generalized_dice_loss`: another loss, a weighted mean of the Dice losses of the classes, with the
///   weights from the whole batch.
/// - `ivadomed.losses.GeneralizedDiceLoss`: minus the score, without the 1; one value for the batch, with a weight for each
///   sample and class.
#[loss(segmentation, "generalized_dice", "One Dice score over all classes, in which rare classes weigh more")]
pub struct GeneralizedDiceLoss {
    config: GeneralizedDiceLossConfig,
}

/// Config of [`GeneralizedDiceLoss`].
#[loss_config]
pub struct GeneralizedDiceLossConfig {
    /// The weight of a class, from its true area.
    #[field(default = ClassWeight::Square)]
    pub class_weight: ClassWeight,
    /// How a logit becomes a probability.
    #[field(default = Activation::Sigmoid)]
    pub activation: Activation,
    /// The number added to the numerator and the denominator, or one number for each.
    #[field(default = Smooth::Both(1.0), range = ">= 0")]
    pub smooth: Smooth,
    /// Whether the sums run over each sample, or over the whole batch.
    #[field(default = SumOver::Sample)]
    pub over: SumOver,
    /// Whether the first class counts.
    #[field(default = Background::Included)]
    pub background: Background,
    /// Whether a class without a pixel in the masks gets the largest weight of the others, or the weight 0.
    #[field(default = AbsentClasses::Count)]
    pub absent_classes: AbsentClasses,
    /// The label of pixels that do not count, where masks are made from labels.
    #[field(default = None)]
    pub ignore_index: Option<i64>,
}

/// The least area: smaller ones have the same weight as this one.
const LEAST_AREA: f64 = 1e-12;

impl GeneralizedDiceLoss {
    /// The weight of each class, from the true areas `[N, C]`.
    fn weights(&self, areas: Tensor<2>) -> Tensor<2> {
        let [samples, classes] = areas.dims();
        let absent = areas.clone().equal_scalar(0.0);
        let inverse = areas.clone().clamp_min(LEAST_AREA).recip();
        let weights = match self.config.class_weight {
            ClassWeight::Square => inverse.clone() * inverse,
            ClassWeight::Simple => inverse,
            ClassWeight::Uniform => inverse.ones_like(),
        };
        let weights = weights.mask_fill(absent.clone(), 0.0);
        let weights = match self.config.background {
            Background::Included => weights,
            Background::Excluded => weights * foreground(&areas),
        };
        let weights = match self.config.absent_classes {
            AbsentClasses::Skip => weights,
            AbsentClasses::Count => {
                let heaviest = weights.clone().max_dim(1);
                let none = heaviest.clone().equal_scalar(0.0);
                let heaviest = heaviest.mask_fill(none, 1.0).expand([samples, classes]);
                weights.mask_where(absent, heaviest)
            }
        };
        let weights = match self.config.background {
            Background::Included => weights,
            Background::Excluded => weights * foreground(&areas),
        };
        let heaviest = weights.clone().max_dim(1);
        let none = heaviest.clone().equal_scalar(0.0);
        weights / heaviest.mask_fill(none, 1.0).expand([samples, classes])
    }
}

/// 0 for the first class, 1 for the others: `[N, C]`.
fn foreground(like: &Tensor<2>) -> Tensor<2> {
    let [samples, classes] = like.dims();
    let first = Tensor::<1, Int>::arange(0..classes as i64, &like.device()).equal_elem(0);
    like.ones_like().mask_fill(first.unsqueeze::<2>().expand([samples, classes]), 0.0)
}

impl Segmentation for GeneralizedDiceLoss {
    fn values(&self, regions: &RegionOptions, pixels: Pixels) -> Tensor<2> {
        let Overlap { both, prediction, target } = regions::sums(regions, &pixels);
        let weights = self.weights(target.clone().detach());
        let [samples, classes] = weights.dims();
        let above = (weights.clone() * both).sum_dim(1) * 2.0;
        let below = (weights * (prediction + target)).sum_dim(1);
        self.config.smooth.miss(above, below).expand([samples, classes])
    }
}

impl SegmentationLoss for GeneralizedDiceLoss {
    fn regions(&self) -> RegionOptions {
        // An absent class still has the value of its sample; `absent_classes` changes the weights only.
        let GeneralizedDiceLossConfig { activation, over, background, ignore_index, .. } = self.config;
        RegionOptions { activation, over, background, ignore_index, ..RegionOptions::default() }
    }
}
