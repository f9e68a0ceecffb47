//! Checks that run none of the project's programs.

use crate::cargo::{cargo, metadata};
use crate::mutants::MUTANTS;
use crate::steps::{Failed, Steps};
use crate::verify::DISTRIBUTED;
use crate::{api, deny, features, guide, layers, new, package, pages, words};

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
/// documents, the content of the packages, and the licenses, sources, versions and features of the dependencies.
pub(crate) fn structure(steps: &mut Steps) -> Result<(), Failed> {
    steps.own("layers", layers::check)?;
    steps.own("templates", new::check)?;
    steps.own("words", words::check)?;
    steps.own("api", api::check)?;
    steps.own("links", guide::check)?;
    steps.own("packages", package::check)?;
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

/// Runs rustdoc, which must not warn: for the whole workspace, and for the library with the features that docs.rs shows, since links
/// to what these leave out would be broken there.
pub(crate) fn documentation(steps: &mut Steps) -> Result<(), Failed> {
    let strict = |arguments: &[&str]| {
        let mut command = cargo(arguments);
        command.arg("--no-deps").env("RUSTDOCFLAGS", "-D warnings");
        command
    };
    let features = docs_rs_features().map_err(|why| Failed::new("documentation", "cargo metadata", &why))?;
    steps.run("documentation: docs.rs", &mut strict(&["doc", "--package", LIBRARY, "--features", &features]))?;
    steps.run("documentation", &mut strict(&["doc", "--workspace"]))?;
    steps.own("pages", pages::check)
}

const LIBRARY: &str = "burn-losses";

/// The features that the manifest of the library names for docs.rs.
fn docs_rs_features() -> Result<String, String> {
    let packages = metadata()?.packages;
    let library = packages.iter().find(|package| package.name == LIBRARY);
    let features = library.and_then(|package| package.metadata["docs"]["rs"]["features"].as_array());
    let features = features.ok_or_else(|| format!("{LIBRARY}: no `features` in [package.metadata.docs.rs]"))?;
    Ok(features.iter().filter_map(|feature| feature.as_str()).collect::<Vec<_>>().join(","))
}
