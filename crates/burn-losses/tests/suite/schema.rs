//! The JSON Schemas agree with the configs, as checked by a validator that knows nothing of this library.

use crate::golden;
use crate::probe::{table_with, with_field};
use crate::repository::repository;
use burn_losses::binary::BinaryLossConfig;
use burn_losses::config::{Field, Format, Table, Value, from_str};
use burn_losses::regularization::RegularizerConfig;
use burn_losses::{ConfigError, LossConfig, LossInfo, registry, schema};
use jsonschema_valid::Config;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// Errors of configs that a schema cannot express, as its documentation lists: see [`schema`].
pub(crate) const BEYOND_A_SCHEMA: &[&str] = &[
    "family = 'heads'\nkind = 'arcface'\nnum_classes = 3\nembedding_dim = 2\nclass_weights = [1.0, 2.0]",
    "family = 'heads'\nkind = 'sampled_softmax'\nnum_classes = 3\nembedding_dim = 2\nsampler = { kind = 'unigram', counts = [1.0, 2.0] }",
    "family = 'heads'\nkind = 'softmax'\nnum_classes = 3\nembedding_dim = 2\nsample_rate = 0.5\nchunk_rows = 8",
    "family = 'heads'\nkind = 'softmax'\nnum_classes = 3\nembedding_dim = 2\nsample_rate = 0.5\nlabel_smoothing = { epsilon = 0.1 }",
    "family = 'heads'\nkind = 'softmax'\nembedding_dim = 2\nnum_classes = 10.0",
    "family = 'segmentation'\nkind = 'dice'\nsmooth = { numerator = 1.0, denominator = 0.5 }",
    "family = 'segmentation'\nkind = 'tversky'\ndenominator = 'squared'\nfp_weight = 2.0\nfn_weight = 0.1",
    "family = 'segmentation'\nkind = 'focal_tversky'\ndenominator = 'squared'\nfp_weight = 2.0\nfn_weight = 0.1",
    "family = 'binary'\nkind = 'weighted_sum'\nterms = { a = { kind = 'focal' }, b = { kind = 'bce', input = 'probabilities' } }",
    "family = 'classification'\nkind = 'multi_margin'\nvariant = 'crammer_singer'\ndivide_by_classes = true",
    "family = 'classification'\nkind = 'focal'\nalpha = [0.5, 1.0, 2.0]\nclass_weights = [1.0, 2.0, 1.0]",
    "family = 'classification'\nkind = 'logit_adjusted'\nprior = [0.9, 0.1, 0.0]",
    "family = 'heads'\nkind = 'arcface'\nnum_classes = 3\nembedding_dim = 2\nprior = [0.9, 0.1]",
    "family = 'heads'\nkind = 'arcface'\nnum_classes = 3\nembedding_dim = 2\nbeyond = 'plain'\neasy_margin = true",
    "family = 'heads'\nkind = 'adaptive_softmax'\nnum_classes = 3\nembedding_dim = 2\ncutoffs = [2, 1]",
];

/// Whether a schema cannot express that this value of the field is refused.
fn is_beyond_a_schema(info: &LossInfo, field: &Field, value: &Value) -> bool {
    // The value is a list of numbers, but not one for each of the three classes.
    let has_another_length = |list: Option<&Value>| {
        let list = list.and_then(Value::as_list).filter(|list| list.iter().all(|item| item.as_f64().is_some()));
        list.is_some_and(|list| ![0, 3].contains(&list.len()))
    };
    let number = |key: &str| value.get(key).and_then(Value::as_f64);
    match field.name {
        "class_weights" | "prior" if info.family == "heads" => has_another_length(Some(value)),
        "sampler" => has_another_length(value.get("counts")),
        "smooth" => number("numerator") == Some(1.0) && number("denominator") == Some(0.5),
        // The last cutoff is below the number of classes.
        "num_classes" if info.example().get("cutoffs").is_some() && value.as_f64() == Some(2.0) => true,
        // A schema takes 2.0 for an integer, though for none that is odd.
        _ => {
            let is_two = matches!(value, Value::Float(_)) && value.as_f64() == Some(2.0);
            is_two && field.kind.starts_with("integer") && !field.range.contains("odd")
        }
    }
}

/// The validator of each file.
static VALIDATORS: LazyLock<BTreeMap<String, Config<'static>>> = LazyLock::new(|| {
    let validator = |(name, schema): (String, schemars::Schema)| {
        let schema: &'static Json = Box::leak(Box::new(schema.to_value()));
        (name, Config::from_schema(schema, None).expect("a schema"))
    };
    schema::files().into_iter().map(validator).collect()
});

fn is_valid(name: &str, config: &Json) -> bool {
    VALIDATORS[&format!("{name}.schema.json")].validate(config).is_ok()
}

/// Whether the schema of any family accepts a config, which must agree with the schema of the config's own family.
pub(crate) fn accepts(config: &Json) -> bool {
    let any = is_valid("loss", config);
    let mut of_family = config.clone();
    let family = of_family.as_object_mut().and_then(|table| table.remove("family"));
    if let Some(family) = family.as_ref().and_then(Json::as_str)
        && VALIDATORS.contains_key(&format!("{family}.schema.json"))
    {
        assert_eq!(is_valid(family, &of_family), any, "{config}");
    }
    any
}

/// A value as JSON; `None` for NaN and infinity, which JSON does not have.
pub(crate) fn json_of(value: &Value) -> Option<Json> {
    fn is_finite(value: &Value) -> bool {
        match value {
            Value::Float(number) => number.is_finite(),
            Value::List(values) => values.iter().all(is_finite),
            Value::Table(table) => table.iter().all(|(_, value)| is_finite(value)),
            _ => true,
        }
    }
    is_finite(value).then(|| serde_json::to_value(value).expect("plain values"))
}

fn of_toml(text: &str) -> Json {
    json_of(&from_str(text, Format::Toml).expect("TOML")).expect("finite numbers")
}

/// Run with `BURN_LOSSES_WRITE=1` to write them.
#[test]
fn generated_schema_files() {
    let Some(repository) = repository() else { return };
    let folder = repository.join("schema");
    if std::env::var("BURN_LOSSES_WRITE").as_deref() == Ok("1") {
        std::fs::create_dir_all(&folder).expect("a folder");
        for (name, schema) in schema::files() {
            let text = serde_json::to_string_pretty(&schema).expect("a schema") + "\n";
            std::fs::write(folder.join(name), text).expect("a writable file");
        }
        return;
    }
    let names: BTreeSet<_> = std::fs::read_dir(&folder)
        .expect("the folder schema")
        .map(|file| file.expect("a file").file_name().into_string().expect("a name"))
        .collect();
    assert_eq!(names, schema::files().into_iter().map(|(name, _)| name).collect(), "the files in {}", folder.display());
    for (name, schema) in schema::files() {
        let written = std::fs::read_to_string(folder.join(&name)).expect("a readable file");
        let is_new = written == serde_json::to_string_pretty(&schema).expect("a schema") + "\n";
        assert!(is_new, "schema/{name} is old: run this test with BURN_LOSSES_WRITE=1");
    }
}

#[test]
fn the_schemas_are_schemas() {
    // There are also files for any family, for penalties, and for joint losses.
    assert_eq!(VALIDATORS.len(), 3 + registry().iter().map(|info| info.family).collect::<BTreeSet<_>>().len());
    for (name, validator) in VALIDATORS.iter() {
        assert_eq!(validator.get_draft_number(), 7, "{name}");
        assert!(validator.validate_schema().is_ok(), "{name}");
    }
}

/// The schema and the config agree on each default, allowed sample, refused sample and odd value of every field.
#[test]
fn schema_and_config_agree_on_every_value_of_every_field() {
    let odd =
        json!([null, true, "", "2", -1, 0, 2, 2.0, 0.5, [], [1], [0.5, "a"], {}, { "kind": 1 }, { "kind": "bce" }]);
    let odd: Vec<Value> = serde_json::from_value(odd).unwrap();
    let (mut tried, mut not_finite) = (0, 0);
    for info in registry() {
        for field in &info.fields {
            let values = [std::slice::from_ref(&field.example), &field.samples, &field.refused, &odd].concat();
            for value in values {
                let is_right = with_field(&info, field.name, &value).is_ok();
                let Some(config) = json_of(&table_with(&info, field.name, &value).into()) else {
                    let text = value.to_string();
                    assert!(text.contains("NaN") || text.contains("inf"), "{text}");
                    assert!(
                        !is_right && field.refused.iter().any(|refused| format!("{refused:?}") == format!("{value:?}"))
                    );
                    not_finite += 1;
                    continue;
                };
                if field.kind == "table" && (matches!(value, Value::List(_)) || value == Value::Null) {
                    // Serde also reads a table from the list of its values, and from null; the schema refuses both forms.
                    assert!(!accepts(&config), "{config}");
                    continue;
                }
                let is_beyond = is_beyond_a_schema(&info, field, &value);
                assert!(!(is_beyond && is_right), "{config} is right, and listed as what a schema cannot refuse");
                assert_eq!(accepts(&config), is_right || is_beyond, "{config}: the config says {is_right}");
                tried += 1;
            }
        }
    }
    assert!(tried > 5_000 && not_finite > 200, "{tried}, {not_finite}");
}

#[test]
fn kinds_families_and_keys_are_told_apart() {
    for info in registry() {
        let LossInfo { family, kind, aliases, .. } = &info;
        let example = serde_json::to_value(info.example()).unwrap();
        for name in [&[*kind], *aliases].concat() {
            let mut config = example.clone();
            config["kind"] = name.into();
            assert!(accepts(&config), "{family}/{name}");
            // A file may name its schema.
            config["$schema"] = "../schema/x.json".into();
            assert!(accepts(&config), "{family}/{name}");
        }
        let default = serde_json::to_value(LossConfig::example(family, kind).unwrap()).unwrap();
        assert!(accepts(&default), "{default}");
        for wrong in [
            json!({ "kind": kind }),
            json!({ "family": family }),
            json!({ "family": family, "kind": "hubert" }),
            json!({ "family": "statistics", "kind": kind }),
            json!({ "family": family, "kind": 1 }),
            json!({ "family": family, "kind": kind, "no_such_key": 1 }),
            json!({ "family": family, "kind": kind, "$schema": 1 }),
            json!([{ "family": family, "kind": kind }]),
        ] {
            assert!(!accepts(&wrong), "{wrong}");
            assert!(serde_json::from_value::<LossConfig>(wrong.clone()).is_err(), "{wrong}");
        }
    }
    assert!(accepts(
        &json!({ "family": "binary", "kind": "ohem", "loss": { "kind": "ohem", "loss": { "kind": "focal" } } })
    ));
    for wrong in [
        json!({ "kind": "focal", "gamma": -1 }),
        json!({ "kind": "focal", "reduction": "sum" }),
        json!({ "kind": "focal", "$schema": "x" }),
        json!({ "kind": "ohem", "loss": { "kind": "huber" } }),
    ] {
        assert!(!accepts(&json!({ "family": "binary", "kind": "ohem", "loss": wrong })), "{wrong}");
    }
}

#[test]
fn what_a_schema_cannot_say_is_listed() {
    for text in BEYOND_A_SCHEMA {
        assert!(accepts(&of_toml(text)), "{text}");
        assert!(from_str::<LossConfig>(text, Format::Toml).is_err(), "{text}");
    }
}

/// The family of an experiment whose losses do not name theirs.
fn family_of(experiment: &str) -> &str {
    match experiment {
        "images" | "long_tail" => "classification",
        "intervals" => "likelihood",
        "rotated" => "boxes",
        "sequences" => "sequence",
        "imbalanced" => "binary",
        "text" | "margins" => "heads",
        same => same,
    }
}

#[test]
fn the_configs_of_the_examples_are_valid() {
    let Some(repository) = repository() else { return };
    let mut losses = 0;
    for folder in std::fs::read_dir(repository.join("configs")).expect("the folder configs") {
        for file in std::fs::read_dir(folder.expect("a folder").path()).expect("a folder") {
            let path = file.expect("a file").path();
            let config = of_toml(&std::fs::read_to_string(&path).expect("a readable file"));
            let terms = config.get("terms").and_then(Json::as_array).into_iter().flatten().map(|term| &term["loss"]);
            let before = losses;
            for loss in config.get("loss").into_iter().chain(terms) {
                let mut loss = loss.clone();
                if loss.get("family").is_none() {
                    loss["family"] = family_of(config["experiment"].as_str().expect("an experiment")).into();
                }
                assert!(accepts(&loss), "{}: {loss}", path.display());
                losses += 1;
            }
            assert!(losses > before, "{}: no loss", path.display());
        }
    }
    assert!(losses > 50, "{losses}");
}

#[test]
fn the_configs_of_the_golden_files_are_valid() {
    for (family, kind, content) in golden::files() {
        for case in content["cases"].as_array().expect("cases") {
            let config = golden::whole(&family, &kind, &case["config"]);
            assert!(accepts(&config), "{config}");
        }
    }
}

#[test]
fn schemas_of_joint_losses_and_penalties_agree_with_the_configs() {
    let example = repository().map(|root| std::fs::read_to_string(root.join("examples/joint-loss/loss.toml")));
    let example = example.map(|text| text.expect("the example"));
    for text in example.iter().map(String::as_str).chain([crate::composition::EXAMPLE]) {
        assert!(is_valid("joint", &of_toml(text)), "{text}");
    }
    for (text, _) in crate::composition::WRONG {
        // JSON has no NaN.
        assert!(text.contains("nan") || !is_valid("joint", &of_toml(text)), "{text}");
    }
    for info in RegularizerConfig::all() {
        for field in &info.fields {
            let with =
                |value: &Value| json!({ "kind": info.kind, field.name: serde_json::to_value(value).expect("JSON") });
            for sample in &field.samples {
                assert!(is_valid("regularization", &with(sample)), "{}: {sample:?}", info.kind);
            }
            let is_json = |value: &&Value| value.as_f64().is_none_or(f64::is_finite);
            for refused in field.refused.iter().filter(is_json) {
                assert!(!is_valid("regularization", &with(refused)), "{}: {refused:?}", info.kind);
            }
        }
    }
}

#[test]
fn the_configs_of_the_readme_and_the_guide_are_valid() {
    let Some(repository) = repository() else { return };
    let chapters =
        std::fs::read_dir(repository.join("docs/src")).expect("the guide").map(|entry| entry.unwrap().path());
    let pages = chapters.filter(|path| path.is_file()).chain([repository.join("README.md")]);
    let text: String = pages.map(|path| std::fs::read_to_string(path).expect("a page")).collect();
    let blocks = text
        .split(
            "```toml
",
        )
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    let configs: Vec<_> = blocks.map(of_toml).filter(|config| config.get("kind").is_some()).collect();
    assert!(configs.len() >= 4);
    for config in configs {
        assert!(VALIDATORS.keys().any(|name| is_valid(name.trim_end_matches(".schema.json"), &config)), "{config}");
    }
}

/// The key with which editors find the schema of a JSON file.
#[test]
fn a_json_file_may_name_its_schema() {
    let read = |text: &str| from_str::<LossConfig>(text, Format::Json);
    let text = "{\n\"$schema\": \"../schema/loss.schema.json\",\n\"family\": \"binary\",\n\"kind\": \"focal\",\n\"gamma\": 1.5\n}";
    assert_eq!(read(text), read(&text.replace("\"$schema\": \"../schema/loss.schema.json\",", "")));
    assert!(read(text).is_ok());
    let error = |text: &str| read(text).unwrap_err().to_string();
    assert_eq!(error(&text.replace("1.5", "-1")), "line 5: focal: `gamma` is -1, allowed: a number >= 0");
    // `$schema` is a key of the file, not of a loss, and its value is a string.
    let unknown = "focal: unknown key `$schema`, allowed: `gamma`, `alpha`, `reduction`";
    assert_eq!(error(&text.replace("\"../schema/loss.schema.json\"", "3")), format!("line 2: {unknown}"));
    let nested = r#"{"kind": "ohem", "loss": {"kind": "focal", "$schema": "x"}}"#;
    let nested: Result<BinaryLossConfig, ConfigError> = from_str(nested, Format::Json);
    assert_eq!(nested.unwrap_err().to_string(), format!("line 1: {unknown}"));

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Training {
        loss: BinaryLossConfig,
    }
    let training = r#"{"$schema": "training.schema.json", "loss": {"kind": "focal"}}"#;
    assert_eq!(from_str::<Training>(training, Format::Json).unwrap().loss.kind(), "focal");
    let more = training.replace("\"loss\"", "\"more\": 1, \"loss\"");
    let error = from_str::<Training>(&more, Format::Json).unwrap_err().to_string();
    assert_eq!(error, "line 1: unknown field `more`, expected `loss`");
}

/// A config that is refused is refused by the schema too, as far as JSON and a schema can express that.
pub(crate) fn refuses_too(toml: &str) {
    let Some(config) = from_str::<Table>(toml, Format::Toml).ok().and_then(|table| json_of(&table.into())) else {
        return;
    };
    assert_eq!(accepts(&config), BEYOND_A_SCHEMA.contains(&toml), "{toml}");
}
