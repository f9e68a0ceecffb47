//! A diagnosis of losses of classes: labels, distributions, masks.

use super::{Batch, Diagnosis, attempt, extras, inputs, plain};
use crate::classification::{ClassificationLoss, SoftTargets};
use crate::distribution::DistributionLoss;
use crate::engine::{distributions, regions, rows};
use crate::reduction::Extras;
use crate::segmentation::{Masks, SegmentationLoss};
use burn::tensor::{Bool, Int, Tensor};

/// Diagnoses the arguments of a [`ClassificationLoss`].
pub trait ClassificationDiagnosis: ClassificationLoss {
    /// Copies the arguments to the host and reports the problems: see [the module](crate::diagnose).
    fn diagnose<const D: usize, const L: usize>(
        &self,
        logits: &Tensor<D>,
        labels: &Tensor<L, Int>,
        weights: Option<&Tensor<L>>,
    ) -> Diagnosis {
        let first = self.input();
        let inputs = inputs().and(first, logits).and("labels", labels).and_some("weights", weights);
        let outcome = attempt(
            self.check(logits, labels, &extras(weights)),
            (first, logits),
            weights,
            |logits, mask| rows::unreduced(self, logits, plain(labels), mask).values,
            |logits| rows::reduce(self, self.reduction(), logits, plain(labels), extras(weights.map(plain).as_ref())),
        );
        Batch::new(self.kind(), first, inputs.get(), outcome).classification(self)
    }

    /// Like [`diagnose`](Self::diagnose), for soft targets.
    fn diagnose_soft<const D: usize, const L: usize>(
        &self,
        logits: &Tensor<D>,
        probabilities: &Tensor<D>,
        mask: Option<&Tensor<L, Bool>>,
        weights: Option<&Tensor<L>>,
    ) -> Diagnosis
    where
        Self: SoftTargets,
    {
        let first = self.input();
        let inputs = inputs()
            .and(first, logits)
            .and("probabilities", probabilities)
            .and_some("mask", mask)
            .and_some("weights", weights);
        let with_mask = |extras: Extras| match mask {
            None => extras,
            Some(mask) => extras.with_mask(mask.clone().without_autodiff()),
        };
        // The shapes of the extras are checked first.
        let shaped = || with_mask(extras(weights.map(plain).as_ref())).for_shape(rows::rows_per_sample(logits.dims()));
        let unreduced = |logits| rows::soft_values(self, logits, plain(probabilities), shaped().mask.as_ref());
        let outcome = attempt(
            self.check_soft(logits, probabilities, &with_mask(extras(weights))),
            (first, logits),
            None::<&Tensor<L>>,
            |logits, _| unreduced(logits).values,
            |logits| shaped().reduce(self.reduction(), unreduced(logits)),
        );
        Batch::new(self.kind(), first, inputs.get(), outcome).classification(self)
    }
}

impl<L: ClassificationLoss> ClassificationDiagnosis for L {}

/// Diagnoses the arguments of a [`DistributionLoss`].
pub trait DistributionDiagnosis: DistributionLoss {
    /// Copies the arguments to the host and reports the problems: see [the module](crate::diagnose). (For weights or labels, call
    /// [`AnyLoss::diagnose`](crate::AnyLoss::diagnose).)
    fn diagnose<const D: usize>(&self, predictions: &Tensor<D>, targets: &Tensor<D>) -> Diagnosis {
        let first = self.input().name();
        let inputs = inputs().and(first, predictions).and("targets", targets);
        let (input, how) = (self.input(), (self.input(), self.reduction()));
        let outcome = attempt(
            self.check(predictions, targets, &Extras::new()),
            (first, predictions),
            None::<&Tensor<1>>,
            |predictions, _| distributions::values(self, input, predictions, plain(targets), None, None).values,
            |predictions| distributions::reduce(self, how, predictions, plain(targets), None, Extras::new()),
        );
        Batch::new(self.kind(), first, inputs.get(), outcome).distribution(self)
    }
}

impl<L: DistributionLoss> DistributionDiagnosis for L {}

/// Diagnoses the arguments of a [`SegmentationLoss`].
pub trait SegmentationDiagnosis: SegmentationLoss {
    /// Copies the arguments to the host and reports the problems: see [the module](crate::diagnose).
    fn diagnose<const D: usize>(&self, logits: &Tensor<D>, masks: &Masks<D>, weights: Option<&Tensor<2>>) -> Diagnosis {
        let (first, regions) = (self.input(), self.regions());
        let inputs = inputs()
            .and(first, logits)
            .and("masks", &masks.masks)
            .and_some("valid", masks.valid.as_ref())
            .and_some("weights", weights);
        let unreduced = |logits| {
            let masks = Masks { masks: plain(&masks.masks), valid: masks.valid.as_ref().map(plain) };
            regions::values(self, &regions, logits, masks)
        };
        let outcome = attempt(
            self.check(logits, masks, &extras(weights)),
            (first, logits),
            None::<&Tensor<2>>,
            |logits, _| unreduced(logits).values,
            |logits| self.reduction().reduce(unreduced(logits), weights.map(plain), None),
        );
        Batch::new(self.kind(), first, inputs.get(), outcome).segmentation(&regions)
    }
}

impl<L: SegmentationLoss> SegmentationDiagnosis for L {}
