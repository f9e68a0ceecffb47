//! A training with Burn's learner.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataloader::{DataLoader, DataLoaderBuilder};
use burn::data::dataset::Dataset;
use burn::lr_scheduler::cosine::CosineAnnealingLrSchedulerConfig;
use burn::optim::SgdConfig;
use burn::optim::momentum::MomentumConfig;
use burn::tensor::Device;
use burn::train::{ExecutionStrategy, InferenceStep, Learner, LearnerModel, SupervisedTraining, TrainStep};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::data::{Sample, Samples, Split};
use crate::history::{History, HistoryLogger};
use crate::progress::PlainProgress;

/// How many steps a quick run takes.
pub const QUICK_STEPS: usize = 12;
/// How many held-out rows a quick run evaluates.
pub const QUICK_HELD_OUT: usize = 1000;

/// The settings of a training: stochastic gradient descent with momentum, and a learning rate that falls to zero along a
/// half cosine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// The number of epochs; the held-out rows are evaluated after each.
    pub epochs: usize,
    /// Passes over the training rows in an epoch: more than one for tiny sets.
    #[serde(default = "one")]
    pub passes: usize,
    /// Rows per step.
    pub batch_size: usize,
    /// The learning rate at the start, in (0, 1].
    pub learning_rate: f64,
    /// The momentum, in [0, 1).
    #[serde(default = "momentum")]
    pub momentum: f64,
    /// The units of the hidden layer; 0 for a linear model. For a network of convolutions: the channels at the largest size.
    #[serde(default)]
    pub hidden: usize,
    /// The seed of the initial weights and of the order of the rows.
    pub seed: u64,
}

impl Training {
    /// The rule that a setting violates, if any.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        if self.epochs == 0 || self.batch_size == 0 || self.passes == 0 {
            return Some("epochs, passes and batch_size must be at least 1");
        }
        if !(self.learning_rate > 0.0 && self.learning_rate <= 1.0) {
            return Some("learning_rate must be in (0, 1]");
        }
        (!(0.0..1.0).contains(&self.momentum)).then_some("momentum must be in [0, 1)")
    }
}

fn one() -> usize {
    1
}

fn momentum() -> f64 {
    0.9
}

/// Where and how the trainings run.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The device, without autodiff.
    pub device: Device,
    /// Whether to take only a few steps.
    pub quick: bool,
    /// Whether to print plain text even on a terminal.
    pub plain: bool,
    /// Where trained models are saved.
    pub folder: PathBuf,
}

impl Setting {
    /// The device on which to build a model that is to be trained.
    pub fn training_device(&self) -> Device {
        self.device.clone().autodiff()
    }
}

/// Trains `model` on `split.train`, and evaluates it on `split.held_out` after every epoch.
///
/// The order of the batches depends only on the seed, so every device sees the same ones. `metrics`
/// registers the metrics of the dashboard.
pub fn train<M, B, T>(
    model: M,
    label: &str,
    training: &Training,
    split: &Split,
    batcher: B,
    setting: &Setting,
    metrics: impl FnOnce(SupervisedTraining<M>) -> SupervisedTraining<M>,
) -> Result<(M, History), Error>
where
    M: LearnerModel + TrainStep<Input = T> + InferenceStep<Input = T>,
    T: Clone + std::fmt::Debug + Send + 'static,
    B: Batcher<Sample, T> + Clone + 'static,
{
    let mut train = split.train.repeat(training.passes);
    let (mut held_out, mut epochs) = (split.held_out.clone(), training.epochs);
    if setting.quick {
        train = train.head(QUICK_STEPS * training.batch_size);
        held_out = held_out.head(QUICK_HELD_OUT);
        epochs = 1;
    }
    // A tiny set is one batch in its original order: shuffling would only change the order of the sums.
    let shuffle = training.batch_size < split.train.len();
    let seed = shuffle.then_some(training.seed);
    let steps = epochs * train.len().div_ceil(training.batch_size);
    let load = |samples: Samples, rows: usize, seed: Option<u64>| {
        loader(batcher.clone(), samples, rows, seed, &setting.device)
    };

    let momentum =
        (training.momentum > 0.0).then(|| MomentumConfig::new().with_momentum(training.momentum).with_dampening(0.0));
    let rate = CosineAnnealingLrSchedulerConfig::new(training.learning_rate, steps).init().map_err(Error::new)?;
    let learner = Learner::new(model, SgdConfig::new().with_momentum(momentum).init(), rate);

    let logger = HistoryLogger::default();
    let history = logger.history();
    let run = SupervisedTraining::new(
        &setting.folder,
        load(train, training.batch_size, seed),
        load(held_out, training.batch_size, None),
    )
    .num_epochs(epochs)
    .label(label)
    .with_metric_logger(logger)
    .with_application_logger(None)
    .with_training_strategy(ExecutionStrategy::single(setting.training_device()).into());
    let run = if setting.plain || !std::io::stdout().is_terminal() {
        run.renderer(Box::new(PlainProgress::default()))
    } else {
        run
    };
    let result = metrics(run).launch(learner);

    if let Some(error) = result.error {
        return Err(Error::new(format!("{label}: {error}")));
    }
    if result.interrupted.is_some() {
        return Err(Error::new(format!("{label}: stopped")));
    }
    let history = history.lock().expect("no thread panicked").clone();
    if let Some(step) = history.steps.iter().position(|loss| !loss.is_finite()) {
        let loss = history.steps[step];
        return Err(Error::new(format!("{label}: the loss of step {step} is {loss}")));
    }
    Ok((result.model, history))
}

fn loader<B, T>(batcher: B, samples: Samples, rows: usize, seed: Option<u64>, device: &Device) -> Arc<dyn DataLoader<T>>
where
    B: Batcher<Sample, T> + 'static,
    T: Clone + std::fmt::Debug + Send + 'static,
{
    let builder = DataLoaderBuilder::new(batcher).batch_size(rows).set_device(device.clone());
    match seed {
        Some(seed) => builder.shuffle(seed).build(samples),
        None => builder.build(samples),
    }
}
