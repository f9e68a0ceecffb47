//! Calls of cargo.
//!
//! To build Burn from nothing takes long, and cargo builds it again for every other selection of features. So each call
//! selects the whole workspace, in the profile `dev`.

use std::env;
use std::process::{Command, Stdio};

/// `cargo`, as it would be called from a shell.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    // `cargo run` tells xtask about itself. Some build scripts ask for the same variables, and would run again.
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
    command
}

/// Whether `cargo nextest` is there.
pub(crate) fn has_nextest() -> bool {
    let version = cargo(&["nextest", "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}
