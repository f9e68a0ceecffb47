//! The three experiments: load the data, train with the loss of a config file, measure what came out.

use std::time::Instant;

use burn::tensor::{Device, Tensor, TensorData};
use burn::train::metric::{AccuracyMetric, AucPrMetric, LossMetric};
use burn_losses::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::config::{ConfigFile, Expectation, Experiment, RunConfig};
use crate::curves::{self, Curve};
use crate::data::{self, ClassBatcher, LineData, LineSet, Samples, Scaling, Split, ValueBatcher};
use crate::history::History;
use crate::metrics;
use crate::model::{Classifier, Detector, Mlp, Regressor};
use crate::training::{Setting, train};

/// The precision at which the recall of an anomaly detector is read off.
pub const PRECISION: f64 = 0.95;

/// A named result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// The name: a column of the result table.
    pub name: &'static str,
    /// The value.
    pub value: f64,
}

/// A straight line through a set of points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FittedLine {
    /// The points.
    pub set: LineSet,
    /// Where the line meets `x = 0`.
    pub intercept: f64,
    /// Its slope.
    pub slope: f64,
}

/// What came out of one config file.
#[derive(Debug, Clone, Serialize)]
pub struct RunResult {
    /// The experiment.
    pub experiment: Experiment,
    /// The config file's name.
    pub config: String,
    /// The config file's title.
    pub title: String,
    /// The loss, with all its settings.
    pub loss: serde_json::Value,
    /// The figures that were reached.
    pub figures: Vec<Figure>,
    /// How many expectations of the config file were looked at: none in a quick run.
    pub checked: usize,
    /// Those that were not met.
    pub missed: Vec<String>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Losses and metrics along the way.
    pub history: History,
    /// The loss as a curve.
    pub curve: Curve,
    /// The line, for `regression`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<FittedLine>,
}

impl RunResult {
    /// Whether the expectations were met, in a word.
    pub fn verdict(&self) -> &'static str {
        match (self.checked, self.missed.len()) {
            (0, _) => "not checked",
            (_, 0) => "met",
            _ => "MISSED",
        }
    }
}

/// What a trained model amounts to.
struct Outcome {
    history: History,
    figures: Vec<Figure>,
    curve: Curve,
    line: Option<FittedLine>,
}

/// Reads one config file and says what is wrong with it, before anything is trained.
pub fn check(file: &ConfigFile) -> Result<(), Error> {
    match file.experiment {
        Experiment::Images => file.load::<ClassificationLossConfig>().map(drop),
        Experiment::Regression => file.load::<RegressionLossConfig>().map(drop),
        Experiment::Imbalanced => file.load::<BinaryLossConfig>().map(drop),
    }
}

/// Runs one config file.
pub fn run(file: &ConfigFile, setting: &Setting) -> Result<RunResult, Error> {
    match file.experiment {
        Experiment::Images => with_config(file, setting, images),
        Experiment::Regression => with_config(file, setting, regression),
        Experiment::Imbalanced => with_config(file, setting, imbalanced),
    }
}

fn with_config<L: DeserializeOwned + Serialize>(
    file: &ConfigFile,
    setting: &Setting,
    experiment: fn(&RunConfig<L>, &str, &Setting) -> Result<Outcome, Error>,
) -> Result<RunResult, Error> {
    let config: RunConfig<L> = file.load()?;
    let label = format!("{}/{}", file.experiment, file.name);
    let start = Instant::now();
    let outcome = experiment(&config, &label, setting)?;
    let expected = if setting.quick { &[][..] } else { &config.expect };
    Ok(RunResult {
        experiment: file.experiment,
        config: file.name.clone(),
        title: config.title.clone(),
        loss: serde_json::to_value(&config.loss).map_err(Error::new)?,
        checked: expected.len(),
        missed: missed(expected, &outcome.figures),
        figures: outcome.figures,
        seconds: start.elapsed().as_secs_f64(),
        history: outcome.history,
        curve: outcome.curve,
        line: outcome.line,
    })
}

fn missed(expected: &[Expectation], figures: &[Figure]) -> Vec<String> {
    let check = |expectation: &Expectation| match figures.iter().find(|f| f.name == expectation.figure) {
        Some(figure) => expectation.check(figure.value),
        None => Some(format!("there is no figure {:?}", expectation.figure)),
    };
    expected.iter().filter_map(check).collect()
}

fn images(config: &RunConfig<ClassificationLossConfig>, label: &str, setting: &Setting) -> Result<Outcome, Error> {
    let split = data::fashion()?;
    let device = setting.training_device();
    let model = Classifier { network: network(config, &split, 10, &device), loss: config.loss.init(&device) };
    let (model, history) = train(model, label, &config.training, &split, ClassBatcher, setting, |run| {
        run.metrics((LossMetric::new(), AccuracyMetric::new()))
    })?;
    let logits = outputs(&model.network, &split.held_out, config.training.batch_size, &setting.device)?;
    let result = metrics::classification(&logits, split.held_out.targets(), 10);
    Ok(Outcome {
        history,
        figures: vec![
            figure("accuracy", result.accuracy),
            figure("confidence", result.confidence),
            figure("calibration error", result.calibration_error),
        ],
        curve: curves::classification(&config.loss, 10, &setting.device)?,
        line: None,
    })
}

fn imbalanced(config: &RunConfig<BinaryLossConfig>, label: &str, setting: &Setting) -> Result<Outcome, Error> {
    let split = data::shuttle()?;
    let device = setting.training_device();
    let model = Detector { network: network(config, &split, 1, &device), loss: config.loss.init(&device) };
    let (model, history) = train(model, label, &config.training, &split, ValueBatcher, setting, |run| {
        run.metrics((LossMetric::new(),)).metric_valid_numeric(AucPrMetric::binary())
    })?;
    let logits = outputs(&model.network, &split.held_out, config.training.batch_size, &setting.device)?;
    let positive: Vec<bool> = split.held_out.targets().iter().map(|&t| t > 0.5).collect();
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
        curve: curves::binary(&config.loss, &setting.device)?,
        line: None,
    })
}

fn regression(config: &RunConfig<RegressionLossConfig>, label: &str, setting: &Setting) -> Result<Outcome, Error> {
    let line = config.line.as_ref().expect("checked when it was read");
    let points = LineData::load(line.set)?;
    let scaling = Scaling::new(&points, line.scale);
    let samples = points.samples(&scaling);
    let (bias, weight) = scaling.to_scaled((line.start_intercept, line.start_slope));

    let device = setting.training_device();
    let model = Regressor { network: Mlp::line(bias, weight, &device), loss: config.loss.init(&device) };
    let split = Split {
        train: samples.clone(),
        held_out: samples.clone(), // a line is fitted to all points there are
    };
    let (model, history) =
        train(model, label, &config.training, &split, ValueBatcher, setting, |run| run.metrics((LossMetric::new(),)))?;

    // Two points give the line that was learnt.
    let probe = Samples::new(1, vec![0.0, 1.0], vec![0.0, 0.0]);
    let at = outputs(&model.network, &probe, 2, &setting.device)?;
    let (bias, weight) = (f64::from(at[0]), f64::from(at[1]) - f64::from(at[0]));
    let fitted = scaling.to_line((bias, weight));

    let predictions = model.network.forward(Tensor::from_data(samples.to_data(), &setting.device));
    let targets = TensorData::new(samples.targets().to_vec(), [samples.targets().len(), 1]);
    let objective = model
        .loss
        .forward(predictions, Tensor::from_data(targets, &setting.device))
        .try_into_scalar::<f32>()
        .map_err(Error::new)?;

    let mut figures =
        vec![figure("intercept", fitted.0), figure("slope", fitted.1), figure("mean loss", objective.into())];
    if let RegressionLossConfig::Quantile(quantile) = &config.loss {
        let pinball = metrics::pinball(&points.x, &points.y, fitted, quantile.tau);
        figures.push(figure("pinball", pinball));
    }
    let below = metrics::share_below(&points.x, &points.y, fitted);
    figures.push(figure("share below", below));
    Ok(Outcome {
        history,
        figures,
        curve: curves::regression(&config.loss, &setting.device)?,
        line: Some(FittedLine { set: line.set, intercept: fitted.0, slope: fitted.1 }),
    })
}

fn figure(name: &'static str, value: f64) -> Figure {
    Figure { name, value }
}

fn network<L>(config: &RunConfig<L>, split: &Split, outputs: usize, device: &Device) -> Mlp {
    let mut widths = vec![split.train.width(), config.training.hidden, outputs];
    widths.retain(|&width| width > 0);
    Mlp::new(&widths, config.training.seed, device)
}

/// The network's outputs for every row, on the host, computed `rows` at a time.
///
/// A GPU compiles a kernel for each shape of a matrix product: batches as large as those of the training reuse them.
fn outputs(network: &Mlp, samples: &Samples, rows: usize, device: &Device) -> Result<Vec<f32>, Error> {
    let mut all = Vec::new();
    for batch in samples.chunks(rows) {
        let outputs = network.forward(Tensor::from_data(batch, device));
        let data = outputs.try_into_data().map_err(Error::new)?;
        all.extend(data.iter::<f32>());
    }
    Ok(all)
}
