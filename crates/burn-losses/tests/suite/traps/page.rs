//! The page of traps: every number has a test.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The number of traps.
const TRAPS: usize = 86;

/// Every test of all crates whose name begins with the number of a trap.
fn tests() -> BTreeSet<String> {
    fn collect(folder: &Path, names: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                collect(&entry, names);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&entry).expect("a source file");
                let functions = text.split("fn ").skip(1).filter_map(|rest| rest.split('(').next());
                let is_trap =
                    |name: &&str| name.starts_with('t') && name[1..].starts_with(|c: char| c.is_ascii_digit());
                names.extend(functions.filter(is_trap).map(str::to_owned));
            }
        }
    }
    let mut names = BTreeSet::new();
    for folder in ["src", "tests"] {
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut names);
    }
    names
}

/// The trap numbers in a test's name: `t63_t64_..`, `t01_..`, `t14b_..`.
fn numbers(name: &str) -> impl Iterator<Item = usize> + '_ {
    let is_number = |part: &&str| part.starts_with('t') && part.len() > 1 && part[1..2].parse::<u8>().is_ok();
    let number = |part: &str| part[1..].trim_end_matches(char::is_alphabetic).parse().ok();
    name.split('_').take_while(is_number).filter_map(number)
}

/// The page, with the tests of each number in its row.
fn written(page: &str, tests: &BTreeSet<String>) -> String {
    let row = |line: &str| {
        let Some((trap, meaning)) = line.strip_prefix("| T").and_then(|rest| rest.split_once(" | ")) else {
            return line.to_owned();
        };
        let of_trap = |name: &&String| numbers(name).any(|number| trap.parse() == Ok(number));
        let named: Vec<String> = tests.iter().filter(of_trap).map(|name| format!("`{name}`")).collect();
        let cell = if named.is_empty() { format!("`t{trap}_..`") } else { named.join(", ") };
        let meaning = meaning.split(" | ").next().unwrap_or_default();
        format!("| T{trap} | {meaning} | {cell} |")
    };
    page.lines().map(row).collect::<Vec<_>>().join("\n") + "\n"
}

/// With `BURN_LOSSES_WRITE=1`, the names of the tests are written to the page.
#[test]
fn generated_page_of_traps_names_a_test_for_each() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/traps.md");
    if !path.exists() {
        // The package was unpacked outside the repository.
        return;
    }
    let page = fs::read_to_string(&path).expect("docs/traps.md");
    let tests = tests();
    for trap in 1..=TRAPS {
        assert_eq!(page.matches(&format!("\n| T{trap} | ")).count(), 1, "T{trap} has a row of docs/traps.md");
        let has_test = tests.iter().any(|name| numbers(name).any(|number| number == trap));
        assert!(has_test, "T{trap} has no test: a test of it has the name `t{trap}_..`");
    }
    let expected = written(&page, &tests);
    if std::env::var("BURN_LOSSES_WRITE").as_deref() == Ok("1") {
        fs::write(&path, &expected).expect("docs/traps.md is written");
    } else {
        assert_eq!(page, expected, "docs/traps.md is old: write it with BURN_LOSSES_WRITE=1");
    }
}
