//! What can be said without running anything.

use crate::cargo::cargo;
use crate::steps::{Failed, Steps};
use crate::verify::DISTRIBUTED;
use crate::{api, deny, features, guide, layers, new, pages, words};

/// Formatting, structure, lints, documentation.
pub(crate) fn all(steps: &mut Steps) -> Result<(), Failed> {
    format(steps)?;
    structure(steps)?;
    lints(steps)?;
    documentation(steps)
}

/// Whether rustfmt would leave every file as it is.
pub(crate) fn format(steps: &mut Steps) -> Result<(), Failed> {
    steps.run("format", &mut cargo(&["fmt", "--all", "--check"]))?;
    steps.run("format", &mut cargo(&["fmt", "--manifest-path", DISTRIBUTED, "--check"]))
}

/// What takes seconds: the layers of the library, what is left of templates, words, the public API, the links of the documents, and
/// the licenses, sources, versions and features of the dependencies.
pub(crate) fn structure(steps: &mut Steps) -> Result<(), Failed> {
    steps.own("layers", layers::check)?;
    steps.own("templates", new::check)?;
    steps.own("words", words::check)?;
    steps.own("api", api::check)?;
    steps.own("links", guide::check)?;
    // The manifest is generated on Linux. On another system other crates are built.
    if cfg!(not(target_os = "linux")) {
        return Ok(());
    }
    if cfg!(target_arch = "x86_64") {
        steps.own("deny", deny::check)?;
    }
    steps.own("features", features::check)
}

/// Clippy, without a warning.
pub(crate) fn lints(steps: &mut Steps) -> Result<(), Failed> {
    steps.run("lints", &mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

/// Rustdoc, without a warning.
pub(crate) fn documentation(steps: &mut Steps) -> Result<(), Failed> {
    steps.run("documentation", cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    steps.own("pages", pages::check)
}
