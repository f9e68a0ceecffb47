//! Trains the experiments on the GPU and compares every step with the CPU: `cargo run -p train-wgpu -- --help`.

#![recursion_limit = "256"]

use std::process::ExitCode;

use burn::tensor::{Device, DeviceKind};
use clap::Parser;
use experiments::cli::{self, EXIT_NO_DEVICE, Options};
use experiments::device::{self, ONES, Target, Unusable};

/// Train with the losses of burn-losses on the GPU, and compare every step with the CPU.
///
/// Runs on the CPU first, unless --reference names the losses of such a run.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let gpu = Device::wgpu(DeviceKind::DefaultDevice);

    let checked = device::check(&gpu);
    let hardware = device::quietly(|| gpu.identity().map(|identity| identity.name));
    let hardware = hardware.ok().flatten().unwrap_or_default();
    match checked {
        Ok(()) => {}
        Err(Unusable::Absent(reason)) => {
            eprintln!(
                "error: found no GPU, nor a driver that stands in for one: install one, Mesa's lavapipe (25 or later) will do"
            );
            eprintln!("(what Burn says: {reason})");
            return ExitCode::from(EXIT_NO_DEVICE);
        }
        Err(Unusable::Wrong(sum)) => {
            eprintln!("error: {hardware}: this driver cannot be trusted, {ONES} ones add up to {sum}");
            return ExitCode::from(EXIT_NO_DEVICE);
        }
    }

    let target = Target::new("wgpu", gpu).described(&hardware);
    #[allow(deprecated)] // Burn means to drop ndarray one day; until then others are measured against it
    let twin = Target::new("ndarray", Device::ndarray());
    cli::main(&arguments.options, &target, Some(&twin))
}
