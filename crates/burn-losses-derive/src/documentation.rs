//! Reads the sections of a loss's documentation as data.

use crate::field::doc_line;
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{ItemStruct, Result};

/// The sections that tools show.
pub(crate) struct Documentation {
    formula: String,
    when_to_use: String,
    twins: Vec<Twin>,
}

/// One item of the section `Elsewhere`: `` - `path`: words ``.
struct Twin {
    path: String,
    /// The text after the colon, unless that is `the same.`
    differs: Option<String>,
}

impl Documentation {
    pub(crate) fn from_item(item: &ItemStruct) -> Result<Self> {
        let lines: Vec<_> = item.attrs.iter().filter(|attr| attr.path().is_ident("doc")).filter_map(doc_line).collect();
        let lines: Vec<_> = lines.iter().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
        let section = |name: &str, form: &str| {
            let begin = lines.iter().position(|line| line.strip_prefix("# ") == Some(name));
            let error = || syn::Error::new_spanned(&item.ident, format!("the section `# {name}` is missing: {form}"));
            let lines = &lines[begin.ok_or_else(error)? + 1..];
            let end = lines.iter().position(|line| line.starts_with("# ")).unwrap_or(lines.len());
            Ok::<_, syn::Error>(&lines[..end])
        };
        let formula = section("Formula", "the values of the loss")?;
        let formula = text(formula);
        let when_to_use = section("When to use", "one to three sentences")?.join(" ");
        let elsewhere = section("Elsewhere", "a list of items such as - `torch.nn.HuberLoss`: the same.")?;
        Ok(Self {
            formula: without_links(formula.trim()),
            when_to_use: without_links(when_to_use.trim()),
            twins: twins(elsewhere).map_err(|line| {
                syn::Error::new_spanned(
                    &item.ident,
                    format!("expected an item such as - `path`: the same. Got: {line}"),
                )
            })?,
        })
    }

    /// The last name of each path, which users of the other library search for.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.twins.iter().filter_map(|twin| twin.path.rsplit('.').next()).collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().map(str::to_owned).collect()
    }
}

impl ToTokens for Documentation {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { formula, when_to_use, twins } = self;
        let twins = twins.iter().map(|Twin { path, differs }| {
            let differs = differs.as_ref().map_or(quote!(None), |words| quote!(Some(#words)));
            quote!(crate::config::Twin { path: #path, differs: #differs })
        });
        quote!(formula: #formula, when_to_use: #when_to_use, twins: &[#(#twins),*]).to_tokens(tokens);
    }
}

/// A section without its fences: code keeps its lines, and each paragraph becomes one line, which the reader wraps.
fn text(lines: &[&str]) -> String {
    let (mut text, mut is_code, mut is_open) = (String::new(), false, false);
    for line in lines {
        if line.starts_with("```") {
            (is_code, is_open) = (!is_code, false);
            continue;
        }
        let goes_on = is_open && !line.is_empty() && !line.starts_with("- ");
        text.push(if goes_on { ' ' } else { '\n' });
        text.push_str(if goes_on { line.trim_start() } else { line });
        is_open = !is_code && !line.is_empty();
    }
    text
}

/// The items of a list; an indented line continues the item before it. The error is an item of another form.
fn twins(lines: &[&str]) -> core::result::Result<Vec<Twin>, String> {
    let mut items: Vec<String> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        match (line.strip_prefix("- "), line.strip_prefix("  "), items.last_mut()) {
            (Some(item), ..) => items.push(item.to_owned()),
            (None, Some(more), Some(item)) if !lines[at - 1].is_empty() => {
                item.push(' ');
                item.push_str(more);
            }
            _ => {}
        }
    }
    let twin = |item: String| {
        let parts = item.strip_prefix('`').and_then(|rest| rest.split_once("`: "));
        let Some((path, words)) = parts.filter(|(path, _)| !path.contains(['`', ' ', '(', ':'])) else {
            return Err(item);
        };
        let differs = (words != "the same.").then(|| without_links(words));
        Ok(Twin { path: path.to_owned(), differs })
    };
    items.into_iter().map(twin).collect()
}

/// Replaces links to Rust items by their texts, since they lead nowhere outside the documentation.
fn without_links(text: &str) -> String {
    let (mut plain, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("[`") {
        plain.push_str(before);
        let Some((name, behind)) = after.split_once("`]") else {
            plain.push_str("[`");
            rest = after;
            continue;
        };
        plain.extend(["`", name, "`"]);
        let target = behind.strip_prefix('(').and_then(|target| target.split_once(')'));
        rest = target.map_or(behind, |(_, behind)| behind);
    }
    plain + rest
}
