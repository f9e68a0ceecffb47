//! Mutation testing. Its program is a workspace of its own, in `xtask/mutants`.

use crate::cargo::cargo;
use crate::steps::{Failed, Steps};

/// The manifest of the program, which is not a part of this workspace.
pub(crate) const MUTANTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/mutants/Cargo.toml");

/// Runs the program, which builds a copy of the library and tests it.
pub(crate) fn run(steps: &mut Steps, options: &[String]) -> Result<(), Failed> {
    steps.run("mutants", cargo(&["run", "--quiet", "--manifest-path", MUTANTS, "--"]).args(options))
}

/// Tests the program itself, with a library of a few lines.
pub(crate) fn test(steps: &mut Steps) -> Result<(), Failed> {
    steps.run("tests of mutants", &mut cargo(&["test", "--manifest-path", MUTANTS]))
}
