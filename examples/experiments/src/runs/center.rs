//! Images in a plane, each class around its center.

use super::embedding::learn;
use super::{Outcome, figure};
use crate::Error;
use crate::config::RunConfig;
use crate::scatter::Scatter;
use crate::terms::Term;
use crate::training::Setting;

pub(super) fn run(config: &RunConfig<Vec<Term>>, label: &str, setting: &Setting) -> Result<Outcome, Error> {
    let learned = learn(config, &config.loss, label, setting)?;
    let (within, between) = learned.known.spread();
    let mut figures = vec![figure("within", within), figure("between", between), figure("ratio", within / between)];
    if let Some(accuracy) = learned.accuracy {
        figures.insert(0, figure("accuracy", accuracy));
    }
    Ok(Outcome {
        figures,
        scatter: Some(Scatter::plane(&learned.known)),
        set: Some(learned.set),
        history: learned.history,
        ..Outcome::default()
    })
}
