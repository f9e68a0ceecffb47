//! Which test reaches which mutant.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};

use crate::compile::Binary;
use crate::runner::{Outcome, Runner, Switch, in_parallel};

/// A test may take this long while it is recorded, which makes it slower.
const LIMIT: Duration = Duration::from_secs(1800);

/// A test that passes without a mutant.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Test {
    /// The number of its program.
    pub(crate) binary: usize,
    pub(crate) name: String,
    /// How long it took, alone and recorded.
    pub(crate) seconds: f64,
    /// The numbers of the mutants that it reaches.
    pub(crate) reached: BTreeSet<usize>,
}

/// Runs each test alone, without a mutant. Returns those that pass and reach one, and the names of those that do not pass.
pub(crate) fn record(
    runner: &Runner,
    binaries: &[Binary],
    skipped: &[String],
    jobs: usize,
) -> Result<(Vec<Test>, Vec<String>), String> {
    let mut all = Vec::new();
    for (number, binary) in binaries.iter().enumerate() {
        let names = runner.names(binary)?;
        all.extend(names.into_iter().filter(|name| !skipped.contains(name)).map(|name| (number, name)));
    }
    println!("   {} tests", all.len());
    let (tests, failed) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    in_parallel(jobs, all.len(), |job, item| {
        let (binary, name) = &all[item];
        let path = runner.scratch.join(format!("reached-{job}.txt"));
        let _ = fs::remove_file(&path);
        let (outcome, took) = runner.run(&binaries[*binary], &[name], Switch::Record(&path), LIMIT, job)?;
        if outcome != Outcome::Passed {
            failed.lock().expect("a lock").push(format!("{}: {name}", binaries[*binary].name));
            return Ok(());
        }
        // There is no file if the test reaches none.
        let reached = numbers(&fs::read_to_string(&path).unwrap_or_default());
        if !reached.is_empty() {
            let test = Test { binary: *binary, name: name.clone(), seconds: took.as_secs_f64(), reached };
            tests.lock().expect("a lock").push(test);
        }
        Ok(())
    })?;
    let (mut tests, mut failed) = (tests.into_inner().expect("a lock"), failed.into_inner().expect("a lock"));
    tests.sort_by(|a, b| (a.binary, &a.name).cmp(&(b.binary, &b.name)));
    failed.sort();
    Ok((tests, failed))
}

/// The numbers of a file with one in each line.
fn numbers(text: &str) -> BTreeSet<usize> {
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

/// The tests as JSON.
pub(crate) fn to_json(tests: &[Test]) -> Value {
    let one = |test: &Test| {
        let Test { binary, name, seconds, reached } = test;
        json!({ "binary": binary, "name": name, "seconds": seconds, "reached": reached })
    };
    tests.iter().map(one).collect()
}

/// Reads what [`to_json`] writes.
pub(crate) fn from_json(value: &Value) -> Option<Vec<Test>> {
    let one = |value: &Value| {
        let reached =
            value["reached"].as_array()?.iter().filter_map(|number| Some(number.as_u64()? as usize)).collect();
        Some(Test {
            binary: value["binary"].as_u64()? as usize,
            name: value["name"].as_str()?.to_owned(),
            seconds: value["seconds"].as_f64()?,
            reached,
        })
    };
    value.as_array()?.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_survive_a_file() {
        let test = Test { binary: 1, name: "a::b".into(), seconds: 0.25, reached: numbers("3\n1\n3\n") };
        assert_eq!(from_json(&to_json(std::slice::from_ref(&test))), Some(vec![test]));
        assert_eq!(from_json(&json!([{ "name": "a" }])), None);
    }
}
