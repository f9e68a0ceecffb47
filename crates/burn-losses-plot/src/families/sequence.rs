//! Sequences of two classes, a blank and a label: drawn over the logit of the label, which is the same at every step.

use super::{Sample, derivative};
use crate::error::PlotError;
use crate::panel::Curve;
use crate::probe::{Batch, Probe, even, numbers};
use burn_losses::sequence::{AnySequenceLoss, Lattice, SequenceLoss};

pub(super) fn sample(probe: &Probe, loss: &AnySequenceLoss) -> Result<Sample, PlotError> {
    let at = even(-6.0, 6.0, 121);
    let alignment = loss.alignment();
    let label = usize::from(alignment.blank == 0);
    let classes = alignment.blank.max(1) + 1;
    let input = alignment.input.name();
    let probe = Probe::new(probe.config())?.with("layout", "ntc")?;
    let mut curves = Vec::new();
    for steps in [1, 3, 10] {
        let rows = if alignment.lattice == Lattice::Ctc { steps } else { 2 * steps };
        let logits = at.iter().flat_map(|x| {
            let mut row = vec![0.0; classes];
            row[label] = *x;
            row.repeat(rows)
        });
        let logits = logits.collect();
        let count = at.len();
        let batch = match alignment.lattice {
            Lattice::Ctc => Batch::default().floats(input, logits, [count, steps, classes]),
            Lattice::Transducer => Batch::default().floats(input, logits, [count, steps, 2, classes]),
        };
        let lengths = |length: usize| vec![length as i64; count];
        let batch = batch.integers("labels", vec![label as i64; count], [count, 1]);
        let batch = batch.integers("input_lengths", lengths(steps), [count]);
        let evaluation = probe.evaluate(&batch.integers("label_lengths", lengths(1), [count]))?;
        let of_label = numbers(&evaluation.gradients[input]).into_iter().skip(label).step_by(classes);
        let of_label: Vec<f64> = of_label.collect();
        curves.push(Curve {
            name: format!("{steps} step{}", if steps == 1 { "" } else { "s" }),
            at: at.clone(),
            value: numbers(&evaluation.unreduced),
            gradient: of_label.chunks(rows).map(|slopes| slopes.iter().sum()).collect(),
        });
    }
    Ok(Sample {
        map: None,
        x: "logit of the label, at every step".into(),
        gradient: derivative("logit") + ", summed over the steps",
        curves,
        unit: Some(1.0),
        notes: vec!["one label; the other logits are 0".to_owned()],
    })
}
