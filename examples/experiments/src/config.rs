//! The config files: what is trained, how, with which loss, and which figures it has to reach.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::data::LineSet;

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
}

impl Experiment {
    /// All of them, in the order in which they run.
    pub const ALL: [Self; 3] = [Self::Images, Self::Regression, Self::Imbalanced];

    /// The name, as on the command line and in the config files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Regression => "regression",
            Self::Imbalanced => "imbalanced",
        }
    }
}

impl std::fmt::Display for Experiment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// One config file; `L` is the config of a loss family.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig<L> {
    /// A line for the tables and the plots.
    pub title: String,
    /// Which experiment this is.
    pub experiment: Experiment,
    /// How to train.
    pub training: Training,
    /// The loss: `kind`, and that loss's own settings.
    pub loss: L,
    /// The line to fit; for `regression` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<LineConfig>,
    /// What has to come out; checked after a full run.
    #[serde(default)]
    pub expect: Vec<Expectation>,
}

/// The settings of a training: stochastic gradient descent with momentum, the learning rate falling to zero along a
/// half cosine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Epochs; after each the held-out rows are evaluated.
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
    /// Units of the hidden layer; 0 for a linear model.
    #[serde(default)]
    pub hidden: usize,
    /// The seed of the initial weights and of the order of the rows.
    pub seed: u64,
}

fn one() -> usize {
    1
}

fn momentum() -> f64 {
    0.9
}

/// The line to fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineConfig {
    /// The points.
    pub set: LineSet,
    /// The unit of the residuals; the deviation of the response where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<f64>,
    /// The intercept to start from, in the data's units.
    #[serde(default)]
    pub start_intercept: f64,
    /// The slope to start from, in the data's units.
    #[serde(default)]
    pub start_slope: f64,
}

/// A figure that a full run has to reach.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The figure's name, as the result table writes it.
    pub figure: String,
    /// The value to come to, within `relative` times its magnitude or within `absolute`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Relative tolerance around `value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative: Option<f64>,
    /// Absolute tolerance around `value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absolute: Option<f64>,
    /// Smallest value allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// Largest value allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
}

impl Expectation {
    /// What is wrong, if `got` does not meet the expectation.
    pub fn check(&self, got: f64) -> Option<String> {
        if let Some(value) = self.value {
            let slack = self.relative.unwrap_or(0.0) * value.abs() + self.absolute.unwrap_or(0.0);
            if (got - value).abs().partial_cmp(&slack).is_none_or(|o| o.is_gt()) {
                return Some(format!("{} is {got}, not {value} +- {slack:e}", self.figure));
            }
        }
        if self.at_least.is_some_and(|least| got.is_nan() || got < least) {
            return Some(format!("{} is {got}, below {:?}", self.figure, self.at_least));
        }
        if self.at_most.is_some_and(|most| got.is_nan() || got > most) {
            return Some(format!("{} is {got}, above {:?}", self.figure, self.at_most));
        }
        None
    }
}

/// What can be read from a file before it is known which loss family it configures.
#[derive(Deserialize)]
struct Header {
    experiment: Experiment,
}

/// A config file on disk, and the experiment that it belongs to.
#[derive(Debug, Clone)]
pub struct ConfigFile {
    /// Where it lies.
    pub path: PathBuf,
    /// The file's name without its ending: the run's name.
    pub name: String,
    /// The experiment.
    pub experiment: Experiment,
}

impl ConfigFile {
    /// Reads just enough of a file to know its experiment.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let header: Header = burn_losses::config::load(path).map_err(Error::new)?;
        let name = path.file_stem().unwrap_or_default();
        Ok(Self { path: path.to_owned(), name: name.to_string_lossy().into_owned(), experiment: header.experiment })
    }

    /// Reads all of it, with the loss as one of a family.
    pub fn load<L: DeserializeOwned>(&self) -> Result<RunConfig<L>, Error> {
        let config: RunConfig<L> = burn_losses::config::load(&self.path).map_err(Error::new)?;
        let bad = |what: &str| Err(Error::new(format!("{}: {what}", self.path.display())));
        let training = &config.training;
        if training.epochs == 0 || training.batch_size == 0 || training.passes == 0 {
            return bad("epochs, passes and batch_size must be at least 1");
        }
        if !(training.learning_rate > 0.0 && training.learning_rate <= 1.0) {
            return bad("learning_rate must be in (0, 1]");
        }
        if !(0.0..1.0).contains(&training.momentum) {
            return bad("momentum must be in [0, 1)");
        }
        if (self.experiment == Experiment::Regression) != config.line.is_some() {
            return bad("the table [line] is for regression, and needed there");
        }
        Ok(config)
    }

    /// All config files of an experiment under a folder, by name.
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

/// The folder of the config files: `configs` here, or else that of the repository which this program was built in.
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
            assert!(files.len() >= 5, "{experiment}");
            for file in files {
                assert_eq!(file.experiment, experiment, "{}", file.path.display());
                crate::runs::check(&file).unwrap();
            }
        }
    }

    fn expectation(text: &str) -> Expectation {
        let text = format!("{{ \"figure\": \"slope\", {text} }}");
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn expectations() {
        let near = expectation("\"value\": 2.0, \"relative\": 0.01");
        assert_eq!(near.check(2.019), None);
        assert!(near.check(2.021).is_some());
        assert!(near.check(f64::NAN).is_some());
        let range = expectation("\"at_least\": 0.5, \"at_most\": 1.0");
        assert_eq!(range.check(0.5), None);
        assert!(range.check(0.49).unwrap().contains("slope is 0.49"));
        assert!(range.check(1.01).is_some());
        assert!(range.check(f64::NAN).is_some());
    }
}
