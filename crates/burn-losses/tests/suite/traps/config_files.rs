//! The boundary between a parser and a config.

use burn_losses::config::{Format, Value, from_str, load};
use burn_losses::prelude::*;
use burn_losses::registry;
use serde::Deserialize;

/// T78: a byte order mark, which some editors write, is not part of a config, and the case of a file extension does not matter.
#[test]
fn t78_a_byte_order_mark_is_skipped_and_an_extension_has_any_case() {
    let texts = [
        (Format::Json, "{\"family\": \"binary\", \"kind\": \"focal\", \"gamma\": 1.5}"),
        (Format::Toml, "family = 'binary'\nkind = 'focal'\ngamma = 1.5\n"),
        (Format::Yaml, "family: binary\nkind: focal\ngamma: 1.5\n"),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (format, text) in texts {
        let plain: LossConfig = from_str(text, format).unwrap();
        let marked: LossConfig = from_str(&format!("\u{feff}{text}"), format).unwrap();
        assert_eq!(marked, plain);
        let wrong = format!("\u{feff}{}", text.replace("1.5", "-1"));
        let error = from_str::<LossConfig>(&wrong, format).unwrap_err().to_string();
        assert!(error.ends_with("focal: `gamma` is -1, allowed: a number >= 0"), "{error}");
        for extension in match format {
            Format::Json => ["json", "JSON"],
            Format::Toml => ["toml", "Toml"],
            Format::Yaml => ["YAML", "Yml"],
        } {
            let path = folder.path().join(format!("loss.{extension}"));
            std::fs::write(&path, text).unwrap();
            assert_eq!(load::<LossConfig>(&path).unwrap(), plain);
        }
    }
}

fn yaml_error(text: &str) -> String {
    from_str::<LossConfig>(text, Format::Yaml).expect_err("this is wrong").to_string()
}

/// T78: no key is silently lost: equal names and equal keys are errors, and keys that an anchor merges are read.
#[test]
fn t78_keys_that_collide_are_refused_and_merged_keys_are_read() {
    use burn_losses::composition::JointLossConfig;

    let sum = "family: regression\nkind: weighted_sum\nterms:\n  1: { kind: mse }\n  '1': { kind: mae }\n";
    assert!(yaml_error(sum).contains("the key `1` stands there twice"), "{}", yaml_error(sum));
    assert!(from_str::<LossConfig>(&sum.replace("'1'", "'2'"), Format::Yaml).is_ok());
    let joint = "terms:\n  2: { family: regression, kind: mse }\n  '2': { family: regression, kind: mae }\n";
    let error = from_str::<JointLossConfig>(joint, Format::Yaml).unwrap_err().to_string();
    assert!(error.contains("the key `2` stands there twice"), "{error}");
    let joint: JointLossConfig = from_str(&joint.replace("'2'", "3"), Format::Yaml).unwrap();
    assert_eq!(joint.terms.keys().collect::<Vec<_>>(), ["2", "3"]);

    // The error names the line of the second key, in every format.
    assert!(yaml_error("family: binary\nkind: focal\ngamma: 1\n\ngamma: 2\n").starts_with("line 5: "));
    let json = "{\"family\": \"binary\",\n \"kind\": \"focal\",\n \"gamma\": 1,\n \"gamma\": 2\n}\n";
    let error = from_str::<LossConfig>(json, Format::Json).unwrap_err().to_string();
    assert!(error.starts_with("line 4: ") && error.contains("gamma"), "{error}");
    let error = from_str::<LossConfig>(&json.replacen('{', "{\"$schema\": \"x\", ", 1), Format::Json).unwrap_err();
    assert!(error.to_string().contains("gamma"), "{error}");
    let toml = "family = 'binary'\nkind = 'focal'\ngamma = 1\ngamma = 2\n";
    assert!(from_str::<LossConfig>(toml, Format::Toml).unwrap_err().to_string().starts_with("line 4: "));

    #[derive(Deserialize)]
    struct Experiments {
        first: LossConfig,
        second: LossConfig,
    }
    let text = "first: &base\n  family: binary\n  kind: focal\n  gamma: 1.5\nsecond:\n  <<: *base\n  gamma: 3\n";
    let Experiments { first, second } = from_str(text, Format::Yaml).unwrap();
    let gamma = |config: &LossConfig| serde_yaml_ng::to_value(config).unwrap()["gamma"].as_f64();
    assert_eq!((gamma(&first), gamma(&second)), (Some(1.5), Some(3.0)));
    assert!(from_str::<Experiments>(&text.replace("gamma: 3", "gamma: -3"), Format::Yaml).is_err());
}

/// T78: `none` and null mean the same, where a value may be absent.
#[test]
fn t78_none_and_null_are_one_word() {
    let read =
        |text: &str| from_str::<LossConfig>(text, Format::Yaml).unwrap_or_else(|error| panic!("{text}: {error}"));
    let mut absent = 0;
    for info in registry() {
        for field in
            info.fields.iter().filter(|field| field.kind.ends_with("optional") || field.range.contains("`none`"))
        {
            let required: String = info
                .fields
                .iter()
                .filter(|field| field.default.is_none())
                .map(|field| format!("{}: {}\n", field.name, field.example))
                .collect();
            let of = |word: &str| {
                read(&format!("family: {}\nkind: {}\n{required}{}: {word}\n", info.family, info.kind, field.name))
            };
            let none = of("none");
            for word in ["null", "~", "'none'", ""] {
                assert_eq!(of(word), none, "{}/{} {} {word}", info.family, info.kind, field.name);
            }
            absent += 1;
        }
    }
    assert!(absent > 10, "{absent}");
    // Where a value may not be absent, neither word is a value.
    for word in ["none", "null"] {
        assert!(yaml_error(&format!("family: binary\nkind: focal\ngamma: {word}\n")).contains("`gamma`"));
    }
}

/// T78: a number is either refused when the config is read, or the loss computes with it; there is no third way. This tests every
/// field with the extreme numbers of each type.
#[test]
fn t78_a_number_that_is_accepted_computes() {
    use crate::probe::{batch, with_field};
    use burn_losses::with_tensor_operations;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    let mut wrong = Vec::new();
    for info in burn_losses::registry() {
        for field in info.fields.iter().filter(|field| field.kind.contains("number") && !field.kind.contains("list")) {
            for number in [1e30, -1e30, 1e300, 1e-30, 1e-300, f64::from(f32::MAX), f64::MAX, f64::MIN_POSITIVE] {
                let Ok(config) = with_field(&info, field.name, &number.into()) else { continue };
                for target in crate::devices::cpu() {
                    let run = || {
                        let loss = config.init(&target.device);
                        let inputs = batch(&loss, 4, 2.0, &[], 3);
                        let evaluate = || loss.evaluate(&inputs, &target.device, target.dtype).map(drop);
                        evaluate().and_then(|()| with_tensor_operations(evaluate))
                    };
                    if !matches!(catch_unwind(AssertUnwindSafe(run)), Ok(Ok(()))) {
                        wrong.push(format!(
                            "{}/{} {} = {number:e} on {}",
                            info.family, info.kind, field.name, target.name
                        ));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// T78: errors name integers beyond 64 bits, and numbers that are not integers.
#[test]
fn t78_integers_beyond_a_type_are_named() {
    for number in ["18446744073709551616", "99999999999999999999", "-9223372036854775809", "1e30", "0.5"] {
        for (format, text) in [
            (Format::Toml, format!("family = 'classification'\nkind = 'cross_entropy'\nignore_index = {number}\n")),
            (Format::Yaml, format!("family: classification\nkind: cross_entropy\nignore_index: {number}\n")),
            (
                Format::Json,
                format!(
                    "{{\"family\": \"classification\",\n\"kind\": \"cross_entropy\",\n\"ignore_index\": {number}}}"
                ),
            ),
        ] {
            let error = from_str::<LossConfig>(&text, format).expect_err(&text).to_string();
            assert!(error.starts_with("line 3: "), "{text}\n{error}");
            assert!(error.contains("cross_entropy: `ignore_index`"), "{text}\n{error}");
            let is_integer = number.parse::<i128>().is_ok();
            assert!(!is_integer || error.contains(&format!("`ignore_index` is {number}, ")), "{text}\n{error}");
            let allowed = if number == "0.5" { "any integer" } else { "an integer from -2^63 to 2^63 - 1" };
            assert!(error.ends_with(&format!("allowed: {allowed}")), "{text}\n{error}");
        }
    }
    let text = |number: &str| format!("family: classification\nkind: cross_entropy\nignore_index: {number}\n");
    assert_eq!(
        yaml_error(&text("9223372036854775808")),
        "line 3: cross_entropy: `ignore_index` is 9223372036854775808, allowed: an integer from -2^63 to 2^63 - 1"
    );
    assert!(from_str::<LossConfig>(&text("9223372036854775807"), Format::Yaml).is_ok());
    let size = "family: heads\nkind: arcface\nembedding_dim: 2\nnum_classes: 18446744073709551616\n";
    assert_eq!(
        yaml_error(size),
        "line 4: arcface: `num_classes` is 18446744073709551616, allowed: an integer from 0 to 2^64 - 1"
    );
}

/// T78: JSON numbers after one that the parser rounds are those of their own places, and strings hold none.
#[test]
fn t78_json_integers_are_shown_as_they_are_written() {
    let text = "{\"family\": \"metric\", \"kind\": \"weighted_sum\", \"terms\": {\"7-8\": {\"kind\": \"triplet\", \
                \"margin\": 100000000000000000000, \"weight\": 2},\n\"b\": {\"kind\": \"center\", \"num_classes\": \
                340282366920938463463374607431, \"embedding_dim\": 2}}}";
    let error = from_str::<LossConfig>(text, Format::Json).expect_err("too many classes").to_string();
    assert!(error.contains("`num_classes` is 340282366920938463463374607431, allowed: "), "{error}");
    let read: LossConfig =
        from_str(&text.replace("340282366920938463463374607431", "3"), Format::Json).expect("a config");
    let table = read.to_value();
    let term = table.get("terms").and_then(|terms| terms.get("7-8")).expect("a term");
    assert_eq!(["margin", "weight"].map(|key| term.get(key).and_then(Value::as_f64)), [Some(1e20), Some(2.0)]);
}

/// T78: an integer that is too small is out of range; its type is right.
#[test]
fn t78_a_negative_count_is_out_of_range() {
    use crate::probe::with_field;

    for (format, text) in [
        (Format::Toml, "family = 'heads'\nkind = 'arcface'\nembedding_dim = 2\nnum_classes = -1\n"),
        (Format::Yaml, "family: heads\nkind: arcface\nembedding_dim: 2\nnum_classes: -1\n"),
        (Format::Json, "{\"family\": \"heads\",\n\"kind\": \"arcface\",\n\"embedding_dim\": 2,\n\"num_classes\": -1}"),
    ] {
        let error = from_str::<LossConfig>(text, format).expect_err(text).to_string();
        assert_eq!(error, "line 4: arcface: `num_classes` is -1, allowed: an integer >= 1");
    }
    let mut refused = 0;
    for info in registry() {
        for field in info.fields.iter().filter(|field| field.kind.contains("integer")) {
            let is_list = field.kind.contains("list");
            let value = if is_list { vec![Value::from(-1)].into() } else { Value::from(-1) };
            // A label may be negative.
            let Err(error) = with_field(&info, field.name, &value) else { continue };
            let name = if is_list { format!("{}[0]", field.name) } else { field.name.to_owned() };
            let says = format!("{}: `{name}` is -1, allowed: ", info.kind);
            assert!(error.contains(&says) && error.contains("integer"), "{error}");
            refused += 1;
        }
    }
    assert!(refused > 20, "{refused}");
    let nested = |field: &str| yaml_error(&format!("family: metric\nkind: info_nce\nmemory:\n  {field}\n"));
    assert_eq!(nested("size: -3"), "line 3: info_nce: `memory.size` is -3, allowed: an integer >= 1");
    assert!(nested("{ size: 4, after: -1 }").ends_with("info_nce: `memory.after` is -1, allowed: an integer >= 0"));
    let mined = yaml_error("family: binary\nkind: ohem\nkeep: { count: -2 }\n");
    assert_eq!(mined, "line 3: ohem: `keep.count` is -2, allowed: an integer >= 1");
}

/// T78: what `<<` merges is a table or a list of tables, and anything else is an error.
#[test]
fn t78_what_is_merged_is_a_table() {
    for wrong in ["3", "text", "[{ gamma: 1.5 }, 3]", "[[{ gamma: 1.5 }]]", "null"] {
        let text = format!("family: binary\nkind: focal\n<<: {wrong}\n");
        assert_eq!(yaml_error(&text), "line 3: `<<` takes a table or a list of tables", "{wrong}");
        let nested = format!("family: binary\nkind: ohem\nloss:\n  kind: focal\n  <<: {wrong}\n");
        assert_eq!(yaml_error(&nested), "line 5: `<<` takes a table or a list of tables", "{wrong}");
    }
    for right in ["{ gamma: 1.5 }", "[{ gamma: 1.5 }, { gamma: 2.5 }]", "[]"] {
        let text = format!("family: binary\nkind: focal\n<<: {right}\n");
        assert!(from_str::<LossConfig>(&text, Format::Yaml).is_ok(), "{right}");
    }
}

/// T78: no similar name is looked for in place of a word of any length, which took half a minute.
#[test]
fn t78_a_long_word_has_no_suggestion() {
    let focal = |count: usize| format!("family: binary\nkind: focal{}\n", "_".repeat(count));
    assert!(yaml_error(&focal(95)).contains("did you mean `focal`?"));
    assert!(!yaml_error(&focal(96)).contains("did you mean"));
}

/// T78: a message has a readable length, whatever is wrong, and says which of many numbers is meant.
#[test]
fn t78_messages_have_a_bounded_length() {
    let many = |wrong: &str| {
        let weights: Vec<_> = (0..200_000).map(|at| if at == 123_456 { wrong } else { "1.0" }).collect();
        let text = "family = 'classification'\nkind = 'cross_entropy'\n";
        from_str::<LossConfig>(&format!("{text}class_weights = [{}]\n", weights.join(", ")), Format::Toml)
            .expect_err("one is wrong")
            .to_string()
    };
    for (wrong, says) in [("'heavy'", "\"heavy\""), ("-1.0", "-1"), ("true", "true")] {
        let error = many(wrong);
        assert!(error.len() < 600, "{} bytes", error.len());
        assert!(error.contains("`class_weights[123456]`") && error.contains(says), "{error}");
    }
    let long = "x".repeat(1_000_000);
    for text in [
        format!("family = 'binary'\nkind = '{long}'\n"),
        format!("family = '{long}'\n"),
        format!("family = 'binary'\nkind = 'focal'\n{long} = 1\n"),
        format!("family = 'binary'\nkind = 'focal'\ngamma = '{long}'\n"),
        format!("family = 'binary'\nkind = 'focal'\nreduction = '{long}'\n"),
        format!("family = 'regression'\nkind = 'weighted_sum'\n[terms.a]\nkind = 'mse'\nweight = '{long}'\n"),
        format!("family = 'regression'\nkind = 'weighted_sum'\n[terms.{long}]\nkind = 'mse'\nweight = nan\n"),
    ] {
        for format in [Format::Toml, Format::Json, Format::Yaml] {
            let error = from_str::<LossConfig>(&text, format).expect_err("this is wrong").to_string();
            assert!(error.len() < 2500, "{format:?}: {} bytes: {}", error.len(), &error[..200]);
        }
    }
}
