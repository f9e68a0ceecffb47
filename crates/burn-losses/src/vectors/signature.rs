//! The arguments that the losses of this family take.

use super::{AnyVectorsLoss, VectorsLoss};
use crate::signature::{Argument, Arguments, Called, EvalError, Family, Shape, Signature, Wanted, forward};

impl Family for AnyVectorsLoss {
    fn signatures(&self) -> Vec<Signature> {
        let first = Argument::prediction("first", Shape::MATRIX);
        let second = Argument::prediction("second", Shape::Same);
        let dissimilar = self.needs_dissimilar().then(|| Argument::target("dissimilar", Shape::First(1)));
        let extras = [Argument::weights(Shape::First(1)), Argument::mask("mask", Shape::First(1))];
        vec![[first, second].into_iter().chain(dissimilar).chain(extras).collect()]
    }

    fn call(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        let (first, second) = (arguments.float("first"), arguments.float("second"));
        let dissimilar = arguments.optional_float("dissimilar");
        let extras = arguments.extras::<1, 1>();
        let Some(dissimilar) = dissimilar else {
            self.check(&first, &second, &extras)?;
            return Ok(forward!(self, wanted, extras; first, second));
        };
        self.check_pairs(&first, &second, &dissimilar, &extras)?;
        Ok(match wanted {
            Wanted::Values => {
                self.forward_pairs_unreduced(first, second, dissimilar, extras.mask_alone()).values.into()
            }
            Wanted::Loss if extras.is_empty() => self.forward_pairs(first, second, dissimilar).into(),
            Wanted::Loss => self.forward_pairs_with(first, second, dissimilar, extras).into(),
        })
    }
}
