//! Intervals that 90 % of the targets should lie in.

use burn::train::metric::LossMetric;
use burn_losses::prelude::*;
use burn_losses::train::QuantileCoverageMetric;

use super::{Chart, Outcome, figure, network, outputs};
use crate::Error;
use crate::config::RunConfig;
use crate::data::{self, ValueBatcher};
use crate::intervals::{Bounds, LEVELS, OUTSIDE};
use crate::metrics;
use crate::model::Forecaster;
use crate::training::{Setting, Training, train};

pub(super) fn run(config: &RunConfig<LikelihoodLossConfig>, label: &str, setting: &Setting) -> Result<Outcome, Error> {
    let (split, training) = (data::halves()?, config.training());
    let device = setting.training_device();
    let bounds = Bounds::new(&config.loss).map_err(Error::new)?;
    let count = bounds.outputs();
    let (networks, width) = if config.intervals().separate { (count, 1) } else { (1, count) };
    let networks = (0..networks).map(|at| {
        let training = Training { seed: training.seed + at as u64, ..training.clone() };
        network(&training, split.train.width(), width, &device)
    });
    let model = Forecaster { networks: networks.collect(), loss: config.loss.init(&device), bounds: bounds.clone() };
    let (model, history) = train(model, label, training, &split, ValueBatcher, setting, |run| {
        let run = run.metrics((LossMetric::new(),));
        let column = |at: usize| QuantileCoverageMetric::new(LEVELS[at]).of_column(at);
        run.metric_valid_numeric(column(0)).metric_valid_numeric(column(2))
    })?;

    let of_rows = |forward: &dyn Fn(_) -> _| outputs(&split.held_out, training.batch_size, &setting.device, forward);
    let crossings = match &bounds {
        Bounds::Quantiles(levels) => metrics::crossings(&of_rows(&|rows| model.parameters(rows))?, levels.len()),
        Bounds::Deviations(_) => 0.0,
    };
    let three = of_rows(&|rows| bounds.select(model.parameters(rows)))?;
    let column = |at: usize| three.chunks_exact(LEVELS.len()).map(move |row| f64::from(row[at]));
    let targets = split.held_out.targets();
    let result = metrics::intervals(&column(0).zip(column(2)).collect::<Vec<_>>(), targets, OUTSIDE);
    let below = |at: usize| {
        let below = column(at).zip(targets).map(|(bound, &target)| f64::from(f64::from(target) < bound));
        (LEVELS[at], metrics::mean(&below.collect::<Vec<_>>()))
    };
    Ok(Outcome {
        history,
        figures: vec![
            figure("coverage", result.coverage),
            figure("width", result.width),
            figure("interval score", result.score),
            figure("crossings", crossings),
        ],
        chart: Some(Chart {
            title: "held-out targets below the lower bound, the median and the upper bound",
            x: "level",
            y: "share below",
            points: (0..LEVELS.len()).map(below).collect(),
        }),
        ..Outcome::default()
    })
}
