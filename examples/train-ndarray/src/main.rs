//! Trains the experiments on the CPU: `cargo run -p train-ndarray -- --help`.

#![recursion_limit = "256"]

use std::process::ExitCode;

use burn::tensor::Device;
use clap::{Parser, ValueEnum};
use experiments::cli::{self, Options};
use experiments::device::Target;

/// Train with the losses of burn-losses on the CPU, and check the figures that come out.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Burn's CPU backend.
    #[arg(long, value_enum, default_value = "ndarray")]
    device: Cpu,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Cpu {
    /// The backend on top of the ndarray crate.
    Ndarray,
    /// Burn's own CPU backend.
    Flex,
}

impl Cpu {
    fn target(self) -> Target {
        match self {
            #[allow(deprecated)] // Burn means to drop ndarray one day; until then losses work on it
            Self::Ndarray => Target::new("ndarray", Device::ndarray()),
            Self::Flex => Target::new("flex", Device::flex()),
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    cli::main(&arguments.options, &arguments.device.target(), None)
}
