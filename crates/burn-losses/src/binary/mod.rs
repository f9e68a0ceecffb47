//! Binary and multi-label classification: logits and targets in [0, 1], of the same shape.
//!
//! All losses here can be swapped for one another in a config file: see [`BinaryLossConfig`].

mod balanced_bce;
mod bce;
mod focal;
mod ghm_c;
mod hinge;
mod logistic;
mod ohem;
mod ramp;
mod signature;
#[cfg(test)]
pub mod template;
mod weighted_sum;
mod zero_one;

use crate::check::Reference;
use crate::engine::pointwise::{self, BatchKernel, PointKernel, Pointwise};
use crate::error::{InputError, expect};
use crate::formula::Real;
use crate::loss::Loss;
use crate::reduction::{Extras, Unreduced};
use burn::tensor::{Bool, Tensor};
use burn_losses_derive::{dispatch, family, inherent};

pub use crate::options::HardExamples;
pub use balanced_bce::{BalancedBceLoss, BalancedBceLossConfig};
pub use bce::{BceInput, BceLoss, BceLossConfig};
pub use focal::{FocalLoss, FocalLossConfig};
pub use ghm_c::{GhmCLoss, GhmCLossConfig};
pub use hinge::{HingeLoss, HingeLossConfig};
pub use logistic::{LogisticLoss, LogisticLossConfig};
pub use ohem::{OhemLoss, OhemLossConfig};
pub use ramp::{RampLoss, RampLossConfig};
pub use weighted_sum::{WeightedSumLoss, WeightedSumLossConfig};
pub use zero_one::{ZeroOneLoss, ZeroOneLossConfig};

/// A loss of logits and targets of the same shape. The targets have to be in [0, 1], which is not checked: values on a device
/// are not read.
///
/// Half-precision inputs are computed and returned in f32; their gradients come back in half precision.
#[inherent]
pub trait BinaryLoss: Pointwise + Loss {
    /// The name of the first argument: `logits`, or `probabilities`.
    fn input(&self) -> &'static str {
        "logits"
    }

    /// The value of the batch, reduced as the config says.
    ///
    /// # Shapes
    /// - logits, targets: `[...]`, of the same shape; a config with one number per class needs the classes on axis 1
    /// - output: `[1]`
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn forward<const D: usize>(&self, logits: Tensor<D>, targets: Tensor<D>) -> Tensor<1> {
        self.forward_with(logits, targets, Extras::new())
    }

    /// Like `forward`, with weights, a mask of the valid values, or a divisor: see [`Extras`].
    ///
    /// # Shapes
    /// - weights, mask: the shape of the logits, or `[N, 1, ..]` for one per sample
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error, or with a divisor and [`Reduction::Sum`](crate::Reduction::Sum),
    /// which takes no divisor.
    #[track_caller]
    fn forward_with<const D: usize>(
        &self,
        logits: Tensor<D>,
        targets: Tensor<D>,
        extras: impl Into<Extras>,
    ) -> Tensor<1> {
        let extras = extras.into();
        expect(self.check(&logits, &targets, &extras));
        pointwise::reduce(self, self.reduction(), logits, targets, extras)
    }

    /// One value per logit.
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn forward_no_reduction<const D: usize>(&self, logits: Tensor<D>, targets: Tensor<D>) -> Tensor<D> {
        self.forward_unreduced(logits, targets, Extras::new()).values
    }

    /// One value per element, times its weight and divided by the divisor of the extras, and its normalizer: the number that it
    /// adds to the divisor of a mean. [`Reduction::reduce`](crate::Reduction::reduce) takes both.
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn forward_unreduced<const D: usize>(
        &self,
        logits: Tensor<D>,
        targets: Tensor<D>,
        extras: impl Into<Extras>,
    ) -> Unreduced<D> {
        let extras = extras.into();
        expect(self.check(&logits, &targets, &extras));
        pointwise::unreduced(self, logits, targets, extras)
    }

    /// Checks the shapes, types and devices of the arguments, but not their values, which are not read.
    fn check<const D: usize>(
        &self,
        logits: &Tensor<D>,
        targets: &Tensor<D>,
        extras: &Extras,
    ) -> Result<(), InputError> {
        let first = Reference { loss: self.kind(), name: self.input(), tensor: logits };
        pointwise::check(self, first, targets, extras)
    }
}

/// The cross-entropy of the positive and of the negative class, from the softpluses of the logit: `y softplus(-x)` and
/// `(1 - y) softplus(x)`.
#[inline(always)]
fn cross_entropies<R: Real>([of_negative, of_positive]: [R; 2], target: R) -> (R, R) {
    (target.clone().weigh(of_positive), (-target + 1.0).weigh(of_negative))
}

/// The signed margin z = (2y - 1) x: positive where the sign of the logit is right.
#[inline(always)]
fn signed_margin<R: Real>(logit: R, target: R) -> R {
    (target * 2.0 - 1.0).weigh(logit)
}

/// The config of any loss of this family; its `kind` says which.
#[family(binary, makes = AnyBinaryLoss)]
pub enum BinaryLossConfig {
    #[kind("bce")]
    Bce(BceLossConfig),
    #[kind("balanced_bce")]
    BalancedBce(BalancedBceLossConfig),
    #[kind("focal")]
    Focal(FocalLossConfig),
    #[kind("ghm_c")]
    GhmC(GhmCLossConfig),
    #[kind("hinge")]
    Hinge(HingeLossConfig),
    #[kind("ramp")]
    Ramp(RampLossConfig),
    #[kind("logistic", alias = "soft_margin")]
    Logistic(LogisticLossConfig),
    #[kind("zero_one")]
    ZeroOne(ZeroOneLossConfig),
    #[kind("ohem")]
    Ohem(OhemLossConfig),
    #[kind("weighted_sum")]
    WeightedSum(WeightedSumLossConfig),
}

#[dispatch]
impl Pointwise for AnyBinaryLoss {
    fn values(&self, first: Tensor<3>, targets: Tensor<3>, mask: Option<&Tensor<3, Bool>>) -> Unreduced<3>;
    fn kernel(&self) -> Option<PointKernel>;
    fn kernel_of_batch(&self, first: &Tensor<3>, targets: &Tensor<3>) -> Option<BatchKernel>;
    fn accepts(&self, shape: &[usize]) -> Result<(), String>;
}

#[dispatch]
impl BinaryLoss for AnyBinaryLoss {
    fn input(&self) -> &'static str;
}
