//! Trains on the loss that a file describes: `cargo run -p joint-loss`.
//!
//! The dashboard has a line for each term. `--check` kills a run in the middle, resumes it, and compares every later step with
//! that of an uninterrupted run.

#![recursion_limit = "256"]

use std::error::Error;
use std::io::{BufRead, BufReader, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use burn::data::dataloader::DataLoaderBuilder;
use burn::data::dataset::Dataset;
use burn::lr_scheduler::cosine::CosineAnnealingLrSchedulerConfig;
use burn::module::Module;
use burn::optim::SgdConfig;
use burn::optim::momentum::MomentumConfig;
use burn::tensor::{Device, activation::relu};
use burn::train::metric::{AccuracyMetric, LossMetric};
use burn::train::{
    ClassificationOutput, ExecutionStrategy, InferenceStep, Learner, SupervisedTraining, TrainOutput, TrainStep,
};
use burn_losses::composition::{JointLoss, JointLossConfig};
use burn_losses::train::{LossTermMetric, WithTerms};
use clap::Parser;
use experiments::data::{self, ClassBatch, ClassBatcher, Split};
use experiments::history::{History, HistoryLogger};
use experiments::model::Mlp;
use experiments::progress::PlainProgress;

const LOSS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/loss.toml");
const EPOCHS: usize = 4;
const BATCH: usize = 64;

/// Train on the loss of a file, resume a training, or check that resuming changes nothing.
#[derive(Debug, Clone, Parser)]
struct Arguments {
    /// The loss: terms named `classes`, `center`, `penalty`.
    #[arg(long, default_value = LOSS)]
    loss: PathBuf,
    /// Where checkpoints are.
    #[arg(long, default_value = "target/joint-loss")]
    folder: PathBuf,
    /// Go on after this epoch of an earlier run.
    #[arg(long)]
    resume: Option<usize>,
    /// Kill a run in the middle, resume it, and compare.
    #[arg(long)]
    check: bool,
}

/// The model: from images to embeddings, from embeddings to logits, and the loss of both.
#[derive(Module, Debug)]
struct Model {
    embed: Mlp,
    classify: Mlp,
    loss: JointLoss,
}

impl Model {
    fn output(&self, batch: ClassBatch) -> WithTerms<ClassificationOutput> {
        let ClassBatch { inputs, labels } = batch;
        let [rows, _] = inputs.dims();
        let embeddings = self.embed.forward(inputs);
        let logits = self.classify.forward(relu(embeddings.clone()));
        let joint = self.loss.combine([
            ("classes", self.loss.classification("classes").forward(logits.clone(), labels.clone())),
            ("center", self.loss.metric("center").forward(embeddings, labels.clone())),
            ("penalty", self.loss.regularizer("penalty").forward(self)),
        ]);
        WithTerms::new(ClassificationOutput::new(joint.total, logits, labels), joint.terms, rows)
    }
}

impl TrainStep for Model {
    type Input = ClassBatch;
    type Output = WithTerms<ClassificationOutput>;

    fn step(&self, batch: ClassBatch) -> TrainOutput<Self::Output> {
        let output = self.output(batch);
        TrainOutput::new(self, output.output.loss.backward(), output)
    }
}

impl InferenceStep for Model {
    type Input = ClassBatch;
    type Output = WithTerms<ClassificationOutput>;

    fn step(&self, batch: ClassBatch) -> Self::Output {
        self.output(batch)
    }
}

fn train(arguments: &Arguments, folder: &Path, resume: Option<usize>) -> Result<History, Box<dyn Error>> {
    let config = JointLossConfig::load(&arguments.loss)?;
    let device = Device::flex().autodiff();
    let Split { train, held_out } = data::fashion()?;
    let width = train.width();
    let steps = EPOCHS * Dataset::len(&train).div_ceil(BATCH);
    let model = Model {
        embed: Mlp::new(&[width, 64, 16], 1, &device),
        classify: Mlp::new(&[16, 10], 2, &device),
        loss: config.try_init(&device)?,
    };

    // The order is fixed: a loader that shuffles would start again with its first order after a restart.
    let load =
        |samples| DataLoaderBuilder::new(ClassBatcher).batch_size(BATCH).set_device(Device::flex()).build(samples);
    let logger = HistoryLogger::default();
    let history = logger.history();
    let mut training = SupervisedTraining::new(folder, load(train), load(held_out))
        .metrics((AccuracyMetric::new(), LossMetric::new()))
        .num_epochs(EPOCHS)
        .with_metric_logger(logger)
        .with_application_logger(None)
        .with_default_checkpointers()
        .with_training_strategy(ExecutionStrategy::single(device).into());
    for term in config.terms.keys() {
        training =
            training.metric_train_numeric(LossTermMetric::new(term)).metric_valid_numeric(LossTermMetric::new(term));
    }
    if let Some(epoch) = resume {
        training = training.checkpoint(epoch);
    }
    if !std::io::stdout().is_terminal() {
        training = training.renderer(Box::new(PlainProgress::default()));
    }
    let optimizer = SgdConfig::new().with_momentum(Some(MomentumConfig::new().with_momentum(0.9).with_dampening(0.0)));
    let rate = CosineAnnealingLrSchedulerConfig::new(0.05, steps).init()?;
    let result = training.launch(Learner::new(model, optimizer.init(), rate));
    if let Some(error) = result.error {
        return Err(error.into());
    }
    let history = history.lock().expect("no thread panicked").clone();
    Ok(history)
}

/// Compares a whole run with one that is killed in its second epoch and resumed after the first.
fn check(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let whole = train(arguments, &folder.path().join("whole"), None)?;

    let killed = folder.path().join("killed");
    let mut run = Command::new(std::env::current_exe()?)
        .arg("--loss")
        .arg(&arguments.loss)
        .arg("--folder")
        .arg(&killed)
        .stdout(Stdio::piped())
        .spawn()?;
    let lines = BufReader::new(run.stdout.take().expect("piped")).lines();
    let second = lines.map_while(Result::ok).find(|line| line.contains("epoch 2/"));
    run.kill()?;
    run.wait()?;
    second.ok_or("the run ended before it could be killed")?;
    println!("killed after its second epoch; going on after the first");
    let resumed = train(arguments, &killed, Some(1))?;

    let first = whole.steps.len() / EPOCHS;
    let expected = &whole.steps[first..];
    if resumed.steps.len() != expected.len() {
        return Err(format!("{} steps, expected {}", resumed.steps.len(), expected.len()).into());
    }
    if let Some(step) = (0..expected.len()).find(|step| resumed.steps[*step] != expected[*step]) {
        let (got, expected) = (resumed.steps[step], expected[step]);
        return Err(format!("step {}: the loss is {got} after the restart, {expected} without", first + step).into());
    }
    for (name, values) in &resumed.held_out {
        let all = &whole.held_out[name];
        if all[1..] != values[..] {
            return Err(format!("{name}: {values:?} after the restart, {all:?} without").into());
        }
    }
    println!("the {} steps after the restart have the same losses, bit for bit", expected.len());
    let accuracy = whole.held_out["Accuracy"].last().copied().unwrap_or_default();
    if accuracy < 70.0 {
        return Err(format!("the accuracy is {accuracy:.1} %, expected at least 70 %").into());
    }
    println!("accuracy {accuracy:.1} %");
    Ok(())
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.check {
        true => check(&arguments),
        false => train(&arguments, &arguments.folder, arguments.resume).map(drop),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
