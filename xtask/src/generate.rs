//! Generates everything in the repository that is generated.

use crate::cargo::cargo;
use crate::steps::{Failed, Steps};
use crate::{api, features, golden};

/// Runs every generator. `names` are the losses whose golden values are written, as `family/kind`; without names, all losses.
pub(crate) fn all(steps: &mut Steps, names: &[String]) -> Result<(), Failed> {
    if golden::has_oracles() {
        golden::run(steps, false, names)?;
    } else {
        steps.skip(
            "golden",
            "this Python does not have the libraries of reference/requirements.txt, see reference/README.md",
        );
    }
    // Tests write the files that come from the registry (pages of the guide, schemas, pictures), and compare them later.
    let mut tests = cargo(&["test", "--workspace", "--test", "*", "--", "generated"]);
    steps.run("pages, schemas, pictures", tests.env("BURN_LOSSES_WRITE", "1"))?;
    steps.own("api", api::write)?;
    // The manifest is generated on Linux; other systems build other crates.
    if cfg!(target_os = "linux") { steps.own("features", features::write) } else { Ok(()) }
}
