//! What is drawn for a loss: each family decides at which points the loss is evaluated.

mod binary;
mod boxes;
mod classification;
mod distribution;
mod generative;
mod heads;
mod image;
mod likelihood;
mod metric;
mod preference;
mod ranking;
mod regression;
mod segmentation;
mod self_supervised;
mod sequence;
mod vectors;

use crate::error::PlotError;
use crate::panel::{Curve, Map};
use crate::probe::Probe;
use burn_losses::{AnyLoss, LossConfig};

/// The maps and curves of one loss.
pub(crate) struct Sample {
    /// The loss's values over two arguments, if it has two.
    pub(crate) map: Option<Map>,
    /// The label of the curves' x axis.
    pub(crate) x: String,
    /// The label of the curves' derivatives.
    pub(crate) gradient: String,
    /// The curves, with values and derivatives.
    pub(crate) curves: Vec<Curve>,
    /// How much of what the derivatives are taken by one unit of the x axis is; none if they are taken by something else.
    pub(crate) unit: Option<f64>,
    /// Remarks about the points at which the loss is evaluated.
    pub(crate) notes: Vec<String>,
}

/// The title of values.
pub(crate) const LOSS: &str = "loss L";

/// The title of the derivatives of the loss.
pub(crate) fn derivative(by: &str) -> String {
    format!("dL/d({by})")
}

/// One degree, where derivatives are taken by radians.
pub(crate) const DEGREE: Option<f64> = Some(std::f64::consts::PI / 180.0);

impl Sample {
    /// The remark for a loss whose derivatives are not the slopes of its values, because a part of them counts as constant.
    fn with_constant_note(mut self) -> Self {
        let Some(unit) = self.unit else { return self };
        if self.curves.iter().any(|curve| curve.treats_a_part_as_constant(unit)) {
            let note = "the gradient treats a part of the value as a constant: it is not the slope of the value";
            self.notes.push(note.into());
        }
        self
    }

    /// The axes of the loss: losses with equal axes can share a picture.
    pub(crate) fn axes(&self) -> String {
        let map = self.map.iter().map(|map| format!("{} and {}", map.x.0, map.y.0));
        map.chain([self.x.clone()]).collect::<Vec<_>>().join("; ")
    }
}

/// The remark for a loss whose values in a batch depend on each other.
pub(crate) fn batch_note(dependent: bool, batch: &str) -> Vec<String> {
    if dependent { vec![format!("the value depends on the batch, here {batch}")] } else { Vec::new() }
}

/// Evaluates a loss at the points of its family.
pub(crate) fn sample(config: &LossConfig) -> Result<Sample, PlotError> {
    sample_of(Probe::new(config)?)
}

/// The same without a map, which has many more points than the curves.
pub(crate) fn sample_curves(config: &LossConfig) -> Result<Sample, PlotError> {
    sample_of(Probe::new(config)?.without_map())
}

fn sample_of(probe: Probe) -> Result<Sample, PlotError> {
    let probe = match probe.config() {
        LossConfig::Heads(_) => heads::small(probe)?,
        LossConfig::Boxes(_) => boxes::in_an_image(probe)?,
        _ => probe,
    };
    let terms = terms(&probe);
    let mut sample = match probe.loss()? {
        AnyLoss::Regression(_) => regression::sample(&probe),
        AnyLoss::Likelihood(loss) => likelihood::sample(&probe, &loss),
        AnyLoss::Binary(_) => binary::sample(&probe),
        AnyLoss::Classification(_) => classification::sample(&probe),
        AnyLoss::Distribution(loss) => distribution::sample(&probe, &loss),
        AnyLoss::Segmentation(loss) => segmentation::sample(&probe, &loss),
        AnyLoss::Boxes(loss) => boxes::sample(&probe, &loss),
        AnyLoss::Heads(head) => heads::sample(&probe, &head),
        AnyLoss::Metric(_) => metric::sample(probe),
        AnyLoss::Vectors(loss) => vectors::sample(&probe, &loss),
        AnyLoss::SelfSupervised(_) => self_supervised::sample(&probe),
        AnyLoss::Image(_) => image::sample(&probe),
        AnyLoss::Generative(loss) => generative::sample(&probe, &loss),
        AnyLoss::Sequence(loss) => sequence::sample(&probe, &loss),
        AnyLoss::Ranking(_) => ranking::sample(&probe),
        AnyLoss::Preference(loss) => preference::sample(&probe, &loss),
    }?;
    sample.notes.extend(terms.map(|terms| format!("the terms are {terms}")));
    Ok(sample.with_constant_note())
}

/// The kinds of the terms of a sum.
fn terms(probe: &Probe) -> Option<String> {
    let terms = probe.field("terms")?.as_object()?.values();
    Some(terms.filter_map(|term| term.get("kind")?.as_str()).collect::<Vec<_>>().join(" and "))
}
