//! Checks and tests the packages as they are published: they build and pass their tests without the repository around them.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::cargo::{Metadata, Package, cargo, metadata};
use crate::features::HACK;
use crate::guide::normal;
use crate::steps::{Failed, Steps};

/// The features of the tests, without those of a GPU.
const FEATURES: &str = "burn-losses/ndarray,burn-losses/schema,burn-losses/train";

/// Packs the crates in the folder `crates`, unpacks them into a workspace of their own, and tests that workspace.
pub(crate) fn all(steps: &mut Steps) -> Result<(), Failed> {
    let failed = |why: String| Failed::new("package", "cargo xtask package", &why);
    let metadata = metadata().map_err(failed)?;
    let packages = packed(&metadata);

    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    // Cargo does not take a package from the workspace that is not published.
    let hack = format!("patch.crates-io.{HACK}.path={:?}", root.join("workspace-hack"));
    let mut pack = cargo(&["package", "--no-verify", "--config", &hack]);
    pack.args(packages.iter().flat_map(|package| ["--package", &package.name]));
    steps.run("pack", &mut pack)?;

    let archives = metadata.target_directory.join("package");
    let alone = archives.join("alone");
    // Packages of an earlier run may have another version and are removed. Burn, which is built there, is kept.
    let stale = fs::read_dir(&alone).into_iter().flatten().flatten().filter(|entry| entry.file_name() != "target");
    for entry in stale.filter(|entry| entry.path().is_dir()) {
        fs::remove_dir_all(entry.path()).map_err(|error| failed(error.to_string()))?;
    }
    fs::create_dir_all(&alone).map_err(|error| failed(error.to_string()))?;
    for package in &packages {
        let archive = archives.join(format!("{}.crate", folder(package)));
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

/// The members that are published, and the hack that they name.
fn packed(metadata: &Metadata) -> Vec<&Package> {
    let folders = ["crates", "workspace-hack"].map(std::ffi::OsStr::new);
    let is_packed = |package: &&Package| package.manifest_path.iter().any(|part| folders.contains(&part));
    metadata.packages.iter().filter(is_packed).collect()
}

/// Checks, without building anything, that each package would have the licenses and every file that its code includes.
pub(crate) fn check() -> Result<(), String> {
    let metadata = metadata()?;
    let mut wrong = Vec::new();
    for package in packed(&metadata) {
        let mut list = cargo(&["package", "--list", "--allow-dirty", "--package", &package.name]);
        let output =
            list.stderr(Stdio::inherit()).output().map_err(|error| format!("cargo does not start: {error}"))?;
        if !output.status.success() {
            return Err(format!("cargo package --list: {}", output.status));
        }
        let list = String::from_utf8_lossy(&output.stdout).replace('\\', "/");
        let files: BTreeSet<&str> = list.lines().collect();
        let folder = package.manifest_path.parent().unwrap_or(Path::new(""));
        let read = |file: &str| fs::read_to_string(folder.join(file)).map_err(|error| format!("{file}: {error}"));
        let missing = missing(&files, read)?;
        wrong.extend(missing.into_iter().map(|why| format!("{}: {why}", package.name)));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// What is missing among the files of a package.
fn missing(files: &BTreeSet<&str>, read: impl Fn(&str) -> Result<String, String>) -> Result<Vec<String>, String> {
    let licenses = ["LICENSE-APACHE", "LICENSE-MIT"].into_iter().filter(|name| !files.contains(name));
    let mut missing: Vec<_> = licenses.map(|name| format!("no {name}")).collect();
    for file in files.iter().filter(|file| file.ends_with(".rs")) {
        let text = read(file)?;
        for macro_name in ["include_str!(\"", "include_bytes!(\""] {
            for target in text.split(macro_name).skip(1).filter_map(|rest| rest.split('"').next()) {
                let folder = Path::new(file).parent().unwrap_or(Path::new(""));
                let path = normal(&folder.join(target)).to_string_lossy().replace('\\', "/");
                if !files.contains(path.as_str()) {
                    missing.push(format!("{file} includes {target}, which is not packed"));
                }
            }
        }
    }
    Ok(missing)
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
    fn a_file_that_is_included_has_to_be_packed() {
        let files = BTreeSet::from(["LICENSE-APACHE", "LICENSE-MIT", "src/a/b.rs", "src/page.html"]);
        let text = concat!("include_", "str!(\"../page.html\"); include_", "bytes!(\"../../font.ttf\");");
        let found = missing(&files, |_| Ok(text.to_owned())).unwrap();
        assert_eq!(found, ["src/a/b.rs includes ../../font.ttf, which is not packed"]);
        assert_eq!(missing(&BTreeSet::new(), |_| Ok(String::new())).unwrap(), ["no LICENSE-APACHE", "no LICENSE-MIT"]);
    }

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
