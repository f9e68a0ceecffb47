//! xtask as a wrapper of rustc: it calls rustc, and records the CPU time.
//!
//! Cargo calls the program that `RUSTC_WRAPPER` names, with rustc and its arguments. The measured time of each crate is therefore
//! exact, whatever else runs.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::{env, fs, io};

/// The variable that names the file for the times. Where it is set, xtask may be called in the place of rustc.
pub(crate) const TIMES: &str = "BURN_LOSSES_RUSTC_TIMES";

/// Calls rustc if xtask was called in its place.
pub(crate) fn run() -> Option<ExitCode> {
    let times = env::var_os(TIMES)?;
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    // A measured program may be xtask itself, which inherits the variable.
    Path::new(arguments.first()?).file_stem().filter(|program| *program == "rustc")?;
    Some(match call(&arguments, &times) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("xtask in the place of rustc: {error}");
            ExitCode::FAILURE
        }
    })
}

/// Calls rustc, records its time, and returns its exit code.
fn call(arguments: &[OsString], times: &OsStr) -> io::Result<u8> {
    let (rustc, rest) = arguments.split_first().ok_or_else(|| io::Error::other("no rustc is named"))?;
    let status = Command::new(rustc).args(rest).status()?;
    if let Some(name) = crate_name(rest) {
        let line = format!("{name} {}\n", seconds_of_children()?);
        // The line is written at once, since several calls may append at the same time.
        OpenOptions::new().create(true).append(true).open(times)?.write_all(line.as_bytes())?;
    }
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// The crate that rustc is told to compile.
fn crate_name(arguments: &[OsString]) -> Option<&str> {
    let at = arguments.iter().position(|argument| argument == "--crate-name")?;
    arguments.get(at + 1)?.to_str()
}

/// The CPU seconds of all processes that this one waited for, and of their children: of rustc and the linker.
fn seconds_of_children() -> io::Result<f64> {
    let text = fs::read_to_string("/proc/self/stat")
        .map_err(|error| io::Error::other(format!("CPU time is only measured on Linux: /proc/self/stat: {error}")))?;
    seconds_of_stat(&text).ok_or_else(|| io::Error::other("/proc/self/stat has another form than expected"))
}

/// The user and system time of the children, from the line in `/proc/PID/stat`.
fn seconds_of_stat(text: &str) -> Option<f64> {
    /// Linux reports times to programs in hundredths of a second.
    const TICKS_PER_SECOND: f64 = 100.0;
    // The second field is the name of the program in parentheses, which may contain any characters. The user and system time of
    // the children are fields 16 and 17.
    let (_, after_name) = text.rsplit_once(')')?;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some((ticks(16)? + ticks(17)?) as f64 / TICKS_PER_SECOND)
}

/// The CPU seconds of each crate; if rustc was called more than once, their sum.
pub(crate) fn seconds(times: &str) -> BTreeMap<&str, f64> {
    let mut by_crate = BTreeMap::new();
    for (name, seconds) in times.lines().filter_map(|line| line.split_once(' ')) {
        if let Ok(seconds) = seconds.parse::<f64>() {
            *by_crate.entry(name).or_default() += seconds;
        }
    }
    by_crate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crate_is_named_in_the_arguments() {
        let arguments = ["--edition", "2024", "--crate-name", "a_b", "x.rs"].map(OsString::from);
        assert_eq!(crate_name(&arguments), Some("a_b"));
        assert_eq!(crate_name(&["-vV".into()]), None);
    }

    #[test]
    fn the_time_of_children_is_in_the_line_of_stat() {
        let line = "7 (a ) b) S 1 2 3 4 5 6 7 8 9 10 11 12 250 50 20 0";
        assert_eq!(seconds_of_stat(line), Some(3.0));
        assert_eq!(seconds_of_stat("7 (a) S 1"), None);
    }

    #[test]
    fn times_are_summed_by_crate() {
        let times = "a 1.5\nburn_losses 2\na 0.25\n";
        assert_eq!(seconds(times), BTreeMap::from([("a", 1.75), ("burn_losses", 2.0)]));
    }
}
