//! A diagnosis of losses of embeddings.

use super::{Batch, Diagnosis, attempt, extras, inputs, plain};
use crate::engine::heads::{Labels, Parameters};
use crate::engine::pairs::anchors;
use crate::heads::HeadLoss;
use crate::metric::MetricLoss;
use crate::reduction::Extras;
use burn::tensor::{Int, Tensor};

/// The first argument of these losses.
const FIRST: &str = "embeddings";

/// Diagnoses the arguments of a [`HeadLoss`].
pub trait HeadDiagnosis: HeadLoss {
    /// Copies the arguments and the parameters to the host and reports the problems: see [the module](crate::diagnose).
    fn diagnose(&self, embeddings: &Tensor<2>, labels: &Tensor<1, Int>, weights: Option<&Tensor<1>>) -> Diagnosis {
        let (weight, bias) = (self.weight(), self.bias());
        let inputs = inputs()
            .and(FIRST, embeddings)
            .and("labels", labels)
            .and_some("weights", weights)
            .and("weight", &weight)
            .and_some("bias", bias.as_ref());
        let unreduced = |embeddings| {
            let parameters = Parameters { weight: plain(&weight), bias: bias.as_ref().map(plain) };
            let labels = Labels { of: plain(labels), ignore_index: self.ignore_index() };
            self.values(parameters, embeddings, labels)
        };
        let outcome = attempt(
            self.check(embeddings, labels, &extras(weights)),
            (FIRST, embeddings),
            None::<&Tensor<1>>,
            |embeddings, _| unreduced(embeddings).values,
            |embeddings| self.reduction().reduce(unreduced(embeddings), weights.map(plain), None),
        );
        Batch::new(self.kind(), FIRST, inputs.get(), outcome).heads(self)
    }
}

impl<L: HeadLoss> HeadDiagnosis for L {}

/// Diagnoses the arguments of a [`MetricLoss`].
pub trait MetricDiagnosis: MetricLoss {
    /// Copies the arguments to the host and reports the problems: see [the module](crate::diagnose).
    fn diagnose(&self, embeddings: &Tensor<2>, labels: &Tensor<1, Int>, weights: Option<&Tensor<1>>) -> Diagnosis {
        let inputs = inputs().and(FIRST, embeddings).and("labels", labels).and_some("weights", weights);
        let unreduced = |embeddings, mask| anchors::unreduced(self, embeddings, plain(labels), mask);
        let outcome = attempt(
            self.check(embeddings, labels, &extras(weights)),
            (FIRST, embeddings),
            weights,
            |embeddings, mask| unreduced(embeddings, mask).values,
            |embeddings| self.reduction().reduce(unreduced(embeddings, Extras::new()), weights.map(plain), None),
        );
        Batch::new(self.kind(), FIRST, inputs.get(), outcome).metric(self)
    }
}

impl<L: MetricLoss> MetricDiagnosis for L {}
