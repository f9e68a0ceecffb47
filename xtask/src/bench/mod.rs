//! The benchmark of all losses, its tables, and the chart of the guide.

mod chart;
mod gpu;
mod table;

/// The formats of the files, which the benchmark compiles too.
#[path = "../../../crates/burn-losses/benches/losses/gpu_results.rs"]
mod gpu_results;
#[path = "../../../crates/burn-losses/benches/losses/results.rs"]
mod results;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use results::{Machine, Results};
use serde::de::DeserializeOwned;

use crate::cargo::cargo;
use crate::golden::python;
use crate::steps::{Failed, Steps};

/// The folder with a file for each machine, from the root of the repository.
const KEPT: &str = "crates/burn-losses/benches/results";
/// The page of the guide that shows the table.
const PAGE: &str = "docs/src/speed.md";
/// The folder that the benchmark writes to.
const MEASURED: &str = "target/bench";
/// The folder of the chart.
const PICTURES: &str = "docs/src/pictures";

/// What is measured, or printed.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only the losses whose `family/kind` contains one of these.
    filters: Vec<String>,
    /// Put the figures of these losses into the file of the machine, in the place of older ones. Each row of the table stands for
    /// itself, since all its figures are measured together.
    #[arg(long, requires = "filters", conflicts_with = "gpu")]
    update: bool,
    /// Measure nothing; print the table of the guide and draw its chart, from the file of this CPU in
    /// crates/burn-losses/benches/results.
    #[arg(long, value_name = "CPU", num_args = 0..=1, default_missing_value = "", conflicts_with = "filters")]
    table: Option<String>,
    /// Measure on a GPU: kernels, tensor operations with and without Burn's fusion, and a copy; beside PyTorch with CUDA, if that is
    /// there. Builds Burn twice.
    #[arg(long, conflicts_with = "table")]
    gpu: bool,
    /// Burn's backend for the GPU.
    #[arg(long, requires = "gpu", value_enum, default_value = "wgpu")]
    device: gpu::Backend,
}

/// Measures, or prints a table and draws the chart. A run of all losses is saved in the file of its machine.
pub(crate) fn run(steps: &mut Steps, options: &Options) -> Result<(), Failed> {
    let failed = |why: String| Failed::new("bench", "cargo xtask bench", &why);
    if let Some(cpu) = &options.table {
        let results = file_of(cpu, &root().join(KEPT)).and_then(|file| read(&file)).map_err(failed)?;
        print!("{}", guide_table(&results).map_err(failed)?);
        return draw(&results, &root()).map_err(failed);
    }
    if options.gpu {
        return gpu::run(steps, options);
    }
    steps.run("bench", command("x86-v4").args(&options.filters))?;
    let results: Results = read(&root().join(MEASURED).join("losses.json")).map_err(failed)?;
    println!(
        "\nForward and backward: milliseconds of the fused engine on Flex; the copy's share of them (1: as fast as reading the\n\
         inputs and writing a gradient); how many times as long the others take (NdArray: against its own fused engine).\n"
    );
    println!("{}", table::full(&results));
    if options.filters.is_empty() || options.update {
        let file = format!("{KEPT}/{}.json", slug(&results.machine));
        let path = root().join(&file);
        let kept = if options.update { updated(read(&path).map_err(failed)?, results) } else { results };
        let json = serde_json::to_string_pretty(&kept).expect("numbers") + "\n";
        fs::create_dir_all(root().join(KEPT))
            .and_then(|()| fs::write(&path, json))
            .map_err(|error| failed(format!("{file}: {error}")))?;
        println!("{file}");
    }
    Ok(())
}

/// The figures of a run of all losses, with those of a newer run of some losses in their place. New losses come last.
fn updated(mut all: Results, newer: Results) -> Results {
    for of in newer.losses {
        match all.losses.iter_mut().find(|old| old.name == of.name) {
            Some(old) => *old = of,
            None => all.losses.push(of),
        }
    }
    all
}

/// The call of cargo that runs the benchmark, with these features and those that both CPU backends need.
fn command(features: &str) -> Command {
    let mut command = cargo(&["bench", "--package", "burn-losses", "--bench", "losses", "--features"]);
    // In release mode everything is built again anyway; leaving out the GPU backends halves that.
    command.args([&format!("flex,ndarray,rayon,simd,{features}"), "--"]);
    // Without this, the flags of .cargo/config.toml apply, and with them the workspace-hack, which requires the features of all
    // members, the GPU backends among them.
    command.env("RUSTFLAGS", "").env_remove("CARGO_ENCODED_RUSTFLAGS");
    command.env("BURN_LOSSES_PYTHON", python());
    command
}

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The file name of a machine: `amd-epyc-2-threads`.
fn slug(machine: &Machine) -> String {
    let name = format!("{} {} threads", machine.cpu, machine.threads).to_lowercase();
    let words = name.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

/// Reads the figures of a run.
fn read<R: DeserializeOwned>(file: &Path) -> Result<R, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))
}

/// The table of the guide, with the losses that the page shows now.
fn guide_table(results: &Results) -> Result<String, String> {
    let page = fs::read_to_string(root().join(PAGE)).map_err(|error| format!("{PAGE}: {error}"))?;
    let (machine, versions) = (&results.machine, &results.versions);
    let torch = versions.torch.as_ref().map_or(String::new(), |version| format!(", PyTorch {version}"));
    eprintln!("{}, {} threads, {}: Burn {}{torch}\n", machine.cpu, machine.threads, results.date, versions.burn);
    Ok(table::guide(results, &table::shown(&page)))
}

/// Draws the chart of the guide, for light and for dark pages, in the repository at `root`.
fn draw(results: &Results, root: &Path) -> Result<(), String> {
    for theme in &chart::THEMES {
        let file = format!("{PICTURES}/speed-{}.svg", theme.name);
        let path = root.join(&file);
        fs::write(path, chart::draw(results, theme)).map_err(|error| format!("{file}: {error}"))?;
        eprintln!("{file}");
    }
    Ok(())
}

/// The files of all machines in a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|of| of == "json")).collect();
    files.sort();
    files
}

/// The file of a CPU; without a name, the only file in the folder.
fn file_of(cpu: &str, folder: &Path) -> Result<PathBuf, String> {
    let files = files(folder);
    let stem = |path: &PathBuf| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let chosen = match &files[..] {
        [only] if cpu.is_empty() => Some(only),
        files => files.iter().find(|path| stem(path) == cpu),
    };
    let names =
        if files.is_empty() { "none".to_owned() } else { files.iter().map(stem).collect::<Vec<_>>().join(", ") };
    chosen.cloned().ok_or_else(|| format!("which file? There is {names} in {KEPT}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_of_the_workspace_are_off() {
        let command = command("x86-v4");
        let flags = command.get_envs().find(|(name, _)| *name == "RUSTFLAGS");
        assert_eq!(flags.and_then(|(_, value)| value), Some("".as_ref()));
        let features = command.get_args().nth(6);
        assert_eq!(features, Some("flex,ndarray,rayon,simd,x86-v4".as_ref()));
        assert_eq!(command.get_args().last(), Some("--".as_ref()));
    }

    /// The guide has the table of one of the files that are kept, and the README its mean.
    #[test]
    fn the_pages_say_what_was_measured() {
        let page = |name: &str| fs::read_to_string(root().join(name)).unwrap();
        let (guide, readme) = (page(PAGE), page("README.md"));
        let shown = table::shown(&guide);
        let kept: Vec<Results> = files(&root().join(KEPT)).iter().map(|file| read(file).unwrap()).collect();
        let is_shown = |results: &&Results| guide.contains(&table::guide(results, &shown));
        let results = kept.iter().find(is_shown).expect("the table that `cargo xtask bench --table` prints");
        let mean = table::means(&results.losses)[2].expect("PyTorch");
        assert!(readme.contains(&format!("{mean:.1} times as fast as PyTorch")), "README.md: the mean is {mean:.1}");
        let [.., eager, compiled] =
            [0, 1, 2, 3].map(|column: usize| results.losses.iter().filter(|of| of.ratios()[column].is_some()).count());
        let counts = format!("those of the {eager} losses that have a twin there, {compiled} of them compiled");
        assert!(guide.contains(&counts), "{PAGE} does not say \"{counts}\"");
    }

    #[test]
    fn a_file_is_named_after_the_machine() {
        let machine = Machine { cpu: "Some(R) CPU @ 2.0 GHz".to_owned(), threads: 2 };
        assert_eq!(slug(&machine), "some-r-cpu-2-0-ghz-2-threads");
    }

    #[test]
    fn newer_figures_take_the_place_of_older_ones() {
        let of = |name: &str, copy: f64| {
            let torch = "\"torch\": null, \"peaks\": [null, null]";
            let times = "\"times\": { \"fused\": {}, \"tensor\": {}, \"forward\": 1.0 }";
            format!(
                "{{ \"name\": \"{name}\", \"size\": [1], \"classes\": null, {times}, \"copy\": {copy}, \"copy_reused\": 1.0, {torch} }}"
            )
        };
        let run = |losses: &[String]| -> Results {
            let machine = "\"machine\": { \"cpu\": \"a\", \"threads\": 2 }, \"date\": \"2026-01-31\"";
            let versions = "\"versions\": { \"burn\": \"0.22.1\", \"torch\": null }";
            let losses = losses.join(", ");
            serde_json::from_str(&format!("{{ {machine}, {versions}, \"losses\": [{losses}] }}")).unwrap()
        };
        let all = updated(run(&[of("a", 1.0), of("b", 2.0)]), run(&[of("c", 4.0), of("a", 3.0)]));
        let figures: Vec<_> = all.losses.iter().map(|of| (of.name.as_str(), of.copy)).collect();
        assert_eq!(figures, [("a", 3.0), ("b", 2.0), ("c", 4.0)]);
    }

    #[test]
    fn the_only_file_needs_no_name() {
        let folder = std::env::temp_dir().join(format!("burn-losses-bench-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        assert!(file_of("", &folder).is_err());
        fs::write(folder.join("a.json"), "").unwrap();
        assert_eq!(file_of("", &folder), Ok(folder.join("a.json")));
        fs::write(folder.join("b.json"), "").unwrap();
        assert!(file_of("", &folder).unwrap_err().contains("a, b"));
        assert_eq!(file_of("b", &folder), Ok(folder.join("b.json")));
        assert!(file_of("c", &folder).is_err());
        fs::remove_dir_all(folder).unwrap();
    }
}
