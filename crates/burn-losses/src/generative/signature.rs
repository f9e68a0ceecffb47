//! The arguments of the losses of this family.

use super::{AnyGenerativeLoss, Generative};
use crate::signature::{Argument, Arguments, Called, EvalError, Family, Shape, Signature, Wanted, with_rank};

impl Family for AnyGenerativeLoss {
    fn signatures(&self) -> Vec<Signature> {
        let [first, second] = self.arguments();
        let shape = || if self.is_per_row() { Shape::First(1) } else { Shape::Same };
        let usual = vec![
            Argument::prediction(first, Shape::ANY),
            Argument::prediction(second, Shape::Same),
            Argument::weights(shape()),
            Argument::mask("mask", shape()),
        ];
        let usual = self.needs().is_none().then_some(usual);
        usual.into_iter().chain(self.other_signature()).collect()
    }

    fn call(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        let [first, second] = self.arguments();
        let is_usual = |name: &str| name == first || name == second || name == "weights" || name == "mask";
        if !arguments.has(first) || !arguments.names().all(is_usual) {
            return self.call_other(arguments, wanted);
        }
        with_rank!(arguments, |D| {
            let (first, second) = (arguments.float::<D>(first), arguments.float::<D>(second));
            let is_per_row = self.is_per_row();
            let extras = if is_per_row { arguments.extras::<1, 1>() } else { arguments.extras::<D, D>() };
            self.check(&first, &second, &extras)?;
            Ok(match wanted {
                Wanted::Loss if extras.is_empty() => self.forward(first, second).into(),
                Wanted::Loss => self.forward_with(first, second, extras).into(),
                Wanted::Values if is_per_row => {
                    self.forward_unreduced::<D, 1>(first, second, extras.mask_alone()).values.into()
                }
                Wanted::Values => self.forward_unreduced::<D, D>(first, second, extras.mask_alone()).values.into(),
            })
        })
    }
}
