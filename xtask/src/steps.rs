//! Steps of a task: each has a headline, a command and a duration; a summary lists them all.

use std::fmt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::is_task;

/// The steps so far.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    /// The task that was called.
    task: String,
    done: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    name: String,
    took: Duration,
    outcome: String,
}

/// The failed step that ended the task.
#[derive(Debug)]
pub(crate) struct Failed {
    name: String,
    command: String,
    why: String,
}

impl Failed {
    /// The failure of a step that is not a command.
    pub(crate) fn new(name: &str, command: &str, why: &str) -> Self {
        Self { name: name.to_owned(), command: command.to_owned(), why: why.to_owned() }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FAILED: {} ({})\n    {}", self.name, self.why, self.command)
    }
}

impl Steps {
    /// No step so far, of the task with this name.
    pub(crate) fn new(task: &str) -> Self {
        Self { task: task.to_owned(), done: Vec::new() }
    }

    /// Runs a command that has to succeed.
    pub(crate) fn run(&mut self, name: &str, command: &mut Command) -> Result<(), Failed> {
        self.run_unless(name, command, None, "").map(|_| ())
    }

    /// Runs a command that has to succeed, and returns what it prints.
    pub(crate) fn output(&mut self, name: &str, command: &mut Command) -> Result<String, Failed> {
        let text = shown(command);
        println!("\n== {name}\n   {text}");
        let start = Instant::now();
        let why = match command.stderr(Stdio::inherit()).output() {
            Ok(output) if output.status.success() => {
                self.note(name, start, "ok");
                return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
            }
            Ok(output) => output.status.to_string(),
            Err(error) => error.to_string(),
        };
        self.note(name, start, "FAILED");
        Err(Failed::new(name, &text, &why))
    }

    /// Runs a command that has to succeed, or to exit with the code `skip`. In that case `reason` is noted, and the result is
    /// false.
    pub(crate) fn run_unless(
        &mut self,
        name: &str,
        command: &mut Command,
        skip: Option<i32>,
        reason: &str,
    ) -> Result<bool, Failed> {
        let text = shown(command);
        println!("\n== {name}\n   {text}");
        let start = Instant::now();
        let why = match command.status() {
            Ok(status) if status.success() => {
                self.note(name, start, "ok");
                return Ok(true);
            }
            Ok(status) if skip.is_some() && status.code() == skip => {
                self.note(name, start, &format!("SKIPPED: {reason}"));
                return Ok(false);
            }
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        self.note(name, start, "FAILED");
        Err(Failed::new(name, &text, &why))
    }

    /// Runs a part of xtask itself; an error ends the task. A part that is not a task of its own runs again with the task that
    /// was called.
    pub(crate) fn own(&mut self, name: &str, work: impl FnOnce() -> Result<(), String>) -> Result<(), Failed> {
        println!("\n== {name}");
        let start = Instant::now();
        let result = work();
        self.note(name, start, if result.is_ok() { "ok" } else { "FAILED" });
        result.map_err(|why| {
            eprintln!("\n{why}");
            let task = if is_task(name) { name } else { &self.task };
            Failed::new(name, &format!("cargo xtask {task}"), "see above")
        })
    }

    /// Notes that a step is not run, and why.
    pub(crate) fn skip(&mut self, name: &str, reason: &str) {
        self.note(name, Instant::now(), &format!("SKIPPED: {reason}"));
    }

    fn note(&mut self, name: &str, start: Instant, outcome: &str) {
        let (took, outcome) = (start.elapsed(), outcome.to_owned());
        println!("== {name}: {outcome} ({})", minutes(took));
        self.done.push(Step { name: name.to_owned(), took, outcome });
    }

    /// Prints one line per step, unless there was only one.
    pub(crate) fn print_summary(&self) {
        if self.done.len() < 2 {
            return;
        }
        println!("\n== summary");
        for step in &self.done {
            println!("   {:<28}{:>6}   {}", step.name, minutes(step.took), step.outcome);
        }
        println!("   {:<28}{:>6}", "in all", minutes(self.done.iter().map(|step| step.took).sum()));
    }
}

/// `m:ss`.
pub(crate) fn minutes(time: Duration) -> String {
    let seconds = time.as_secs_f64().round() as u64;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// A command as it would be typed in a shell.
fn shown(command: &Command) -> String {
    let variables = command.get_envs().filter_map(|(name, value)| {
        let value = value?.to_string_lossy();
        Some(format!("{}={}", name.to_string_lossy(), quoted(&value)))
    });
    let program = std::path::Path::new(command.get_program());
    let program = match program.file_name() {
        Some(name) if name == "cargo" => "cargo".to_owned(),
        _ => program.display().to_string(),
    };
    let arguments = command.get_args().map(|argument| quoted(&argument.to_string_lossy()));
    variables.chain([program]).chain(arguments).collect::<Vec<_>>().join(" ")
}

fn quoted(text: &str) -> String {
    if text.contains(' ') { format!("'{text}'") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_minutes_and_seconds() {
        assert_eq!(minutes(Duration::from_millis(400)), "0:00");
        assert_eq!(minutes(Duration::from_millis(59_600)), "1:00");
        assert_eq!(minutes(Duration::from_secs(3605)), "60:05");
    }

    #[test]
    fn commands_are_shown_as_typed() {
        let mut command = Command::new("some/where/cargo");
        command.args(["doc", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings").env_remove("CARGO_PKG_NAME");
        assert_eq!(shown(&command), "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps");
    }

    #[test]
    fn a_failed_part_names_a_task_that_exists() {
        let mut steps = Steps::new("check");
        let mut command = |name: &str| steps.own(name, || Err("why".to_owned())).unwrap_err().command;
        assert_eq!(command("words"), "cargo xtask words");
        // These are steps of `check` alone.
        assert_eq!(command("pages"), "cargo xtask check");
        assert_eq!(command("templates"), "cargo xtask check");
    }

    #[cfg(unix)]
    #[test]
    fn what_a_command_prints_is_returned() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo yes"]);
        let mut steps = Steps::default();
        assert_eq!(steps.output("a", &mut command).unwrap(), "yes\n");
        assert!(steps.output("b", Command::new("sh").args(["-c", "exit 3"])).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_command_may_succeed_fail_or_be_skipped() {
        let exit = |code: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", code]);
            command
        };
        let mut steps = Steps::default();
        assert!(steps.run_unless("a", &mut exit("exit 0"), Some(3), "no GPU").unwrap());
        assert!(!steps.run_unless("b", &mut exit("exit 3"), Some(3), "no GPU").unwrap());
        assert!(steps.run("c", &mut exit("exit 3")).unwrap_err().to_string().contains("sh -c 'exit 3'"));
        let outcomes: Vec<_> = steps.done.iter().map(|step| step.outcome.as_str()).collect();
        assert_eq!(outcomes, ["ok", "SKIPPED: no GPU", "FAILED"]);
    }
}
