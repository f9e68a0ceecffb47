//! The layers of the library: a module imports only from layers below its own.
//!
//! The source is read as text: `use` lines, and every other path that begins at the crate's root. Documentation and tests
//! may import from anywhere.

mod graph;
mod paths;
mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use graph::{Arrow, Arrows, Table};
use paths::{exported_macros, imports, reexports};

/// The source of the library, from the root of the repository.
const SOURCE: &str = "crates/burn-losses/src";

/// The table that the library is checked against.
const TABLE: Table<'static> = Table { layers: table::LAYERS, within: table::WITHIN, known: table::KNOWN };

/// Prints every circle, and fails on an arrow that the table does not allow.
pub(crate) fn run() -> Result<(), String> {
    let arrows = arrows()?;
    for circle in graph::circles(&arrows, TABLE) {
        println!("   circle: {} -> {}", circle.join(" -> "), circle[0]);
    }
    judge(&arrows)
}

/// Does what [`run`] does, without the circles.
pub(crate) fn check() -> Result<(), String> {
    judge(&arrows()?)
}

/// Reports what does not fit the table, and where.
fn judge(arrows: &Arrows) -> Result<(), String> {
    let verdict = graph::judge(arrows, TABLE);
    let mut text = String::new();
    if !verdict.new.is_empty() {
        text.push_str("These imports lead to a higher layer, or stay within one (see xtask/src/layers/table.rs):\n");
    }
    for arrow in &verdict.new {
        for place in &arrows[arrow] {
            text.push_str(&format!("  {place}: {}\n", shown(arrow)));
        }
    }
    if !verdict.gone.is_empty() {
        text.push_str("These imports are gone or allowed; remove them from KNOWN in xtask/src/layers/table.rs:\n");
    }
    for arrow in &verdict.gone {
        text.push_str(&format!("  {}\n", shown(arrow)));
    }
    if text.is_empty() {
        println!(
            "   {} arrows between modules, {} of them known not to fit the layers",
            arrows.len(),
            TABLE.known.len()
        );
        return Ok(());
    }
    Err(text)
}

/// An arrow as text.
fn shown((from, to): &Arrow) -> String {
    format!("{from} -> {to}")
}

/// A source file.
struct File {
    /// From the root of the repository.
    name: String,
    /// The path of the file's module, without the crate.
    module: Vec<String>,
    text: String,
}

/// Every arrow between two modules of the table.
fn arrows() -> Result<Arrows, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    read(&root.join(SOURCE), SOURCE, &[], &mut files).map_err(|error| format!("{SOURCE}: {error}"))?;
    arrows_of(&files)
}

/// Does what [`arrows`] does, for files that are already read.
fn arrows_of(files: &[File]) -> Result<Arrows, String> {
    let names = names_in_root(files);
    let mut arrows = Arrows::new();
    // The root module is left out, since it names everything.
    for file in files.iter().filter(|file| !file.module.is_empty()) {
        let own = TABLE.module(&file.module).ok_or_else(|| format!("{}: this module is in no layer", file.name))?;
        let module: Vec<&str> = file.module.iter().map(String::as_str).collect();
        for import in imports(&file.text, &module) {
            let path = import.path.first().and_then(|first| names.get(first)).unwrap_or(&import.path);
            let place = format!("{}:{}", file.name, import.line);
            let other = TABLE.module(path).ok_or_else(|| format!("{place}: `{}` is in no layer", shown_path(path)))?;
            if other != own {
                let places = arrows.entry((own.to_owned(), other.to_owned())).or_default();
                places.push(place);
                // Several names in one line are one place.
                places.dedup();
            }
        }
    }
    Ok(arrows)
}

/// A path as it is written in code.
fn shown_path(path: &[String]) -> String {
    let parts = ["crate"].into_iter().chain(path.iter().map(String::as_str));
    parts.collect::<Vec<_>>().join("::")
}

/// The paths behind `crate::NAME` where it is not a module: re-exports of `lib.rs`, and exported macros.
fn names_in_root(files: &[File]) -> BTreeMap<String, Vec<String>> {
    let mut names = BTreeMap::new();
    for file in files {
        if file.module.is_empty() {
            let paths = reexports(&file.text).into_iter();
            names.extend(paths.filter_map(|path| Some((path.last()?.clone(), path))));
        }
        names.extend(exported_macros(&file.text).into_iter().map(|name| (name, file.module.clone())));
    }
    names
}

/// Reads all source files in a folder. Files and folders named `tests` are left out, since they are compiled for tests only.
fn read(folder: &Path, name: &str, module: &[String], files: &mut Vec<File>) -> io::Result<()> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    entries.sort();
    for path in entries {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let name = format!("{name}/{}", path.file_name().unwrap_or_default().to_string_lossy());
        let is_rust = path.extension().is_some_and(|extension| extension == "rs");
        let mut inner = module.to_vec();
        if !matches!(&*stem, "mod" | "lib") {
            inner.push(stem.clone().into_owned());
        }
        if stem == "tests" {
            continue;
        } else if path.is_dir() {
            read(&path, &name, &inner, files)?;
        } else if is_rust {
            files.push(File { name, module: inner, text: fs::read_to_string(&path)? });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, module: &[&str], text: &str) -> File {
        let module = module.iter().map(|&part| part.to_owned()).collect();
        File { name: name.to_owned(), module, text: text.to_owned() }
    }

    #[test]
    fn names_of_the_root_lead_to_their_modules() {
        let files = [
            file("lib.rs", &[], "mod error; mod field; pub use error::{ConfigError, InputError}; use registry::X;"),
            file("field/mod.rs", &["field"], "#[macro_export] macro_rules! choice { () => {} }"),
            file(
                "binary/mod.rs",
                &["binary"],
                "crate::choice! { }\nuse crate::ConfigError;\nuse super::error::expect;",
            ),
        ];
        let arrows = arrows_of(&files).unwrap();
        let shown: Vec<_> = arrows.iter().map(|(arrow, places)| format!("{} {places:?}", shown(arrow))).collect();
        assert_eq!(
            shown,
            [r#"binary -> error ["binary/mod.rs:2", "binary/mod.rs:3"]"#, r#"binary -> field ["binary/mod.rs:1"]"#]
        );
    }

    #[test]
    fn modules_without_a_layer_are_errors() {
        let of_no_layer = |module, text| arrows_of(&[file("x.rs", &[module], text)]).unwrap_err();
        assert_eq!(of_no_layer("x", ""), "x.rs: this module is in no layer");
        assert_eq!(of_no_layer("binary", "use crate::y::Z;"), "x.rs:1: `crate::y::Z` is in no layer");
    }

    #[test]
    fn every_module_of_the_table_is_there_once() {
        let mut modules: Vec<_> = TABLE.layers.concat();
        let count = modules.len();
        modules.sort_unstable();
        modules.dedup();
        assert_eq!(modules.len(), count);
    }
}
