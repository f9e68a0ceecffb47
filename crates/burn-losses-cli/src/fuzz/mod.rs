//! Fuzzing: random config files, files of tensors and arguments. None of them may make the command panic, hang, or take memory
//! out of proportion.
//!
//! The harness is a test of the program, since the command has no library; it needs no other compiler than the stable one.
//! `cargo xtask fuzz` runs it for as long as one wants, and the tests try a few seconds of the same inputs.
//!
//! An input is made from the descriptions in the registry, by a seed and an index alone. A fault is reported with both. Its input
//! is made smaller and written to a file.

mod batches;
mod configs;
mod faults;
mod mutate;
mod random;
mod run;
mod target;

use clap::{Parser, ValueEnum};
use run::{Limit, Report, run};
use std::path::PathBuf;
use std::time::Duration;
use target::Target;

/// Fuzz the readers of config files and of tensors, `diagnose` and `plot --set`
#[derive(Debug, Parser)]
#[command(name = "cargo xtask fuzz")]
struct Options {
    /// What is fuzzed [default: everything]
    #[arg(long, value_enum)]
    target: Vec<Target>,
    /// How long, each target for its share of it
    #[arg(long, conflicts_with = "runs")]
    seconds: Option<u64>,
    /// How many inputs for each target [default: as many as the tests try]
    #[arg(long)]
    runs: Option<u64>,
    /// Another seed gives other inputs
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The first input
    #[arg(long, default_value_t = 0)]
    index: u64,
    /// Try this file, which a run has written, and nothing else
    #[arg(long, requires = "target")]
    file: Option<PathBuf>,
}

impl Options {
    fn targets(&self) -> &[Target] {
        if self.target.is_empty() { Target::value_variants() } else { &self.target }
    }

    fn limit(&self, target: Target) -> Limit {
        match self.seconds {
            Some(seconds) => Limit::Time(Duration::from_secs(seconds) / self.targets().len() as u32),
            None => Limit::Runs(self.runs.unwrap_or(target.entry().runs_in_tests)),
        }
    }

    fn run(&self, target: Target) -> Report {
        match &self.file {
            Some(path) => run::replay(target, path),
            None => run(target, self.seed, self.index, self.limit(target)),
        }
    }
}

#[test]
fn no_input_is_a_fault() {
    let given = std::env::var("BURN_LOSSES_FUZZ").unwrap_or_default();
    let options = Options::parse_from(["fuzz"].into_iter().chain(given.split_whitespace()));
    let mut faults = Vec::new();
    for target in options.targets() {
        let report = options.run(*target);
        faults.extend(report.faults);
        // A run of inputs that are all refused, or all accepted, would say little.
        let is_mixed = report.accepted > 0 && report.refused > 0;
        assert!(is_mixed || report.accepted + report.refused < 100, "{target:?}: every input has the same answer");
    }
    assert!(faults.is_empty(), "{} faults\n\n{}", faults.len(), faults.join("\n"));
}
