//! A diagnosis of losses of numbers: each element, each box.

use super::{Batch, Diagnosis, attempt, extras, inputs, plain};
use crate::binary::BinaryLoss;
use crate::boxes::BoxesLoss;
use crate::engine::pointwise;
use crate::likelihood::LikelihoodLoss;
use crate::regression::RegressionLoss;
use burn::tensor::Tensor;

/// Diagnoses the arguments of a [`RegressionLoss`].
pub trait RegressionDiagnosis: RegressionLoss {
    /// Copies the arguments to the host and reports the problems: see [the module](crate::diagnose).
    fn diagnose<const D: usize>(
        &self,
        predictions: &Tensor<D>,
        targets: &Tensor<D>,
        weights: Option<&Tensor<D>>,
    ) -> Diagnosis {
        let first = "predictions";
        let inputs = inputs().and(first, predictions).and("targets", targets).and_some("weights", weights);
        let outcome = attempt(
            self.check(predictions, targets, &extras(weights)),
            (first, predictions),
            weights,
            |predictions, mask| pointwise::unreduced(self, predictions, plain(targets), mask).values,
            |predictions| {
                let extras = extras(weights.map(plain).as_ref());
                pointwise::reduce(self, self.reduction(), predictions, plain(targets), extras)
            },
        );
        Batch::new(self.kind(), first, inputs.get(), outcome).regression(self.takes_negative_targets())
    }
}

impl<L: RegressionLoss> RegressionDiagnosis for L {}

/// Diagnoses the arguments of a [`LikelihoodLoss`].
pub trait LikelihoodDiagnosis: LikelihoodLoss {
    /// Copies the arguments to the host and reports the problems: see [the module](crate::diagnose).
    fn diagnose<const D: usize, const L: usize>(
        &self,
        parameters: &Tensor<D>,
        targets: &Tensor<L>,
        weights: Option<&Tensor<L>>,
    ) -> Diagnosis {
        let first = "parameters";
        let inputs = inputs().and(first, parameters).and("targets", targets).and_some("weights", weights);
        let outcome = attempt(
            self.check(parameters, targets, &extras(weights)),
            (first, parameters),
            weights,
            |parameters, mask| self.forward_unreduced(parameters, plain(targets), mask).values,
            |parameters| self.forward_with(parameters, plain(targets), extras(weights.map(plain).as_ref())),
        );
        Batch::new(self.kind(), first, inputs.get(), outcome).regression(true)
    }
}

impl<L: LikelihoodLoss> LikelihoodDiagnosis for L {}

/// Diagnoses the arguments of a [`BinaryLoss`].
pub trait BinaryDiagnosis: BinaryLoss {
    /// Copies the arguments to the host and reports the problems: see [the module](crate::diagnose).
    fn diagnose<const D: usize>(
        &self,
        logits: &Tensor<D>,
        targets: &Tensor<D>,
        weights: Option<&Tensor<D>>,
    ) -> Diagnosis {
        let first = self.input();
        let inputs = inputs().and(first, logits).and("targets", targets).and_some("weights", weights);
        let outcome = attempt(
            self.check(logits, targets, &extras(weights)),
            (first, logits),
            weights,
            |logits, mask| pointwise::unreduced(self, logits, plain(targets), mask).values,
            |logits| {
                let extras = extras(weights.map(plain).as_ref());
                pointwise::reduce_by(self, (self.reduction(), self.positives()), logits, plain(targets), extras)
            },
        );
        Batch::new(self.kind(), first, inputs.get(), outcome).binary()
    }
}

impl<L: BinaryLoss> BinaryDiagnosis for L {}

/// Diagnoses the arguments of a [`BoxesLoss`].
pub trait BoxesDiagnosis: BoxesLoss {
    /// Copies the arguments to the host and reports the problems: see [the module](crate::diagnose).
    fn diagnose(&self, predictions: &Tensor<2>, targets: &Tensor<2>, weights: Option<&Tensor<1>>) -> Diagnosis {
        let first = "predictions";
        let inputs = inputs().and(first, predictions).and("targets", targets).and_some("weights", weights);
        let outcome = attempt(
            self.check(predictions, targets, &extras(weights)),
            (first, predictions),
            weights,
            |predictions, mask| self.forward_unreduced(predictions, plain(targets), mask).values,
            |predictions| self.forward_with(predictions, plain(targets), extras(weights.map(plain).as_ref())),
        );
        Batch::new(self.kind(), first, inputs.get(), outcome).boxes(self)
    }
}

impl<L: BoxesLoss> BoxesDiagnosis for L {}
