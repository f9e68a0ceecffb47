//! Runs programs of tests.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::compile::Binary;

/// How tests are run.
#[derive(Debug, Clone)]
pub(crate) struct Runner {
    /// The folder of the package, in which its tests run.
    pub(crate) folder: PathBuf,
    /// The folder of the files that a run leaves.
    pub(crate) scratch: PathBuf,
    /// GiB of address space.
    pub(crate) memory: u64,
}

/// What became of some tests.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    Passed,
    /// The first test that failed, as far as the program said.
    Failed(String),
    TimedOut,
}

/// What is on while tests run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Switch<'a> {
    Mutant(usize),
    /// No mutant; the numbers of those that are reached go into this file.
    Record(&'a Path),
}

impl Runner {
    /// The names of the tests of a program.
    pub(crate) fn names(&self, binary: &Binary) -> Result<Vec<String>, String> {
        let failed = |error: String| format!("{}: {error}", binary.path.display());
        let mut command = Command::new(&binary.path);
        let output = command.args(["--list", "--format", "terse"]).current_dir(&self.folder).output();
        let output = output.map_err(|error| failed(error.to_string()))?;
        if !output.status.success() {
            return Err(failed(output.status.to_string()));
        }
        Ok(names(&String::from_utf8_lossy(&output.stdout)))
    }

    /// Runs tests of a program, one after the other. The number of the job names its files.
    pub(crate) fn run(
        &self,
        binary: &Binary,
        tests: &[&str],
        switch: Switch<'_>,
        limit: Duration,
        job: usize,
    ) -> Result<(Outcome, Duration), String> {
        let path = self.scratch.join(format!("output-{job}.txt"));
        let failed = |error: io::Error| format!("{}: {error}", binary.path.display());
        let file = File::create(&path).map_err(failed)?;
        let mut command = self.command(&binary.path);
        command.args(["--exact", "--test-threads", "1"]).args(tests).current_dir(&self.folder);
        command.env("CARGO_MANIFEST_DIR", &self.folder).env("RUST_BACKTRACE", "0");
        for variable in
            ["BURN_LOSSES_WRITE", "BURN_LOSSES_FULL", "BURN_LOSSES_REQUIRE_GPU", "BURN_LOSSES_REQUIRE_BROWSER"]
        {
            command.env_remove(variable);
        }
        match switch {
            Switch::Mutant(number) => command.env("BURN_LOSSES_MUTANT", number.to_string()),
            Switch::Record(path) => {
                command.env("BURN_LOSSES_MUTANT", "record").env("BURN_LOSSES_MUTANTS_REACHED", path)
            }
        };
        command.stdin(std::process::Stdio::null()).stderr(file.try_clone().map_err(failed)?).stdout(file);
        let start = Instant::now();
        let status = wait(command, limit).map_err(failed)?;
        let outcome = match status {
            None => Outcome::TimedOut,
            Some(status) if status.success() => Outcome::Passed,
            Some(_) => {
                let said = fs::read(&path).map_err(failed)?;
                Outcome::Failed(culprit(&String::from_utf8_lossy(&said), tests))
            }
        };
        Ok((outcome, start.elapsed()))
    }

    /// A call of a program that may not take all memory, since a mutant may ask for any size.
    fn command(&self, path: &Path) -> Command {
        if cfg!(not(unix)) {
            return Command::new(path);
        }
        let mut command = Command::new("sh");
        let kib = self.memory << 20;
        command.arg("-c").arg(format!("ulimit -c 0; ulimit -v {kib}; exec \"$0\" \"$@\"")).arg(path);
        command
    }
}

/// Waits for a program to end; `None` if it took longer than the limit, and was killed.
fn wait(mut command: Command, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    let mut child = command.spawn()?;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() > limit {
            // `exec` has put the program in the place of the shell.
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// The names in a terse list of tests.
fn names(list: &str) -> Vec<String> {
    list.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
}

/// The first test that failed, or else the first one that is not said to have passed: it ended the program.
fn culprit(said: &str, tests: &[&str]) -> String {
    let lines = said.lines().filter_map(|line| line.strip_prefix("test "));
    let results: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(" ... ")).collect();
    let name = |text: &str| text.strip_suffix(" - should panic").unwrap_or(text).to_owned();
    if let Some((failed, _)) = results.iter().find(|(_, result)| result.contains("FAILED")) {
        return name(failed);
    }
    let has_passed =
        |test: &&&str| results.iter().any(|(passed, result)| name(passed) == **test && result.ends_with("ok"));
    let mut sorted = tests.to_vec();
    sorted.sort_unstable();
    sorted.iter().find(|test| !has_passed(test)).unwrap_or(&sorted[0]).to_string()
}

/// Works on all items, some at once. The work has the number of its job and that of the item.
pub(crate) fn in_parallel(
    jobs: usize,
    items: usize,
    work: impl Fn(usize, usize) -> Result<(), String> + Sync,
) -> Result<(), String> {
    let next = AtomicUsize::new(0);
    let error = Mutex::new(None);
    let is_wrong = || error.lock().is_ok_and(|error| error.is_some());
    thread::scope(|scope| {
        for job in 0..jobs.min(items) {
            let (next, error, work, is_wrong) = (&next, &error, &work, &is_wrong);
            scope.spawn(move || {
                loop {
                    let item = next.fetch_add(1, Ordering::Relaxed);
                    if item >= items || is_wrong() {
                        return;
                    }
                    if let Err(why) = work(job, item) {
                        *error.lock().expect("a lock") = Some(why);
                    }
                }
            });
        }
    });
    match error.into_inner().expect("a lock") {
        Some(why) => Err(why),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_listed() {
        assert_eq!(names("a::b: test\nc: test\nd: benchmark\n"), ["a::b", "c"]);
    }

    #[test]
    fn the_failed_test_is_named() {
        let said = "running 3 tests\ntest a ... ok\ntest b - should panic ... FAILED\ntest c ... FAILED\n";
        assert_eq!(culprit(said, &["c", "b", "a"]), "b");
        assert_eq!(culprit("running 2 tests\ntest a ... ok\n", &["b", "a"]), "b");
        assert_eq!(culprit("", &["b", "a"]), "a");
    }

    #[cfg(unix)]
    #[test]
    fn what_takes_too_long_is_killed() {
        let sleep = |seconds: &str| {
            let mut command = Command::new("sleep");
            command.arg(seconds);
            command
        };
        assert_eq!(wait(sleep("20"), Duration::from_millis(30)).unwrap(), None);
        assert!(wait(sleep("0"), Duration::from_secs(20)).unwrap().unwrap().success());
    }

    #[test]
    fn every_item_is_worked_on_unless_one_fails() {
        let sum = AtomicUsize::new(0);
        in_parallel(3, 10, |_, item| {
            sum.fetch_add(item, Ordering::Relaxed);
            Ok(())
        })
        .unwrap();
        assert_eq!(sum.into_inner(), 45);
        assert_eq!(in_parallel(2, 10, |_, item| if item == 4 { Err("4".into()) } else { Ok(()) }), Err("4".into()));
    }
}
