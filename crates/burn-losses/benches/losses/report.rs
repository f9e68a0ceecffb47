//! The table.

use crate::torch::OfTorch;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

/// Milliseconds; forward and backward, if not said otherwise.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Times {
    /// By the name of the device.
    pub(crate) fused: BTreeMap<&'static str, f64>,
    pub(crate) tensor: BTreeMap<&'static str, f64>,
    /// Forward alone, fused, on Flex.
    pub(crate) forward: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    pub(crate) name: String,
    pub(crate) size: Vec<usize>,
    pub(crate) times: Times,
    pub(crate) copy: f64,
    pub(crate) copy_reused: f64,
    pub(crate) torch: Option<OfTorch>,
    /// Bytes at the peak beyond the inputs, on Flex: fused, and with tensor operations.
    pub(crate) peaks: [Option<usize>; 2],
}

impl Measured {
    fn family(&self) -> &str {
        self.name.split_once('/').map_or(&*self.name, |(family, _)| family)
    }

    fn flex(&self) -> f64 {
        self.times.fused["flex"]
    }

    /// How many times as long as the fused engine on Flex: tensor operations on Flex; NdArray's against its own fused time; PyTorch.
    fn ratios(&self) -> [Option<f64>; 4] {
        let torch = |of: fn(&OfTorch) -> Option<f64>| self.torch.as_ref().and_then(of).map(|time| time / self.flex());
        [
            Some(self.times.tensor["flex"] / self.flex()),
            Some(self.times.tensor["ndarray"] / self.times.fused["ndarray"]),
            torch(|torch| torch.eager_ms),
            torch(|torch| torch.compiled_ms),
        ]
    }
}

fn table(measured: &[Measured]) -> String {
    let mut text = String::from(
        "| loss | size | ms | copy | tensor, Flex | tensor, NdArray | PyTorch | compiled | MB | MB, tensor |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for of in measured {
        let size = of.size.iter().map(usize::to_string).collect::<Vec<_>>().join("x");
        let [flex, ndarray, eager, compiled] = of.ratios().map(times);
        let copy = of.copy / of.flex();
        let [fused, tensor] = of.peaks.map(|peak| peak.map_or("".into(), |bytes| format!("{:.0}", bytes as f64 / 1e6)));
        writeln!(
            text,
            "| {} | {size} | {:.1} | {copy:.2} | {flex} | {ndarray} | {eager} | {compiled} | {fused} | {tensor} |",
            of.name,
            of.flex(),
        )
        .expect("a string");
    }
    let mut families: Vec<&str> = measured.iter().map(Measured::family).collect();
    families.dedup();
    for family in families {
        let of_family: Vec<_> = measured.iter().filter(|of| of.family() == family).collect();
        mean(&mut text, &format!("*mean of {family}*"), &of_family);
    }
    mean(&mut text, "**geometric mean of all**", &measured.iter().collect::<Vec<_>>());
    text
}

/// A line with the geometric means.
fn mean(text: &mut String, name: &str, measured: &[&Measured]) {
    let [flex, ndarray, eager, compiled] = [0, 1, 2, 3].map(|column: usize| {
        let logarithms: Vec<f64> = measured.iter().filter_map(|of| of.ratios()[column]).map(f64::ln).collect();
        let mean = (!logarithms.is_empty()).then(|| (logarithms.iter().sum::<f64>() / logarithms.len() as f64).exp());
        times(mean)
    });
    writeln!(text, "| {name} | | | | {flex} | {ndarray} | {eager} | {compiled} | | |").expect("a string");
}

fn times(ratio: Option<f64>) -> String {
    ratio.map_or("".into(), |ratio| format!("{ratio:.1}"))
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/bench"))
}

pub(crate) fn write(measured: &[Measured]) {
    let folder = folder();
    let json = serde_json::to_string_pretty(measured).expect("numbers");
    let written = std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(folder.join("losses.json"), json))
        .and_then(|()| std::fs::write(folder.join("losses.md"), table(measured)));
    written.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
}

pub(crate) fn print(measured: &[Measured]) {
    println!(
        "\nForward and backward: milliseconds of the fused engine on Flex; the copy's share of them (1: as fast as reading the"
    );
    println!(
        "inputs and writing a gradient); how many times as long the others take (NdArray: against its own fused engine).\n"
    );
    println!("{}", table(measured));
    println!("{} and losses.json", folder().join("losses.md").display());
}
