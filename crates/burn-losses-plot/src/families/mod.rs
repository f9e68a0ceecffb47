//! What is drawn of a loss: each family says which points it is evaluated at.

mod binary;
mod boxes;
mod classification;
mod distribution;
mod heads;
mod metric;
mod regression;
mod segmentation;

use crate::error::PlotError;
use crate::panel::{Curve, Map};
use crate::probe::Probe;
use burn_losses::{AnyLoss, LossConfig};

/// What one loss shows.
pub(crate) struct Sample {
    /// Its values over two arguments, where it has two.
    pub(crate) map: Option<Map>,
    /// The label of the curves' x axis.
    pub(crate) x: String,
    /// What their derivatives are.
    pub(crate) gradient: String,
    /// Values and derivatives.
    pub(crate) curves: Vec<Curve>,
    /// What has to be said of the points.
    pub(crate) notes: Vec<String>,
}

impl Sample {
    /// What the loss is drawn over: losses that have it in common come into one picture.
    pub(crate) fn axes(&self) -> String {
        let map = self.map.iter().map(|map| format!("{} and {}", map.x.0, map.y.0));
        map.chain([self.x.clone()]).collect::<Vec<_>>().join("; ")
    }
}

/// What is said where the values of a batch depend on each other.
pub(crate) fn batch_note(dependent: bool, batch: &str) -> Vec<String> {
    if dependent { vec![format!("the value depends on the batch, here {batch}")] } else { Vec::new() }
}

/// Evaluates a loss where its family says.
pub(crate) fn sample(config: &LossConfig) -> Result<Sample, PlotError> {
    let probe = Probe::new(config)?;
    let probe = if matches!(config, LossConfig::Heads(_)) { heads::small(probe)? } else { probe };
    match probe.loss()? {
        AnyLoss::Regression(_) => regression::sample(&probe),
        AnyLoss::Binary(_) => binary::sample(&probe),
        AnyLoss::Classification(_) => classification::sample(&probe),
        AnyLoss::Distribution(loss) => distribution::sample(&probe, &loss),
        AnyLoss::Segmentation(loss) => segmentation::sample(&probe, &loss),
        AnyLoss::Boxes(loss) => boxes::sample(&probe, &loss),
        AnyLoss::Heads(head) => heads::sample(&probe, &head),
        AnyLoss::Metric(_) => metric::sample(probe),
    }
}
