//! The arguments of the losses of this family.

use super::{AnyRankingLoss, RankingLoss, Relevance};
use crate::signature::{Argument, Arguments, Called, EvalError, Family, Shape, Signature, Wanted, forward};

impl Family for AnyRankingLoss {
    fn signatures(&self) -> Vec<Signature> {
        let lists = vec![
            Argument::prediction("scores", Shape::MATRIX),
            Argument::target("relevance", Shape::Same),
            Argument::mask("valid", Shape::Same),
            Argument::weights(Shape::First(1)),
            Argument::mask("mask", Shape::First(1)),
        ];
        [lists].into_iter().chain(self.pairs()).collect()
    }

    fn call(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        if !arguments.has("scores") {
            return self.call_pairs(arguments, wanted);
        }
        let scores = arguments.float("scores");
        let relevance = Relevance { relevance: arguments.float("relevance"), valid: arguments.optional_mask("valid") };
        let extras = arguments.extras::<1, 1>();
        self.check(&scores, &relevance, &extras)?;
        Ok(forward!(self, wanted, extras; scores, relevance))
    }
}
