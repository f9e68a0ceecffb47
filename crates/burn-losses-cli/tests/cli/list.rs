//! `list`

use crate::{Folder, answer};
use burn_losses::registry;
use serde_json::Value;

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn json_has_every_loss_and_exactly_these_keys() {
    let answer = Folder::new().run("list --json");
    assert_eq!((answer.code, answer.stderr.as_str()), (Some(0), ""));
    let list: Value = serde_json::from_str(&answer.stdout).unwrap();
    let (list, registry) = (list.as_array().unwrap(), registry());
    assert_eq!(list.len(), registry.len());
    for (listed, loss) in list.iter().zip(registry) {
        assert_eq!(keys(listed), ["family", "fields", "kind", "summary"]);
        assert_eq!(
            (&listed["family"], &listed["kind"], &listed["summary"]),
            (&loss.family.into(), &loss.kind.into(), &loss.summary.into())
        );
        let fields = listed["fields"].as_array().unwrap();
        assert_eq!(fields.len(), loss.fields.len());
        for (listed, field) in fields.iter().zip(loss.fields) {
            assert_eq!(keys(listed), ["default", "name", "range", "required", "type"]);
            assert_eq!(listed["name"], field.name);
            assert_eq!(listed["type"], field.kind);
            assert_eq!(listed["range"], field.range);
            assert_eq!(listed["required"], field.default.is_none());
            assert_eq!(listed["default"], serde_json::to_value(field.default).unwrap());
        }
    }
}

#[test]
fn text_has_every_loss_and_fits_in_100_columns() {
    let answer = Folder::new().run("list");
    assert_eq!((answer.code, answer.stderr.as_str()), (Some(0), ""));
    for loss in registry() {
        let title = format!("{}/{}", loss.family, loss.kind);
        let found = answer.stdout.lines().any(|line| line.split(' ').next() == Some(&title));
        assert!(found, "{title}");
        assert!(answer.stdout.contains(loss.summary), "{}", loss.summary);
    }
    for line in answer.stdout.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
}

#[test]
fn one_loss_as_text() {
    let text = "\
regression/huber
  the squared error near zero, a straight line beyond delta: robust to outliers
  field      type       default           allowed                   meaning
  delta      number     1.0               a number > 0              Where the square ends and the
                                                                    line begins, in the units of
                                                                    the prediction.
  reduction  word       mean              `mean`, `sum`,            How the unreduced values become
                                          `batch_mean`,             one number.
                                          `weighted_mean`
";
    assert_eq!(Folder::new().run("list regression huber"), answer(0, text, ""));
}

#[test]
fn a_filter_takes_families_kinds_and_aliases() {
    let kinds = |arguments: &str| -> Vec<String> {
        let list: Value = serde_json::from_str(&Folder::new().run(arguments).stdout).unwrap();
        list.as_array().unwrap().iter().map(|loss| loss["kind"].as_str().unwrap().to_owned()).collect()
    };
    let binary: Vec<_> = registry().iter().filter(|loss| loss.family == "binary").map(|loss| loss.kind).collect();
    assert_eq!(kinds("list binary --json"), binary);
    assert_eq!(kinds("list regression pinball --json"), ["quantile"]);
}

#[test]
fn an_unknown_name_says_what_there_is() {
    let families = "error: unknown family `bin`, allowed: `regression`, `binary`, `classification`, `distribution`, `segmentation`, `boxes`";
    let answer = Folder::new().run("list bin");
    assert_eq!((answer.code, answer.stdout.as_str()), (Some(2), ""));
    assert!(answer.stderr.starts_with(families), "{}", answer.stderr);

    let answer = Folder::new().run("list regression focal");
    assert_eq!((answer.code, answer.stdout.as_str()), (Some(2), ""));
    assert!(answer.stderr.starts_with("error: unknown kind `focal` of family `regression`, allowed: `mae`, `mse`"));
}
