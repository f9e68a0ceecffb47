//! Classification: drawn over the label's logit, with the others at 0.

use super::{Sample, batch_note, derivative};
use crate::error::PlotError;
use crate::panel::Curve;
use crate::probe::{Batch, Probe, even, numbers};

pub(super) fn sample(probe: &Probe) -> Result<Sample, PlotError> {
    let input = probe.loss()?.input();
    let classes = probe.listed().unwrap_or(10).max(2);
    // With log-probabilities, the other classes share equally the probability that the label leaves.
    let (x, other, at): (_, fn(f64, usize) -> f64, _) = match input {
        "logits" => ("logit of the label", |_, _| 0.0, even(-6.0, 6.0, 241)),
        _ => (
            "log-probability of the label",
            |x, classes| (-x.exp_m1()).ln() - ((classes - 1) as f64).ln(),
            even(-6.0, -0.01, 241),
        ),
    };
    let row = |&x: &f64| [vec![x], vec![other(x, classes); classes - 1]].concat();
    let rows: Vec<f64> = at.iter().flat_map(row).collect();
    let batch =
        Batch::default().floats(input, rows, [at.len(), classes]).integers("labels", vec![0; at.len()], [at.len()]);
    let evaluation = probe.evaluate(&batch)?;
    let dependent = probe.depends_on_batch(&batch, &evaluation)?;
    let gradient = numbers(&evaluation.gradients[input]).into_iter().step_by(classes).collect();
    let mut notes = vec![match input {
        "logits" => format!("{classes} classes, the other logits being 0"),
        _ => format!("{classes} classes, the others being equally probable"),
    }];
    notes.extend(batch_note(dependent, "rows that are spread evenly over the axis"));
    Ok(Sample {
        map: None,
        x: x.into(),
        gradient: derivative(x),
        curves: vec![Curve { name: String::new(), at, value: numbers(&evaluation.unreduced), gradient }],
        unit: Some(1.0),
        notes,
    })
}
