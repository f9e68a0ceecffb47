//! How much burn-losses adds to a build: CPU seconds and size, by features and profile.
//!
//! First, everything is built. Then only the measured crate is removed and built again, and its rustc is measured.

mod project;
mod report;
pub(crate) mod wrapper;

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use project::{Project, Subject, artifact};
use report::{Figure, Report};
use serde::Serialize;

use crate::cargo::metadata;
use crate::steps::{Failed, Steps};

/// What is measured.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The sets of features; each builds Burn from nothing the first time. With `flex` comes the program with one loss.
    #[arg(long, value_delimiter = ',', default_values = ["none", "flex", "flex+ndarray", "all"])]
    sets: Vec<Set>,
    /// The profiles.
    #[arg(long, value_delimiter = ',', default_values = ["release", "dev"])]
    profile: Vec<Profile>,
    /// Where the figures are written, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The folder of a crate in the place of burn-losses.
    #[arg(long, hide = true, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/burn-losses"))]
    library: PathBuf,
}

/// A set of features of burn-losses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Set {
    /// No feature: tensor operations alone, and no config files but JSON.
    None,
    /// The default features: one CPU backend, and the fused engine.
    Flex,
    /// Both CPU backends.
    #[value(name = "flex+ndarray")]
    FlexNdarray,
    /// The CPU backends, wgpu, training and schemas.
    All,
}

impl Set {
    /// The set's name on the command line.
    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Flex => "flex",
            Self::FlexNdarray => "flex+ndarray",
            Self::All => "all",
        }
    }

    /// The features of burn-losses.
    fn features(self) -> &'static [&'static str] {
        match self {
            Self::None => &[],
            Self::Flex => &["flex", "toml", "yaml"],
            Self::FlexNdarray => &["flex", "toml", "yaml", "ndarray"],
            Self::All => &["flex", "toml", "yaml", "ndarray", "wgpu", "fusion", "train", "schema"],
        }
    }
}

/// A profile of cargo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
enum Profile {
    /// Cargo's own.
    Release,
    /// That of this workspace: `opt-level = 1`.
    Dev,
}

impl Profile {
    /// The profile's name in cargo.
    fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Dev => "dev",
        }
    }
}

/// Measures, prints a table, and writes the figures to a file if one is given.
pub(crate) fn run(steps: &mut Steps, options: &Options) -> Result<(), Failed> {
    let failed = |why: String| Failed::new("cost", "cargo xtask cost", &why);
    let target = metadata().map_err(failed)?.target_directory;
    let mut report = Report::default();
    for &profile in &options.profile {
        for &set in &options.sets {
            for &subject in Subject::measured_with(set) {
                report.figures.push(measure(steps, options, &target, (subject, set, profile))?);
                if let Some(file) = &options.json {
                    // The figures are written after each measurement, so that an early end of the run loses none.
                    report.write(file).map_err(failed)?;
                }
            }
        }
    }
    println!("\n{}", report.table());
    Ok(())
}

/// Builds everything, then builds only the subject again.
fn measure(
    steps: &mut Steps,
    options: &Options,
    target: &Path,
    (subject, set, profile): (Subject, Set, Profile),
) -> Result<Figure, Failed> {
    let name = format!("cost: {}, {}", set.name(), profile.name());
    let failed = |why: String| Failed::new(&name, "cargo xtask cost", &why);
    let lock = options.library.join("../../Cargo.lock");
    let project =
        Project::new(subject, set, &options.library, &lock, target).map_err(|error| failed(error.to_string()))?;
    steps.run(&name, &mut project.cargo(&["build"], profile))?;
    steps.run(&name, &mut project.cargo(&["clean", "--package", subject.package()], profile))?;
    let times = project.times();
    fs::write(&times, "").map_err(|error| failed(format!("{}: {error}", times.display())))?;
    let build = ["build", "--message-format", "json-render-diagnostics"];
    let messages = steps.output(&name, &mut project.cargo(&build, profile))?;

    let nothing = || failed(format!("cargo did not compile {}", subject.package()));
    let times = fs::read_to_string(&times).map_err(|error| failed(format!("{}: {error}", times.display())))?;
    let cpu_seconds = *wrapper::seconds(&times).get(&*subject.crate_name()).ok_or_else(nothing)?;
    let file = artifact(&messages, subject).ok_or_else(nothing)?;
    let bytes = fs::metadata(&file).map_err(|error| failed(format!("{}: {error}", file.display())))?.len();
    let what = match subject {
        Subject::Library => set.name(),
        Subject::Program => report::PROGRAM,
    };
    Ok(Figure { what: what.to_owned(), profile, cpu_seconds, bytes })
}
