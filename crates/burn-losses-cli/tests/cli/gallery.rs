//! `burn-losses gallery`.

use crate::{Folder, answer};

#[test]
fn a_page_of_some_losses() {
    let folder = Folder::new();
    assert_eq!(folder.run("gallery binary/focal huber --output two.html"), answer(0, "two.html\n", ""));
    let page = String::from_utf8(folder.read("two.html")).expect("text");
    assert!(page.starts_with("<!doctype html>") && page.contains("\"kind\":\"huber\""));
    assert!(!page.contains("\"kind\":\"mse\""));
}

#[test]
fn a_loss_that_does_not_exist() {
    let answer = Folder::new().run("gallery hubr");
    assert_eq!(answer.code, Some(2));
    assert!(answer.stderr.starts_with("error: no loss is called `hubr` (did you mean `regression/huber`?)\n"));
}
