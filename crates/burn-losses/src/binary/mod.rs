//! Binary and multi-label classification: logits and targets in [0, 1], of the same shape.
//!
//! All losses here can be swapped for one another in a config file: see [`BinaryLossConfig`].

mod asymmetric;
mod balanced_bce;
mod bce;
mod focal;
mod gaussian_focal;
mod ghm_c;
mod hinge;
mod logistic;
mod modified_huber;
mod ohem;
mod poly1;
mod quality_focal;
mod ramp;
mod signature;
#[cfg(test)]
pub mod template;
mod varifocal;
mod weighted_sum;
mod zero_one;

use crate::check::Reference;
use crate::engine::curved::{Model, Part};
use crate::engine::pointwise::{self, BatchKernel, PointKernel, Pointwise, Positives};
use crate::error::{InputError, expect};
use crate::formula::Real;
use crate::loss::Loss;
use crate::reduction::{Extras, Unreduced};
use crate::second_order::{Pairs, SecondOrder, SecondOrderConfig, on_host};
use burn::tensor::{Bool, Tensor};
use burn_losses_derive::{dispatch, family, inherent};

pub use crate::options::{DivideBy, FactorGradient, HardExamples, LabelSmoothing, MinedOver, Spread};
pub use asymmetric::{AsymmetricLoss, AsymmetricLossConfig};
pub use balanced_bce::{BalancedBceLoss, BalancedBceLossConfig};
pub use bce::{BceInput, BceLoss, BceLossConfig};
pub use focal::{FocalLoss, FocalLossConfig};
pub use gaussian_focal::{GaussianFocalLoss, GaussianFocalLossConfig};
pub use ghm_c::{GhmCLoss, GhmCLossConfig};
pub use hinge::{HingeLoss, HingeLossConfig};
pub use logistic::{LogisticLoss, LogisticLossConfig};
pub use modified_huber::{ModifiedHuberLoss, ModifiedHuberLossConfig};
pub use ohem::{OhemLoss, OhemLossConfig};
pub use poly1::{Poly1Loss, Poly1LossConfig};
pub use quality_focal::{QualityFocalLoss, QualityFocalLossConfig};
pub use ramp::{RampLoss, RampLossConfig};
pub use varifocal::{VarifocalLoss, VarifocalLossConfig};
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

    /// Which targets are positive: [`Reduction::Positives`](crate::Reduction::Positives) divides by their number. Those above 0.5,
    /// unless the targets of the loss are qualities or a heat map.
    fn positives(&self) -> Positives {
        Positives::default()
    }

    /// The value of the batch, reduced as the config says.
    ///
    /// # Shapes
    /// - logits, targets: `[...]`, of the same shape; a config with one number per class needs the classes on axis 1
    /// - output: `[1]`
    fn forward<const D: usize>(&self, logits: Tensor<D>, targets: Tensor<D>) -> Tensor<1> {
        self.forward_with(logits, targets, Extras::new())
    }

    /// Like `forward`, with weights, a mask of the valid values, or a divisor: see [`Extras`].
    ///
    /// # Shapes
    /// - weights, mask: the shape of the logits, or `[N, 1, ..]` for one per sample
    fn forward_with<const D: usize>(
        &self,
        logits: Tensor<D>,
        targets: Tensor<D>,
        extras: impl Into<Extras>,
    ) -> Tensor<1> {
        let extras = extras.into();
        expect(self.check(&logits, &targets, &extras));
        pointwise::reduce_by(self, (self.reduction(), self.positives()), logits, targets, extras)
    }

    /// One value per logit.
    fn forward_no_reduction<const D: usize>(&self, logits: Tensor<D>, targets: Tensor<D>) -> Tensor<D> {
        self.forward_unreduced(logits, targets, Extras::new()).values
    }

    /// One value per element, with its normalizer: the number that it adds to the divisor of a mean. Each value is multiplied by its
    /// weight, and divided by the divisor of the extras. [`Reduction::reduce`](crate::Reduction::reduce) takes both values and normalizers.
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

    /// One value, one gradient and one curvature per logit: see [`second_order`](crate::second_order).
    ///
    /// It is computed on the host in double precision. The results carry no graph.
    fn forward_second_order<const D: usize>(&self, logits: Tensor<D>, targets: Tensor<D>) -> SecondOrder<Tensor<D>> {
        self.forward_second_order_with(logits, targets, &SecondOrderConfig::new(), Extras::new())
    }

    /// Like `forward_second_order`, with another [`Curvature`](crate::Curvature) or a floor; and with weights, which multiply all
    /// three results, a divisor, which divides them, or a mask, which makes them 0.
    fn forward_second_order_with<const D: usize>(
        &self,
        logits: Tensor<D>,
        targets: Tensor<D>,
        options: &SecondOrderConfig,
        extras: impl Into<Extras>,
    ) -> SecondOrder<Tensor<D>> {
        let first = Reference { loss: self.kind(), name: self.input(), tensor: &logits };
        expect(Pairs::new(self, model(self), first, &targets, extras.into(), options)).results()
    }

    /// Like `forward_second_order_with`, for slices of numbers.
    ///
    /// # Panics
    /// If the lengths differ, or if the loss has no such curvature.
    #[track_caller]
    fn forward_second_order_on_host(
        &self,
        logits: &[f64],
        targets: &[f64],
        weights: Option<&[f64]>,
        options: &SecondOrderConfig,
    ) -> SecondOrder<Vec<f64>> {
        expect(on_host(self, model(self), [logits, targets], weights, options))
    }

    /// Checks the arguments of `forward_second_order_with`, and that the loss has such a curvature: one that is 0 everywhere is an
    /// error, unless the floor is above 0.
    fn check_second_order<const D: usize>(
        &self,
        logits: &Tensor<D>,
        targets: &Tensor<D>,
        options: &SecondOrderConfig,
        extras: &Extras,
    ) -> Result<(), InputError> {
        let first = Reference { loss: self.kind(), name: self.input(), tensor: logits };
        Pairs::new(self, model(self), first, targets, extras.clone(), options).map(|_| ())
    }
}

/// What the first argument of a loss expects of the targets.
fn model(loss: &impl BinaryLoss) -> Model {
    if loss.input() == "probabilities" { Model::Probability } else { Model::Logit }
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
    #[kind("asymmetric")]
    Asymmetric(AsymmetricLossConfig),
    #[kind("poly1")]
    Poly1(Poly1LossConfig),
    #[kind("quality_focal")]
    QualityFocal(QualityFocalLossConfig),
    #[kind("varifocal")]
    Varifocal(VarifocalLossConfig),
    #[kind("gaussian_focal")]
    GaussianFocal(GaussianFocalLossConfig),
    #[kind("ghm_c")]
    GhmC(GhmCLossConfig),
    #[kind("hinge")]
    Hinge(HingeLossConfig),
    #[kind("modified_huber")]
    ModifiedHuber(ModifiedHuberLossConfig),
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
    fn parts(&self, first: &Tensor<3>, targets: &Tensor<3>, mask: Option<&Tensor<3, Bool>>) -> Option<Vec<Part>>;
    fn accepts(&self, shape: &[usize]) -> Result<(), String>;
}
