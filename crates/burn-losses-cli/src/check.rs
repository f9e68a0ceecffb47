//! `burn-losses check`: whether config files are right.

use crate::config::Place;
use crate::error::Error;
use crate::hints;
use crate::style::{self, bad, good};
use burn_losses::ConfigError;
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Check config files
///
/// Prints one line per file: `OK` and the loss on stdout, or an error on stderr, with file, line, field, value and allowed values. All
/// files are checked, even after an error. Directories are searched recursively, and files without a loss in them are skipped.
///
/// Exit code 0: all files are valid. 1: a file is invalid. 2: a file cannot be read.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  burn-losses check loss.toml other.yaml
  burn-losses check configs/
  burn-losses check run.toml --at model.loss --family binary
  burn-losses init huber | burn-losses check -")]
pub(crate) struct Check {
    /// Config files (.json, .toml, .yaml) of a loss, a joint loss or a penalty; directories of them; `-` is stdin
    #[arg(required = true, value_name = "FILE|DIR")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    place: Place,
}

/// How many files are right, wrong, unreadable, and without a loss.
#[derive(Default)]
struct Count {
    right: usize,
    wrong: usize,
    unreadable: usize,
    skipped: usize,
}

impl Check {
    /// Checks every file.
    pub(crate) fn run(&self) -> Result<ExitCode, Error> {
        let mut count = Count::default();
        let mut has_folders = false;
        for path in &self.files {
            if path.is_dir() {
                has_folders = true;
                for file in files_of(path)? {
                    if self.place.is_a_loss(&file) {
                        self.check(&file, &mut count)?;
                    } else {
                        count.skipped += 1;
                    }
                }
            } else {
                self.check(path, &mut count)?;
            }
        }
        if has_folders {
            crate::print(&count.summary())?;
        }
        Ok(match count {
            Count { unreadable: 1.., .. } => ExitCode::from(2),
            Count { wrong: 1.., .. } => ExitCode::FAILURE,
            _ => ExitCode::SUCCESS,
        })
    }

    fn check(&self, file: &Path, count: &mut Count) -> Result<(), Error> {
        match self.place.load(file) {
            Ok(document) => {
                count.right += 1;
                crate::print(&format!("{} {}: {}", good("OK"), file.display(), document.name()))?;
            }
            Err(error) => {
                eprintln!("{error}");
                style::hint(hints::of_config(&error));
                let number = if is_unreadable(&error) { &mut count.unreadable } else { &mut count.wrong };
                *number += 1;
            }
        }
        Ok(())
    }
}

fn is_unreadable(error: &ConfigError) -> bool {
    matches!(error.kind(), ConfigError::File(_))
}

impl Count {
    fn summary(&self) -> String {
        let part = |number: usize, words: &str| (number > 0).then(|| format!("{number} {words}"));
        let wrong = part(self.wrong + self.unreadable, "wrong").map(|text| bad(&text));
        let parts = [part(self.right, "right"), wrong, part(self.skipped, "without a loss")];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        if parts.is_empty() { "no config file".to_owned() } else { parts.join(", ") }
    }
}

/// The config files in a folder and its subfolders, sorted by name. Names that begin with a dot are skipped.
fn files_of(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |error: std::io::Error| Error::file(folder, error);
    let mut entries = std::fs::read_dir(folder).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    let mut files = Vec::new();
    for entry in entries.into_iter().filter(|entry| !entry.file_name().to_string_lossy().starts_with('.')) {
        let path = entry.path();
        // A link to a folder could lead back to a folder above it.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            files.extend(files_of(&path)?);
        } else if burn_losses::config::Format::from_path(&path).is_ok() {
            files.push(path);
        }
    }
    Ok(files)
}
