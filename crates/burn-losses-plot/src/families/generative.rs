//! Generative models: drawn over each argument by itself, with the other one at 0.

use super::{Sample, derivative};
use crate::error::PlotError;
use crate::panel::Curve;
use crate::probe::{Batch, Probe, even, numbers};
use burn_losses::extend::Generative;
use burn_losses::generative::AnyGenerativeLoss;

pub(super) fn sample(probe: &Probe, loss: &AnyGenerativeLoss) -> Result<Sample, PlotError> {
    let at = even(-3.0, 3.0, 121);
    let shape = [at.len(), 1];
    let zeros = || vec![0.0; at.len()];
    let given = loss.needs().is_some();
    let names = loss.arguments();
    let curve = |batch: Batch, of: &str, name: String| -> Result<Curve, PlotError> {
        let evaluation = probe.evaluate(&batch)?;
        let (value, gradient) = (numbers(&evaluation.unreduced), numbers(&evaluation.gradients[of]));
        Ok(Curve { name, at: at.clone(), value, gradient })
    };
    let mut curves = Vec::new();
    for (name, other) in [(names[0], names[1]), (names[1], names[0])] {
        let mut batch = Batch::default().floats(name, at.clone(), shape).floats(other, zeros(), shape);
        for other in ["other_mean", "other_log_variance"].into_iter().filter(|_| given) {
            batch = batch.floats(other, zeros(), shape);
        }
        curves.push(curve(batch, name, name.replace('_', " "))?);
    }
    if names[1] == "fake" {
        let batch = Batch::default().floats("fake", at.clone(), shape);
        curves.push(curve(batch, "fake", "fake, for the generator".into())?);
    }
    let x = names.map(|name| name.replace('_', " ")).join(", or ");
    Ok(Sample {
        map: None,
        gradient: derivative(&x),
        x,
        curves,
        unit: Some(1.0),
        notes: vec!["the other argument is 0".into()],
    })
}
