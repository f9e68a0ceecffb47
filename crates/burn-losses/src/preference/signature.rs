//! The arguments of the losses of this family.

use super::{AnyPreferenceLoss, Compared, PreferenceLoss, Preferences};
use crate::signature::{Argument, Arguments, Called, EvalError, Family, Shape, Signature, Wanted, forward};
use burn::tensor::Tensor;

impl Family for AnyPreferenceLoss {
    fn signatures(&self) -> Vec<Signature> {
        let pairs = [Argument::prediction("chosen", Shape::Axes(1, 1)), Argument::prediction("rejected", Shape::Same)];
        let mut arguments = match self.compared() {
            Compared::Single => vec![Argument::prediction("policy", Shape::Axes(1, 1))],
            _ => pairs.to_vec(),
        };
        arguments.extend(match self.compared() {
            Compared::Pairs => Vec::new(),
            Compared::PairsWithReference => {
                ["reference_chosen", "reference_rejected"].map(|name| Argument::target(name, Shape::Same)).to_vec()
            }
            Compared::PairsWithMargin => vec![Argument::target("margin", Shape::Same).optional()],
            Compared::Single => vec![
                Argument::target("reference", Shape::Same),
                Argument::mask("desirable", Shape::Same).required(),
                Argument::target("mismatched", Shape::Axes(1, 1)).optional(),
            ],
        });
        arguments.extend([Argument::weights(Shape::First(1)), Argument::mask("mask", Shape::First(1))]);
        vec![arguments]
    }

    fn call(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        let preferences = match self.compared() {
            Compared::Single => {
                let (policy, reference) = (arguments.float("policy"), arguments.float("reference"));
                let desirable = arguments.optional_mask("desirable").expect("it is required");
                let single = Preferences::single(policy, reference, desirable);
                match arguments.optional_float("mismatched") {
                    None => single,
                    Some(mismatched) => single.with_mismatched(mismatched),
                }
            }
            compared => {
                let [chosen, rejected]: [Tensor<1>; 2] = ["chosen", "rejected"].map(|name| arguments.float(name));
                let pairs = Preferences::pairs(chosen, rejected);
                match compared {
                    Compared::PairsWithReference => {
                        let [chosen, rejected] =
                            ["reference_chosen", "reference_rejected"].map(|name| arguments.float(name));
                        pairs.with_reference(chosen, rejected)
                    }
                    _ => match arguments.optional_float("margin") {
                        None => pairs,
                        Some(margin) => pairs.with_margin(margin),
                    },
                }
            }
        };
        let extras = arguments.extras::<1, 1>();
        self.check(&preferences, &extras)?;
        Ok(forward!(self, wanted, extras; preferences))
    }
}
