//! `plot`

use crate::{Folder, answer};

fn focal() -> Folder {
    let loss = |gamma: &str| format!("family = 'binary'\nkind = 'focal'\ngamma = {gamma}\n");
    Folder::new().file("a.toml", loss("0")).file("b.toml", loss("2"))
}

#[test]
fn curves_of_two_configs_and_how_they_differ() {
    let folder = focal();
    assert_eq!(folder.run("plot --config a.toml --config b.toml --output two.svg"), answer(0, "two.svg\n", ""));
    let svg = String::from_utf8(folder.read("two.svg")).unwrap();
    assert!(svg.starts_with("<svg "), "{svg}");
    for text in ["binary / focal", "logit", "loss L", "dL/d(logit)", "gamma = 0", "gamma = 2", "target 1"] {
        assert!(svg.contains(&format!(">{text}<")), "{text}: {svg}");
    }
}

#[test]
fn a_picture_of_pixels_has_the_size_that_was_asked_for() {
    let folder = focal();
    let size = |options: &str| {
        assert_eq!(folder.run(&format!("plot --config a.toml --output a.png {options}")), answer(0, "a.png\n", ""));
        let png = folder.read("a.png");
        assert!(png.starts_with(b"\x89PNG"));
        [16, 20].map(|at| u32::from_be_bytes(png[at..at + 4].try_into().unwrap()))
    };
    assert_eq!(size("--width 500 --height 300"), [500, 300]);
    let [width, height] = size("");
    assert_eq!(size(&format!("--width {}", width / 2)), [width / 2, height / 2]);
    assert_eq!(size(&format!("--height {}", height / 2)), [width / 2, height / 2]);
}

#[test]
fn errors_name_what_is_wrong() {
    let folder = focal()
        .file("huber.toml", "family = 'regression'\nkind = 'huber'\n")
        .file("bad.toml", "family = 'regression'\nkind = 'huber'\ndelta = -1\n");
    let cases = [
        ("--config a.toml --output a.pdf", "a.pdf: the format is not known, allowed extensions: `.svg`, `.png`"),
        ("--config bad.toml --output a.svg", "bad.toml:3: huber: `delta` is -1, allowed: a number > 0"),
        (
            "--config a.toml --config huber.toml --output a.svg",
            "`binary/focal` and `regression/huber` are not drawn over the same axes (logit and prediction \u{2212} target): \
             draw them one by one",
        ),
        ("--config a.toml --output no/a.svg", "no/a.svg: No such file or directory (os error 2)"),
    ];
    for (arguments, message) in cases {
        assert_eq!(folder.run(&format!("plot {arguments}")), answer(2, "", &format!("error: {message}\n")));
    }
}

#[test]
fn a_kind_with_several_values_of_a_field_needs_no_file() {
    let folder = Folder::new();
    assert_eq!(folder.run("plot binary/focal --set gamma=0,1,2,5"), answer(0, "focal.svg\n", ""));
    let svg = String::from_utf8(folder.read("focal.svg")).unwrap();
    for gamma in [0, 1, 2, 5] {
        assert!(svg.contains(&format!("gamma = {gamma}")), "{svg}");
    }
    assert_eq!(folder.run("plot torch.nn.SmoothL1Loss -o a.png"), answer(0, "a.png\n", ""));
    // Words and lists are values too; two fields give every pair of their values.
    assert_eq!(folder.run("plot triplet --set distance=euclidean,cosine --set margin=0.1,0.3").code, Some(0));
    assert_eq!(folder.run("plot cross_entropy --set class_weights=[1,2],[2,1]").code, Some(2));
    assert_eq!(folder.run("plot classification/cross_entropy --set class_weights=[1,2],[2,1]").code, Some(0));
}

#[test]
fn a_field_of_a_file_is_set() {
    let folder = focal();
    assert_eq!(folder.run("plot --config a.toml --set gamma=1,3 --output set.svg"), answer(0, "set.svg\n", ""));
    let svg = String::from_utf8(folder.read("set.svg")).unwrap();
    assert!(svg.contains("gamma = 1") && svg.contains("gamma = 3") && !svg.contains("gamma = 0"), "{svg}");
}

#[test]
fn what_is_set_has_to_be_allowed() {
    let folder = Folder::new();
    let cases = [
        ("binary/focal --set gamma=-1", "focal: `gamma` is -1, allowed: a number >= 0"),
        (
            "binary/focal --set gama=1",
            "focal: unknown key `gama` (did you mean `gamma`?), allowed: `gamma`, `alpha`, `reduction`",
        ),
        ("focal", "several losses are called `focal`: `binary/focal`, `classification/focal`"),
        ("regularization/l1 --set weight=-1", "l1: `weight` is -1, allowed: a number >= 0"),
    ];
    for (arguments, message) in cases {
        assert_eq!(folder.run(&format!("plot {arguments}")), answer(2, "", &format!("error: {message}\n")));
    }
    let twice = "error: `--set delta=` is there twice: one takes several values, as `1,2`\n";
    assert_eq!(folder.run("plot huber --set delta=1 --set delta=2"), answer(2, "", twice));
    assert_eq!(folder.run("plot").code, Some(2));
    assert_eq!(folder.run("plot huber --set delta").code, Some(2));
}
