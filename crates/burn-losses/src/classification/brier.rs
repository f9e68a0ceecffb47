//! Brier score.

use super::{ClassificationLoss, SoftTargets};
use crate::engine::rows::{RowKernel, Rows};
use crate::formula::{Real, RowFormula};
use crate::reduction::Unreduced;
use burn::tensor::{Int, Tensor};
use burn_losses_derive::{Choice, loss, loss_config};

/// The factor of a sum of squares over the classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum BrierScale {
    /// The sum itself, in [0, 2].
    #[default]
    Sum,
    /// Half of it, in [0, 1]: for two classes the squared error of one probability.
    Half,
    /// The mean over the classes.
    Mean,
}

/// Brier score ([Brier 1950](https://doi.org/10.1175/1520-0493%281950%29078%3C0001:VOFEIT%3E2.0.CO;2)): the squared error of the
/// probabilities.
///
/// # Formula
/// ```text
/// sum_c (p_c - q_c)^2,  p = softmax(x)
/// ```
/// with the target q, which is 1 for the label and 0 for other classes, or a row of probabilities. `scale` divides it by 2 or by C.
///
/// # When to use
/// To measure or train calibrated probabilities: like cross-entropy, it is a proper scoring rule. Unlike cross-entropy, the
/// value of a row is at most 2, so a wrong label does less harm. The gradient of a row that is confidently wrong vanishes,
/// since the softmax is flat there: begin the training with [`CrossEntropyLoss`](super::CrossEntropyLoss). For noisy labels,
/// see [`GeneralizedLoss`](super::GeneralizedLoss) too.
///
/// # Numerics
/// Value and gradient are finite for all finite logits.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{classification::BrierLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = BrierLossConfig::new().init(&device);
/// let logits = Tensor::<2>::from_floats([[0.0, 0.0]], &device);
/// let value = loss.forward(logits, Tensor::<1, Int>::from_ints([0], &device));
/// assert_eq!(value.into_scalar::<f32>(), 0.5);
/// ```
///
/// # Elsewhere
/// - `sklearn.metrics.brier_score_loss`: the mean of this loss from probabilities, with `scale = "half"` for two classes.
/// - `torch.nn.MSELoss`: this loss with `scale = "mean"`, of the softmax and one-hot targets.
#[loss(classification, "brier", "Squared error of the probabilities: a proper score that is bounded")]
pub struct BrierLoss {
    config: BrierLossConfig,
}

/// Config of [`BrierLoss`].
#[loss_config]
pub struct BrierLossConfig {
    /// The factor of the sum over the classes.
    #[field(default = BrierScale::Sum)]
    pub scale: BrierScale,
    /// The label of rows that are ignored.
    #[field(default = None)]
    pub ignore_index: Option<i64>,
}

impl ClassificationLoss for BrierLoss {}

impl SoftTargets for BrierLoss {}

/// The formula of a class.
#[derive(Debug, Clone)]
struct SquaredError {
    factor: f64,
}

impl RowFormula for SquaredError {
    #[inline(always)]
    fn eval<R: Real>(&self, log_p: R, share: R) -> R {
        (log_p.exp() - share).square() * self.factor
    }

    fn every_class_counts(&self) -> bool {
        true
    }
}

impl BrierLoss {
    fn row(&self, classes: usize) -> SquaredError {
        let factor = match self.config.scale {
            BrierScale::Sum => 1.0,
            BrierScale::Half => 0.5,
            BrierScale::Mean => 1.0 / classes as f64,
        };
        SquaredError { factor }
    }
}

impl Rows for BrierLoss {
    fn rows(&self, logits: Tensor<2>, labels: Tensor<1, Int>) -> Unreduced<1> {
        self.row(logits.dims()[1]).rows(logits, labels)
    }

    fn soft_rows(&self, logits: Tensor<2>, probabilities: Tensor<2>) -> Option<Unreduced<1>> {
        self.row(logits.dims()[1]).soft_rows(logits, probabilities)
    }

    fn kernel(&self, classes: usize) -> Option<RowKernel> {
        self.row(classes).kernel(classes)
    }

    fn ignore_index(&self) -> Option<i64> {
        self.config.ignore_index
    }

    fn takes_probabilities(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    /// Surely right is 0, surely wrong is 2, and neither has a slope.
    #[test]
    fn it_is_bounded_and_flat_at_both_ends() {
        let device = Device::flex().autodiff();
        let loss = BrierLossConfig::new().init(&device);
        let logits = Tensor::<2>::from_floats([[1e4, 0.0, -1e4], [1e4, 0.0, -1e4]], &device).require_grad();
        let labels = Tensor::<1, Int>::from_ints([0, 1], &device);
        let values = loss.forward_no_reduction::<2, 1>(logits.clone(), labels.clone());
        let gradient = logits.grad(&loss.forward(logits.clone(), labels).backward()).expect("a gradient");
        assert_eq!(values.into_data().iter::<f32>().collect::<Vec<_>>(), [0.0, 2.0]);
        assert!(gradient.into_data().iter::<f32>().all(|slope| slope == 0.0));
    }

    /// For two classes, half of the sum is the squared error of one probability.
    #[test]
    fn half_of_two_classes_is_one_squared_error() {
        let device = Device::flex();
        let logits = || Tensor::<2>::from_floats([[0.0, 0.7], [0.0, -2.0]], &device);
        let value = |scale| {
            let loss = BrierLossConfig::new().with_scale(scale).init(&device);
            loss.forward(logits(), Tensor::<1, Int>::from_ints([1, 1], &device)).into_scalar::<f32>()
        };
        let of_one = [0.7f32, -2.0].map(|x| (1.0 / (1.0 + x.exp())).powi(2));
        let mean = (of_one[0] + of_one[1]) / 2.0;
        for (scale, factor) in [(BrierScale::Half, 1.0), (BrierScale::Mean, 1.0), (BrierScale::Sum, 2.0)] {
            assert!((value(scale) - factor * mean).abs() < 1e-6, "{scale:?}");
        }
    }
}
