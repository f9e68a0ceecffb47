//! Joint losses and penalties where a loss is expected.

use crate::eval::{error, f64s, i64s};
use crate::{Folder, answer};
use serde_json::json;

const JOINT: &str = "
[terms.classes]
family = 'classification'
kind = 'cross_entropy'
weight = 2.0

[terms.penalty]
family = 'regularization'
kind = 'l2'
parameters = { paths = ['encoder'] }
weight = { kind = 'linear', from = 0.0, to = 1.0, steps = 2 }

[terms.other]
weight = 0.5
";

fn joint() -> Folder {
    Folder::new().file("joint.toml", JOINT).tensors(
        "in.safetensors",
        &[
            f64s("classes.logits", &[1, 2], &[0.0, 0.0]),
            i64s("classes.labels", &[1], &[1]),
            f64s("penalty.encoder.weight", &[1, 2], &[3.0, 4.0]),
            f64s("penalty.decoder.weight", &[1, 2], &[9.0, 9.0]),
            f64s("other", &[1], &[0.25]),
        ],
    )
}

const PENALTY: &str = "kind = 'elastic_net'\nweight = 0.1\nl1_ratio = 0.5\n";

#[test]
fn check_knows_them() {
    let folder = joint().file("penalty.toml", PENALTY).file("bad.toml", JOINT.replace("2.0", "'two'"));
    let ok = "OK joint.toml: joint of `classes`, `other`, `penalty`\nOK penalty.toml: regularization/elastic_net\n";
    assert_eq!(folder.run("check joint.toml penalty.toml"), answer(0, ok, ""));
    assert_eq!(folder.run("check --family joint joint.toml").code, Some(0));
    assert_eq!(folder.run("check --family regularization penalty.toml").code, Some(0));
    let bad = folder.run("check bad.toml");
    assert_eq!(bad.code, Some(1));
    assert!(
        bad.stderr.starts_with("bad.toml: joint: `terms.classes.weight` has the wrong type: \"two\""),
        "{}",
        bad.stderr
    );
    let term = answer(0, "OK joint.toml: classification/cross_entropy\n", "");
    assert_eq!(folder.run("check --at terms.classes joint.toml"), term);
}

#[test]
fn eval_of_a_joint_loss_is_the_weighted_sum_of_its_terms() {
    let folder = joint();
    let ln2 = 2f64.ln();
    let one = folder.run("eval --config joint.toml --input in.safetensors --json").json();
    assert!((one["loss"].as_f64().unwrap() - (2.0 * ln2 + 0.5 * 0.25)).abs() < 1e-12, "{one}");
    assert_eq!(one["terms"]["other"], json!({ "loss": 0.25, "weight": 0.5 }));
    assert_eq!(one["terms"]["penalty"], json!({ "loss": 25.0, "weight": 0.0 }));
    // The gradient is twice that of the cross-entropy.
    assert_eq!(one["gradients"]["classes.logits"]["data"], json!([1.0, -1.0]));
    assert_eq!(one["gradients"]["penalty.encoder.weight"]["data"], json!([0.0, 0.0]));
    assert!(one["gradients"].get("penalty.decoder.weight").is_none(), "{one}");

    // Each input is a step, which moves the schedule on.
    let two = folder.run("eval --config joint.toml --input in.safetensors --input in.safetensors --json").json();
    assert_eq!(two[0], one);
    assert_eq!(two[1]["terms"]["penalty"], json!({ "loss": 25.0, "weight": 0.5 }));
    assert_eq!(two[1]["gradients"]["penalty.encoder.weight"]["data"], json!([3.0, 4.0]));

    let text = folder.run("eval --config joint.toml --input in.safetensors").text();
    assert!(
        text.contains("\nterm classes: 0.6931471805599453 (weight 2.0)\nterm other: 0.25 (weight 0.5)\n"),
        "{text}"
    );
}

#[test]
fn tensors_have_to_belong_to_the_terms() {
    let folder = joint()
        .tensors("none.safetensors", &[f64s("logits", &[1], &[0.0])])
        .tensors("two.safetensors", &[f64s("other", &[2], &[0.0, 0.0])]);
    let eval = |file: &str| format!("eval --config joint.toml --input {file}.safetensors");
    let names = "`classes.ARGUMENT`, `other`, `penalty.PARAMETER`";
    let message = format!("none.safetensors: tensor `logits` belongs to no term, expected: {names}");
    error(&folder, &eval("none"), &message);
    error(&folder, &eval("two"), "two.safetensors: `other` has shape [2], expected one number");
    let folder = folder.tensors("some.safetensors", &[f64s("classes.logits", &[1, 2], &[0.0; 2])]);
    let message = "some.safetensors: term `other` has no value: a tensor `other` with one number";
    error(&folder, &eval("some"), message);
    let folder = folder.tensors(
        "less.safetensors",
        &[
            f64s("classes.logits", &[1, 2], &[0.0; 2]),
            f64s("other", &[1], &[0.0]),
            f64s("penalty.encoder", &[1], &[0.0]),
        ],
    );
    let message = "less.safetensors: term `classes`: cross_entropy: tensor `labels` is missing, expected: `logits`, `labels`, \
                   `weights`, `mask`";
    let answer = folder.run(&eval("less"));
    assert!(
        answer.stderr.starts_with(&format!("error: {}", message.split(", expected").next().unwrap())),
        "{}",
        answer.stderr
    );
}

#[test]
fn eval_of_a_penalty_takes_parameters_by_their_paths() {
    let folder = Folder::new().file("penalty.toml", PENALTY).tensors(
        "in.safetensors",
        &[f64s("layer.weight", &[1, 2], &[3.0, -4.0]), f64s("layer.bias", &[2], &[1.0, 1.0])],
    );
    let json = folder.run("eval --config penalty.toml --input in.safetensors --json").json();
    // The penalty is 0.1 (0.5 * 7 + 0.5 * 25 / 2), over the weights alone.
    assert!((json["loss"].as_f64().unwrap() - 0.975).abs() < 1e-12, "{json}");
    let gradients = json["gradients"].as_object().unwrap();
    assert_eq!(gradients.keys().collect::<Vec<_>>(), ["layer.weight"]);
    let gradient = |at: usize| gradients["layer.weight"]["data"][at].as_f64().unwrap();
    assert!((gradient(0) - 0.2).abs() < 1e-12 && (gradient(1) + 0.25).abs() < 1e-12, "{json}");

    let folder = folder.file("none.toml", "kind = 'l1'\nfamily = 'regularization'\nparameters = { paths = ['x'] }\n");
    let answer = folder.run("eval --config none.toml --input in.safetensors");
    assert_eq!(answer.code, Some(2));
    assert!(answer.stderr.contains("the file has: `layer.bias`, `layer.weight`"), "{}", answer.stderr);
}

#[test]
fn diagnose_looks_at_every_term_that_is_a_loss() {
    let folder = joint().tensors(
        "bad.safetensors",
        &[
            f64s("classes.logits", &[1, 2], &[f64::NAN, 0.0]),
            i64s("classes.labels", &[1], &[1]),
            f64s("penalty.encoder.weight", &[1, 2], &[3.0, 4.0]),
            f64s("other", &[1], &[0.25]),
        ],
    );
    let good = folder.run("diagnose --config joint.toml --input in.safetensors");
    assert_eq!(good, answer(0, "in.safetensors: classes: cross_entropy: nothing found\n", ""));
    let bad = folder.run("diagnose --config joint.toml --input bad.safetensors --json");
    let json: serde_json::Value = serde_json::from_str(&bad.stdout).unwrap();
    assert_eq!(
        (bad.code, &json["term"], &json["findings"][0]["argument"]),
        (Some(1), &json!("classes"), &json!("logits"))
    );
}

#[test]
fn plot_wants_one_term() {
    let folder = joint();
    let message = "joint.toml: a joint loss has no picture of its own: choose a term by `--at terms.classes`, \
                   `--at terms.penalty`";
    error(&folder, "plot --config joint.toml", message);
    let drawn = folder.run("plot --config joint.toml --at terms.classes");
    assert_eq!(drawn, answer(0, "cross_entropy.svg\n", ""));
    // The schedule belongs to the joint loss; the penalty has none.
    assert_eq!(folder.run("plot --config joint.toml --at terms.penalty"), answer(0, "l2.svg\n", ""));
}

#[test]
fn penalties_are_drawn_over_one_parameter() {
    let folder = joint().file("penalty.toml", PENALTY).file("loss.toml", "family = 'regression'\nkind = 'mse'\n");
    assert_eq!(folder.run("plot --config penalty.toml"), answer(0, "elastic_net.svg\n", ""));
    assert_eq!(folder.run("plot regularization/l1 --set weight=1,2"), answer(0, "l1.svg\n", ""));
    let svg = String::from_utf8(folder.read("l1.svg")).unwrap();
    for text in ["regularization / l1", "parameter", "gradient of the parameter", "weight = 1.0", "weight = 2.0"] {
        assert!(svg.contains(text), "{text}: {svg}");
    }
    let message = "a loss and a penalty are not drawn over the same axes";
    error(&folder, "plot --config penalty.toml --config loss.toml", message);
}

/// The name of a term may have dots, and may begin with the name of another one.
#[test]
fn names_of_terms_with_dots() {
    let joint = "[terms.a]\nfamily = 'regression'\nkind = 'mse'\n[terms.'a.b']\nfamily = 'regression'\nkind = 'mae'\n";
    let tensors = ["a.predictions", "a.targets", "a.b.predictions", "a.b.targets"];
    let tensors = tensors.map(|name| f64s(name, &[1], if name.ends_with("predictions") { &[3.0] } else { &[1.0] }));
    let folder = Folder::new().file("joint.toml", joint).tensors("in.safetensors", &tensors);
    let answer = folder.run("eval --config joint.toml --input in.safetensors --json").json();
    assert_eq!(answer["terms"]["a"]["loss"], 4.0);
    assert_eq!(answer["terms"]["a.b"]["loss"], 2.0);
}
