//! Everything in the repository that is generated.

use crate::cargo::cargo;
use crate::steps::{Failed, Steps};
use crate::{api, features, golden};

/// Runs every generator. `names` are the losses whose golden values are written, `family/kind`; all if none is named.
pub(crate) fn all(steps: &mut Steps, names: &[String]) -> Result<(), Failed> {
    if golden::has_oracles() {
        golden::run(steps, false, names)?;
    } else {
        steps.skip(
            "golden",
            "this Python does not have the libraries of reference/requirements.txt, see reference/README.md",
        );
    }
    // What comes from the registry (the pages of the guide, the schemas, the pictures) is written by the tests that compare it.
    let mut tests = cargo(&["test", "--workspace", "--test", "*", "--", "generated"]);
    steps.run("pages, schemas, pictures", tests.env("BURN_LOSSES_WRITE", "1"))?;
    steps.own("api", api::write)?;
    // The manifest is generated on Linux. On another system other crates are built.
    if cfg!(target_os = "linux") { steps.own("features", features::write) } else { Ok(()) }
}
