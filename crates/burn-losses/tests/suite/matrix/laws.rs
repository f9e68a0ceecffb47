//! The laws of `suite/laws`, as their files have them: the name, and what the documentation says.

use std::fs;
use std::path::Path;

/// The ways in which a law goes through the registry.
const EVERY_LOSS: [&str; 6] =
    ["registry()", "every_variant(", "every_case(", "every_signature(", "everywhere_else(", "on_the_gpu("];

/// The tests that go through every loss of the registry, as (name, documentation).
pub(super) fn of_every_loss() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/laws");
    let files = fs::read_dir(folder).expect("the folder of laws").map(|file| file.expect("a file").path());
    let mut files: Vec<_> = files.collect();
    files.sort();
    let mut laws = Vec::new();
    for path in files {
        let module = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("a readable file").replace("\r\n", "\n");
        let of_file = tests(&text).filter(|test| EVERY_LOSS.iter().any(|every| test.body.contains(every)));
        laws.extend(of_file.map(|test| (format!("{module}::{}", test.name), test.documentation)));
    }
    laws
}

struct Test<'a> {
    name: &'a str,
    documentation: String,
    body: &'a str,
}

/// The tests of a file.
fn tests(text: &str) -> impl Iterator<Item = Test<'_>> {
    text.match_indices("\n#[test]\nfn ").map(|(at, head)| {
        let (name, rest) = text[at + head.len()..].split_once('(').expect("the arguments of a function");
        let body = rest.split_once("\n}\n").map_or(rest, |(body, _)| body);
        let lines = text[..at].lines().rev().map_while(|line| line.strip_prefix("/// "));
        let mut lines: Vec<_> = lines.collect();
        lines.reverse();
        Test { name, documentation: lines.join(" "), body }
    })
}

#[test]
fn laws_are_tests_that_go_through_the_registry() {
    let text = "\n/// A sum.\n/// Of all.\n#[test]\nfn one() {\n    registry();\n}\n\n#[test]\nfn two() {\n}\n";
    let found: Vec<_> = tests(text).map(|test| (test.name, test.documentation, test.body.len())).collect();
    assert_eq!(found, [("one", "A sum. Of all.".to_owned(), 19), ("two", String::new(), 3)]);
    let laws = of_every_loss();
    assert!(laws.iter().any(|(name, _)| name == "values::nan_in_nan_out"), "{laws:?}");
    assert!(!laws.iter().any(|(name, _)| name == "sizes::t83_sizes"), "{laws:?}");
}
