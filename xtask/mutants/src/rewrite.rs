//! Writes a file with switches: each mutant is code beside the original, and a number in the environment switches it on.

use std::fmt::Write;
use std::ops::Range;

use crate::mutant::Mutant;

/// The module of the switch in the library's copy.
pub(crate) const MODULE: &str = "burn_losses_mutants";

/// A file with switches.
#[derive(Debug, Default)]
pub(crate) struct Rewritten {
    pub(crate) text: String,
    /// The bytes of each expression with switches, and the numbers of its mutants.
    pub(crate) places: Vec<(Range<usize>, Vec<usize>)>,
}

impl Rewritten {
    /// The mutants whose code has these bytes, or is the smallest around them.
    pub(crate) fn mutants_at(&self, bytes: &Range<usize>) -> Vec<usize> {
        let smallest = self.places.iter().filter(|(place, _)| place.start <= bytes.start && bytes.end <= place.end);
        match smallest.min_by_key(|(place, _)| place.len()) {
            Some((_, numbers)) => numbers.clone(),
            None => self.mutants_within(bytes),
        }
    }

    /// The mutants whose code is a part of these bytes.
    pub(crate) fn mutants_within(&self, bytes: &Range<usize>) -> Vec<usize> {
        let within = self.places.iter().filter(|(place, _)| place.start < bytes.end && bytes.start < place.end);
        within.flat_map(|(_, numbers)| numbers.iter().copied()).collect()
    }
}

/// An expression with its mutants.
struct Node<'a> {
    range: Range<usize>,
    mutants: Vec<(usize, &'a str)>,
}

/// Writes the switches of these mutants into the source of their file. Each comes with its number.
pub(crate) fn rewrite(source: &str, mutants: &[(usize, &Mutant)]) -> Rewritten {
    let mut nodes = Vec::<Node<'_>>::new();
    let mut sorted = mutants.to_vec();
    sorted.sort_by_key(|(number, mutant)| (mutant.range.start, std::cmp::Reverse(mutant.range.end), *number));
    for (number, mutant) in sorted {
        let change = (number, mutant.replacement.as_str());
        match nodes.last_mut() {
            Some(node) if node.range == mutant.range => node.mutants.push(change),
            _ => nodes.push(Node { range: mutant.range.clone(), mutants: vec![change] }),
        }
    }
    let mut rewritten = Rewritten::default();
    let mut rest = nodes.as_slice();
    write(source, 0..source.len(), &mut rest, &mut rewritten);
    rewritten
}

/// Writes a part of the source, with the nodes that begin in it.
fn write(source: &str, part: Range<usize>, rest: &mut &[Node<'_>], rewritten: &mut Rewritten) {
    let mut at = part.start;
    while let Some((node, others)) = rest.split_first().filter(|(node, _)| node.range.start < part.end) {
        *rest = others;
        rewritten.text.push_str(&source[at..node.range.start]);
        let start = rewritten.text.len();
        rewritten.text.push('(');
        for (number, replacement) in &node.mutants {
            // Only one mutant is on, so there are no switches in the other code. Without the parentheses, code that begins with
            // `if` would be a statement.
            write!(rewritten.text, "if crate::{MODULE}::is_on({number}) {{ ({replacement}) }} else ")
                .expect("a string");
        }
        rewritten.text.push_str("{ (");
        write(source, node.range.clone(), rest, rewritten);
        rewritten.text.push_str(") })");
        let numbers = node.mutants.iter().map(|(number, _)| *number).collect();
        rewritten.places.push((start..rewritten.text.len(), numbers));
        at = node.range.end;
    }
    rewritten.text.push_str(&source[at..part.end]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finder::find;

    fn all(source: &str) -> Rewritten {
        let found = find("a.rs", source, true).unwrap();
        rewrite(source, &found.iter().enumerate().collect::<Vec<_>>())
    }

    #[test]
    fn a_switch_has_the_mutant_and_the_original() {
        let rewritten = all("fn f(a: i32) -> i32 { a - 1 }");
        assert_eq!(
            rewritten.text,
            "fn f(a: i32) -> i32 { (if crate::burn_losses_mutants::is_on(0) { ((a) + (1)) } else \
             { (a - (if crate::burn_losses_mutants::is_on(1) { (2) } else { (1) })) }) }"
        );
        assert_eq!(rewritten.places.len(), 2);
    }

    #[test]
    fn what_is_written_is_rust() {
        let source = "impl A { fn f(&self, x: f64) -> f64 {\n    let mut y = if x > 0.5 && !self.on { -x } else { x.abs() };\n\
                      \n    y += x.max(1.0) * 2.0; // as\n    match y { z if z < 3.0 => z, _ => (y - x) / (x + 1.0) }\n} }";
        let text = all(source).text;
        syn::parse_file(&text).unwrap();
        assert!(text.matches("is_on(").count() > 20, "{text}");
    }

    #[test]
    fn an_error_is_that_of_the_smallest_expression_around_it() {
        let rewritten = all("fn f(a: i32) -> i32 { a - 1 }");
        let find = |code: &str| rewritten.text.find(code).map(|at| at..at + code.len()).unwrap();
        assert_eq!(rewritten.mutants_at(&find("(a) + (1)")), [0]);
        assert_eq!(rewritten.mutants_at(&find("{ (2) }")), [1]);
        assert_eq!(rewritten.mutants_at(&find("fn f(")), [0; 0]);
        assert_eq!(rewritten.mutants_at(&(0..rewritten.text.len())), [1, 0]);
    }
}
