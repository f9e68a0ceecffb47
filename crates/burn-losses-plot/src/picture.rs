//! A picture, and how it is made from configs.

use crate::compare::{names, parameters};
use crate::error::PlotError;
use crate::families::{Sample, sample};
use crate::layout;
use crate::panel::{Curve, Panel};
use crate::svg;
use burn_losses::{LossConfig, registry};

/// Panels with a title and a legend.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// The first line.
    pub title: String,
    /// The second line.
    pub subtitle: String,
    /// The panels, from left to right, and from top to bottom.
    pub panels: Vec<Panel>,
    /// Further remarks, below the panels.
    pub note: String,
}

impl Picture {
    /// The picture of a loss, or of several losses that are drawn over the same axes.
    pub fn new(configs: &[LossConfig]) -> Result<Self, PlotError> {
        let first = configs.first().ok_or(PlotError::Nothing)?;
        let samples = configs.iter().map(sample).collect::<Result<Vec<_>, _>>()?;
        for (config, sample) in configs.iter().zip(&samples) {
            if config.family() != first.family() || sample.axes() != samples[0].axes() {
                let name = |config: &LossConfig| format!("{}/{}", config.family(), config.kind());
                let (first, other) = (name(first), name(config));
                return Err(PlotError::Axes { first, other, axes: samples[0].axes(), others: sample.axes() });
            }
        }
        let mut kinds: Vec<&str> = configs.iter().map(LossConfig::kind).collect();
        kinds.dedup();
        let (family, names) = (first.family(), names(configs));
        let (title, subtitle) = match configs {
            [config] => (format!("{family} / {}", kinds[0]), summary(config)),
            _ => (format!("{family} / {}", kinds.join(", ")), String::new()),
        };
        Ok(Self { title, subtitle, note: notes(&samples), panels: panels(samples, &names) })
    }

    /// The picture as SVG. `size` is the size at which it is shown; the default is [`size`](Self::size).
    pub fn svg(&self, size: Option<(u32, u32)>) -> String {
        let canvas = layout::draw(self, size);
        svg::write(&canvas, &self.title, size.unwrap_or((canvas.width as u32, canvas.height as u32)))
    }

    /// The picture as PNG. `size` is its width and height in pixels; the default is twice [`size`](Self::size).
    #[cfg(feature = "png")]
    pub fn png(&self, size: Option<(u32, u32)>) -> Vec<u8> {
        let canvas = layout::draw(self, size);
        crate::png::write(&canvas, size.unwrap_or((2 * canvas.width as u32, 2 * canvas.height as u32)))
    }

    /// The picture's own width and height.
    pub fn size(&self) -> (u32, u32) {
        let canvas = layout::draw(self, None);
        (canvas.width as u32, canvas.height as u32)
    }
}

/// The summary of a loss, and its numeric fields.
fn summary(config: &LossConfig) -> String {
    let of = |info: &burn_losses::LossInfo| info.family == config.family() && info.kind == config.kind();
    let summary = registry().into_iter().find(of).map(|info| info.summary).unwrap_or_default();
    match parameters(config) {
        numbers if numbers.is_empty() => summary.to_owned(),
        numbers => format!("{summary} ({numbers})"),
    }
}

/// The remarks about the samples, without repetitions.
fn notes(samples: &[Sample]) -> String {
    let mut notes: Vec<&str> = samples.iter().flat_map(|sample| &sample.notes).map(String::as_str).collect();
    let mut seen = Vec::new();
    notes.retain(|note| {
        !seen.contains(note) && {
            seen.push(note);
            true
        }
    });
    notes.join("; ")
}

/// The maps of all samples, then a panel with all of their curves.
fn panels(samples: Vec<Sample>, names: &[String]) -> Vec<Panel> {
    let several = names.len() > 1;
    let (x, gradient) = (samples[0].x.clone(), samples[0].gradient.clone());
    let mut panels = Vec::new();
    let mut curves = Vec::new();
    for (sample, name) in samples.into_iter().zip(names) {
        panels.extend(sample.map.map(|mut map| {
            if several {
                map.title = name.clone();
            }
            Panel::Map(map)
        }));
        let named = |mut curve: Curve| {
            if several {
                curve.name =
                    [name.as_str(), &curve.name].into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join(": ");
            }
            curve
        };
        curves.extend(distinct(sample.curves).into_iter().map(named));
    }
    panels.extend(Panel::curves(&x, &gradient, &curves));
    panels
}

/// The curves without those that an earlier one covers; if only one of several is left, it needs no name.
fn distinct(all: Vec<Curve>) -> Vec<Curve> {
    let mut curves: Vec<Curve> = Vec::new();
    let several = all.len() > 1;
    for curve in all {
        if !curves.iter().any(|other| other.is_like(&curve)) {
            curves.push(curve);
        }
    }
    if let ([curve], true) = (curves.as_mut_slice(), several) {
        curve.name = String::new();
    }
    curves
}
