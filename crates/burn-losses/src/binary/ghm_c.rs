//! GHM-C: the gradient harmonizing mechanism for classification.

use super::{BinaryLoss, DivideBy, cross_entropies};
use crate::engine::ghm::GhmCounts;
use crate::engine::pointwise::{BatchKernel, PointKernel, Pointwise, of_formula};
use crate::formula::{Formula, Real};
use crate::reduction::Unreduced;
use burn::tensor::{Bool, Device, Tensor};
use burn_losses_derive::{loss, loss_config};

/// GHM-C (Li et al. 2019, [arXiv 1811.05181](https://arxiv.org/abs/1811.05181)): cross-entropy, weighted so that each bin of
/// gradient norms that is not empty has the same weight.
///
/// # Formula
/// ```text
/// beta bce
/// beta = total / (smoothed count of the bin of g x number of bins not empty)
/// g    = |sigmoid(x) - y|
/// ```
/// beta is a constant for the gradient. With `divide_by = "all"` the number of bins is that of all bins, as the paper has it.
///
/// # When to use
/// For class imbalance with some noisy labels, as in dense detection: it down-weights the crowd of easy examples, and unlike
/// [`FocalLoss`](super::FocalLoss) also the very hard ones, which often are outliers. The batches have to be large enough to
/// count gradient norms; for small ones take `FocalLoss`, or [`BalancedBceLoss`](super::BalancedBceLoss).
///
/// # State
/// The counts per bin are smoothed over the training steps and saved with the module. Every forward pass on a device with
/// autodiff is a step; elsewhere, as in validation, nothing is counted. A value that is NaN stays NaN and is in no bin.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{binary::GhmCLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = GhmCLossConfig::new().with_bins(10).init(&device);
/// // Three easy negatives and one hard one: both bins weigh 4 / 2.
/// let logits = Tensor::<1>::from_floats([-5.0, -5.0, -5.0, 1.0], &device);
/// let values = loss.forward_no_reduction(logits, Tensor::zeros([4], &device));
/// let values = values.into_data().to_vec::<f32>().unwrap();
/// assert!((values[3] - 2.0 * 1.313_26).abs() < 1e-4);
/// assert!((values[0] - 2.0 / 3.0 * 0.006_715_3).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `mmdet.models.losses.GHMC`: it scales the first step by 1/(1 - momentum) and never lets the count of an empty bin decay; it
///   has 10 bins and the momentum 0 by default.
#[loss(binary, "ghm_c", "Binary cross-entropy re-weighted so that every range of gradient norms contributes equally")]
pub struct GhmCLoss {
    config: GhmCLossConfig,
    counts: GhmCounts,
}

/// Config of [`GhmCLoss`].
#[loss_config]
pub struct GhmCLossConfig {
    /// The number of bins of the gradient norm.
    #[field(default = 30, range = "[1, 1000]")]
    pub bins: usize,
    /// The momentum of the moving bin counts.
    #[field(default = 0.75, range = "[0, 1)")]
    pub momentum: f64,
    /// Whether the weights are divided by the number of occupied bins or of all bins.
    #[field(default = DivideBy::Occupied)]
    pub divide_by: DivideBy,
}

impl GhmCLossConfig {
    fn build(&self, device: &Device) -> GhmCLoss {
        GhmCLoss { config: self.clone(), counts: GhmCounts::new(self.bins, device) }
    }
}

impl BinaryLoss for GhmCLoss {}

/// |p - y|.
#[derive(Debug, Clone)]
struct GradientNorm;

impl Formula for GradientNorm {
    #[inline(always)]
    fn eval<R: Real>(&self, logit: R, target: R) -> R {
        (logit.sigmoid() - target).abs()
    }
}

#[derive(Debug, Clone)]
struct CrossEntropy;

impl Formula for CrossEntropy {
    #[inline(always)]
    fn eval<R: Real>(&self, logit: R, target: R) -> R {
        let (positive, negative) = cross_entropies(logit.softpluses(), target);
        positive + negative
    }
}

impl GhmCLoss {
    /// The smoothed counts per bin.
    pub fn counts(&self) -> Tensor<1> {
        self.counts.value()
    }
}

impl GhmCLoss {
    /// The weight beta of each value.
    fn weights(&self, logits: &Tensor<3>, targets: &Tensor<3>, mask: Option<&Tensor<3, Bool>>) -> Tensor<3> {
        let norm = of_formula(&GradientNorm, logits.clone().detach(), targets.clone().detach());
        self.counts.weights(norm, (self.config.momentum, self.config.divide_by), mask)
    }
}

impl Pointwise for GhmCLoss {
    fn values(&self, logits: Tensor<3>, targets: Tensor<3>, mask: Option<&Tensor<3, Bool>>) -> Unreduced<3> {
        let beta = self.weights(&logits, &targets, mask);
        (of_formula(&CrossEntropy, logits, targets) * beta).into()
    }

    fn kernel_of_batch(&self, logits: &Tensor<3>, targets: &Tensor<3>) -> Option<BatchKernel> {
        let factors = Some(self.weights(logits, targets, None));
        Some(BatchKernel { kernel: PointKernel::new(&CrossEntropy), factors, count: None })
    }
}
