//! A small workspace that depends on burn-losses as a user's workspace does.
//!
//! It lies outside the repository, so that `.cargo/config.toml` does not apply: without the workspace-hack and other flags.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io, process};

use serde::Deserialize;

use super::wrapper::TIMES;
use super::{Profile, Set};
use crate::cargo::cargo;

/// The name of the package in the workspace.
const PACKAGE: &str = "one-loss";

/// The crate whose compilation is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// burn-losses itself.
    Library,
    /// A program that uses one loss.
    Program,
}

impl Subject {
    /// The library is measured with every set; the program only with the smallest set that it runs with.
    pub(super) fn measured_with(set: Set) -> &'static [Self] {
        if set == Set::Flex { &[Self::Library, Self::Program] } else { &[Self::Library] }
    }

    /// The name of the subject's package.
    pub(super) fn package(self) -> &'static str {
        match self {
            Self::Library => "burn-losses",
            Self::Program => PACKAGE,
        }
    }

    /// The name of the subject's crate.
    pub(super) fn crate_name(self) -> String {
        self.package().replace('-', "_")
    }
}

/// The workspace, which is removed when it is dropped.
#[derive(Debug)]
pub(super) struct Project {
    folder: PathBuf,
    target: PathBuf,
}

impl Project {
    /// Writes the workspace. `library` is the folder of burn-losses; the versions are those of `lock`.
    pub(super) fn new(subject: Subject, set: Set, library: &Path, lock: &Path, target: &Path) -> io::Result<Self> {
        let folder = env::temp_dir().join(format!("burn-losses-cost-{}", process::id()));
        let project = Self { folder, target: target.join("cost") };
        fs::create_dir_all(project.folder.join("src"))?;
        fs::write(project.folder.join("Cargo.toml"), manifest(subject, set, &library.canonicalize()?))?;
        if lock.exists() {
            fs::copy(lock, project.folder.join("Cargo.lock"))?;
        }
        let (file, text) = match subject {
            Subject::Library => ("lib.rs", ""),
            Subject::Program => ("main.rs", include_str!("program.rs")),
        };
        fs::write(project.folder.join("src").join(file), text)?;
        Ok(project)
    }

    /// A call of cargo in the workspace, without the flags of other workspaces.
    pub(super) fn cargo(&self, arguments: &[&str], profile: Profile) -> Command {
        let mut command = cargo(arguments);
        command.args(["--profile", profile.name(), "--target-dir"]).arg(&self.target).current_dir(&self.folder);
        // A crate from a path would be compiled incrementally, which takes longer the first time.
        command.env("CARGO_INCREMENTAL", "0").env("RUSTFLAGS", "").env_remove("CARGO_ENCODED_RUSTFLAGS");
        let own = env::current_exe().expect("xtask knows where it lies");
        command.env("RUSTC_WRAPPER", own).env(TIMES, self.times());
        command
    }

    /// The file that the times are written to.
    pub(super) fn times(&self) -> PathBuf {
        self.folder.join("times")
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        // Files that stay in a temporary folder do no harm.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The manifest. Its profile `dev` is that of the repository's workspace, as if burn-losses were a member.
fn manifest(subject: Subject, set: Set, library: &Path) -> String {
    let features = set.features().iter().map(|feature| format!("\"{feature}\"")).collect::<Vec<_>>().join(", ");
    let burn = match subject {
        Subject::Library => "",
        // The lock file fixes the version.
        Subject::Program => "burn = { version = \"*\", default-features = false, features = [\"std\"] }\n",
    };
    format!(
        r#"[package]
name = "{PACKAGE}"
version = "0.0.0"
edition = "2024"

[workspace]

[dependencies]
{burn}burn-losses = {{ path = {library:?}, default-features = false, features = [{features}] }}

[profile.dev]
opt-level = 1
debug = "line-tables-only"

[profile.dev.package."*"]
opt-level = 1
debug = 0

[profile.dev.package.burn-losses]
debug = "line-tables-only"
"#
    )
}

/// The part of cargo's messages that is needed here.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    target: Option<Target>,
    #[serde(default)]
    fresh: bool,
    #[serde(default)]
    filenames: Vec<PathBuf>,
    #[serde(default)]
    executable: Option<PathBuf>,
}

/// A target of a package.
#[derive(Deserialize)]
struct Target {
    name: String,
}

/// The program or the rlib of a package that was just compiled, from cargo's messages. For a library, cargo names the crate as
/// the target; for a program, it names the package.
pub(super) fn artifact(messages: &str, subject: Subject) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
    let is_named = |target: &Target| target.name == subject.package() || target.name == subject.crate_name();
    let mut compiled = messages.filter(|message| {
        message.reason == "compiler-artifact" && !message.fresh && message.target.as_ref().is_some_and(is_named)
    });
    let message = compiled.next()?;
    let is_rlib = |file: &PathBuf| file.extension().is_some_and(|extension| extension == "rlib");
    message.executable.or_else(|| message.filenames.into_iter().find(is_rlib))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_names_the_library_and_its_features() {
        let text = manifest(Subject::Library, Set::FlexNdarray, Path::new("/some/where"));
        let expected = r#"burn-losses = { path = "/some/where", default-features = false, features = ["flex", "toml", "yaml", "ndarray"] }"#;
        assert!(text.contains(expected), "{text}");
        assert!(!text.contains("\nburn ="), "{text}");
        assert!(manifest(Subject::Program, Set::Flex, Path::new("/")).contains("\nburn = { version = \"*\""));
    }

    #[test]
    fn artifacts_are_found_in_the_messages() {
        let line = |name: &str, fresh: bool, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","target":{{"name":"{name}"}},"fresh":{fresh},
                    "filenames":["/t/lib{name}.rlib","/t/lib{name}.rmeta"],"executable":{executable}}}"#
            )
            .replace('\n', " ")
        };
        let messages =
            [line("serde", true, "null"), line("burn_losses", false, "null"), line("one-loss", false, "\"/t/x\"")];
        let messages = format!("{}\n{{\"reason\":\"build-finished\",\"success\":true}}", messages.join("\n"));
        assert_eq!(artifact(&messages, Subject::Library), Some(PathBuf::from("/t/libburn_losses.rlib")));
        assert_eq!(artifact(&messages, Subject::Program), Some(PathBuf::from("/t/x")));
        assert_eq!(artifact(&line("burn_losses", true, "null"), Subject::Library), None);
    }
}
