//! Training losses step by step, and how far those on one device are from those on another.
//!
//! # What is compared, and how closely
//!
//! Two runs of a config start from the same weights and see the same batches. On two devices the sums of a step are
//! added in another order, and `exp` or `tanh` may round differently, so a step's loss differs by a few units of the
//! last place (6e-8 relative). The training carries this difference on, and every later step adds to it. The deviation
//! of a step is
//!
//! ```text
//! |loss - reference| / max(|reference|, 1 % of the reference's first loss)
//! ```
//!
//! A run has to stay below [`EARLY_TOLERANCE`] over its first [`EARLY_STEPS`] steps, where a wrong gradient shows at once
//! and rounding has had no time to grow, and below [`WHOLE_TOLERANCE`] over all its steps. Some runs have wider tolerances:
//!
//! - [`LOOSE_TOLERANCE`] over all steps, where small differences grow: GHM's histogram jumps when rounding moves a row over
//!   the edge of a bin, and losses of regions train at the edge of stability.
//! - [`BOXES_TOLERANCE`] over all steps, for boxes: those that have arrived jump around their target, and what remains is a
//!   sum of small values that are not reproducible.
//! - [`EMBEDDING_TOLERANCE`] over all steps, for embeddings: the smallest difference can move one across a margin.
//! - [`TRIPLET_TOLERANCE`] over the early steps, for triplets; later steps are not compared. Their mean is taken over the
//!   triplets with a positive loss. When few of these are left, one more or less decides the value.
//! - [`LOOSE_TOLERANCE`] over all steps, for a long tail: a row of a rare class with its large weight decides the loss of a step. The
//!   same for intervals: a small variance multiplies the smallest difference.
//! - Later steps are not compared for `multi_quantile`, whose slope jumps where a prediction passes its target, and for rotated
//!   boxes, whose angle jumps where two small outputs of the network change their signs.
//! - [`ARCFACE_TOLERANCE`] over the early steps, for ArcFace: it computes the sine of an angle from its cosine, a steep function
//!   where an embedding points at its class.
//!
//! Measured between ndarray and Flex over full runs: at most 1.7e-6 in the early steps; over all steps at most 2.1e-5,
//! but 1.2e-3 for GHM, 1.1e-3 for regions, 1.5e-4 for a long tail, and 1.7e-3 for boxes (on wgpu 8.5e-3). The networks use tanh so that rounding
//! stays this small: with GELU the early steps were 2e-5 to 7e-5 apart, as backends approximate its error function
//! differently.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::config::Experiment;
use crate::runs::RunResult;

/// How many steps count as early.
pub const EARLY_STEPS: usize = 10;
/// The largest deviation allowed in an early step.
pub const EARLY_TOLERANCE: f64 = 1e-5;
/// The largest deviation allowed in any step.
pub const WHOLE_TOLERANCE: f64 = 1e-4;
/// The largest deviation allowed in any step where small differences grow: for GHM, and the experiments `segmentation`,
/// `long_tail` and `intervals`.
pub const LOOSE_TOLERANCE: f64 = 1e-2;
/// The largest deviation allowed in any step of the experiment `boxes`.
pub const BOXES_TOLERANCE: f64 = 5e-2;
/// The largest deviation allowed in an early step for ArcFace.
pub const ARCFACE_TOLERANCE: f64 = 1e-3;
/// The largest deviation allowed in any step of the experiments with embeddings.
pub const EMBEDDING_TOLERANCE: f64 = 5e-2;
/// The largest deviation allowed in an early step for triplets.
pub const TRIPLET_TOLERANCE: f64 = 1e-2;

/// The losses of all runs on one device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trajectories {
    /// The device.
    pub device: String,
    /// Whether only a few steps were taken.
    pub quick: bool,
    /// The runs, one per config file.
    pub runs: Vec<Trajectory>,
}

/// The losses of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trajectory {
    /// The experiment.
    pub experiment: Experiment,
    /// The config file's name.
    pub config: String,
    /// The loss's `kind`; empty for a sum.
    pub kind: String,
    /// The training loss at each step.
    pub losses: Vec<f64>,
}

impl Trajectory {
    /// The largest deviation allowed in an early step.
    fn allowed_early(&self) -> f64 {
        match self.kind.as_str() {
            "arcface" => ARCFACE_TOLERANCE,
            "triplet" => TRIPLET_TOLERANCE,
            _ => EARLY_TOLERANCE,
        }
    }

    /// The largest deviation allowed in any step.
    fn allowed(&self) -> f64 {
        match self.experiment {
            Experiment::Boxes => BOXES_TOLERANCE,
            Experiment::Rotated => f64::INFINITY,
            _ if ["triplet", "multi_quantile"].contains(&self.kind.as_str()) => f64::INFINITY,
            experiment if experiment.embeds() => EMBEDDING_TOLERANCE,
            Experiment::Segmentation | Experiment::LongTail | Experiment::Intervals => LOOSE_TOLERANCE,
            _ if self.kind.starts_with("ghm") => LOOSE_TOLERANCE,
            _ => WHOLE_TOLERANCE,
        }
    }
}

impl Trajectories {
    /// The trajectories of some runs.
    pub fn new(device: &str, quick: bool, results: &[RunResult]) -> Self {
        let trajectory = |result: &RunResult| Trajectory {
            experiment: result.experiment,
            config: result.config.clone(),
            kind: result.loss["kind"].as_str().unwrap_or_default().to_owned(),
            losses: result.outcome.history.steps.clone(),
        };
        Self { device: device.to_string(), quick, runs: results.iter().map(trajectory).collect() }
    }

    /// Reads a file that [`Trajectories::save`] wrote.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|error| Error::file(path, error))?;
        serde_json::from_str(&text).map_err(|error| Error::file(path, error))
    }

    /// Writes a JSON file.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let text = serde_json::to_string(self).map_err(Error::new)?;
        crate::write(path, text)
    }
}

/// How far one run is from its reference.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Deviation {
    /// The experiment.
    pub experiment: Experiment,
    /// The config file's name.
    pub config: String,
    /// How many steps were compared.
    pub steps: usize,
    /// The largest deviation allowed in an early step.
    pub allowed_early: f64,
    /// The largest deviation allowed in any step.
    pub allowed: f64,
    /// The largest deviation among the early steps.
    pub early: f64,
    /// The largest deviation among all steps.
    pub whole: f64,
    /// The step of the largest deviation, counted from 1.
    pub worst_step: usize,
}

impl Deviation {
    /// Whether the run is within both tolerances.
    pub fn within(&self) -> bool {
        self.early <= self.allowed_early && self.whole <= self.allowed
    }
}

/// How far one device is from another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The device whose losses are the reference.
    pub reference: String,
    /// The device that is compared with it.
    pub device: String,
    /// The deviations, one per run.
    pub runs: Vec<Deviation>,
}

impl Comparison {
    /// Whether every run is within both tolerances.
    pub fn within(&self) -> bool {
        self.runs.iter().all(Deviation::within)
    }

    /// A table for the terminal.
    pub fn table(&self) -> comfy_table::Table {
        let mut table = crate::report::table();
        let early = format!("first {EARLY_STEPS} steps");
        table.set_header(["run", "steps", &early, "allowed", "all steps", "allowed", "at step", ""]);
        for run in &self.runs {
            table.add_row([
                format!("{}/{}", run.experiment, run.config),
                run.steps.to_string(),
                format!("{:.1e}", run.early),
                format!("{:e}", run.allowed_early),
                format!("{:.1e}", run.whole),
                format!("{:e}", run.allowed),
                run.worst_step.to_string(),
                if run.within() { "" } else { "TOO FAR" }.to_string(),
            ]);
        }
        table
    }
}

/// Compares every run of `other` with that of `reference`.
///
/// It is an error if a run has no counterpart, or one of another length, since nothing would be compared then.
pub fn compare(reference: &Trajectories, other: &Trajectories) -> Result<Comparison, Error> {
    let mut runs = Vec::new();
    for run in &other.runs {
        let name = format!("{}/{}", run.experiment, run.config);
        let twin = reference
            .runs
            .iter()
            .find(|r| r.experiment == run.experiment && r.config == run.config)
            .ok_or_else(|| Error::new(format!("{name}: not among the reference's runs")))?;
        let (ours, theirs) = (run.losses.len(), twin.losses.len());
        if ours != theirs || ours == 0 {
            return Err(Error::new(format!(
                "{name}: {ours} steps here and {theirs} in the reference (was one of them a quick run?)"
            )));
        }
        let floor = 0.01 * twin.losses[0].abs();
        let deviation = |(a, b): (&f64, &f64)| {
            let relative = (a - b).abs() / b.abs().max(floor).max(f64::MIN_POSITIVE);
            if relative.is_nan() { f64::INFINITY } else { relative }
        };
        let deviations: Vec<f64> = run.losses.iter().zip(&twin.losses).map(deviation).collect();
        let worst = (0..ours).fold(0, |w, i| if deviations[i] > deviations[w] { i } else { w });
        let early = deviations.iter().take(EARLY_STEPS);
        runs.push(Deviation {
            experiment: run.experiment,
            config: run.config.clone(),
            steps: ours,
            allowed_early: run.allowed_early(),
            allowed: run.allowed(),
            early: early.fold(0.0, |a: f64, &b| a.max(b)),
            whole: deviations[worst],
            worst_step: worst + 1,
        });
    }
    Ok(Comparison { reference: reference.device.clone(), device: other.device.clone(), runs })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(losses: Vec<f64>) -> Trajectories {
        Trajectories {
            device: "test".to_string(),
            quick: false,
            runs: vec![Trajectory {
                experiment: Experiment::Images,
                config: "focal".to_string(),
                kind: "focal".to_string(),
                losses,
            }],
        }
    }

    #[test]
    fn equal_runs_do_not_deviate() {
        let run = one(vec![2.0, 1.0, 0.0]);
        let comparison = compare(&run, &run).unwrap();
        assert!(comparison.within());
        assert_eq!(comparison.runs[0].whole, 0.0);
    }

    #[test]
    fn the_worst_step_is_found_and_measured() {
        let reference = one(vec![2.0, 1.0, 0.5]);
        let comparison = compare(&reference, &one(vec![2.0, 1.1, 0.51])).unwrap();
        let run = &comparison.runs[0];
        assert!((run.whole - 0.1).abs() < 1e-12, "{run:?}");
        assert_eq!((run.worst_step, run.steps), (2, 3));
        assert!(!comparison.within());
        assert!(comparison.table().to_string().contains("TOO FAR"));
    }

    #[test]
    fn a_loss_near_zero_is_measured_against_the_first() {
        let comparison = compare(&one(vec![2.0, 0.0]), &one(vec![2.0, 1e-6])).unwrap();
        assert!((comparison.runs[0].whole - 5e-5).abs() < 1e-12);
    }

    #[test]
    fn not_a_number_is_infinitely_far() {
        let comparison = compare(&one(vec![2.0, 1.0]), &one(vec![2.0, f64::NAN])).unwrap();
        assert_eq!(comparison.runs[0].whole, f64::INFINITY);
        assert!(!comparison.within());
    }

    #[test]
    fn other_lengths_and_missing_runs_are_errors() {
        let quick = compare(&one(vec![2.0, 1.0]), &one(vec![2.0])).unwrap_err();
        assert!(quick.to_string().contains("images/focal: 1 steps"), "{quick}");
        let mut other = one(vec![2.0]);
        other.runs[0].config = "bce".to_string();
        assert!(compare(&one(vec![2.0]), &other).is_err());
    }
}
