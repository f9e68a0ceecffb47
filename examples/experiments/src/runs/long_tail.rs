//! Ten kinds of clothes, some of them rare in the training.

use burn::train::metric::{AccuracyMetric, LossMetric};
use burn_losses::prelude::*;

use super::{Chart, Outcome, figure, network, outputs};
use crate::Error;
use crate::config::RunConfig;
use crate::data::{self, COUNTS, ClassBatcher};
use crate::metrics;
use crate::model::Classifier;
use crate::training::{Setting, train};

/// How many classes count as rare: those with at most 33 images.
const RARE: usize = 4;

pub(super) fn run(
    config: &RunConfig<ClassificationLossConfig>,
    label: &str,
    setting: &Setting,
) -> Result<Outcome, Error> {
    let (split, training) = (data::long_tail()?, config.training());
    let device = setting.training_device();
    let classes = COUNTS.len();
    let model = Classifier {
        network: network(training, split.train.width(), classes, &device),
        loss: config.loss.init(&device),
    };
    let (model, history) = train(model, label, training, &split, ClassBatcher, setting, |run| {
        run.metrics((LossMetric::new(), AccuracyMetric::new()))
    })?;
    let forward = |rows| model.network.forward(rows);
    let logits = outputs(&split.held_out, training.batch_size, &setting.device, forward)?;
    let recalls = metrics::recalls(&logits, split.held_out.targets(), classes);
    let (frequent, rare) = recalls.split_at(classes - RARE);
    Ok(Outcome {
        history,
        figures: vec![
            figure("balanced accuracy", metrics::mean(&recalls)),
            figure("recall of frequent", metrics::mean(frequent)),
            figure("recall of rare", metrics::mean(rare)),
        ],
        chart: Some(Chart {
            title: "recall of each class on held-out images",
            x: "training images of the class, power of ten",
            y: "recall",
            points: COUNTS.iter().map(|&count| (count as f64).log10()).zip(recalls).rev().collect(),
        }),
        ..Outcome::default()
    })
}
