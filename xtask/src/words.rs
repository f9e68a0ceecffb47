//! Checks the words of the project: no file contains a phrase or a name of `xtask/words.txt`.

use std::ops::Range;
use std::path::Path;
use std::process::Command;
use std::{fs, io};

use crate::tokens::{Kind, Token, tokens};

/// The root of the repository.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The list with one entry per line: what is not written, and what to write instead.
const LIST: &str = "xtask/words.txt";

/// The extensions of files that people write.
const WRITTEN: [&str; 9] = ["rs", "md", "toml", "py", "yml", "yaml", "cff", "sh", "run"];

/// Files that may contain the words: the list, and the changelog with its old names.
const LEFT_OUT: [&str; 2] = [LIST, "CHANGELOG.md"];

/// Fails if a file contains a word of the list, and reports where.
pub(crate) fn check() -> Result<(), String> {
    let list = fs::read_to_string(Path::new(ROOT).join(LIST)).map_err(|error| format!("{LIST}: {error}"))?;
    let entries = entries(&list)?;
    let names = tracked()?;
    let mut wrong = Vec::new();
    for name in &names {
        let text = match fs::read_to_string(Path::new(ROOT).join(name)) {
            Ok(text) => text,
            // The file is deleted, but the deletion is not committed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(format!("{name}: {error}")),
        };
        let found = findings(&entries, &text, name.ends_with(".rs"));
        wrong.extend(found.into_iter().map(|(line, text)| format!("{name}:{line}: {text}")));
    }
    println!("   {} entries, {} files", entries.len(), names.len());
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// The files of the repository that are checked.
fn tracked() -> Result<Vec<String>, String> {
    let output =
        Command::new("git").args(["-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard"]).output();
    let output = output.map_err(|error| format!("git does not start: {error}"))?;
    if !output.status.success() {
        return Err(format!("git ls-files: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let is_written = |name: &&str| {
        let ending = name.rsplit(['.', '/']).next().unwrap_or_default();
        WRITTEN.contains(&ending) && !LEFT_OUT.contains(name)
    };
    Ok(String::from_utf8_lossy(&output.stdout).lines().filter(is_written).map(str::to_owned).collect())
}

/// A line of the list.
#[derive(Debug, PartialEq)]
struct Entry<'a> {
    what: What<'a>,
    instead: &'a str,
}

/// A phrase or a name that is not written.
#[derive(Debug, PartialEq)]
enum What<'a> {
    /// A name in Rust code, in backticks in the list, for instance `` `fn of(self` ``.
    Code(&'a str),
    /// Words in any file, in any case, also across the end of a line. With `*` at the end, the last word may continue.
    Phrase { text: String, goes_on: bool },
}

/// Reads the list. Lines that are empty or begin with `#` are comments.
fn entries(list: &str) -> Result<Vec<Entry<'_>>, String> {
    let lines = (1..).zip(list.lines()).filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    lines
        .map(|(number, line)| Entry::new(line).ok_or_else(|| format!("{LIST}:{number}: expected `words | instead`")))
        .collect()
}

impl<'a> Entry<'a> {
    /// Reads a line; `None` if a part is missing.
    fn new(line: &'a str) -> Option<Self> {
        let (what, instead) = line.split_once('|')?;
        let (what, instead) = (what.trim(), instead.trim());
        let code = what.strip_prefix('`').and_then(|what| what.strip_suffix('`'));
        let text = joined(what.trim_end_matches('*')).to_lowercase();
        let what = match code {
            Some(code) => What::Code(code),
            None => What::Phrase { text, goes_on: what.ends_with('*') },
        };
        (!what.is_empty() && !instead.is_empty()).then_some(Self { what, instead })
    }
}

impl What<'_> {
    fn is_empty(&self) -> bool {
        match self {
            Self::Code(code) => tokens(code).is_empty(),
            Self::Phrase { text, .. } => text.is_empty(),
        }
    }
}

/// The lines that contain a word of the list, and what to write instead.
fn findings(entries: &[Entry<'_>], text: &str, is_rust: bool) -> Vec<(usize, String)> {
    let prose = Prose::new(text);
    let code = if is_rust { tokens(text) } else { Vec::new() };
    let mut found = Vec::new();
    for Entry { what, instead } in entries {
        let lines = match what {
            What::Phrase { text, goes_on } => prose.lines_with(text, *goes_on),
            What::Code(name) => lines_with(&code, name, text),
        };
        let shown = match what {
            What::Phrase { text, .. } => text.as_str(),
            What::Code(name) => name,
        };
        found.extend(lines.into_iter().map(|line| (line, format!("\"{shown}\", write: {instead}"))));
    }
    found.sort();
    found
}

/// The lines of code that contain these tokens.
fn lines_with(code: &[Token<'_>], name: &str, text: &str) -> Vec<usize> {
    let wanted: Vec<Kind<'_>> = tokens(name).into_iter().map(|token| token.kind).collect();
    let is_here = |window: &&[Token<'_>]| window.iter().map(|token| token.kind).eq(wanted.iter().copied());
    let line = |window: &[Token<'_>]| text[..window[0].offset].matches('\n').count() + 1;
    code.windows(wanted.len()).filter(is_here).map(line).collect()
}

/// The text of a file in lower case and in one line, without comment markers.
struct Prose {
    text: String,
    /// The range of each line of the file in the text.
    lines: Vec<Range<usize>>,
}

impl Prose {
    fn new(source: &str) -> Self {
        let (mut text, mut lines) = (String::new(), Vec::new());
        for line in source.lines() {
            let start = text.len();
            let words = line.trim_start_matches(|sign: char| sign.is_whitespace() || "/!#>".contains(sign));
            text.push_str(&joined(words).to_lowercase());
            text.push(' ');
            lines.push(start..text.len());
        }
        Self { text, lines }
    }

    fn lines_with(&self, phrase: &str, goes_on: bool) -> Vec<usize> {
        let is_whole = |at: usize| {
            let ends_here = |next: Option<char>| !next.is_some_and(char::is_alphanumeric);
            let (before, after) = (&self.text[..at], &self.text[at + phrase.len()..]);
            ends_here(before.chars().next_back()) && (goes_on || ends_here(after.chars().next()))
        };
        let places = self.text.match_indices(phrase).map(|(at, _)| at).filter(|&at| is_whole(at));
        places.map(|at| self.lines.partition_point(|line| line.end <= at) + 1).collect()
    }
}

/// The words of a text, with one space between.
fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str =
        "# a comment\n\nround and round | round\nwibbl* | a word\n`Wob::ble` | Wobble\n`fn wub` | new\n";

    fn lines(text: &str, is_rust: bool) -> Vec<usize> {
        findings(&entries(EXAMPLE).unwrap(), text, is_rust).into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn the_files_are_right() {
        assert_eq!(check(), Ok(()));
    }

    #[test]
    fn phrases_may_go_over_lines_of_comments() {
        assert_eq!(lines("x\n/// It goes Round\n/// and  round.\n", true), [2]);
        assert_eq!(lines("# Round and round\n", false), [1]);
        assert_eq!(lines("around and round, round and rounder", false), [0; 0]);
    }

    #[test]
    fn beginnings_of_words_are_found_in_names_too() {
        assert_eq!(lines("let a_wibbling = 1;\nconst WIBBLE: u8 = 2;\nlet unwibbled = 3;", true), [1, 2]);
    }

    #[test]
    fn names_are_those_of_code() {
        assert_eq!(
            lines("use Wob::ble;\n// Wob::ble, fn wub\n\"Wob::ble\"; Wob::bles;\npub fn wub() {}", true),
            [1, 4]
        );
        assert_eq!(lines("Wob::ble", false), [0; 0]);
    }

    #[test]
    fn what_to_write_is_said() {
        let found = findings(&entries(EXAMPLE).unwrap(), "wibble", false);
        assert_eq!(found, [(1, "\"wibbl\", write: a word".to_owned())]);
    }

    #[test]
    fn lines_of_another_form_are_errors() {
        for list in ["word", "word |", "| instead", "`` | instead"] {
            assert_eq!(entries(list), Err(format!("{LIST}:1: expected `words | instead`")), "{list}");
        }
    }
}
