//! The arguments of the losses of this family.

use super::{AnySequenceLoss, Lattice, SequenceLayout, SequenceLoss};
use crate::signature::{
    Argument, Arguments, Called, Classes, EvalError, Family, Shape, Signature, Wanted, forward, place, with_rank,
};
use burn::tensor::{Int, Tensor};

impl Family for AnySequenceLoss {
    fn signatures(&self) -> Vec<Signature> {
        let alignment = self.alignment();
        let axes = alignment.lattice.axes();
        let steps = usize::from(alignment.layout == SequenceLayout::Ntc);
        // With the steps first, the first axis is not that of the sequences.
        let per_row = || if steps == 1 { Shape::First(1) } else { Shape::Rows(1) };
        let of_rows = |name, shape, classes| Argument::labels(name, shape, classes, None);
        vec![vec![
            Argument::prediction(alignment.input.name(), Shape::Axes(axes, axes)),
            of_rows("labels", Shape::Rows(2), Classes::NotBlank(alignment.blank)),
            of_rows("input_lengths", per_row(), Classes::Length(steps)),
            of_rows("label_lengths", per_row(), Classes::LengthOfLabels),
            Argument::weights(per_row()),
            Argument::mask("mask", per_row()),
        ]]
    }

    fn call(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        let alignment = self.alignment();
        let labels = arguments.labels::<2>("labels");
        let [steps, count] = ["input_lengths", "label_lengths"].map(|name| arguments.labels::<1>(name));
        with_rank!(arguments, |D| {
            let predictions = arguments.float::<D>(alignment.input.name());
            let extras = arguments.extras::<1, 1>();
            self.check(&predictions, &labels, &steps, &count, &extras)?;
            if extras.clone().mask_alone().is_empty() {
                self.check_labels(predictions.dims()[D - 1], &labels, &count)?;
            }
            Ok(forward!(self, wanted, extras; predictions, labels, steps, count))
        })
    }
}

impl AnySequenceLoss {
    /// Checks the labels and how many there are, which a forward pass does not read back.
    fn check_labels(&self, classes: usize, labels: &Tensor<2, Int>, count: &Tensor<1, Int>) -> Result<(), EvalError> {
        let width = labels.dims()[1];
        let read = |data: burn::tensor::TensorData| data.iter::<i64>().collect::<Vec<_>>();
        let (labels, counts) = (read(labels.clone().into_data()), read(count.clone().into_data()));
        let loss = self.kind();
        if let Some(row) = counts.iter().position(|count| !(0..=width as i64).contains(count)) {
            let (name, length) = ("label_lengths".to_owned(), i128::from(counts[row]));
            return Err(EvalError::Length { loss, name, length, index: vec![row], most: width });
        }
        let blank = self.alignment().blank;
        let is_wrong = |(at, label): &(usize, &i64)| {
            let is_label = (0..classes as i64).contains(*label) && **label != blank as i64;
            (at % width.max(1)) < counts[at / width.max(1)] as usize && !is_label
        };
        let Some((at, label)) = labels.iter().enumerate().find(is_wrong) else { return Ok(()) };
        let (name, index) = ("labels".to_owned(), place(at, &[counts.len(), width]));
        Err(match *label == blank as i64 {
            true => EvalError::Blank { loss, name, blank, index },
            false => EvalError::NoClass { loss, name, label: i128::from(*label), index, classes, ignored: None },
        })
    }
}

impl Lattice {
    /// The number of axes of the predictions.
    pub(super) fn axes(self) -> usize {
        match self {
            Self::Ctc => 3,
            Self::Transducer => 4,
        }
    }
}
