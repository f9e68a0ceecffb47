//! The config files: what is trained, how, with which loss, and which figures it has to reach.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::bigram::BigramTraining;
use crate::data::LineSet;
use crate::expect::Expectation;
use crate::training::Training;

/// The experiments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Experiment {
    /// Ten kinds of clothes (Fashion-MNIST), with losses for classes.
    Images,
    /// Straight lines through real outliers and real heteroscedasticity, with regression losses.
    Regression,
    /// Anomalies in a space shuttle's sensors, 7 % of the rows, with binary losses.
    Imbalanced,
    /// The cores of nuclei in a microscope image, 4.9 % of the pixels, with losses for regions.
    Segmentation,
    /// Boxes that move along a loss's gradient to their targets.
    Boxes,
    /// Which word follows which, with heads for a large vocabulary.
    Text,
    /// Embeddings of images in which similar images lie together, with losses of metric learning.
    Metric,
    /// Embeddings of images in a plane, drawn to the centers of their classes.
    Center,
    /// Embeddings of images on a sphere, with margins between the classes.
    Margins,
    /// Intervals that 90 % of the targets lie in: the brightness of an image's lower half, from its upper half.
    Intervals,
    /// Ten kinds of clothes, of which the most frequent has 100 times as many training images as the rarest.
    #[value(name = "long_tail")]
    LongTail,
    /// Garments at any angle, and the rotated box around each.
    Rotated,
    /// Strips of two to five garments, and their names from left to right.
    Sequences,
    /// A search for similar garments: lists of candidates with grades of relevance.
    Ranking,
}

impl Experiment {
    /// All experiments, in the order in which they run.
    pub const ALL: [Self; 14] = [
        Self::Images,
        Self::Regression,
        Self::Imbalanced,
        Self::Segmentation,
        Self::Boxes,
        Self::Text,
        Self::Metric,
        Self::Center,
        Self::Margins,
        Self::Intervals,
        Self::LongTail,
        Self::Rotated,
        Self::Sequences,
        Self::Ranking,
    ];

    /// The name, as on the command line and in the config files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Regression => "regression",
            Self::Imbalanced => "imbalanced",
            Self::Segmentation => "segmentation",
            Self::Boxes => "boxes",
            Self::Text => "text",
            Self::Metric => "metric",
            Self::Center => "center",
            Self::Margins => "margins",
            Self::Intervals => "intervals",
            Self::LongTail => "long_tail",
            Self::Rotated => "rotated",
            Self::Sequences => "sequences",
            Self::Ranking => "ranking",
        }
    }

    /// Whether the experiment embeds images.
    pub fn embeds(self) -> bool {
        matches!(self, Self::Metric | Self::Center | Self::Margins)
    }
}

impl std::fmt::Display for Experiment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// One config file; `L` is the config of a loss family, or a list of [`Term`](crate::terms::Term)s.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig<L> {
    /// A line for the tables and the plots.
    pub title: String,
    /// Which experiment this is.
    pub experiment: Experiment,
    /// Whether a quick run of the experiment includes this config; false if the config is similar to another.
    #[serde(default = "yes")]
    pub quick: bool,
    /// How to train; for all experiments but `boxes`, which trains nothing, and `text`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    training: Option<Training>,
    /// How many boxes move; for `boxes` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    simulation: Option<Simulation>,
    /// How to train; for `text` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bigram: Option<BigramTraining>,
    /// Which images to embed, and the size of the embeddings; for `metric`, `center` and `margins`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    embedding: Option<EmbeddingConfig>,
    /// How the bounds are predicted; for `intervals` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    intervals: Option<IntervalsConfig>,
    /// The loss: `kind`, and the settings of that loss; for `metric`, `rotated`, `sequences` and `ranking` also `family`.
    /// `segmentation` and `center` have a list of terms, `[[terms]]`.
    #[serde(alias = "terms")]
    pub loss: L,
    /// The line to fit; for `regression` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    line: Option<LineConfig>,
    /// The figures that have to come out; they are checked after a full run.
    #[serde(default)]
    pub expect: Vec<Expectation>,
}

impl<L> RunConfig<L> {
    /// How to train.
    ///
    /// # Panics
    /// For `boxes` and `text`. These tables, and those below, are checked when a file is read.
    pub fn training(&self) -> &Training {
        self.training.as_ref().expect("checked when it was read")
    }

    /// How many boxes move.
    ///
    /// # Panics
    /// For all experiments but `boxes`.
    pub fn simulation(&self) -> &Simulation {
        self.simulation.as_ref().expect("checked when it was read")
    }

    /// How to train a model of words.
    ///
    /// # Panics
    /// For all experiments but `text`.
    pub fn bigram(&self) -> &BigramTraining {
        self.bigram.as_ref().expect("checked when it was read")
    }

    /// Which images to embed, and the size of the embeddings.
    ///
    /// # Panics
    /// For all experiments but those with embeddings.
    pub fn embedding(&self) -> &EmbeddingConfig {
        self.embedding.as_ref().expect("checked when it was read")
    }

    /// How the bounds are predicted.
    ///
    /// # Panics
    /// For all experiments but `intervals`.
    pub fn intervals(&self) -> &IntervalsConfig {
        self.intervals.as_ref().expect("checked when it was read")
    }

    /// The line to fit.
    ///
    /// # Panics
    /// For all experiments but `regression`.
    pub fn line(&self) -> &LineConfig {
        self.line.as_ref().expect("checked when it was read")
    }

    /// What is wrong with the settings beside the loss.
    fn problem(&self) -> Option<String> {
        let is = |experiment: Experiment| self.experiment == experiment;
        let tables = [
            ("training", self.training.is_some(), !is(Experiment::Boxes) && !is(Experiment::Text)),
            ("simulation", self.simulation.is_some(), is(Experiment::Boxes)),
            ("bigram", self.bigram.is_some(), is(Experiment::Text)),
            ("embedding", self.embedding.is_some(), self.experiment.embeds()),
            ("line", self.line.is_some(), is(Experiment::Regression)),
            ("intervals", self.intervals.is_some(), is(Experiment::Intervals)),
        ];
        if let Some((table, _, needed)) = tables.iter().find(|(_, has, needed)| has != needed) {
            let what = if *needed { "needed" } else { "not known" };
            return Some(format!("the table [{table}] is {what} in {}", self.experiment));
        }
        if self.simulation.as_ref().is_some_and(|simulation| simulation.anchors == 0) {
            return Some("anchors must be at least 1".to_string());
        }
        let bigram = self.bigram.as_ref().and_then(BigramTraining::problem);
        if let Some(problem) = bigram.or(self.embedding.as_ref().and_then(EmbeddingConfig::problem)) {
            return Some(problem.to_string());
        }
        self.training.as_ref().and_then(Training::problem).map(str::to_string)
    }
}

/// The settings of the simulation with boxes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Simulation {
    /// The number of points at which boxes start: 343 at each point.
    pub anchors: usize,
}

/// Which images to embed, and the size of the embeddings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingConfig {
    /// The size of the embeddings.
    pub size: usize,
    /// How many of the ten classes are learned; the others are used only for the evaluation at the end.
    pub classes: usize,
}

impl EmbeddingConfig {
    fn problem(&self) -> Option<&'static str> {
        if self.size < 2 {
            return Some("the size of an embedding must be at least 2");
        }
        // The measurement on the other classes needs at least two of them.
        let allowed = [2, 3, 4, 5, 6, 7, 8, 10];
        (!allowed.contains(&self.classes)).then_some("classes must be from 2 to 8, or 10")
    }
}

/// How the bounds of an interval are predicted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntervalsConfig {
    /// Whether each output has a network of its own: quantiles are then trained independently of each other.
    pub separate: bool,
}

/// The line to fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineConfig {
    /// The set of points.
    pub set: LineSet,
    /// The unit of the residuals; by default, the standard deviation of the response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<f64>,
    /// The intercept to start from, in the data's units.
    #[serde(default)]
    pub start_intercept: f64,
    /// The slope to start from, in the data's units.
    #[serde(default)]
    pub start_slope: f64,
}

/// The part of a file that can be read before its loss family is known.
#[derive(Deserialize)]
struct Header {
    experiment: Experiment,
    #[serde(default = "yes")]
    quick: bool,
}

fn yes() -> bool {
    true
}

/// A config file on disk, and the experiment that it belongs to.
#[derive(Debug, Clone)]
pub struct ConfigFile {
    /// The path of the file.
    pub path: PathBuf,
    /// The file's name without its extension, which is the name of the run.
    pub name: String,
    /// The experiment.
    pub experiment: Experiment,
    /// Whether a quick run of the experiment includes this config.
    pub quick: bool,
}

impl ConfigFile {
    /// Reads just enough of a file to know its experiment.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let header: Header = burn_losses::config::load(path).map_err(Error::new)?;
        let name = path.file_stem().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        Ok(Self { path: path.to_owned(), name, experiment: header.experiment, quick: header.quick })
    }

    /// An error that names the file.
    pub fn bad(&self, what: impl std::fmt::Display) -> Error {
        Error::file(&self.path, what)
    }

    /// Reads the whole file, with the loss as a config of the family `L`.
    pub fn load<L: DeserializeOwned>(&self) -> Result<RunConfig<L>, Error> {
        let config: RunConfig<L> = burn_losses::config::load(&self.path).map_err(Error::new)?;
        if let Some(problem) = config.problem() {
            return Err(self.bad(problem));
        }
        let others = config.expect.iter().filter_map(Expectation::other);
        let mut files = others.map(|name| self.path.with_file_name(format!("{name}.toml")));
        match files.find(|file| !file.is_file()) {
            Some(file) => Err(self.bad(format!("an expectation names {}, which is not there", file.display()))),
            None => Ok(config),
        }
    }

    /// All config files of an experiment in a folder, sorted by name.
    pub fn all(folder: &Path, experiment: Experiment) -> Result<Vec<Self>, Error> {
        let folder = folder.join(experiment.name());
        let unreadable = |error| Error::new(format!("{}: {error}", folder.display()));
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_some_and(|ending| ending == "toml") {
                files.push(Self::open(&path)?);
            }
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(files)
    }
}

/// The folder of the config files: `configs` in the current folder, or else in the repository where this program was built.
pub fn default_folder() -> PathBuf {
    let here = PathBuf::from("configs");
    if here.is_dir() { here } else { Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_config_file_of_the_repository_is_right() {
        for experiment in Experiment::ALL {
            let files = ConfigFile::all(&default_folder(), experiment).unwrap();
            assert!(files.len() >= 3, "{experiment}");
            for file in files {
                assert_eq!(file.experiment, experiment, "{}", file.path.display());
                crate::runs::check(&file).unwrap();
            }
        }
    }
}
