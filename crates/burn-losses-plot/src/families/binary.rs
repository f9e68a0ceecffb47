//! Binary losses: drawn over the logit or the probability, with a curve for each target.

use super::{Sample, batch_note, derivative};
use crate::error::PlotError;
use crate::panel::Curve;
use crate::probe::{Batch, DENSE, Probe, even, numbers};
use burn_losses::eval::Evaluation;
use std::iter::repeat_n;

const POINTS: usize = 241;
/// The number of negatives per positive. Losses that depend on the balance of the batch show the imbalance.
const NEGATIVES: usize = 9;

pub(super) fn sample(probe: &Probe) -> Result<Sample, PlotError> {
    let input = probe.loss()?.input();
    let (low, high) = if input == "logits" { (-6.0, 6.0) } else { (0.005, 0.995) };
    let at = even(low, high, POINTS);
    // With several rows for each point of a curve.
    let rows_of = |dense: usize| even(low, high, (POINTS - 1) * dense + 1);
    // The batch has as many columns as the config has numbers for; the first one is drawn.
    let columns = probe.listed().unwrap_or(1);
    let batch = |dense: usize, targets: &[f64]| {
        let repeat = |numbers: &[f64]| numbers.iter().flat_map(|&x| repeat_n(x, columns)).collect();
        let rows = rows_of(dense);
        let goals: Vec<f64> = targets.iter().flat_map(|&target| repeat_n(target, rows.len())).collect();
        let rows = rows.repeat(targets.len());
        let shape = [rows.len(), columns];
        Batch::default().floats(input, repeat(&rows), shape).floats("targets", repeat(&goals), shape)
    };
    let mut hard = vec![1.0];
    hard.resize(1 + NEGATIVES, 0.0);
    let first = batch(1, &hard);
    let evaluation = probe.evaluate(&first)?;
    let dependent = probe.depends_on_batch(&first, &evaluation)?;
    let (dense, evaluation) = if dependent { (DENSE, probe.evaluate(&batch(DENSE, &hard))?) } else { (1, evaluation) };
    let column = |numbers: Vec<f64>, block: usize| -> Vec<f64> {
        numbers.into_iter().step_by(columns).skip(block * rows_of(dense).len()).step_by(dense).take(POINTS).collect()
    };
    let curve = |target: f64, evaluation: &Evaluation, block: usize| Curve {
        name: format!("target {target}"),
        at: at.clone(),
        value: column(numbers(&evaluation.unreduced), block),
        gradient: column(numbers(&evaluation.gradients[input]), block),
    };
    let mut curves = vec![curve(1.0, &evaluation, 0), curve(0.0, &evaluation, 1)];
    if !dependent {
        // A loss of hard targets has no gradient at a target between them, and so no curve for it.
        let soft = curve(0.5, &probe.evaluate(&batch(1, &[0.5]))?, 0);
        curves.extend(soft.gradient.iter().any(|g| *g != 0.0).then_some(soft));
    }
    let mut notes = batch_note(dependent, "nine negatives for each positive, all spread evenly over the axis");
    notes.extend((columns > 1).then(|| "the first class".to_owned()));
    let x = input.trim_end_matches('s').replace("probabilitie", "probability");
    Ok(Sample { map: None, gradient: derivative(&x), x, curves, unit: Some(1.0), notes })
}
