//! The tasks of this workspace: `cargo xtask --help`.

mod api;
mod bench;
mod cargo;
mod check;
mod cost;
mod deny;
mod examples;
mod features;
mod fetch;
mod first_run;
mod generate;
mod golden;
mod guide;
mod launches;
mod layers;
mod mutants;
mod new;
mod package;
mod pages;
mod parity;
mod steps;
mod test;
mod tokens;
mod verify;
mod words;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use steps::{Failed, Steps};

/// The tasks of this workspace.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Formatting, layers, words, API, links, packages, licenses, features, lints and documentation; runs nothing.
    Check,
    /// All that has to hold: `check`, every test, `verify --quick`.
    Test,
    /// Trains the examples on ndarray, Flex and wgpu, and compares the losses of all steps.
    Verify {
        /// A few steps of each run; the figures that a full run has to reach are not checked.
        #[arg(long)]
        quick: bool,
    },
    /// Trains the examples on ndarray, with the features that the tests are built with.
    Train {
        /// Options of `train-ndarray`, for instance `--help`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Measures the time from a clone with nothing built to the first trained model; fails above a limit.
    FirstRun(first_run::Options),
    /// Measures what the papers of the losses claim; fails if a number is outside its band.
    Papers {
        /// Options of `papers`, for instance `--only focal`, or `--help`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Trains for 100,000 steps: memory and time must not grow, and a restart must not change a bit.
    Soak {
        /// Options of `soak`, for instance `--steps 3000`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Writes workspace-hack/Cargo.toml, so that every selection of packages builds each crate with the same features.
    Features {
        /// Write nothing; fail if the features of two selections differ.
        #[arg(long)]
        check: bool,
    },
    /// Prints the circles of imports in the library; fails on an import from a higher layer.
    Layers,
    /// Writes the public API of the crates into xtask/api, as the source has it.
    Api {
        /// Write nothing; fail if it has changed.
        #[arg(long)]
        check: bool,
    },
    /// Fails on words that xtask/words.txt replaces by others.
    Words,
    /// Licenses, sources and versions of all crates, as deny.toml allows them; without a network.
    Deny,
    /// Checks the links, the headings and the Rust blocks of the README and the guide, without a network.
    Links,
    /// Builds the guide with mdBook into target/guide/book.
    Guide,
    /// Measures what burn-losses adds to a build: CPU seconds and size; everything from nothing takes over an hour.
    Cost(cost::Options),
    /// Measures every loss on the CPU backends or, with `--gpu`, on a GPU, fused and not, beside PyTorch; builds Burn once more, in
    /// release mode.
    Bench(bench::Options),
    /// Compares every loss on every device, path, type and form with tensor operations in f64; writes docs/src/trust.md.
    Parity(parity::Options),
    /// Counts what a training step of each loss launches, compiles and allocates on a GPU.
    Launches(launches::Options),
    /// Measures the memory of large vocabularies and of mining, at full size.
    Memory,
    /// Fuzzes the readers of config files and of tensors, `diagnose` and `plot --set`; without options, with the inputs of the tests.
    Fuzz {
        /// Options of the harness: `--seconds 600`, `--target toml`, `--help`, ..
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Changes formulas, executors and primitives in 500 places, and counts the changes that the tests notice; takes hours.
    Mutants {
        /// Options of the program: `--list`, `--seed 2`, `--files 'formula/**'`, `--resume`, `--help`, ..
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Fetches data that is not a part of the repository, into data/fetched; the examples take it where it is there.
    Fetch {
        /// The data set.
        set: fetch::Set,
    },
    /// Writes the files of a new loss from the template of its family, and registers it: `cargo xtask new regression/mine`.
    New {
        /// `family/kind`.
        loss: String,
    },
    /// Writes everything that is generated: golden values, pages of the guide, schemas, pictures, the features of the workspace.
    Generate {
        /// The losses whose golden values are written, `family/kind`; all if none is named.
        names: Vec<String>,
    },
    /// Packs the crates, and tests them with nothing of the repository around them; builds Burn once more.
    Package,
    /// Writes the picture of every loss and the page that shows them, in crates/burn-losses/gallery, and those of the guide.
    Gallery {
        /// Write nothing; fail if a picture is missing or stale, as the tests do.
        #[arg(long)]
        check: bool,
    },
    /// Writes the golden values; needs Python, see reference/README.md.
    Golden {
        /// Write nothing; fail if a file differs from what would be written.
        #[arg(long)]
        check: bool,
        /// `family/kind`; all if none is named.
        names: Vec<String>,
    },
}

fn main() -> ExitCode {
    if let Some(code) = cost::wrapper::run() {
        return code;
    }
    let task = Arguments::parse().task;
    let mut steps = Steps::new(&std::env::args().nth(1).unwrap_or_default());
    let result = run(task, &mut steps);
    steps.print_summary();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            eprintln!("\n{failed}");
            ExitCode::FAILURE
        }
    }
}

/// Whether there is a task of this name.
fn is_task(name: &str) -> bool {
    Arguments::command().find_subcommand(name).is_some()
}

fn run(task: Task, steps: &mut Steps) -> Result<(), Failed> {
    match task {
        Task::Check => check::all(steps),
        Task::Test => test::all(steps),
        Task::Verify { quick } => verify::all(steps, quick),
        Task::Train { options } => verify::run(steps, "train-ndarray", options),
        Task::FirstRun(options) => steps.own("first-run", || first_run::run(&options)),
        Task::Papers { options } => verify::run(steps, "papers", options),
        Task::Soak { options } => verify::run(steps, "soak", options),
        Task::Features { check } => steps.own("features", if check { features::check } else { features::write }),
        Task::Layers => steps.own("layers", layers::run),
        Task::Api { check } => steps.own("api", if check { api::check } else { api::write }),
        Task::Words => steps.own("words", words::check),
        Task::Deny => steps.own("deny", deny::check),
        Task::Links => steps.own("links", guide::check),
        Task::Guide => guide::build(steps),
        Task::Cost(options) => cost::run(steps, &options),
        Task::Bench(options) => bench::run(steps, &options),
        Task::Parity(options) => parity::run(steps, &options),
        Task::Launches(options) => launches::run(steps, &options),
        Task::Memory => {
            let arguments = ["test", "--workspace", "--test", "memory", "--", "--nocapture"];
            steps.run("memory", cargo::cargo(&arguments).env("BURN_LOSSES_FULL", "1"))
        }
        Task::Fuzz { options } => test::fuzz(steps, &options),
        Task::Mutants { options } => mutants::run(steps, &options),
        Task::Fetch { set } => fetch::run(steps, set),
        Task::New { loss } => steps.own("new", || new::run(&loss)),
        Task::Generate { names } => generate::all(steps, &names),
        Task::Package => package::all(steps),
        Task::Gallery { check } => {
            let arguments = ["test", "--workspace", "--test", "gallery", "--test", "guide", "--", "--nocapture"];
            let mut command = cargo::cargo(&arguments);
            command.env("BURN_LOSSES_WRITE", if check { "0" } else { "1" });
            steps.run("gallery", &mut command)
        }
        Task::Golden { check, names } => golden::run(steps, check, &names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    /// The words that follow `cargo xtask` in a text.
    fn tasks(text: &str) -> impl Iterator<Item = &str> {
        let is_of_name = |letter: char| letter.is_ascii_lowercase() || letter == '-';
        let after = text.split("cargo xtask ").skip(1);
        after.map(move |rest| &rest[..rest.find(|letter: char| !is_of_name(letter)).unwrap_or(rest.len())])
    }

    /// The calls of a task in a Markdown text: in blocks of code, and between backticks.
    fn calls(text: &str) -> impl Iterator<Item = &str> {
        text.split("```").zip([false, true].into_iter().cycle()).flat_map(|(part, is_block)| {
            let starts = part.match_indices("cargo xtask ").map(|(at, _)| at);
            let starts = starts.filter(move |&at| is_block || part[..at].ends_with('`'));
            starts.filter_map(move |at| part[at..].split(['`', '\n', '#']).next())
        })
    }

    /// Why a call is not understood. A sentence may name a task without the arguments that it needs.
    fn fault(call: &str) -> Option<String> {
        let error = Arguments::try_parse_from(call.split_whitespace().skip(1)).err()?;
        (error.kind() != clap::error::ErrorKind::MissingRequiredArgument).then(|| format!("{call}: {error}"))
    }

    #[test]
    fn the_arguments_are_valid() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_task_that_a_text_names_is_there() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut wrong = Vec::new();
        let mut folders = vec![root.join("xtask"), root.join("docs"), root.join("crates"), root.join("examples")];
        let mut files = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "reference/README.md"]
            .map(|name| root.join(name))
            .to_vec();
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
                let has_text = path.extension().is_some_and(|of| of == "rs" || of == "md" || of == "toml");
                if path.is_dir() && !path.ends_with("target") {
                    folders.push(path);
                } else if has_text {
                    files.push(path);
                }
            }
        }
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            let unknown = tasks(&text)
                .filter(|name| name.starts_with(|first: char| first.is_ascii_lowercase()) && !is_task(name));
            wrong.extend(unknown.map(|name| format!("{}: {name}", file.display())));
            if file.extension().is_some_and(|of| of == "md") {
                wrong.extend(calls(&text).filter_map(fault).map(|why| format!("{}: {why}", file.display())));
            }
        }
        assert!(wrong.is_empty(), "these are no tasks:\n{}", wrong.join("\n"));
        let text = "`cargo xtask new` makes\n```sh\ncargo xtask bench --no-such-option  # a\n```\n";
        assert_eq!(calls(text).map(|call| fault(call).is_some()).collect::<Vec<_>>(), [false, true]);
        assert_eq!(tasks("`cargo xtask api`, cargo xtask first-run").collect::<Vec<_>>(), ["api", "first-run"]);
    }
}
