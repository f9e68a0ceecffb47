//! Regression: drawn over the error.

use super::{Sample, batch_note};
use crate::error::PlotError;
use crate::panel::Curve;
use crate::probe::{Batch, Probe, even, numbers};

pub(super) fn sample(probe: &Probe) -> Result<Sample, PlotError> {
    let at = even(-6.0, 6.0, 241);
    let shape = [at.len()];
    let batch = Batch::default().floats("predictions", at.clone(), shape).floats("targets", vec![0.0; at.len()], shape);
    let evaluation = probe.evaluate(&batch)?;
    let dependent = probe.depends_on_batch(&batch, &evaluation)?;
    let (value, gradient) = (numbers(&evaluation.unreduced), numbers(&evaluation.gradients["predictions"]));
    Ok(Sample {
        map: None,
        x: "prediction \u{2212} target".into(),
        gradient: "gradient of the prediction".into(),
        curves: vec![Curve { name: String::new(), at, value, gradient }],
        notes: batch_note(dependent, "errors that are spread evenly over the axis"),
    })
}
