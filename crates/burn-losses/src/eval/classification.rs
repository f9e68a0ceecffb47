//! The family `classification`.

use super::run::{Leaves, Run, constant, in_training, with_class_axis};
use super::{EvalError, Evaluation};
use crate::classification::ClassificationLoss;
use crate::engine::rows;
use burn::tensor::{Bool, DType, Tensor};

impl Run<'_> {
    pub(super) fn classification<L: ClassificationLoss>(&self, loss: &L) -> Result<Evaluation, EvalError> {
        let soft = self.has("probabilities");
        let names: &[&str] =
            if soft { &[self.first, "probabilities", "mask", "weights"] } else { &[self.first, "labels", "weights"] };
        self.takes(names, &names[..2])?;
        match soft {
            true => with_class_axis!(self.soft_of(loss), self.first),
            false => with_class_axis!(self.labelled_of(loss), self.first),
        }
    }

    fn labelled_of<const D: usize, const K: usize, L: ClassificationLoss>(
        &self,
        loss: &L,
    ) -> Result<Evaluation, EvalError> {
        let mut leaves = Leaves::default();
        let logits = self.float::<D>(self.first, &mut leaves)?;
        let labels = self.int::<K>("labels")?;
        let weights = self.optional_float::<K>("weights", &mut leaves)?;
        loss.check(&logits, &labels, weights.as_ref())?;
        let of_weights = weights.clone().map(constant);
        let unreduced = rows::values(loss, logits.clone(), labels.clone());
        let mut evaluation = leaves.differentiate(unreduced, |values| loss.reduction().reduce(values, weights, None));
        if loss.kernel(logits.dims()[1]).is_some() {
            let values = |logits| rows::values(loss, logits, labels.clone()).values;
            let value = |logits| rows::reduce(loss, loss.reduction(), logits, labels.clone(), of_weights.clone());
            in_training(&mut evaluation, self.first, &logits, values, value);
        }
        Ok(evaluation)
    }

    fn soft_of<const D: usize, const K: usize, L: ClassificationLoss>(
        &self,
        loss: &L,
    ) -> Result<Evaluation, EvalError> {
        let mut leaves = Leaves::default();
        let logits = self.float::<D>(self.first, &mut leaves)?;
        let probabilities = self.float::<D>("probabilities", &mut leaves)?;
        let mask = match self.has("mask") {
            false => None,
            true => {
                let data = self.data::<K>("mask", DType::is_bool, "a boolean type")?;
                Some(Tensor::<K, Bool>::from_data(data, &self.device))
            }
        };
        let weights = self.optional_float::<K>("weights", &mut leaves)?;
        loss.check_soft(&logits, &probabilities, mask.as_ref(), weights.as_ref())?;
        let unreduced = rows::soft_values::<_, D, K>(loss, logits, probabilities, mask);
        Ok(leaves.differentiate(unreduced, |values| loss.reduction().reduce(values, weights, None)))
    }
}
