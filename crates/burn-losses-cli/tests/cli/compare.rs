//! `compare`, and the script that compares with PyTorch

use crate::eval::{error, f64s, huber, i64s};
use crate::{Answer, Folder, answer};
use serde_json::json;
use std::env;
use std::path::Path;
use std::process::Command;

const COMPARE: &str = "compare --config loss.toml --input in.safetensors --expect there.safetensors";

fn expecting(loss: f64, gradient: [f64; 2]) -> Folder {
    huber()
        .tensors("there.safetensors", &[f64s("loss", &[], &[loss]), f64s("gradient.predictions", &[1, 2], &gradient)])
}

#[test]
fn what_agrees_is_exit_code_0() {
    let expected = "\
gradient.predictions  agrees   largest difference 0, relative 0
loss                  agrees   largest difference 0, relative 0
";
    assert_eq!(expecting(1.3125, [0.25, 0.5]).run(COMPARE), answer(0, expected, ""));
}

#[test]
fn what_differs_is_exit_code_1_and_says_where() {
    let expected = "\
gradient.predictions  differs  largest difference 0.5, relative 0.5; 1 of 2 differ, most at [0, 1]: 0.5 here, 1 there
loss                  agrees   largest difference 0, relative 0
";
    assert_eq!(expecting(1.3125, [0.25, 1.0]).run(COMPARE), answer(1, expected, ""));
}

#[test]
fn tolerances_decide() {
    let folder = expecting(1.3125 * (1.0 + 1e-4), [0.25, 0.5 + 1e-3]);
    assert_eq!(folder.run(COMPARE).code, Some(1));
    assert_eq!(folder.run(&format!("{COMPARE} --rtol 1e-3")).code, Some(1));
    assert_eq!(folder.run(&format!("{COMPARE} --rtol 1e-2")).code, Some(0));
    assert_eq!(folder.run(&format!("{COMPARE} --atol 1e-2 --rtol 0")).code, Some(0));
    assert_eq!(folder.run(&format!("{COMPARE} --rtol -1")).code, Some(2));
}

#[test]
fn nan_agrees_with_nan_alone() {
    let compare = |here: f64, there: f64| {
        let folder = Folder::new()
            .file("loss.toml", "family = 'regression'\nkind = 'mean_bias'\n")
            .tensors("in.safetensors", &[f64s("predictions", &[1], &[here]), f64s("targets", &[1], &[0.0])])
            .tensors("there.safetensors", &[f64s("unreduced", &[1], &[there])]);
        folder.run(COMPARE).code
    };
    let [nan, inf] = [f64::NAN, f64::INFINITY];
    assert_eq!([compare(nan, nan), compare(inf, inf), compare(1.0, 1.0)], [Some(0); 3]);
    assert_eq!(
        [compare(nan, 1.0), compare(1.0, nan), compare(inf, -inf), compare(1.0, inf), compare(inf, 1.0)],
        [Some(1); 5]
    );
}

#[test]
fn names_of_pytorch_beside_the_inputs() {
    let folder = Folder::new().file("loss.toml", "family = 'classification'\nkind = 'cross_entropy'\n").tensors(
        "both.safetensors",
        &[
            f64s("input", &[1, 2], &[0.0, 0.0]),
            i64s("target", &[1], &[1]),
            f64s("loss", &[1], &[2f64.ln()]),
            f64s("gradient.input", &[1, 2], &[0.5, -0.5]),
        ],
    );
    let names = "--rename input=logits --rename target=labels";
    let text = folder.run(&format!("compare --config loss.toml --input both.safetensors {names}")).text();
    assert!(text.starts_with("gradient.logits  agrees   largest difference"), "{text}");
    assert!(text.contains("\nloss             agrees   "), "{text}");
}

#[test]
fn json_has_the_differences() {
    let json = |folder: &Folder| -> serde_json::Value {
        serde_json::from_str(&folder.run(&format!("{COMPARE} --json")).stdout).unwrap()
    };
    let gradient = json!({
        "name": "gradient.predictions", "agrees": false, "differing": 1, "of": 2, "absolute": 0.5, "relative": 0.5,
        "index": [0, 1], "here": 0.5, "there": 1.0,
    });
    assert_eq!(json(&expecting(1.3125, [0.25, 1.0]))[0], gradient);
    assert_eq!(json(&expecting(f64::NAN, [0.25, 1.0]))[1]["there"], "nan");
}

#[test]
fn another_shape_differs() {
    let folder = huber().tensors("there.safetensors", &[f64s("unreduced", &[2, 2], &[0.125, 2.5, 0.0, 0.0])]);
    let expected = "unreduced  differs  shape [1, 2] here, [2, 2] there\n";
    assert_eq!(folder.run(COMPARE), answer(1, expected, ""));
    // Axes of size 1 make no difference.
    let folder = huber().tensors("there.safetensors", &[f64s("unreduced", &[2], &[0.125, 2.5])]);
    assert_eq!(folder.run(COMPARE).code, Some(0));
}

#[test]
fn nothing_to_compare_with_is_exit_code_2() {
    let names = "`gradient.predictions`, `gradient.targets`, `loss`, `unreduced`";
    let message = format!("in.safetensors: there is nothing to compare with, expected: {names}");
    error(&huber(), "compare --config loss.toml --input in.safetensors", &message);
    let folder = huber().tensors("there.safetensors", &[f64s("gradient.logits", &[1], &[0.0])]);
    error(&folder, COMPARE, &format!("there.safetensors: the loss has no `gradient.logits`, but: {names}"));
    let message = "1 --expect beside 2 --input: one for each is needed";
    error(&folder, &format!("{COMPARE} --input in.safetensors"), message);
}

/// A call of `reference/compare.py` with this command, by the Python of the golden values; `None` if that lacks PyTorch, or if the
/// package was unpacked outside its repository.
///
/// # Panics
/// With `BURN_LOSSES_REQUIRE_TORCH=1`, if Python lacks PyTorch.
fn script(folder: &Folder) -> Option<Command> {
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../reference");
    let script = reference.join("compare.py");
    if !script.exists() {
        return None;
    }
    let own = reference.join(".venv/bin/python");
    let python = if own.exists() { own.into() } else { env::var_os("PYTHON").unwrap_or_else(|| "python3".into()) };
    let probe = Command::new(&python).args(["-c", "import torch, safetensors.torch"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        let why = format!("{python:?} does not have PyTorch and safetensors, see reference/README.md");
        assert!(env::var("BURN_LOSSES_REQUIRE_TORCH").as_deref() != Ok("1"), "BURN_LOSSES_REQUIRE_TORCH=1, but {why}");
        eprintln!("\n*** SKIPPED: {why} ***\n");
        return None;
    }
    let mut command = Command::new(python);
    command.arg(script).args(["--command", env!("CARGO_BIN_EXE_burn-losses")]).current_dir(folder.0.path());
    Some(command)
}

#[test]
fn the_script_compares_with_a_loss_of_pytorch() {
    let folder = huber();
    let run = |arguments: &str| {
        let output = script(&folder)?.args(arguments.split_whitespace()).output().unwrap();
        Some(Answer::from(output))
    };
    let Some(same) = run("torch.nn.HuberLoss loss.toml in.safetensors") else { return };
    assert_eq!(same.code, Some(0), "{same:?}");
    for name in ["loss ", "gradient.predictions "] {
        assert!(same.stdout.lines().any(|line| line.starts_with(name) && line.contains(" agrees ")), "{same:?}");
    }
    // A function, with an argument of another value.
    let other = run("torch.nn.functional.huber_loss loss.toml in.safetensors --set delta=0.25").expect("PyTorch");
    assert_eq!(other.code, Some(1), "{other:?}");
    assert!(other.stdout.contains("loss  "), "{other:?}");
    // Options of `burn-losses compare` are passed on.
    let loose = run("torch.nn.HuberLoss loss.toml in.safetensors --set delta=1.5 --rtol 10").expect("PyTorch");
    assert_eq!(loose.code, Some(0), "{loose:?}");
    let unreduced = run("torch.nn.HuberLoss loss.toml in.safetensors --set reduction=none").expect("PyTorch");
    assert_eq!(unreduced.code, Some(1), "{unreduced:?}");
    assert!(unreduced.stderr.contains("set its reduction"), "{unreduced:?}");
}
