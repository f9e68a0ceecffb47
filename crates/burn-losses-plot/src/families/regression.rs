//! Regression: drawn over the error, for targets of which the value depends on more than the error.

use super::{Sample, batch_note, derivative};
use crate::error::PlotError;
use crate::panel::Curve;
use crate::probe::{Batch, Probe, even, numbers};
use burn_losses::eval::Evaluation;

pub(super) fn sample(probe: &Probe) -> Result<Sample, PlotError> {
    let at = even(-6.0, 6.0, 241);
    let shape = [at.len()];
    let batch = |target: f64| {
        let predictions = at.iter().map(|error| target + error).collect();
        Batch::default().floats("predictions", predictions, shape).floats("targets", vec![target; at.len()], shape)
    };
    let evaluation = probe.evaluate(&batch(0.0))?;
    let dependent = probe.depends_on_batch(&batch(0.0), &evaluation)?;
    let curve = |name: String, evaluation: &Evaluation| Curve {
        name,
        at: at.clone(),
        value: numbers(&evaluation.unreduced),
        gradient: numbers(&evaluation.gradients["predictions"]),
    };
    let mut curves = vec![curve(String::new(), &evaluation)];
    if !dependent {
        let of_targets =
            [0.5, 1.0].map(|target| Ok(curve(format!("target {target}"), &probe.evaluate(&batch(target))?)));
        let of_targets = of_targets.into_iter().collect::<Result<Vec<_>, PlotError>>()?;
        let is_alike = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-6 * (1.0 + a.abs());
        if !of_targets.iter().all(|curve| curve.value.iter().zip(&curves[0].value).all(is_alike)) {
            curves = of_targets;
        }
    }
    Ok(Sample {
        map: None,
        x: "prediction \u{2212} target".into(),
        gradient: derivative("prediction"),
        curves,
        unit: Some(1.0),
        notes: batch_note(dependent, "errors that are spread evenly over the axis"),
    })
}
