//! The family `segmentation`.

use super::run::{Leaves, Run, constant, in_training, with_class_axis};
use super::{EvalError, Evaluation};
use crate::engine::{regions, rows};
use crate::segmentation::{Masks, SegmentationLoss};

impl Run<'_> {
    pub(super) fn segmentation<L: SegmentationLoss>(&self, loss: &L) -> Result<Evaluation, EvalError> {
        let second = if self.has("labels") { "labels" } else { "masks" };
        let names = [self.first, second, "weights"];
        self.takes(&names, &names[..2])?;
        with_class_axis!(self.segmentation_of(loss), self.first)
    }

    fn segmentation_of<const D: usize, const K: usize, L: SegmentationLoss>(
        &self,
        loss: &L,
    ) -> Result<Evaluation, EvalError> {
        let mut leaves = Leaves::default();
        let logits = self.float::<D>(self.first, &mut leaves)?;
        let masks: Masks<D> = if self.has("labels") {
            let labels = self.int::<K>("labels")?;
            self.reference(self.first, &logits).labels(&labels, rows::without_class_axis(logits.dims()))?;
            loss.masks_of(labels, &logits)
        } else {
            self.float::<D>("masks", &mut leaves)?.into()
        };
        let weights = self.optional_float::<2>("weights", &mut leaves)?;
        loss.check(&logits, &masks, weights.as_ref())?;
        let constants = Masks { masks: constant(masks.masks.clone()), valid: masks.valid.clone() };
        let of_weights = weights.clone().map(constant);
        let reduce = |values, weights| loss.reduction().reduce(values, weights, None);
        let unreduced = regions::values(loss, &loss.regions(), logits.clone(), masks);
        let mut evaluation = leaves.differentiate(unreduced, |values| reduce(values, weights));
        let unreduced = |logits| regions::values(loss, &loss.regions(), logits, constants.clone());
        let value = |logits| reduce(unreduced(logits), of_weights.clone());
        in_training(&mut evaluation, self.first, &logits, |logits| unreduced(logits).values, value);
        Ok(evaluation)
    }
}
