//! Strips of garments that are read from left to right.

use burn::train::metric::LossMetric;
use burn_losses::LossConfig;
use burn_losses::prelude::*;
use burn_losses::sequence::{CtcLossConfig, SequenceInput, SequenceLayout};

use super::{Chart, Outcome, figure, network, outputs};
use crate::Error;
use crate::config::RunConfig;
use crate::data::strips::{LABELS, SIDE};
use crate::data::{self, ValueBatcher};
use crate::epoch_figures::label_error;
use crate::model::Reader;
use crate::reading::{self, Reading};
use crate::training::{Setting, train};

/// Checks that a loss takes the logits of the windows, with class 0 as the blank.
pub(super) fn check(config: &LossConfig) -> Result<(), String> {
    match config {
        LossConfig::Sequence(SequenceLossConfig::Ctc(CtcLossConfig {
            blank: 0,
            input: SequenceInput::Logits,
            layout: SequenceLayout::Ntc,
            ..
        }))
        | LossConfig::Classification(_) => Ok(()),
        other => Err(format!("{} does not take logits of windows with these settings", other.kind())),
    }
}

pub(super) fn run(config: &RunConfig<LossConfig>, label: &str, setting: &Setting) -> Result<Outcome, Error> {
    let (split, training) = (data::strips()?, config.training());
    let device = setting.training_device();
    let network = network(training, SIDE * SIDE, LABELS + 1, &device);
    let model = Reader { network, loss: config.loss.try_init(&device).map_err(Error::new)? };
    let (model, history) = train(model, label, training, &split, ValueBatcher, setting, |run| {
        run.metrics((LossMetric::new(),)).metric_valid_numeric(label_error())
    })?;
    let logits = outputs(&split.held_out, training.batch_size, &setting.device, |rows| model.logits(rows))?;
    let readings = Reading::all(&logits, split.held_out.targets());
    let labels = readings.iter().map(|reading| reading.right.len()).sum::<usize>() as f64;
    let errors = readings.iter().map(Reading::errors).sum::<usize>() as f64;
    let right = readings.iter().filter(|reading| reading.errors() == 0).count() as f64;
    Ok(Outcome {
        history,
        figures: vec![
            figure("label error rate", errors / labels),
            figure("strips without an error", right / readings.len() as f64),
        ],
        chart: Some(Chart {
            title: "label error rate of held-out strips",
            x: "garments in the strip",
            y: "label error rate",
            points: reading::error_by_length(&readings),
        }),
        ..Outcome::default()
    })
}
