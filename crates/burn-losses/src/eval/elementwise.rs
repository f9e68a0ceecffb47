//! Losses of two tensors of one shape: the families `regression` and `binary`.

use super::run::{Leaves, Run, constant, in_training, with_rank};
use super::{EvalError, Evaluation};
use crate::engine::pointwise::{self, Pointwise};
use crate::reduction::Reduction;

impl Run<'_> {
    pub(super) fn elementwise<P: Pointwise>(&self, loss: &P, reduction: Reduction) -> Result<Evaluation, EvalError> {
        let names = [self.first, "targets", "weights"];
        self.takes(&names, &names[..2])?;
        with_rank!(self.elementwise_of(loss, reduction), self.first)
    }

    fn elementwise_of<const D: usize, P: Pointwise>(
        &self,
        loss: &P,
        reduction: Reduction,
    ) -> Result<Evaluation, EvalError> {
        let mut leaves = Leaves::default();
        let first = self.float::<D>(self.first, &mut leaves)?;
        let targets = self.float::<D>("targets", &mut leaves)?;
        let weights = self.optional_float::<D>("weights", &mut leaves)?;
        pointwise::check(loss, self.reference(self.first, &first), &targets, weights.as_ref())?;
        let divisor = (reduction == Reduction::Positives).then(|| pointwise::positives(targets.clone()));
        let constants = (constant(targets.clone()), weights.clone().map(constant));
        let unreduced = pointwise::values(loss, first.clone(), targets);
        let mut evaluation = leaves.differentiate(unreduced, |values| reduction.reduce(values, weights, divisor));
        if loss.kernel().is_some() {
            let (targets, weights) = constants;
            let values = |first| pointwise::values(loss, first, targets.clone()).values;
            let value = |first| pointwise::reduce(loss, reduction, first, targets.clone(), weights.clone());
            in_training(&mut evaluation, self.first, &first, values, value);
        }
        Ok(evaluation)
    }
}
