//! Online hard example mining, binary.

use super::{AnyBinaryLoss, BinaryLoss, BinaryLossConfig, HardExamples, MinedOver};
use crate::config::Limit;
use crate::engine::curved::Part;
use crate::engine::hard_examples::{Mining, Quota};
use crate::engine::pointwise::{BatchKernel, Pointwise, Positives};
use crate::error::ConfigError;
use crate::field::FieldType;
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
/// With `over = "sample"` the same is done within each sample, along the first axis.
///
/// With `negatives_per_positive` = r all P positive targets are kept, and of the negative ones the max(r P, `min_kept`) hardest: 3
/// is the rule of SSD (Liu et al. 2016, [arXiv 1512.02325](https://arxiv.org/abs/1512.02325)), which divides by the number of
/// positive targets, as `reduction = "positives"` does. The inner loss says which targets are positive.
///
/// # When to use
/// For class imbalance in detection and dense prediction, where nearly all examples are easy and the hardest ones alone should
/// have a gradient. [`FocalLoss`](super::FocalLoss) does so smoothly, without a number to choose. With noisy labels the wrong
/// ones are the hardest: take [`GhmCLoss`](super::GhmCLoss).
///
/// # Numerics
/// The choice of values is a constant for the gradient. It needs no sort: a GPU finds it by halving intervals, and nothing is
/// read back to the host. With `over = "sample"` this is done once for each sample.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::binary::{HardExamples, HingeLossConfig, OhemLossConfig};
/// use burn_losses::prelude::*;
///
/// let device = Device::flex();
/// let loss = OhemLossConfig::new().with_loss(HingeLossConfig::new()).with_keep(HardExamples::Count(2)).init(&device);
/// let values = loss.forward_no_reduction(
///     Tensor::<1>::from_floats([1.0, 2.0, 0.5], &device),
///     Tensor::zeros([3], &device),
/// );
/// assert_eq!(values.into_data().to_vec::<f32>().unwrap(), [2.0, 3.0, 0.0]);
/// ```
///
/// # Elsewhere
/// - `torchvision.models.detection.ssd.SSD`: its `neg_to_pos_ratio` is `negatives_per_positive` with `over = "sample"` and
///   `min_kept = 0`, for a softmax over the classes.
/// - `mmseg.structures.OHEMPixelSampler`: for one segmentation head; its `thresh` is a threshold on the label's probability,
///   and its `min_kept` counts per image.
/// - `mmdet.models.task_modules.samplers.OHEMSampler`: it chooses regions by their classification loss, positive and negative
///   ones separately.
#[loss(binary, "ohem", "Online hard example mining: applies another loss to the hardest examples of the batch only")]
pub struct OhemLoss {
    config: OhemLossConfig,
    // One loss in a `Vec` since Burn's modules cannot hold a `Box`.
    loss: Vec<AnyBinaryLoss>,
}

/// Config of [`OhemLoss`].
#[loss_config(check = check)]
pub struct OhemLossConfig {
    /// The inner loss.
    #[field(default = Box::new(super::BceLossConfig::new().into()))]
    pub loss: Box<BinaryLossConfig>,
    /// Which values are kept.
    #[field(default = HardExamples::Ratio(0.25))]
    pub keep: HardExamples,
    /// The minimum number to keep; if there are fewer, all are kept.
    #[field(default = 1, range = ">= 0")]
    pub min_kept: usize,
    /// Whether the values are chosen from the whole batch or within each sample.
    #[field(default = MinedOver::Batch)]
    pub over: MinedOver,
    /// Replaces `keep`: all positive targets are kept, and for each of them this many of the hardest negative ones. `min_kept` is then the
    /// minimum number of negative ones.
    #[field(default = Limit::None, range = "> 0")]
    pub negatives_per_positive: Limit,
}

fn check(config: &OhemLossConfig) -> Result<(), ConfigError> {
    if config.negatives_per_positive != Limit::None && config.keep != OhemLossConfig::new().keep {
        return Err(ConfigError::InvalidValue {
            loss: "ohem",
            field: "keep".into(),
            value: config.keep.to_value().to_string(),
            allowed: "nothing together with `negatives_per_positive`, which says how many are kept".into(),
        });
    }
    Ok(())
}

impl OhemLossConfig {
    fn build(&self, device: &Device) -> OhemLoss {
        OhemLoss { config: self.clone(), loss: vec![self.loss.init(device)] }
    }
}

impl OhemLoss {
    fn mined(&self, targets: &Tensor<3>) -> Mined<'_, AnyBinaryLoss> {
        let OhemLossConfig { keep, min_kept, over, .. } = self.config;
        Mined { loss: &self.loss[0], mining: Mining { keep, min_kept, over }, quota: self.quota(targets) }
    }

    fn quota(&self, targets: &Tensor<3>) -> Option<Quota<3>> {
        let Limit::Number(negatives_per_positive) = self.config.negatives_per_positive else { return None };
        let positive = self.loss[0].positives().is_positive(targets.clone().detach());
        Some(Quota { positive, negatives_per_positive })
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

impl BinaryLoss for OhemLoss {
    fn input(&self) -> &'static str {
        self.loss[0].input()
    }

    fn positives(&self) -> Positives {
        self.loss[0].positives()
    }
}
