//! The golden values, which a Python program writes.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::steps::{Failed, Steps};

/// The Python of the environment in `reference/`, or else `$PYTHON`, or else `python3`.
pub(crate) fn python() -> OsString {
    let own = folder().join(".venv/bin/python");
    if own.exists() { OsString::from(own) } else { env::var_os("PYTHON").unwrap_or_else(|| "python3".into()) }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../reference")
}

/// Whether this Python has the libraries that the golden values come from, in the versions that the golden files name.
pub(crate) fn has_oracles() -> bool {
    const PROBE: &str = "\
import sys
from importlib.metadata import version
for line in open(sys.argv[1]):
    if '==' in line:
        name, pinned = line.strip().split('==')
        assert version(name).split('+')[0] == pinned";
    let mut command = Command::new(python());
    command.args(["-c", PROBE]).arg(folder().join("requirements.txt")).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Runs `reference/golden.py`.
pub(crate) fn run(steps: &mut Steps, check: bool, names: &[String]) -> Result<(), Failed> {
    let mut command = Command::new(python());
    command.arg(folder().join("golden.py")).args(check.then_some("--check")).args(names);
    steps.run("golden", &mut command)
}
