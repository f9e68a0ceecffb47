//! A panel with a map, and its color scale.

use super::axes::{AROUND, Area, Axes};
use super::{NORMAL, SMALL, extent};
use crate::canvas::{Anchor, BLACK, Canvas, DOTS, GRAY, WHITE};
use crate::color::viridis;
use crate::contour::region;
use crate::panel::{Map, Panel};
use crate::ticks::{label, ticks};

/// The width of a map's color scale, to the right of the map.
const SCALE: f64 = 52.0;

/// The levels of all maps of a picture, so that a color has the same meaning in each, and the range of the values.
pub(super) struct Levels {
    low: f64,
    high: f64,
    between: Vec<f64>,
    step: f64,
}

/// The levels of the maps among these panels.
pub(super) fn levels(panels: &[Panel]) -> Levels {
    let values = panels.iter().flat_map(|panel| match panel {
        Panel::Map(map) => map.values.as_slice(),
        Panel::Lines { .. } => &[],
    });
    let (low, high) = extent(values.copied());
    let padding = 1e-6 * (high - low);
    let (mut between, step) = if high > low { ticks(low, high, 12) } else { (Vec::new(), 1.0) };
    between.retain(|level| (low + padding..high - padding).contains(level));
    Levels { low, high, between, step }
}

impl Levels {
    /// The color between one level and the next; band 0 lies below all levels.
    fn color(&self, band: usize) -> [u8; 3] {
        viridis(if self.between.is_empty() { 0.5 } else { band as f64 / self.between.len() as f64 })
    }
}

pub(super) fn draw(canvas: &mut Canvas, area: Area, map: &Map, levels: Levels) {
    let (x, y) = ((map.x.1, map.x.2), (map.y.1, map.y.2));
    let mut axes = Axes::new(area, AROUND[1] + SCALE, x, y);
    // A map is at most a quarter wider than it is high.
    let side = axes.area.width.min(axes.area.height);
    axes.area.width = side.max(axes.area.width.min(1.25 * side));
    let Area { x: left, y: top, width: wide, height: high } = axes.area;
    let (columns, rows) = (map.columns, map.values.len() / map.columns);
    let place = |(column, row): &(f64, f64)| {
        (left + column / (columns - 1) as f64 * wide, top + (1.0 - row / (rows - 1) as f64) * high)
    };
    canvas.rectangle((left, top), (wide, high), levels.color(0));
    for (i, level) in levels.between.iter().enumerate() {
        // This lies a little above the level, so that rounding errors of values at the level do not show.
        let above = level + 1.3e-6 * (levels.high - levels.low);
        let outlines = region(&map.values, columns, above);
        let rings: Vec<Vec<_>> = outlines.iter().map(|outline| outline.iter().map(place).collect()).collect();
        canvas.area(&rings, levels.color(i + 1), Some(WHITE));
    }
    for cut in &map.cuts {
        canvas.dashed(&cut.map(|point| axes.at(point)), WHITE, 1.5, DOTS);
    }
    axes.draw(canvas, &map.title, &map.x.0, false);
    canvas.text((left - 36.0, top + high / 2.0), &map.y.0, NORMAL, Anchor::Middle, BLACK).upwards = true;
    // The scale shows every level where its color begins.
    let (bands, bar) = (levels.between.len() + 1, left + wide + 12.0);
    let step = high / bands as f64;
    for band in 0..bands {
        let y = top + high - (band + 1) as f64 * step;
        canvas.rectangle((bar, y), (12.0, step), levels.color(band));
        if let Some(level) = levels.between.get(band) {
            canvas.text((bar + 17.0, y + 4.0), &label(*level, levels.step), SMALL, Anchor::Start, GRAY);
        }
    }
}
