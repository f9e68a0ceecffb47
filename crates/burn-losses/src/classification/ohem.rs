//! Online hard example mining, multi-class.

use super::{AnyClassificationLoss, ClassificationLoss, ClassificationLossConfig, HardExamples, SoftTargets};
use crate::engine::curved_rows::RowPart;
use crate::engine::hard_examples::Mining;
use crate::engine::rows::{RowKernel, Rows};
use crate::options::MinedOver;
use crate::reduction::Unreduced;
use burn::tensor::{Device, Int, Tensor};
use burn_losses_derive::{loss, loss_config};

/// Online hard example mining (Shrivastava et al. 2016, [arXiv 1604.03540](https://arxiv.org/abs/1604.03540)) around any
/// loss of this family.
///
/// # Formula
/// The values of the k hardest rows of the inner loss are kept, and the others are 0. The mean divides by the sum of their
/// normalizers. Of equal values the first ones are kept, so that there are exactly k. Ignored rows are never kept, and a ratio
/// refers to the rows that are not ignored.
///
/// # When to use
/// For class imbalance where most rows are easy, such as the pixels of semantic segmentation: the hardest rows alone have a
/// gradient. [`FocalLoss`](super::FocalLoss) does so smoothly, without a number to choose. With noisy labels the wrong ones are
/// the hardest: take [`CrossEntropyLoss`](super::CrossEntropyLoss) with label smoothing.
///
/// # Numerics
/// The choice of rows is a constant for the gradient. It is found by halving intervals on the device: nothing is sorted, and
/// nothing is read back to the host.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::classification::{HardExamples, OhemLossConfig};
/// use burn_losses::prelude::*;
///
/// let device = Device::flex();
/// let loss = OhemLossConfig::new().with_keep(HardExamples::Ratio(0.5)).init(&device);
/// let logits = Tensor::<2>::from_floats([[9.0, 0.0], [0.0, 0.0]], &device);
/// let value = loss.forward(logits, Tensor::<1, Int>::from_ints([0, 0], &device));
/// assert!((value.into_scalar::<f32>() - 2f32.ln()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `mmseg.structures.OHEMPixelSampler`: its `thresh` is a threshold on the label's probability, and its `min_kept` counts per
///   image.
#[loss(
    classification,
    "ohem",
    "Online hard example mining: applies another loss to the hardest rows of the batch only"
)]
pub struct OhemLoss {
    config: OhemLossConfig,
    // One loss in a `Vec` since Burn's modules cannot hold a `Box`.
    loss: Vec<AnyClassificationLoss>,
}

/// Config of [`OhemLoss`].
#[loss_config]
pub struct OhemLossConfig {
    /// The inner loss.
    #[field(default = Box::new(super::CrossEntropyLossConfig::new().into()))]
    pub loss: Box<ClassificationLossConfig>,
    /// Which rows are kept.
    #[field(default = HardExamples::Ratio(0.25))]
    pub keep: HardExamples,
    /// The minimum number to keep; if there are fewer, all are kept.
    #[field(default = 1, range = ">= 0")]
    pub min_kept: usize,
}

impl OhemLossConfig {
    fn build(&self, device: &Device) -> OhemLoss {
        OhemLoss { config: self.clone(), loss: vec![self.loss.init(device)] }
    }
}

impl Rows for OhemLoss {
    fn rows(&self, logits: Tensor<2>, labels: Tensor<1, Int>) -> Unreduced<1> {
        self.loss[0].rows(logits, labels)
    }

    fn soft_rows(&self, logits: Tensor<2>, probabilities: Tensor<2>) -> Option<Unreduced<1>> {
        self.loss[0].soft_rows(logits, probabilities)
    }

    fn kernel(&self, classes: usize) -> Option<RowKernel> {
        self.loss[0].kernel(classes)
    }

    fn parts(&self, logits: &Tensor<2>, labels: &Tensor<1, Int>) -> Option<Vec<RowPart>> {
        self.loss[0].parts(logits, labels)
    }

    fn selects(&self) -> bool {
        true
    }

    fn select(&self, values: Unreduced<1>) -> Unreduced<1> {
        let values = self.loss[0].select(values);
        let OhemLossConfig { keep, min_kept, .. } = self.config;
        Mining { keep, min_kept, over: MinedOver::Batch }.keep(values, None)
    }

    fn classes(&self) -> Option<usize> {
        self.loss[0].classes()
    }

    fn ignore_index(&self) -> Option<i64> {
        self.loss[0].ignore_index()
    }

    fn takes_probabilities(&self) -> bool {
        self.loss[0].takes_probabilities()
    }

    fn takes_any_scores(&self) -> bool {
        self.loss[0].takes_any_scores()
    }
}

impl ClassificationLoss for OhemLoss {
    fn input(&self) -> &'static str {
        self.loss[0].input()
    }
}

impl SoftTargets for OhemLoss {}
