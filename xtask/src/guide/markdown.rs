//! The parts of Markdown that are needed here: links, headings and blocks of code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The address at which others read the repository's pages.
const REPOSITORY: &str = "https://github.com/burn-losses/burn-losses/blob/main/";

/// A Markdown file.
pub(super) struct Page {
    /// The path from the root of the repository.
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// A line of a page.
struct Line<'a> {
    number: usize,
    text: &'a str,
    /// The language of the block of code around the line.
    code: Option<&'a str>,
}

/// The lines, without the fences of blocks of code.
fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut code = None;
    (1..).zip(text.lines()).filter_map(move |(number, text)| match (text.trim_start().strip_prefix("```"), code) {
        (Some(language), None) => {
            code = Some(language);
            None
        }
        (Some(_), Some(_)) => {
            code = None;
            None
        }
        (None, code) => Some(Line { number, text, code }),
    })
}

impl Page {
    pub(super) fn new(path: PathBuf, text: String) -> Self {
        Self { path, text }
    }

    /// Every link and image, with its line.
    pub(super) fn links(&self) -> impl Iterator<Item = (usize, &str)> {
        lines(&self.text)
            .filter(|line| line.code.is_none())
            .flat_map(|line| targets(line.text).map(move |at| (line.number, at)))
    }

    /// The anchors of the headings, as GitHub and mdBook make them.
    pub(super) fn anchors(&self) -> BTreeSet<String> {
        let mut seen = BTreeMap::<String, usize>::new();
        let headings = lines(&self.text).filter(|line| line.code.is_none() && line.text.starts_with('#'));
        let anchor = |line: Line<'_>| {
            let slug = slug(line.text.trim_start_matches('#'));
            let count = seen.entry(slug.clone()).and_modify(|count| *count += 1).or_default();
            if *count == 0 { slug } else { format!("{slug}-{count}") }
        };
        headings.map(anchor).collect()
    }

    /// Whether the page contains Rust code.
    pub(super) fn has_rust(&self) -> bool {
        lines(&self.text).any(|line| is_rust(&line))
    }

    /// The first line of Rust that rustdoc hides, but GitHub shows.
    pub(super) fn hidden_line(&self) -> Option<usize> {
        lines(&self.text)
            .find(|line| is_rust(line) && (line.text == "#" || line.text.starts_with("# ")))
            .map(|line| line.number)
    }
}

fn is_rust(line: &Line<'_>) -> bool {
    line.code.is_some_and(|language| language.split(',').next() == Some("rust"))
}

/// The targets of `[text](target)`, `src="target"`, `srcset="target"` and `href="target"`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let between = |start: &'static str, end: char| {
        line.match_indices(start).filter_map(move |(at, _)| Some(line[at + start.len()..].split_once(end)?.0))
    };
    let links = between("](", ')').map(|target| target.split(' ').next().unwrap_or(target));
    links.chain(between("src=\"", '"')).chain(between("srcset=\"", '"')).chain(between("href=\"", '"'))
}

/// The anchor of a heading: lower-case letters, digits, `-` and `_`, with `-` for a space.
fn slug(heading: &str) -> String {
    let letters = heading.trim().chars().filter_map(|letter| match letter {
        ' ' => Some('-'),
        '-' | '_' => Some(letter),
        letter => letter.is_alphanumeric().then(|| letter.to_ascii_lowercase()),
    });
    letters.collect()
}

/// The first block of code in a language.
pub(super) fn text_block(text: &str, language: &str) -> Option<String> {
    let mut block = String::new();
    let of_language = lines(text).skip_while(|line| line.code != Some(language));
    let mut last = None;
    for line in of_language.take_while(|line| line.code == Some(language)) {
        // A gap in the line numbers means that another block begins.
        if last.is_some_and(|last| line.number != last + 1) {
            break;
        }
        last = Some(line.number);
        block.push_str(line.text);
        block.push('\n');
    }
    last.map(|_| block)
}

/// A page of the guide whose links stay inside the book, or lead to the repository. `depth` is the number of parts of the page's
/// path inside the book.
pub(super) fn inside_the_book(text: &str, depth: usize) -> String {
    let [own, docs, up] = [depth - 1, depth, depth + 1].map(|parts| "../".repeat(parts));
    text.replace(&format!("{up}crates/burn-losses/gallery/"), &format!("{own}gallery/"))
        .replace(&format!("]({up}"), &format!("]({REPOSITORY}"))
        .replace(&format!("]({docs}"), &format!("]({REPOSITORY}docs/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Page {
        Page::new("a.md".into(), text.into())
    }

    #[test]
    fn links_and_pictures_are_found_outside_of_code() {
        let text = "[a](b.md) <img src=\"c.svg\">\n```text\n[no](link)\n```\n[d [e](f.md#g) `h`](i.md)\n";
        let links: Vec<_> = page(text).links().map(|(line, target)| (line, target.to_owned())).collect();
        let expected = [(1, "b.md"), (1, "c.svg"), (5, "f.md#g"), (5, "i.md")];
        assert_eq!(links, expected.map(|(line, target)| (line, target.to_owned())));
    }

    #[test]
    fn anchors_are_those_of_github() {
        let anchors = page("# A loss, and `log_cosh`\n## Again\n## Again\n```sh\n# no heading\n```\n").anchors();
        assert_eq!(anchors.into_iter().collect::<Vec<_>>(), ["a-loss-and-log_cosh", "again", "again-1"]);
    }

    #[test]
    fn a_hidden_line_is_one_of_rust() {
        assert_eq!(page("```sh\n# comment\n```\n```rust\nlet a = 1;\n# let b = 2;\n```\n").hidden_line(), Some(6));
        assert_eq!(page("```rust,no_run\n#[derive(Debug)]\nstruct A;\n```\n").hidden_line(), None);
    }

    #[test]
    fn the_first_block_of_a_language_ends_at_its_fence() {
        let text = "```sh\nx\n```\n```rust\na\n\nb\n```\n```rust\nc\n```\n";
        assert_eq!(text_block(text, "rust").as_deref(), Some("a\n\nb\n"));
        assert_eq!(text_block(text, "toml"), None);
    }

    #[test]
    fn no_link_leads_out_of_the_book() {
        let text =
            "[x](../../../CONTRIBUTING.md) <img src=\"../../../crates/burn-losses/gallery/a/b.svg\"> [y](../z.md)";
        let expected = format!("[x]({REPOSITORY}CONTRIBUTING.md) <img src=\"../gallery/a/b.svg\"> [y](../z.md)");
        assert_eq!(inside_the_book(text, 2), expected);
        assert_eq!(inside_the_book("[z](../traps.md)", 1), format!("[z]({REPOSITORY}docs/traps.md)"));
    }
}
