//! Tests the packages as they are published: they build and pass their tests without the repository around them.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::cargo::{Package, cargo, metadata};
use crate::features::HACK;
use crate::steps::{Failed, Steps};

/// The features of the tests, without those of a GPU.
const FEATURES: &str = "burn-losses/ndarray,burn-losses/schema,burn-losses/train";

/// Packs the crates in the folder `crates`, unpacks them into a workspace of their own, and tests that workspace.
pub(crate) fn all(steps: &mut Steps) -> Result<(), Failed> {
    let failed = |why: String| Failed::new("package", "cargo xtask package", &why);
    let metadata = metadata().map_err(failed)?;
    let folders = ["crates", "workspace-hack"].map(std::ffi::OsStr::new);
    let is_packed = |package: &&Package| package.manifest_path.iter().any(|part| folders.contains(&part));
    let packages: Vec<_> = metadata.packages.iter().filter(is_packed).collect();

    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    // Cargo does not take a package from the workspace that is not published.
    let hack = format!("patch.crates-io.{HACK}.path={:?}", root.join("workspace-hack"));
    let mut pack = cargo(&["package", "--no-verify", "--config", &hack]);
    pack.args(packages.iter().flat_map(|package| ["--package", &package.name]));
    steps.run("pack", &mut pack)?;

    let packed = metadata.target_directory.join("package");
    let alone = packed.join("alone");
    // Packages of an earlier run may have another version and are removed. Burn, which is built there, is kept.
    let stale = fs::read_dir(&alone).into_iter().flatten().flatten().filter(|entry| entry.file_name() != "target");
    for entry in stale.filter(|entry| entry.path().is_dir()) {
        fs::remove_dir_all(entry.path()).map_err(|error| failed(error.to_string()))?;
    }
    fs::create_dir_all(&alone).map_err(|error| failed(error.to_string()))?;
    for package in &packages {
        let archive = packed.join(format!("{}.crate", folder(package)));
        steps.run("unpack", Command::new("tar").arg("xzf").arg(archive).arg("-C").arg(&alone))?;
    }
    let manifest = alone.join("Cargo.toml");
    let written = fs::read_to_string(root.join("Cargo.toml"))
        .and_then(|root| fs::write(&manifest, workspace(&packages, &root)))
        .and_then(|()| fs::copy(root.join("Cargo.lock"), alone.join("Cargo.lock")));
    written.map_err(|error| failed(error.to_string()))?;

    let mut test = cargo(&["test", "--workspace", "--features", FEATURES, "--manifest-path"]);
    // The tests run without the `cfg` of this workspace, as at a user's.
    test.arg(&manifest).arg("--target-dir").arg(alone.join("target")).env("RUSTFLAGS", "");
    steps.run("tests of the packages", &mut test)
}

/// The name of a package's folder in its archive.
fn folder(package: &Package) -> String {
    format!("{}-{}", package.name, package.version)
}

/// The manifest of the workspace. Packages depend on each other in place of the registry's versions, and the profiles are those
/// of `root`. The hack has to exist, but is not built.
fn workspace(packages: &[&Package], root: &str) -> String {
    let list = |is_hack: bool| {
        let names = packages.iter().filter(|package| (package.name == HACK) == is_hack).map(|package| folder(package));
        names.collect::<Vec<_>>()
    };
    let mut text = format!("[workspace]\nresolver = \"3\"\nmembers = {:?}\nexclude = {:?}\n", list(false), list(true));
    text.push_str("\n[patch.crates-io]\n");
    for package in packages {
        writeln!(text, "{} = {{ path = {:?} }}", package.name, folder(package)).expect("a string");
    }
    let profiles = root.find("[profile.dev]").map_or("", |start| &root[start..]);
    text + "\n" + profiles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packages_take_each_other() {
        let package = |name: &str| {
            let json = serde_json::json!({
                "name": name, "version": "1.2.3", "manifest_path": "crates/x/Cargo.toml", "dependencies": []
            });
            serde_json::from_value::<Package>(json).unwrap()
        };
        let (library, hack) = (package("lib"), package(HACK));
        let text = workspace(&[&library, &hack], "[workspace]\n\n[profile.dev]\nopt-level = 1\n");
        for line in ["members = [\"lib-1.2.3\"]", "lib = { path = \"lib-1.2.3\" }", "[profile.dev]\nopt-level = 1"] {
            assert!(text.contains(line), "{text}");
        }
        assert!(text.contains(&format!("exclude = [\"{HACK}-1.2.3\"]")), "{text}");
    }
}
