//! Ranking: a list of a relevant item and others, drawn over the score of the relevant one.

use super::{Sample, derivative};
use crate::error::PlotError;
use crate::panel::Curve;
use crate::probe::{Batch, Probe, even, numbers};

/// The scores of the other items, and the relevance of all.
const OTHERS: [f64; 3] = [-1.0, 0.0, 1.0];
const RELEVANCE: [f64; 4] = [2.0, 0.0, 1.0, 0.0];

pub(super) fn sample(probe: &Probe) -> Result<Sample, PlotError> {
    let at = even(-4.0, 4.0, 321);
    let shape = [at.len(), 1 + OTHERS.len()];
    let scores: Vec<f64> = at.iter().flat_map(|score| std::iter::once(*score).chain(OTHERS)).collect();
    let batch = Batch::default().floats("scores", scores, shape).floats("relevance", RELEVANCE.repeat(at.len()), shape);
    let evaluation = probe.evaluate(&batch)?;
    let gradient = numbers(&evaluation.gradients["scores"]).into_iter().step_by(shape[1]).collect();
    let curve = Curve { name: String::new(), at, value: numbers(&evaluation.unreduced), gradient };
    Ok(Sample {
        map: None,
        x: "score of the most relevant item".into(),
        gradient: derivative("score"),
        curves: vec![curve],
        unit: Some(1.0),
        notes: vec!["the others have the scores -1, 0 and 1, and the relevance 0, 1 and 0".into()],
    })
}
