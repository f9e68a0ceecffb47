//! The golden values, which Python writes.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use crate::steps::{Failed, Steps};

/// Runs `reference/golden.py` with its own environment, or with `$PYTHON`, or with `python3`.
pub(crate) fn run(steps: &mut Steps, check: bool, names: &[String]) -> Result<(), Failed> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../reference");
    let own = folder.join(".venv/bin/python");
    let python =
        if own.exists() { OsString::from(own) } else { env::var_os("PYTHON").unwrap_or_else(|| "python3".into()) };
    let mut command = Command::new(python);
    command.arg(folder.join("golden.py")).args(check.then_some("--check")).args(names);
    steps.run("golden", &mut command)
}
