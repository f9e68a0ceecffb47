//! Online hard example mining, boxes.

use super::{AnyBoxesLoss, BoxFormat, BoxTargets, BoxUnit, Boxes, BoxesLoss, BoxesLossConfig, HardExamples};
use crate::engine::hard_examples::Mining;
use crate::engine::vectors::{Factors, VectorKernel};
use crate::options::MinedOver;
use crate::reduction::Unreduced;
use burn::tensor::{Bool, Device, Tensor};
use burn_losses_derive::{loss, loss_config};

/// Online hard example mining (Shrivastava et al. 2016, [arXiv 1604.03540](https://arxiv.org/abs/1604.03540)) around any
/// loss of this family.
///
/// # Formula
/// The values of the k hardest boxes of the inner loss are kept, and the others are 0. The mean divides by the number of values
/// kept. Of equal values the first ones are kept, so that there are exactly k; where there are fewer than k boxes, all are kept.
///
/// # When to use
/// In detection, where most boxes fit well after some training and those that fit worst alone should have a gradient.
/// [`AlphaIouLoss`](super::AlphaIouLoss) changes the weight of boxes that fit smoothly, without a number to choose. With wrong
/// annotations the wrong boxes are the hardest: take [`FocalEiouLoss`](super::FocalEiouLoss), which prefers boxes that fit.
///
/// # Numerics
/// The choice of boxes is a constant for the gradient. It is found by halving intervals on the device: nothing is sorted, and
/// nothing is read back to the host. A masked box is never kept. A NaN or an infinity is always kept, so that it stays
/// visible.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::boxes::{HardExamples, IouLossConfig, OhemLossConfig};
/// use burn_losses::prelude::*;
///
/// let device = Device::flex();
/// let loss = OhemLossConfig::new().with_loss(IouLossConfig::new()).with_keep(HardExamples::Count(1)).init(&device);
/// let predictions = Tensor::<2>::from_floats([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 1.0, 1.0]], &device);
/// let targets = Tensor::<2>::from_floats([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 1.0, 2.0]], &device);
/// let value = loss.forward(predictions, targets);
/// assert!((value.into_scalar::<f32>() - 0.5).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `mmdet.models.task_modules.samplers.OHEMSampler`: it chooses regions by their classification loss, and their boxes with them.
#[loss(boxes, "ohem", "Online hard example mining: applies another loss to the boxes of the batch that fit worst only")]
pub struct OhemLoss {
    config: OhemLossConfig,
    // One loss in a `Vec` since Burn's modules cannot hold a `Box`.
    loss: Vec<AnyBoxesLoss>,
}

/// Config of [`OhemLoss`].
#[loss_config]
pub struct OhemLossConfig {
    /// The inner loss.
    #[field(default = Box::new(super::CiouLossConfig::new().into()))]
    pub loss: Box<BoxesLossConfig>,
    /// Which boxes are kept.
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

impl Boxes for OhemLoss {
    fn values(
        &self,
        predictions: Tensor<2>,
        targets: Tensor<2>,
        format: BoxFormat,
        mask: Option<&Tensor<1, Bool>>,
    ) -> Tensor<1> {
        Boxes::values(&self.loss[0], predictions, targets, format, mask)
    }

    fn kernel(&self, format: BoxFormat) -> Option<VectorKernel> {
        self.loss[0].kernel(format)
    }

    fn factors(&self, predictions: &Tensor<2>, targets: &Tensor<2>, format: BoxFormat) -> Option<Factors> {
        self.loss[0].factors(predictions, targets, format)
    }

    fn mixes_boxes(&self) -> bool {
        self.loss[0].mixes_boxes()
    }

    fn selects(&self) -> bool {
        true
    }

    fn select(&self, values: Unreduced<1>) -> Unreduced<1> {
        let values = self.loss[0].select(values);
        let OhemLossConfig { keep, min_kept, .. } = self.config;
        Mining { keep, min_kept, over: MinedOver::Batch }.keep(values, None)
    }

    fn accepts(&self, width: usize) -> Result<(), String> {
        Boxes::accepts(&self.loss[0], width)
    }

    fn targets(&self) -> BoxTargets {
        self.loss[0].targets()
    }
}

impl BoxesLoss for OhemLoss {
    fn format(&self) -> BoxFormat {
        self.loss[0].format()
    }
    fn units(&self) -> Vec<BoxUnit> {
        self.loss[0].units()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::IouLossConfig;
    use crate::reduction::Extras;
    use burn::tensor::TensorData;

    fn numbers(tensor: Tensor<1>) -> Vec<f64> {
        tensor.into_data().iter().collect()
    }

    /// A masked box is not kept, whatever stands there, and a box without a finite value is.
    #[test]
    fn what_is_kept_is_valid_or_not_finite() {
        let device = Device::flex();
        let loss =
            OhemLossConfig::new().with_loss(IouLossConfig::new()).with_keep(HardExamples::Count(1)).init(&device);
        let tensor = |rows: [[f32; 4]; 3]| Tensor::<2>::from_data(TensorData::from(rows), &device);
        let targets = || tensor([[0.0, 0.0, 1.0, 1.0]; 3]);
        let mask = || Tensor::<1, Bool>::from_data(TensorData::from([true, true, false]), &device);
        for hidden in [f32::NAN, 5.0] {
            let predictions = tensor([[0.0, 0.0, 1.0, 0.5], [0.0, 0.0, 1.0, 0.25], [hidden, 4.0, 7.0, 9.0]]);
            let unreduced = loss.forward_unreduced(predictions, targets(), Extras::from(mask()));
            let got = numbers(unreduced.values);
            assert!(got[0] == 0.0 && (got[1] - 0.75).abs() < 1e-6 && got[2] == 0.0, "{got:?}");
        }
        let predictions = tensor([[0.0, 0.0, 1.0, 0.5], [f32::NAN, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.75]]);
        assert!(numbers(loss.forward_no_reduction(predictions, targets()))[1].is_nan());
    }
}
