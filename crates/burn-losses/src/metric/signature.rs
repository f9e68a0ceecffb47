//! The arguments that the losses of this family take.

use super::{AnyMetricLoss, MetricLoss};
use crate::signature::{Argument, Arguments, Called, Classes, EvalError, Family, Shape, Signature, Wanted, forward};

impl Family for AnyMetricLoss {
    fn signatures(&self) -> Vec<Signature> {
        let of_classes = self.class_vectors();
        let classes = of_classes.as_ref().map_or(Classes::Any, |(_, vectors)| Classes::Number(vectors.dims()[0]));
        let mut batch = vec![
            Argument::prediction("embeddings", Shape::MATRIX),
            Argument::labels("labels", Shape::First(1), classes, None),
            Argument::weights(Shape::First(1)),
            Argument::mask("mask", Shape::First(1)),
        ];
        batch.extend(of_classes.map(|(argument, _)| argument));
        [batch].into_iter().chain(self.tuples()).collect()
    }

    fn call(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        if !arguments.has("embeddings") {
            return self.call_tuples(arguments, wanted);
        }
        let mut loss = self.clone();
        if let Some((argument, _)) = self.class_vectors()
            && let Some(vectors) = arguments.optional_float(argument.name)
        {
            loss = loss.with_class_vectors(vectors);
        }
        let (embeddings, labels) = (arguments.float("embeddings"), arguments.labels("labels"));
        let extras = arguments.extras::<1, 1>();
        loss.check(&embeddings, &labels, &extras)?;
        Ok(forward!(loss, wanted, extras; embeddings, labels))
    }
}
