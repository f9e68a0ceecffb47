//! The files around the package in its repository, which tests compare with the code.

use std::path::{Path, PathBuf};

/// The root of the repository; `None` if the package was unpacked outside it.
pub(crate) fn repository() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.join("schema").is_dir().then_some(root)
}
