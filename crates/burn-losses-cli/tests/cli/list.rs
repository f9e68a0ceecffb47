//! `list`

use crate::{Folder, answer};
use burn_losses::regularization::RegularizerConfig;
use burn_losses::{LossInfo, registry};
use serde_json::Value;

/// Every loss and penalty that the list has a line for.
fn all() -> Vec<LossInfo> {
    [registry(), RegularizerConfig::all()].concat()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn json_has_every_loss_and_exactly_these_keys() {
    let list = Folder::new().run("list --json").json();
    let (list, all) = (list.as_array().unwrap(), all());
    assert_eq!(list.len(), all.len());
    for (listed, loss) in list.iter().zip(all) {
        let expected =
            ["aliases", "documentation", "family", "fields", "formula", "kind", "summary", "twins", "when_to_use"];
        assert_eq!(keys(listed), expected);
        let texts = [
            ("family", loss.family),
            ("kind", loss.kind),
            ("summary", loss.summary),
            ("formula", loss.formula),
            ("when_to_use", loss.when_to_use),
        ];
        for (key, text) in texts {
            assert_eq!(listed[key], text);
        }
        assert_eq!(listed["aliases"], serde_json::to_value(loss.aliases).unwrap());
        let twins = listed["twins"].as_array().unwrap();
        assert_eq!(twins.len(), loss.twins.len());
        for (listed, twin) in twins.iter().zip(loss.twins) {
            assert_eq!(listed["path"], twin.path);
            assert_eq!(listed["differs"], serde_json::to_value(twin.differs).unwrap());
        }
        let fields = listed["fields"].as_array().unwrap();
        assert_eq!(fields.len(), loss.fields.len());
        for (listed, field) in fields.iter().zip(loss.fields) {
            assert_eq!(keys(listed), ["default", "meaning", "name", "range", "required", "type"]);
            assert_eq!(listed["name"], field.name);
            assert_eq!(listed["meaning"], field.summary);
            assert_eq!(listed["type"], field.kind);
            assert_eq!(listed["range"], field.range);
            assert_eq!(listed["required"], field.default.is_none());
            assert_eq!(listed["default"], serde_json::to_value(field.default).unwrap());
        }
    }
}

#[test]
fn one_line_for_each_loss() {
    let text = Folder::new().run("list").text();
    assert_eq!(text.lines().count(), all().len());
    for (line, loss) in text.lines().zip(all()) {
        // In a pipe, lines are not cut.
        let (name, summary) = line.split_once(' ').unwrap();
        assert_eq!((name, summary.trim()), (format!("{}/{}", loss.family, loss.kind).as_str(), loss.summary));
    }
}

#[test]
fn lines_are_as_long_as_the_terminal_is_wide() {
    let text = String::from_utf8(Folder::new().command("list").env("COLUMNS", "60").output().unwrap().stdout).unwrap();
    assert_eq!(text.lines().count(), all().len());
    assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
    assert!(text.lines().any(|line| line.ends_with("..")), "{text}");
}

#[test]
fn the_long_form_has_every_field_and_fits_in_100_columns() {
    let text = Folder::new().run("list --long").text();
    for loss in all() {
        let title = format!("{}/{}", loss.family, loss.kind);
        let from =
            text.lines().position(|line| line.split(' ').next() == Some(&title)).unwrap_or_else(|| panic!("{title}"));
        let fields = text.lines().skip(from).filter_map(|line| line.trim_start().split_once(' ')).map(|(name, _)| name);
        let fields: Vec<_> = fields.collect();
        for field in loss.fields {
            assert!(fields.contains(&field.name), "{title}: {}", field.name);
        }
    }
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
}

#[test]
fn one_loss_in_the_long_form() {
    let text = "\
regression/huber
  Squared error near zero and linear beyond delta: robust to outliers
  delta = 1.0
      Where the square ends and the line begins, in the units of the prediction.
      Allowed: a number > 0.
  reduction = \"mean\"
      How the per-element losses are reduced to a scalar.
      Allowed: `mean`, `sum`, `batch_mean`, `weighted_mean`.
";
    assert_eq!(Folder::new().run("list regression huber --long"), answer(0, text, ""));
}

#[test]
fn a_filter_takes_families_kinds_and_aliases() {
    let names = |arguments: &str| -> Vec<String> {
        let text = Folder::new().run(arguments).text();
        text.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    let binary = registry().into_iter().filter(|loss| loss.family == "binary");
    let binary: Vec<_> = binary.map(|loss| format!("binary/{}", loss.kind)).collect();
    assert_eq!(names("list binary"), binary);
    assert_eq!(names("list regression pinball"), ["regression/quantile"]);
    assert_eq!(names("list focal"), ["binary/focal", "classification/focal"]);
    assert_eq!(names("list binary/focal"), ["binary/focal"]);
    assert_eq!(names("list l1"), ["regression/mae", "regularization/l1"]);
}

#[test]
fn an_unknown_name_says_what_there_is() {
    let families = "error: unknown family `bin`, allowed: `regression`, `likelihood`, `binary`, `classification`, \
                    `distribution`, `segmentation`, `boxes`";
    let answer = Folder::new().run("list bin focal");
    assert_eq!((answer.code, answer.stdout.as_str()), (Some(2), ""));
    assert!(answer.stderr.starts_with(families), "{}", answer.stderr);

    let answer = Folder::new().run("list regression focal");
    assert_eq!((answer.code, answer.stdout.as_str()), (Some(2), ""));
    let start = "error: unknown kind `focal` of family `regression`, allowed: `mae`, `mse`";
    assert!(answer.stderr.starts_with(start), "{}", answer.stderr);
    assert!(
        answer.stderr.contains("hint: another family has it: `binary/focal`, `classification/focal`"),
        "{}",
        answer.stderr
    );

    let answer = Folder::new().run("list bin");
    assert!(answer.stderr.starts_with("error: no loss is called `bin` (did you mean `binary`"), "{}", answer.stderr);
    let answer = Folder::new().run("list hubert");
    assert!(
        answer.stderr.starts_with("error: no loss is called `hubert` (did you mean `regression/huber`?)"),
        "{}",
        answer.stderr
    );
}
