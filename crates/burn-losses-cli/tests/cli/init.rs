//! `init`

use crate::Folder;
use burn_losses::config::{Format, from_str};
use burn_losses::regularization::RegularizerConfig;
use burn_losses::{LossConfig, registry};

const FORMATS: [(&str, Format); 3] = [("toml", Format::Toml), ("yaml", Format::Yaml), ("json", Format::Json)];

#[test]
fn every_file_is_read_back_as_the_defaults() {
    let folder = Folder::new();
    for loss in registry() {
        for (name, format) in FORMATS {
            let text = folder.run(&format!("init {}/{} --format {name}", loss.family, loss.kind)).text();
            let config: LossConfig = from_str(&text, format).unwrap_or_else(|error| panic!("{error}\n{text}"));
            assert_eq!(config, LossConfig::example(loss.family, loss.kind).unwrap(), "{text}");
        }
    }
}

#[test]
fn penalties_too() {
    let folder = Folder::new();
    for loss in RegularizerConfig::all() {
        for (name, format) in FORMATS {
            let text = folder.run(&format!("init regularization/{} --format {name}", loss.kind)).text();
            let text = text.lines().filter(|line| !line.contains("family")).collect::<Vec<_>>().join("\n");
            let config: RegularizerConfig = from_str(&text, format).unwrap_or_else(|error| panic!("{error}\n{text}"));
            assert_eq!(config, RegularizerConfig::from_kind(loss.kind).unwrap(), "{text}");
        }
    }
}

#[test]
fn every_field_has_a_comment_with_default_range_and_meaning() {
    for loss in registry() {
        for format in ["toml", "yaml"] {
            let text = Folder::new().run(&format!("init {}/{} --format {format}", loss.family, loss.kind)).text();
            let lines: Vec<_> = text.lines().collect();
            for field in &loss.fields {
                let at = lines.iter().position(|line| line.split([' ', ':']).next() == Some(field.name)).unwrap();
                let from = (0..at).rev().take_while(|line| lines[*line].starts_with('#')).last().unwrap();
                let comment: Vec<_> = lines[from..at].iter().flat_map(|line| line[1..].split_whitespace()).collect();
                let comment = comment.join(" ");
                for words in [field.summary, &field.range] {
                    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
                    assert!(comment.contains(&words), "{words}: {text}");
                }
                let default = if field.default.is_some() { "Default: " } else { "Required: " };
                assert!(comment.contains(default), "{text}");
            }
        }
    }
}

#[test]
fn a_whole_file() {
    let text = Folder::new().run("init huber").text();
    let expected = "family = \"regression\"
kind = \"huber\"

# Where the square ends and the line begins, in the units of the prediction.
# Allowed: a number > 0. Default: 1.0.
delta = 1.0

# How the per-element losses are reduced to a scalar.
# Allowed: `mean`, `sum`, `batch_mean`, `weighted_mean`. Default: \"mean\".
reduction = \"mean\"
";
    assert!(text.starts_with("# regression/huber: Squared error near zero and linear beyond delta"), "{text}");
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn a_kind_of_two_families_has_to_be_chosen() {
    let answer = Folder::new().run("init focal");
    assert_eq!((answer.code, answer.stdout.as_str()), (Some(2), ""));
    assert_eq!(answer.stderr, "error: several losses are called `focal`: `binary/focal`, `classification/focal`\n");
}
