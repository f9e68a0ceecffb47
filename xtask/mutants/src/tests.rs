//! A whole run, with a library of a few lines.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::mutant::Mutant;
use crate::options::Options;
use crate::project::{Project, read};
use crate::report::Reasons;
use crate::rewrite::rewrite;
use crate::session;

/// A folder that is removed in the end.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const MANIFEST: &str = "[workspace]\nresolver = \"3\"\nmembers = [\"tiny\"]\n\n[workspace.package]\nversion = \"0.1.0\"\n\n\
                        [profile.dev.package.tiny]\nopt-level = 0\n";
const PACKAGE: &str =
    "[package]\nname = \"tiny\"\nversion.workspace = true\nedition = \"2024\"\n\n[features]\nmore = []\n";
const LIBRARY: &str = "pub mod engine;\n";

/// Texts have a sum and no difference or product, so two mutants are not Rust.
const ENGINE: &str = "\
pub fn positive(x: f64) -> f64 {
    if x > 0.0 { x } else { 0.0 }
}

pub fn text(x: &str) -> String {
    String::new() + x
}

pub fn steps(n: u32) -> u32 {
    let mut at = 0;
    while at < n {
        at += 1;
    }
    at
}

pub fn unused() -> u32 {
    7
}
";

const TESTS: &str = "\
use tiny::engine::{positive, steps, text};

#[test]
fn positive_is_tested() {
    assert_eq!([positive(2.0), positive(-2.0), positive(0.0)], [2.0, 0.0, 0.0]);
}

#[test]
fn steps_are_tested() {
    assert_eq!((steps(3), text(\"a\")), (3, \"a\".to_owned()));
}

#[test]
fn never_right() {
    assert_eq!(positive(1.0), 2.0);
}
";

fn project(name: &str) -> (Folder, Project) {
    let root = std::env::temp_dir().join(format!("burn-losses-mutants-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&root);
    for (path, text) in [
        ("Cargo.toml", MANIFEST),
        ("tiny/Cargo.toml", PACKAGE),
        ("tiny/src/lib.rs", LIBRARY),
        ("tiny/src/engine/mod.rs", ENGINE),
        ("tiny/tests/suite.rs", TESTS),
    ] {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fs::write(root.join(".gitignore"), "/target/\n").unwrap();
    assert!(Command::new("git").args(["init", "--quiet"]).arg(&root).status().unwrap().success());
    let root = root.canonicalize().unwrap();
    let project = Project {
        target: root.join("target"),
        package: "tiny".into(),
        folder: "tiny".into(),
        features: "more".into(),
        skipped: Vec::new(),
        root: root.clone(),
    };
    (Folder(root), project)
}

fn outcomes(work: &Path) -> Vec<(String, String)> {
    let report: serde_json::Value = serde_json::from_str(&read(&work.join("report.json")).unwrap()).unwrap();
    let word = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let results = report["results"].as_array().unwrap().iter();
    results.map(|result| (word(&result["change"]), word(&result["outcome"]))).collect()
}

#[test]
fn a_library_is_tested_with_all_its_mutants_in_one_build() {
    let (_folder, project) = project("run");
    // The limit of a mutant that does not end is long.
    let only = ["positive", "text", "unused"].map(|name| format!("engine/mod.rs {name}"));
    let mut options = Options { only: only.into(), jobs: 2, ..Options::default() };
    let is_good = session::run(&project, &options, &Reasons::default()).unwrap();
    assert!(!is_good);
    let expected = [
        ("positive: if x > 0.0 -> false", "caught"),
        ("positive: if x > 0.0 -> true", "caught"),
        ("positive: x > 0.0 -> <=", "caught"),
        // At 0 both branches are 0.
        ("positive: x > 0.0 -> >=", "survived"),
        ("positive: 0.0 -> 1.0", "survived"),
        ("positive: 0.0 -> 1.0 #2", "caught"),
        ("unused: 7 -> 8", "not covered"),
    ];
    let found = outcomes(&project.work());
    let found: Vec<_> = found.iter().map(|(change, outcome)| (change.as_str(), outcome.as_str())).collect();
    assert_eq!(found, expected);

    // What is there is used, and what was stopped is done.
    let results = project.work().join("results.jsonl");
    let text = read(&results).unwrap();
    fs::write(&results, text.lines().skip(3).map(|line| format!("{line}\n")).collect::<String>() + "{\"name").unwrap();
    options.resume = true;
    session::run(&project, &options, &Reasons::default()).unwrap();
    assert_eq!(outcomes(&project.work()).len(), expected.len());
    assert_eq!(read(&results).unwrap().lines().count(), expected.len());

    // The original is as it was, and so is the copy but for the switches.
    assert_eq!(read(&project.root.join("tiny/src/engine/mod.rs")).unwrap(), ENGINE);
    assert!(read(&project.copy().join("tiny/src/engine/mod.rs")).unwrap().contains("is_on(0)"));
    let time = |root: &Path| fs::metadata(root.join("tiny/tests/suite.rs")).unwrap().modified().unwrap();
    assert_eq!(time(&project.root), time(&project.copy()));
}

#[test]
fn every_mutant_of_this_repository_can_be_parsed() {
    let project = Project::own().unwrap();
    let mut files = std::collections::BTreeMap::<String, Vec<Mutant>>::new();
    for mutant in project.mutants(&[]).unwrap() {
        files.entry(mutant.file.clone()).or_default().push(mutant);
    }
    assert!(files.values().map(Vec::len).sum::<usize>() > 5000);
    for (file, mutants) in files {
        let source = read(&project.root.join(project.source(&file))).unwrap();
        let text = rewrite(&source, &mutants.iter().enumerate().collect::<Vec<_>>()).text;
        if let Err(error) = syn::parse_file(&text) {
            let line = text.lines().nth(error.span().start().line - 1).unwrap_or_default();
            panic!("{file}: {error}: {line}");
        }
        assert_eq!(rewrite(&source, &[]).text, source);
    }
}
