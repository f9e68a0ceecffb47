//! A mutant: one small change of the source.

use std::collections::HashMap;
use std::ops::Range;

/// One change of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mutant {
    /// The name, which does not depend on lines: the file, the function and the change.
    pub(crate) name: String,
    /// The file, from the folder of the sources.
    pub(crate) file: String,
    /// The line of the change, from 1.
    pub(crate) line: usize,
    /// The bytes of the expression that is changed.
    pub(crate) range: Range<usize>,
    /// What the expression becomes.
    pub(crate) replacement: String,
}

/// A change as readers see it: what the code was and what it becomes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    pub(crate) before: String,
    pub(crate) after: String,
    pub(crate) replacement: String,
}

impl Mutant {
    /// A mutant that may still have the name of another one; see [`number`].
    pub(crate) fn new(file: &str, function: &str, line: usize, range: Range<usize>, change: Change) -> Self {
        let Change { before, after, replacement } = change;
        let name = format!("{file} {function}: {before} -> {after}");
        Self { name, file: file.to_owned(), line, range, replacement }
    }

    /// The name without the file.
    pub(crate) fn change(&self) -> &str {
        self.name.strip_prefix(&self.file).unwrap_or(&self.name).trim_start()
    }
}

/// Numbers the mutants that have the same name, in the order of the source.
pub(crate) fn number(mutants: &mut [Mutant]) {
    let mut counts = HashMap::<String, usize>::new();
    for mutant in mutants {
        let count = counts.entry(mutant.name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            mutant.name.push_str(&format!(" #{count}"));
        }
    }
}

/// The longest part of an expression that a name has.
const SHOWN: usize = 28;

/// The code in one line; of long code, the end if `at_end`, else the start.
pub(crate) fn shown(code: &str, at_end: bool) -> String {
    let line = code.lines().map(|line| line.split("//").next().unwrap_or_default());
    let line = line.collect::<Vec<_>>().join(" ");
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let letters: Vec<char> = line.chars().collect();
    if letters.len() <= SHOWN {
        return line;
    }
    if at_end {
        format!("..{}", String::from_iter(&letters[letters.len() - SHOWN..]).trim_start())
    } else {
        format!("{}..", String::from_iter(&letters[..SHOWN]).trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_code_is_cut_on_one_side() {
        assert_eq!(shown("a  // the first\n  + b", false), "a + b");
        let long = "first_of_all + second_of_all + third_of_all";
        assert_eq!(shown(long, false), "first_of_all + second_of_all..");
        assert_eq!(shown(long, true), "..second_of_all + third_of_all");
    }

    #[test]
    fn equal_names_are_numbered() {
        let change = || Change { before: "1".into(), after: "2".into(), replacement: "2".into() };
        let mut mutants = [(); 3].map(|()| Mutant::new("a.rs", "f", 1, 0..1, change()));
        number(&mut mutants);
        assert_eq!(mutants.map(|mutant| mutant.name), ["a.rs f: 1 -> 2", "a.rs f: 1 -> 2 #2", "a.rs f: 1 -> 2 #3"]);
    }
}
