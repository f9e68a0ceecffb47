//! `convert`

use crate::{Folder, answer};
use burn_losses::LossConfig;
use burn_losses::composition::JointLossConfig;
use burn_losses::config::load;

const TOML: &str =
    "family = 'classification'\nkind = 'cross_entropy'\nlabel_smoothing = { epsilon = 0.1 }\nignore_index = 255\n";

#[test]
fn every_format_into_every_other() {
    let folder = Folder::new().file("a.toml", TOML);
    for (from, to) in [("a.toml", "b.yaml"), ("b.yaml", "c.json"), ("c.json", "d.toml"), ("d.toml", "e.json")] {
        assert_eq!(folder.run(&format!("convert {from} {to}")), answer(0, &format!("{to}\n"), ""));
        let read = |name: &str| load::<LossConfig>(folder.0.path().join(name)).unwrap();
        assert_eq!(read("a.toml"), read(to), "{to}");
        // The result has only the keys that the file has.
        let text = String::from_utf8(folder.read(to)).unwrap();
        assert!(text.contains("epsilon") && !text.contains("reduction"), "{text}");
    }
}

#[test]
fn to_stdout_and_nothing_is_none_in_toml() {
    let folder =
        Folder::new().file("a.json", r#"{ "$schema": "x", "family": "binary", "kind": "focal", "alpha": null }"#);
    let expected = "family = \"binary\"\nkind = \"focal\"\nalpha = \"none\"\n";
    assert_eq!(folder.run("convert a.json --format toml"), answer(0, expected, ""));
}

#[test]
fn joint_losses_too() {
    let toml = "[terms.a]\nfamily = 'regression'\nkind = 'huber'\nweight = 0.5\n[terms.b]\n";
    let folder = Folder::new().file("a.toml", toml);
    assert_eq!(folder.run("convert a.toml b.yaml").code, Some(0));
    let read = |name: &str| JointLossConfig::load(folder.0.path().join(name)).unwrap();
    assert_eq!(read("a.toml"), read("b.yaml"));
}

#[test]
fn what_is_wrong_is_not_converted() {
    let folder =
        Folder::new().file("a.toml", "family = 'regression'\nkind = 'huber'\ndelta = -1\n").file("b.toml", TOML);
    let wrong = "error: a.toml:3: huber: `delta` is -1, allowed: a number > 0\n";
    assert_eq!(folder.run("convert a.toml b.yaml"), answer(2, "", wrong));
    let unknown = "error: b.txt: the format is not known, allowed extensions: `.json`, `.toml`, `.yaml`, `.yml`\n";
    assert_eq!(folder.run("convert b.toml b.txt"), answer(2, "", unknown));
    assert!(!folder.0.path().join("b.txt").exists());
}

#[test]
fn stdin_is_a_file_too() {
    let (folder, json) = (Folder::new(), r#"{ "family": "binary", "kind": "focal", "gamma": 1.0 }"#);
    let toml = "family = \"binary\"\nkind = \"focal\"\ngamma = 1.0\n";
    assert_eq!(folder.run_with("convert - --format toml", json.as_bytes()), answer(0, toml, ""));
    assert_eq!(folder.run_with("convert - a.toml", toml.as_bytes()), answer(0, "a.toml\n", ""));
    // The keys of a TOML table come in the order of their names.
    let sorted = "family = \"binary\"\ngamma = 1.0\nkind = \"focal\"\n";
    assert_eq!(String::from_utf8(folder.read("a.toml")).unwrap(), sorted);
    let wrong = folder.run_with("convert - a.toml", b"family = 'binary'\nkind = 'focal'\ngamma = -1\n");
    assert_eq!(wrong, answer(2, "", "error: stdin:3: focal: `gamma` is -1, allowed: a number >= 0\n"));
}
