//! The pages of the guide about losses agree with the registry and with the documentation of each loss.

use crate::repository::repository;
use burn_losses::config::{Field, Table, Value};
use burn_losses::{LossInfo, registry};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// The sections of a loss's documentation that its page shows.
const SECTIONS: [&str; 4] = ["When to use", "Formula", "Numerics", "Elsewhere"];

/// A folder of the crate.
fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// A file of the library's source.
fn source(family: &str, file: &str) -> String {
    let path = folder("src").join(family).join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Documentation without links to Rust items, which lead nowhere outside rustdoc.
fn without_item_links(text: &str) -> String {
    let (mut plain, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('[') {
        plain.push_str(before);
        let (name, behind) = after.split_once(']').unwrap_or((after, ""));
        match behind.strip_prefix('(').and_then(|target| target.split_once(')')) {
            Some((target, behind)) if !target.contains("://") => {
                plain.push_str(name);
                rest = behind;
            }
            None if name.starts_with('`') => {
                plain.push_str(name);
                rest = behind;
            }
            _ => {
                plain.push('[');
                rest = after;
            }
        }
    }
    plain + rest
}

/// The first paragraph of a module's documentation.
fn about_family(family: &str) -> String {
    let text = source(family, "mod.rs");
    let lines = text.lines().map_while(|line| line.strip_prefix("//! "));
    without_item_links(&lines.collect::<Vec<_>>().join("\n"))
}

/// The documentation of a loss, by section; the text before the first heading has an empty name.
fn documentation(family: &str, kind: &str) -> BTreeMap<String, String> {
    let text = source(family, &format!("{kind}.rs"));
    let (before, _) = text.split_once("\n#[loss(").unwrap_or_else(|| panic!("{family}/{kind}: no attribute `loss`"));
    let lines: Vec<_> = before.lines().rev().map_while(|line| line.strip_prefix("///")).collect();
    let mut sections = BTreeMap::new();
    let mut heading = "";
    for line in lines.into_iter().rev().map(|line| line.strip_prefix(' ').unwrap_or(line)) {
        match line.strip_prefix("# ") {
            Some(name) => heading = name,
            None => {
                writeln!(sections.entry(heading.to_owned()).or_insert_with(String::new), "{line}").expect("a string")
            }
        }
    }
    sections.values_mut().for_each(|text| *text = without_item_links(text.trim()));
    sections
}

/// A value in short form: for a loss inside a loss, its kind is enough.
fn in_short(value: &Value) -> Value {
    match (value.get("kind"), value) {
        (Some(kind), _) => kind.clone(),
        (None, Value::Table(table)) => Table::from_iter(table.iter().map(|(key, value)| (key, in_short(value)))).into(),
        (None, other) => other.clone(),
    }
}

/// The cells of a row of a Markdown table.
fn row<const N: usize>(cells: [String; N]) -> String {
    format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|").replace('\n', " ")).join(" | "))
}

fn of_field(field: &Field) -> String {
    let default = field.default.as_ref().map_or("required".to_owned(), |default| {
        let text = in_short(default).to_string().replace('"', "").replace("null", "none");
        format!("`{}`", text.replace(':', ": ").replace(',', ", "))
    });
    row([format!("`{}`", field.name), default, field.range.clone(), without_item_links(field.summary)])
}

/// The rows of a loss's fields, without `reduction`, which every loss has.
fn field_rows(loss: &LossInfo) -> impl Iterator<Item = String> {
    loss.fields.iter().filter(|field| field.name != "reduction").map(of_field)
}

/// The field rows that more than half of the losses have.
fn common_rows(losses: &[LossInfo]) -> Vec<String> {
    let all: Vec<_> = losses.iter().flat_map(field_rows).collect();
    let is_common = |row: &String| 2 * all.iter().filter(|other| *other == row).count() > losses.len();
    let first = |(at, row): &(usize, &String)| !all[..*at].contains(row) && is_common(row);
    all.iter().enumerate().filter(first).map(|(_, row)| row.clone()).collect()
}

fn field_table(rows: &[String]) -> String {
    format!("\n| Field | Default | Allowed | Meaning |\n|---|---|---|---|\n{}", rows.concat())
}

/// The text of a page about one loss, without the fields that the page lists as common.
fn of_loss(loss: &LossInfo, common: &[String]) -> String {
    let LossInfo { family, kind, aliases, summary, .. } = loss;
    let mut text = format!("## `{kind}`\n\n{}\n", sentence(summary));
    if !aliases.is_empty() {
        let names: Vec<_> = aliases.iter().map(|name| format!("`{name}`")).collect();
        write!(text, "\nA config file may also call it {}.\n", names.join(", ")).expect("a string");
    }
    let mut documentation = documentation(family, kind);
    write!(text, "\n{}\n", documentation[""]).expect("a string");
    let path = format!("../../../crates/burn-losses/gallery/{family}/{kind}.svg");
    write!(text, "\n<img src=\"{path}\" width=\"640\" alt=\"{kind}: value and gradient\">\n").expect("a string");
    let (shared, own): (Vec<_>, Vec<_>) = field_rows(loss).partition(|row| common.contains(row));
    if !own.is_empty() {
        text.push_str(&field_table(&own));
    }
    if !shared.is_empty() {
        let names: Vec<_> = shared.iter().filter_map(|row| row.split(' ').nth(1)).collect();
        write!(text, "\n[Common fields](#common-fields): {}.\n", names.join(", ")).expect("a string");
    }
    for name in SECTIONS {
        if let Some(section) = documentation.remove(name) {
            let gap = if section.starts_with("```") || section.starts_with("- ") { "\n\n" } else { " " };
            write!(text, "\n**{name}.**{gap}{section}\n").expect("a string");
        }
    }
    text
}

/// A summary as a sentence.
fn sentence(summary: &str) -> String {
    let mut letters = summary.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    let end = if summary.ends_with('.') { "" } else { "." };
    first.chain(letters).chain(end.chars()).collect()
}

/// The page of a family.
fn page(family: &str, losses: &[LossInfo]) -> String {
    let mut text = format!("# {}\n\n{}\n\n", title(family), about_family(family));
    text.push_str("| `kind` | Meaning |\n|---|---|\n");
    for LossInfo { kind, summary, .. } in losses {
        text.push_str(&row([format!("[`{kind}`](#{kind})"), (*summary).to_owned()]));
    }
    let common = common_rows(losses);
    text.push_str("\n## Common fields\n\nEvery loss has the field `reduction`: see [Reductions](../reductions.md).\n");
    if !common.is_empty() {
        write!(text, "Most losses here also have these:\n{}", field_table(&common)).expect("a string");
    }
    for loss in losses {
        write!(text, "\n{}", of_loss(loss, &common)).expect("a string");
    }
    text
}

fn title(family: &str) -> String {
    let (first, rest) = family.split_at(1);
    first.to_uppercase() + &rest.replace('_', "-")
}

/// Every page, by its file name.
fn pages() -> BTreeMap<String, String> {
    let registry = registry();
    let families: Vec<_> = registry.chunk_by(|a, b| a.family == b.family).collect();
    let mut index = format!("# All losses\n\n{} losses in {} families.\n\n", registry.len(), families.len());
    index.push_str("| Family | Losses |\n|---|---|\n");
    let mut pages = BTreeMap::new();
    for losses in families {
        let family = losses[0].family;
        let kinds: Vec<_> = losses.iter().map(|loss| format!("[`{0}`]({family}.md#{0})", loss.kind)).collect();
        index.push_str(&row([format!("[{}]({family}.md)", title(family)), kinds.join(", ")]));
        pages.insert(format!("{family}.md"), page(family, losses));
    }
    index.push_str(
        "\nPenalties on the parameters of a model (`l1`, `l2`, `elastic_net`, `group_lasso`) are terms of a \
         [joint loss](../several-terms.md#a-joint-loss).\n\nThese pages are written by \
         `cargo xtask generate`.\n",
    );
    pages.insert("README.md".to_owned(), index);
    pages.insert("elsewhere.md".to_owned(), crate::twins::page());
    pages
}

/// Run with `BURN_LOSSES_WRITE=1` to write them.
#[test]
fn generated_pages_of_the_guide() {
    let Some(repository) = repository() else { return };
    let folder = repository.join("docs/src/losses");
    let is_write = std::env::var("BURN_LOSSES_WRITE").as_deref() == Ok("1");
    for (name, text) in pages() {
        let path = folder.join(&name);
        if is_write {
            fs::write(&path, text).expect("a writable page");
        } else {
            let written = fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
            assert!(written == text, "docs/src/losses/{name} is old: run `cargo xtask generate`");
        }
    }
}

#[test]
fn the_readme_counts_the_losses() {
    let Some(repository) = repository() else { return };
    let readme = fs::read_to_string(repository.join("README.md")).expect("the README");
    assert!(readme.contains(&format!("\n{} loss functions ", registry().len())), "{} losses", registry().len());
}

#[test]
fn links_to_items_become_their_names() {
    let text = "that is [`SupConLoss`](super::SupConLoss), see [`Extras`], [the divergence](super::Kl) and [the paper](https://arxiv.org), `[N, 1]`.";
    let plain = "that is `SupConLoss`, see `Extras`, the divergence and [the paper](https://arxiv.org), `[N, 1]`.";
    assert_eq!(without_item_links(text), plain);
}
