//! The family `boxes`.

use super::run::{Leaves, Run, constant, in_training};
use super::{EvalError, Evaluation};
use crate::boxes::BoxesLoss;

impl Run<'_> {
    pub(super) fn boxes<L: BoxesLoss>(&self, loss: &L) -> Result<Evaluation, EvalError> {
        let names = ["predictions", "targets", "weights"];
        self.takes(&names, &names[..2])?;
        let mut leaves = Leaves::default();
        let predictions = self.float::<2>("predictions", &mut leaves)?;
        let targets = self.float::<2>("targets", &mut leaves)?;
        let weights = self.optional_float::<1>("weights", &mut leaves)?;
        loss.check(&predictions, &targets, weights.as_ref())?;
        let constants = (constant(targets.clone()), weights.clone().map(constant));
        let unreduced = loss.forward_unreduced(predictions.clone(), targets);
        let mut evaluation = leaves.differentiate(unreduced, |values| loss.reduction().reduce(values, weights, None));
        let (targets, weights) = constants;
        let values = |predictions| loss.forward_no_reduction(predictions, targets.clone());
        let value = |predictions| match weights.clone() {
            None => loss.forward(predictions, targets.clone()),
            Some(weights) => loss.forward_weighted(predictions, targets.clone(), weights),
        };
        in_training(&mut evaluation, "predictions", &predictions, values, value);
        Ok(evaluation)
    }
}
