//! `eval`

use crate::{Answer, Folder, Named, answer};
use half::f16;
use safetensors::Dtype;
use serde_json::{Value, json};

fn bytes<const N: usize, T: Copy>(numbers: &[T], to_bytes: fn(T) -> [u8; N]) -> Vec<u8> {
    numbers.iter().flat_map(|number| to_bytes(*number)).collect()
}

pub(crate) fn f64s<'a>(name: &'a str, shape: &[usize], numbers: &[f64]) -> Named<'a> {
    (name, Dtype::F64, shape.to_vec(), bytes(numbers, f64::to_le_bytes))
}

pub(crate) fn i64s<'a>(name: &'a str, shape: &[usize], numbers: &[i64]) -> Named<'a> {
    (name, Dtype::I64, shape.to_vec(), bytes(numbers, i64::to_le_bytes))
}

fn huber() -> Folder {
    Folder::new()
        .file("loss.toml", "family = 'regression'\nkind = 'huber'\n")
        .tensors("in.safetensors", &[f64s("predictions", &[1, 2], &[0.5, 3.0]), f64s("targets", &[1, 2], &[0.0; 2])])
}

fn cross_entropy(config: &str, tensors: &[Named]) -> Folder {
    Folder::new()
        .file("loss.toml", format!("family = 'classification'\nkind = 'cross_entropy'\n{config}\n"))
        .tensors("in.safetensors", tensors)
}

fn labeled(config: &str, labels: &[i64]) -> Folder {
    cross_entropy(config, &[f64s("logits", &[2, 3], &[0.0; 6]), i64s("labels", &[2], labels)])
}

const EVAL: &str = "eval --config loss.toml --input in.safetensors";

fn parsed(answer: Answer) -> Value {
    assert_eq!((answer.code, answer.stderr.as_str()), (Some(0), ""));
    serde_json::from_str(&answer.stdout).unwrap()
}

fn error(folder: &Folder, arguments: &str, message: &str) {
    assert_eq!(folder.run(arguments), answer(2, "", &format!("error: {message}\n")));
}

#[test]
fn the_whole_answer_as_json() {
    let expected = concat!(
        r#"{"loss":1.3125,"unreduced":{"shape":[1,2],"data":[0.125,2.5]},"#,
        r#""gradients":{"predictions":{"shape":[1,2],"data":[0.25,0.5]},"#,
        r#""targets":{"shape":[1,2],"data":[-0.25,-0.5]}}}"#,
        "\n"
    );
    assert_eq!(huber().run(&format!("{EVAL} --json")), answer(0, expected, ""));
}

#[test]
fn the_whole_answer_as_text() {
    let (loss, unreduced) = ("loss: 1.3125\n", "unreduced [1, 2]:\n  0.125 2.5\n");
    let gradients = "gradient of predictions [1, 2]:\n  0.25 0.5\ngradient of targets [1, 2]:\n  -0.25 -0.5\n";
    assert_eq!(huber().run(EVAL), answer(0, &format!("{loss}{gradients}"), ""));
    assert_eq!(huber().run(&format!("{EVAL} --unreduced")), answer(0, &format!("{loss}{unreduced}{gradients}"), ""));
}

#[test]
fn several_inputs_are_steps_of_one_loss() {
    let folder = Folder::new().file("loss.toml", "family = 'binary'\nkind = 'ghm_c'\nmomentum = 0.5\n");
    let step = |name: &str, folder: Folder, logits: &[f64]| {
        folder.tensors(name, &[f64s("logits", &[4], logits), f64s("targets", &[4], &[1.0, 0.0, 1.0, 0.0])])
    };
    let folder = step("a.safetensors", folder, &[2.0, -2.0, 1.5, 0.5]);
    let folder = step("b.safetensors", folder, &[0.0, -4.0, -3.0, 1.0]);
    let [a, b, ab] = ["a", "b", "a.safetensors --input b"]
        .map(|inputs| parsed(folder.run(&format!("eval --config loss.toml --input {inputs}.safetensors --json"))));
    assert_eq!(ab.as_array().unwrap().len(), 2);
    assert_eq!(ab[0], a);
    assert_ne!(ab[1]["loss"], b["loss"]);

    let text = folder.run("eval --config loss.toml --input a.safetensors --input b.safetensors").stdout;
    assert!(text.starts_with("a.safetensors\nloss: "), "{text}");
    assert!(text.contains("\n\nb.safetensors\nloss: "), "{text}");
}

#[test]
fn numbers_that_are_not_finite_are_strings() {
    let folder = |kind: &str, prediction: f64| {
        Folder::new()
            .file("loss.toml", format!("family = 'regression'\nkind = '{kind}'\n"))
            .tensors("in.safetensors", &[f64s("predictions", &[1], &[prediction]), f64s("targets", &[1], &[0.0])])
    };
    let run = |kind, prediction, dtype| {
        parsed(folder(kind, prediction).run(&format!("{EVAL} --json --dtype {dtype}")))["unreduced"].clone()
    };
    assert_eq!(run("mse", 1e200, "f64"), json!({"shape": [1], "data": ["inf"]}));
    assert_eq!(run("mse", f64::NAN, "f64"), json!({"shape": [1], "data": ["nan"]}));
    assert_eq!(run("mean_bias", f64::NEG_INFINITY, "f64"), json!({"shape": [1], "data": ["-inf"]}));
    assert_eq!(run("mse", 1e200, "f32"), json!({"shape": [1], "data": ["inf"]}));

    let text = folder("mse", 1e200).run(EVAL).stdout;
    assert!(text.starts_with("loss: inf\n"), "{text}");
    assert_eq!(parsed(folder("mse", 1e200).run(&format!("{EVAL} --json")))["loss"], "inf");
}

#[test]
fn float_types_of_the_computation() {
    let folder = Folder::new()
        .file("loss.json", r#"{"family": "regression", "kind": "mse"}"#)
        .tensors("in.safetensors", &[f64s("predictions", &[1], &[0.1]), f64s("targets", &[1], &[0.0])]);
    for (dtype, prediction) in [("f64", 0.1), ("f32", f64::from(0.1_f32)), ("f16", f16::from_f64(0.1).to_f64())] {
        let answer =
            parsed(folder.run(&format!("eval --config loss.json --input in.safetensors --json --dtype {dtype}")));
        assert_eq!(answer["gradients"]["predictions"]["data"][0], 2.0 * prediction, "{dtype}");
    }
    let text = folder.run("eval --config loss.json --input in.safetensors --dtype f32").stdout;
    assert!(text.contains("gradient of predictions [1]:\n  0.2\n"), "{text}");
}

#[test]
fn types_of_the_file() {
    let floats: [(Dtype, Vec<u8>); 4] = [
        (Dtype::F64, bytes(&[0.5, 3.0], f64::to_le_bytes)),
        (Dtype::F32, bytes(&[0.5, 3.0], f32::to_le_bytes)),
        (Dtype::F16, bytes(&[f16::from_f32(0.5), f16::from_f32(3.0)], f16::to_le_bytes)),
        (Dtype::BF16, bytes(&[half::bf16::from_f32(0.5), half::bf16::from_f32(3.0)], half::bf16::to_le_bytes)),
    ];
    for (dtype, bytes) in floats {
        let tensors = [("predictions", dtype, vec![2], bytes), f64s("targets", &[2], &[0.0; 2])];
        assert_eq!(parsed(huber().tensors("in.safetensors", &tensors).run(&format!("{EVAL} --json")))["loss"], 1.3125);
    }
    let integers: [(Dtype, Vec<u8>); 8] = [
        (Dtype::I64, bytes(&[0, 2], i64::to_le_bytes)),
        (Dtype::I32, bytes(&[0, 2], i32::to_le_bytes)),
        (Dtype::I16, bytes(&[0, 2], i16::to_le_bytes)),
        (Dtype::I8, bytes(&[0, 2], i8::to_le_bytes)),
        (Dtype::U64, bytes(&[0, 2], u64::to_le_bytes)),
        (Dtype::U32, bytes(&[0, 2], u32::to_le_bytes)),
        (Dtype::U16, bytes(&[0, 2], u16::to_le_bytes)),
        (Dtype::U8, vec![0, 2]),
    ];
    for (dtype, bytes) in integers {
        let tensors = [f64s("logits", &[2, 3], &[0.0; 6]), ("labels", dtype, vec![2], bytes)];
        let loss = parsed(cross_entropy("", &tensors).run(&format!("{EVAL} --json")))["loss"].as_f64().unwrap();
        assert!((loss - 3_f64.ln()).abs() < 1e-15, "{dtype:?}: {loss}");
    }
}

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
fn the_loss_of_a_training_run() {
    let folder = huber().file("run.toml", "epochs = 3\n[loss]\nkind = 'huber'\ndelta = 4\n");
    let answer = folder.run("eval --config run.toml --at loss --family regression --input in.safetensors --json");
    assert_eq!(parsed(answer)["unreduced"]["data"], json!([0.125, 4.5]));
}

#[test]
fn boxes_in_a_format() {
    let folder = Folder::new()
        .file("loss.toml", "family = 'boxes'\nkind = 'giou'\nformat = 'xywh'\n")
        // Disjoint: a third of the enclosing box is empty.
        .tensors(
            "in.safetensors",
            &[f64s("predictions", &[1, 4], &[0.0, 0.0, 1.0, 1.0]), f64s("targets", &[1, 4], &[2.0, 0.0, 1.0, 1.0])],
        );
    let answer = parsed(folder.run(&format!("{EVAL} --json")));
    assert!((answer["loss"].as_f64().unwrap() - 4.0 / 3.0).abs() < 1e-12);
}

/// A tensor `logits` says what it is; `log_probabilities` are taken as they are.
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
    let error_of = "in.safetensors: cross_entropy: tensor `log_probabilities` is missing, expected: `log_probabilities`, `targets`, `weights`, `mask`";
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

/// The same classes for every row, or other ones for each.
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

/// A label is looked at whatever the name of the first argument.
#[test]
fn a_label_beside_logits_in_place_of_log_probabilities() {
    let folder =
        Folder::new().file("loss.toml", "family = 'distribution'\nkind = 'distillation'\nhard_weight = 0.5\n").tensors(
            "in.safetensors",
            &[f64s("logits", &[1, 2], &[3.0, 3.0]), f64s("targets", &[1, 2], &[0.5, 0.5]), i64s("labels", &[1], &[2])],
        );
    error(&folder, EVAL, "in.safetensors: distillation: `labels` is 2 at [0], allowed: 0 <= label < 2");
}

#[test]
fn a_bad_config_is_an_error() {
    let folder = huber().file("loss.toml", "family = 'regression'\nkind = 'huber'\ndelta = -1.0\n");
    error(&folder, EVAL, "loss.toml:3: huber: `delta` is -1, allowed: a number > 0");
}

#[test]
fn a_bad_file_is_an_error() {
    let folder = huber();
    let eval = |file: &str| format!("eval --config loss.toml --input {file}");
    error(&folder, &eval("none.safetensors"), "none.safetensors: No such file or directory (os error 2)");
    error(&folder, &eval("loss.toml"), "loss.toml: not a safetensors file: header too large");
    let folder = folder.tensors("f8.safetensors", &[("predictions", Dtype::F8_E4M3, vec![1], vec![0])]);
    let allowed = "F64, F32, F16, BF16, I64 to I8, U64 to U8, BOOL";
    let message = format!("f8.safetensors: tensor `predictions` has type F8_E4M3, allowed: {allowed}");
    error(&folder, &eval("f8.safetensors"), &message);
}

#[test]
fn tensors_that_do_not_fit_are_an_error() {
    let predictions = || f64s("predictions", &[2], &[0.5, 3.0]);
    let targets = || f64s("targets", &[2], &[0.0; 2]);
    let names = "expected: `predictions`, `targets`, `weights`, `mask`";
    let cases = [
        (vec![predictions()], format!("huber: tensor `targets` is missing, {names}")),
        (
            vec![predictions(), targets(), f64s("bias", &[1], &[1.0])],
            format!("huber: tensor `bias` is not an argument of this loss, {names}"),
        ),
        (
            vec![predictions(), f64s("targets", &[3], &[0.0; 3])],
            "huber: `targets` has shape [3], expected [2] (that of `predictions`)".to_owned(),
        ),
        (
            vec![predictions(), f64s("targets", &[2, 1], &[0.0; 2])],
            "huber: `targets` has shape [2, 1], expected [2] (that of `predictions`)".to_owned(),
        ),
        (
            vec![i64s("predictions", &[2], &[0, 1]), targets()],
            "huber: `predictions` has type I64, expected a float type".to_owned(),
        ),
        (
            vec![predictions(), targets(), f64s("weights", &[2, 1], &[1.0; 2])],
            "huber: `weights` has shape [2, 1], expected [2] (one weight per value)".to_owned(),
        ),
    ];
    for (tensors, message) in cases {
        let folder = huber().tensors("in.safetensors", &tensors);
        error(&folder, EVAL, &format!("in.safetensors: {message}"));
    }
}

#[test]
fn a_label_out_of_range_is_an_error() {
    let labels = "in.safetensors: cross_entropy: `labels` is";
    error(&labeled("", &[2, 3]), EVAL, &format!("{labels} 3 at [1], allowed: 0 <= label < 3"));
    error(&labeled("", &[-1, 0]), EVAL, &format!("{labels} -1 at [0], allowed: 0 <= label < 3"));
    let ignored = "ignore_index = 255";
    error(&labeled(ignored, &[255, 7]), EVAL, &format!("{labels} 7 at [1], allowed: 0 <= label < 3, or 255 (ignored)"));
    assert_eq!(
        parsed(labeled(ignored, &[255, 1]).run(&format!("{EVAL} --json")))["gradients"]["logits"]["data"][0],
        0.0
    );
}

#[test]
fn a_label_beyond_what_burn_holds_is_an_error() {
    let labels = ("labels", Dtype::U64, vec![2], bytes(&[u64::MAX, 0], u64::to_le_bytes));
    let folder = cross_entropy("", &[f64s("logits", &[2, 3], &[0.0; 6]), labels]);
    let text = "in.safetensors: cross_entropy: `labels` is 18446744073709551615 at [0], allowed: 0 <= label < 3";
    error(&folder, EVAL, text);
}

#[test]
fn a_wrong_option_is_an_error() {
    for arguments in ["--device abacus", "--dtype f8", "--color"] {
        let answer = huber().run(&format!("{EVAL} {arguments}"));
        assert_eq!((answer.code, answer.stdout.as_str()), (Some(2), ""));
    }
}

#[cfg(feature = "ndarray")]
#[test]
fn ndarray_computes_the_same_and_has_no_half_precision() {
    assert_eq!(huber().run(&format!("{EVAL} --device ndarray")), huber().run(EVAL));
    let message = "device `ndarray` has no `f16`, allowed: `f64`, `f32`";
    error(&huber(), &format!("{EVAL} --device ndarray --dtype f16"), message);
}

#[cfg(feature = "wgpu")]
#[test]
fn wgpu_computes_the_same_where_there_is_an_adapter() {
    let gpu = huber().run(&format!("{EVAL} --device wgpu --dtype f32"));
    if gpu.stderr == "error: device `wgpu`: this machine has no graphics adapter\n" {
        assert_eq!(gpu.code, Some(2));
        return;
    }
    assert_eq!(gpu, huber().run(&format!("{EVAL} --dtype f32")));
}

#[cfg(not(feature = "wgpu"))]
#[test]
fn a_device_that_is_not_compiled_in_is_an_error() {
    let message = "device `wgpu` is not compiled in: build with `--features wgpu`";
    error(&huber(), &format!("{EVAL} --device wgpu"), message);
}

/// T85: a label that is out of range is an error under every name of the student's logits; nothing is printed, and the exit code says so.
#[test]
fn t85_a_label_that_is_no_class_is_found_under_every_name() {
    let config = "family = 'distribution'\nkind = 'distillation'\nhard_weight = 0.5\n";
    for name in ["logits", "log_probabilities"] {
        let folder = Folder::new().file("loss.toml", config).tensors(
            "in.safetensors",
            &[
                f64s(name, &[1, 2], &[0.5f64.ln(); 2]),
                f64s("targets", &[1, 2], &[0.5; 2]),
                i64s("labels", &[1], &[-100]),
            ],
        );
        error(&folder, EVAL, "in.safetensors: distillation: `labels` is -100 at [0], allowed: 0 <= label < 2");
    }
}
