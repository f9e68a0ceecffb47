//! The arguments of the losses of this family.

use super::AnyBoxesLoss;
use crate::signature::{Argument, Arguments, Called, EvalError, Family, Shape, Signature, Wanted, forward};

impl Family for AnyBoxesLoss {
    fn signatures(&self) -> Vec<Signature> {
        vec![vec![
            Argument::prediction("predictions", Shape::MATRIX),
            Argument::target("targets", Shape::MATRIX),
            Argument::weights(Shape::First(1)),
            Argument::mask("mask", Shape::First(1)),
        ]]
    }

    fn call(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        let (predictions, targets) = (arguments.float("predictions"), arguments.float("targets"));
        let extras = arguments.extras::<1, 1>();
        self.check(&predictions, &targets, &extras)?;
        Ok(forward!(self, wanted, extras; predictions, targets))
    }
}
