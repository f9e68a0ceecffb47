//! Checks that run none of the project's programs.

use crate::cargo::cargo;
use crate::mutants::MUTANTS;
use crate::steps::{Failed, Steps};
use crate::verify::DISTRIBUTED;
use crate::{api, deny, features, guide, layers, new, pages, words};

/// Checks formatting, structure, lints and documentation.
pub(crate) fn all(steps: &mut Steps) -> Result<(), Failed> {
    format(steps)?;
    structure(steps)?;
    lints(steps)?;
    documentation(steps)
}

/// Checks that rustfmt would leave every file unchanged.
pub(crate) fn format(steps: &mut Steps) -> Result<(), Failed> {
    steps.run("format", &mut cargo(&["fmt", "--all", "--check"]))?;
    for manifest in [DISTRIBUTED, MUTANTS] {
        steps.run("format", &mut cargo(&["fmt", "--manifest-path", manifest, "--check"]))?;
    }
    Ok(())
}

/// Checks that take seconds: the layers of the library, leftovers of templates, words, the public API, the links of the
/// documents, and the licenses, sources, versions and features of the dependencies.
pub(crate) fn structure(steps: &mut Steps) -> Result<(), Failed> {
    steps.own("layers", layers::check)?;
    steps.own("templates", new::check)?;
    steps.own("words", words::check)?;
    steps.own("api", api::check)?;
    steps.own("links", guide::check)?;
    // The manifest is generated on Linux; other systems build other crates.
    if cfg!(not(target_os = "linux")) {
        return Ok(());
    }
    if cfg!(target_arch = "x86_64") {
        steps.own("deny", deny::check)?;
    }
    steps.own("features", features::check)
}

/// Runs Clippy, which must not warn.
pub(crate) fn lints(steps: &mut Steps) -> Result<(), Failed> {
    steps.run("lints", &mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

/// Runs rustdoc, which must not warn.
pub(crate) fn documentation(steps: &mut Steps) -> Result<(), Failed> {
    steps.run("documentation", cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    steps.own("pages", pages::check)
}
