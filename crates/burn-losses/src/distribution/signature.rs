//! The arguments of the losses of this family.

use super::{AnyDistributionLoss, DistributionInput, DistributionLoss};
use crate::check::{Reference, widen};
use crate::engine::distributions::{self, Distributions};
use crate::engine::primitives::softmax::log_softmax;
use crate::engine::rows::without_class_axis;
use crate::engine::without_weightless;
use crate::reduction::{Unreduced, cleaned};
use crate::signature::{Argument, Arguments, Called, Classes, EvalError, Family, Shape, Signature, Wanted, with_rank};

impl Family for AnyDistributionLoss {
    /// Where the config says log-probabilities, the argument may be `logits` instead: its name says what it holds.
    fn signatures(&self) -> Vec<Signature> {
        let with = |input: DistributionInput| {
            let targets = Argument::target("targets", Shape::Same);
            let targets = if self.needs_targets() { targets } else { targets.optional() };
            let labels = Argument::labels("labels", Shape::WithoutClassAxis, Classes::OfAxis, None);
            let first = Argument::prediction(input.name(), Shape::ClassAxis);
            let weights = Argument::weights(Shape::WithoutClassAxis);
            let mask = Argument::mask("mask", Shape::WithoutClassAxis);
            [first, targets, weights, mask].into_iter().chain(self.needs_labels().then_some(labels)).collect()
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
            let extras = arguments.extras::<L, L>();
            let first = Reference { loss: self.kind(), name: input.name(), tensor: &predictions };
            distributions::check(first, &targets, &extras)?;
            let labels = self.needs_labels().then(|| arguments.labels::<L>("labels"));
            labels.as_ref().map_or(Ok(()), |labels| first.labels(labels, without_class_axis(predictions.dims())))?;
            let predictions = if input == own {
                predictions
            } else {
                let extras = extras.clone().for_shape(without_class_axis::<D, L>(predictions.dims()));
                let mask =
                    extras.mask.as_ref().map(|mask| mask.clone().unsqueeze_dim::<D>(1).expand(predictions.dims()));
                log_softmax(widen(without_weightless(cleaned(predictions, mask.as_ref()), &extras)))
            };
            Ok(match (labels, wanted) {
                (None, Wanted::Values) => {
                    let extras = extras.mask_alone();
                    let Unreduced::<L> { values, .. } = self.forward_unreduced(predictions, targets, extras);
                    values.into()
                }
                (None, Wanted::Loss) if extras.is_empty() => self.forward(predictions, targets).into(),
                (None, Wanted::Loss) => self.forward_with(predictions, targets, extras).into(),
                (Some(labels), Wanted::Values) => {
                    let extras = extras.mask_alone();
                    self.forward_with_labels_unreduced(predictions, targets, labels, extras).values.into()
                }
                (Some(labels), Wanted::Loss) => self.forward_with_labels(predictions, targets, labels, extras).into(),
            })
        })
    }
}
