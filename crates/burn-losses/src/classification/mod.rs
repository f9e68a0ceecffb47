//! Classification: logits with a class axis and one label per position.
//!
//! All losses here can be swapped for one another in a config file: see [`ClassificationLossConfig`].

mod asymmetric;
mod brier;
mod cross_entropy;
mod focal;
mod generalized;
mod logit_adjusted;
mod multi_margin;
mod nll;
mod ohem;
mod poly1;
mod signature;
mod soft;
mod symmetric;
mod temperature_scaling;
#[cfg(test)]
pub mod template;
mod weighted_sum;
mod zero_one;

use crate::check::Reference;
use crate::engine::curved_rows::RowPart;
use crate::engine::rows::{self, RowKernel, Rows};
use crate::error::{InputError, expect};
use crate::loss::Loss;
use crate::reduction::{Extras, Unreduced};
use crate::second_order::{LabeledRows, SecondOrder, SecondOrderConfig};
use burn::tensor::{Int, Tensor};
use burn_losses_derive::{dispatch, family, inherent};

pub use crate::field::ClassCounts;
pub use crate::options::{HardExamples, LabelSmoothing, Spread};
pub use asymmetric::{AsymmetricLoss, AsymmetricLossConfig};
pub use brier::{BrierLoss, BrierLossConfig, BrierScale};
pub use cross_entropy::{CrossEntropyLoss, CrossEntropyLossConfig};
pub use focal::{FocalLoss, FocalLossConfig};
pub use generalized::{GeneralizedLoss, GeneralizedLossConfig};
pub use logit_adjusted::{LogitAdjustedLoss, LogitAdjustedLossConfig};
pub use multi_margin::{MultiMarginLoss, MultiMarginLossConfig, MultiMarginVariant};
pub use nll::{NllLoss, NllLossConfig};
pub use ohem::{OhemLoss, OhemLossConfig};
pub use poly1::{Poly1Loss, Poly1LossConfig};
pub use soft::SoftTargets;
pub use symmetric::{SymmetricLoss, SymmetricLossConfig};
pub use temperature_scaling::TemperatureScaling;
pub use weighted_sum::{WeightedSumLoss, WeightedSumLossConfig};
pub use zero_one::{ZeroOneLoss, ZeroOneLossConfig};

/// A loss of logits and labels.
///
/// The class axis is axis 1: `[N, C]` logits take `[N]` labels, `[N, C, H, W]` logits take `[N, H, W]` labels; other ranks do
/// not compile. Labels are in 0..C, or the `ignore_index` of the config: rows with that label have the value 0 and do not
/// count, and neither their logits nor their labels are used. Any other label yields NaN. Reading labels back would stall the
/// device, so no error can be returned; NaN makes the mistake visible.
///
/// A loss that takes one probability per class in place of a label implements [`SoftTargets`] too.
///
/// Half-precision inputs are computed and returned in f32; their gradients come back in half precision.
#[inherent]
pub trait ClassificationLoss: Rows + Loss {
    /// The name of the first argument: `logits`, or `log_probabilities`.
    fn input(&self) -> &'static str {
        "logits"
    }

    /// The value of the batch, reduced as the config says.
    ///
    /// # Shapes
    /// - logits: `[N, C, d1, ..]`
    /// - labels: `[N, d1, ..]`
    /// - output: `[1]`
    fn forward<const D: usize, const L: usize>(&self, logits: Tensor<D>, labels: Tensor<L, Int>) -> Tensor<1> {
        self.forward_with(logits, labels, Extras::new())
    }

    /// Like `forward`, with weights, a mask of the rows that are valid, or a divisor: see [`Extras`].
    ///
    /// # Shapes
    /// - weights, mask: the shape of the labels, or `[N, 1, ..]` for one per sample
    fn forward_with<const D: usize, const L: usize>(
        &self,
        logits: Tensor<D>,
        labels: Tensor<L, Int>,
        extras: impl Into<Extras>,
    ) -> Tensor<1> {
        let extras = extras.into();
        expect(self.check(&logits, &labels, &extras));
        rows::reduce(self, self.reduction(), logits, labels, extras)
    }

    /// One value per label.
    fn forward_no_reduction<const D: usize, const L: usize>(
        &self,
        logits: Tensor<D>,
        labels: Tensor<L, Int>,
    ) -> Tensor<L> {
        self.forward_unreduced(logits, labels, Extras::new()).values
    }

    /// One value per label, with its normalizer: the number that it adds to the divisor of a mean (0 for an ignored row, its class weight
    /// if the config has class weights). Each value is multiplied by its weight, and divided by the divisor of the extras.
    /// [`Reduction::reduce`](crate::Reduction::reduce) takes both values and normalizers.
    fn forward_unreduced<const D: usize, const L: usize>(
        &self,
        logits: Tensor<D>,
        labels: Tensor<L, Int>,
        extras: impl Into<Extras>,
    ) -> Unreduced<L> {
        let extras = extras.into();
        expect(self.check(&logits, &labels, &extras));
        rows::unreduced(self, logits, labels, extras)
    }

    /// Checks the shapes, types and devices of the arguments, but not their values, which are not read.
    fn check<const D: usize, const L: usize>(
        &self,
        logits: &Tensor<D>,
        labels: &Tensor<L, Int>,
        extras: &Extras,
    ) -> Result<(), InputError> {
        rows::check(self, reference(self, logits), labels, extras)
    }

    /// One value per label; one gradient and one curvature per logit: see [`second_order`](crate::second_order). The curvature is
    /// the diagonal of each row's Hessian, for cross-entropy p (1 - p).
    ///
    /// It is computed on the host in double precision. The results carry no graph.
    fn forward_second_order<const D: usize, const L: usize>(
        &self,
        logits: Tensor<D>,
        labels: Tensor<L, Int>,
    ) -> SecondOrder<Tensor<L>, Tensor<D>> {
        self.forward_second_order_with(logits, labels, &SecondOrderConfig::new(), Extras::new())
    }

    /// Like `forward_second_order`, with another [`Curvature`](crate::Curvature) or a floor; and with weights, which multiply all
    /// three results, a divisor, which divides them, or a mask, which makes them 0.
    ///
    /// The majorizer is a diagonal that the Hessian never exceeds, for cross-entropy 2 p (1 - p), as in XGBoost.
    fn forward_second_order_with<const D: usize, const L: usize>(
        &self,
        logits: Tensor<D>,
        labels: Tensor<L, Int>,
        options: &SecondOrderConfig,
        extras: impl Into<Extras>,
    ) -> SecondOrder<Tensor<L>, Tensor<D>> {
        expect(LabeledRows::new(self, reference(self, &logits), &labels, extras.into(), options)).results()
    }

    /// The Hessian of each row, for at most 64 classes; for cross-entropy diag(p) - p p^T.
    ///
    /// # Shapes
    /// - logits: `[N, C]`
    /// - labels: `[N]`
    /// - output: `[N, C, C]`
    ///
    /// # Panics
    /// With more classes, and with the message of [`check_second_order`](Self::check_second_order)'s error.
    #[track_caller]
    fn forward_hessian(&self, logits: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<3> {
        self.forward_hessian_with(logits, labels, Extras::new())
    }

    /// Like `forward_hessian`, with weights, a mask or a divisor.
    ///
    /// # Panics
    /// As `forward_hessian`.
    #[track_caller]
    fn forward_hessian_with(&self, logits: Tensor<2>, labels: Tensor<1, Int>, extras: impl Into<Extras>) -> Tensor<3> {
        expect(LabeledRows::of_hessian(self, reference(self, &logits), &labels, extras.into())).hessian()
    }

    /// Checks the arguments of `forward_hessian_with`: there are at most 64 classes, and the Hessian is not 0 everywhere.
    fn check_hessian(&self, logits: &Tensor<2>, labels: &Tensor<1, Int>, extras: &Extras) -> Result<(), InputError> {
        LabeledRows::of_hessian(self, reference(self, logits), labels, extras.clone()).map(|_| ())
    }

    /// Checks the arguments of `forward_second_order_with`, and that the loss has such a curvature: one that is 0 everywhere is an
    /// error, unless the floor is above 0.
    fn check_second_order<const D: usize, const L: usize>(
        &self,
        logits: &Tensor<D>,
        labels: &Tensor<L, Int>,
        options: &SecondOrderConfig,
        extras: &Extras,
    ) -> Result<(), InputError> {
        LabeledRows::new(self, reference(self, logits), labels, extras.clone(), options).map(|_| ())
    }
}

/// The first argument, as errors name it.
fn reference<'a, L: ClassificationLoss, const D: usize>(loss: &L, logits: &'a Tensor<D>) -> Reference<'a, D> {
    Reference { loss: loss.kind(), name: loss.input(), tensor: logits }
}

/// The config of any loss of this family; its `kind` says which.
#[family(classification, makes = AnyClassificationLoss)]
pub enum ClassificationLossConfig {
    #[kind("cross_entropy")]
    CrossEntropy(CrossEntropyLossConfig),
    #[kind("nll")]
    Nll(NllLossConfig),
    #[kind("focal")]
    Focal(FocalLossConfig),
    #[kind("asymmetric")]
    Asymmetric(AsymmetricLossConfig),
    #[kind("poly1")]
    Poly1(Poly1LossConfig),
    #[kind("generalized")]
    Generalized(GeneralizedLossConfig),
    #[kind("symmetric")]
    Symmetric(SymmetricLossConfig),
    #[kind("brier")]
    Brier(BrierLossConfig),
    #[kind("logit_adjusted", alias = "balanced_softmax")]
    LogitAdjusted(LogitAdjustedLossConfig),
    #[kind("multi_margin")]
    MultiMargin(MultiMarginLossConfig),
    #[kind("zero_one")]
    ZeroOne(ZeroOneLossConfig),
    #[kind("ohem")]
    Ohem(OhemLossConfig),
    #[kind("weighted_sum")]
    WeightedSum(WeightedSumLossConfig),
}

#[dispatch]
impl Rows for AnyClassificationLoss {
    fn rows(&self, logits: Tensor<2>, labels: Tensor<1, Int>) -> Unreduced<1>;
    fn soft_rows(&self, logits: Tensor<2>, probabilities: Tensor<2>) -> Option<Unreduced<1>>;
    fn kernel(&self, classes: usize) -> Option<RowKernel>;
    fn parts(&self, logits: &Tensor<2>, labels: &Tensor<1, Int>) -> Option<Vec<RowPart>>;
    fn selects(&self) -> bool;
    fn select(&self, values: Unreduced<1>) -> Unreduced<1>;
    fn classes(&self) -> Option<usize>;
    fn ignore_index(&self) -> Option<i64>;
    fn takes_probabilities(&self) -> bool;
    fn takes_any_scores(&self) -> bool;
}

impl SoftTargets for AnyClassificationLoss {}
