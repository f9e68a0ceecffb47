//! `burn-losses schema`: what an editor has to know of the config files.

use crate::error::Error;
use burn_losses::schema::{files, of_any, of_family};
use clap::Args;
use std::path::{Path, PathBuf};

/// Print the JSON Schema that gives editors completion and validation
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  burn-losses schema > loss.schema.json
  burn-losses schema binary > binary.schema.json
  burn-losses schema joint > joint.schema.json
  burn-losses schema --output-dir schema")]
pub(crate) struct Schema {
    /// Of the files of this family, which need no key `family`, of `joint` or of `regularization`; without it, of any family
    family: Option<String>,
    /// Write all of them into this folder
    #[arg(long, value_name = "DIR", conflicts_with = "family")]
    output_dir: Option<PathBuf>,
}

impl Schema {
    /// The schema, or the files that were written.
    pub(crate) fn run(&self) -> Result<String, Error> {
        match (&self.output_dir, &self.family) {
            (Some(folder), _) => write(folder),
            (None, Some(family)) => of_file(family),
            (None, None) => Ok(text(&of_any())),
        }
    }
}

/// The schema of a family, or of another file.
fn of_file(family: &str) -> Result<String, Error> {
    let file = format!("{family}.schema.json");
    match files().into_iter().find(|(name, _)| *name == file) {
        Some((_, schema)) => Ok(text(&schema)),
        None => Ok(text(&of_family(family)?)),
    }
}

fn write(folder: &Path) -> Result<String, Error> {
    std::fs::create_dir_all(folder).map_err(|error| Error::file(folder, error))?;
    let mut written = Vec::new();
    for (name, schema) in files() {
        let path = folder.join(name);
        std::fs::write(&path, text(&schema) + "\n").map_err(|error| Error::file(&path, error))?;
        written.push(path.display().to_string());
    }
    Ok(written.join("\n"))
}

fn text(schema: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(schema).expect("a schema is JSON")
}
