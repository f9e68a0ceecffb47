//! Sub-center ArcFace.

use super::arcface::{Beyond, cos_with_margin};
use super::layer::{HeadLayer, layer_methods};
use super::sampler::Draws;
use super::{HeadLoss, HeadOptions};
use crate::engine::heads::{Head, Scaling};
use crate::formula::Real;
use burn::tensor::Device;
use burn_losses_derive::{loss, loss_config};

/// Sub-center ArcFace (Deng et al. 2020, [doi 10.1007/978-3-030-58621-8_43](https://doi.org/10.1007/978-3-030-58621-8_43)).
///
/// # Formula
/// As in [`ArcfaceLoss`](super::ArcfaceLoss), where cos_j is the largest cosine to one of the K centers of class j. The weight is
/// `[C K, E]`: rows j K to j K + K - 1 are the centers of class j.
///
/// # When to use
/// For face recognition and retrieval with noisy labels, such as images collected from the web: wrong rows of a class gather
/// around a center of their own, and spoil the main one less. After a first training one can drop the rows that are far from the
/// main center. With clean labels [`ArcfaceLoss`](super::ArcfaceLoss) is as good, with a smaller weight.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{heads::SubCenterArcfaceLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let head = SubCenterArcfaceLossConfig::new(5, 2).with_sub_centers(3).init(&device);
/// assert_eq!(head.weight().dims(), [15, 2]);
/// let embeddings = Tensor::<2>::from_floats([[1.0, 0.5], [-0.2, 0.8]], &device);
/// let labels = Tensor::<1, Int>::from_ints([0, 4], &device);
/// let value = head.forward(embeddings.clone(), labels.clone());
/// assert!(value.into_scalar::<f32>().is_finite());
/// // The logits for inference and accuracy have no margin, and one column per class.
/// let logits = head.logits(embeddings);
/// assert_eq!(logits.dims(), [2, 5]);
/// let accuracy = logits.argmax(1).reshape([-1]).equal(labels).float().mean().into_scalar::<f32>();
/// assert!((0.0..=1.0).contains(&accuracy));
/// ```
///
/// # Elsewhere
/// - `pytorch_metric_learning.losses.SubCenterArcFaceLoss`: with the margin in degrees (28.6).
/// - `mmpretrain.models.heads.ArcFaceClsHead`: with `num_subcenters`, which is 1 by default; the same formula, not compared by a
///   test.
#[loss(heads, "sub_center_arcface", "ArcFace with several centers per class, for noisy labels")]
pub struct SubCenterArcfaceLoss {
    config: SubCenterArcfaceLossConfig,
    #[module(flatten)]
    layer: HeadLayer,
}

/// Config of [`SubCenterArcfaceLoss`].
#[loss_config(check = |config| config.options.check("sub_center_arcface", config.num_classes))]
pub struct SubCenterArcfaceLossConfig {
    /// The number of classes: the rows of the weight.
    #[field(example = 10, range = ">= 1")]
    pub num_classes: usize,
    /// The size of the embeddings: the columns of the weight.
    #[field(example = 16, range = ">= 1")]
    pub embedding_dim: usize,
    /// The factor of the cosines.
    #[field(default = 64.0, range = "> 0")]
    pub scale: f64,
    /// The margin added to the angle of the target, in radians.
    #[field(default = 0.5, range = "[0, pi)")]
    pub margin: f64,
    /// The number K of centers per class.
    #[field(default = 3, range = ">= 1")]
    pub sub_centers: usize,
    /// Whether the margin applies only to angles below 90 degrees.
    #[field(default = false)]
    pub easy_margin: bool,
    /// The options that the heads with a softmax over all classes share.
    #[field(flatten)]
    pub options: HeadOptions,
}

impl SubCenterArcfaceLossConfig {
    fn build(&self, device: &Device) -> SubCenterArcfaceLoss {
        let layer = self.options.layer(self.num_classes * self.sub_centers, self.embedding_dim, device);
        // A class is drawn with all of its centers.
        let layer = HeadLayer { draws: Draws::of_classes(self.num_classes), ..layer };
        SubCenterArcfaceLoss { config: self.clone(), layer }
    }
}

impl HeadLoss for SubCenterArcfaceLoss {
    layer_methods!();
}

impl Head for SubCenterArcfaceLoss {
    fn scaling(&self) -> Scaling {
        Scaling::cosines(self.config.scale)
    }
    fn margin<R: Real>(&self, cosine: R, _: Option<R>) -> R {
        let beyond = if self.config.easy_margin { Beyond::Easy } else { Beyond::Line };
        cos_with_margin(cosine, self.config.margin, beyond)
    }
    fn angular_margins(&self) -> Vec<(&'static str, f64)> {
        vec![("margin", self.config.margin)]
    }
    fn centers_per_class(&self) -> usize {
        self.config.sub_centers
    }
}
