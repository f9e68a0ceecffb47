//! `eval` of the families.

use crate::eval::{EVAL, cross_entropy, error, f64s, i64s, parsed};
use crate::{Folder, Named};
use safetensors::Dtype;
use serde_json::{Value, json};

#[test]
fn soft_targets_with_a_mask_and_weights() {
    let tensors = [
        f64s("logits", &[2, 2], &[0.0, 0.0, 5.0, f64::NAN]),
        f64s("probabilities", &[2, 2], &[0.25, 0.75, 1.0, 0.0]),
        f64s("weights", &[2], &[2.0, 7.0]),
        ("mask", Dtype::BOOL, vec![2], vec![1, 0]),
    ];
    let answer = parsed(cross_entropy("", &tensors).run(&format!("{EVAL} --json")));
    let near = |value: &Value, expected: f64| (value.as_f64().unwrap() - expected).abs() < 1e-15;
    assert!(near(&answer["loss"], 2.0 * 2_f64.ln()), "{answer}");
    assert!(near(&answer["unreduced"]["data"][1], 0.0), "{answer}");
    assert!(near(&answer["gradients"]["weights"]["data"][0], 2_f64.ln()), "{answer}");
    assert_eq!(answer["gradients"]["logits"]["data"], json!([0.5, -0.5, 0.0, 0.0]));
}

#[test]
fn boxes_in_a_format() {
    let folder = Folder::new()
        .file("loss.toml", "family = 'boxes'\nkind = 'giou'\nformat = 'xywh'\n")
        // The boxes are disjoint: a third of the enclosing box is empty.
        .tensors(
            "in.safetensors",
            &[f64s("predictions", &[1, 4], &[0.0, 0.0, 1.0, 1.0]), f64s("targets", &[1, 4], &[2.0, 0.0, 1.0, 1.0])],
        );
    let answer = parsed(folder.run(&format!("{EVAL} --json")));
    assert!((answer["loss"].as_f64().unwrap() - 4.0 / 3.0).abs() < 1e-12);
}

/// A tensor named `logits` is read as logits; `log_probabilities` are taken as they are.
#[test]
fn distributions_from_logits_and_from_log_probabilities() {
    let folder = |name, first: [f64; 2]| {
        Folder::new()
            .file("loss.toml", "family = 'distribution'\nkind = 'cross_entropy'\nbase = 2\n")
            .tensors("in.safetensors", &[f64s(name, &[1, 2], &first), f64s("targets", &[1, 2], &[0.5, 0.5])])
    };
    let loss = |folder: Folder| parsed(folder.run(&format!("{EVAL} --json")))["loss"].as_f64().unwrap();
    assert!((loss(folder("logits", [3.0, 3.0])) - 1.0).abs() < 1e-12);
    let bits = -2.0 * 2f64.ln();
    assert!((loss(folder("log_probabilities", [bits, bits])) - 2.0).abs() < 1e-12);
    let error_of = "in.safetensors: cross_entropy: tensor `log_probabilities` is missing, expected: \
                    `log_probabilities`, `targets`, `weights`, `mask`";
    error(
        &folder("probabilities", [0.5, 0.5]),
        EVAL,
        &error_of
            .replace("tensor `log_probabilities` is missing", "tensor `probabilities` is not an argument of this loss"),
    );
}

#[test]
fn regions_from_labels() {
    let folder = |labels: [i64; 4]| {
        Folder::new()
            .file(
                "loss.toml",
                "family = 'segmentation'\nkind = 'jaccard'\nsmooth = 0\nactivation = 'none'\nignore_index = 255\n",
            )
            .tensors(
                "in.safetensors",
                &[
                    f64s("probabilities", &[1, 2, 4], &[1.0, 1.0, 0.0, 9.0, 0.0, 0.0, 1.0, 9.0]),
                    i64s("labels", &[1, 4], &labels),
                ],
            )
    };
    let answer = parsed(folder([0, 1, 1, 255]).run(&format!("{EVAL} --json")));
    assert_eq!(answer["unreduced"]["data"], json!([0.5, 0.5]));
    let wrong = "in.safetensors: jaccard: `labels` is 2 at [0, 1], allowed: 0 <= label < 2, or 255 (ignored)";
    error(&folder([0, 2, 1, 255]), EVAL, wrong);
}

#[test]
fn pairs_triplets_and_centers() {
    let loss = |kind: &str, fields: &str, tensors: &[Named]| {
        let config = format!("family = 'metric'\nkind = '{kind}'\n{fields}\n");
        Folder::new().file("loss.toml", config).tensors("in.safetensors", tensors)
    };
    let json = format!("{EVAL} --json");
    let pairs = loss(
        "contrastive",
        "margin = 2.0",
        &[
            f64s("first", &[2, 2], &[0.0; 4]),
            f64s("second", &[2, 2], &[3.0, 4.0, 0.0, 1.0]),
            f64s("dissimilar", &[2], &[0.0, 1.0]),
        ],
    );
    let answer = parsed(pairs.run(&json));
    assert_eq!((&answer["loss"], &answer["unreduced"]["data"]), (&json!(6.5), &json!([12.5, 0.5])));
    assert_eq!(answer["gradients"]["second"]["data"], json!([1.5, 2.0, 0.0, -0.5]));
    assert_eq!(answer["gradients"]["dissimilar"]["data"], json!([-6.25, 0.0]));

    let row = |name, x| f64s(name, &[1, 1], &[x]);
    let triplets = loss(
        "triplet",
        "margin = 1.0\nnormalize = false",
        &[row("anchors", 0.0), row("positives", 1.0), row("negatives", 1.5)],
    );
    let answer = parsed(triplets.run(&json));
    let gradient = |name: &str| answer["gradients"][name]["data"][0].as_f64().unwrap();
    assert_eq!(answer["loss"], 0.5);
    assert_eq!(["anchors", "positives", "negatives"].map(gradient), [0.0, 1.0, -1.0]);

    let given = |fields: &str| {
        let tensors = [
            f64s("embeddings", &[1, 2], &[3.0, 4.0]),
            i64s("labels", &[1], &[1]),
            f64s("centers", &[2, 2], &[0.0, 0.0, 3.0, 2.0]),
        ];
        parsed(loss("center", &format!("num_classes = 2\nembedding_dim = 2\n{fields}"), &tensors).run(&json))
    };
    assert_eq!((&given("")["loss"], &given("")["gradients"]["centers"]), (&json!(2.0), &Value::Null));
    let learned = given("update = 'gradient'");
    assert_eq!(learned["gradients"]["centers"]["data"], json!([0.0, 0.0, 0.0, -2.0]));
}

/// The classes are shared by all rows, or differ from row to row.
#[test]
fn classes_that_all_rows_share() {
    let head = |sampled: Named| {
        let config = "family = 'heads'\nkind = 'negative_sampling'\nnum_classes = 4\nembedding_dim = 1";
        let tensors = [
            f64s("embeddings", &[2, 1], &[1.0, -2.0]),
            f64s("weight", &[4, 1], &[0.5, -1.0, 2.0, 0.25]),
            i64s("labels", &[2], &[0, 3]),
            sampled,
        ];
        Folder::new().file("loss.toml", config).tensors("in.safetensors", &tensors)
    };
    let json = format!("{EVAL} --json");
    let shared = parsed(head(i64s("sampled", &[2], &[1, 2])).run(&json));
    assert_eq!(shared, parsed(head(i64s("sampled", &[2, 2], &[1, 2, 1, 2])).run(&json)));
    assert_ne!(shared["loss"], parsed(head(i64s("sampled", &[2, 2], &[1, 2, 2, 2])).run(&json))["loss"]);
    let wrong = "in.safetensors: negative_sampling: `sampled` is 4 at [1], allowed: 0 <= label < 4";
    error(&head(i64s("sampled", &[2], &[1, 4])), EVAL, wrong);
}

/// A label is checked whatever the name of the first argument is.
#[test]
fn a_label_beside_logits_in_place_of_log_probabilities() {
    let folder =
        Folder::new().file("loss.toml", "family = 'distribution'\nkind = 'distillation'\nhard_weight = 0.5\n").tensors(
            "in.safetensors",
            &[f64s("logits", &[1, 2], &[3.0, 3.0]), f64s("targets", &[1, 2], &[0.5, 0.5]), i64s("labels", &[1], &[2])],
        );
    error(&folder, EVAL, "in.safetensors: distillation: `labels` is 2 at [0], allowed: 0 <= label < 2");
}
