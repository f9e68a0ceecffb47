//! The arguments of the losses of this family.

use super::{AnyImageLoss, Images};
use crate::signature::{Argument, Arguments, Called, EvalError, Family, Shape, Signature, Wanted, forward, with_rank};

impl Family for AnyImageLoss {
    fn signatures(&self) -> Vec<Signature> {
        let targets = Argument::target("targets", Shape::Same);
        let targets = if self.needs_targets() { targets } else { targets.optional() };
        vec![vec![
            Argument::prediction("predictions", Shape::Pictures(self.least_side())),
            targets,
            Argument::weights(Shape::First(1)),
            Argument::mask("mask", Shape::First(1)),
        ]]
    }

    fn call(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        with_rank!(arguments, |D| {
            let predictions = arguments.float::<D>("predictions");
            let targets = arguments.optional_float("targets").unwrap_or_else(|| predictions.zeros_like());
            let extras = arguments.extras::<1, 1>();
            self.check(&predictions, &targets, &extras)?;
            Ok(forward!(self, wanted, extras; predictions, targets))
        })
    }
}
