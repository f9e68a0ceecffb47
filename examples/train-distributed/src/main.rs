//! Data-parallel training in two processes, with losses whose numbers do not depend on how the rows are divided among workers:
//! `cargo run` in this folder starts both workers, runs the checks, and ends the workers.

mod collectives;
mod data;
mod gradients;
mod learner;
mod model;
mod quiet;
mod workers;

use std::process::ExitCode;
use std::time::Duration;

use burn::tensor::Device;
use workers::Workers;

/// The largest difference of numbers that should be equal, relative to the largest number.
const TOLERANCE: f64 = 1e-5;
/// The least error that is expected without the global count, or without the other worker's negatives.
const WRONG: f64 = 1e-2;
/// The time limit: only a program that hangs takes this long.
const LIMIT: Duration = Duration::from_secs(300);

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(workers::WORKER) {
        return workers::serve();
    }
    std::thread::spawn(|| {
        std::thread::sleep(LIMIT);
        eprintln!("no end after {LIMIT:?}: something hangs");
        // The workers notice that their input has ended, and end too.
        std::process::exit(1);
    });
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("FAILED: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    #[allow(deprecated)] // Burn means to drop ndarray one day; until then it is a second device of the CPU
    let here = [Device::flex(), Device::ndarray()];
    println!("two devices in this process: flex and ndarray");
    check_all(&here)?;

    let workers = Workers::start(2)?;
    println!("two processes: {}", workers.addresses().join(" and "));
    check_all(workers.devices())?;

    println!("collectives of Burn between the two processes");
    println!("  {}", collectives::answer(workers.devices()));
    Ok(())
}

/// Checks everything that holds on two devices, wherever they are.
fn check_all(devices: &[Device]) -> Result<(), String> {
    gradients::unequal_counts(devices)?.report("gradient of shards with unequal counts, one global divisor")?;
    gradients::negatives_of_all(devices)?.report("gradient of NT-Xent with the negatives of all workers")?;
    for (sharded, name) in [(false, "on the first device"), (true, "sharded")] {
        let what = format!("training with Burn's learner, optimizer {name}");
        learner::multi(devices, sharded)?.report(&what)?;
    }
    Ok(())
}

/// How far numbers are from those of one device with all rows.
pub(crate) struct Comparison {
    /// The error with the exchange between workers.
    right: f64,
    /// The error if every worker only uses its own rows.
    alone: f64,
}

impl Comparison {
    /// Compares both results with the expected one.
    fn new(right: &[f32], alone: &[f32], expected: &[f32]) -> Self {
        let largest = expected.iter().fold(f32::MIN_POSITIVE, |most, x| most.max(x.abs()));
        let apart = |got: &[f32]| {
            assert_eq!(got.len(), expected.len());
            let apart = got.iter().zip(expected).map(|(a, b)| f64::from((a - b).abs() / largest));
            // A NaN counts as infinitely far apart.
            apart.map(|x| if x.is_nan() { f64::INFINITY } else { x }).fold(0.0, f64::max)
        };
        Self { right: apart(right), alone: apart(alone) }
    }

    fn report(&self, what: &str) -> Result<(), String> {
        println!("  {what}: {:.1e} from that of one device (every worker for itself: {:.1e})", self.right, self.alone);
        if self.right > TOLERANCE {
            return Err(format!("{what}: {:e} apart, allowed: {TOLERANCE:e}", self.right));
        }
        if self.alone < WRONG {
            return Err(format!("{what}: {:e} apart without it, so that nothing is shown", self.alone));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_apart_or_no_number_does_not_pass() {
        let judge = |right: f32, alone: f32| Comparison::new(&[right, 4.0], &[alone, 4.0], &[1.0, 4.0]).report("test");
        assert!(judge(1.0, 2.0).is_ok());
        assert!(judge(1.001, 2.0).is_err());
        assert!(judge(f32::NAN, 2.0).is_err());
        assert!(Comparison::new(&[f32::NAN, 4.0], &[0.0, 0.0], &[1.0, 4.0]).right.is_infinite());
        assert!(judge(1.0, 1.001).is_err());
    }
}
