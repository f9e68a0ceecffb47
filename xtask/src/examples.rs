//! The examples of the library: each is run once, and checks its own result.

use std::fs;
use std::path::Path;

use crate::steps::{Failed, Steps};
use crate::{guide, verify};

/// The folder of the examples, from the root of the repository.
pub(crate) const FOLDER: &str = "crates/burn-losses/examples";

/// Runs the examples, which are already built. The output of the quick start is compared with the README.
pub(crate) fn all(steps: &mut Steps) -> Result<(), Failed> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let names = names(&root).map_err(|why| Failed::new("examples", FOLDER, &why))?;
    for name in names {
        let printed = steps.output(&format!("example {name}"), &mut verify::program(&format!("examples/{name}")))?;
        if name == guide::QUICK_START {
            guide::quick_start(steps, &printed)?;
        }
    }
    Ok(())
}

/// The names of all examples, from their file names.
pub(crate) fn names(root: &Path) -> Result<Vec<String>, String> {
    let read =
        || -> std::io::Result<Vec<_>> { fs::read_dir(root.join(FOLDER))?.map(|entry| Ok(entry?.path())).collect() };
    let paths = read().map_err(|error| format!("{FOLDER}: {error}"))?;
    let is_program = |path: &&std::path::PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    let name = |path: &std::path::PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    let mut names: Vec<_> = paths.iter().filter(is_program).filter_map(name).collect();
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_says_which_examples_there_are() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let names = names(&root).unwrap();
        assert!(names.is_sorted() && names.len() >= 8, "{names:?}");
        assert!(names.contains(&guide::QUICK_START.to_owned()), "{names:?}");
        let manifest = fs::read_to_string(root.join(FOLDER).join("../Cargo.toml")).unwrap();
        for name in names {
            assert!(manifest.contains(&format!("[[example]]\nname = \"{name}\"\nrequired-features")), "{name}");
        }
    }
}
