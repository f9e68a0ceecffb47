//! `burn-losses schema`: what an editor has to know of the config files.

use crate::error::Error;
use burn_losses::schema::{files, of_any, of_family};
use clap::Args;
use std::path::{Path, PathBuf};

/// Print the JSON Schema that gives editors completion and validation
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Of the files of this family, which need no key `family`; without it, of any family
    family: Option<String>,
    /// Writes all of them into this folder
    #[arg(long, value_name = "DIR", conflicts_with = "family")]
    output_dir: Option<PathBuf>,
}

impl Schema {
    /// The schema, or the files that were written.
    pub(crate) fn run(&self) -> Result<String, Error> {
        match (&self.output_dir, &self.family) {
            (Some(folder), _) => write(folder),
            (None, Some(family)) => Ok(text(&of_family(family)?)),
            (None, None) => Ok(text(&of_any())),
        }
    }
}

fn write(folder: &Path) -> Result<String, Error> {
    let failed = |path: &Path, error: std::io::Error| Error::File { path: path.to_owned(), problem: error.to_string() };
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    let mut written = Vec::new();
    for (name, schema) in files() {
        let path = folder.join(name);
        std::fs::write(&path, text(&schema) + "\n").map_err(|error| failed(&path, error))?;
        written.push(path.display().to_string());
    }
    Ok(written.join("\n"))
}

fn text(schema: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(schema).expect("a schema is JSON")
}
