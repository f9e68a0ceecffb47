//! The CPU of this machine; the tests say it too.

use std::fs;
use std::process::Command;

/// The model name of the CPU, from `/proc/cpuinfo` or from macOS's `sysctl`.
pub(crate) fn cpu() -> Option<String> {
    if let Ok(text) = fs::read_to_string("/proc/cpuinfo") {
        let line = text.lines().find_map(|line| line.strip_prefix("model name"))?;
        return Some(line.split_once(':')?.1.trim().to_owned());
    }
    let output = Command::new("sysctl").args(["-n", "machdep.cpu.brand_string"]).output().ok()?;
    let name = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!name.is_empty()).then_some(name)
}
