//! The benchmark on a GPU: two builds, without Burn's fusion and with it, and one table of both.

use std::fmt::Write;

use clap::ValueEnum;

use super::gpu_results::{GpuResults, OnGpu};
use super::results::OfTorch;
use super::table::size;
use super::{MEASURED, Options, command, read, root};
use crate::steps::{Failed, Steps};

/// A backend of Burn, named as its feature.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Backend {
    Wgpu,
    Vulkan,
    Metal,
    Webgpu,
    Cuda,
    Rocm,
    /// CubeCL's CPU runtime.
    Cpu,
}

/// Measures without fusion and with it, and prints a table.
pub(super) fn run(steps: &mut Steps, options: &Options) -> Result<(), Failed> {
    let backend = options.device.to_possible_value().expect("no backend is hidden").get_name().to_owned();
    let device = format!("--device={backend}");
    let mut measure = |features: &str, file: &str| {
        steps.run(&format!("bench: {features}"), command(features).arg(&device).args(&options.filters))?;
        let file = root().join(MEASURED).join(file);
        read::<GpuResults>(&file).map_err(|why| Failed::new("bench", "cargo xtask bench --gpu", &why))
    };
    let plain = measure(&backend, &format!("{backend}.json"))?;
    let fusion = measure(&format!("{backend},fusion"), &format!("{backend}-fusion.json"))?;
    let gpu = &plain.gpu;
    let driver = gpu.driver.as_deref().unwrap_or("unknown");
    println!("\n{} by {} ({}), driver: {driver}; Burn {}", gpu.name, gpu.backend, gpu.target, plain.versions.burn);
    println!(
        "Forward and backward: milliseconds with kernels, without fusion and with it; the copy's share of them (1: as fast as \n\
         moving the same bytes on the device); how many times as long the others take, each against kernels in the same build.\n"
    );
    println!("{}", table(&plain.losses, &fusion.losses));
    println!("{MEASURED}/{backend}.json, {MEASURED}/{backend}-fusion.json");
    Ok(())
}

/// A row for each loss that was measured in both builds.
fn table(plain: &[OnGpu], fusion: &[OnGpu]) -> String {
    let mut text = String::from(
        "| loss | size | ms | ms, fusion | copy | tensor | tensor, fusion | PyTorch | compiled |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for (plain, fusion) in plain.iter().filter_map(|of| Some((of, fusion.iter().find(|other| other.name == of.name)?)))
    {
        let torch = |time: fn(&OfTorch) -> Option<f64>| {
            let time = plain.torch.as_ref().and_then(time);
            time.map_or(String::new(), |time| format!(" {:.1}", time / plain.fused))
        };
        writeln!(
            text,
            "| {} | {} | {:.3} | {:.3} | {:.2} | {:.1} | {:.1} |{} |{} |",
            plain.name,
            size(&plain.size, plain.classes),
            plain.fused,
            fusion.fused,
            plain.copy / plain.fused,
            plain.tensor / plain.fused,
            fusion.tensor / fusion.fused,
            torch(|torch| torch.eager_ms),
            torch(|torch| torch.compiled_ms),
        )
        .expect("a string");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_figures_of_both_builds() {
        let results = |fused: f64, tensor: f64, torch: &str| -> Vec<OnGpu> {
            let json = format!(
                r#"[{{ "name": "binary/bce", "size": [4, 1, 8], "classes": null, "fused": {fused:?}, "forward": 0.5,
                      "tensor": {tensor:?}, "copy": 1.0, "torch": {torch} }}]"#
            );
            serde_json::from_str(&json).unwrap()
        };
        let torch = r#"{ "eager_ms": 6.0, "compiled_ms": null, "eager_peak_bytes": 8.0 }"#;
        let text = table(&results(2.0, 10.0, torch), &results(2.5, 5.0, "null"));
        assert!(text.ends_with("\n| binary/bce | 4 x 8 | 2.000 | 2.500 | 0.50 | 5.0 | 2.0 | 3.0 | |\n"), "{text}");
    }
}
