//! Distributions of two classes: drawn over the probability of the first class, for a few targets.

use super::{Sample, batch_note, derivative};
use crate::error::PlotError;
use crate::panel::Curve;
use crate::probe::{Batch, Probe, even, numbers};
use burn_losses::distribution::AnyDistributionLoss;
use burn_losses::extend::Distributions;

pub(super) fn sample(probe: &Probe, loss: &AnyDistributionLoss) -> Result<Sample, PlotError> {
    let at = even(0.005, 0.995, 199);
    let logits: Vec<f64> = at.iter().flat_map(|p| [(p / (1.0 - p)).ln(), 0.0]).collect();
    let logarithms = probe.field("target").is_some_and(|form| form == "log_probabilities");
    let (mut curves, mut dependent) = (Vec::new(), false);
    for target in [0.1, 0.5, 0.9] {
        let row = [target, 1.0 - target].map(|q: f64| if logarithms { q.ln() } else { q });
        let mut batch = Batch::default().floats("logits", logits.clone(), [at.len(), 2]);
        batch = batch.floats("targets", row.repeat(at.len()), [at.len(), 2]);
        if loss.needs_labels() {
            batch = batch.integers("labels", vec![0; at.len()], [at.len()]);
        }
        let evaluation = probe.evaluate(&batch)?;
        dependent |= probe.depends_on_batch(&batch, &evaluation)?;
        curves.push(Curve {
            name: format!("target {target}"),
            at: at.clone(),
            value: numbers(&evaluation.unreduced),
            gradient: numbers(&evaluation.gradients["logits"]).into_iter().step_by(2).collect(),
        });
    }
    let mut notes = vec!["two classes".to_owned()];
    notes.extend(loss.needs_labels().then(|| "the label is the first".to_owned()));
    notes.extend(batch_note(dependent, "rows that are spread evenly over the axis"));
    Ok(Sample {
        map: None,
        x: "probability of the first class".into(),
        gradient: derivative("first logit"),
        curves,
        unit: None,
        notes,
    })
}
