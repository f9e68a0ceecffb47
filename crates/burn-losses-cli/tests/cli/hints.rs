//! What the command tells users of another library.

use crate::Folder;

/// The error message for a config file, and the hint after it.
fn hint(config: &str) -> String {
    let answer = Folder::new().file("loss.toml", config).run("check loss.toml");
    assert_eq!(answer.code, Some(1), "{}", answer.stdout);
    let (error, hint) = answer.stderr.split_once("\nhint: ").unwrap_or_else(|| panic!("no hint: {}", answer.stderr));
    assert!(error.starts_with("loss.toml:"), "{error}");
    hint.trim_end().to_owned()
}

#[test]
fn names_of_arguments_elsewhere() {
    let cases = [
        (
            "classification/cross_entropy",
            "weight = [1, 2]",
            "what other libraries call `weight` is `class_weights` here",
        ),
        (
            "classification/cross_entropy",
            "size_average = true",
            "what other libraries call `size_average` is `reduction` here",
        ),
        ("regression/smooth_l1", "threshold = 1", "what other libraries call `threshold` is `beta` here"),
        ("regression/huber", "beta = 1", "what other libraries call `beta` is `delta` here"),
        ("segmentation/tversky", "alpha = 0.3", "what other libraries call `alpha` is `fp_weight` here"),
        (
            "segmentation/dice",
            "include_background = false",
            "what other libraries call `include_background` is `background` here",
        ),
        ("heads/arcface", "s = 64", "what other libraries call `s` is `scale` here"),
        ("binary/bce", "weight = 1", "weights of samples are no field"),
        ("binary/bce", "ignore_index = 255", "this loss takes a mask of what counts"),
    ];
    for (name, line, expected) in cases {
        let (family, kind) = name.split_once('/').unwrap();
        let hint = hint(&format!("family = '{family}'\nkind = '{kind}'\n{line}\n"));
        assert!(hint.starts_with(expected), "{name}, {line}: {hint}");
    }
}

#[test]
fn a_kind_of_another_family() {
    let found = hint("family = 'regression'\nkind = 'focal'\n");
    assert_eq!(found, "another family has it: `binary/focal`, `classification/focal`");
}

#[test]
fn a_key_that_is_simply_wrong_has_no_hint() {
    let folder = Folder::new().file("loss.toml", "family = 'regression'\nkind = 'huber'\nzebra = 1\n");
    let error = "loss.toml:3: huber: unknown key `zebra`, allowed: `delta`, `reduction`\n";
    assert_eq!(folder.run("check loss.toml").stderr, error);
}
