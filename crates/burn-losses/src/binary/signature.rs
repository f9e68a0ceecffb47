//! What the losses of this family take.

use super::{AnyBinaryLoss, BinaryLoss};
use crate::signature::{Argument, Arguments, Called, EvalError, Family, Shape, Signature, Wanted, forward, with_rank};

impl Family for AnyBinaryLoss {
    fn signatures(&self) -> Vec<Signature> {
        let first = Argument::prediction(self.input(), Shape::ANY);
        vec![vec![first, Argument::target("targets", Shape::Same), Argument::weights(Shape::Same)]]
    }

    fn call(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        with_rank!(arguments, |D| {
            let first = arguments.float::<D>(self.input());
            let targets = arguments.float("targets");
            let weights = arguments.optional_float("weights");
            self.check(&first, &targets, weights.as_ref())?;
            Ok(forward!(self, wanted, weights; first, targets))
        })
    }
}
