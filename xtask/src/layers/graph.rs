//! The imports between modules, as arrows, and how they are checked against the table.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// An arrow from a module to one that it imports from.
pub(super) type Arrow = (String, String);

/// Every arrow, with the places where it occurs: `file:line`.
pub(super) type Arrows = BTreeMap<Arrow, Vec<String>>;

/// Modules by layer, and the exceptions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table<'a> {
    pub(super) layers: &'a [&'a [&'a str]],
    pub(super) within: &'a [(&'a str, &'a str)],
    pub(super) known: &'a [(&'a str, &'a str)],
}

impl Table<'_> {
    /// The layer of a module.
    fn layer(&self, module: &str) -> Option<usize> {
        self.layers.iter().position(|layer| layer.contains(&module))
    }

    /// The module of the table that a path leads to: the longest match.
    pub(super) fn module(&self, path: &[String]) -> Option<&str> {
        let fits =
            |module: &&&str| module.split("::").enumerate().all(|(at, name)| path.get(at).is_some_and(|of| of == name));
        self.layers.iter().copied().flatten().filter(fits).max_by_key(|module| module.len()).copied()
    }

    /// Whether an arrow leads to a lower layer, or is an exception within one.
    fn allows(&self, (from, to): &Arrow) -> bool {
        self.layer(to) < self.layer(from) || contains(self.within, from, to)
    }
}

/// Whether a list of the table contains an arrow.
fn contains(list: &[(&str, &str)], from: &str, to: &str) -> bool {
    list.contains(&(from, to))
}

/// The differences between the arrows and the table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Arrows that are neither allowed nor known.
    pub(super) new: Vec<Arrow>,
    /// Known arrows of the table that no longer exist, or that are allowed.
    pub(super) gone: Vec<Arrow>,
}

/// Compares the arrows with the table.
pub(super) fn judge(arrows: &Arrows, table: Table<'_>) -> Verdict {
    let wrong: BTreeSet<&Arrow> = arrows.keys().filter(|arrow| !table.allows(arrow)).collect();
    let known = table.known.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned()));
    Verdict {
        new: wrong.iter().filter(|(from, to)| !contains(table.known, from, to)).map(|&arrow| arrow.clone()).collect(),
        gone: known.filter(|arrow| !wrong.contains(arrow)).collect(),
    }
}

/// The shortest circle for every arrow that does not lead to a lower layer, as the modules along it. A circle that several of its
/// arrows lead to is listed once.
pub(super) fn circles<'a>(arrows: &'a Arrows, table: Table<'_>) -> Vec<Vec<&'a str>> {
    let mut seen = BTreeSet::new();
    let mut circles = Vec::new();
    for (from, to) in arrows.keys().filter(|(from, to)| table.layer(to) >= table.layer(from)) {
        let Some(back) = way(arrows, to, from) else { continue };
        if seen.insert(back.iter().copied().collect::<BTreeSet<_>>()) {
            circles.push(back);
        }
    }
    circles
}

/// The shortest path along the arrows, with both ends.
fn way<'a>(arrows: &'a Arrows, from: &'a str, to: &'a str) -> Option<Vec<&'a str>> {
    let mut before = BTreeMap::from([(from, None)]);
    let mut open = VecDeque::from([from]);
    while let Some(module) = open.pop_front() {
        if module == to {
            let mut way = vec![module];
            while let Some(previous) = before[way[way.len() - 1]] {
                way.push(previous);
            }
            way.reverse();
            return Some(way);
        }
        for (_, next) in arrows.keys().filter(|(from, _)| from == module) {
            before.entry(next).or_insert_with(|| {
                open.push_back(next);
                Some(module)
            });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: Table<'_> = Table {
        layers: &[&["low", "low::part"], &["middle", "beside"], &["high"]],
        within: &[("middle", "beside")],
        known: &[],
    };

    fn arrow(from: &str, to: &str) -> Arrow {
        (from.to_owned(), to.to_owned())
    }

    fn arrows(all: &[(&str, &str)]) -> Arrows {
        all.iter().map(|(from, to)| (arrow(from, to), vec!["a.rs:1".to_owned()])).collect()
    }

    #[test]
    fn arrows_lead_down_or_are_exceptions() {
        let arrows = arrows(&[("high", "low"), ("middle", "beside"), ("beside", "middle"), ("low", "high")]);
        let verdict = judge(&arrows, TABLE);
        assert_eq!(verdict.new, [arrow("beside", "middle"), arrow("low", "high")]);
        assert!(verdict.gone.is_empty());
    }

    #[test]
    fn known_arrows_pass_until_they_are_gone() {
        let table = Table { known: &[("low", "high"), ("low", "middle"), ("high", "low")], ..TABLE };
        let verdict = judge(&arrows(&[("low", "high"), ("high", "low")]), table);
        assert!(verdict.new.is_empty());
        assert_eq!(verdict.gone, [arrow("low", "middle"), arrow("high", "low")]);
    }

    #[test]
    fn the_longest_module_counts() {
        let module = |path: &[&str]| {
            let path: Vec<_> = path.iter().map(|&name| name.to_owned()).collect();
            TABLE.module(&path).map(str::to_owned)
        };
        assert_eq!(module(&["low", "part", "x"]).as_deref(), Some("low::part"));
        assert_eq!(module(&["low", "other"]).as_deref(), Some("low"));
        assert_eq!(module(&["lowest"]), None);
    }

    #[test]
    fn circles_are_found_once() {
        let arrows =
            arrows(&[("high", "middle"), ("middle", "low"), ("low", "high"), ("high", "low"), ("low", "beside")]);
        assert_eq!(circles(&arrows, TABLE), [vec!["high", "low"]]);
    }
}
