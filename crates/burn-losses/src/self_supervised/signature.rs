//! The arguments that the losses of this family take.

use super::AnySelfSupervisedLoss;
use crate::signature::{Argument, Arguments, Called, EvalError, Family, Shape, Signature, Wanted, forward};

impl Family for AnySelfSupervisedLoss {
    fn signatures(&self) -> Vec<Signature> {
        let views = [Argument::prediction("first", Shape::MATRIX), Argument::prediction("second", Shape::Same)];
        let extras = [Argument::weights(Shape::First(1)), Argument::mask("mask", Shape::First(1))];
        vec![views.into_iter().chain(extras).collect()]
    }

    fn call(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        let (first, second) = (arguments.float("first"), arguments.float("second"));
        let extras = arguments.extras::<1, 1>();
        self.check(&first, &second, &extras)?;
        Ok(forward!(self, wanted, extras; first, second))
    }
}
