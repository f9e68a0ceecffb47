//! The machine of a run, and the versions of the software.

use crate::cpu::cpu;
use crate::results::{Machine, Versions};
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

/// This machine.
pub(crate) fn here() -> Machine {
    Machine { cpu: cpu().unwrap_or_else(|| "unknown CPU".into()), threads: rayon::current_num_threads() }
}

/// The versions of Burn, from the lock file of the workspace, and of PyTorch.
pub(crate) fn versions(torch: Option<String>) -> Versions {
    Versions { burn: burn().unwrap_or_else(|| "unknown".into()), torch }
}

/// The version of Burn, if there is a lock file.
fn burn() -> Option<String> {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock")).ok()?;
    let lock: toml::Table = text.parse().ok()?;
    let burn = lock.get("package")?.as_array()?.iter().find(|package| package["name"].as_str() == Some("burn"))?;
    Some(burn.get("version")?.as_str()?.to_owned())
}

/// Today's date in UTC: `2026-01-31`.
pub(crate) fn today() -> String {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that is right");
    date(since_1970.as_secs() / (24 * 60 * 60))
}

/// The date `days` days after January 1, 1970.
fn date(mut days: u64) -> String {
    let mut year = 1970;
    while days >= days_of_year(year) {
        days -= days_of_year(year);
        year += 1;
    }
    let february = days_of_year(year) - 337;
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", days + 1)
}

/// How many days a year has.
fn days_of_year(year: u64) -> u64 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    if is_leap { 366 } else { 365 }
}
