//! What the losses of this family take.

use super::{AnyDistributionLoss, DistributionInput, DistributionLoss};
use crate::check::{Reference, widen};
use crate::engine::distributions::{self, Distributions};
use crate::engine::primitives::softmax::log_softmax;
use crate::engine::rows::without_class_axis;
use crate::engine::with_weights;
use crate::signature::{Argument, Arguments, Called, Classes, EvalError, Family, Shape, Signature, Wanted, with_rank};
use burn::tensor::Tensor;

impl Family for AnyDistributionLoss {
    /// Where the config says log-probabilities, a tensor `logits` says itself what it holds.
    fn signatures(&self) -> Vec<Signature> {
        let with = |input: DistributionInput| {
            let targets = Argument::target("targets", Shape::Same);
            let targets = if self.needs_targets() { targets } else { targets.optional() };
            let labels = Argument::labels("labels", Shape::WithoutClassAxis, Classes::OfAxis, None);
            let first = Argument::prediction(input.name(), Shape::ClassAxis);
            let weights = Argument::weights(Shape::WithoutClassAxis);
            [first, targets, weights].into_iter().chain(self.needs_labels().then_some(labels)).collect()
        };
        match self.input() {
            DistributionInput::Logits => vec![with(DistributionInput::Logits)],
            input => vec![with(input), with(DistributionInput::Logits)],
        }
    }

    fn call(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        let own = self.input();
        let input = if arguments.has(own.name()) { own } else { DistributionInput::Logits };
        with_rank!(arguments, |D, L| {
            let predictions = arguments.float::<D>(input.name());
            let targets = arguments.optional_float("targets").unwrap_or_else(|| predictions.zeros_like());
            let weights = arguments.optional_float::<L>("weights");
            let first = Reference { loss: self.kind(), name: input.name(), tensor: &predictions };
            distributions::check(first, &targets)?;
            let shape = without_class_axis(predictions.dims());
            weights.as_ref().map_or(Ok(()), |weights| first.weights(shape, weights))?;
            let labels = self.needs_labels().then(|| arguments.labels::<L>("labels"));
            labels.as_ref().map_or(Ok(()), |labels| first.labels(labels, shape))?;
            let predictions = if input == own { predictions } else { log_softmax(widen(predictions)) };
            let predictions = match &labels {
                Some(_) => with_weights(predictions, weights.clone().map(|weights| weights.unsqueeze_dim(1))),
                None => predictions,
            };
            let values = |predictions, targets| -> Tensor<L> {
                match labels.clone() {
                    None => self.forward_no_reduction(predictions, targets),
                    Some(labels) => self.forward_with_labels_no_reduction(predictions, targets, labels),
                }
            };
            Ok(match (wanted, &labels, weights) {
                (Wanted::Values, ..) => values(predictions, targets).into(),
                (_, None, None) => self.forward(predictions, targets).into(),
                (_, None, Some(weights)) => self.forward_weighted(predictions, targets, weights).into(),
                (_, Some(labels), None) => self.forward_with_labels(predictions, targets, labels.clone()).into(),
                (_, _, weights) => self.reduction().apply(values(predictions, targets), weights, None).into(),
            })
        })
    }
}
