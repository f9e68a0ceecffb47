//! Pairs of vectors: both of length 1, drawn over the angle between them.

use super::{Sample, derivative};
use crate::error::PlotError;
use crate::panel::Curve;
use crate::probe::{Batch, Probe, even, numbers};
use burn_losses::vectors::{AnyVectorsLoss, VectorsLoss};

pub(super) fn sample(probe: &Probe, loss: &AnyVectorsLoss) -> Result<Sample, PlotError> {
    let at = even(0.5, 179.5, 180);
    let count = at.len();
    let angles: Vec<f64> = at.iter().map(|degrees: &f64| degrees.to_radians()).collect();
    let first = angles.iter().flat_map(|angle| [angle.cos(), angle.sin()]).collect::<Vec<_>>();
    let pairs =
        Batch::default().floats("first", first, [count, 2]).floats("second", [1.0, 0.0].repeat(count), [count, 2]);
    let labels: &[(&str, f64)] =
        if loss.needs_dissimilar() { &[("similar", 0.0), ("dissimilar", 1.0)] } else { &[("", 0.0)] };
    let mut curves = Vec::new();
    for (name, label) in labels {
        let mut batch = pairs.clone();
        if loss.needs_dissimilar() {
            batch = batch.floats("dissimilar", vec![*label; count], [count]);
        }
        let evaluation = probe.evaluate(&batch)?;
        let slopes = numbers(&evaluation.gradients["first"]);
        let along = |(slope, angle): (&[f64], &f64)| slope[1] * angle.cos() - slope[0] * angle.sin();
        curves.push(Curve {
            name: (*name).to_owned(),
            at: at.clone(),
            value: numbers(&evaluation.unreduced),
            gradient: slopes.chunks(2).zip(&angles).map(along).collect(),
        });
    }
    Ok(Sample {
        map: None,
        x: "angle between the vectors, in degrees".into(),
        gradient: derivative("angle") + ", per radian",
        curves,
        unit: super::DEGREE,
        notes: vec!["both of length 1".into()],
    })
}
