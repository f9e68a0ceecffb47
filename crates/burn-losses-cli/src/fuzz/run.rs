//! Runs a target on many inputs.

use super::faults::{Fault, attempt, shrink};
use super::random::Random;
use super::target::Target;
use clap::ValueEnum;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// After how many seconds an input is given up: it hangs. Those in which the whole process was stopped are not counted.
const MOST_SECONDS: u32 = 180;

/// The number of faults after which a run of a target ends.
const MOST_FAULTS: usize = 10;

/// How long a run is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Limit {
    /// This many inputs.
    Runs(u64),
    /// This long.
    Time(Duration),
}

/// What became of the inputs.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) accepted: u64,
    pub(super) refused: u64,
    /// A line for each fault.
    pub(super) faults: Vec<String>,
}

/// The name of a target on the command line.
pub(super) fn name(target: Target) -> String {
    target.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// Tries inputs from the index `from` on.
pub(super) fn run(target: Target, seed: u64, from: u64, limit: Limit) -> Report {
    let (entry, start) = (target.entry(), Instant::now());
    let mut report = Report::default();
    let mut kinds: Vec<Fault> = Vec::new();
    let mut progress = Progress::new(target, seed);
    for index in from.. {
        let is_over = match limit {
            Limit::Runs(runs) => index - from == runs,
            Limit::Time(time) => start.elapsed() >= time,
        };
        if is_over || kinds.len() == MOST_FAULTS {
            break;
        }
        progress.begin(index);
        let input = (entry.input)(&mut Random::new(seed, index));
        match attempt(&entry, &input) {
            Ok(true) => report.accepted += 1,
            Ok(false) => report.refused += 1,
            Err(fault) if kinds.iter().any(|known| known.is_like(&fault)) => report.refused += 1,
            Err(fault) => {
                let small = shrink(&entry, &input, &fault);
                report.faults.push(described(target, seed, index, &fault, &small));
                kinds.push(fault);
            }
        }
    }
    let count = report.accepted + report.refused;
    println!(
        "{:<9} {count:>9} inputs, {:>7.0} per second, {:.1} % accepted, {} faults",
        name(target),
        count as f64 / start.elapsed().as_secs_f64(),
        100.0 * report.accepted as f64 / count.max(1) as f64,
        report.faults.len()
    );
    report
}

/// Tries an input from a file.
pub(super) fn replay(target: Target, path: &Path) -> Report {
    let input = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    match attempt(&target.entry(), &input) {
        Ok(true) => Report { accepted: 1, ..Report::default() },
        Ok(false) => Report { refused: 1, ..Report::default() },
        Err(fault) => Report { faults: vec![format!("{}: {fault}", path.display())], ..Report::default() },
    }
}

/// A fault, and where its input was written.
fn described(target: Target, seed: u64, index: u64, fault: &Fault, input: &[u8]) -> String {
    let (name, path) = (name(target), folder().join(format!("{}-{seed}-{index}", name(target))));
    let written = match std::fs::write(&path, input) {
        Ok(()) => path.display().to_string(),
        Err(error) => format!("not written: {error}"),
    };
    let text = String::from_utf8_lossy(&input[..input.len().min(400)]);
    format!("--target {name} --seed {seed} --index {index}: {fault}\n{written} ({} bytes):\n{text}\n", input.len())
}

/// The folder of what fuzzing writes, beside this program.
fn folder() -> PathBuf {
    let own = std::env::current_exe().expect("a program knows where it lies");
    let folder = own.parent().map(|parent| parent.join("fuzz")).unwrap_or_default();
    std::fs::create_dir_all(&folder).expect("the folder of this program can be written");
    folder
}

/// The input that is being tried: in a file, for the case that the process is killed, and in a thread that ends the process if it hangs.
struct Progress {
    file: File,
    watch: Sender<()>,
    what: String,
}

impl Progress {
    fn new(target: Target, seed: u64) -> Self {
        let what = format!("--target {} --seed {seed}", name(target));
        let path = folder().join(format!("now-{}", name(target)));
        let (watch, begun) = channel();
        let (file, text) = (File::create(&path).expect("a file can be written"), path.display().to_string());
        std::thread::spawn(move || {
            let mut seconds = 0;
            while seconds < MOST_SECONDS {
                seconds = match begun.recv_timeout(Duration::from_secs(1)) {
                    Ok(()) => 0,
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => seconds + 1,
                };
            }
            eprintln!("an input hangs: see {text}");
            std::process::abort();
        });
        Self { file, watch, what }
    }

    fn begin(&mut self, index: u64) {
        let Self { file, watch, what } = self;
        let written = file.rewind().and_then(|()| writeln!(file, "{what} --index {index}"));
        written.expect("a file can be written");
        let _ = watch.send(());
    }
}
