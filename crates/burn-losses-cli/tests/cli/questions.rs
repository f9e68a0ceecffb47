//! Questions of users, one test each: what they would type, and the answer.

use crate::eval::{f64s, i64s};
use crate::tensors::{labels as npy_labels, logits as npy_logits, npz};
use crate::{Answer, Folder};
use burn_losses::registry;

/// The answer on a terminal that is 80 columns wide.
fn on_a_terminal(arguments: &str) -> String {
    let answer: Answer = Folder::new().command(arguments).env("COLUMNS", "80").output().unwrap().into();
    answer.text()
}

/// The answer of `check` for one file.
fn checked(toml: &str) -> String {
    let answer = Folder::new().file("loss.toml", toml).run("check loss.toml");
    answer.stdout + &answer.stderr
}

#[test]
fn what_is_there() {
    let text = on_a_terminal("list");
    assert!(text.lines().count() <= registry().len() + 10, "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn what_is_in_a_family() {
    let text = on_a_terminal("list binary");
    assert!(text.lines().all(|line| line.starts_with("binary/")), "{text}");
    assert!(on_a_terminal("list binary --long").lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn what_is_focal() {
    assert_eq!(on_a_terminal("list focal").lines().count(), 2);
    let text = on_a_terminal("explain focal");
    assert!(text.contains("binary/focal\n") && text.contains("classification/focal\n"), "{text}");
    assert!(text.contains("gamma = 2.0\n"), "{text}");
}

#[test]
fn what_handles_class_imbalance() {
    let text = on_a_terminal("find class imbalance");
    assert!(text.contains("binary/focal\n") && text.contains("binary/balanced_bce\n"), "{text}");
}

#[test]
fn is_this_directory_right() {
    let folder = Folder::new()
        .file("configs/a.toml", "family = 'binary'\nkind = 'bce'\n")
        .file("configs/b/c.json", r#"{ "family": "boxes", "kind": "ciou" }"#);
    let text = folder.run("check configs").text();
    assert!(text.ends_with("2 right\n"), "{text}");
}

#[test]
fn are_the_files_of_my_training_runs_right() {
    let run = |kind: &str| format!("epochs = 3\n[loss]\nkind = '{kind}'\n");
    let folder = Folder::new()
        .file("runs/boxes/a.toml", run("ciou"))
        .file("runs/regression/b.toml", run("huber"))
        .file("runs/margins/c.toml", format!("{}num_classes = 10\nembedding_dim = 8\n", run("arcface")));
    let text = folder.run("check runs --at loss").text();
    assert!(text.contains("a.toml: boxes/ciou") && text.contains("b.toml: regression/huber"), "{text}");
    assert!(text.ends_with("3 right\n"), "{text}");
    let folder = folder.file("runs/d.toml", run("focal"));
    let answer = folder.run("check runs --at loss");
    assert!(answer.stderr.contains("`--family binary`, `--family classification`"), "{}", answer.stderr);
}

#[test]
fn is_my_joint_loss_right() {
    let joint = "[terms.a]\nfamily = 'regression'\nkind = 'huber'\n[terms.b]\nfamily = 'regularization'\nkind = 'l2'\n";
    assert_eq!(checked(joint), "OK loss.toml: joint of `a`, `b`\n");
    assert!(checked(&joint.replace("huber", "hubert")).contains("did you mean `huber`?"));
    assert!(Folder::new().run("schema joint").json()["properties"]["terms"].is_object());
}

#[test]
fn i_mistyped_it() {
    assert!(checked("family = 'binary'\nkind = 'focal'\ngama = 1\n").contains("did you mean `gamma`?"));
    for kind in ["focl", "FocalLoss", "focal-loss"] {
        let answer = checked(&format!("family = 'binary'\nkind = '{kind}'\n"));
        assert!(answer.contains("did you mean `focal`?"), "{answer}");
    }
    let answer = checked("family = 'binary'\nkind = 'BCEWithLogitsLoss'\n");
    assert!(answer.contains("did you mean `bce`?"), "{answer}");
}

#[test]
fn i_forgot_the_quotes() {
    let answer = checked("family = 'binary'\nkind = focal\n");
    assert!(answer.starts_with("loss.toml:2: ") && answer.contains("a word stands in quotes: \"focal\""), "{answer}");
}

#[test]
fn i_want_no_reduction() {
    let answer = checked("family = 'binary'\nkind = 'focal'\nreduction = 'none'\n");
    assert!(answer.starts_with("loss.toml:3: ") && answer.contains("`forward_no_reduction`"), "{answer}");
}

#[test]
fn label_smoothing_is_a_number_for_me() {
    let toml = "family = 'classification'\nkind = 'cross_entropy'\nlabel_smoothing = 0.1\n";
    assert_eq!(checked(toml), "OK loss.toml: classification/cross_entropy\n");
}

fn batch(rows: usize) -> Folder {
    let logits: Vec<f64> = (0..rows * 80).map(|at| (at % 7) as f64 - 3.0).collect();
    let labels: Vec<i64> = (0..rows as i64).map(|row| row % 80).collect();
    Folder::new()
        .file("loss.toml", "family = 'classification'\nkind = 'cross_entropy'\n")
        .tensors("in.safetensors", &[f64s("input", &[rows, 80], &logits), i64s("target", &[rows], &labels)])
}

const NAMES: &str = "--config loss.toml --input in.safetensors --rename input=logits --rename target=labels";

#[test]
fn does_it_agree_with_pytorch() {
    let folder = batch(4);
    // The expected values are the computed ones, except for one number.
    folder.run(&format!("eval {NAMES} --output there.safetensors")).text();
    let same = folder.run(&format!("compare {NAMES} --expect there.safetensors --rtol 1e-6")).text();
    assert!(same.contains("gradient.logits  agrees"), "{same}");
    let folder = folder.tensors("other.safetensors", &[f64s("loss", &[1], &[1.0])]);
    let other = folder.run(&format!("compare {NAMES} --expect other.safetensors --rtol 1e-6"));
    assert!(other.code == Some(1) && other.stdout.starts_with("loss  differs"), "{}", other.stdout);
}

#[test]
fn my_batch_comes_from_numpy() {
    let folder = Folder::new()
        .file("loss.toml", "family = 'classification'\nkind = 'cross_entropy'\n")
        .file("batch.npz", npz(&[("input.npy", npy_logits()), ("target.npy", npy_labels())], true));
    let names = "--rename input=logits --rename target=labels";
    let loss = folder.run(&format!("eval --config loss.toml --input batch.npz {names} --json")).json()["loss"].as_f64();
    // Of the logits 0, 1, 2 with the label 0, and of 3, 4, 5 with the label 2.
    let expected = (1.0 + 1f64.exp() + 2f64.exp()).ln() - 1.0;
    assert!((loss.unwrap() - expected).abs() < 1e-12, "{loss:?}");
}

#[test]
fn what_is_the_value_of_a_real_batch() {
    let folder = batch(1000);
    let text = folder.run(&format!("eval {NAMES}")).text();
    assert!(text.lines().count() <= 5, "{text}");
    assert!(text.contains("gradient of logits [1000, 80]:\n  min -"), "{text}");
    folder.run(&format!("eval {NAMES} --output out.safetensors")).text();
    let bytes = folder.read("out.safetensors");
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(file.tensor("gradient.logits").unwrap().shape(), [1000, 80]);
}

#[test]
fn how_does_it_change_with_gamma() {
    let folder = Folder::new();
    assert_eq!(folder.run("plot binary/focal --set gamma=0,1,2,5").text(), "focal.svg\n");
    assert!(folder.read("focal.svg").starts_with(b"<svg"));
}

#[test]
fn a_file_to_begin_with_and_the_same_as_yaml() {
    let folder = Folder::new();
    let file = folder.run("init binary/focal").text();
    let folder = folder.file("loss.toml", file);
    assert_eq!(folder.run("convert loss.toml loss.yaml").text(), "loss.yaml\n");
    assert_eq!(
        folder.run("check loss.toml loss.yaml").text(),
        "OK loss.toml: binary/focal\nOK loss.yaml: binary/focal\n"
    );
}

#[test]
fn my_editor_shall_know_the_files() {
    let folder = Folder::new();
    let settings = folder.run("schema --output-dir schema --vscode").json();
    assert!(settings["evenBetterToml.schema.associations"].is_object(), "{settings}");
}
