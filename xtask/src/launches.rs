//! What a training step of each loss launches, compiles and allocates on a GPU.

/// The format of the file, which the test compiles too.
#[path = "../../crates/burn-losses/tests/suite/gpu/counts.rs"]
mod counts;

use std::fmt::Write;
use std::fs;

use clap::Args;
use counts::{Counted, Counts};

use crate::cargo::{cargo, metadata};
use crate::steps::{Failed, Steps};

/// What is counted.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only the losses whose `family/kind` contains one of these; all if none is given.
    filters: Vec<String>,
    /// How many rows a batch has.
    #[arg(long, default_value_t = 64)]
    rows: usize,
}

/// Runs the test that counts, and prints its table.
pub(crate) fn run(steps: &mut Steps, options: &Options) -> Result<(), Failed> {
    let failed = |why: String| Failed::new("launches", "cargo xtask launches", &why);
    let file = metadata().map_err(failed)?.target_directory.join("launches.json");
    let mut command =
        cargo(&["test", "--workspace", "--test", "suite", "--", "--exact", "gpu::launches::of_every_loss"]);
    command.env("BURN_LOSSES_LAUNCHES", &file).env("BURN_LOSSES_LAUNCHES_LOSSES", options.filters.join(","));
    command.env("BURN_LOSSES_LAUNCHES_ROWS", options.rows.to_string()).env("BURN_LOSSES_REQUIRE_GPU", "1");
    steps.run("launches", &mut command)?;
    let text = fs::read_to_string(&file).map_err(|error| failed(format!("{}: {error}", file.display())))?;
    let counts: Counts = serde_json::from_str(&text).map_err(|error| failed(format!("{}: {error}", file.display())))?;
    println!("\n{}, {} rows\n\n{}", counts.device, options.rows, table(&counts.losses));
    println!("{}", file.display());
    Ok(())
}

/// A row for each loss, and one for each of its kernels.
fn table(losses: &[Counted]) -> String {
    let mut text = String::from("| loss, kernel | launches | kernels compiled | bytes |\n|---|---|---|---|\n");
    for of in losses {
        let all: usize = of.launches.values().sum();
        writeln!(text, "| {} | {all} | {} | {} |", of.name, of.compiled, of.bytes).expect("a string");
        for (kernel, count) in &of.launches {
            writeln!(text, "| `{kernel}` | {count} | | |").expect("a string");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_has_a_row_and_each_kernel_has_one() {
        let json = r#"{ "device": "a GPU", "losses": [
            { "name": "binary/bce", "launches": { "a::main": 1, "a::finish": 2 }, "compiled": 4, "bytes": 1024 } ] }"#;
        let counts: Counts = serde_json::from_str(json).unwrap();
        let expected = "| loss, kernel | launches | kernels compiled | bytes |\n|---|---|---|---|\n\
                        | binary/bce | 3 | 4 | 1024 |\n| `a::finish` | 2 | | |\n| `a::main` | 1 | | |\n";
        assert_eq!(table(&counts.losses), expected);
    }
}
