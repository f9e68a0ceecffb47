//! Boxes that move along a loss's gradient to their targets.

use burn_losses::prelude::*;

use super::{Figure, Outcome, figure};
use crate::Error;
use crate::config::RunConfig;
use crate::curves;
use crate::history::History;
use crate::simulation::{Cases, STEPS, simulate};
use crate::training::{QUICK_STEPS, Setting};

/// The number of starting points in a quick run.
const QUICK_POINTS: usize = 6;
/// The steps after which the error is reported as a figure.
const MILESTONES: [(usize, &str); 4] =
    [(10, "error at 10"), (50, "error at 50"), (100, "error at 100"), (200, "error at 200")];

pub(super) fn run(config: &RunConfig<BoxesLossConfig>, label: &str, setting: &Setting) -> Result<Outcome, Error> {
    let points = config.simulation().anchors;
    let (points, steps) = if setting.quick { (points.min(QUICK_POINTS), QUICK_STEPS) } else { (points, STEPS) };
    let loss = config.loss.init(&setting.training_device());
    let (result, losses) = simulate(&loss, &Cases::new(points), steps, &setting.device)?;
    println!("{label}: {} boxes, {steps} steps: mean error {:.5}", result.boxes, result.errors[steps]);

    let milestones = MILESTONES.iter().filter(|(step, _)| *step <= steps);
    let mut figures: Vec<Figure> = milestones.map(|&(step, name)| figure(name, result.errors[step])).collect();
    figures.push(figure("ms per step", 1e3 * result.seconds / steps as f64));
    figures.push(figure("million boxes per second", 1e-6 * (result.boxes * steps) as f64 / result.seconds));
    Ok(Outcome {
        history: History { steps: losses, ..History::default() },
        figures,
        curve: Some(curves::boxes(&config.loss, &setting.device)?),
        boxes: Some(result),
        ..Outcome::default()
    })
}
