//! What may happen to a training: damaged files, another config, a disk that takes no more, the end of the process.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::checks::Checks;
use crate::training::{LOSS, MODEL, OPTIMIZER, Run, Trained, newest};

/// How many steps there are between two checkpoints.
const EVERY: usize = 10;

/// Trains from the newest checkpoint on, or from the beginning.
pub(crate) fn train(checkpoints: &Path, steps: usize) -> Result<(), Box<dyn Error>> {
    let mut run = match newest(checkpoints) {
        Some(checkpoint) => Run::resume(&checkpoint, LOSS)?,
        None => Run::new(LOSS)?,
    };
    while run.step < steps {
        run.train(EVERY, &mut Trained::with_capacity(EVERY))?;
        run.save(checkpoints)?;
    }
    Ok(())
}

/// All checks. `losses` are those of a run without faults.
pub(crate) fn check(checkpoint: &Path, losses: &[f32], checks: &mut Checks) -> Result<(), Box<dyn Error>> {
    damaged(checkpoint, checks)?;
    edited(checkpoint, checks);
    let folder = tempfile::tempdir()?;
    killed(folder.path(), losses, checks)?;
    #[cfg(unix)]
    full_disk(folder.path(), losses, checks)?;
    Ok(())
}

/// A file of a checkpoint that ends too early.
fn damaged(checkpoint: &Path, checks: &mut Checks) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let copy = folder.path().join(checkpoint.file_name().unwrap_or_default());
    fs::create_dir(&copy)?;
    for damaged in [MODEL, OPTIMIZER] {
        for file in [MODEL, OPTIMIZER] {
            fs::copy(checkpoint.join(file), copy.join(file))?;
        }
        let whole = fs::read(checkpoint.join(damaged))?;
        for length in [0, 7, whole.len() / 2, whole.len() - 1] {
            fs::write(copy.join(damaged), &whole[..length])?;
            let what = format!("{length} of {} bytes of {damaged}", whole.len());
            refused(&what, damaged, Run::resume(&copy, LOSS), checks);
        }
    }
    Ok(())
}

/// A config that was edited since the checkpoint.
fn edited(checkpoint: &Path, checks: &mut Checks) {
    let edits = [
        ("bins = 10", "bins = 20", "more bins of GHM", "GhmC"),
        ("num_classes = 10", "num_classes = 12", "more classes of the center loss", "Center"),
        ("balance = { kind = \"uncertainty\" }", "", "no balance", "log_variance"),
        ("[terms.center]", "[terms.nearest]", "a term of another name", "parts.nearest"),
        ("kind = \"center\"", "kind = \"centr\"", "a loss that does not exist", "centr"),
    ];
    for (from, to, what, named) in edits {
        refused(what, named, Run::resume(checkpoint, &LOSS.replace(from, to)), checks);
    }
    let is_resumed = Run::resume(checkpoint, &LOSS.replace("to = 0.01", "to = 0.02")).is_ok();
    checks.that("another weight of a term: the training goes on", is_resumed);
}

/// Checks that a training is not resumed, and that the error names what is wrong.
fn refused(what: &str, named: &str, result: Result<Run, Box<dyn Error>>, checks: &mut Checks) {
    let error = result.err().map(|error| error.to_string());
    checks.that(&format!("{what}: an error that names `{named}`"), error.as_ref().is_some_and(|e| e.contains(named)));
    error.into_iter().for_each(|error| println!("          {error}"));
}

/// This program in a process of its own, which trains and writes checkpoints.
fn spawn(mut command: Command, checkpoints: &Path, steps: usize) -> std::io::Result<Child> {
    // Burn reads the state of an optimizer onto the default device first, and the driver of a GPU writes files of its own.
    command.env("BURN_DEVICE", "flex");
    command.arg("--checkpoints").arg(checkpoints).args(["--steps", &steps.to_string()]);
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()
}

/// A process that is killed some time after its next checkpoint, again and again.
fn killed(checkpoints: &Path, losses: &[f32], checks: &mut Checks) -> Result<(), Box<dyn Error>> {
    const TIMES: u64 = 6;
    for time in 0..TIMES {
        let before = newest(checkpoints);
        let mut child = spawn(Command::new(std::env::current_exe()?), checkpoints, losses.len() - EVERY)?;
        let start = Instant::now();
        while newest(checkpoints) == before && child.try_wait()?.is_none() && start.elapsed().as_secs() < 60 {
            sleep(Duration::from_millis(1));
        }
        sleep(Duration::from_millis(3 * time));
        child.kill()?;
        child.wait()?;
    }
    let differing = differing_steps(checkpoints, losses)?;
    checks.at_most(&format!("steps with another loss after {TIMES} processes were killed"), differing as f64, 0.0);
    Ok(())
}

/// A process that can write no file of its size: its earlier checkpoint stays.
#[cfg(unix)]
fn full_disk(checkpoints: &Path, losses: &[f32], checks: &mut Checks) -> Result<(), Box<dyn Error>> {
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$@\"", "sh"]).arg(std::env::current_exe()?);
    let before = newest(checkpoints);
    let output = spawn(command, checkpoints, losses.len() - EVERY)?.wait_with_output()?;
    let message = String::from_utf8_lossy(&output.stderr);
    let is_clear = message.starts_with("error: ") && message.contains(MODEL);
    checks.that("a full disk: an error that names the file", !output.status.success() && is_clear);
    checks.that("a full disk: the earlier checkpoint is the newest", newest(checkpoints) == before);
    let differing = differing_steps(checkpoints, losses)?;
    checks.at_most("steps with another loss after a full disk", differing as f64, 0.0);
    Ok(())
}

/// How many of the steps after the newest checkpoint have another loss than in the run without faults.
fn differing_steps(checkpoints: &Path, losses: &[f32]) -> Result<usize, Box<dyn Error>> {
    let mut run = Run::resume(&newest(checkpoints).ok_or("there is no checkpoint")?, LOSS)?;
    let expected = &losses[run.step..run.step + EVERY];
    let mut trained = Trained::with_capacity(EVERY);
    run.train(EVERY, &mut trained)?;
    Ok(trained.losses.iter().zip(expected).filter(|(a, b)| a.to_bits() != b.to_bits()).count())
}
