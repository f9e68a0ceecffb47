//! A diagnosis of losses of classes: labels, distributions, masks.

use super::{Batch, Diagnosis, attempt, inputs, plain};
use crate::classification::ClassificationLoss;
use crate::distribution::DistributionLoss;
use crate::engine::{distributions, regions, rows};
use crate::segmentation::{Masks, SegmentationLoss};
use burn::tensor::{Bool, Int, Tensor};

/// What is wrong with the arguments of a [`ClassificationLoss`].
pub trait ClassificationDiagnosis: ClassificationLoss {
    /// Reads the arguments back and says what is wrong with them: see [the module](crate::diagnose).
    fn diagnose<const D: usize, const L: usize>(
        &self,
        logits: &Tensor<D>,
        labels: &Tensor<L, Int>,
        weights: Option<&Tensor<L>>,
    ) -> Diagnosis {
        let first = self.input();
        let inputs = inputs().and(first, logits).and("labels", labels).and_some("weights", weights);
        let outcome = attempt(
            self.check(logits, labels, weights),
            (first, logits),
            |logits| rows::values(self, logits, plain(labels)).values,
            |logits| rows::reduce(self, self.reduction(), logits, plain(labels), weights.map(plain)),
        );
        Batch { kind: self.kind(), first, inputs: inputs.get(), outcome }.classification(self)
    }

    /// The same for soft targets.
    fn diagnose_soft<const D: usize, const L: usize>(
        &self,
        logits: &Tensor<D>,
        probabilities: &Tensor<D>,
        mask: Option<&Tensor<L, Bool>>,
        weights: Option<&Tensor<L>>,
    ) -> Diagnosis {
        let first = self.input();
        let inputs = inputs()
            .and(first, logits)
            .and("probabilities", probabilities)
            .and_some("mask", mask)
            .and_some("weights", weights);
        let unreduced = |logits| rows::soft_values::<_, D, L>(self, logits, plain(probabilities), mask.map(plain));
        let outcome = attempt(
            self.check_soft(logits, probabilities, mask, weights),
            (first, logits),
            |logits| unreduced(logits).values,
            |logits| self.reduction().reduce(unreduced(logits), weights.map(plain), None),
        );
        Batch { kind: self.kind(), first, inputs: inputs.get(), outcome }.classification(self)
    }
}

impl<L: ClassificationLoss> ClassificationDiagnosis for L {}

/// What is wrong with the arguments of a [`DistributionLoss`].
pub trait DistributionDiagnosis: DistributionLoss {
    /// Reads the arguments back and says what is wrong with them: see [the module](crate::diagnose). (With weights or labels:
    /// [`AnyLoss::diagnose`](crate::AnyLoss::diagnose).)
    fn diagnose<const D: usize>(&self, predictions: &Tensor<D>, targets: &Tensor<D>) -> Diagnosis {
        let first = self.input().name();
        let inputs = inputs().and(first, predictions).and("targets", targets);
        let input = self.input();
        let outcome = attempt(
            self.check(predictions, targets),
            (first, predictions),
            |predictions| distributions::values(self, input, predictions, plain(targets), None),
            |predictions| {
                let weights: Option<Tensor<1>> = None;
                distributions::reduce(self, input, self.reduction(), predictions, plain(targets), weights)
            },
        );
        Batch { kind: self.kind(), first, inputs: inputs.get(), outcome }.distribution(self)
    }
}

impl<L: DistributionLoss> DistributionDiagnosis for L {}

/// What is wrong with the arguments of a [`SegmentationLoss`].
pub trait SegmentationDiagnosis: SegmentationLoss {
    /// Reads the arguments back and says what is wrong with them: see [the module](crate::diagnose).
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
            self.check(logits, masks, weights),
            (first, logits),
            |logits| unreduced(logits).values,
            |logits| self.reduction().reduce(unreduced(logits), weights.map(plain), None),
        );
        Batch { kind: self.kind(), first, inputs: inputs.get(), outcome }.segmentation(&regions)
    }
}

impl<L: SegmentationLoss> SegmentationDiagnosis for L {}
