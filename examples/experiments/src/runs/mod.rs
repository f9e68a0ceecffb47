//! The experiments: each loads the data, trains with the loss of a config file, and measures the result.

mod boxes;
mod center;
mod embedding;
mod images;
mod imbalanced;
mod intervals;
mod long_tail;
mod margins;
mod metric;
mod ranking;
mod regression;
mod rotated;
mod segmentation;
mod sequences;
mod text;

use std::time::Instant;

use burn::tensor::{Device, Tensor};
use burn_losses::LossConfig;
use burn_losses::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::bigram;
use crate::config::{ConfigFile, Experiment, RunConfig};
use crate::curves::Curve;
use crate::data::{self, LineSet, PictureSet, Samples};
use crate::expect::Expectation;
use crate::history::History;
use crate::intervals::Bounds;
use crate::model::Mlp;
use crate::progress;
use crate::scatter::Scatter;
use crate::simulation::{self, Simulated};
use crate::terms::{self, OF_MASKS, Term};
use crate::training::{Setting, Training};

/// A named result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// The name of the figure: a column of the result table.
    pub name: &'static str,
    /// The value.
    pub value: f64,
}

/// A straight line through a set of points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FittedLine {
    /// The set of points.
    pub set: LineSet,
    /// The value of the line at `x = 0`.
    pub intercept: f64,
    /// The slope of the line.
    pub slope: f64,
}

/// A line that a run adds to the plot of its experiment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chart {
    /// The title of the plot, the same for all runs of an experiment.
    pub title: &'static str,
    /// The label of the horizontal axis.
    pub x: &'static str,
    /// The label of the vertical axis.
    pub y: &'static str,
    /// The points of the line, from left to right.
    pub points: Vec<(f64, f64)>,
}

/// The results of one config file.
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
    /// The expected figures; empty in a quick run.
    #[serde(skip)]
    pub expected: Vec<Expectation>,
    /// How many expectations were checked.
    pub checked: usize,
    /// The messages of the expectations that were not met.
    pub missed: Vec<String>,
    /// The duration of the run, in seconds.
    pub seconds: f64,
    /// The figures, the history and the plots' data of the run.
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl RunResult {
    /// Whether the expectations were met, as a short text.
    pub fn verdict(&self) -> &'static str {
        match (self.checked, self.missed.len()) {
            (0, _) => "not checked",
            (_, 0) => "met",
            _ => "MISSED",
        }
    }

    fn figure(&self, name: &str) -> Option<f64> {
        self.outcome.figures.iter().find(|figure| figure.name == name).map(|figure| figure.value)
    }
}

/// The output of a run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Outcome {
    /// The figures that the run reached.
    pub figures: Vec<Figure>,
    /// Losses and metrics during the training.
    pub history: History,
    /// The loss as a curve, if it can be drawn over a single argument.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub curve: Option<Curve>,
    /// The fitted line, for `regression`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<FittedLine>,
    /// The logits of all held-out pixels, for `segmentation`.
    #[serde(skip)]
    pub logits: Option<Vec<f32>>,
    /// The set of images, if it depends on what was fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set: Option<PictureSet>,
    /// The held-out images in a plane, for the experiments with embeddings.
    #[serde(skip)]
    pub scatter: Option<Scatter>,
    /// A line in the plot of results, for the experiments that have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chart: Option<Chart>,
    /// The movement of the boxes to their targets, for `boxes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boxes: Option<Simulated>,
}

/// Reads one config file, and returns an error if something is wrong with it, before anything is trained.
pub fn check(file: &ConfigFile) -> Result<(), Error> {
    match file.experiment {
        Experiment::Images => file.load::<ClassificationLossConfig>().map(drop),
        Experiment::Regression => file.load::<RegressionLossConfig>().map(drop),
        Experiment::Imbalanced => file.load::<BinaryLossConfig>().map(drop),
        Experiment::Segmentation => {
            let config = file.load::<Vec<Term>>()?;
            terms::check(&config.loss, OF_MASKS).map_err(|problem| file.bad(problem))
        }
        Experiment::Boxes => {
            let config = file.load::<BoxesLossConfig>()?;
            simulation::check(&config.loss).map_err(|problem| file.bad(problem))
        }
        Experiment::Text => {
            let config = file.load::<HeadLossConfig>()?;
            bigram::fitted(&config.loss, data::WORDS, config.bigram()).map(drop).map_err(|problem| file.bad(problem))
        }
        Experiment::Metric => {
            let config = file.load::<LossConfig>()?;
            let terms = [config.loss.clone().into()];
            terms::check_embedding(&terms, config.embedding()).map_err(|problem| file.bad(problem))
        }
        Experiment::Center => {
            let config = file.load::<Vec<Term>>()?;
            terms::check_embedding(&config.loss, config.embedding()).map_err(|problem| file.bad(problem))
        }
        Experiment::Margins => {
            let config = file.load::<HeadLossConfig>()?;
            let terms = [LossConfig::Heads(config.loss.clone()).into()];
            terms::check_embedding(&terms, config.embedding()).map_err(|problem| file.bad(problem))
        }
        Experiment::Intervals => {
            let config = file.load::<LikelihoodLossConfig>()?;
            Bounds::new(&config.loss).map(drop).map_err(|problem| file.bad(problem))
        }
        Experiment::LongTail => file.load::<ClassificationLossConfig>().map(drop),
        Experiment::Rotated => check_loss(file, rotated::check),
        Experiment::Sequences => check_loss(file, sequences::check),
        Experiment::Ranking => check_loss(file, ranking::check),
    }
}

fn check_loss(file: &ConfigFile, check: fn(&LossConfig) -> Result<(), String>) -> Result<(), Error> {
    let config = file.load::<LossConfig>()?;
    check(&config.loss).map_err(|problem| file.bad(problem))
}

/// Runs some config files, one after the other, and compares the figures with the expectations. A line after each run says how many
/// are left, and about how long they take.
pub fn run_all(files: &[ConfigFile], setting: &Setting) -> Result<Vec<RunResult>, Error> {
    let start = Instant::now();
    let mut results = Vec::with_capacity(files.len());
    for file in files {
        results.push(run(file, setting)?);
        let left = progress::left(results.len(), files.len(), start.elapsed());
        println!("{}/{}: {left}", file.experiment, file.name);
    }
    judge(&mut results);
    Ok(results)
}

fn judge(results: &mut [RunResult]) {
    for i in 0..results.len() {
        let expected = results[i].expected.iter();
        let verdicts: Vec<_> = expected.filter_map(|expectation| verdict(expectation, &results[i], results)).collect();
        results[i].checked = verdicts.len();
        results[i].missed = verdicts.into_iter().flatten().collect();
    }
}

/// What is wrong, if anything; `None` if the run to compare with is not among the results, or if the images are from another set.
fn verdict(expectation: &Expectation, own: &RunResult, all: &[RunResult]) -> Option<Option<String>> {
    if expectation.set.is_some() && expectation.set != own.outcome.set {
        return None;
    }
    let name = &expectation.figure;
    let other = match expectation.other() {
        Some(config) => all.iter().find(|r| r.experiment == own.experiment && r.config == *config)?.figure(name),
        None => None,
    };
    Some(match own.figure(name) {
        Some(got) => expectation.check(got, other),
        None => Some(format!("there is no figure {name:?}")),
    })
}

fn run(file: &ConfigFile, setting: &Setting) -> Result<RunResult, Error> {
    match file.experiment {
        Experiment::Images => with_config(file, setting, images::run),
        Experiment::Regression => with_config(file, setting, regression::run),
        Experiment::Imbalanced => with_config(file, setting, imbalanced::run),
        Experiment::Segmentation => with_config(file, setting, segmentation::run),
        Experiment::Boxes => with_config(file, setting, boxes::run),
        Experiment::Text => with_config(file, setting, text::run),
        Experiment::Metric => with_config(file, setting, metric::run),
        Experiment::Center => with_config(file, setting, center::run),
        Experiment::Margins => with_config(file, setting, margins::run),
        Experiment::Intervals => with_config(file, setting, intervals::run),
        Experiment::LongTail => with_config(file, setting, long_tail::run),
        Experiment::Rotated => with_config(file, setting, rotated::run),
        Experiment::Sequences => with_config(file, setting, sequences::run),
        Experiment::Ranking => with_config(file, setting, ranking::run),
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
    Ok(RunResult {
        experiment: file.experiment,
        config: file.name.clone(),
        title: config.title,
        loss: serde_json::to_value(&config.loss).map_err(Error::new)?,
        expected: if setting.quick { Vec::new() } else { config.expect },
        checked: 0,
        missed: Vec::new(),
        seconds: start.elapsed().as_secs_f64(),
        outcome,
    })
}

fn figure(name: &'static str, value: f64) -> Figure {
    Figure { name, value }
}

fn network(training: &Training, inputs: usize, outputs: usize, device: &Device) -> Mlp {
    let mut widths = vec![inputs, training.hidden, outputs];
    widths.retain(|&width| width > 0);
    Mlp::new(&widths, training.seed, device)
}

/// The network's outputs for every row, on the host, computed `rows` at a time.
///
/// A GPU compiles a kernel for each shape of a matrix product, so batches of the training's size reuse its kernels.
fn outputs<const D: usize>(
    samples: &Samples,
    rows: usize,
    device: &Device,
    network: impl Fn(Tensor<2>) -> Tensor<D>,
) -> Result<Vec<f32>, Error> {
    let mut all = Vec::new();
    for batch in samples.chunks(rows) {
        let outputs = network(Tensor::from_data(batch, device));
        let data = outputs.try_into_data().map_err(Error::new)?;
        all.extend(data.iter::<f32>());
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run that is expected to have a greater recall than the run `dice`.
    fn above_dice(config: &str, recall: f64) -> RunResult {
        let expectation = r#"{"figure": "recall", "above": "dice"}"#;
        RunResult {
            experiment: Experiment::Segmentation,
            config: config.to_string(),
            title: String::new(),
            loss: serde_json::Value::Null,
            expected: vec![serde_json::from_str(expectation).unwrap()],
            checked: 0,
            missed: Vec::new(),
            seconds: 0.0,
            outcome: Outcome { figures: vec![figure("recall", recall)], ..Outcome::default() },
        }
    }

    #[test]
    fn figures_are_held_against_those_of_other_runs() {
        let mut results = [above_dice("dice", 0.5), above_dice("tversky", 0.6), above_dice("bce", 0.4)];
        results[0].expected.clear();
        judge(&mut results);
        assert_eq!(results.each_ref().map(RunResult::verdict), ["not checked", "met", "MISSED"]);
    }

    #[test]
    fn what_holds_for_other_pictures_is_not_held_against() {
        let mut results = [above_dice("dice", 0.5), above_dice("bce", 0.4)];
        results[1].expected[0].set = Some(PictureSet::Mnist);
        results[1].outcome.set = Some(PictureSet::FashionMnist);
        judge(&mut results);
        assert_eq!(results[1].verdict(), "not checked");
        results[1].outcome.set = Some(PictureSet::Mnist);
        judge(&mut results);
        assert_eq!(results[1].verdict(), "MISSED");
    }

    #[test]
    fn what_did_not_run_is_not_held_against() {
        let mut results = [above_dice("bce", 0.4)];
        judge(&mut results);
        assert_eq!(results[0].verdict(), "not checked");
        results[0].outcome.figures.clear();
        results[0].expected[0].above = None;
        judge(&mut results);
        assert_eq!(results[0].missed, ["there is no figure \"recall\""]);
    }
}
