//! `burn-losses check`: whether config files are right.

use crate::config::Place;
use crate::print;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

/// Checks config files of losses
///
/// Prints one line per file: `OK` and the loss on stdout, or what is wrong on stderr, with file, line, field, value and
/// what is allowed. All files are checked; the exit code is 1 if any of them is wrong.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Files with `family`, `kind` and the fields of the loss (.json, .toml, .yaml)
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    place: Place,
}

impl Check {
    /// Checks every file.
    pub(crate) fn run(&self) -> ExitCode {
        let mut code = ExitCode::SUCCESS;
        for file in &self.files {
            match self.place.load(file) {
                Ok(config) => print(&format!("OK {}: {}/{}", file.display(), config.family(), config.kind())),
                Err(error) => {
                    eprintln!("{error}");
                    code = ExitCode::FAILURE;
                }
            }
        }
        code
    }
}
