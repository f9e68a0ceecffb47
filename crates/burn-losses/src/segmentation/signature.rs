//! The arguments of the losses of this family.

use super::{AnySegmentationLoss, Masks, SegmentationLoss};
use crate::check::Reference;
use crate::engine::rows::without_class_axis;
use crate::signature::{
    Argument, Arguments, Called, Classes, EvalError, Family, Shape, Signature, Wanted, forward, with_rank,
};

impl Family for AnySegmentationLoss {
    fn signatures(&self) -> Vec<Signature> {
        let first = || Argument::prediction(self.input(), Shape::ClassAxis);
        let (masks, valid) = (Argument::target("masks", Shape::Same), Argument::mask("valid", Shape::Same));
        let ignored = self.regions().ignore_index;
        let labels = Argument::labels("labels", Shape::WithoutClassAxis, Classes::OfAxis, ignored);
        let extras = || [Argument::weights(Shape::First(2)), Argument::mask("mask", Shape::Same)];
        let with_extras = |arguments: Vec<Argument>| arguments.into_iter().chain(extras()).collect();
        vec![with_extras(vec![first(), masks, valid]), with_extras(vec![first(), labels])]
    }

    fn call(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        with_rank!(arguments, |D, L| {
            let logits = arguments.float::<D>(self.input());
            let masks = if arguments.has("labels") {
                let first = Reference { loss: self.kind(), name: self.input(), tensor: &logits };
                let labels = arguments.labels::<L>("labels");
                first.labels(&labels, without_class_axis(logits.dims()))?;
                self.masks_of(labels, &logits)
            } else {
                Masks { masks: arguments.float("masks"), valid: arguments.optional_mask("valid") }
            };
            let extras = arguments.extras::<2, D>();
            self.check(&logits, &masks, &extras)?;
            Ok(forward!(self, wanted, extras; logits, masks))
        })
    }
}
