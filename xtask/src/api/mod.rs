//! The public API of the published crates, as text in `xtask/api`: the check fails on a change that is not recorded there.
//!
//! The source is read, and nothing is compiled. rustdoc's JSON would need a nightly compiler, and its HTML differs from one
//! compiler to the next; both miss the items behind other features. The tokens of the source have neither problem. Everything
//! that is `pub` is reachable, which the lint `unreachable_pub` checks. The code that macros and derives generate is included
//! as they contain it: once, with its placeholders.

mod items;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use items::{File, Found};

/// The root of the repository.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The crates whose API others use. A derive crate is read like any other: its `pub` items are those that it generates.
const CRATES: [&str; 3] = ["burn-losses", "burn-losses-derive", "burn-losses-plot"];

/// The folder of the baselines.
const FOLDER: &str = "xtask/api";

/// Fails if a baseline differs from the source.
pub(crate) fn check() -> Result<(), String> {
    let mut text = String::new();
    for name in CRATES {
        let (path, now) = (baseline(name), lines(name)?);
        let before = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let before: BTreeSet<String> = before.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
        println!("   {name}: {} public items", now.len());
        let gone = before.difference(&now).map(|line| format!("  - {name}: {line}\n"));
        let new = now.difference(&before).map(|line| format!("  + {name}: {line}\n"));
        text.extend(gone.chain(new));
    }
    if text.is_empty() {
        return Ok(());
    }
    Err(format!(
        "The public API has changed:\n{text}Say in CHANGELOG.md what to write instead of what is gone, then run `cargo xtask api`."
    ))
}

/// Writes the baselines.
pub(crate) fn write() -> Result<(), String> {
    for name in CRATES {
        let (path, lines) = (baseline(name), lines(name)?);
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        fs::create_dir_all(Path::new(ROOT).join(FOLDER))
            .and_then(|()| fs::write(&path, text))
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

fn baseline(name: &str) -> PathBuf {
    Path::new(ROOT).join(FOLDER).join(name).with_extension("txt")
}

/// The public items of a crate, sorted.
fn lines(name: &str) -> Result<BTreeSet<String>, String> {
    let source = Path::new(ROOT).join("crates").join(name).join("src");
    let mut found = Found::default();
    walk(&source.join("lib.rs"), &source, &name.replace('-', "_"), true, &mut found)?;
    Ok(found.lines())
}

/// Reads a file and its modules. `folder` holds the files of its modules; `module` is the nearest public module.
fn walk(path: &Path, folder: &Path, module: &str, is_public: bool, found: &mut Found) -> Result<(), String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    for inner in File::new(&text, module, is_public).read(found) {
        let folder = inner.folders.iter().fold(folder.to_owned(), |folder, name| folder.join(name));
        let (flat, nested) = (folder.join(&inner.name).with_extension("rs"), folder.join(&inner.name).join("mod.rs"));
        let path = if flat.exists() { flat } else { nested };
        walk(&path, &folder.join(&inner.name), &inner.module, inner.is_public, found)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_baselines_are_those_of_the_source() {
        assert_eq!(check(), Ok(()));
    }
}
