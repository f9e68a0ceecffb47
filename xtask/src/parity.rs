//! The parity matrix: every loss on every device, path, type and form, against tensor operations in f64.

use clap::{Args, ValueEnum};

use crate::cargo::cargo;
use crate::steps::{Failed, Steps};

/// Which part of the matrix is run.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The devices; all if none is named.
    devices: Vec<Device>,
    /// Only the losses whose `family/kind` contains one of these.
    #[arg(long, value_delimiter = ',')]
    losses: Vec<String>,
    /// Only these forms of a batch, as the page names them; a device needs minutes for all of them, and a software GPU hours.
    #[arg(long, value_delimiter = ',')]
    forms: Vec<String>,
}

/// A device, as the tests name it.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Device {
    Flex,
    #[value(name = "ndarray")]
    NdArray,
    Wgpu,
}

/// Runs the devices one after the other, prints the figures of each loss, and writes `docs/src/trust.json` and its page.
pub(crate) fn run(steps: &mut Steps, options: &Options) -> Result<(), Failed> {
    let devices = if options.devices.is_empty() { Device::value_variants() } else { &options.devices };
    for device in devices {
        let name = device.to_possible_value().expect("no device is hidden").get_name().to_owned();
        let mut command = cargo(&["test", "--workspace", "--test", "suite", "--", "--nocapture", "--exact"]);
        command.arg("matrix::the_whole_matrix").env("BURN_LOSSES_PARITY", &name);
        for (variable, words) in
            [("BURN_LOSSES_PARITY_LOSSES", &options.losses), ("BURN_LOSSES_PARITY_FORMS", &options.forms)]
        {
            if !words.is_empty() {
                command.env(variable, words.join(","));
            }
        }
        if let Device::Wgpu = device {
            command.env("BURN_LOSSES_REQUIRE_GPU", "1");
        }
        steps.run(&format!("parity: {name}"), &mut command)?;
    }
    let mut page = cargo(&["test", "--workspace", "--test", "suite", "--", "generated_page_of_trust"]);
    steps.run("the page", page.env("BURN_LOSSES_WRITE", "1"))
}
