//! Regression: predictions and targets of the same shape.
//!
//! All losses here can be swapped for one another in a config file: see [`RegressionLossConfig`].

mod charbonnier;
mod ghm_r;
mod huber;
mod log_cosh;
mod mae;
mod mean_bias;
mod mse;
mod quantile;
mod signature;
mod smooth_l1;
#[cfg(test)]
pub mod template;
mod tukey_biweight;
mod weighted_sum;

use crate::check::Reference;
use crate::engine::pointwise::{self, BatchKernel, PointKernel, Pointwise};
use crate::error::{InputError, expect};
use crate::loss::Loss;
use crate::reduction::{Extras, Unreduced};
use burn::tensor::{Bool, Tensor};
use burn_losses_derive::{dispatch, family, inherent};
pub use charbonnier::{CharbonnierLoss, CharbonnierLossConfig, CharbonnierScale};
pub use ghm_r::{GhmRLoss, GhmRLossConfig};
pub use huber::{HuberLoss, HuberLossConfig};
pub use log_cosh::{LogCoshLoss, LogCoshLossConfig};
pub use mae::{MaeLoss, MaeLossConfig};
pub use mean_bias::{MeanBiasLoss, MeanBiasLossConfig};
pub use mse::{MseLoss, MseLossConfig};
pub use quantile::{QuantileLoss, QuantileLossConfig};
pub use smooth_l1::{SmoothL1Loss, SmoothL1LossConfig};
pub use tukey_biweight::{TukeyBiweightLoss, TukeyBiweightLossConfig, TukeyScale};
pub use weighted_sum::{WeightedSumLoss, WeightedSumLossConfig};

/// A loss of predictions and targets of the same shape.
///
/// Half-precision inputs are computed and returned in f32; their gradients come back in half precision.
#[inherent]
pub trait RegressionLoss: Pointwise + Loss {
    /// The value of the batch, reduced as the config says.
    ///
    /// # Shapes
    /// - predictions, targets: `[...]`, of the same shape
    /// - output: `[1]`
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn forward<const D: usize>(&self, predictions: Tensor<D>, targets: Tensor<D>) -> Tensor<1> {
        self.forward_with(predictions, targets, Extras::new())
    }

    /// Like `forward`, with weights, a mask of the valid values, or a divisor: see [`Extras`].
    ///
    /// # Shapes
    /// - weights, mask: the shape of the predictions, or `[N, 1, ..]` for one per sample
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error, or with a divisor and [`Reduction::Sum`](crate::Reduction::Sum),
    /// which takes no divisor.
    #[track_caller]
    fn forward_with<const D: usize>(
        &self,
        predictions: Tensor<D>,
        targets: Tensor<D>,
        extras: impl Into<Extras>,
    ) -> Tensor<1> {
        let extras = extras.into();
        expect(self.check(&predictions, &targets, &extras));
        pointwise::reduce(self, self.reduction(), predictions, targets, extras)
    }

    /// One value per prediction.
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn forward_no_reduction<const D: usize>(&self, predictions: Tensor<D>, targets: Tensor<D>) -> Tensor<D> {
        self.forward_unreduced(predictions, targets, Extras::new()).values
    }

    /// One value per element, times its weight and divided by the divisor of the extras, and its normalizer: the number that it
    /// adds to the divisor of a mean. [`Reduction::reduce`](crate::Reduction::reduce) takes both.
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn forward_unreduced<const D: usize>(
        &self,
        predictions: Tensor<D>,
        targets: Tensor<D>,
        extras: impl Into<Extras>,
    ) -> Unreduced<D> {
        let extras = extras.into();
        expect(self.check(&predictions, &targets, &extras));
        pointwise::unreduced(self, predictions, targets, extras)
    }

    /// Checks the shapes, types and devices of the arguments, but not their values, which are not read.
    fn check<const D: usize>(
        &self,
        predictions: &Tensor<D>,
        targets: &Tensor<D>,
        extras: &Extras,
    ) -> Result<(), InputError> {
        let first = Reference { loss: self.kind(), name: "predictions", tensor: predictions };
        pointwise::check(self, first, targets, extras)
    }
}

/// The config of any loss of this family; its `kind` says which.
#[family(regression, makes = AnyRegressionLoss)]
pub enum RegressionLossConfig {
    #[kind("mae", alias = "l1")]
    Mae(MaeLossConfig),
    #[kind("mse", alias = "l2")]
    Mse(MseLossConfig),
    #[kind("mean_bias")]
    MeanBias(MeanBiasLossConfig),
    #[kind("smooth_l1")]
    SmoothL1(SmoothL1LossConfig),
    #[kind("huber")]
    Huber(HuberLossConfig),
    #[kind("charbonnier")]
    Charbonnier(CharbonnierLossConfig),
    #[kind("log_cosh")]
    LogCosh(LogCoshLossConfig),
    #[kind("quantile", alias = "pinball")]
    Quantile(QuantileLossConfig),
    #[kind("tukey_biweight")]
    TukeyBiweight(TukeyBiweightLossConfig),
    #[kind("ghm_r")]
    GhmR(GhmRLossConfig),
    #[kind("weighted_sum")]
    WeightedSum(WeightedSumLossConfig),
}

#[dispatch]
impl Pointwise for AnyRegressionLoss {
    fn values(&self, first: Tensor<3>, targets: Tensor<3>, mask: Option<&Tensor<3, Bool>>) -> Unreduced<3>;
    fn kernel(&self) -> Option<PointKernel>;
    fn kernel_of_batch(&self, first: &Tensor<3>, targets: &Tensor<3>) -> Option<BatchKernel>;
    fn accepts(&self, shape: &[usize]) -> Result<(), String>;
}

impl RegressionLoss for AnyRegressionLoss {}
