//! `burn-losses schema`: what an editor needs to know about the config files.

use crate::error::Error;
use burn_losses::schema::{files, of_any, of_family};
use clap::Args;
use serde_json::{Map, json};
use std::path::{Path, PathBuf};

/// Print the JSON Schema that gives editors completion and validation
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  burn-losses schema > loss.schema.json
  burn-losses schema binary > binary.schema.json
  burn-losses schema joint > joint.schema.json
  burn-losses schema --output-dir schema
  burn-losses schema --output-dir schema --vscode > .vscode/settings.json
  burn-losses schema --output-dir schema --taplo > .taplo.toml")]
pub(crate) struct Schema {
    /// The schema of a family, whose files need no key `family`, of `joint`, or of `regularization` [default: the schema of any family]
    family: Option<String>,
    /// Write all schemas into this folder
    #[arg(long, value_name = "DIR", conflicts_with = "family")]
    output_dir: Option<PathBuf>,
    /// Print VS Code settings that apply these schemas to files named `loss` and `joint` (.toml, .json, .yaml)
    #[arg(long, requires = "output_dir", conflicts_with = "taplo")]
    vscode: bool,
    /// Print a Taplo config that applies these schemas to files named `loss.toml` and `joint.toml`
    #[arg(long, requires = "output_dir")]
    taplo: bool,
}

impl Schema {
    /// Prints the schema, or names the files that were written.
    pub(crate) fn run(&self) -> Result<String, Error> {
        match (&self.output_dir, &self.family) {
            (Some(folder), _) => {
                let written = write(folder)?;
                match self {
                    Self { vscode: true, .. } => vscode(folder),
                    Self { taplo: true, .. } => Ok(taplo(folder)),
                    _ => Ok(written),
                }
            }
            (None, Some(family)) => of_file(family),
            (None, None) => Ok(text(&of_any())),
        }
    }
}

/// The schema of a family, of a joint loss, or of penalties.
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
        crate::write(&path, text(&schema) + "\n")?;
        written.push(path.display().to_string());
    }
    Ok(written.join("\n"))
}

/// The file names (without extension) that editor settings give schemas to, each with its schema.
const EDITED: [&str; 2] = ["loss", "joint"];

fn vscode(folder: &Path) -> Result<String, Error> {
    // The TOML editor expects a URI.
    let folder = std::path::absolute(folder).map_err(|error| Error::file(folder, error))?;
    let uri = |name: &str| format!("file://{}/{name}.schema.json", folder.display().to_string().replace('\\', "/"));
    let json = EDITED.map(|name| json!({ "fileMatch": [format!("**/{name}.json")], "url": uri(name) }));
    let yaml: Map<_, _> =
        EDITED.iter().map(|name| (uri(name), json!([format!("**/{name}.yaml"), format!("**/{name}.yml")]))).collect();
    let toml: Map<_, _> = EDITED.iter().map(|name| (format!("^.*/{name}\\.toml$"), json!(uri(name)))).collect();
    let settings = json!({ "json.schemas": json, "yaml.schemas": yaml, "evenBetterToml.schema.associations": toml });
    Ok(text(&settings))
}

fn taplo(folder: &Path) -> String {
    let rule = |name: &str| {
        let path = folder.join(format!("{name}.schema.json"));
        format!("[[rule]]\ninclude = [\"**/{name}.toml\"]\n[rule.schema]\npath = {:?}", path.display().to_string())
    };
    EDITED.map(rule).join("\n\n")
}

fn text(schema: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(schema).expect("a schema is JSON")
}
