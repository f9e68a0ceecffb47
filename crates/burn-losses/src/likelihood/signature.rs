//! The arguments of the losses of this family.

use super::{AnyLikelihoodLoss, Likelihood};
use crate::signature::{Argument, Arguments, Called, EvalError, Family, Shape, Signature, Wanted, forward, with_rank};

impl Family for AnyLikelihoodLoss {
    fn signatures(&self) -> Vec<Signature> {
        let mut signatures = vec![vec![
            Argument::prediction("parameters", Shape::Parameters(self.parameters())),
            Argument::target("targets", Shape::WithoutClassAxis),
            Argument::weights(Shape::WithoutClassAxis),
            Argument::mask("mask", Shape::WithoutClassAxis),
        ]];
        if self.has_parts() {
            signatures.push(vec![
                Argument::prediction("mean", Shape::ANY),
                Argument::prediction("spread", Shape::Same),
                Argument::target("targets", Shape::Same),
                Argument::weights(Shape::Same),
                Argument::mask("mask", Shape::Same),
            ]);
        }
        signatures
    }

    fn call(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        if arguments.has("parameters") {
            return with_rank!(arguments, |D, L| {
                let parameters = arguments.float::<D>("parameters");
                let targets = arguments.float::<L>("targets");
                let extras = arguments.extras::<L, L>();
                self.check(&parameters, &targets, &extras)?;
                Ok(forward!(self, wanted, extras; parameters, targets))
            });
        }
        with_rank!(arguments, |L| {
            let (mean, spread) = (arguments.float::<L>("mean"), arguments.float::<L>("spread"));
            let targets = arguments.float::<L>("targets");
            let extras = arguments.extras::<L, L>();
            self.check_parts(&mean, &spread, &targets, &extras)?;
            Ok(forward!(self, wanted, extras; forward_parts_with, forward_parts_unreduced; mean, spread, targets))
        })
    }
}
