//! Garments at any angle, and the rotated box around each.

use burn::train::metric::LossMetric;
use burn_losses::LossConfig;
use burn_losses::prelude::*;

use super::{Chart, Outcome, figure, network, outputs};
use crate::Error;
use crate::config::RunConfig;
use crate::data::{self, ValueBatcher, rotated};
use crate::epoch_figures::angle_error;
use crate::metrics;
use crate::model::Locator;
use crate::training::{Setting, train};

/// The largest angle error of a box that counts as recovered, in degrees.
const RECOVERED: f64 = 10.0;

/// Checks that a loss takes rotated boxes.
pub(super) fn check(config: &LossConfig) -> Result<(), String> {
    match config {
        LossConfig::Boxes(BoxesLossConfig::ProbIou(_) | BoxesLossConfig::GaussianDistance(_))
        | LossConfig::Regression(_) => Ok(()),
        other => Err(format!("{} is neither a loss of rotated boxes nor of numbers", other.kind())),
    }
}

pub(super) fn run(config: &RunConfig<LossConfig>, label: &str, setting: &Setting) -> Result<Outcome, Error> {
    let (split, training) = (data::rotated()?, config.training());
    let model = |device| -> Result<Locator, Error> {
        let network = network(training, split.train.width(), Locator::OUTPUTS, device);
        Ok(Locator { network, loss: config.loss.try_init(device).map_err(Error::new)? })
    };
    let boxes =
        |model: &Locator| outputs(&split.held_out, training.batch_size, &setting.device, |rows| model.boxes(rows));
    let before = boxes(&model(&setting.device)?)?;
    let model = model(&setting.training_device())?;
    let (model, history) = train(model, label, training, &split, ValueBatcher, setting, |run| {
        run.metrics((LossMetric::new(),)).metric_valid_numeric(angle_error())
    })?;
    let after = boxes(&model)?;

    let targets = split.held_out.targets();
    let errors = metrics::angle_errors(&after, targets);
    let pairs = || after.chunks_exact(rotated::BOX).zip(targets.chunks_exact(rotated::BOX));
    let off =
        |(got, target): (&[f32], &[f32])| f64::from((got[0] - target[0]).hypot(got[1] - target[1])) / rotated::PIXEL;
    Ok(Outcome {
        history,
        figures: vec![
            figure("angle error before", metrics::mean(&metrics::angle_errors(&before, targets))),
            figure("angle error", metrics::mean(&errors)),
            figure("within 10 degrees", metrics::share_within(&errors, RECOVERED)),
            figure("center error", metrics::mean(&pairs().map(off).collect::<Vec<_>>())),
        ],
        chart: Some(Chart {
            title: "held-out boxes by the error of their angle",
            x: "degrees",
            y: "share within",
            points: (0..=30).map(|limit| (limit.into(), metrics::share_within(&errors, limit.into()))).collect(),
        }),
        ..Outcome::default()
    })
}
