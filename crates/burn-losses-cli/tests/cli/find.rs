//! `find`

use crate::Folder;
use burn_losses::registry;

/// The names of the losses that are found, in their order.
fn found(words: &str) -> Vec<String> {
    let text = Folder::new().run(&format!("find --all {words}")).text();
    let names = text.lines().filter(|line| !line.starts_with(' ') && line.contains('/'));
    names.map(str::to_owned).collect()
}

#[test]
fn a_word_of_a_summary_is_found_in_every_form() {
    for word in ["outliers", "outlier", "Outliers"] {
        assert!(found(word).contains(&"regression/huber".to_owned()), "{word}");
    }
    assert_eq!(found("imbalance"), found("imbalanced"));
    assert!(found("imbalance").contains(&"binary/focal".to_owned()));
}

#[test]
fn the_best_match_comes_first_and_has_all_words() {
    assert_eq!(found("huber")[0], "regression/huber");
    assert_eq!(found("pinball")[0], "regression/quantile");
    let both = found("robust outliers");
    assert!(both.contains(&"regression/huber".to_owned()));
    assert!(both.len() < found("outliers").len() + found("robust").len());
}

#[test]
fn every_twin_answers_with_its_loss_what_differs_and_the_config() {
    let folder = Folder::new();
    for loss in registry() {
        for twin in loss.twins {
            let text = folder.run(&format!("find {}", twin.path)).text();
            let name = format!("{} -> {}/{}\n", twin.path, loss.family, loss.kind);
            assert!(text.contains(&name), "{text}");
            assert!(
                text.contains(&format!("    family = \"{}\"\n    kind = \"{}\"\n", loss.family, loss.kind)),
                "{text}"
            );
            let words: Vec<_> = text.split_whitespace().collect();
            let expected: Vec<_> = twin.differs.unwrap_or("the same.").split_whitespace().collect();
            assert!(words.windows(expected.len()).any(|window| window == expected), "{text}");
        }
    }
}

#[test]
fn the_last_name_of_a_twin_is_enough() {
    let (all, folder) = (registry(), Folder::new());
    for twin in all.iter().flat_map(|loss| loss.twins).step_by(7) {
        let last = twin.path.rsplit('.').next().unwrap();
        if all.iter().any(|loss| loss.kind == last || loss.aliases.contains(&last)) {
            // This name is an ordinary word too.
            continue;
        }
        assert!(folder.run(&format!("find {last}")).text().contains(&format!("{} -> ", twin.path)));
    }
}

#[test]
fn nothing_is_exit_code_1() {
    let answer = Folder::new().run("find zebra");
    assert_eq!((answer.code, answer.stdout.as_str()), (Some(1), ""));
    assert!(answer.stderr.starts_with("error: nothing found for `zebra`\nhint: "), "{}", answer.stderr);
}

#[test]
fn ten_matches_and_how_many_more_there_are() {
    let text = Folder::new().run("find the loss").text();
    let shown = text.lines().filter(|line| !line.starts_with(' ') && line.contains('/')).count();
    assert_eq!(shown, 10, "{text}");
    let last = text.lines().last().unwrap();
    assert_eq!(last, format!("{} more: --all shows them", found("the loss").len() - 10));
}

#[test]
fn a_function_and_a_call_are_names_too() {
    let folder = Folder::new();
    for (query, twin) in [
        ("torch.nn.functional.huber_loss", "torch.nn.HuberLoss -> regression/huber"),
        ("F.cross_entropy", "torch.nn.CrossEntropyLoss -> classification/cross_entropy"),
        ("torch.nn.MSELoss(reduction='sum')", "torch.nn.MSELoss -> regression/mse"),
    ] {
        let text = folder.run(&format!("find {query}")).text();
        assert!(text.contains(twin), "{query}: {text}");
    }
    // A function that has no class of its name is searched for by its words.
    assert!(found("F.binary_cross_entropy_with_logits").contains(&"binary/bce".to_owned()));
    assert!(found("speech recognition").contains(&"sequence/ctc".to_owned()));
}
