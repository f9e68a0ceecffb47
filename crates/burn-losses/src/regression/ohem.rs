//! Online hard example mining, regression.

use super::{AnyRegressionLoss, HardExamples, MinedOver, RegressionLoss, RegressionLossConfig};
use crate::engine::curved::Part;
use crate::engine::hard_examples::Mining;
use crate::engine::pointwise::{BatchKernel, Pointwise};
use crate::loss::Mined;
use crate::reduction::Unreduced;
use burn::tensor::{Bool, Device, Tensor};
use burn_losses_derive::{loss, loss_config};

/// Online hard example mining (Shrivastava et al. 2016, [arXiv 1604.03540](https://arxiv.org/abs/1604.03540)) around any
/// loss of this family.
///
/// # Formula
/// The k hardest values of the inner loss are kept, and the others are 0. The mean divides by the number of values kept. Of
/// equal values the first ones are kept, so that there are exactly k; where there are fewer than k values, all are kept.
/// With `over = "sample"` the same is done within each sample, along the first axis: for keypoints, online hard keypoint mining
/// (Chen et al. 2018, [arXiv 1711.07319](https://arxiv.org/abs/1711.07319)).
///
/// # When to use
/// For dense regression, such as box deltas, keypoints or depth, where nearly all values are right already and the largest errors
/// alone should have a gradient. A power above 1, as in [`MseLoss`](super::MseLoss), weighs large errors more without a number to
/// choose. With outliers among the targets these are the largest errors: take [`HuberLoss`](super::HuberLoss) or
/// [`TukeyBiweightLoss`](super::TukeyBiweightLoss).
///
/// # Numerics
/// The choice of values is a constant for the gradient. It needs no sort: a GPU finds it by halving intervals, and nothing is
/// read back to the host. With `over = "sample"` this is done once for each sample. A masked value is never kept. A NaN or an infinity
/// is always kept, so that it stays visible.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::prelude::*;
/// use burn_losses::regression::{HardExamples, MaeLossConfig, OhemLossConfig};
///
/// let device = Device::flex();
/// let loss = OhemLossConfig::new().with_loss(MaeLossConfig::new()).with_keep(HardExamples::Count(2)).init(&device);
/// let values = loss.forward_no_reduction(
///     Tensor::<1>::from_floats([1.0, -3.0, 0.5, 2.0], &device),
///     Tensor::zeros([4], &device),
/// );
/// assert_eq!(values.into_data().to_vec::<f32>().unwrap(), [0.0, 3.0, 0.0, 2.0]);
/// ```
///
/// # Elsewhere
/// - `mmpose.models.losses.KeypointOHKMMSELoss`: of the mean squared errors of the keypoints of each sample it keeps the `topk`
///   largest: `over = "sample"`, on the means of the keypoints.
/// - `mmdet.models.task_modules.samplers.OHEMSampler`: it chooses regions by their classification loss, and their boxes with them.
#[loss(regression, "ohem", "Online hard example mining: applies another loss to the largest errors of the batch only")]
pub struct OhemLoss {
    config: OhemLossConfig,
    // One loss in a `Vec` since Burn's modules cannot hold a `Box`.
    loss: Vec<AnyRegressionLoss>,
}

/// Config of [`OhemLoss`].
#[loss_config]
pub struct OhemLossConfig {
    /// The inner loss.
    #[field(default = Box::new(super::SmoothL1LossConfig::new().into()))]
    pub loss: Box<RegressionLossConfig>,
    /// Which values are kept.
    #[field(default = HardExamples::Ratio(0.25))]
    pub keep: HardExamples,
    /// The minimum number to keep; if there are fewer, all are kept.
    #[field(default = 1, range = ">= 0")]
    pub min_kept: usize,
    /// Whether the values are chosen from the whole batch or within each sample.
    #[field(default = MinedOver::Batch)]
    pub over: MinedOver,
}

impl OhemLossConfig {
    fn build(&self, device: &Device) -> OhemLoss {
        OhemLoss { config: self.clone(), loss: vec![self.loss.init(device)] }
    }
}

impl OhemLoss {
    /// This family has no positive targets, and so no quota.
    fn mined(&self, _targets: &Tensor<3>) -> Mined<'_, AnyRegressionLoss> {
        let OhemLossConfig { keep, min_kept, over, .. } = self.config;
        Mined { loss: &self.loss[0], mining: Mining { keep, min_kept, over }, quota: None }
    }
}

impl Pointwise for OhemLoss {
    fn values(&self, first: Tensor<3>, targets: Tensor<3>, mask: Option<&Tensor<3, Bool>>) -> Unreduced<3> {
        self.mined(&targets).values(first, targets, mask)
    }
    fn kernel_of_batch(&self, first: &Tensor<3>, targets: &Tensor<3>) -> Option<BatchKernel> {
        self.mined(targets).kernel_of_batch(first, targets)
    }
    fn parts(&self, first: &Tensor<3>, targets: &Tensor<3>, mask: Option<&Tensor<3, Bool>>) -> Option<Vec<Part>> {
        self.mined(targets).parts(first, targets, mask)
    }
    fn accepts(&self, shape: &[usize]) -> Result<(), String> {
        Pointwise::accepts(&self.loss[0], shape)
    }
}

impl RegressionLoss for OhemLoss {
    fn takes_negative_targets(&self) -> bool {
        self.loss[0].takes_negative_targets()
    }
}
