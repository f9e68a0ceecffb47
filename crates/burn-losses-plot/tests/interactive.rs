//! The page with a slider for each field, in a real browser.

use burn_losses::registry;
use burn_losses_plot::interactive;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The browser; `None` if there is none. Where `BURN_LOSSES_REQUIRE_BROWSER` is set, none is a failure.
fn browser() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    let folders = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let places = folders.into_iter().flatten().flat_map(|folder| names.map(|name| folder.join(name)));
    let found = places.into_iter().find(|path| path.is_file());
    assert!(found.is_some() || std::env::var_os("BURN_LOSSES_REQUIRE_BROWSER").is_none(), "no browser is installed");
    found
}

/// The page after its scripts have run.
fn opened(browser: &Path, folder: &Path, page: &str) -> String {
    let file = folder.join("page.html");
    fs::write(&file, page).expect("a file that can be written");
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync", "--dump-dom"])
        // The page is written out after its timers have run.
        .arg("--virtual-time-budget=5000")
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("file://{}#regression/huber", file.display()))
        .output()
        .expect("a browser that starts");
    String::from_utf8(output.stdout).expect("HTML")
}

/// What a script of a test left behind.
fn left<'a>(page: &'a str, name: &str) -> &'a str {
    let start = page.find(&format!("<pre id=\"{name}\">")).unwrap_or_else(|| panic!("no `{name}` in {page}"));
    let text = &page[start..];
    let text = &text[text.find('>').expect("a tag") + 1..];
    &text[..text.find("</pre>").expect("an end")]
}

/// Moves the slider of `delta` as a user does, and notes the curve before and after.
const MOVES: &str = r##"
<script>
addEventListener("load", () => {
  const note = (name, text) => { const made = document.createElement("pre"); made.id = name; made.textContent = text; document.body.append(made); };
  const curve = (of) => document.querySelector(`#${of} path.curve`).getAttribute("d");
  const slider = document.getElementById("delta");
  note("before", curve("value"));
  note("dashed", document.querySelector("#value path.default").getAttribute("d"));
  slider.value = slider.max;
  slider.dispatchEvent(new Event("input"));
  note("after", curve("value"));
  note("slope", curve("gradient"));
  note("output", document.querySelector(".field output").textContent);
  location.hash = "#binary/focal";
  setTimeout(() => note("other", document.getElementById("name").textContent), 50);
});
</script>
"##;

#[test]
fn a_slider_moves_the_curve() {
    let Some(browser) = browser() else { return };
    let wanted = [("regression", "huber"), ("binary", "focal")];
    let losses: Vec<_> = registry().into_iter().filter(|info| wanted.contains(&(info.family, info.kind))).collect();
    let page = interactive(&losses).expect("a page").replace("</html>", &format!("{MOVES}</html>"));
    let folder = tempfile::tempdir().expect("a folder");
    let page = opened(&browser, folder.path(), &page);

    let [before, dashed, after] = ["before", "dashed", "after"].map(|name| left(&page, name));
    assert!(before.starts_with('M') && before.matches('L').count() > 50, "{before}");
    assert_eq!(before, dashed, "the page begins with the defaults");
    assert_ne!(before, after, "the curve follows the slider");
    assert_ne!(left(&page, "slope"), "");
    assert_eq!(left(&page, "output"), "5");
    assert_eq!(left(&page, "other"), "binary/focal");
}

/// The page shows every loss of the registry, in one file.
#[test]
fn every_loss_is_on_the_page() {
    let page = interactive(&registry()).expect("a page");
    for info in registry() {
        let name = format!("\"kind\":\"{}\"", info.kind);
        assert!(page.contains(&name), "{name}");
    }
    assert!(!page.contains("http://") || page.matches("http://").count() == 1, "nothing is loaded");
    assert!(page.len() < 8_000_000, "{} bytes", page.len());
}
