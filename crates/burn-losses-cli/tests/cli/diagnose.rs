//! `diagnose`

use crate::eval::{f64s, i64s};
use crate::{Folder, answer};
use serde_json::{Value, json};

const DIAGNOSE: &str = "diagnose --config loss.toml --input in.safetensors";

fn labeled(labels: &[i64]) -> Folder {
    let logits = [0.5, f64::NAN, 2.0, 0.25, -1.0, 3.0];
    Folder::new()
        .file("loss.toml", "family = 'classification'\nkind = 'cross_entropy'\n")
        .tensors("in.safetensors", &[f64s("logits", &[2, 3], &logits), i64s("labels", &[2], labels)])
}

fn regression(predictions: &[f64], weights: &[f64]) -> Folder {
    Folder::new().file("loss.toml", "family = 'regression'\nkind = 'mse'\n").tensors(
        "in.safetensors",
        &[f64s("predictions", &[2], predictions), f64s("targets", &[2], &[0.0; 2]), f64s("weights", &[2], weights)],
    )
}

#[test]
fn a_table_and_exit_code_1() {
    let expected = "\
in.safetensors: cross_entropy: 2 errors
 severity  argument          first at    how many      what
 error     logits            [0, 1]      1 of 6        NaN
 error     labels            [1]         1 of 2        3 is out of range, allowed: 0 <= label < 3;
                                                       labels that begin at 1? Subtract 1
";
    assert_eq!(labeled(&[1, 3]).run(DIAGNOSE), answer(1, expected, ""));
}

#[test]
fn nothing_and_warnings_are_exit_code_0() {
    let clean = regression(&[0.5, 1.0], &[1.0, 1.0]);
    assert_eq!(clean.run(DIAGNOSE), answer(0, "in.safetensors: mse: nothing found\n", ""));
    let warned = regression(&[0.5, 1.0], &[0.0, 0.0]).run(DIAGNOSE);
    assert_eq!(warned.code, Some(0));
    assert!(warned.stdout.starts_with("in.safetensors: mse: 1 warning\n"), "{}", warned.stdout);
}

#[test]
fn json_of_one_input_and_of_several() {
    let folder = labeled(&[1, 0]);
    let answer = folder.run(&format!("{DIAGNOSE} --json"));
    let finding = json!({
        "severity": "error", "argument": "logits", "index": [0, 1], "count": 1, "of": 6, "problem": { "kind": "nan" },
        "advice": "", "message": "NaN",
    });
    let one = json!({ "loss": "cross_entropy", "findings": [finding] });
    assert_eq!((answer.code, serde_json::from_str::<Value>(&answer.stdout).unwrap()), (Some(1), one.clone()));
    let answer = folder.run(&format!("{DIAGNOSE} --input in.safetensors --json"));
    assert_eq!(serde_json::from_str::<Value>(&answer.stdout).unwrap(), json!([one, one]));
}

#[test]
fn what_the_loss_refuses_is_a_finding() {
    let folder = labeled(&[1, 0]).file("loss.toml", "family = 'binary'\nkind = 'bce'\n");
    let answer = folder.run(DIAGNOSE);
    assert_eq!((answer.code, answer.stderr.as_str()), (Some(1), ""));
    let line = "bce: tensor `labels` is not an argument";
    assert!(answer.stdout.contains(line), "{}", answer.stdout);
}

#[test]
fn files_that_cannot_be_read_are_exit_code_2() {
    let folder = labeled(&[1, 0]).file("bad.toml", "family = 'binary'\nkind = 'bcee'\n").file("bad.safetensors", "");
    let config = folder.run("diagnose --config bad.toml --input in.safetensors");
    assert_eq!((config.code, config.stdout.as_str()), (Some(2), ""));
    assert!(config.stderr.starts_with("error: bad.toml:2: unknown kind `bcee`"), "{}", config.stderr);
    let input = folder.run("diagnose --config loss.toml --input bad.safetensors");
    assert!(input.stderr.starts_with("error: bad.safetensors: not a safetensors file"), "{}", input.stderr);
    assert_eq!(input.code, Some(2));
}
