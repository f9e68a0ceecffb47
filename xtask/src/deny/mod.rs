//! Checks the rules of `deny.toml` for the crates in Cargo.lock (licenses, sources, one version of each), and the Rust version
//! that the workspace promises. Nothing is fetched and no other program is needed: cargo knows the metadata of the crates.
//!
//! The file is that of cargo-deny, which the workflow runs for advisories. Keys that are not read here are for cargo-deny only.

mod expression;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Stdio;

use serde::Deserialize;

use crate::cargo::cargo;
use expression::allows;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const FILE: &str = "deny.toml";

/// The crates of this system are checked. Other systems have other crates, which may not have been fetched.
const SYSTEM: &str = "x86_64-unknown-linux-gnu";

/// Fails on a crate that the file does not allow.
pub(crate) fn check() -> Result<(), String> {
    let text = fs::read_to_string(format!("{ROOT}/{FILE}")).map_err(|error| format!("{FILE}: {error}"))?;
    let rules: Rules = toml::from_str(&text).map_err(|error| format!("{FILE}: {error}"))?;
    let packages = packages()?;
    let others = packages.iter().filter(|package| package.source.is_some()).count();
    println!("   {} crates, {others} of them from a registry", packages.len());
    let wrong = rules.broken_by(&packages);
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// All crates that cargo knows, including the members.
fn packages() -> Result<Vec<Package>, String> {
    let manifest = format!("{ROOT}/Cargo.toml");
    let arguments = ["metadata", "--offline", "--locked", "--format-version", "1"];
    let mut command = cargo(&arguments);
    command.args(["--filter-platform", SYSTEM, "--manifest-path", &manifest]).stderr(Stdio::inherit());
    let output = command.output().map_err(|error| format!("cargo does not start: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}; `cargo fetch` first?", output.status));
    }
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))?;
    Ok(metadata.packages)
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// A crate.
#[derive(Debug, Clone, Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    /// `None` for the members of the workspace.
    source: Option<String>,
    rust_version: Option<String>,
}

/// The part of the file that is read here.
#[derive(Debug, Deserialize)]
struct Rules {
    licenses: Licenses,
    bans: Bans,
    sources: Sources,
}

#[derive(Debug, Deserialize)]
struct Licenses {
    allow: BTreeSet<String>,
    exceptions: Vec<Exception>,
    clarify: Vec<Clarification>,
}

/// Licenses that a single crate may have.
#[derive(Debug, Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: BTreeSet<String>,
}

/// The license of a crate that does not state one.
#[derive(Debug, Deserialize)]
struct Clarification {
    #[serde(rename = "crate")]
    name: String,
    expression: String,
}

#[derive(Debug, Deserialize)]
struct Bans {
    /// `name@version`: versions that are allowed beside a newer one.
    skip: BTreeSet<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

impl Rules {
    /// The violations, a line each.
    fn broken_by(&self, packages: &[Package]) -> Vec<String> {
        let mut wrong: Vec<String> = packages.iter().filter_map(|package| self.license(package)).collect();
        wrong.extend(packages.iter().filter_map(|package| self.source(package)));
        wrong.extend(self.unused_exceptions(packages));
        wrong.extend(self.duplicates(packages));
        wrong.extend(rust_version(packages));
        wrong
    }

    fn license(&self, package: &Package) -> Option<String> {
        let Package { name, version, license, .. } = package;
        let clarified = self.licenses.clarify.iter().find(|clarification| clarification.name == *name);
        let license = clarified.map(|clarification| &clarification.expression).or(license.as_ref());
        let Some(license) = license else { return Some(format!("{name} {version}: no license is named")) };
        let exceptions = self.licenses.exceptions.iter().filter(|exception| exception.name == *name);
        let exceptions: BTreeSet<&String> = exceptions.flat_map(|exception| &exception.allow).collect();
        let is_allowed = |one: &str| self.licenses.allow.contains(one) || exceptions.contains(&one.to_owned());
        match allows(license, &is_allowed) {
            Some(true) => None,
            Some(false) => Some(format!("{name} {version}: {FILE} does not allow its license {license}")),
            None => Some(format!("{name} {version}: `{license}` is no expression of licenses")),
        }
    }

    fn source(&self, Package { name, version, source, .. }: &Package) -> Option<String> {
        let source = source.as_ref()?;
        let registry = source.strip_prefix("registry+");
        let is_allowed = registry.is_some_and(|registry| self.sources.allow_registry.iter().any(|one| one == registry));
        (!is_allowed).then(|| format!("{name} {version}: {FILE} does not allow its source {source}"))
    }

    /// Exceptions for crates that are not used.
    fn unused_exceptions(&self, packages: &[Package]) -> Vec<String> {
        let names: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
        let exceptions = self.licenses.exceptions.iter().map(|exception| &exception.name);
        let all = exceptions.chain(self.licenses.clarify.iter().map(|clarification| &clarification.name));
        let unused = all.filter(|name| !names.contains(name.as_str()));
        unused.map(|name| format!("{FILE}: there is no crate {name}, remove what it says of its license")).collect()
    }

    /// Crates with several versions: `skip` has to list all but the newest, and nothing else.
    fn duplicates(&self, packages: &[Package]) -> Vec<String> {
        let mut versions = BTreeMap::<&str, Vec<&str>>::new();
        for package in packages {
            versions.entry(&package.name).or_default().push(&package.version);
        }
        let mut older = BTreeSet::new();
        for (name, mut all) in versions {
            all.sort_by_key(|version| numbers(version));
            all.pop();
            older.extend(all.into_iter().map(|version| format!("{name}@{version}")));
        }
        let new = older.difference(&self.bans.skip).map(|one| format!("{one}: there is a newer version of it too"));
        let gone = self.bans.skip.difference(&older).map(|one| format!("{FILE}: remove {one} from `skip`"));
        new.chain(gone).collect()
    }
}

/// The members promise a Rust version; no crate may need a newer one.
fn rust_version(packages: &[Package]) -> Vec<String> {
    let of = |package: &Package| package.rust_version.as_deref().map(numbers);
    let promised = packages.iter().filter(|package| package.source.is_none()).filter_map(of).min();
    let Some(promised) = promised else { return vec!["no member has a `rust-version`".to_owned()] };
    let newer = packages.iter().filter(|package| of(package) > Some(promised));
    let shown = |package: &Package| package.rust_version.clone().unwrap_or_default();
    newer.map(|package| format!("{} {} needs Rust {}", package.name, package.version, shown(package))).collect()
}

/// The numbers of a version; missing numbers are 0.
fn numbers(version: &str) -> [u64; 3] {
    let mut parts = version.split(['.', '-', '+']).map(|part| part.parse().unwrap_or(0));
    [0; 3].map(|_| parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "[licenses]\nallow = ['MIT']\nexceptions = [{ crate = 'odd', allow = ['MPL-2.0'] }]\n\
                         clarify = [{ crate = 'file', expression = 'MIT' }]\n\
                         [bans]\nskip = ['a@1.9.0']\n[sources]\nallow-registry = ['https://r']\n";

    fn package(name: &str, version: &str, license: &str) -> Package {
        Package {
            name: name.into(),
            version: version.into(),
            license: (!license.is_empty()).then(|| license.into()),
            source: Some("registry+https://r".into()),
            rust_version: None,
        }
    }

    fn wrong(change: impl FnOnce(&mut Vec<Package>)) -> Vec<String> {
        let own = Package { source: None, rust_version: Some("1.95".into()), ..package("own", "0.1.0", "MIT") };
        let mut packages = vec![
            own,
            package("a", "1.10.0", "MIT"),
            package("a", "1.9.0", "Apache-2.0/MIT"),
            package("odd", "1.0.0", "MPL-2.0"),
            package("file", "1.0.0", ""),
        ];
        change(&mut packages);
        toml::from_str::<Rules>(RULES).unwrap().broken_by(&packages)
    }

    #[test]
    fn the_crates_are_right() {
        if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            assert_eq!(check(), Ok(()));
        }
    }

    #[test]
    fn what_the_file_allows_is_right() {
        assert!(wrong(|_| ()).is_empty());
    }

    #[test]
    fn licenses_are_checked() {
        let other = |name: &str, license: &str| wrong(|all| all.push(package(name, "1.0.0", license)));
        assert_eq!(other("b", "MPL-2.0"), ["b 1.0.0: deny.toml does not allow its license MPL-2.0"]);
        assert_eq!(other("b", ""), ["b 1.0.0: no license is named"]);
        assert_eq!(other("b", "MIT OR"), ["b 1.0.0: `MIT OR` is no expression of licenses"]);
        assert_eq!(
            wrong(|all| all.truncate(4)),
            ["deny.toml: there is no crate file, remove what it says of its license"]
        );
    }

    #[test]
    fn sources_are_checked() {
        let other = wrong(|all| all[1].source = Some("git+https://g".into()));
        assert_eq!(other, ["a 1.10.0: deny.toml does not allow its source git+https://g"]);
    }

    #[test]
    fn a_second_version_is_found_and_one_that_is_gone_too() {
        assert_eq!(wrong(|all| all.push(package("b", "0.2.0", "MIT"))), [""; 0]);
        let twice = wrong(|all| all.extend([package("b", "0.10.0", "MIT"), package("b", "0.9.1", "MIT")]));
        assert_eq!(twice, ["b@0.9.1: there is a newer version of it too"]);
        assert_eq!(wrong(|all| drop(all.remove(2))), ["deny.toml: remove a@1.9.0 from `skip`"]);
    }

    #[test]
    fn no_crate_needs_a_newer_rust() {
        let needs = |version: &str| wrong(|all| all[1].rust_version = Some(version.into()));
        assert_eq!(needs("1.95.0"), [""; 0]);
        assert_eq!(needs("1.96"), ["a 1.10.0 needs Rust 1.96"]);
    }
}
