//! Runs the same trainings on every backend, and tests that their losses agree step by step.
//!
//! ndarray is the reference. A full run also reaches the figures that the config files expect.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo::cargo;
use crate::steps::{Failed, Steps};

/// The exit code of `train-wgpu` if there is no GPU driver, or none that can be trusted.
const NO_DEVICE: i32 = 3;

/// The manifest of the example that is not a part of this workspace.
pub(crate) const DISTRIBUTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/train-distributed/Cargo.toml");

/// Builds the programs once, and runs them one after the other.
pub(crate) fn all(steps: &mut Steps, quick: bool) -> Result<(), Failed> {
    build(steps)?;
    let report = folder().join("..").join(if quick { "verify-quick" } else { "verify" });
    let reference = report.join("ndarray").join("trajectories.json");
    let train = |name: &str, device: Option<&str>| {
        let mut command = program(name);
        command.args(device.into_iter().flat_map(|device| ["--device", device]));
        command.args(["--experiment", "all", "--plain", "--report"]).arg(&report).args(quick.then_some("--quick"));
        command
    };

    steps.run("verify: ndarray", &mut train("train-ndarray", Some("ndarray")))?;
    steps.run("verify: flex", train("train-ndarray", Some("flex")).arg("--reference").arg(&reference))?;
    steps.run("verify: killed and resumed", program("joint-loss").arg("--check"))?;
    steps.run("verify: a long training", program("soak").args(quick.then_some("--steps=3000")))?;
    wgpu(steps, train("train-wgpu", None).arg("--reference").arg(&reference))?;
    if quick {
        return Ok(());
    }
    steps.run("verify: papers", &mut program("papers"))?;
    distributed(steps)
}

/// Runs the example on several devices and processes. It checks itself, and is a workspace of its own that builds slowly.
fn distributed(steps: &mut Steps) -> Result<(), Failed> {
    // The `cfg` of this workspace must not apply, as it would build Burn with the features of all its members.
    let manifest = ["--manifest-path", DISTRIBUTED];
    steps.run("distributed: tests", cargo(&["test"]).args(manifest).env("RUSTFLAGS", ""))?;
    steps.run("distributed", cargo(&["run"]).args(manifest).env("RUSTFLAGS", ""))
}

fn wgpu(steps: &mut Steps, command: &mut Command) -> Result<(), Failed> {
    let required = env::var("BURN_LOSSES_REQUIRE_GPU").is_ok_and(|value| value == "1");
    let skip = (!required).then_some(NO_DEVICE);
    let reason = "no GPU driver that can be used; .ci/software-vulkan installs one that needs no GPU";
    if !steps.run_unless("verify: wgpu", command, skip, reason)? {
        println!(
            "\n\
             !! The wgpu part did NOT run: there is no GPU driver here that can be used (see the message above).\n\
             !! A software driver will do: run .ci/software-vulkan (Debian, Ubuntu; elsewhere install Mesa's lavapipe,\n\
             !! version 25 or later), then this command again. BURN_LOSSES_REQUIRE_GPU=1 makes this a failure."
        );
    }
    Ok(())
}

/// Builds everything with the selection that the tests use, so that nothing is built twice.
pub(crate) fn build(steps: &mut Steps) -> Result<(), Failed> {
    steps.run("build", &mut cargo(&["build", "--workspace", "--all-targets"]))
}

/// Builds everything, and runs a program of this workspace.
pub(crate) fn run(steps: &mut Steps, name: &str, options: Vec<String>) -> Result<(), Failed> {
    build(steps)?;
    steps.run(name, program(name).args(options))
}

/// A program of this workspace.
pub(crate) fn program(name: &str) -> Command {
    Command::new(folder().join(name).with_extension(env::consts::EXE_EXTENSION))
}

/// The folder that cargo puts programs in, `target/debug` or that of `CARGO_TARGET_DIR`: the folder of this program.
fn folder() -> PathBuf {
    let own = env::current_exe().expect("xtask knows where it lies");
    own.parent().map(Path::to_owned).unwrap_or_default()
}
