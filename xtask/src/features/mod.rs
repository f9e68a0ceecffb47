//! One set of features for every selection of packages.
//!
//! Cargo unites the features that the selected packages need. Without help, `cargo test -p X` and `cargo test
//! --workspace` would be two builds of Burn. `workspace-hack/Cargo.toml` therefore asks for the union, and every member that
//! depends on Burn depends on it. This module generates that file, from cargo's own answer about what each selection would build.

mod graph;
mod manifest;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::{fs, thread};

use graph::{Builds, Crate, Features};

use crate::cargo::{Metadata, metadata};

/// The package that unites the features.
pub(crate) const HACK: &str = "burn-losses-workspace-hack";

/// The most rounds; several are needed, since a feature may switch on others.
const ROUNDS: usize = 12;

/// The arguments of one call of cargo.
type Selection = Vec<String>;

/// Fails if a crate is built with different features in two selections.
pub(crate) fn check() -> Result<(), String> {
    let selections = selections(&metadata()?);
    let builds = all_builds(&selections)?;
    let different = different(&builds, &union(&builds));
    if different.is_empty() {
        println!("   {} selections of packages build each crate with the same features", selections.len());
        return Ok(());
    }
    Err(explain(&selections, &builds, &different))
}

/// Writes `workspace-hack/Cargo.toml`. If anything fails, the file is restored.
pub(crate) fn write() -> Result<(), String> {
    let before = read()?;
    let result = grow(&before);
    if result.is_err() {
        save(&before)?;
    }
    result
}

/// Reads the current manifest.
fn read() -> Result<String, String> {
    fs::read_to_string(manifest::PATH).map_err(|error| format!("{}: {error}", manifest::PATH))
}

/// Writes the manifest.
fn save(text: &str) -> Result<(), String> {
    fs::write(manifest::PATH, text).map_err(|error| format!("{}: {error}", manifest::PATH))
}

/// Starts without any dependency, so that the result does not depend on the old file, and adds features until nothing differs.
fn grow(before: &str) -> Result<(), String> {
    let selections = selections(&metadata()?);
    let mut wanted = BTreeMap::<Crate, Features>::new();
    for round in 1..=ROUNDS {
        save(&manifest::render(before, &wanted)?)?;
        let builds = all_builds(&selections)?;
        let union = union(&builds);
        let different = different(&builds, &union);
        println!("   round {round}: {} crates, {} of them not yet the same", wanted.len(), different.len());
        let next = different.into_iter().chain(wanted.keys().cloned());
        let next = next.filter_map(|of| Some((of.clone(), union.get(&of)?.clone()))).collect();
        if next == wanted {
            return Ok(());
        }
        wanted = next;
    }
    Err(format!("the features still differ after {ROUNDS} rounds"))
}

/// The workspace as the tests build it, and each member that depends on the hack on its own: its library or program, and
/// all its targets.
fn selections(metadata: &Metadata) -> Vec<Selection> {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect();
    let members = metadata.packages.iter().filter(|package| package.depends_on(HACK)).map(|package| &package.name);
    let alone =
        members.flat_map(|name| [words(&format!("build -p {name}")), words(&format!("test -p {name} --all-targets"))]);
    [words("test --workspace --all-targets")].into_iter().chain(alone).collect()
}

/// The builds of each selection. As many calls of cargo run at once as there are cores.
fn all_builds(selections: &[Selection]) -> Result<Vec<Builds>, String> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let parts = selections.chunks(selections.len().div_ceil(cores));
    thread::scope(|scope| {
        let run = |part: &'_ [Selection]| part.iter().map(|of| graph::builds(of)).collect::<Result<Vec<_>, _>>();
        let threads: Vec<_> = parts.map(|part| scope.spawn(move || run(part))).collect();
        let parts = threads.into_iter().map(|thread| thread.join().expect("a thread that does not panic"));
        Ok(parts.collect::<Result<Vec<_>, String>>()?.into_iter().flatten().collect())
    })
}

/// All features of each crate.
fn union(builds: &[Builds]) -> BTreeMap<Crate, Features> {
    let mut union = BTreeMap::<Crate, Features>::new();
    for (of, sets) in builds.iter().flatten() {
        union.entry(of.clone()).or_default().extend(sets.iter().flatten().cloned());
    }
    union
}

/// The crates that some selection builds without one of their features.
fn different(builds: &[Builds], union: &BTreeMap<Crate, Features>) -> BTreeSet<Crate> {
    let is_different = |(of, sets): &(&Crate, &BTreeSet<Features>)| sets.iter().any(|set| set != &union[*of]);
    builds.iter().flatten().filter(is_different).map(|(of, _)| of.clone()).collect()
}

/// For each crate, a selection that lacks features, and which ones.
fn explain(selections: &[Selection], builds: &[Builds], different: &BTreeSet<Crate>) -> String {
    let union = union(builds);
    let mut text = String::from("Not built with the same features everywhere:\n");
    for of in different {
        let host = if of.is_host { " (of build scripts and macros)" } else { "" };
        let lacking = selections.iter().zip(builds).find_map(|(selection, builds)| {
            let lacking = builds.get(of)?.iter().find_map(|set| {
                let lacking: Vec<_> = union[of].difference(set).map(String::as_str).collect();
                (!lacking.is_empty()).then(|| lacking.join(", "))
            })?;
            Some(format!("`cargo {}` builds it without {lacking}", selection.join(" ")))
        });
        text.push_str(&format!("  {}{host}: {}\n", of.id, lacking.unwrap_or_default()));
    }
    text + "`cargo xtask features` writes workspace-hack/Cargo.toml anew"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builds(sets: &[&[&str]]) -> Builds {
        let sets = sets.iter().map(|set| set.iter().map(|&feature| feature.to_owned()).collect());
        BTreeMap::from([(Crate { id: "a@1.0.0".into(), is_host: false }, sets.collect())])
    }

    #[test]
    fn crates_that_differ_are_named() {
        let selections = [vec!["build".to_owned()], vec!["test".to_owned(), "-p".to_owned(), "x".to_owned()]];
        let both = [builds(&[&["std", "alloc"]]), builds(&[&["alloc"]])];
        let different = different(&both, &union(&both));
        assert_eq!(different.len(), 1);
        let text = explain(&selections, &both, &different);
        assert!(text.contains("a@1.0.0: `cargo test -p x` builds it without std"), "{text}");
    }

    #[test]
    fn one_selection_with_two_builds_of_a_crate_differs_from_itself() {
        let both = [builds(&[&["std"], &[]])];
        assert_eq!(different(&both, &union(&both)).len(), 1);
        let same = [builds(&[&["std"]]), builds(&[&["std"]])];
        assert!(different(&same, &union(&same)).is_empty());
    }

    #[test]
    fn members_that_depend_on_the_hack_are_selected() {
        let json = r#"{ "target_directory": "/t", "packages": [
            { "name": "a", "version": "1.0.0", "manifest_path": "", "dependencies": [{ "name": "burn-losses-workspace-hack" }] },
            { "name": "xtask", "version": "1.0.0", "manifest_path": "", "dependencies": [{ "name": "clap" }] } ] }"#;
        let selections = selections(&serde_json::from_str(json).unwrap());
        let texts: Vec<_> = selections.iter().map(|words| words.join(" ")).collect();
        assert_eq!(texts, ["test --workspace --all-targets", "build -p a", "test -p a --all-targets"]);
    }
}
