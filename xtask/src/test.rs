//! Everything that has to pass before a change is accepted.

use crate::cargo::{cargo, has_nextest};
use crate::steps::{Failed, Steps};
use crate::{check, examples, guide, mutants, verify};

/// Steps that fail fast come first, and each step uses what an earlier one has built.
pub(crate) fn all(steps: &mut Steps) -> Result<(), Failed> {
    check::format(steps)?;
    check::structure(steps)?;
    tests(steps)?;
    steps.run("doctests", &mut cargo(&["test", "--workspace", "--doc", "--no-fail-fast"]))?;
    guide::build(steps)?;
    check::lints(steps)?;
    check::documentation(steps)?;
    verify::all(steps, true)?;
    examples::all(steps)?;
    mutants::test(steps)
}

/// The features for devices that the command does not have by default; they are tested too.
const DEVICES: &str = "burn-losses-cli/ndarray,burn-losses-cli/wgpu";

fn tests(steps: &mut Steps) -> Result<(), Failed> {
    let arguments: &[&str] = if has_nextest() {
        &["nextest", "run", "--workspace", "--features", DEVICES, "--no-fail-fast"]
    } else {
        &["test", "--workspace", "--features", DEVICES, "--all-targets", "--no-fail-fast"]
    };
    steps.run("tests", &mut cargo(arguments))
}

/// Fuzzes the command. The harness is a test of its program.
pub(crate) fn fuzz(steps: &mut Steps, options: &[String]) -> Result<(), Failed> {
    let program = ["test", "--workspace", "--features", DEVICES, "--bin", "burn-losses"];
    let test = ["--", "--exact", "fuzz::no_input_is_a_fault", "--nocapture"];
    steps.run("fuzz", cargo(&program).args(test).env("BURN_LOSSES_FUZZ", options.join(" ")))
}
