//! The command line that both programs share, and how they run it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::Error;
use crate::config::{ConfigFile, Experiment, default_folder};
use crate::device::Target;
use crate::report::{Report, result_table};
use crate::runs::{self, RunResult};
use crate::training::Setting;
use crate::trajectory::{Comparison, Trajectories, compare};

/// The exit code if a figure was missed, or if the losses are too far from the reference.
pub const EXIT_MISSED: u8 = 1;
/// The exit code if the options, a config file or the data are wrong.
pub const EXIT_USAGE: u8 = 2;
/// The exit code if there is no device to run on, or none that can be trusted.
pub const EXIT_NO_DEVICE: u8 = 3;

/// Which experiments to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Choice {
    /// Ten kinds of clothes, with losses for classes.
    Images,
    /// Straight lines through real outliers, with regression losses.
    Regression,
    /// Anomalies in a space shuttle's sensors, with binary losses.
    Imbalanced,
    /// The cores of nuclei in a microscope's picture, with losses for regions.
    Segmentation,
    /// Boxes that move along a loss's gradient to their targets.
    Boxes,
    /// Which word follows which, with heads for a large vocabulary.
    Text,
    /// Embeddings of pictures in which what is alike lies together, with losses of metric learning.
    Metric,
    /// Embeddings of pictures in a plane, drawn to the centers of their classes.
    Center,
    /// Embeddings of pictures on a sphere, with margins between the classes.
    Margins,
    /// Intervals that 90 % of the targets lie in, with losses of distributions and quantiles.
    Intervals,
    /// Ten kinds of clothes, some of them rare, with losses for classes.
    #[value(name = "long_tail")]
    LongTail,
    /// Garments at any angle, with losses of rotated boxes.
    Rotated,
    /// Strips of garments that are read from left to right, with CTC.
    Sequences,
    /// A search for similar garments, with losses of ranked lists.
    Ranking,
    /// Images, regression, imbalanced, boxes, intervals, long_tail and rotated, which take a minute and a half together.
    Short,
    /// All of them.
    All,
}

/// The options of both programs.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Which experiments to run.
    #[arg(long, value_enum, default_value = "short")]
    pub experiment: Choice,
    /// Take only a few steps of each run, leave out those that are much like another, and check no figures.
    #[arg(long)]
    pub quick: bool,
    /// Run this config file only (may be given several times).
    #[arg(long, value_name = "FILE")]
    pub config: Vec<PathBuf>,
    /// Write the report into this folder, one subfolder per device.
    #[arg(long, value_name = "DIR", default_value = "report")]
    pub report: PathBuf,
    /// Compare the losses of all steps with this trajectories.json; exit with 1 if they are too far apart.
    #[arg(long, value_name = "FILE")]
    pub reference: Option<PathBuf>,
    /// Plain text instead of the dashboard, also on a terminal.
    #[arg(long)]
    pub plain: bool,
}

impl Options {
    fn files(&self) -> Result<Vec<ConfigFile>, Error> {
        let wanted: &[Experiment] = match self.experiment {
            Choice::Images => &[Experiment::Images],
            Choice::Regression => &[Experiment::Regression],
            Choice::Imbalanced => &[Experiment::Imbalanced],
            Choice::Segmentation => &[Experiment::Segmentation],
            Choice::Boxes => &[Experiment::Boxes],
            Choice::Text => &[Experiment::Text],
            Choice::Metric => &[Experiment::Metric],
            Choice::Center => &[Experiment::Center],
            Choice::Margins => &[Experiment::Margins],
            Choice::Intervals => &[Experiment::Intervals],
            Choice::LongTail => &[Experiment::LongTail],
            Choice::Rotated => &[Experiment::Rotated],
            Choice::Sequences => &[Experiment::Sequences],
            Choice::Ranking => &[Experiment::Ranking],
            Choice::Short => &[
                Experiment::Images,
                Experiment::Regression,
                Experiment::Imbalanced,
                Experiment::Boxes,
                Experiment::Intervals,
                Experiment::LongTail,
                Experiment::Rotated,
            ],
            Choice::All => &Experiment::ALL,
        };
        if !self.config.is_empty() {
            return self.config.iter().map(|p| ConfigFile::open(p)).collect();
        }
        let folder = default_folder();
        let mut files = Vec::new();
        for &experiment in wanted {
            let all = ConfigFile::all(&folder, experiment)?;
            files.extend(all.into_iter().filter(|file| file.quick || !self.quick));
        }
        Ok(files)
    }
}

/// Runs what the options ask for on `target`. With `twin`, runs it on the twin first, and compares the losses.
///
/// A file given with `--reference` replaces the run on the twin.
pub fn main(options: &Options, target: &Target, twin: Option<&Target>) -> ExitCode {
    match try_main(options, target, twin) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(EXIT_MISSED),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(EXIT_USAGE)
        }
    }
}

fn try_main(options: &Options, target: &Target, twin: Option<&Target>) -> Result<bool, Error> {
    let files = options.files()?;
    files.iter().try_for_each(runs::check)?;
    let reference = match (&options.reference, twin) {
        (Some(path), _) => Some(Trajectories::load(path)?),
        (None, Some(twin)) => {
            let results = run_all(&files, options, twin)?;
            finish(options, twin, &results, None)?;
            let device = &twin.description;
            Some(Trajectories::new(device, options.quick, &results))
        }
        (None, None) => None,
    };

    let results = run_all(&files, options, target)?;
    let trajectories = Trajectories::new(&target.description, options.quick, &results);
    let comparison = reference.map(|reference| compare(&reference, &trajectories)).transpose()?;
    finish(options, target, &results, comparison)
}

fn run_all(files: &[ConfigFile], options: &Options, target: &Target) -> Result<Vec<RunResult>, Error> {
    println!("Running on {}", target.description);
    let setting = Setting {
        device: target.device.clone(),
        quick: options.quick,
        plain: options.plain,
        folder: options.report.join(target.name),
    };
    runs::run_all(files, &setting)
}

/// Prints the tables, writes the report, and returns the exit code.
fn finish(
    options: &Options,
    target: &Target,
    results: &[RunResult],
    comparison: Option<Comparison>,
) -> Result<bool, Error> {
    for experiment in Experiment::ALL {
        if results.iter().any(|r| r.experiment == experiment) {
            let device = &target.description;
            println!("\n{experiment} on {device}\n{}", result_table(experiment, results));
        }
    }
    let mut well = true;
    for result in results {
        for missed in &result.missed {
            eprintln!("missed: {}/{}: {missed}", result.experiment, result.config);
            well = false;
        }
    }
    if let Some(comparison) = &comparison {
        let (device, reference) = (&comparison.device, &comparison.reference);
        println!("\nlosses on {device} against {reference}\n{}", comparison.table());
        if !comparison.within() {
            eprintln!("the losses on {device} are too far from those on {reference}");
            well = false;
        }
    }

    let folder = options.report.join(target.name);
    Report { device: &target.description, quick: options.quick, results, comparison: comparison.as_ref() }
        .save(&folder)?;
    println!("\nreport: {}", folder.join("index.html").display());
    Ok(well)
}
