//! The gallery: a picture of every loss in the registry, and the page that shows them.

use burn_losses::{LossConfig, LossInfo, registry};
use burn_losses_plot::Picture;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Instant;

const AGAIN: &str = "run `cargo xtask gallery`";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../burn-losses/gallery")
}

/// The files of the gallery by their paths inside it.
static FILES: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let mut page = String::from(
        "# Every loss\n\n\
         The curves and maps of all losses, drawn from what the library computes: see the notes in the pictures. Where a loss has \
         a field that changes its curves, colors show values of that field, and dashes show targets. All other fields have their \
         defaults. The first pictures of a family compare its losses.\n\n\
         `burn-losses gallery` writes a page with a slider for each field of every loss, and `burn-losses plot --config loss.toml \
         --output loss.svg` draws a loss of your own config. `cargo xtask gallery` has written this page.\n",
    );
    let mut files = BTreeMap::new();
    let mut last = "";
    let (start, count) = (Instant::now(), registry().len());
    for (done, LossInfo { family, kind, summary, .. }) in registry().into_iter().enumerate() {
        if family != last {
            if done > 0 {
                // Shown by `cargo xtask gallery`.
                let left = start.elapsed().as_secs_f64() / done as f64 * (count - done) as f64;
                println!("{done} of {count} losses, about {left:.0} seconds left");
            }
            write!(page, "\n## {family}\n\n").unwrap();
            for (number, picture) in Picture::comparisons(family).unwrap().into_iter().enumerate() {
                let path = format!("compared/{family}-{}.svg", number + 1);
                writeln!(page, "[<img src=\"{path}\" width=\"640\" alt=\"{family}: compared\">]({path})\n").unwrap();
                files.insert(path, picture.svg(None));
            }
            page += "| | |\n|---|---|\n";
            last = family;
        }
        let config = LossConfig::example(family, kind).unwrap();
        let picture = Picture::sweep(&config).unwrap_or_else(|error| panic!("{family}/{kind}: {error}"));
        let path = format!("{family}/{kind}.svg");
        let source = format!("../src/{family}/{kind}.rs");
        let summary = summary.replace('|', "\\|");
        writeln!(page, "| [`{kind}`]({source})<br>{summary} | [<img src=\"{path}\" width=\"640\" alt=\"{family} / {kind}\">]({path}) |").unwrap();
        files.insert(path, picture.svg(None));
    }
    files.insert("README.md".to_owned(), page);
    files
});

/// All files in a folder and its subfolders.
fn found(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { found(&path) } else { vec![path] }).collect()
}

/// Run with `BURN_LOSSES_WRITE=1` to write it.
#[test]
fn generated_pictures() {
    let (folder, files) = (folder(), &*FILES);
    if !folder.with_file_name("Cargo.toml").exists() {
        // The package was unpacked outside the repository.
        return;
    }
    let write = std::env::var("BURN_LOSSES_WRITE").as_deref() == Ok("1");
    let mut wrong = Vec::new();
    for path in found(&folder) {
        let inside = path.strip_prefix(&folder).expect("a file of the folder").to_string_lossy().replace('\\', "/");
        match files.contains_key(&inside) {
            true => {}
            false if write => fs::remove_file(&path).expect("a file that can be removed"),
            false => wrong.push(format!("{inside} belongs to no loss")),
        }
    }
    for (path, text) in files {
        let file = folder.join(path);
        if write {
            fs::create_dir_all(file.parent().expect("a folder")).expect("a folder that can be made");
            fs::write(&file, text).expect("a file that can be written");
            continue;
        }
        match fs::read_to_string(&file) {
            Err(_) => wrong.push(format!("{path} is missing")),
            Ok(old) if old.replace("\r\n", "\n") != *text => wrong.push(format!("{path} is stale")),
            Ok(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{AGAIN}: {}", wrong.join(", "));
}

#[test]
fn every_picture_is_small_and_fits_into_a_page() {
    for (path, text) in &*FILES {
        if path.ends_with(".svg") {
            assert!(text.len() < 40_000, "{path} has {} bytes", text.len());
            assert!(text.starts_with("<svg ") && text.ends_with("</svg>\n"), "{path}");
            // A blank line would end the HTML inside Markdown.
            assert!(text.lines().all(|line| !line.trim().is_empty()), "{path}");
            let mut words = text.split(|character: char| !character.is_alphanumeric() && character != '_');
            assert!(words.all(|word| !["NaN", "inf"].contains(&word)), "{path}");
        }
    }
}
