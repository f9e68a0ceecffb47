//! `schema`

use crate::{Answer, Folder, answer};
use burn_losses::config::{Format, Value, from_str, load};
use burn_losses::schema::{files, of_any, of_family};
use std::path::Path;

fn text(schema: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(schema).unwrap() + "\n"
}

#[test]
fn any_family_and_one() {
    assert_eq!(Folder::new().run("schema"), answer(0, &text(&of_any()), ""));
    assert_eq!(Folder::new().run("schema binary"), answer(0, &text(&of_family("binary").unwrap()), ""));
}

#[test]
fn joint_losses_and_penalties() {
    for name in ["joint", "regularization"] {
        let (_, schema) = files().into_iter().find(|(file, _)| *file == format!("{name}.schema.json")).unwrap();
        assert_eq!(Folder::new().run(&format!("schema {name}")), answer(0, &text(&schema), ""));
    }
}

#[test]
fn settings_of_editors_name_the_schemas() {
    let folder = Folder::new();
    let settings = folder.run("schema --output-dir schema --vscode").json();
    let loss = settings["json.schemas"][0]["url"].as_str().unwrap().to_owned();
    assert!(loss.starts_with("file:///") && loss.ends_with("/schema/loss.schema.json"), "{loss}");
    assert!(std::fs::exists(loss.strip_prefix("file://").unwrap()).unwrap(), "{loss}");
    assert_eq!(settings["yaml.schemas"][&loss][0], "**/loss.yaml");
    assert_eq!(settings["evenBetterToml.schema.associations"]["^.*/loss\\.toml$"], loss.as_str());

    let taplo: Value = from_str(&folder.run("schema --output-dir schema --taplo").text(), Format::Toml).unwrap();
    let path = |at: usize| taplo.get("rule")?.as_list()?[at].get("schema")?.get("path")?.as_str().map(str::to_owned);
    assert_eq!([path(0), path(1)], [Some("schema/loss.schema.json".into()), Some("schema/joint.schema.json".into())]);
    assert_eq!(folder.run("schema --vscode").code, Some(2));
}

#[test]
fn an_unknown_family_says_what_there_is() {
    let answer = Folder::new().run("schema bin");
    assert_eq!((answer.code, answer.stdout.as_str()), (Some(2), ""));
    assert!(answer.stderr.starts_with("error: unknown family `bin`, allowed: `regression`, "), "{}", answer.stderr);
}

#[test]
fn all_files_in_a_folder() {
    let folder = Folder::new().file("here", "");
    let written = folder.run("schema --output-dir a/b");
    let names: Vec<_> = files().into_iter().map(|(name, _)| format!("a/b/{name}\n")).collect();
    assert_eq!(written, answer(0, &names.concat(), ""));
    for (name, schema) in files() {
        let path = folder.0.path().join("a/b").join(name);
        assert_eq!(std::fs::read_to_string(path).unwrap(), text(&schema));
    }

    let failed = folder.run("schema --output-dir here/b");
    assert_eq!((failed.code, failed.stdout.as_str()), (Some(2), ""));
    assert!(failed.stderr.starts_with("error: here/b: "), "{}", failed.stderr);
}

/// Asserts that the schema agrees with `check` about every file, as far as the file can be written in JSON.
pub(crate) fn says_the_same(folder: &Path, files: &str, checked: &Answer) {
    let schema = of_any().to_value();
    let validator = jsonschema_valid::Config::from_schema(&schema, None).unwrap();
    for file in files.split(' ') {
        // A schema cannot check syntax.
        let Ok(config) = load::<Value>(folder.join(file)) else { continue };
        // Numbers that are not finite become null.
        let config = serde_json::to_value(config).unwrap();
        let is_right = checked.stdout.contains(&format!("OK {file}:"));
        assert_eq!(validator.validate(&config).is_ok(), is_right, "{file}: {config}");
    }
}
