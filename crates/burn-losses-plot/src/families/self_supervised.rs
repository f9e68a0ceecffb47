//! Two views of four rows: drawn over the correlation of two columns, and of the two views.

use super::{Sample, derivative};
use crate::error::PlotError;
use crate::panel::Curve;
use crate::probe::{Batch, Probe, even, numbers};

/// Columns of four rows that are not correlated with each other.
const COLUMNS: [[f64; 4]; 3] = [[1.0, 1.0, -1.0, -1.0], [1.0, -1.0, 1.0, -1.0], [1.0, -1.0, -1.0, 1.0]];

pub(super) fn sample(probe: &Probe) -> Result<Sample, PlotError> {
    let at = even(-0.99, 0.99, 133);
    let curves = [("of the columns of both views", true), ("of the first column of both views", false)];
    let curves = curves.map(|(name, is_of_columns)| -> Result<Curve, PlotError> {
        let points = at.iter().map(|&x| point(probe, x, is_of_columns)).collect::<Result<Vec<_>, _>>()?;
        let (value, gradient) = points.into_iter().unzip();
        Ok(Curve { name: name.into(), at: at.clone(), value, gradient })
    });
    Ok(Sample {
        map: None,
        x: "correlation".into(),
        gradient: derivative("correlation"),
        curves: curves.into_iter().collect::<Result<_, _>>()?,
        unit: Some(1.0),
        notes: vec!["two views of four rows and two columns; what is not named is the same or not correlated".into()],
    })
}

/// The value at a correlation, and its derivative.
fn point(probe: &Probe, x: f64, is_of_columns: bool) -> Result<(f64, f64), PlotError> {
    let [u, v, w] = COLUMNS;
    let rest = (1.0 - x * x).sqrt();
    // A column that has this correlation with the first, and how it changes.
    let other = if is_of_columns { v } else { w };
    let mixed: Vec<f64> = (0..4).map(|row| x * u[row] + rest * other[row]).collect();
    let change: Vec<f64> = (0..4).map(|row| u[row] - x / rest * other[row]).collect();
    let view = |first: &[f64], second: &[f64]| (0..4).flat_map(|row| [first[row], second[row]]).collect::<Vec<_>>();
    let views = if is_of_columns { [view(&u, &mixed), view(&u, &mixed)] } else { [view(&u, &v), view(&mixed, &v)] };
    let [first, second] = views;
    let evaluation =
        probe.evaluate(&Batch::default().floats("first", first, [4, 2]).floats("second", second, [4, 2]))?;
    let slope = |name: &str, column: usize| {
        let slopes = numbers(&evaluation.gradients[name]);
        (0..4).map(|row| slopes[2 * row + column] * change[row]).sum::<f64>()
    };
    let gradient = if is_of_columns { slope("first", 1) + slope("second", 1) } else { slope("second", 0) };
    Ok((numbers(&evaluation.unreduced)[0], gradient))
}
