//! Preferences: drawn over what the model says about the chosen answer, where everything else is said to be the same.

use super::{Sample, derivative};
use crate::error::PlotError;
use crate::panel::Curve;
use crate::probe::{Batch, Probe, even, numbers};
use burn_losses::preference::{AnyPreferenceLoss, Compared, PreferenceLoss};

/// What is said about all other answers: a log-probability.
const OTHER: f64 = -10.0;

pub(super) fn sample(probe: &Probe, loss: &AnyPreferenceLoss) -> Result<Sample, PlotError> {
    let at = even(-10.0, 9.9, 200);
    let shape = [at.len()];
    let first: Vec<f64> = at.iter().map(|offset| OTHER + offset).collect();
    let other = || vec![OTHER; at.len()];
    let curve = |name: &str, batch: &Batch, first: &str| -> Result<Curve, PlotError> {
        let evaluation = probe.evaluate(batch)?;
        let (value, gradient) = (numbers(&evaluation.unreduced), numbers(&evaluation.gradients[first]));
        Ok(Curve { name: name.into(), at: at.clone(), value, gradient })
    };
    let (x, curves) = if loss.compared() == Compared::Single {
        let rated = |truth: i64| {
            let batch = Batch::default().floats("policy", first.clone(), shape).floats("reference", other(), shape);
            batch.integers("desirable", vec![truth; shape[0]], shape)
        };
        let curves = vec![curve("desirable", &rated(1), "policy")?, curve("undesirable", &rated(0), "policy")?];
        ("log-ratio of the answer", curves)
    } else {
        let mut batch = Batch::default().floats("chosen", first.clone(), shape).floats("rejected", other(), shape);
        if loss.compared() == Compared::PairsWithReference {
            batch = batch.floats("reference_chosen", other(), shape).floats("reference_rejected", other(), shape);
        }
        ("chosen minus rejected", vec![curve("", &batch, "chosen")?])
    };
    Ok(Sample {
        map: None,
        x: x.into(),
        gradient: derivative("first log-probability"),
        curves,
        unit: Some(1.0),
        notes: vec!["all others are -10".into()],
    })
}
