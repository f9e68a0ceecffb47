//! The time from a clone of this repository, with nothing built before, to the first trained model.

use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs, io, process};

use clap::Args;

use crate::cargo::cargo;
use crate::cost::wrapper::{self, TIMES};
use crate::steps::minutes;

/// The root of the repository.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// How many crates the table has.
const SLOWEST: usize = 10;

/// What is measured.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The longest time that is allowed, in minutes.
    #[arg(long, default_value_t = 10.0)]
    limit: f64,
    /// How many cores are used.
    #[arg(long, default_value_t = 2)]
    cores: usize,
    /// Download everything too: begin with an empty CARGO_HOME, but for its config.toml.
    #[arg(long)]
    download: bool,
    /// The arguments of cargo, after `--`.
    #[arg(last = true, default_value = "first")]
    command: Vec<String>,
}

/// Clones the last commit into a temporary folder, runs the command there, and prints what took how long.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let folder = Temporary::new().map_err(|error| format!("the clone: {error}"))?;
    let mut command = folder.cargo(options).map_err(|error| error.to_string())?;
    println!("   cargo {}\n", options.command.join(" "));
    let phases = watch(&mut command).map_err(|error| format!("cargo: {error}"))?;
    println!("\n{}", phases.table());
    // Only Linux has these times.
    if let Ok(times) = fs::read_to_string(folder.times()) {
        println!("{}", slowest(&times));
    }
    let limit = Duration::from_secs_f64(60.0 * options.limit);
    if phases.end > limit {
        return Err(format!("{} is longer than the limit, {}", minutes(phases.end), minutes(limit)));
    }
    Ok(())
}

/// The temporary folder with the clone.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> io::Result<Self> {
        let folder = Self(env::temp_dir().join(format!("burn-losses-first-run-{}", process::id())));
        fs::create_dir_all(&folder.0)?;
        let mut git = Command::new("git");
        git.args(["clone", "--quiet", ROOT]).arg(folder.repository());
        match git.status()? {
            status if status.success() => Ok(folder),
            status => Err(io::Error::other(format!("git: {status}"))),
        }
    }

    fn repository(&self) -> PathBuf {
        self.0.join("burn-losses")
    }

    /// The file for the CPU time of each crate.
    fn times(&self) -> PathBuf {
        self.0.join("times")
    }

    /// The command, with a target folder that is empty.
    fn cargo(&self, options: &Options) -> io::Result<Command> {
        let mut command = cargo(&[]);
        command.args(&options.command).current_dir(self.repository());
        command.env("CARGO_TARGET_DIR", self.0.join("target")).env("CARGO_TERM_COLOR", "never");
        let cores = options.cores.to_string();
        command.env("CARGO_BUILD_JOBS", &cores).env("RAYON_NUM_THREADS", &cores);
        if cfg!(target_os = "linux") {
            command.env("RUSTC_WRAPPER", env::current_exe()?).env(TIMES, self.times());
        }
        if options.download {
            let home = self.0.join("home");
            fs::create_dir_all(&home)?;
            // Where the registry is a mirror, this file says so.
            let config = cargo_home().join("config.toml");
            if config.exists() {
                fs::copy(config, home.join("config.toml"))?;
            }
            command.env("CARGO_HOME", home);
        }
        Ok(command)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Files that stay in a temporary folder do no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Cargo's folder of this user.
fn cargo_home() -> PathBuf {
    let default = || env::home_dir().unwrap_or_default().join(".cargo");
    env::var_os("CARGO_HOME").map_or_else(default, PathBuf::from)
}

/// What happened when, from the start on.
#[derive(Debug, Default, PartialEq)]
struct Phases {
    /// Cargo had everything, and began to compile.
    compiles: Option<Duration>,
    /// Everything was built.
    built: Option<Duration>,
    end: Duration,
}

impl Phases {
    /// Takes note of a line that cargo or the program printed.
    fn read(&mut self, line: &str, now: Duration) {
        let line = line.trim_start();
        if line.starts_with("Compiling ") {
            self.compiles.get_or_insert(now);
        } else if line.starts_with("Finished ") {
            self.built.get_or_insert(now);
        }
        self.end = now;
    }

    fn table(&self) -> String {
        let built = self.built.unwrap_or(self.end);
        let compiles = self.compiles.unwrap_or(built);
        let rows = [
            ("download", compiles),
            ("build", built.saturating_sub(compiles)),
            ("training", self.end.saturating_sub(built)),
            ("in all", self.end),
        ];
        let mut text = String::from("| | m:ss |\n|---|---|\n");
        for (name, time) in rows {
            writeln!(text, "| {name} | {} |", minutes(time)).expect("a string");
        }
        text
    }
}

/// Runs the command, and prints each of its lines with the time since the start.
fn watch(command: &mut Command) -> io::Result<Phases> {
    let start = Instant::now();
    let (lines, writer) = io::pipe()?;
    let mut child = command.stdout(writer.try_clone()?).stderr(writer).spawn()?;
    // The command holds ends of the pipe too, and would keep it open.
    command.stdout(process::Stdio::null()).stderr(process::Stdio::null());
    let mut phases = Phases::default();
    let mut crates = 0;
    for line in BufReader::new(lines).lines() {
        let (line, now) = (line?, start.elapsed());
        phases.read(&line, now);
        crates += usize::from(line.trim_start().starts_with("Compiling "));
        let count =
            if phases.compiles.is_some() && phases.built.is_none() { format!("{crates:>4}") } else { String::new() };
        println!("   {:>5}{count} {line}", minutes(now));
    }
    let status = child.wait()?;
    phases.end = start.elapsed();
    if status.success() { Ok(phases) } else { Err(io::Error::other(status.to_string())) }
}

/// The crates that took most of the CPU.
fn slowest(times: &str) -> String {
    // Under this name cargo asks rustc what it can do.
    const QUESTIONS: &str = "___";
    let mut crates: Vec<_> = wrapper::seconds(times).into_iter().filter(|(name, _)| *name != QUESTIONS).collect();
    crates.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let mut text = String::from("| rustc of | CPU seconds |\n|---|---|\n");
    for (name, seconds) in crates.iter().take(SLOWEST) {
        writeln!(text, "| {name} | {seconds:.1} |").expect("a string");
    }
    let all: f64 = crates.iter().map(|(_, seconds)| seconds).sum();
    writeln!(text, "| all {} crates | {all:.1} |", crates.len()).expect("a string");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_lines_of_cargo_say_what_took_how_long() {
        let mut phases = Phases::default();
        let lines = [
            "    Updating crates.io index",
            "   Compiling libc v0.2",
            "   Compiling burn v0.22.1",
            "    Finished `dev` profile [optimized] target(s) in 8.00s",
            "     Running `target/debug/x`",
            "epoch 1",
        ];
        for (line, at) in lines.into_iter().zip([1, 4, 9, 65, 66, 90]) {
            phases.read(line, seconds(at));
        }
        assert_eq!(phases, Phases { compiles: Some(seconds(4)), built: Some(seconds(65)), end: seconds(90) });
        let expected =
            "| | m:ss |\n|---|---|\n| download | 0:04 |\n| build | 1:01 |\n| training | 0:25 |\n| in all | 1:30 |\n";
        assert_eq!(phases.table(), expected);
    }

    #[test]
    fn the_slowest_crates_come_first() {
        let times: String = (0..20).map(|at| format!("crate_{at} {at}\n")).collect();
        let table = slowest(&(times + "___ 30\n"));
        assert!(table.contains("|---|---|\n| crate_19 | 19.0 |\n| crate_18 | 18.0 |\n"), "{table}");
        assert!(table.ends_with("| crate_10 | 10.0 |\n| all 20 crates | 190.0 |\n"), "{table}");
    }

    #[cfg(unix)]
    #[test]
    fn a_command_is_watched_to_its_end() {
        let run = |script: &str| watch(Command::new("sh").args(["-c", script]));
        let phases = run("echo '   Compiling a v1'; echo '    Finished it' >&2; echo trained").unwrap();
        assert!(phases.compiles <= phases.built && phases.built <= Some(phases.end), "{phases:?}");
        assert!(phases.compiles.is_some());
        assert!(run("exit 3").is_err());
    }

    /// The aliases that the README names exist; the first one is what is measured.
    #[test]
    fn the_readme_names_the_command() {
        let read = |name: &str| fs::read_to_string(Path::new(ROOT).join(name)).unwrap();
        let (readme, aliases) = (read("README.md"), read(".cargo/config.toml"));
        assert!(readme.contains("`cargo first`") && readme.contains("\ncargo install-cli "));
        assert!(aliases.contains("\nfirst = [") && aliases.contains("\ninstall-cli = ["));
    }
}
