//! A picture, and how it is made from configs.

use crate::color::LINES;
use crate::compare::{names, parameters};
use crate::error::PlotError;
use crate::families::{LOSS, Sample, sample, sample_curves};
use crate::layout;
use crate::panel::{Curve, Panel};
use crate::svg;
use crate::sweep::sweep;
use burn_losses::{LossConfig, LossInfo, registry};

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

    /// The picture of a loss that shows what its main field does: a curve for each of some values of the field. The map is that
    /// of the config itself.
    ///
    /// ```
    /// use burn_losses::LossConfig;
    /// use burn_losses_plot::Picture;
    ///
    /// let svg = Picture::sweep(&LossConfig::from_kind("binary", "focal")?)?.svg(None);
    /// assert!(svg.contains("gamma = 0") && svg.contains("gamma = 4"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sweep(config: &LossConfig) -> Result<Self, PlotError> {
        let own = Self::new(std::slice::from_ref(config))?;
        let configs = info(config).map(|info| sweep(config, &info)).unwrap_or_default();
        if configs.len() < 2 {
            return Ok(own);
        }
        let without_map = |config| sample_curves(config).map(|sample| Sample { map: None, ..sample });
        let samples = configs.iter().map(without_map).collect::<Result<Vec<_>, _>>()?;
        let note = notes(&samples);
        let maps = own.panels.into_iter().filter(|panel| matches!(panel, Panel::Map(_)));
        let panels = maps.chain(panels(samples, &names(&configs))).collect();
        Ok(Self { title: own.title, subtitle: own.subtitle, panels, note })
    }

    /// Pictures that compare losses of a family: the first curve of each, at most ten in a picture, since more could not be told
    /// apart by their colors. Losses with the same curve share it, and losses of different axes have different pictures.
    pub fn comparisons(family: &str) -> Result<Vec<Self>, PlotError> {
        let mut groups: Vec<((String, String), Vec<Curve>)> = Vec::new();
        for info in registry().into_iter().filter(|info| info.family == family) {
            let sample = sample_curves(&LossConfig::example(info.family, info.kind)?)?;
            let axes = (sample.x, sample.gradient);
            let Some(mut curve) = sample.curves.into_iter().next() else { continue };
            curve.name = info.kind.to_owned();
            match groups.iter_mut().find(|(other, _)| *other == axes) {
                None => groups.push((axes, vec![curve])),
                Some((_, curves)) => match curves.iter_mut().find(|other| other.is_like(&curve)) {
                    Some(other) => other.name = format!("{}, {}", other.name, info.kind),
                    None => curves.push(curve),
                },
            }
        }
        let subtitle = "with default fields; a line that reaches much farther than the others is cut";
        let pictures = groups.iter().filter(|(_, curves)| curves.len() > 1).flat_map(|((x, gradient), curves)| {
            let most = curves.len().div_ceil(curves.len().div_ceil(LINES.len()));
            let named = |curve: &Curve| (curve.name.clone(), String::new(), curve.clone());
            curves.chunks(most).map(move |curves| Self {
                title: format!("{family}: compared"),
                subtitle: subtitle.to_owned(),
                panels: Panel::variants(x, [LOSS, gradient], &curves.iter().map(named).collect::<Vec<_>>()).into(),
                note: "of a loss with several curves, the first".to_owned(),
            })
        });
        Ok(pictures.collect())
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

/// What the registry says about a loss.
fn info(config: &LossConfig) -> Option<LossInfo> {
    registry().into_iter().find(|info| info.family == config.family() && info.kind == config.kind())
}

/// The summary of a loss, and its numeric fields.
fn summary(config: &LossConfig) -> String {
    let summary = info(config).map(|info| info.summary).unwrap_or_default();
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

/// The maps of all samples, then the panels with all of their curves.
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
        // In one picture, each config has a color, and each of its curves has a dash.
        let named = |curve: Curve| match several {
            true => (name.clone(), curve.name.clone(), curve),
            false => (curve.name.clone(), String::new(), curve),
        };
        curves.extend(distinct(sample.curves).into_iter().map(named));
    }
    // A derivative that is 0 everywhere needs no panel.
    let is_flat = curves.iter().all(|(.., curve)| curve.gradient.iter().all(|slope| *slope == 0.0));
    panels.extend(Panel::variants(&x, [LOSS, &gradient], &curves).into_iter().take(if is_flat { 1 } else { 2 }));
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
