//! The options of the command.

use std::path::PathBuf;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Mutation testing: small changes of the formulas, executors and primitives, which the tests should notice.

All mutants of a sample are in one build, and the environment switches one of them on.

Options:
  --count N       mutants in the sample (500)
  --seed N        another seed is another sample (1)
  --files GLOB    only these files of crates/burn-losses/src, for instance 'engine/**'; may be repeated
  --only WORDS    only mutants whose names contain these words; may be repeated
  --list          print the mutants of the sample and build nothing
  --all           with --list: all mutants, not only a sample
  --resume        go on where the last run has stopped, with its build and its results
  --jobs N        mutants that are tested at once (the number of cores)
  --memory N      GiB of address space that a test may have, where there is `ulimit` (12)
  --json FILE     write the result there too
";

/// The options.
#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    pub(crate) count: usize,
    pub(crate) seed: u64,
    pub(crate) files: Vec<String>,
    pub(crate) only: Vec<String>,
    pub(crate) list: bool,
    pub(crate) all: bool,
    pub(crate) resume: bool,
    pub(crate) help: bool,
    pub(crate) jobs: usize,
    /// GiB.
    pub(crate) memory: u64,
    pub(crate) json: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            count: 500,
            seed: 1,
            files: Vec::new(),
            only: Vec::new(),
            list: false,
            all: false,
            resume: false,
            help: false,
            jobs: std::thread::available_parallelism().map_or(1, usize::from),
            memory: 12,
            json: None,
        }
    }
}

impl Options {
    /// Reads the words of the command line.
    pub(crate) fn parse(words: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (word, None),
            };
            let mut value = || value.clone().or_else(|| words.next()).ok_or_else(|| format!("{name} needs a value"));
            match name.as_str() {
                "--count" => options.count = number(&name, &value()?)? as usize,
                "--seed" => options.seed = number(&name, &value()?)?,
                "--jobs" => options.jobs = (number(&name, &value()?)? as usize).max(1),
                "--memory" => options.memory = number(&name, &value()?)?,
                "--files" => options.files.push(value()?),
                "--only" => options.only.push(value()?),
                "--json" => options.json = Some(value()?.into()),
                "--list" => options.list = true,
                "--all" => options.all = true,
                "--resume" => options.resume = true,
                "--help" | "-h" => options.help = true,
                _ => return Err(format!("there is no option {name}\n\n{HELP}")),
            }
        }
        Ok(options)
    }
}

fn number(name: &str, value: &str) -> Result<u64, String> {
    value.parse().map_err(|_| format!("{name} {value}: a whole number is expected"))
}

/// Whether a path fits a pattern, in which `*` is a part of a name and `**` any path.
pub(crate) fn fits(pattern: &str, path: &str) -> bool {
    let Some(at) = pattern.find('*') else { return pattern == path };
    let Some(path) = path.strip_prefix(&pattern[..at]) else { return false };
    let rest = &pattern[at..];
    let (rest, within_name) = match rest.strip_prefix("**") {
        Some(rest) => (rest.strip_prefix('/').unwrap_or(rest), false),
        None => (&rest[1..], true),
    };
    let mut ends = path.char_indices().map(|(end, _)| end).chain([path.len()]);
    ends.any(|end| !(within_name && path[..end].contains('/')) && fits(rest, &path[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> Result<Options, String> {
        Options::parse(words.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_are_read() {
        let options = parse("--count 20 --seed=7 --files a --files b --list").unwrap();
        let expected =
            Options { count: 20, seed: 7, files: vec!["a".into(), "b".into()], list: true, ..Options::default() };
        assert_eq!(options, expected);
        assert_eq!(parse("").unwrap(), Options::default());
    }

    #[test]
    fn errors_name_the_option() {
        assert_eq!(parse("--seed x").unwrap_err(), "--seed x: a whole number is expected");
        assert_eq!(parse("--seed").unwrap_err(), "--seed needs a value");
        assert!(parse("--sed 3").unwrap_err().starts_with("there is no option --sed\n"));
    }

    #[test]
    fn patterns_are_those_of_a_shell() {
        for (pattern, path) in [
            ("engine/**", "engine/rows/mod.rs"),
            ("engine/*.rs", "engine/ghm.rs"),
            ("**/host.rs", "engine/rows/host.rs"),
            ("**/host.rs", "host.rs"),
            ("formula/dual.rs", "formula/dual.rs"),
            ("*/f*l.rs", "binary/focal.rs"),
        ] {
            assert!(fits(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [("engine/*.rs", "engine/rows/mod.rs"), ("engine", "engine/ghm.rs"), ("*.rs", "a.rsx")] {
            assert!(!fits(pattern, path), "{pattern} {path}");
        }
    }
}
