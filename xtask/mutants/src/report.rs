//! The result of a run: a table, the survivors with their reasons, and JSON.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};

use crate::mutant::Mutant;
use crate::trial::{Fate, Trial};

/// The share of the mutants that the tests have to catch.
pub(crate) const SHARE: f64 = 0.95;

/// Why some mutants survive, by their names.
#[derive(Debug, Default)]
pub(crate) struct Reasons(BTreeMap<String, String>);

impl Reasons {
    /// Reads a table of names and reasons.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let table = text.parse::<toml::Table>().map_err(|error| format!("reasons.toml: {error}"))?;
        let reason = |(name, value): (String, toml::Value)| match value {
            toml::Value::String(why) if !why.trim().is_empty() => Ok((name, why)),
            _ => Err(format!("reasons.toml: `{name}` has no reason")),
        };
        table.into_iter().map(reason).collect::<Result<_, _>>().map(Self)
    }
}

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    /// Each mutant with its path from the root of the repository, and what became of it.
    pub(crate) trials: Vec<(&'a Mutant, String, Trial)>,
    pub(crate) reasons: &'a Reasons,
    pub(crate) seed: u64,
    /// How many mutants of the draw were not Rust.
    pub(crate) dropped: usize,
}

impl Report<'_> {
    fn count(&self, is_counted: impl Fn(&Fate) -> bool) -> usize {
        self.trials.iter().filter(|(_, _, trial)| is_counted(&trial.fate)).count()
    }

    /// The share of the mutants that were caught.
    pub(crate) fn share(&self) -> f64 {
        self.count(Fate::is_caught) as f64 / self.trials.len().max(1) as f64
    }

    fn reason(&self, mutant: &Mutant) -> Option<&str> {
        self.reasons.0.get(&mutant.name).map(String::as_str)
    }

    /// The mutants that were not caught and have no reason.
    fn unexplained(&self) -> usize {
        let is_open =
            |(mutant, _, trial): &&(&Mutant, String, Trial)| !trial.fate.is_caught() && self.reason(mutant).is_none();
        self.trials.iter().filter(is_open).count()
    }

    /// Whether enough were caught, and all others have a reason.
    pub(crate) fn is_good(&self) -> bool {
        self.share() >= SHARE && self.unexplained() == 0
    }

    /// The report as readers see it.
    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "\n{:<28}{:>8}{:>8}{:>8}{:>10}{:>13}{:>8}\n",
            "folder", "mutants", "caught", "timeout", "survived", "not covered", "share"
        );
        let mut folders = BTreeMap::<&str, [usize; 4]>::new();
        for (mutant, _, trial) in &self.trials {
            let folder = mutant.file.split('/').next().unwrap_or_default();
            for name in [folder, "~"] {
                folders.entry(name).or_default()[place(&trial.fate)] += 1;
            }
        }
        for (folder, [caught, timeout, survived, not_reached]) in &folders {
            let all = caught + timeout + survived + not_reached;
            let share = 100.0 * (caught + timeout) as f64 / all as f64;
            let folder = if *folder == "~" { "all" } else { folder };
            writeln!(text, "{folder:<28}{all:>8}{caught:>8}{timeout:>8}{survived:>10}{not_reached:>13}{share:>7.1}%")
                .expect("a string");
        }
        for (mutant, path, trial) in self.trials.iter().filter(|(_, _, trial)| !trial.fate.is_caught()) {
            let why = self.reason(mutant).unwrap_or("NO REASON");
            writeln!(text, "\n{}: {path}:{}\n    {}\n    {why}", trial.fate.word(), mutant.line, mutant.name)
                .expect("a string");
        }
        for (mutant, ..) in
            self.trials.iter().filter(|(mutant, _, trial)| trial.fate.is_caught() && self.reason(mutant).is_some())
        {
            writeln!(text, "\ncaught, so reasons.toml need not explain it: {}", mutant.name).expect("a string");
        }
        let (all, caught, dropped) = (self.trials.len(), self.count(Fate::is_caught), self.dropped);
        writeln!(
            text,
            "\nseed {}: {caught} of {all} mutants are caught, {:.1} %; {} have no reason; {dropped} more were not Rust",
            self.seed,
            100.0 * self.share(),
            self.unexplained()
        )
        .expect("a string");
        text
    }

    /// The report as JSON.
    pub(crate) fn json(&self) -> Value {
        let one = |(mutant, path, trial): &(&Mutant, String, Trial)| {
            let mut value = trial.to_json();
            value["file"] = json!(path);
            value["line"] = json!(mutant.line);
            value["change"] = json!(mutant.change());
            value["reason"] = json!(self.reason(mutant));
            value
        };
        json!({
            "seed": self.seed,
            "mutants": self.trials.len(),
            "caught": self.count(|fate| matches!(fate, Fate::Caught(_))),
            "timeout": self.count(|fate| *fate == Fate::TimedOut),
            "survived": self.count(|fate| *fate == Fate::Survived),
            "not_covered": self.count(|fate| *fate == Fate::NotReached),
            "not_rust": self.dropped,
            "share": self.share(),
            "without_reason": self.unexplained(),
            "results": self.trials.iter().map(one).collect::<Value>(),
        })
    }
}

/// The column of a fate.
fn place(fate: &Fate) -> usize {
    match fate {
        Fate::Caught(_) => 0,
        Fate::TimedOut => 1,
        Fate::Survived => 2,
        Fate::NotReached => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutant(name: &str) -> Mutant {
        Mutant { name: name.into(), file: "a/b.rs".into(), line: 3, range: 0..1, replacement: String::new() }
    }

    fn report(text: &str, caught: usize) -> (bool, f64, String, Value) {
        let mutants: Vec<_> = (0..=caught).map(|number| mutant(&format!("a/b.rs f: {number} -> 0"))).collect();
        let reasons = Reasons::parse(text).unwrap();
        let trial = |mutant: &Mutant, number: usize| {
            let fate = if number == 0 { Fate::Survived } else { Fate::Caught("suite: t".into()) };
            Trial { name: mutant.name.clone(), fate, seconds: 1.0 }
        };
        let trials = mutants.iter().enumerate().map(|(i, one)| (one, "src/a/b.rs".to_owned(), trial(one, i))).collect();
        let report = Report { trials, reasons: &reasons, seed: 1, dropped: 2 };
        (report.is_good(), report.share(), report.text(), report.json())
    }

    #[test]
    fn a_survivor_needs_a_reason() {
        let (is_good, share, text, json) = report("", 19);
        assert!(!is_good && share == 0.95);
        assert!(text.contains("survived: src/a/b.rs:3\n    a/b.rs f: 0 -> 0\n    NO REASON\n"), "{text}");
        assert!(text.contains("19 of 20 mutants are caught, 95.0 %; 1 have no reason; 2 more were not Rust"), "{text}");
        assert_eq!(json["results"][0]["change"], "f: 0 -> 0");
        let (is_good, _, text, json) = report("\"a/b.rs f: 0 -> 0\" = \"The two are equal.\"", 19);
        assert!(is_good && text.contains("The two are equal."), "{text}");
        assert_eq!((json["survived"].as_u64(), json["without_reason"].as_u64()), (Some(1), Some(0)));
    }

    #[test]
    fn a_lower_share_is_not_good() {
        assert!(!report("\"a/b.rs f: 0 -> 0\" = \"The two are equal.\"", 18).0);
    }

    #[test]
    fn a_reason_that_is_not_needed_is_told() {
        let (_, _, text, _) = report("\"a/b.rs f: 1 -> 0\" = \"Why not.\"", 19);
        assert!(text.contains("reasons.toml need not explain it: a/b.rs f: 1 -> 0"), "{text}");
    }

    #[test]
    fn reasons_are_words() {
        assert_eq!(Reasons::parse("a = ' '").unwrap_err(), "reasons.toml: `a` has no reason");
        assert_eq!(Reasons::parse("a = 1").unwrap_err(), "reasons.toml: `a` has no reason");
    }
}
