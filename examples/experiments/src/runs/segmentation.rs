//! The cores of nuclei in a microscope image.

use burn::tensor::Tensor;
use burn::train::SupervisedTraining;
use burn::train::metric::LossMetric;
use burn_losses::train::{DiceMetric, IouMetric};

use super::{Outcome, figure, outputs};
use crate::Error;
use crate::config::RunConfig;
use crate::data::{self, MaskBatcher, TILE};
use crate::metrics;
use crate::model::Segmenter;
use crate::terms::{self, Term, WeightedSum};
use crate::training::{Setting, train};
use crate::unet::UNet;

pub(super) fn run(config: &RunConfig<Vec<Term>>, label: &str, setting: &Setting) -> Result<Outcome, Error> {
    let (split, training) = (data::nuclei()?, config.training());
    let device = setting.training_device();
    let model = Segmenter {
        network: UNet::new(training.hidden, training.seed, &device),
        loss: WeightedSum::new(&config.loss, &device)?,
    };
    let (model, history) = train(model, label, training, &split, MaskBatcher, setting, |run| {
        let run = run.metrics((LossMetric::new(),));
        let run = terms::term_metrics(&config.loss).into_iter().fold(run, SupervisedTraining::metric_train_numeric);
        run.metric_valid_numeric(DiceMetric::new()).metric_valid_numeric(IouMetric::new())
    })?;
    let forward = |rows: Tensor<2>| model.network.forward(rows.reshape([-1, 1, TILE as i32, TILE as i32]));
    let logits = outputs(&split.held_out, training.batch_size, &setting.device, forward)?;
    let (precision, recall) = metrics::precision_recall(&logits, &split.held_out.positive());
    Ok(Outcome {
        history,
        figures: vec![
            figure("Dice", metrics::dice(precision, recall)),
            figure("precision", precision),
            figure("recall", recall),
        ],
        logits: Some(logits),
        ..Outcome::default()
    })
}
