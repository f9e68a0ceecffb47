//! The output of the figures: a line on the terminal, and a file.

use crate::results::Measured;
use burn_losses::config::write_file;
use serde::Serialize;
use std::fs;
use std::path::Path;

/// The folder of the files.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/bench");

/// Prints the line of a loss, as soon as it is measured.
pub(crate) fn print(of: &Measured) {
    let names = ["tensor operations on Flex", "on NdArray", "PyTorch", "compiled"];
    let ratios = names.iter().zip(of.ratios()).filter_map(|(name, ratio)| Some(format!("{name} {:.1}", ratio?)));
    println!("{}: {:.1} ms; times as long: {}", of.name, of.flex(), ratios.collect::<Vec<_>>().join(", "));
}

/// Writes the measurements so far.
pub(crate) fn write(file: &str, results: &impl Serialize) {
    let json = serde_json::to_string_pretty(results).expect("numbers") + "\n";
    let written = fs::create_dir_all(FOLDER).and_then(|()| write_file(Path::new(FOLDER).join(file), json));
    written.unwrap_or_else(|error| panic!("{FOLDER}: {error}"));
}
