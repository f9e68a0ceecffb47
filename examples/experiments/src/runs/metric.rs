//! Images whose nearest neighbor should be of the same class.

use burn_losses::LossConfig;

use super::embedding::learn;
use super::{Outcome, figure};
use crate::Error;
use crate::config::RunConfig;
use crate::scatter::Scatter;
use crate::training::Setting;

pub(super) fn run(config: &RunConfig<LossConfig>, label: &str, setting: &Setting) -> Result<Outcome, Error> {
    let learned = learn(config, &[config.loss.clone().into()], label, setting)?;
    let recall = learned.known.recall_at_1();
    let mut figures = vec![figure("recall@1", recall), figure("gain", recall - learned.before.0.recall_at_1())];
    if let (Some(unseen), Some(before)) = (&learned.unseen, &learned.before.1) {
        let recall = unseen.recall_at_1();
        figures.push(figure("recall@1 unseen", recall));
        figures.push(figure("gain unseen", recall - before.recall_at_1()));
    }
    let shown = learned.unseen.as_ref().map_or(learned.known.clone(), |unseen| learned.known.and(unseen));
    Ok(Outcome {
        figures,
        scatter: Some(Scatter::directions(&shown)),
        set: Some(learned.set),
        history: learned.history,
        ..Outcome::default()
    })
}
