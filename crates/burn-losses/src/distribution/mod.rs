//! Distributions: log-probabilities and target probabilities `[N, C, d1, ..]`, one value per row.
//!
//! All losses here can be swapped for one another in a config file: see [`DistributionLossConfig`].

mod base;
mod cross_entropy;
mod distillation;
mod entropy;
mod hard_labels;
mod js_divergence;
mod kl_divergence;
mod signature;
#[cfg(test)]
pub mod template;
mod wasserstein;
mod weighted_sum;

use crate::check::Reference;
use crate::engine::distributions::{self, Distributions};
use crate::engine::pointwise::PointKernel;
use crate::engine::rows::{into_shape, rows_per_sample, without_class_axis};
use crate::engine::without_weightless;
use crate::error::{InputError, InputProblem, expect};
use crate::loss::Loss;
use crate::reduction::{Extras, Unreduced};
use burn::tensor::{Int, Tensor};
use burn_losses_derive::{dispatch, family, inherent};

pub use crate::options::{DistributionInput, TargetForm};
pub use base::Base;
pub use cross_entropy::{CrossEntropyLoss, CrossEntropyLossConfig};
pub use distillation::{DistillationLoss, DistillationLossConfig};
pub use entropy::{EntropyLoss, EntropyLossConfig};
pub use hard_labels::HardLabels;
pub use js_divergence::{JsDivergenceLoss, JsDivergenceLossConfig};
pub use kl_divergence::{Direction, KlDivergenceLoss, KlDivergenceLossConfig};
pub use wasserstein::{WassersteinLoss, WassersteinLossConfig};
pub use weighted_sum::{WeightedSumLoss, WeightedSumLossConfig};

/// A loss between a predicted and a target distribution. A loss that takes labels beside them implements [`HardLabels`] too.
///
/// The classes are on axis 1, as in the family `classification`: `[N, C]` gives `[N]`, `[N, C, H, W]` gives `[N, H, W]`; `L` is
/// the rank of the values, one less than `D`.
///
/// Half-precision inputs are computed and returned in f32; their gradients come back in half precision.
#[inherent]
pub trait DistributionLoss: Distributions + Loss {
    /// The form of the first argument.
    fn input(&self) -> DistributionInput {
        DistributionInput::LogProbabilities
    }

    /// Whether the values depend on the targets.
    fn needs_targets(&self) -> bool {
        true
    }

    /// Whether the predicted and the true probabilities of a row have to sum to 1. The default is right for a loss that applies
    /// no softmax to them itself.
    fn needs_normalized(&self) -> bool {
        true
    }

    /// The value of the batch, reduced as the config says.
    ///
    /// # Shapes
    /// - predictions (log-probabilities or logits, as the config says), targets: `[N, C, d1, ..]`, of the same shape
    /// - output: `[1]`
    fn forward<const D: usize>(&self, predictions: Tensor<D>, targets: Tensor<D>) -> Tensor<1> {
        self.forward_with(predictions, targets, Extras::new())
    }

    /// Like `forward`, with weights, a mask of the rows that are valid, or a divisor: see [`Extras`].
    ///
    /// # Shapes
    /// - weights, mask: `[N, d1, ..]`, or `[N, 1, ..]` for one per sample
    fn forward_with<const D: usize>(
        &self,
        predictions: Tensor<D>,
        targets: Tensor<D>,
        extras: impl Into<Extras>,
    ) -> Tensor<1> {
        let extras = extras.into();
        expect(self.check(&predictions, &targets, &extras));
        distributions::reduce(self, (self.input(), self.reduction()), predictions, targets, None, extras)
    }

    /// One value per row.
    fn forward_no_reduction<const D: usize, const L: usize>(
        &self,
        predictions: Tensor<D>,
        targets: Tensor<D>,
    ) -> Tensor<L> {
        self.forward_unreduced(predictions, targets, Extras::new()).values
    }

    /// One value per row, with its normalizer: the number that it adds to the divisor of a mean. Each value is multiplied by its weight,
    /// and divided by the divisor of the extras. [`Reduction::reduce`](crate::Reduction::reduce) takes both values and normalizers.
    fn forward_unreduced<const D: usize, const L: usize>(
        &self,
        predictions: Tensor<D>,
        targets: Tensor<D>,
        extras: impl Into<Extras>,
    ) -> Unreduced<L> {
        let extras = extras.into();
        expect(self.check(&predictions, &targets, &extras));
        unreduced(self, predictions, targets, None, extras)
    }

    /// Checks the shapes, types and devices of the arguments, but not their values, which are not read.
    fn check<const D: usize>(
        &self,
        predictions: &Tensor<D>,
        targets: &Tensor<D>,
        extras: &Extras,
    ) -> Result<(), InputError> {
        let first = reference(self, predictions);
        if self.needs_labels() {
            let why = "`hard_weight` is not 0: call `forward_with_labels`";
            return Err(first.error("labels", InputProblem::Missing(why.into())));
        }
        distributions::check(first, targets, extras)
    }
}

fn unreduced<F: DistributionLoss, const D: usize, const L: usize>(
    loss: &F,
    predictions: Tensor<D>,
    targets: Tensor<D>,
    labels: Option<Tensor<1, Int>>,
    extras: Extras,
) -> Unreduced<L> {
    let shape = without_class_axis(predictions.dims());
    let extras = extras.for_shape(rows_per_sample(predictions.dims()));
    let [predictions, targets] = [predictions, targets].map(|rows| without_weightless(rows, &extras));
    let values = distributions::values(loss, loss.input(), predictions, targets, labels, extras.mask.as_ref());
    into_shape(extras.apply(values), shape)
}

/// The first argument, as errors name it.
fn reference<'a, L: DistributionLoss, const D: usize>(loss: &L, predictions: &'a Tensor<D>) -> Reference<'a, D> {
    Reference { loss: loss.kind(), name: loss.input().name(), tensor: predictions }
}

impl DistributionInput {
    /// The name of the argument.
    pub fn name(self) -> &'static str {
        match self {
            Self::LogProbabilities => "log_probabilities",
            Self::Logits => "logits",
        }
    }
}

/// The config of any loss of this family; its `kind` says which.
#[family(distribution, makes = AnyDistributionLoss)]
pub enum DistributionLossConfig {
    #[kind("kl_divergence")]
    KlDivergence(KlDivergenceLossConfig),
    #[kind("entropy")]
    Entropy(EntropyLossConfig),
    #[kind("cross_entropy")]
    CrossEntropy(CrossEntropyLossConfig),
    #[kind("js_divergence")]
    JsDivergence(JsDivergenceLossConfig),
    #[kind("distillation")]
    Distillation(DistillationLossConfig),
    #[kind("wasserstein")]
    Wasserstein(WassersteinLossConfig),
    #[kind("weighted_sum")]
    WeightedSum(WeightedSumLossConfig),
}

#[dispatch]
impl Distributions for AnyDistributionLoss {
    fn rows(&self, log_p: Tensor<2>, targets: Tensor<2>) -> Tensor<1>;
    fn kernel(&self) -> Option<PointKernel>;
    fn labeled_rows(&self, values: Tensor<1>, log_p: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1>;
    fn needs_labels(&self) -> bool;
}
