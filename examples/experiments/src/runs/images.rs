//! Ten kinds of clothes.

use burn::train::metric::{AccuracyMetric, LossMetric};
use burn_losses::prelude::*;

use super::{Outcome, figure, network, outputs};
use crate::Error;
use crate::config::RunConfig;
use crate::data::{self, ClassBatcher};
use crate::model::Classifier;
use crate::training::{Setting, train};
use crate::{curves, metrics};

pub(super) fn run(
    config: &RunConfig<ClassificationLossConfig>,
    label: &str,
    setting: &Setting,
) -> Result<Outcome, Error> {
    let (split, training) = (data::fashion()?, config.training());
    let device = setting.training_device();
    let model =
        Classifier { network: network(training, split.train.width(), 10, &device), loss: config.loss.init(&device) };
    let (model, history) = train(model, label, training, &split, ClassBatcher, setting, |run| {
        run.metrics((LossMetric::new(), AccuracyMetric::new()))
    })?;
    let forward = |rows| model.network.forward(rows);
    let logits = outputs(&split.held_out, training.batch_size, &setting.device, forward)?;
    let result = metrics::classification(&logits, split.held_out.targets(), 10);
    Ok(Outcome {
        history,
        figures: vec![
            figure("accuracy", result.accuracy),
            figure("confidence", result.confidence),
            figure("calibration error", result.calibration_error),
        ],
        curve: Some(curves::classification(&config.loss, 10, &setting.device)?),
        ..Outcome::default()
    })
}
