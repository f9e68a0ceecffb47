//! The family `distribution`.

use super::run::{Leaves, Run, constant, in_training, with_class_axis};
use super::{EvalError, Evaluation};
use crate::distribution::{DistributionInput, DistributionLoss};
use crate::engine::{distributions, rows};
use burn::tensor::Tensor;

impl Run<'_> {
    pub(super) fn distribution<L: DistributionLoss>(&self, loss: &L) -> Result<Evaluation, EvalError> {
        // A tensor `logits` says itself what it holds: its log-softmax is taken also where the config has log-probabilities.
        let logits = self.has("logits") && !self.has("log_probabilities");
        let input = if logits { DistributionInput::Logits } else { loss.input() };
        let first = input.name();
        let (mut names, mut needed) = (vec![first, "targets", "weights"], vec![first]);
        if loss.needs_labels() {
            names.push("labels");
            needed.push("labels");
        }
        // The entropy needs no targets.
        if loss.kind() != "entropy" {
            needed.push("targets");
        }
        self.takes(&names, &needed)?;
        with_class_axis!(self.distribution_of(loss, input), first)
    }

    fn distribution_of<const D: usize, const K: usize, L: DistributionLoss>(
        &self,
        loss: &L,
        input: DistributionInput,
    ) -> Result<Evaluation, EvalError> {
        let mut leaves = Leaves::default();
        let first = self.float::<D>(input.name(), &mut leaves)?;
        let targets = match self.has("targets") {
            true => self.float::<D>("targets", &mut leaves)?,
            false => first.zeros_like(),
        };
        let weights = self.optional_float::<K>("weights", &mut leaves)?;
        let reference = || self.reference(input.name(), &first);
        distributions::check(reference(), &targets)?;
        let shape: [usize; K] = rows::without_class_axis(first.dims());
        weights.as_ref().map_or(Ok(()), |weights| reference().weights(shape, weights))?;
        let labels = match loss.needs_labels() {
            false => None,
            true => {
                let labels = self.int::<K>("labels")?;
                reference().labels(&labels, shape)?;
                Some(labels.reshape([shape.iter().product::<usize>()]))
            }
        };
        let constants = (constant(targets.clone()), weights.clone().map(constant));
        let values = |first, targets| distributions::values(loss, input, first, targets, labels.clone()).reshape(shape);
        let reduction = loss.reduction();
        let unreduced = values(first.clone(), targets);
        let reduce = |values: Tensor<K>, weights| reduction.reduce::<K>(values.into(), weights, None);
        let mut evaluation = leaves.differentiate(unreduced.into(), |values| reduction.reduce(values, weights, None));
        let (targets, weights) = constants;
        let value = |first| match &labels {
            None => distributions::reduce(loss, input, reduction, first, targets.clone(), weights.clone()),
            Some(_) => reduce(values(first, targets.clone()), weights.clone()),
        };
        in_training::<D, K>(&mut evaluation, input.name(), &first, |first| values(first, targets.clone()), value);
        Ok(evaluation)
    }
}
