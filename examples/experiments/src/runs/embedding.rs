//! The common part of all experiments with embeddings: train on some classes, and embed held-out images of all classes.

use burn::train::SupervisedTraining;
use burn::train::metric::{AccuracyMetric, LossMetric};
use burn_losses::prelude::*;
use burn_losses::train::{RecallAtKMetric, VerificationAccuracyMetric};

use super::outputs;
use crate::Error;
use crate::config::{Experiment, RunConfig};
use crate::data::{self, ClassBatcher, PictureSet, Samples};
use crate::embedded::Embedded;
use crate::embedding::{ConvNet, EmbeddingNetwork};
use crate::history::History;
use crate::metrics;
use crate::model::{Embedder, Mlp};
use crate::terms::{Term, WeightedSum, term_metrics};
use crate::training::{QUICK_HELD_OUT, Setting, train};

/// A trained network, and its embeddings.
pub(super) struct Learned {
    pub(super) set: PictureSet,
    pub(super) history: History,
    /// The held-out images of the classes that were learned.
    pub(super) known: Embedded,
    /// The images of the other classes; `None` if all classes were learned.
    pub(super) unseen: Option<Embedded>,
    /// The embeddings before the training: known and unseen classes.
    pub(super) before: (Embedded, Option<Embedded>),
    /// The head's accuracy on the known classes.
    pub(super) accuracy: Option<f64>,
}

/// Trains on the known classes, and embeds the held-out images.
pub(super) fn learn<L>(
    config: &RunConfig<L>,
    terms: &[Term],
    label: &str,
    setting: &Setting,
) -> Result<Learned, Error> {
    let (training, embedding) = (config.training(), config.embedding());
    let pictures = data::pictures(embedding.classes)?;
    let device = setting.training_device();
    let network = |device| match config.experiment {
        Experiment::Metric => {
            let widths = [pictures.known.train.width(), training.hidden, embedding.size];
            EmbeddingNetwork::Mlp(Mlp::new(&widths, training.seed, device))
        }
        _ => EmbeddingNetwork::Convolutions(ConvNet::new(training.hidden, embedding.size, training.seed, device)),
    };
    let loss = WeightedSum::new(terms, &device)?.with_drawn_heads(training.seed + 1, &device);
    let model = Embedder { network: network(&device), loss };
    let has_head = model.loss.head().is_some();
    let (model, history) = train(model, label, training, &pictures.known, ClassBatcher, setting, |run| {
        let run = run.metrics((LossMetric::new(),)).metric_valid_numeric(RecallAtKMetric::new(1).within_batches());
        let run = term_metrics(terms).into_iter().fold(run, SupervisedTraining::metric_train_numeric);
        let run = if has_head { run.metric_valid_numeric(AccuracyMetric::new()) } else { run };
        match config.experiment {
            Experiment::Margins => run.metric_valid_numeric(VerificationAccuracyMetric::new()),
            _ => run,
        }
    })?;

    let rows = |samples: &Samples| if setting.quick { samples.head(QUICK_HELD_OUT) } else { samples.clone() };
    let known = rows(&pictures.known.held_out);
    let unseen = (embedding.classes < pictures.set.classes().len()).then(|| rows(&pictures.unseen));
    let embed = |network: &EmbeddingNetwork, samples: &Samples| -> Result<Embedded, Error> {
        let values = outputs(samples, training.batch_size, &setting.device, |rows| network.forward(rows))?;
        Ok(Embedded::new(embedding.size, &values, samples.targets()))
    };
    let both = |network: &EmbeddingNetwork| -> Result<(Embedded, Option<Embedded>), Error> {
        Ok((embed(network, &known)?, unseen.as_ref().map(|unseen| embed(network, unseen)).transpose()?))
    };
    let accuracy = model.loss.head().map(|head| -> Result<f64, Error> {
        let logits = |rows| head.logits(model.network.forward(rows));
        let logits = outputs(&known, training.batch_size, &setting.device, logits)?;
        Ok(metrics::classification(&logits, known.targets(), embedding.classes).accuracy)
    });
    let (known_after, unseen_after) = both(&model.network)?;
    Ok(Learned {
        set: pictures.set,
        history,
        known: known_after,
        unseen: unseen_after,
        before: both(&network(&setting.device))?,
        accuracy: accuracy.transpose()?,
    })
}
