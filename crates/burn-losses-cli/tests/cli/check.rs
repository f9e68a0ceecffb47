//! `check`

use crate::{Answer, Folder, answer, schema};

/// The answer of `check` for some files, after testing that the schema agrees.
fn check(folder: &Folder, files: &str) -> Answer {
    let answer = folder.run(&format!("check {files}"));
    schema::says_the_same(folder.0.path(), files, &answer);
    answer
}

#[test]
fn good_files_of_every_format() {
    let folder = Folder::new()
        .file("a.toml", "family = 'binary'\nkind = 'focal'\ngamma = 1.5\n")
        .file("b.json", r#"{"family": "regression", "kind": "pinball", "tau": 0.9}"#)
        .file("c.yaml", "family: classification\nkind: cross_entropy\nlabel_smoothing:\n  epsilon: 0.1\n")
        .file("d.yml", "family: regression\nkind: mae\n");
    let ok = "\
OK a.toml: binary/focal
OK b.json: regression/quantile
OK c.yaml: classification/cross_entropy
OK d.yml: regression/mae
";
    assert_eq!(check(&folder, "a.toml b.json c.yaml d.yml"), answer(0, ok, ""));
}

#[test]
fn every_class_of_error_in_every_format() {
    let cases = [
        (
            "gama = 1.0",
            "gama: 1.0",
            "binary/focal",
            "focal: unknown key `gama` (did you mean `gamma`?), allowed: `gamma`, `alpha`, `reduction`",
        ),
        ("gamma = nan", "gamma: .nan", "binary/focal", "focal: `gamma` is NaN, allowed: a number >= 0"),
        ("gamma = -0.5", "gamma: -0.5", "binary/focal", "focal: `gamma` is -0.5, allowed: a number >= 0"),
        ("tau = 1.5", "tau: 1.5", "regression/quantile", "quantile: `tau` is 1.5, allowed: a number in (0, 1)"),
    ];
    for (toml, yaml, loss, error) in cases {
        let (family, kind) = loss.split_once('/').unwrap();
        let (key, value) = yaml.split_once(": ").unwrap();
        let folder = Folder::new()
            .file("a.toml", format!("family = '{family}'\nkind = '{kind}'\n{toml}\n"))
            .file("a.yaml", format!("family: {family}\nkind: {kind}\n{yaml}\n"))
            .file("a.json", format!("{{\"family\": \"{family}\",\n\"kind\": \"{kind}\",\n\"{key}\": {value}}}"));
        let line = |file: &str| format!("{file}:3: {error}\n");
        assert_eq!(check(&folder, "a.toml a.yaml"), answer(1, "", &(line("a.toml") + &line("a.yaml"))));
        if !toml.contains("nan") {
            assert_eq!(check(&folder, "a.json"), answer(1, "", &line("a.json")));
        }
    }
}

#[test]
fn an_unknown_kind_names_the_kinds_of_its_family() {
    let folder = Folder::new().file("a.toml", "family = 'regression'\nkind = 'hubert'\n");
    let answer = check(&folder, "a.toml");
    assert_eq!((answer.code, answer.stdout.as_str()), (Some(1), ""));
    let start = "a.toml:2: unknown kind `hubert` of family `regression` (did you mean `huber`?), allowed: `mae`, `mse`";
    assert!(answer.stderr.starts_with(start), "{}", answer.stderr);
}

#[test]
fn a_wrong_type_names_the_field() {
    let folder = Folder::new().file("a.toml", "family = 'regression'\nkind = 'huber'\n\ndelta = 'wide'\n");
    let answer = check(&folder, "a.toml");
    assert_eq!((answer.code, answer.stdout.as_str()), (Some(1), ""));
    let start = "a.toml:4: huber: `delta` has the wrong type: ";
    assert!(answer.stderr.starts_with(start), "{}", answer.stderr);
    assert!(answer.stderr.contains("\"wide\""), "{}", answer.stderr);
}

#[test]
fn json_has_no_nan() {
    let folder = Folder::new().file("a.json", "{\"family\": \"binary\",\n\"kind\": \"focal\",\n\"gamma\": NaN}");
    assert_eq!(check(&folder, "a.json"), answer(1, "", "a.json:3: expected value\n"));
}

#[test]
fn every_file_is_checked() {
    let folder = Folder::new()
        .file("a.toml", "family = 'regression'\nkind = 'huber'\ndelta = 0\n")
        .file("b.toml", "family = 'regression'\nkind = 'huber'\ndelta = 2\n")
        .file("c.txt", "");
    let errors = "\
a.toml:3: huber: `delta` is 0, allowed: a number > 0
none.toml: No such file or directory (os error 2)
c.txt: the format is not known, allowed extensions: `.json`, `.toml`, `.yaml`, `.yml`
";
    // The exit code of an unreadable file takes precedence over that of a wrong file.
    let expected = answer(2, "OK b.toml: regression/huber\n", errors);
    assert_eq!(check(&folder, "a.toml none.toml c.txt b.toml"), expected);
    assert_eq!(check(&folder, "a.toml b.toml").code, Some(1));
}

#[test]
fn the_loss_of_a_training_run() {
    let run = "epochs = 10\n[model]\nwidth = 8\n[model.loss]\nkind = 'focal'\ngamma = -2\n";
    let folder = Folder::new().file("bad.toml", run).file("good.toml", run.replace("-2", "2"));
    let expected =
        answer(1, "OK good.toml: classification/focal\n", "bad.toml:6: focal: `gamma` is -2, allowed: a number >= 0\n");
    assert_eq!(folder.run("check --at model.loss --family classification good.toml bad.toml"), expected);

    let missing = answer(1, "", "good.toml: missing table `loss`\n");
    assert_eq!(folder.run("check --at loss --family classification good.toml"), missing);
}

#[test]
fn a_directory_with_all_below() {
    let folder = Folder::new()
        .file("configs/a.toml", "family = 'regression'\nkind = 'huber'\n")
        .file("configs/deep/b.yaml", "family: binary\nkind: focal\ngamma: -1\n")
        .file("configs/deep/joint.toml", "[terms.a]\nfamily = 'regression'\nkind = 'huber'\n")
        .file("configs/package.json", r#"{ "name": "no loss" }"#)
        .file("configs/notes.txt", "no config")
        .file("configs/.hidden/c.toml", "family = 'regression'\nkind = 'hubert'\n");
    let stdout = "OK configs/a.toml: regression/huber\nOK configs/deep/joint.toml: joint of `a`\n\
                  2 right, 1 wrong, 1 without a loss\n";
    let stderr = "configs/deep/b.yaml:3: focal: `gamma` is -1, allowed: a number >= 0\n";
    assert_eq!(folder.run("check configs"), answer(1, stdout, stderr));
    assert_eq!(
        folder.run("check configs/deep/joint.toml"),
        answer(0, "OK configs/deep/joint.toml: joint of `a`\n", "")
    );
    let folder = folder.file("broken/a.toml", "kind = \n");
    let broken = folder.run("check broken");
    assert_eq!((broken.code, broken.stdout.as_str()), (Some(1), "1 wrong\n"));
}

#[test]
fn the_family_is_that_of_the_only_kind() {
    let folder = Folder::new()
        .file("a.toml", "kind = 'huber'\n")
        .file("b.toml", "kind = 'focal'\n")
        .file("c.toml", "kind = 'hubert'\n")
        .file("d.toml", "[loss]\nkind = 'focal'\n")
        .file("e.toml", "delta = 1\n");
    assert_eq!(folder.run("check a.toml"), answer(0, "OK a.toml: regression/huber\n", ""));
    let several = "b.toml: missing key `family`: several families have the kind `focal`, choose one by `--family binary`, \
                   `--family classification`\n";
    assert_eq!(folder.run("check b.toml"), answer(1, "", several));
    assert_eq!(folder.run("check b.toml --family binary"), answer(0, "OK b.toml: binary/focal\n", ""));
    let near = "c.toml: missing key `family`, and no family has the kind `hubert`: did you mean `regression/huber`?\n";
    assert_eq!(folder.run("check c.toml"), answer(1, "", near));
    let nested = "d.toml: no loss here, but the table `loss` is one: use `--at loss`\n";
    assert_eq!(folder.run("check d.toml"), answer(1, "", nested));
    let folder = folder.file("f.toml", "[model]\nname = 'x'\n[model.loss]\nkind = 'focal'\n");
    let deep = "f.toml: no loss here, but the table `model.loss` is one: use `--at model.loss`\n";
    assert_eq!(folder.run("check f.toml"), answer(1, "", deep));
    let nothing = folder.run("check e.toml");
    assert!(nothing.stderr.starts_with("e.toml: missing key `family`, allowed: `regression`"), "{}", nothing.stderr);
    assert!(nothing.stderr.contains("\nhint: say it in the file, or by `--family`"), "{}", nothing.stderr);
}

#[test]
fn stdin_is_a_file_too() {
    let folder = Folder::new();
    let ok = answer(0, "OK -: regression/huber\n", "");
    assert_eq!(folder.run_with("check -", b"family = 'regression'\nkind = 'huber'\n"), ok);
    assert_eq!(folder.run_with("check -", br#"{ "family": "regression", "kind": "huber" }"#), ok);
    let wrong = folder.run_with("check -", b"family = 'regression'\nkind = 'huber'\ndelta = 0\n");
    assert_eq!(wrong, answer(1, "", "stdin:3: huber: `delta` is 0, allowed: a number > 0\n"));
}

#[test]
fn a_kind_that_is_no_word_and_a_weight_that_is_misspelled() {
    let folder = Folder::new()
        .file("a.toml", "family = 'binary'\nkind = [\"focal\"]\n")
        .file("b.toml", "family = 3\nkind = 'focal'\n")
        .file("c.toml", "[terms.a]\nfamily = 'binary'\nkind = 'focal'\nweigth = 2\n")
        .file("d.toml", "family = 'binary'\nkind = 'weighted_sum'\n[terms.a]\nkind = 'focal'\nweigth = 2\n")
        .file("e.toml", "family = 'sequence'\nkind = 'ctc'\nblank = -1\n");
    let starts = [
        ("a", "a.toml:2: unknown kind `[\"focal\"]` of family `binary`, allowed: `bce`, "),
        ("b", "b.toml:1: unknown family `3`, allowed: `regression`, "),
        (
            "c",
            "c.toml:4: focal: unknown key `weigth` (did you mean `weight`?), allowed: `gamma`, `alpha`, `reduction`, `weight`",
        ),
        (
            "d",
            "d.toml:5: focal: unknown key `weigth` (did you mean `weight`?), allowed: `gamma`, `alpha`, `reduction`, `weight`",
        ),
        ("e", "e.toml:3: ctc: `blank` is -1, allowed: an integer >= 0"),
    ];
    for (name, start) in starts {
        let answer = folder.run(&format!("check {name}.toml"));
        assert!(answer.code == Some(1) && answer.stderr.starts_with(start), "{}", answer.stderr);
    }
}
