//! GHM-R: the gradient harmonizing mechanism for regression.

use super::charbonnier::{in_units, smooth_abs};
use super::{DivideBy, RegressionLoss};
use crate::engine::ghm::GhmCounts;
use crate::engine::pointwise::{BatchKernel, PointKernel, Pointwise, of_formula};
use crate::formula::{Formula, Real};
use crate::reduction::Unreduced;
use burn::tensor::{Bool, Device, Tensor};
use burn_losses_derive::{loss, loss_config};

/// GHM-R (Li et al. 2019, [arXiv 1811.05181](https://arxiv.org/abs/1811.05181)): the authentic smooth L1, weighted so that
/// each bin of gradient norms that is not empty has the same weight.
///
/// # Formula
/// ```text
/// beta (sqrt(d^2 + mu^2) - mu)
/// beta = total / (smoothed count of the bin of g x number of bins not empty)
/// g    = |d| / sqrt(d^2 + mu^2)
/// ```
/// with d = prediction - target. beta is a constant for the gradient. With `divide_by = "all"` the number of bins is that of all
/// bins, as the paper has it.
///
/// # When to use
/// For box regression in detection with many outliers: their gradient norms crowd near 1, and each sample of a crowded bin weighs
/// less. The batches have to be large enough to count gradient norms. [`SmoothL1Loss`](super::SmoothL1Loss) has no state and is
/// the usual choice; [`TukeyBiweightLoss`](super::TukeyBiweightLoss) ignores outliers altogether.
///
/// # State
/// The counts per bin are smoothed over the training steps and saved with the module. Every forward pass on a device with
/// autodiff is a step; elsewhere, as in validation, nothing is counted. A value that is NaN stays NaN and is in no bin.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, regression::GhmRLossConfig};
///
/// let device = Device::flex();
/// let loss = GhmRLossConfig::new().init(&device);
/// // Nine easy samples and one hard one: both bins weigh 10 / 2.
/// let predictions = [0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 4.0];
/// let targets = Tensor::<1>::zeros([10], &device);
/// let value = loss.forward(Tensor::from_floats(predictions, &device), targets);
/// assert!((value.into_scalar::<f32>() - 1.99).abs() < 1e-3);
/// ```
///
/// # Elsewhere
/// - `mmdet.models.losses.GHMR`: it scales the first step by 1/(1 - momentum) and never lets the count of an empty bin decay; its
///   momentum is 0 by default.
#[loss(
    regression,
    "ghm_r",
    "Smooth absolute error re-weighted so that every range of gradient norms contributes equally"
)]
pub struct GhmRLoss {
    config: GhmRLossConfig,
    counts: GhmCounts,
}

/// Config of [`GhmRLoss`].
#[loss_config]
pub struct GhmRLossConfig {
    /// The width of the bend of the absolute error at zero, in the units of the prediction.
    #[field(default = 0.02, range = ">= 1e-30")]
    pub mu: f64,
    /// The number of bins of the gradient norm.
    #[field(default = 10, range = "[1, 1000]")]
    pub bins: usize,
    /// The momentum of the moving bin counts.
    #[field(default = 0.7, range = "[0, 1)")]
    pub momentum: f64,
    /// Whether the weights are divided by the number of occupied bins or of all bins.
    #[field(default = DivideBy::Occupied)]
    pub divide_by: DivideBy,
}

impl GhmRLossConfig {
    fn build(&self, device: &Device) -> GhmRLoss {
        GhmRLoss { config: self.clone(), counts: GhmCounts::new(self.bins, device) }
    }
}

impl RegressionLoss for GhmRLoss {}

/// The authentic smooth L1.
#[derive(Debug, Clone)]
struct SmoothAbs {
    mu: f64,
}

impl Formula for SmoothAbs {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        smooth_abs(prediction - target, self.mu)
    }
}

/// |d| / sqrt(d^2 + mu^2).
#[derive(Debug, Clone)]
struct GradientNorm {
    mu: f64,
}

impl Formula for GradientNorm {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        let (ratio, _) = in_units((prediction - target).abs(), self.mu);
        ratio.clone() / (ratio.square() + 1.0).sqrt()
    }
}

impl GhmRLoss {
    /// The smoothed counts per bin.
    pub fn counts(&self) -> Tensor<1> {
        self.counts.value()
    }
}

impl GhmRLoss {
    /// The weight beta of each value.
    fn weights(&self, predictions: &Tensor<3>, targets: &Tensor<3>, mask: Option<&Tensor<3, Bool>>) -> Tensor<3> {
        let norm = GradientNorm { mu: self.config.mu };
        let norm = of_formula(&norm, predictions.clone().detach(), targets.clone().detach());
        self.counts.weights(norm, (self.config.momentum, self.config.divide_by), mask)
    }

    fn smooth_abs(&self) -> SmoothAbs {
        SmoothAbs { mu: self.config.mu }
    }
}

impl Pointwise for GhmRLoss {
    fn values(&self, predictions: Tensor<3>, targets: Tensor<3>, mask: Option<&Tensor<3, Bool>>) -> Unreduced<3> {
        let beta = self.weights(&predictions, &targets, mask);
        (of_formula(&self.smooth_abs(), predictions, targets) * beta).into()
    }

    fn kernel_of_batch(&self, predictions: &Tensor<3>, targets: &Tensor<3>) -> Option<BatchKernel> {
        let factors = Some(self.weights(predictions, targets, None));
        Some(BatchKernel { kernel: PointKernel::new(&self.smooth_abs()), factors, count: None })
    }
}
