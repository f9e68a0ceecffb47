//! The arguments of the losses of this family.

use super::AnyRegressionLoss;
use crate::signature::{Argument, Arguments, Called, EvalError, Family, Shape, Signature, Wanted, forward, with_rank};

impl Family for AnyRegressionLoss {
    fn signatures(&self) -> Vec<Signature> {
        let first = Argument::prediction("predictions", Shape::ANY);
        let targets = Argument::target("targets", Shape::Same);
        vec![vec![first, targets, Argument::weights(Shape::Same), Argument::mask("mask", Shape::Same)]]
    }

    fn call(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        with_rank!(arguments, |D| {
            let first = arguments.float::<D>("predictions");
            let targets = arguments.float("targets");
            let extras = arguments.extras::<D, D>();
            self.check(&first, &targets, &extras)?;
            Ok(forward!(self, wanted, extras; first, targets))
        })
    }
}
