//! The figures, as a table and as JSON.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde::Serialize;

use super::Profile;

/// The name of the row for the program.
pub(super) const PROGRAM: &str = "program with one loss, flex";

/// The cost of one crate in one profile.
#[derive(Debug, Serialize)]
pub(super) struct Figure {
    /// The set of features of burn-losses, or the program.
    pub(super) what: String,
    pub(super) profile: Profile,
    /// The user and system time of rustc and the linker.
    pub(super) cpu_seconds: f64,
    /// The size of the rlib, or of the program.
    pub(super) bytes: u64,
}

/// All figures of a run.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) figures: Vec<Figure>,
}

impl Report {
    /// Writes the figures as JSON.
    pub(super) fn write(&self, file: &Path) -> Result<(), String> {
        let json = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        fs::write(file, json + "\n").map_err(|error| format!("{}: {error}", file.display()))
    }

    /// A Markdown table: a row for each set of features, two columns for each profile.
    pub(super) fn table(&self) -> String {
        let profiles = in_order(self.figures.iter().map(|figure| figure.profile));
        let mut text = String::from("| burn-losses with |");
        for profile in &profiles {
            write!(text, " {0}, CPU | {0}, size |", profile.name()).expect("a string");
        }
        text.push_str("\n|---|");
        text.push_str(&"---|---|".repeat(profiles.len()));
        for what in in_order(self.figures.iter().map(|figure| &figure.what)) {
            write!(text, "\n| {what} |").expect("a string");
            for profile in &profiles {
                let cells = self.figures.iter().find(|figure| figure.what == *what && figure.profile == *profile);
                text.push_str(&cells.map_or(" | |".to_owned(), cells_of));
            }
        }
        text + "\n"
    }
}

/// The two cells of a figure in the table.
fn cells_of(figure: &Figure) -> String {
    format!(" {:.1} s | {:.1} MB |", figure.cpu_seconds, figure.bytes as f64 / 1e6)
}

/// Each value once, in the order of its first occurrence.
fn in_order<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut once = Vec::new();
    for value in values {
        if !once.contains(&value) {
            once.push(value);
        }
    }
    once
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_row_for_each_set() {
        let figure =
            |what: &str, profile, cpu_seconds, bytes| Figure { what: what.into(), profile, cpu_seconds, bytes };
        let figures = vec![
            figure("none", Profile::Release, 20.04, 12_340_000),
            figure("flex", Profile::Release, 60.0, 40_000_000),
            figure("none", Profile::Dev, 9.96, 8_000_000),
        ];
        let expected = "| burn-losses with | release, CPU | release, size | dev, CPU | dev, size |\n\
                        |---|---|---|---|---|\n\
                        | none | 20.0 s | 12.3 MB | 10.0 s | 8.0 MB |\n\
                        | flex | 60.0 s | 40.0 MB | | |\n";
        assert_eq!(Report { figures }.table(), expected);
    }
}
