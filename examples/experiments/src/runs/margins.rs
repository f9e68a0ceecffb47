//! Images on a sphere, with a margin between the classes.

use burn_losses::LossConfig;
use burn_losses::prelude::*;

use super::embedding::learn;
use super::{Outcome, figure};
use crate::Error;
use crate::config::RunConfig;
use crate::scatter::Scatter;
use crate::training::Setting;

/// The number of pairs of each kind in the verification.
const PAIRS: usize = 5000;

pub(super) fn run(config: &RunConfig<HeadLossConfig>, label: &str, setting: &Setting) -> Result<Outcome, Error> {
    let learned = learn(config, &[LossConfig::Heads(config.loss.clone()).into()], label, setting)?;
    let mut figures = vec![figure("angle within", learned.known.angle())];
    if let Some(accuracy) = learned.accuracy {
        figures.insert(0, figure("accuracy", accuracy));
    }
    if let Some(unseen) = &learned.unseen {
        figures.push(figure("verification unseen", unseen.verification(PAIRS, config.training().seed)));
    }
    Ok(Outcome {
        figures,
        scatter: Some(Scatter::directions(&learned.known)),
        set: Some(learned.set),
        history: learned.history,
        ..Outcome::default()
    })
}
