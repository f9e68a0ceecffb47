//! Anomalies in a space shuttle's sensors.

use burn::train::metric::{AucPrMetric, LossMetric};
use burn_losses::prelude::*;

use super::{Outcome, figure, network, outputs};
use crate::Error;
use crate::config::RunConfig;
use crate::data::{self, ValueBatcher};
use crate::model::Detector;
use crate::training::{Setting, train};
use crate::{curves, metrics};

/// The precision at which the recall of an anomaly detector is read off.
const PRECISION: f64 = 0.95;

pub(super) fn run(config: &RunConfig<BinaryLossConfig>, label: &str, setting: &Setting) -> Result<Outcome, Error> {
    let (split, training) = (data::shuttle()?, config.training());
    let device = setting.training_device();
    let model =
        Detector { network: network(training, split.train.width(), 1, &device), loss: config.loss.init(&device) };
    let (model, history) = train(model, label, training, &split, ValueBatcher, setting, |run| {
        run.metrics((LossMetric::new(),)).metric_valid_numeric(AucPrMetric::binary())
    })?;
    let forward = |rows| model.network.forward(rows);
    let logits = outputs(&split.held_out, training.batch_size, &setting.device, forward)?;
    let positive = split.held_out.positive();
    let ranking = metrics::ranking(&logits, &positive, PRECISION);
    let (precision, recall) = metrics::precision_recall(&logits, &positive);
    Ok(Outcome {
        history,
        figures: vec![
            figure("average precision", ranking.average_precision),
            figure("recall at precision .95", ranking.recall_at_precision),
            figure("precision", precision),
            figure("recall", recall),
        ],
        curve: Some(curves::binary(&config.loss, &setting.device)?),
        ..Outcome::default()
    })
}
