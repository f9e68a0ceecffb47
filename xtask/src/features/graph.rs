//! Cargo's unit graph: what a call of cargo would compile, and with which features.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::Deserialize;

use crate::cargo::cargo;

/// A crate of a registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Crate {
    /// `name@version`.
    pub(super) id: String,
    /// Whether the crate is built for the machine that compiles, since a procedural macro or a build script needs it.
    pub(super) is_host: bool,
}

impl Crate {
    /// The crate's name, and its version without the part from a `+` on.
    pub(super) fn name_and_version(&self) -> (&str, &str) {
        let (name, version) = self.id.split_once('@').unwrap_or((&self.id, ""));
        (name, version.split('+').next().unwrap_or(version))
    }
}

/// The features of one build of a crate.
pub(super) type Features = BTreeSet<String>;

/// The builds of each crate: one set of features, or several where one call of cargo builds a crate more than once.
pub(super) type Builds = BTreeMap<Crate, BTreeSet<Features>>;

/// The crates that `cargo ARGUMENTS` would build. Nothing is compiled.
pub(super) fn builds(arguments: &[String]) -> Result<Builds, String> {
    let mut command = cargo(&[]);
    command.args(arguments).args(["-Z", "unstable-options", "--unit-graph"]);
    // The unit graph is unstable. A RUSTFLAGS variable would replace the flags of .cargo/config.toml.
    command.env("RUSTC_BOOTSTRAP", "1").env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    let output = command.output().map_err(|error| format!("cargo does not start: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("cargo {} --unit-graph: {}\n{said}", arguments.join(" "), output.status));
    }
    parse(&output.stdout)
}

/// The part of cargo's JSON that is needed here.
#[derive(Deserialize)]
struct Graph {
    version: u32,
    units: Vec<Unit>,
    roots: Vec<usize>,
}

/// One call of rustc, or one run of a build script.
#[derive(Deserialize)]
struct Unit {
    pkg_id: String,
    target: Target,
    features: Features,
    dependencies: Vec<Dependency>,
}

/// The target of a package that a unit compiles.
#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

/// A unit that another one needs.
#[derive(Deserialize)]
struct Dependency {
    index: usize,
}

/// Reads cargo's JSON.
fn parse(json: &[u8]) -> Result<Builds, String> {
    let graph: Graph = serde_json::from_slice(json).map_err(|error| format!("cargo's unit graph: {error}"))?;
    if graph.version != 1 {
        return Err(format!("cargo's unit graph has the version {}; only 1 is known here", graph.version));
    }
    Ok(builds_of(&graph))
}

/// Walks from the roots. Units reached through a procedural macro or a build script are built for the host.
fn builds_of(graph: &Graph) -> Builds {
    let mut builds = Builds::new();
    let mut seen = HashSet::new();
    let mut open: Vec<(usize, bool)> = graph.roots.iter().map(|root| (*root, false)).collect();
    while let Some((index, above_is_host)) = open.pop() {
        let unit = &graph.units[index];
        let kind = unit.target.kind.first().map_or("", String::as_str);
        let is_host = above_is_host || matches!(kind, "proc-macro" | "custom-build");
        if !seen.insert((index, is_host)) {
            continue;
        }
        if unit.pkg_id.starts_with("registry+") && kind != "custom-build" {
            let id = name_at_version(&unit.pkg_id);
            builds.entry(Crate { id, is_host }).or_default().insert(unit.features.clone());
        }
        open.extend(unit.dependencies.iter().map(|dependency| (dependency.index, is_host)));
    }
    builds
}

/// `name@version` from the id of a package: `registry+URL#name@version`, or `registry+URL/name#version`.
fn name_at_version(id: &str) -> String {
    let after_hash = id.rsplit('#').next().unwrap_or(id);
    if after_hash.contains('@') {
        return after_hash.to_owned();
    }
    id.rsplit('/').next().unwrap_or(id).replace('#', "@")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A member of the workspace uses `a`, and its build script uses `a` with another feature.
    const JSON: &str = r#"{ "version": 1, "roots": [0], "units": [
        { "pkg_id": "path+file:///w#member@0.1.0", "target": { "kind": ["lib"] }, "features": [],
          "dependencies": [{ "index": 1 }, { "index": 2 }] },
        { "pkg_id": "registry+https://r#a@1.2.3+x", "target": { "kind": ["lib"] }, "features": ["std"],
          "dependencies": [] },
        { "pkg_id": "path+file:///w#member@0.1.0", "target": { "kind": ["custom-build"] }, "features": [],
          "dependencies": [{ "index": 3 }] },
        { "pkg_id": "registry+https://r#a@1.2.3+x", "target": { "kind": ["lib"] }, "features": ["alloc"],
          "dependencies": [] }
    ] }"#;

    #[test]
    fn host_and_target_are_told_apart() {
        let builds = parse(JSON.as_bytes()).unwrap();
        let of = |is_host| {
            let key = Crate { id: "a@1.2.3+x".into(), is_host };
            builds[&key].iter().flatten().map(String::as_str).collect::<Vec<_>>()
        };
        assert_eq!(builds.len(), 2);
        assert_eq!((of(false), of(true)), (vec!["std"], vec!["alloc"]));
    }

    #[test]
    fn another_version_of_the_format_is_an_error() {
        let json = JSON.replace("\"version\": 1", "\"version\": 2");
        assert!(parse(json.as_bytes()).unwrap_err().contains("version 2"));
    }

    #[test]
    fn ids_have_two_forms() {
        assert_eq!(name_at_version("registry+https://r/index#a-b@0.1.0"), "a-b@0.1.0");
        assert_eq!(name_at_version("registry+https://r/a-b#0.1.0"), "a-b@0.1.0");
        let a = Crate { id: "a@1.2.3+x".into(), is_host: false };
        assert_eq!(a.name_and_version(), ("a", "1.2.3"));
    }
}
