//! Online hard example mining, binary.

use super::{AnyBinaryLoss, BinaryLoss, BinaryLossConfig, HardExamples};
use crate::engine::pointwise::{Pointwise, Positives};
use crate::loss::hardest_values;
use burn::tensor::Device;
use burn_losses_derive::{loss, loss_config};

/// Online hard example mining (Shrivastava et al. 2016, [arXiv 1604.03540](https://arxiv.org/abs/1604.03540)) around any
/// loss of this family.
///
/// # Formula
/// The k hardest values of the inner loss are kept, and the others are 0. The mean divides by the number of values kept. Of
/// equal values the first ones are kept, so that there are exactly k; where there are fewer than k values, all are kept.
///
/// # When to use
/// For class imbalance in detection and dense prediction, where nearly all examples are easy and the hardest ones alone should
/// have a gradient. [`FocalLoss`](super::FocalLoss) does so smoothly, without a number to choose. With noisy labels the wrong
/// ones are the hardest: take [`GhmCLoss`](super::GhmCLoss).
///
/// # Numerics
/// The choice of values is a constant for the gradient. It needs no sort: a GPU finds it by halving intervals, and nothing is
/// read back to the host.
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
#[loss_config]
pub struct OhemLossConfig {
    /// The inner loss.
    #[field(default = Box::new(super::BceLossConfig::new().into()))]
    pub loss: Box<BinaryLossConfig>,
    /// Which values are kept.
    #[field(default = HardExamples::Ratio(0.25))]
    pub keep: HardExamples,
    /// The least number that is kept; all are kept where there are fewer.
    #[field(default = 1, range = ">= 0")]
    pub min_kept: usize,
}

impl OhemLossConfig {
    fn build(&self, device: &Device) -> OhemLoss {
        OhemLoss { config: self.clone(), loss: vec![self.loss.init(device)] }
    }
}

impl Pointwise for OhemLoss {
    hardest_values!();
}

impl BinaryLoss for OhemLoss {
    fn input(&self) -> &'static str {
        self.loss[0].input()
    }

    fn positives(&self) -> Positives {
        self.loss[0].positives()
    }
}
