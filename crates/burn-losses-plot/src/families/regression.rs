//! Regression: drawn over the error, for targets of which the value depends on more than the error.

use super::{Sample, batch_note, derivative};
use crate::error::PlotError;
use crate::panel::Curve;
use crate::probe::{Batch, DENSE, Probe, even, numbers};
use burn::tensor::TensorData;
use burn_losses::eval::Evaluation;

const POINTS: usize = 241;

pub(super) fn sample(probe: &Probe) -> Result<Sample, PlotError> {
    let at = even(-6.0, 6.0, POINTS);
    // With several rows for each point of a curve.
    let batch = |dense: usize, target: f64| {
        let errors = even(-6.0, 6.0, (POINTS - 1) * dense + 1);
        let (shape, targets) = ([errors.len()], vec![target; errors.len()]);
        let predictions = errors.iter().map(|error| target + error).collect();
        Batch::default().floats("predictions", predictions, shape).floats("targets", targets, shape)
    };
    let first = batch(1, 0.0);
    let evaluation = probe.evaluate(&first)?;
    let dependent = probe.depends_on_batch(&first, &evaluation)?;
    let (dense, evaluation) = if dependent { (DENSE, probe.evaluate(&batch(DENSE, 0.0))?) } else { (1, evaluation) };
    let points = |of: &TensorData| numbers(of).into_iter().step_by(dense).collect();
    let curve = |name: String, evaluation: &Evaluation| Curve {
        name,
        at: at.clone(),
        value: points(&evaluation.unreduced),
        gradient: points(&evaluation.gradients["predictions"]),
    };
    let mut curves = vec![curve(String::new(), &evaluation)];
    if !dependent {
        let of_targets =
            [0.5, 1.0].map(|target| Ok(curve(format!("target {target}"), &probe.evaluate(&batch(1, target))?)));
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
