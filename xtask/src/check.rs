//! What can be said without running anything.

use crate::cargo::cargo;
use crate::steps::{Failed, Steps};
use crate::verify::DISTRIBUTED;

/// Formatting, lints, documentation.
pub(crate) fn all(steps: &mut Steps) -> Result<(), Failed> {
    format(steps)?;
    lints(steps)?;
    documentation(steps)
}

pub(crate) fn format(steps: &mut Steps) -> Result<(), Failed> {
    steps.run("format", &mut cargo(&["fmt", "--all", "--check"]))?;
    steps.run("format", &mut cargo(&["fmt", "--manifest-path", DISTRIBUTED, "--check"]))
}

pub(crate) fn lints(steps: &mut Steps) -> Result<(), Failed> {
    steps.run("lints", &mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

pub(crate) fn documentation(steps: &mut Steps) -> Result<(), Failed> {
    steps.run("documentation", cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}
