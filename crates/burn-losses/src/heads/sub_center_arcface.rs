//! Sub-center ArcFace.

use super::arcface::turned;
use crate::config::Range;
use crate::engine::heads::{Head, Scaling};
use crate::formula::Real;

head_loss! {
    "sub_center_arcface": "ArcFace with several centers per class, for noisy labels";

    /// Sub-center ArcFace (Deng et al. 2020, [doi 10.1007/978-3-030-58621-8_43](https://doi.org/10.1007/978-3-030-58621-8_43)).
    ///
    /// # Formula
    /// As [`ArcfaceLoss`](super::ArcfaceLoss), with cos_j the largest cosine to one of the K centers of class j. The weight is
    /// `[C K, E]`: rows j K to j K + K - 1 are the centers of class j.
    ///
    /// # Example
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use burn_losses::{heads::SubCenterArcfaceLossConfig, prelude::*};
    ///
    /// let config = SubCenterArcfaceLossConfig::new().with_num_classes(5).with_embedding_dim(2).with_sub_centers(3);
    /// let head = config.init(&Device::flex());
    /// assert_eq!(head.weight().dims(), [15, 2]);
    /// assert_eq!(head.logits(Tensor::ones([4, 2], &Device::flex())).dims(), [4, 5]);
    /// ```
    ///
    /// # Elsewhere
    /// pytorch-metric-learning: `SubCenterArcFaceLoss`, with the margin in degrees (28.6).
    pub struct SubCenterArcfaceLoss;

    /// Config of [`SubCenterArcfaceLoss`].
    pub struct SubCenterArcfaceLossConfig {
        /// The factor of the cosines.
        scale: f64 = 64.0, Range::Greater(0.0);
        /// By how much the angle has to be smaller, in radians.
        margin: f64 = 0.5, Range::HalfOpen(0.0, core::f64::consts::PI);
        /// K: the centers of each class.
        sub_centers: usize = 3, Range::AtLeast(1.0);
        /// No margin for angles beyond a right one.
        easy_margin: bool = false;
    }
    centers sub_centers;
}

impl Head for SubCenterArcfaceLoss {
    fn scaling(&self) -> Scaling {
        Scaling::cosines(self.config.scale)
    }
    fn margin<R: Real>(&self, cosine: R, _: Option<R>) -> R {
        turned(cosine, self.config.margin, self.config.easy_margin)
    }
    fn angular_margins(&self) -> Vec<(&'static str, f64)> {
        vec![("margin", self.config.margin)]
    }
    fn centers_per_class(&self) -> usize {
        self.config.sub_centers
    }
}
