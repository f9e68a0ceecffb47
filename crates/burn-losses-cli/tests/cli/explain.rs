//! `explain`

use crate::Folder;
use burn_losses::regularization::RegularizerConfig;
use burn_losses::{LossConfig, registry};

#[test]
fn every_loss_is_explained() {
    let folder = Folder::new();
    for loss in registry() {
        let text = folder.run(&format!("explain {}/{}", loss.family, loss.kind)).text();
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].starts_with(&format!("{}/{}", loss.family, loss.kind)), "{text}");
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(&loss.summary.split_whitespace().collect::<Vec<_>>().join(" ")), "{text}");
        for title in ["When to use", "Formula", "Arguments", "Fields", "Config", "Documentation"] {
            assert!(lines.contains(&title), "{title}: {text}");
        }
        assert_eq!(lines.contains(&"In other libraries"), !loss.twins.is_empty(), "{text}");
        for twin in loss.twins {
            assert!(words.contains(&format!("{}: ", twin.path)), "{text}");
        }
        for field in &loss.fields {
            assert!(lines.iter().any(|line| line.trim_start().split(' ').next() == Some(field.name)), "{text}");
        }
        // A link is not broken.
        let is_short = |line: &&str| line.chars().count() <= 100 || line.trim_start().starts_with("https://");
        assert!(lines.iter().all(is_short), "{text}");
    }
}

#[test]
fn the_link_names_the_type_of_the_config() {
    for loss in registry() {
        let config = LossConfig::example(loss.family, loss.kind).unwrap();
        let printed = format!("{config:?}");
        // `Binary(Focal(FocalLossConfig { ..`
        let name = printed.split(['(', ' ']).nth(2).unwrap();
        let text = Folder::new().run(&format!("explain {}/{}", loss.family, loss.kind)).text();
        let link = format!("https://docs.rs/burn-losses/latest/burn_losses/{}/struct.{name}.html\n", loss.family);
        assert!(text.ends_with(&link), "{name}: {text}");
    }
    for loss in RegularizerConfig::all() {
        let printed = format!("{:?}", RegularizerConfig::from_kind(loss.kind).unwrap());
        let name = printed.split(['(', ' ']).nth(1).unwrap();
        let text = Folder::new().run(&format!("explain regularization/{}", loss.kind)).text();
        assert!(text.contains(&format!("/regularization/struct.{name}.html")), "{name}: {text}");
    }
}

#[test]
fn a_loss_has_many_names() {
    let explain = |name: &str| Folder::new().run(&format!("explain {name}")).text();
    let huber = explain("regression/huber");
    for name in ["huber", "HuberLoss", "HuberLossConfig", "huber_loss", "regression/Huber"] {
        assert_eq!(explain(name), huber, "{name}");
    }
    // Two families have the kind.
    let both = explain("focal");
    assert_eq!(both, format!("{}\n{}", explain("binary/focal"), explain("classification/focal")));
}

#[test]
fn arguments_have_types_and_shapes() {
    let text = Folder::new().run("explain classification/cross_entropy").text();
    assert!(text.contains("  logits   numbers, [N, C, ..], the classes on axis 1\n"), "{text}");
    assert!(text.contains("  labels   labels, the shape of logits without the class axis\n"), "{text}");
    assert!(text.contains("; optional\n"), "{text}");
}

#[test]
fn an_unknown_name_is_exit_code_2_with_a_suggestion() {
    let answer = Folder::new().run("explain focl");
    assert_eq!((answer.code, answer.stdout.as_str()), (Some(2), ""));
    let error = "error: no loss is called `focl` (did you mean `binary/focal` or `classification/focal`?)\n";
    assert!(answer.stderr.starts_with(error), "{}", answer.stderr);
    assert!(answer.stderr.contains("hint: `burn-losses list` shows all losses"), "{}", answer.stderr);
}

/// In this test, the viewer of the desktop is a script that writes down which file it is asked to open.
#[cfg(target_os = "linux")]
#[test]
fn a_picture_is_opened() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new().file("xdg-open", "#!/bin/sh\necho \"$1\" > opened\n");
    let viewer = folder.0.path().join("xdg-open");
    std::fs::set_permissions(&viewer, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.0.path().display(), std::env::var("PATH").unwrap());
    let mut command = folder.command("explain huber --open");
    let output = command.env("PATH", path).env("TMPDIR", folder.0.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let picture = folder.0.path().join("burn-losses-regression-huber.svg");
    assert_eq!(String::from_utf8(folder.read("opened")).unwrap().trim(), picture.display().to_string());
    assert!(std::fs::read_to_string(picture).unwrap().starts_with("<svg"));
}

#[test]
fn a_family_in_place_of_a_loss_and_a_family_that_does_not_exist() {
    let stderr = |name: &str| Folder::new().run(&format!("explain {name}")).stderr;
    assert!(stderr("boxes").contains("hint: `boxes` is a family: `burn-losses list boxes` shows its losses"));
    let focal = "error: no loss is called `bin/focal` (did you mean `binary/focal` or `classification/focal`?)\n";
    assert!(stderr("bin/focal").starts_with(focal), "{}", stderr("bin/focal"));
}
