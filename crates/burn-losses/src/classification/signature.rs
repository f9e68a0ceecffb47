//! The arguments of the losses of this family.

use super::{AnyClassificationLoss, ClassificationLoss};
use crate::engine::rows::Rows;
use crate::error::{InputError, InputProblem};
use crate::options::SecondOrderConfig;
use crate::reduction::Unreduced;
use crate::signature::{
    Argument, Arguments, Called, Classes, EvalError, Family, Shape, Signature, Wanted, forward, with_rank,
};

impl Family for AnyClassificationLoss {
    fn signatures(&self) -> Vec<Signature> {
        let first = || Argument::prediction(self.input(), Shape::ClassAxis);
        let labels = Argument::labels("labels", Shape::WithoutClassAxis, Classes::OfAxis, self.ignore_index());
        let weights = || Argument::weights(Shape::WithoutClassAxis);
        let mask = || Argument::mask("mask", Shape::WithoutClassAxis);
        let mut signatures = vec![vec![first(), labels, weights(), mask()]];
        if self.takes_probabilities() {
            let probabilities = Argument::target("probabilities", Shape::Same);
            signatures.push(vec![first(), probabilities, mask(), weights()]);
        }
        signatures
    }

    fn call(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        with_rank!(arguments, |D, L| {
            let logits = arguments.float::<D>(self.input());
            let extras = arguments.extras::<L, L>();
            if arguments.has("labels") {
                let labels = arguments.labels::<L>("labels");
                self.check(&logits, &labels, &extras)?;
                return Ok(forward!(self, wanted, extras; logits, labels));
            }
            let probabilities = arguments.float("probabilities");
            self.check_soft(&logits, &probabilities, &extras)?;
            Ok(match wanted {
                Wanted::Values => {
                    let Unreduced::<L> { values, .. } =
                        self.forward_soft_unreduced(logits, probabilities, extras.mask_alone());
                    values.into()
                }
                Wanted::Loss => self.forward_soft_with(logits, probabilities, extras).into(),
            })
        })
    }

    fn call_second_order(
        &self,
        arguments: &mut Arguments<'_>,
        options: &SecondOrderConfig,
    ) -> Option<Result<[Called; 3], EvalError>> {
        if !arguments.has("labels") {
            let problem = InputProblem::Unsupported("second derivatives are those of labels".into());
            return Some(Err(InputError { loss: self.kind(), argument: "probabilities", problem }.into()));
        }
        Some(with_rank!(arguments, |D, L| {
            let logits = arguments.float::<D>(self.input());
            let extras = arguments.extras::<L, L>();
            let labels = arguments.labels::<L>("labels");
            self.check_second_order(&logits, &labels, options, &extras).map_err(EvalError::from).map(|()| {
                let all = self.forward_second_order_with(logits, labels, options, extras);
                [all.values.into(), all.gradient.into(), all.curvature.into()]
            })
        }))
    }
}
