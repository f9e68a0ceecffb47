//! Images: drawn over the contrast and the brightness of a pattern.

use super::{Sample, derivative};
use crate::error::PlotError;
use crate::panel::Curve;
use crate::probe::{Batch, Probe, even, numbers};
use burn_losses::AnyLoss;
use burn_losses::image::Images;

/// The images of a curve: few, since each has many pixels.
const fn points(side: usize) -> usize {
    if side > 64 { 11 } else { 25 }
}

/// A pixel of the pattern: smooth waves along both axes, in [0, 1].
fn pixel(row: usize, column: usize) -> f64 {
    0.5 + 0.25 * ((0.7 * row as f64).sin() + (0.9 * column as f64).cos())
}

pub(super) fn sample(probe: &Probe) -> Result<Sample, PlotError> {
    let AnyLoss::Image(loss) = probe.loss()? else { unreachable!("an image loss") };
    let side = loss.least_side().max(16);
    let at = even(-1.0, 1.0, points(side));
    let target: Vec<f64> = (0..side * side).map(|i| pixel(i / side, i % side)).collect();
    // A change of one pixel by the number on the x axis.
    let contrast = |t: f64| t - 0.5;
    let brightness = |_: f64| 1.0;
    let curve = |name: &str, slope: &dyn Fn(f64) -> f64| -> Result<Curve, PlotError> {
        let shape = [at.len(), 1, side, side];
        let predictions = at.iter().flat_map(|x| target.iter().map(move |t| t + x * slope(*t)));
        let batch = Batch::default().floats("predictions", predictions.collect(), shape).floats(
            "targets",
            target.repeat(at.len()),
            shape,
        );
        let evaluation = probe.evaluate(&batch)?;
        let slopes = numbers(&evaluation.gradients["predictions"]);
        let of_image = |image: &[f64]| image.iter().zip(&target).map(|(by_pixel, t)| by_pixel * slope(*t)).sum();
        let gradient = slopes.chunks(side * side).map(of_image).collect();
        Ok(Curve { name: name.to_owned(), at: at.clone(), value: numbers(&evaluation.unreduced), gradient })
    };
    Ok(Sample {
        map: None,
        x: "change of contrast, or of brightness".into(),
        gradient: derivative("change"),
        curves: vec![curve("contrast", &contrast)?, curve("brightness", &brightness)?],
        unit: Some(1.0),
        notes: vec![format!("smooth waves of {side} x {side} pixels; at a contrast of -1 the image is gray")],
    })
}
