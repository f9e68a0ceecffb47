//! A long training on a joint loss: `cargo run -p soak`, 100,000 steps.
//!
//! Neither the memory that is in use nor the time of a step grows, a run that is resumed from a file has the same losses bit for
//! bit, and the buffer pool gives back what no step needs. A damaged checkpoint or one of another config is an error, and a process
//! that is killed leaves its checkpoints whole. The exit code is 1 if one of these does not hold.

#![recursion_limit = "256"]

mod checks;
mod faults;
mod pool;
mod training;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use checks::Checks;
use clap::Parser;
use peak_alloc::PeakAlloc;
use training::{LOSS, Run, Trained};

#[global_allocator]
pub(crate) static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Train for many steps, and check that nothing grows.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many steps; at least 500.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(500..))]
    steps: u64,
    /// Train from the newest checkpoint of this folder on, and write others: what is killed in the checks.
    #[arg(long, hide = true)]
    checkpoints: Option<PathBuf>,
}

/// The bytes by which the memory in use may grow: less than one byte per step of a full run.
const MOST_GROWTH: f64 = 65_536.0;
/// How much longer a step may take at the end, relative to the beginning.
const MOST_SLOWDOWN: f64 = 1.5;

fn soak(steps: usize) -> Result<Checks, Box<dyn Error>> {
    let mut checks = Checks::default();
    let folder = tempfile::tempdir()?;
    let (tenth, mut trained) = (steps / 10, Trained::with_capacity(steps));
    println!("{steps} steps");

    let start = Instant::now();
    let mut run = Run::new(LOSS)?;
    run.train(tenth, &mut trained)?;
    let first = trained.summary(0..tenth);
    let mut done = tenth;
    while done < steps - tenth {
        let part = tenth.min(steps - tenth - done);
        run.train(part, &mut trained)?;
        done += part;
        let left = start.elapsed().as_secs_f64() / done as f64 * (steps - done) as f64;
        println!("  {done} of {steps} steps, about {left:.0} seconds left");
    }
    let checkpoint = run.save(folder.path())?;
    run.train(tenth, &mut trained)?;
    let last = trained.summary(steps - tenth..steps);

    println!("  the first tenth: {first}");
    println!("  the last tenth:  {last}");
    let growth = last.used as f64 - first.used as f64;
    checks.at_most("growth of the memory in use, in bytes", growth, MOST_GROWTH);
    checks.at_most("time of a step, relative to the first tenth", last.seconds / first.seconds, MOST_SLOWDOWN);
    checks.at_most("growth of the loss", last.loss - first.loss, 0.0);

    let mut resumed = Trained::with_capacity(tenth);
    Run::resume(&checkpoint, LOSS)?.train(tenth, &mut resumed)?;
    let expected = &trained.losses[steps - tenth..];
    let differing = resumed.losses.iter().zip(expected).filter(|(a, b)| a.to_bits() != b.to_bits()).count();
    checks.at_most("steps after a restart whose loss has other bits", differing as f64, 0.0);

    faults::check(&checkpoint, &trained.losses, &mut checks)?;
    pool::check(&mut checks);
    Ok(checks)
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let steps = arguments.steps as usize;
    let done = match arguments.checkpoints {
        Some(folder) => faults::train(&folder, steps).map(|()| Checks::default()),
        None => soak(steps),
    };
    match done {
        Ok(checks) if checks.hold() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
