//! Builds the tests with all mutants at once. Mutants that are not Rust are taken out, in rounds.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;

use crate::mutant::Mutant;
use crate::project::{Project, cargo, read};
use crate::rewrite::{MODULE, Rewritten, rewrite};

/// The most rounds: the compiler finds the errors of borrows after those of types.
const ROUNDS: usize = 40;

/// A program of tests.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Binary {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

/// An error of the compiler.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Diagnostic {
    /// As the compiler prints it.
    rendered: String,
    /// The places it names, the main ones first: the file from the root of the copy, and its bytes.
    places: Vec<(String, Range<usize>)>,
}

/// Builds the mutants. Returns the programs, and the numbers of the mutants that are not Rust.
pub(crate) fn build(project: &Project, mutants: &[Mutant]) -> Result<(Vec<Binary>, BTreeSet<usize>), String> {
    let mut dropped = BTreeSet::new();
    for round in 1..=ROUNDS {
        let rewritten = write(project, mutants, &dropped)?;
        println!("   round {round}: {} mutants", mutants.len() - dropped.len());
        let (binaries, errors) = compile(project)?;
        if errors.is_empty() {
            return Ok((binaries, dropped));
        }
        let blamed = blamed(&errors, &rewritten);
        if blamed.is_empty() {
            let texts: Vec<_> = errors.iter().map(|error| error.rendered.as_str()).collect();
            return Err(format!("these errors are not those of a mutant:\n{}", texts.join("\n")));
        }
        println!("   {} errors, {} mutants taken out", errors.len(), blamed.len());
        dropped.extend(blamed);
    }
    Err(format!("there are errors after {ROUNDS} rounds"))
}

/// Writes the copy with the switches of all mutants but the dropped ones.
fn write(
    project: &Project,
    mutants: &[Mutant],
    dropped: &BTreeSet<usize>,
) -> Result<HashMap<String, Rewritten>, String> {
    let mut files = BTreeMap::<&str, Vec<(usize, &Mutant)>>::new();
    for (number, mutant) in mutants.iter().enumerate().filter(|(number, _)| !dropped.contains(number)) {
        files.entry(&mutant.file).or_default().push((number, mutant));
    }
    let (mut changed, mut rewritten) = (HashMap::new(), HashMap::new());
    for (file, mutants) in files {
        let path = project.source(file);
        let file = rewrite(&read(&project.root.join(&path))?, &mutants);
        changed.insert(path.clone(), file.text.clone());
        rewritten.insert(path, file);
    }
    let library = project.source("lib.rs");
    let text = match changed.get(&library) {
        Some(text) => text.clone(),
        None => read(&project.root.join(&library))?,
    };
    changed.insert(library, format!("{text}\nmod {MODULE};\n"));
    changed.insert(project.source(&format!("{MODULE}.rs")), include_str!("switch.rs").to_owned());
    changed.insert("Cargo.toml".into(), manifest(&read(&project.root.join("Cargo.toml"))?));
    project.write_copy(&changed)?;
    Ok(rewritten)
}

/// The manifest of the copy. Its packages have another version, so that cargo keeps what it builds apart from the library itself,
/// though both share the builds of all other crates.
fn manifest(root: &str) -> String {
    let (head, rest) = root.split_once("[workspace.package]").unwrap_or((root, ""));
    let rest = match rest.split_once("version = \"") {
        Some((before, after)) => {
            let (version, after) = after.split_once('"').unwrap_or((after, ""));
            format!("{before}version = \"{version}+mutants\"{after}")
        }
        None => rest.to_owned(),
    };
    format!("{head}[workspace.package]{rest}")
}

/// Builds the copy.
fn compile(project: &Project) -> Result<(Vec<Binary>, Vec<Diagnostic>), String> {
    let mut command = cargo(&project.copy());
    command.args(["test", "--no-run", "--offline", "--message-format=json", "--tests", "--package", &project.package]);
    command.args(["--features", &project.features, "--target-dir"]).arg(&project.target);
    command.args(["--config", &format!("profile.dev.package.{}.debug = false", project.package)]);
    let output = command.stderr(Stdio::piped()).output().map_err(|error| format!("cargo does not start: {error}"))?;
    let (binaries, errors) = parse(&String::from_utf8_lossy(&output.stdout));
    if !output.status.success() && errors.is_empty() {
        return Err(format!("cargo test: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    Ok((binaries, errors))
}

/// Reads cargo's messages.
fn parse(messages: &str) -> (Vec<Binary>, Vec<Diagnostic>) {
    let (mut binaries, mut errors) = (Vec::new(), Vec::new());
    for message in messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        match message["reason"].as_str() {
            Some("compiler-artifact") if message["profile"]["test"] == true => {
                let path = message["executable"].as_str();
                let name = message["target"]["name"].as_str().unwrap_or_default();
                binaries.extend(path.map(|path| Binary { name: name.to_owned(), path: path.into() }));
            }
            Some("compiler-message") if message["message"]["level"] == "error" => {
                let places = places(&message["message"]);
                if !places.is_empty() {
                    let rendered = message["message"]["rendered"].as_str().unwrap_or_default().to_owned();
                    errors.push(Diagnostic { rendered, places });
                }
            }
            _ => {}
        }
    }
    (binaries, errors)
}

/// The places that a message and its notes name.
fn places(message: &Value) -> Vec<(String, Range<usize>)> {
    fn place(span: &Value, places: &mut Vec<(bool, String, Range<usize>)>) {
        let byte = |name: &str| span[name].as_u64().unwrap_or_default() as usize;
        let file = span["file_name"].as_str().unwrap_or_default().replace('\\', "/");
        places.push((span["is_primary"] != true, file, byte("byte_start")..byte("byte_end")));
        let outer = &span["expansion"]["span"];
        if outer.is_object() {
            place(outer, places);
        }
    }
    let array = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut found = Vec::new();
    array(&message["spans"]).iter().for_each(|span| place(span, &mut found));
    found.sort_by_key(|(is_secondary, ..)| *is_secondary);
    let mut places: Vec<_> = found.into_iter().map(|(_, file, bytes)| (file, bytes)).collect();
    places.extend(array(&message["children"]).iter().flat_map(self::places));
    places
}

/// The mutants that the errors are about: those of the first place that is the code of mutants. If no error has such a place, all
/// mutants of the files are meant. What an error leads to in other places goes away with it.
fn blamed(errors: &[Diagnostic], files: &HashMap<String, Rewritten>) -> BTreeSet<usize> {
    let of = |error: &Diagnostic, find: &dyn Fn(&Rewritten, &Range<usize>) -> Vec<usize>| {
        let places = error.places.iter().filter_map(|(file, bytes)| Some(find(files.get(file)?, bytes)));
        places.into_iter().find(|mutants| !mutants.is_empty()).unwrap_or_default()
    };
    let near: BTreeSet<usize> = errors.iter().flat_map(|error| of(error, &Rewritten::mutants_at)).collect();
    if !near.is_empty() {
        return near;
    }
    errors.iter().flat_map(|error| of(error, &|file, _| file.mutants_within(&(0..file.text.len())))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read() {
        let artifact = r#"{"reason":"compiler-artifact","executable":"/t/suite-1","target":{"name":"suite"},"profile":{"test":true}}"#;
        let span = |primary: bool, start: usize| {
            format!(
                r#"{{"file_name":"src/a.rs","byte_start":{start},"byte_end":{},"is_primary":{primary}}}"#,
                start + 2
            )
        };
        let error = format!(
            r#"{{"reason":"compiler-message","message":{{"level":"error","rendered":"no","spans":[{},{}],"children":[]}}}}"#,
            span(false, 1),
            span(true, 5)
        );
        let warning = error.replace("\"error\"", "\"warning\"");
        let (binaries, errors) = parse(&[artifact, &error, &warning, "no JSON"].join("\n"));
        assert_eq!(binaries, [Binary { name: "suite".into(), path: "/t/suite-1".into() }]);
        let places = vec![("src/a.rs".to_owned(), 5..7), ("src/a.rs".to_owned(), 1..3)];
        assert_eq!(errors, [Diagnostic { rendered: "no".into(), places }]);
    }

    #[test]
    fn an_error_takes_out_the_smallest_expression_or_the_file() {
        let place = |range: Range<usize>, number: usize| (range, vec![number]);
        let text = " ".repeat(100);
        let places = vec![place(10..20, 1), place(5..30, 2), place(40..50, 3)];
        let files = HashMap::from([("a".to_owned(), Rewritten { text, places })]);
        let of = |file: &str, bytes: Range<usize>| {
            let error = Diagnostic { rendered: String::new(), places: vec![(file.to_owned(), bytes)] };
            blamed(&[error], &files).into_iter().collect::<Vec<_>>()
        };
        assert_eq!(of("a", 12..14), [1]);
        assert_eq!(of("a", 22..24), [2]);
        assert_eq!(of("a", 35..60), [3]);
        assert_eq!(of("a", 70..71), [1, 2, 3]);
        assert_eq!(of("b", 12..14), [0; 0]);
    }

    #[test]
    fn the_copy_has_another_version() {
        let root = "[workspace]\n\n[workspace.package]\nversion = \"1.2.3\"\n\n[workspace.dependencies]\nx = { version = \"1\" }\n";
        let text = manifest(root);
        assert!(text.contains("[workspace.package]\nversion = \"1.2.3+mutants\"\n\n[workspace.dep"), "{text}");
        assert!(text.ends_with("x = { version = \"1\" }\n"), "{text}");
    }
}
