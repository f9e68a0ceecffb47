//! The arguments of the losses of this family.

use super::AnyRegressionLoss;
use crate::options::SecondOrderConfig;
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

    fn call_second_order(
        &self,
        arguments: &mut Arguments<'_>,
        options: &SecondOrderConfig,
    ) -> Option<Result<[Called; 3], EvalError>> {
        Some(with_rank!(arguments, |D| {
            let first = arguments.float::<D>("predictions");
            let targets = arguments.float("targets");
            let extras = arguments.extras::<D, D>();
            self.check_second_order(&first, &targets, options, &extras).map_err(EvalError::from).map(|()| {
                let all = self.forward_second_order_with(first, targets, options, extras);
                [all.values, all.gradient, all.curvature].map(Called::from)
            })
        }))
    }
}
