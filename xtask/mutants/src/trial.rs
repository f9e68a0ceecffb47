//! Tests the mutants, one after the other.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::compile::Binary;
use crate::coverage::Test;
use crate::mutant::Mutant;
use crate::runner::{Outcome, Runner, Switch};

/// Seconds that a call may take beyond what its tests need.
const LEEWAY: f64 = 30.0;

/// A call may take this many times what its tests need.
const TIMES: f64 = 8.0;

/// Tests of so many seconds are run in one call: few at first, since most mutants are caught soon.
const FIRST_CALL: f64 = 0.3;
const LATER_CALLS: f64 = 20.0;

/// The most tests of a call, whose names have to fit a command line.
const TESTS: usize = 300;

/// What became of a mutant.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fate {
    /// This test failed.
    Caught(String),
    /// The tests took much longer than without it.
    TimedOut,
    /// All tests passed that reach it.
    Survived,
    /// No test reaches it.
    NotReached,
}

/// The result of a mutant.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trial {
    pub(crate) name: String,
    pub(crate) fate: Fate,
    pub(crate) seconds: f64,
}

impl Fate {
    /// The word of the table and of JSON.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Caught(_) => "caught",
            Self::TimedOut => "timeout",
            Self::Survived => "survived",
            Self::NotReached => "not covered",
        }
    }

    /// Whether the tests noticed the mutant.
    pub(crate) fn is_caught(&self) -> bool {
        matches!(self, Self::Caught(_) | Self::TimedOut)
    }
}

impl Trial {
    pub(crate) fn to_json(&self) -> Value {
        let by = if let Fate::Caught(by) = &self.fate { Some(by) } else { None };
        json!({ "name": self.name, "outcome": self.fate.word(), "by": by, "seconds": self.seconds })
    }

    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        let fate = match value["outcome"].as_str()? {
            "caught" => Fate::Caught(value["by"].as_str()?.to_owned()),
            "timeout" => Fate::TimedOut,
            "survived" => Fate::Survived,
            "not covered" => Fate::NotReached,
            _ => return None,
        };
        Some(Self { name: value["name"].as_str()?.to_owned(), fate, seconds: value["seconds"].as_f64()? })
    }
}

/// The tests, and what they have caught so far.
pub(crate) struct Court<'a> {
    pub(crate) runner: &'a Runner,
    pub(crate) binaries: &'a [Binary],
    pub(crate) tests: &'a [Test],
    /// How many mutants of a file a test has caught.
    pub(crate) caught: Mutex<HashMap<(String, usize), usize>>,
}

impl Court<'_> {
    /// Runs the tests that reach the mutant until one fails: first those that have caught others of its file, then the fastest.
    pub(crate) fn trial(&self, number: usize, mutant: &Mutant, job: usize) -> Result<Trial, String> {
        let start = Instant::now();
        let mut waiting = self.order(number, mutant);
        let mut fate = if waiting.is_empty() { Fate::NotReached } else { Fate::Survived };
        let mut budget = FIRST_CALL;
        while !waiting.is_empty() {
            let call = next_call(self.tests, &mut waiting, budget);
            budget = (budget * 2.0).min(LATER_CALLS);
            let binary = &self.binaries[self.tests[call[0]].binary];
            let names: Vec<&str> = call.iter().map(|&test| self.tests[test].name.as_str()).collect();
            let seconds: f64 = call.iter().map(|&test| self.tests[test].seconds).sum();
            let limit = Duration::from_secs_f64(LEEWAY + TIMES * seconds);
            let (outcome, _) = self.runner.run(binary, &names, Switch::Mutant(number), limit, job)?;
            match outcome {
                Outcome::Passed => continue,
                Outcome::TimedOut => fate = Fate::TimedOut,
                Outcome::Failed(name) => {
                    if let Some(&test) = call.iter().find(|&&test| self.tests[test].name == name) {
                        *self.caught.lock().expect("a lock").entry((mutant.file.clone(), test)).or_default() += 1;
                    }
                    fate = Fate::Caught(format!("{}: {name}", binary.name));
                }
            }
            break;
        }
        Ok(Trial { name: mutant.name.clone(), fate, seconds: start.elapsed().as_secs_f64() })
    }

    /// The numbers of the tests that reach a mutant, in the order in which they are run.
    fn order(&self, number: usize, mutant: &Mutant) -> Vec<usize> {
        let caught = self.caught.lock().expect("a lock");
        let reach = (0..self.tests.len()).filter(|&test| self.tests[test].reached.contains(&number));
        let count = |test: usize| caught.get(&(mutant.file.clone(), test)).copied().unwrap_or_default();
        let mut order: Vec<(usize, usize)> = reach.map(|test| (count(test), test)).collect();
        // A slow test that has caught one is not worth more than the fast ones.
        let cost = |&(count, test): &(usize, usize)| self.tests[test].seconds / (1.0 + 4.0 * count as f64);
        order.sort_by(|a, b| cost(a).total_cmp(&cost(b)).then(a.cmp(b)));
        order.into_iter().map(|(_, test)| test).collect()
    }
}

/// Takes tests of one program from those that wait: the first one, and others while they take no longer than the budget.
fn next_call(tests: &[Test], waiting: &mut Vec<usize>, budget: f64) -> Vec<usize> {
    let binary = tests[waiting[0]].binary;
    let (mut call, mut seconds) = (Vec::new(), 0.0);
    waiting.retain(|&test| {
        seconds += if tests[test].binary == binary { tests[test].seconds } else { 0.0 };
        let goes = tests[test].binary == binary && (call.is_empty() || (seconds <= budget && call.len() < TESTS));
        if goes {
            call.push(test);
        }
        !goes
    });
    call
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn test(binary: usize, seconds: f64) -> Test {
        Test { binary, name: format!("t{seconds}"), seconds, reached: BTreeSet::from([7]) }
    }

    #[test]
    fn a_call_has_tests_of_one_program_within_its_budget() {
        let tests = [test(0, 0.1), test(1, 0.1), test(0, 0.1), test(0, 5.0)];
        let mut waiting = vec![0, 1, 2, 3];
        assert_eq!(next_call(&tests, &mut waiting, 1.0), [0, 2]);
        assert_eq!(next_call(&tests, &mut waiting, 1.0), [1]);
        assert_eq!(next_call(&tests, &mut waiting, 1.0), [3]);
        assert!(waiting.is_empty());
    }

    #[test]
    fn tests_that_have_caught_others_of_the_file_come_first() {
        let runner = Runner { folder: "".into(), scratch: "".into(), memory: 1 };
        let tests = [test(0, 0.2), test(0, 0.1), test(0, 0.3)];
        let mutant = Mutant { name: "a".into(), file: "a.rs".into(), line: 1, range: 0..1, replacement: String::new() };
        let caught = Mutex::new(HashMap::from([(("a.rs".to_owned(), 2), 3), (("b.rs".to_owned(), 0), 9)]));
        let court = Court { runner: &runner, binaries: &[], tests: &tests, caught };
        assert_eq!(court.order(7, &mutant), [2, 1, 0]);
        assert_eq!(court.order(8, &mutant), [0; 0]);
    }

    #[test]
    fn trials_survive_a_file() {
        for fate in [Fate::Caught("suite: a".into()), Fate::TimedOut, Fate::Survived, Fate::NotReached] {
            let trial = Trial { name: "a".into(), fate, seconds: 1.5 };
            assert_eq!(Trial::from_json(&trial.to_json()), Some(trial));
        }
    }
}
