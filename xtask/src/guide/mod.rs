//! Checks the README and the guide: their links have targets, their Rust is tested, and the README is short.

mod markdown;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use crate::steps::{Failed, Steps};
use crate::{examples, verify};
use markdown::{Page, text_block};

/// Files and folders whose Markdown is checked, from the root of the repository.
const PAGES: [&str; 10] = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "docs",
    "examples",
    "reference",
    "crates",
    "data",
    "xtask",
];

const README: &str = "README.md";
const BOOK: &str = "docs/src";
const SUMMARY: &str = "docs/src/SUMMARY.md";
const DOCTESTS: &str = "docs/doctests.rs";

/// The page of the book that shows every loss with a slider for each field.
const SLIDERS: &str = "gallery/sliders.html";

/// The example that the README contains in full.
pub(crate) const QUICK_START: &str = "quick_start";

/// The most bytes that the README may have.
const README_BYTES: u64 = 10_000;

/// Checks all pages, without a network.
pub(crate) fn check() -> Result<(), String> {
    let root = root();
    let pages = pages(&root)?;
    let mut wrong = Vec::new();
    let links: usize = pages.iter().map(|page| links(&root, page, &pages, &mut wrong)).sum();
    wrong.extend(shape(&root, &pages)?);
    let manifest = fs::read_to_string(root.join("Cargo.toml")).map_err(|error| format!("Cargo.toml: {error}"))?;
    wrong.extend(versions(&manifest, &pages)?);
    println!("   {} pages, {links} links", pages.len());
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// Compares the output of the quick start with the README.
pub(crate) fn quick_start(steps: &mut Steps, printed: &str) -> Result<(), Failed> {
    steps.own("quick start", || {
        let readme = fs::read_to_string(root().join(README)).map_err(|error| format!("{README}: {error}"))?;
        let said = text_block(&readme, "text").unwrap_or_default();
        if said == printed { Ok(()) } else { Err(format!("{README} says\n{said}but it prints\n{printed}")) }
    })
}

/// Builds the guide with mdBook, if that is installed.
pub(crate) fn build(steps: &mut Steps) -> Result<(), Failed> {
    let version = Command::new("mdbook").arg("--version").stdout(Stdio::null()).status();
    if version.is_err() {
        steps.skip("guide", &format!("mdbook is not installed; the pages of {BOOK} read well as they are"));
        return Ok(());
    }
    verify::build(steps)?;
    let staged = root().join("target/guide");
    steps.own("guide", || stage(&root(), &staged))?;
    let sliders = staged.join("src").join(SLIDERS);
    steps.run("gallery with sliders", verify::program("burn-losses").args(["gallery", "--output"]).arg(sliders))?;
    steps.run("guide", Command::new("mdbook").arg("build").arg(&staged))
}

fn root() -> PathBuf {
    normal(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
}

/// A path without `.` and `..`.
pub(crate) fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

/// All Markdown files of the repository that are written for readers.
fn pages(root: &Path) -> Result<Vec<Page>, String> {
    let mut paths = Vec::new();
    for name in PAGES {
        find(&root.join(name), &mut paths).map_err(|error| format!("{name}: {error}"))?;
    }
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Page::new(path.strip_prefix(root).unwrap_or(&path).to_owned(), text))
    };
    paths.into_iter().map(read).collect()
}

/// Collects the Markdown files in a folder, without those that are built or fetched.
fn find(path: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if path.is_file() {
        if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path.to_owned());
        }
        return Ok(());
    }
    let mut entries: Vec<_> = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    entries.sort();
    let is_ours = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        !name.starts_with('.') && !matches!(&*name, "target" | "fetched" | "report" | "node_modules")
    };
    entries.iter().filter(|path| is_ours(path)).try_for_each(|path| find(path, found))
}

/// Checks the relative links of a page, and returns how many there are.
fn links(root: &Path, page: &Page, pages: &[Page], wrong: &mut Vec<String>) -> usize {
    let mut count = 0;
    for (line, target) in page.links().filter(|(_, target)| !target.contains("://") && !target.starts_with("mailto:")) {
        count += 1;
        let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
        let folder = page.path.parent().unwrap_or(Path::new(""));
        let path = if file.is_empty() { page.path.clone() } else { normal(&folder.join(file)) };
        let place = format!("{}:{line}", page.path.display());
        if !root.join(&path).exists() {
            wrong.push(format!("{place}: there is no {}", path.display()));
        } else if !anchor.is_empty()
            && let Some(other) = pages.iter().find(|other| other.path == path)
            && !other.anchors().contains(anchor)
        {
            wrong.push(format!("{place}: {} has no heading #{anchor}", path.display()));
        }
    }
    count
}

/// Checks the README and the guide for everything but links; returns what is wrong.
fn shape(root: &Path, pages: &[Page]) -> Result<Vec<String>, String> {
    let mut wrong = Vec::new();
    let read = |name: &str| fs::read_to_string(root.join(name)).map_err(|error| format!("{name}: {error}"));
    let readme = read(README)?;
    if readme.len() as u64 > README_BYTES {
        wrong.push(format!("{README}: {} bytes, allowed: {README_BYTES}", readme.len()));
    }
    let example = format!("{}/{QUICK_START}.rs", examples::FOLDER);
    let (code, doctests) = (read(&example)?, read(DOCTESTS)?);
    let code = code.trim_start_matches(|letter| letter != '\n').trim_start();
    if text_block(&readme, "rust").as_deref() != Some(code) {
        wrong.push(format!("{README}: its first Rust block is not {example}"));
    }
    for name in examples::names(root)? {
        let file = format!("{}/{name}.rs", examples::FOLDER);
        if !pages.iter().any(|page| page.text.contains(&file)) {
            wrong.push(format!("{file}: no page links to it"));
        }
    }
    let summary = pages.iter().find(|page| page.path == Path::new(SUMMARY)).ok_or(format!("no {SUMMARY}"))?;
    let listed: BTreeSet<_> = summary.links().map(|(_, target)| Path::new(BOOK).join(target)).collect();
    for page in pages.iter().filter(|page| page.path.starts_with(BOOK) || page.path == Path::new(README)) {
        let name = page.path.display();
        let is_tested = doctests.contains(&format!("\"{}\"", name.to_string().replacen("docs/", "", 1)))
            || doctests.contains(&format!("\"../{name}\""));
        if page.has_rust() && !is_tested {
            wrong.push(format!("{name}: its Rust is not tested, add it to {DOCTESTS}"));
        }
        if let Some(line) = page.hidden_line() {
            wrong.push(format!("{name}:{line}: readers of the plain file see this hidden line"));
        }
        if page.path.starts_with(BOOK) && page.path != Path::new(SUMMARY) && !listed.contains(&page.path) {
            wrong.push(format!("{name}: it is not in {SUMMARY}"));
        }
    }
    Ok(wrong)
}

/// Finds pages that do not name the versions of the manifest.
fn versions(manifest: &str, pages: &[Page]) -> Result<Vec<String>, String> {
    let after = |key: &str| {
        let value = manifest.split_once(key).and_then(|(_, rest)| rest.split('"').next());
        value.map(str::to_owned).ok_or_else(|| format!("Cargo.toml has no `{key}`"))
    };
    let (own, burn) = (after("\nversion = \"")?, after("\nburn = { version = \"")?);
    let (minor, rust) = (own.rsplit_once('.').map_or(&*own, |(minor, _)| minor), after("\nrust-version = \"")?);
    let expected = [
        ("docs/src/versions.md", format!("| {minor} | {burn} |")),
        ("docs/src/versions.md", format!("| {rust} or later |")),
        (README, format!("burn-losses {minor} goes with Burn {burn}")),
        (README, format!("Rust {rust} or later")),
        ("CONTRIBUTING.md", format!("Rust {rust} or later")),
    ];
    let is_missing = |(name, text): &(&str, String)| {
        !pages.iter().any(|page| page.path == Path::new(name) && page.text.contains(text.as_str()))
    };
    Ok(expected
        .iter()
        .filter(|one| is_missing(one))
        .map(|(name, text)| format!("{name} does not say \"{text}\""))
        .collect())
}

/// Copies the book with its images, so that no link leads out of it.
fn stage(root: &Path, staged: &Path) -> Result<(), String> {
    let copy = || -> std::io::Result<()> {
        if staged.exists() {
            fs::remove_dir_all(staged)?;
        }
        copy_all(&root.join("docs"), staged)?;
        copy_all(&root.join("crates/burn-losses/gallery"), &staged.join("src/gallery"))?;
        append(&staged.join("src/choose.md"), &format!("[Every loss with a slider for each field]({SLIDERS})"))?;
        stage_report(&root.join("report/ndarray"), &staged.join("src"))?;
        let mut paths = Vec::new();
        find(&staged.join("src"), &mut paths)?;
        for path in paths {
            let text = fs::read_to_string(&path)?;
            let depth = path.strip_prefix(staged.join("src")).unwrap_or(&path).components().count();
            fs::write(&path, markdown::inside_the_book(&text, depth))?;
        }
        Ok(())
    };
    copy().map_err(|error| format!("{}: {error}", staged.display()))
}

/// Copies the report of the experiments, if there was a full run, and links it.
fn stage_report(report: &Path, book: &Path) -> std::io::Result<()> {
    let is_full = |text: String| text.contains("\"quick\": false");
    if !fs::read_to_string(report.join("report.json")).is_ok_and(is_full) {
        return Ok(());
    }
    copy_all(report, &book.join("report"))?;
    append(&book.join("experiments.md"), "[The report of a full run](report/index.html) was made on ndarray.")
}

/// Adds a paragraph to a page.
fn append(page: &Path, text: &str) -> std::io::Result<()> {
    let before = fs::read_to_string(page)?;
    fs::write(page, format!("{before}\n{text}\n"))
}

fn copy_all(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let copy = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy_all(&path, &copy)?;
        } else {
            fs::copy(&path, &copy)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_are_right() {
        assert_eq!(check(), Ok(()));
    }

    #[test]
    fn versions_are_those_of_the_manifest() {
        let manifest =
            "[workspace.package]\nversion = \"1.2.3\"\nrust-version = \"1.95\"\n[x]\nburn = { version = \"0.22.1\" }\n";
        let page = |name: &str, text: &str| Page::new(name.into(), text.into());
        let pages = [
            page("README.md", "burn-losses 1.2 goes with Burn 0.22.1, Rust 1.95 or later"),
            page("CONTRIBUTING.md", "Rust 1.94 or later"),
            page("docs/src/versions.md", "| 1.2 | 0.22.1 | 0.11 | 1.95 or later |"),
        ];
        assert_eq!(
            versions(manifest, &pages),
            Ok(vec!["CONTRIBUTING.md does not say \"Rust 1.95 or later\"".to_owned()])
        );
        assert!(versions("", &pages).unwrap_err().contains("version = "));
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        let text = "# A b\n[there](README.md#nowhere) [here](#a-b) [gone](gone.md) [far](https://example.org)\n";
        let readme = Page::new(README.into(), text.into());
        let mut wrong = Vec::new();
        assert_eq!(links(&root(), &readme, std::slice::from_ref(&readme), &mut wrong), 3);
        assert_eq!(wrong, ["README.md:2: README.md has no heading #nowhere", "README.md:2: there is no gone.md"]);
    }
}
