//! Likelihoods: drawn over the target, for a few spreads of a distribution around 0.

use super::{Sample, derivative};
use crate::error::PlotError;
use crate::panel::Curve;
use crate::probe::{Batch, Probe, even, numbers};
use burn_losses::extend::Likelihood;
use burn_losses::likelihood::AnyLikelihoodLoss;

/// The second parameters of a mean and a spread: a variance of each of them is one, and so are their exponentials.
const SPREADS: [f64; 3] = [0.25, 1.0, 3.0];
/// How far the least and the largest of several levels are from 0.
const REACH: f64 = 2.0;

pub(super) fn sample(probe: &Probe, loss: &AnyLikelihoodLoss) -> Result<Sample, PlotError> {
    let at = even(-6.0, 6.0, 241);
    let width = loss.parameters();
    let rows = match loss.has_parts() {
        true => SPREADS.map(|spread| (format!("spread {spread}"), vec![0.0, spread])).to_vec(),
        false if width == 1 => vec![(String::new(), vec![0.0])],
        false => vec![(String::new(), even(-REACH, REACH, width))],
    };
    let mut curves = Vec::new();
    for (name, parameters) in rows {
        let batch = Batch::default().floats("parameters", parameters.repeat(at.len()), [at.len(), width]).floats(
            "targets",
            at.clone(),
            [at.len()],
        );
        let evaluation = probe.evaluate(&batch)?;
        let gradient = numbers(&evaluation.gradients["parameters"]).into_iter().step_by(width).collect();
        curves.push(Curve { name, at: at.clone(), value: numbers(&evaluation.unreduced), gradient });
    }
    let note = match loss.has_parts() {
        true => "the mean is 0".to_owned(),
        false => format!("{width} predictions, spread evenly from -{REACH} to {REACH}"),
    };
    Ok(Sample {
        map: None,
        x: "target".into(),
        gradient: derivative("first parameter"),
        curves,
        unit: None,
        notes: vec![note],
    })
}
