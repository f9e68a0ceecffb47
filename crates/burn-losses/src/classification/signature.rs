//! What the losses of this family take.

use super::{AnyClassificationLoss, ClassificationLoss};
use crate::engine::rows::Rows;
use crate::signature::{
    Argument, Arguments, Called, Classes, EvalError, Family, Shape, Signature, Wanted, forward, with_rank,
};

impl Family for AnyClassificationLoss {
    fn signatures(&self) -> Vec<Signature> {
        let first = || Argument::prediction(self.input(), Shape::ClassAxis);
        let labels = Argument::labels("labels", Shape::WithoutClassAxis, Classes::OfAxis, self.ignore_index());
        let weights = || Argument::weights(Shape::WithoutClassAxis);
        let mut signatures = vec![vec![first(), labels, weights()]];
        if self.takes_probabilities() {
            let probabilities = Argument::target("probabilities", Shape::Same);
            let mask = Argument::mask("mask", Shape::WithoutClassAxis);
            signatures.push(vec![first(), probabilities, mask, weights()]);
        }
        signatures
    }

    fn call(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        with_rank!(arguments, |D, L| {
            let logits = arguments.float::<D>(self.input());
            let weights = arguments.optional_float::<L>("weights");
            if arguments.has("labels") {
                let labels = arguments.labels::<L>("labels");
                self.check(&logits, &labels, weights.as_ref())?;
                return Ok(forward!(self, wanted, weights; logits, labels));
            }
            let probabilities = arguments.float("probabilities");
            let mask = arguments.optional_mask::<L>("mask");
            self.check_soft(&logits, &probabilities, mask.as_ref(), weights.as_ref())?;
            Ok(match wanted {
                Wanted::Values => self.forward_soft_no_reduction(logits, probabilities, mask).into(),
                Wanted::Loss => self.forward_soft_weighted(logits, probabilities, mask, weights).into(),
            })
        })
    }
}
