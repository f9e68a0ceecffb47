//! Heads: drawn over the angle between the embedding and its class, or over the target's logit if angles do not matter.

use super::{Sample, batch_note, derivative};
use crate::error::PlotError;
use crate::panel::Curve;
use crate::probe::{Batch, PARAMETER, Probe, even, numbers};
use burn_losses::extend::{Head, Scaling};
use burn_losses::heads::{AnyHeadLoss, HeadLoss};
use serde_json::Value;

/// The size of the embedding, which turns in one plane; all other classes are orthogonal to that plane.
const SIZE: usize = 3;
/// The number of classes; more would only take memory.
const CLASSES: u64 = 1000;
/// The lengths of the embeddings.
const LENGTHS: [f64; 3] = [5.0, 10.0, 40.0];

/// The head without what would only take memory or time: a large weight, a margin that grows over the steps, or averages that
/// come near those of the batch after many of them.
pub(super) fn small(probe: Probe) -> Result<Probe, PlotError> {
    let mut probe = probe.with("embedding_dim", SIZE)?.with("momentum", 1.0)?;
    if probe.listed().is_none() && probe.field("num_classes").and_then(Value::as_u64) > Some(CLASSES) {
        probe = probe.with("num_classes", CLASSES)?;
    }
    if let Some(Value::Object(mut schedule)) = probe.field("lambda").cloned() {
        let last = schedule.get("minimum").cloned().unwrap_or_default();
        schedule.insert("base".into(), last);
        probe = probe.with("lambda", schedule)?;
    }
    Ok(probe)
}

pub(super) fn sample(probe: &Probe, head: &AnyHeadLoss) -> Result<Sample, PlotError> {
    let is_product = head.scaling() == Scaling::NONE && !head.has_margin();
    let (curves, dependent) = match is_product {
        true => logits(probe, head)?,
        false => angles(probe, head)?,
    };
    let classes = head.num_classes();
    let mut notes = vec![match (head.draws_per_row(), probe.field("num_sampled")) {
        (Some(drawn), _) => format!("{drawn} drawn classes, their logits being 0"),
        (None, Some(drawn)) => format!("{drawn} draws among {classes} classes, the other logits being 0"),
        (None, None) => format!("{classes} classes, the other logits being 0"),
    }];
    notes.extend(probe.field("lambda").map(|_| "at the end of the schedule of lambda".to_owned()));
    notes.extend(batch_note(dependent, "rows that are spread evenly over the axis"));
    let (x, gradient, unit) = match is_product {
        true => ("logit of the label", derivative("logit of the label"), Some(1.0)),
        false => ("angle between embedding and class, in degrees", derivative("angle") + ", per radian", super::DEGREE),
    };
    Ok(Sample { map: None, x: x.into(), gradient, curves, unit, notes })
}

fn logits(probe: &Probe, head: &AnyHeadLoss) -> Result<(Vec<Curve>, bool), PlotError> {
    let at = even(-8.0, 8.0, 241);
    let (value, slopes, dependent) = evaluate(probe, head, at.iter().flat_map(|&x| [x, 0.0, 0.0]).collect())?;
    let gradient = slopes.iter().map(|slope| slope[0]).collect();
    Ok((vec![Curve { name: String::new(), at, value, gradient }], dependent))
}

fn angles(probe: &Probe, head: &AnyHeadLoss) -> Result<(Vec<Curve>, bool), PlotError> {
    let at = even(0.0, 180.0, 181);
    let row = |length: f64, degrees: &f64| {
        let (sin, cos) = degrees.to_radians().sin_cos();
        [cos * length, sin * length, 0.0]
    };
    // All lengths are in one batch, since their mean and deviation may be a part of the margin.
    let rows = LENGTHS.into_iter().flat_map(|length| at.iter().flat_map(move |degrees| row(length, degrees)));
    let (value, slopes, dependent) = evaluate(probe, head, rows.collect())?;
    let parts = value.chunks(at.len()).zip(slopes.chunks(at.len()));
    let curve = |(length, (value, slopes)): (f64, (&[f64], &[[f64; SIZE]]))| {
        let by_angle = |(degrees, slope): (&f64, &[f64; SIZE])| {
            let (sin, cos) = degrees.to_radians().sin_cos();
            length * (slope[1] * cos - slope[0] * sin)
        };
        let gradient = at.iter().zip(slopes).map(by_angle).collect();
        Curve { name: format!("embeddings of length {length}"), at: at.clone(), value: value.to_vec(), gradient }
    };
    Ok((LENGTHS.into_iter().zip(parts).map(curve).collect(), dependent))
}

/// Values, gradients, and whether they depend on the batch.
type Values = (Vec<f64>, Vec<[f64; SIZE]>, bool);

/// The values and gradients of embeddings that all have the label of the first class.
fn evaluate(probe: &Probe, head: &AnyHeadLoss, embeddings: Vec<f64>) -> Result<Values, PlotError> {
    let rows = embeddings.len() / SIZE;
    let [centers, _] = head.weight().dims();
    let own = head.centers_per_class();
    let weight = (0..centers).flat_map(|row| if row < own { [1.0, 0.0, 0.0] } else { [0.0, 0.0, 1.0] }).collect();
    let mut batch = Batch::default()
        .floats("embeddings", embeddings, [rows, SIZE])
        .integers("labels", vec![0; rows], [rows])
        .floats(PARAMETER, weight, [centers, SIZE]);
    // Otherwise each row would draw its own classes, often with the first one among them.
    if let Some(drawn) = head.draws_per_row() {
        batch = batch.integers("sampled", vec![1; rows * drawn], [rows, drawn]);
    }
    let evaluation = probe.evaluate(&batch)?;
    let dependent = probe.depends_on_batch(&batch, &evaluation)?;
    let slopes = numbers(&evaluation.gradients["embeddings"]).as_chunks::<SIZE>().0.to_vec();
    Ok((numbers(&evaluation.unreduced), slopes, dependent))
}
