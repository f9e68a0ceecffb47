//! The arguments that the losses of this family take.

use super::{AnyHeadLoss, HeadLoss};
use crate::signature::{Argument, Arguments, Called, Classes, EvalError, Family, Shape, Signature, Wanted, forward};

impl Family for AnyHeadLoss {
    fn signatures(&self) -> Vec<Signature> {
        let classes = Classes::Number(self.num_classes());
        let mut usual = vec![
            Argument::prediction("embeddings", Shape::MATRIX),
            Argument::labels("labels", Shape::First(1), classes, self.ignore_index()),
            Argument::weights(Shape::First(1)),
            Argument::mask("mask", Shape::First(1)),
            Argument::parameter("weight", &self.weight().dims()),
        ];
        usual.extend(self.bias().map(|bias| Argument::parameter("bias", &bias.dims())));
        usual.extend(self.more_parameters());
        let samples = self.samples();
        if samples.is_empty() { vec![usual] } else { vec![usual.clone(), [usual, samples].concat()] }
    }

    fn call(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        let mut head = self.clone();
        if let Some(weight) = arguments.optional_float("weight") {
            head = head.with_weight(weight);
        }
        if let Some(bias) = arguments.optional_float("bias") {
            head = head.with_bias(bias);
        }
        head = head.with_more_parameters(arguments);
        let (embeddings, labels) = (arguments.float("embeddings"), arguments.labels("labels"));
        let extras = arguments.extras::<1, 1>();
        head.check(&embeddings, &labels, &extras)?;
        if !arguments.has("sampled") {
            return Ok(forward!(head, wanted, extras; embeddings, labels));
        }
        head.call_samples(embeddings, labels, extras, (arguments, wanted))
    }
}
