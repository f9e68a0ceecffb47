//! `eval`

use crate::{Answer, Folder, Named, answer};
use half::f16;
use safetensors::Dtype;
use serde_json::{Value, json};

pub(crate) fn bytes<const N: usize, T: Copy>(numbers: &[T], to_bytes: fn(T) -> [u8; N]) -> Vec<u8> {
    numbers.iter().flat_map(|number| to_bytes(*number)).collect()
}

pub(crate) fn f64s<'a>(name: &'a str, shape: &[usize], numbers: &[f64]) -> Named<'a> {
    (name, Dtype::F64, shape.to_vec(), bytes(numbers, f64::to_le_bytes))
}

pub(crate) fn i64s<'a>(name: &'a str, shape: &[usize], numbers: &[i64]) -> Named<'a> {
    (name, Dtype::I64, shape.to_vec(), bytes(numbers, i64::to_le_bytes))
}

pub(crate) fn huber() -> Folder {
    Folder::new()
        .file("loss.toml", "family = 'regression'\nkind = 'huber'\n")
        .tensors("in.safetensors", &[f64s("predictions", &[1, 2], &[0.5, 3.0]), f64s("targets", &[1, 2], &[0.0; 2])])
}

pub(crate) fn cross_entropy(config: &str, tensors: &[Named]) -> Folder {
    Folder::new()
        .file("loss.toml", format!("family = 'classification'\nkind = 'cross_entropy'\n{config}\n"))
        .tensors("in.safetensors", tensors)
}

fn labeled(config: &str, labels: &[i64]) -> Folder {
    cross_entropy(config, &[f64s("logits", &[2, 3], &[0.0; 6]), i64s("labels", &[2], labels)])
}

pub(crate) const EVAL: &str = "eval --config loss.toml --input in.safetensors";

pub(crate) fn parsed(answer: Answer) -> Value {
    answer.json()
}

/// Asserts that the command ends with this error; a hint may follow.
pub(crate) fn error(folder: &Folder, arguments: &str, message: &str) {
    let answer = folder.run(arguments);
    assert_eq!((answer.code, answer.stdout.as_str()), (Some(2), ""), "{}", answer.stderr);
    assert_eq!(answer.stderr.split("hint: ").next(), Some(format!("error: {message}\n").as_str()));
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
    let text = folder.run("eval --config loss.json --input in.safetensors --dtype f32").text();
    assert!(text.contains("gradient of predictions [1]:\n  0.2\n"), "{text}");
}

#[test]
fn the_loss_of_a_training_run() {
    let folder = huber().file("run.toml", "epochs = 3\n[loss]\nkind = 'huber'\ndelta = 4\n");
    let answer = folder.run("eval --config run.toml --at loss --family regression --input in.safetensors --json");
    assert_eq!(parsed(answer)["unreduced"]["data"], json!([0.125, 4.5]));
}

#[test]
fn a_bad_config_is_an_error() {
    let folder = huber().file("loss.toml", "family = 'regression'\nkind = 'huber'\ndelta = -1.0\n");
    error(&folder, EVAL, "loss.toml:3: huber: `delta` is -1, allowed: a number > 0");
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
    for arguments in ["--device abacus", "--dtype f8", "--paint"] {
        let answer = huber().run(&format!("{EVAL} {arguments}"));
        assert_eq!((answer.code, answer.stdout.as_str()), (Some(2), ""));
    }
}

#[test]
fn a_large_tensor_is_shown_by_its_statistics() {
    let mut logits = vec![0.0; 300];
    logits[7] = f64::INFINITY;
    let tensors = [f64s("predictions", &[100, 3], &logits), f64s("targets", &[100, 3], &[1.0; 300])];
    let folder =
        Folder::new().file("loss.toml", "family = 'regression'\nkind = 'mae'\n").tensors("in.safetensors", &tensors);
    let text = folder.run(&format!("{EVAL} --unreduced")).text();
    let unreduced = "unreduced [100, 3]:\n  min 1, mean 1, max 1, norm 17.2916; 0 zero, 0 NaN, 1 infinite of 300\n";
    assert!(text.contains(unreduced), "{text}");
    let gradient = "gradient of predictions [100, 3]:\n  min -0.00333333, mean -0.00331111, max 0.00333333, \
                    norm 0.057735; 0 zero, 0 NaN, 0 infinite of 300\n";
    assert!(text.contains(gradient), "{text}");
    assert_eq!(text.lines().count(), 7, "{text}");
    assert!(folder.run(&format!("{EVAL} --full")).text().lines().count() > 200);
    assert_eq!(parsed(folder.run(&format!("{EVAL} --json")))["unreduced"]["data"].as_array().unwrap().len(), 300);
}

#[test]
fn results_are_written_into_a_file() {
    let folder = huber();
    let read = |folder: &Folder, name: &str| -> Vec<(String, Vec<f64>)> {
        let bytes = folder.read(name);
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let numbers = |bytes: &[u8]| bytes.chunks(8).map(|x| f64::from_le_bytes(x.try_into().unwrap())).collect();
        let mut all: Vec<_> = file.iter().map(|(name, view)| (name.to_owned(), numbers(view.data()))).collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all
    };
    assert_eq!(folder.run(&format!("{EVAL} --output out.safetensors")), folder.run(EVAL));
    let expected = [
        ("gradient.predictions", vec![0.25, 0.5]),
        ("gradient.targets", vec![-0.25, -0.5]),
        ("loss", vec![1.3125]),
        ("unreduced", vec![0.125, 2.5]),
    ];
    assert_eq!(read(&folder, "out.safetensors"), expected.map(|(name, numbers)| (name.to_owned(), numbers)));
    folder.run(&format!("{EVAL} --input in.safetensors --output two.safetensors")).text();
    let names: Vec<_> = read(&folder, "two.safetensors").into_iter().map(|(name, _)| name).collect();
    assert_eq!(names[..2], ["step1.gradient.predictions", "step1.gradient.targets"]);
    assert_eq!(names.len(), 8);
    let format = "the format is not known, allowed extension: `.safetensors`";
    error(&folder, &format!("{EVAL} --output out.npz"), &format!("out.npz: {format}"));
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

/// T85: a label out of range is an error under every name of the student's logits; nothing is printed, and the exit code
/// is that of an error.
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

#[test]
fn second_derivatives_as_json() {
    let expected = concat!(
        r#"{"loss":1.3125,"unreduced":{"shape":[1,2],"data":[0.125,2.5]},"#,
        r#""gradients":{"predictions":{"shape":[1,2],"data":[0.25,0.5]},"#,
        r#""targets":{"shape":[1,2],"data":[-0.25,-0.5]}},"#,
        r#""values":{"shape":[1,2],"data":[0.125,2.5]},"gradient":{"shape":[1,2],"data":[0.5,1.0]},"#,
        r#""curvature":{"shape":[1,2],"data":[1.0,0.0]}}"#,
        "\n"
    );
    assert_eq!(huber().run(&format!("{EVAL} --second-order")), answer(0, expected, ""));
    let curvature = |options: &str| {
        let answer = parsed(huber().run(&format!("{EVAL} --second-order {options}")));
        answer["curvature"]["data"].clone()
    };
    assert_eq!(curvature("--floor 0.25"), json!([1.0, 0.25]));
    assert_eq!(curvature("--curvature majorizer"), json!([1.0, 1.0]));
    assert_eq!(curvature("--curvature exact --floor 0"), json!([1.0, 0.0]));
}

#[test]
fn second_derivatives_of_classes_with_weights() {
    let tensors =
        [f64s("logits", &[2, 2], &[0.0; 4]), i64s("labels", &[2], &[0, 1]), f64s("weights", &[2], &[1.0, 4.0])];
    let folder = cross_entropy("", &tensors);
    let answer = parsed(folder.run(&format!("{EVAL} --second-order")));
    assert_eq!(answer["values"]["shape"], json!([2]));
    assert_eq!(answer["gradient"]["data"], json!([-0.5, 0.5, 2.0, -2.0]));
    assert_eq!(answer["curvature"]["data"], json!([0.25, 0.25, 1.0, 1.0]));
    let answer = parsed(folder.run(&format!("{EVAL} --second-order --curvature majorizer")));
    assert_eq!(answer["curvature"]["data"], json!([0.5, 0.5, 2.0, 2.0]));
}

#[test]
fn second_derivatives_that_do_not_exist_are_an_error() {
    let numbers = || [f64s("predictions", &[2], &[0.5, 3.0]), f64s("targets", &[2], &[0.0; 2])];
    let folder = |kind: &str| {
        let config = format!("family = 'regression'\nkind = '{kind}'\n");
        Folder::new().file("loss.toml", config).tensors("in.safetensors", &numbers())
    };
    let why = "the second derivative of this loss is 0 everywhere; allowed with a `floor` > 0";
    let message = format!("in.safetensors: mae: `curvature` is not supported: {why}");
    error(&folder("mae"), &format!("{EVAL} --second-order"), &message);
    let answer = parsed(folder("mae").run(&format!("{EVAL} --second-order --floor 0.5")));
    assert_eq!(answer["curvature"]["data"], json!([0.5, 0.5]));
    let answer = folder("huber").run(&format!("{EVAL} --second-order --curvature expected"));
    assert_eq!(answer.code, Some(2));
    assert!(answer.stderr.contains("allowed are `exact` and `majorizer`"), "{}", answer.stderr);

    for wrong in ["--floor -1", "--floor nan", "--curvature fisher"] {
        let answer = folder("huber").run(&format!("{EVAL} --second-order {wrong}"));
        assert_eq!((answer.code, answer.stdout.as_str()), (Some(2), ""), "{wrong}");
    }
    for alone in ["--floor 1", "--curvature exact"] {
        let answer = folder("huber").run(&format!("{EVAL} {alone}"));
        assert!(answer.code == Some(2) && answer.stderr.contains("--second-order"), "{alone}: {}", answer.stderr);
    }
}

#[test]
fn second_derivatives_come_before_the_step_of_a_loss_with_state() {
    let folder = Folder::new().file("loss.toml", "family = 'binary'\nkind = 'ghm_c'\nmomentum = 0.5\n").tensors(
        "in.safetensors",
        &[f64s("logits", &[4], &[2.0, -2.0, 1.5, 0.5]), f64s("targets", &[4], &[1.0, 0.0, 1.0, 0.0])],
    );
    let answer = parsed(folder.run(&format!("{EVAL} --second-order")));
    assert_eq!(answer["values"], answer["unreduced"]);
}
