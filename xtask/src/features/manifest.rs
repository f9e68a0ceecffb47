//! The generated part of `workspace-hack/Cargo.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::graph::{Crate, Features};

/// The manifest that is written.
pub(super) const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../workspace-hack/Cargo.toml");

/// The line that begins the generated part.
const MARK: &str = "# Generated from here on by `cargo xtask features`.\n";

/// The manifest `old` with the dependencies `wanted`.
pub(super) fn render(old: &str, wanted: &BTreeMap<Crate, Features>) -> Result<String, String> {
    let (head, _) = old.split_once(MARK).ok_or_else(|| format!("{PATH} has no line {MARK}"))?;
    let mut text = format!("{head}{MARK}");
    let several = names_with_several_versions(wanted);
    for (title, is_host) in [("[dependencies]\n", false), ("\n[build-dependencies]\n", true)] {
        text.push_str(title);
        for (of, features) in wanted.iter().filter(|(of, _)| of.is_host == is_host) {
            let line = line(of, features, several.contains(of.name_and_version().0));
            writeln!(text, "{line}").expect("a string");
        }
    }
    Ok(text)
}

/// The line of one dependency. If its name alone is not unique, the version is part of the key.
fn line(of: &Crate, features: &Features, is_ambiguous: bool) -> String {
    let (name, version) = of.name_and_version();
    let (key, package) = if is_ambiguous {
        (format!("{name}-{}", compatible(version)), format!("package = \"{name}\", "))
    } else {
        (name.to_owned(), String::new())
    };
    let features = features.iter().map(|feature| format!("\"{feature}\"")).collect::<Vec<_>>().join(", ");
    format!("{key} = {{ {package}version = \"{version}\", default-features = false, features = [{features}] }}")
}

/// The part of a version that all compatible versions share: `1` for 1.2.3, `0_2` for 0.2.3.
fn compatible(version: &str) -> String {
    let mut parts = version.split('.');
    match (parts.next(), parts.next()) {
        (Some("0"), Some(minor)) => format!("0_{minor}"),
        (major, _) => major.unwrap_or(version).to_owned(),
    }
}

/// The names of crates that are wanted in more than one version.
fn names_with_several_versions(wanted: &BTreeMap<Crate, Features>) -> BTreeSet<&str> {
    let mut versions = BTreeMap::<&str, BTreeSet<&str>>::new();
    for of in wanted.keys() {
        let (name, version) = of.name_and_version();
        versions.entry(name).or_default().insert(version);
    }
    versions.into_iter().filter(|(_, versions)| versions.len() > 1).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(all: &[(&str, bool, &[&str])]) -> BTreeMap<Crate, Features> {
        let one = |(id, is_host, features): &(&str, bool, &[&str])| {
            let features = features.iter().map(|&feature| feature.to_owned()).collect();
            (Crate { id: (*id).to_owned(), is_host: *is_host }, features)
        };
        all.iter().map(one).collect()
    }

    #[test]
    fn the_head_is_kept_and_the_rest_replaced() {
        let old = format!("[package]\n{MARK}[dependencies]\nold = \"1\"\n");
        let new = render(&old, &wanted(&[("b@1.0.0", true, &[]), ("a@0.2.1+x", false, &["std", "alloc"])]));
        let expected = format!(
            "[package]\n{MARK}[dependencies]\n\
             a = {{ version = \"0.2.1\", default-features = false, features = [\"alloc\", \"std\"] }}\n\n\
             [build-dependencies]\n\
             b = {{ version = \"1.0.0\", default-features = false, features = [] }}\n"
        );
        assert_eq!(new, Ok(expected));
    }

    #[test]
    fn two_versions_of_a_crate_have_two_keys() {
        let text = render(MARK, &wanted(&[("a@0.2.1", false, &[]), ("a@1.0.0", false, &[])])).unwrap();
        assert!(text.contains("\na-0_2 = { package = \"a\", version = \"0.2.1\""), "{text}");
        assert!(text.contains("\na-1 = { package = \"a\", version = \"1.0.0\""), "{text}");
    }

    #[test]
    fn a_manifest_without_the_mark_is_not_overwritten() {
        assert!(render("[package]\n", &wanted(&[])).is_err());
    }
}
