//! The positions of all parts of a picture.

use crate::canvas::{Anchor, BLACK, Canvas, GRAY, GRID, WHITE, ZERO, width};
use crate::color::{LINES, viridis};
use crate::contour::region;
use crate::panel::{Line, Map, Panel};
use crate::picture::Picture;
use crate::ticks::{label, ticks};

/// The width and height of a panel, without its margins.
const PANEL: (f64, f64) = (330.0, 230.0);
/// The most panels in one row.
const ROW: usize = 3;
const EDGE: f64 = 16.0;
/// The margins around a panel's axes: left, right, above, below.
const AROUND: [f64; 4] = [52.0, 14.0, 26.0, 40.0];
/// The width of a map's color scale, to the right of the map.
const SCALE: f64 = 52.0;
const SMALL: f64 = 11.0;
const NORMAL: f64 = 12.0;
const LARGE: f64 = 16.0;

/// A rectangle in the picture.
#[derive(Clone, Copy)]
struct Area {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

/// Draws a picture, stretched to the proportions of `size` if that is given.
pub(crate) fn draw(picture: &Picture, size: Option<(u32, u32)>) -> Canvas {
    let columns = picture.panels.len().clamp(1, if picture.panels.len() == 4 { 2 } else { ROW });
    let rows = picture.panels.len().div_ceil(columns).max(1);
    let mut all = columns as f64 * PANEL.0 + 2.0 * EDGE;
    let around = |all: f64| {
        let legend = rows_of_legend(&names(picture), all - 2.0 * EDGE).len();
        let lines = wrapped(&picture.note, all - 2.0 * EDGE, SMALL).len();
        (EDGE + heading(picture, all) + 20.0 * legend as f64, 15.0 * lines as f64 + EDGE)
    };
    let (above, below) = around(all);
    let mut height = above + below + rows as f64 * (PANEL.1 + AROUND[2] + AROUND[3]);
    if let Some((w, h)) = size {
        // The proportions are reached by making the picture higher, or else wider.
        let wanted = all * f64::from(h) / f64::from(w);
        if wanted >= height * 0.75 {
            height = wanted
        } else {
            (height, all) = (height * 0.75, height * 0.75 * f64::from(w) / f64::from(h))
        }
    }
    (all, height) = (all.round(), height.round());
    let (above, below) = around(all);
    let mut canvas = Canvas { width: all, height, shapes: Vec::new() };
    canvas.rectangle((0.0, 0.0), (all, height), WHITE);
    canvas.text((EDGE, EDGE + 12.0), &picture.title, LARGE, Anchor::Start, BLACK).bold = true;
    for (i, line) in wrapped(&picture.subtitle, all - 2.0 * EDGE, NORMAL).iter().enumerate() {
        canvas.text((EDGE, EDGE + 32.0 + 16.0 * i as f64), line, NORMAL, Anchor::Start, GRAY);
    }
    legend(&mut canvas, picture, EDGE + heading(picture, all));
    let panel = (all - 2.0 * EDGE) / columns as f64;
    let high = (height - above - below) / rows as f64;
    for (i, part) in picture.panels.iter().enumerate() {
        let (row, column) = (i / columns, i % columns);
        let area = Area { x: EDGE + column as f64 * panel, y: above + row as f64 * high, width: panel, height: high };
        match part {
            Panel::Lines { title, x, lines } => draw_lines(&mut canvas, area, title, x, lines),
            Panel::Map(map) => draw_map(&mut canvas, area, map, levels(&picture.panels)),
        }
    }
    for (i, line) in wrapped(&picture.note, all - 2.0 * EDGE, SMALL).iter().enumerate() {
        canvas.text((EDGE, height - below + 10.0 + 15.0 * i as f64), line, SMALL, Anchor::Start, GRAY);
    }
    canvas
}

/// The height of the title and the subtitle.
fn heading(picture: &Picture, all: f64) -> f64 {
    22.0 + 16.0 * wrapped(&picture.subtitle, all - 2.0 * EDGE, NORMAL).len() as f64
}

/// Wraps a text into lines of at most the width `space`.
fn wrapped(text: &str, space: f64, size: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(line, size) + width(word, size) + size / 3.0 <= space => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The names of the lines, in the order of their colors; empty if no line has a name.
fn names(picture: &Picture) -> Vec<String> {
    let lines = picture.panels.iter().find_map(|panel| match panel {
        Panel::Lines { lines, .. } => Some(lines),
        Panel::Map(_) => None,
    });
    let names: Vec<_> = lines.into_iter().flatten().map(|line| line.name.clone()).collect();
    if names.iter().all(String::is_empty) { Vec::new() } else { names }
}

/// The rows of the legend: the indices of the names, and their horizontal positions.
fn rows_of_legend(names: &[String], space: f64) -> Vec<Vec<(usize, f64)>> {
    let mut rows: Vec<Vec<(usize, f64)>> = Vec::new();
    let mut x = 0.0;
    for (i, name) in names.iter().enumerate() {
        let need = 28.0 + width(name, NORMAL) + 18.0;
        if rows.is_empty() || x + need > space + 18.0 {
            rows.push(Vec::new());
            x = 0.0;
        }
        if let Some(row) = rows.last_mut() {
            row.push((i, x));
        }
        x += need;
    }
    rows
}

fn legend(canvas: &mut Canvas, picture: &Picture, top: f64) {
    let names = names(picture);
    for (i, row) in rows_of_legend(&names, canvas.width - 2.0 * EDGE).into_iter().enumerate() {
        let y = top + 20.0 * i as f64 + 10.0;
        for (name, x) in row {
            let x = EDGE + x;
            canvas.line(&[(x, y), (x + 22.0, y)], LINES[name % LINES.len()], 2.5);
            canvas.text((x + 28.0, y + 4.0), &names[name], NORMAL, Anchor::Start, BLACK);
        }
    }
}

/// The axes of a panel, and the numbers at them.
struct Axes {
    area: Area,
    x: (f64, f64),
    y: (f64, f64),
}

impl Axes {
    fn new(area: Area, right: f64, x: (f64, f64), y: (f64, f64)) -> Self {
        let [left, _, above, below] = AROUND;
        let area = Area {
            x: area.x + left,
            y: area.y + above,
            width: area.width - left - right,
            height: area.height - above - below,
        };
        Self { area, x, y }
    }

    fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let part = |value: f64, (low, high): (f64, f64)| (value - low) / (high - low);
        let Area { x: left, y: top, width, height } = self.area;
        (left + part(x, self.x) * width, top + (1.0 - part(y, self.y)) * height)
    }

    /// Draws the grid, the numbers and the names.
    fn draw(&self, canvas: &mut Canvas, title: &str, x_name: &str, grid: bool) {
        let Area { x: left, y: top, width: wide, height: high } = self.area;
        canvas.text((left, top - 9.0), title, NORMAL, Anchor::Start, BLACK).bold = true;
        let (xs, x_step) = ticks(self.x.0, self.x.1, (wide / 36.0).max(3.0) as usize);
        let (ys, y_step) = ticks(self.y.0, self.y.1, (high / 28.0).max(3.0) as usize);
        for x in xs {
            let place = self.at((x, self.y.0)).0;
            if grid {
                canvas.line(&[(place, top), (place, top + high)], if x == 0.0 { ZERO } else { GRID }, 1.0);
            } else {
                canvas.line(&[(place, top + high), (place, top + high + 4.0)], ZERO, 1.0);
            }
            canvas.text((place, top + high + 15.0), &label(x, x_step), SMALL, Anchor::Middle, GRAY);
        }
        for y in ys {
            let place = self.at((self.x.0, y)).1;
            if grid {
                canvas.line(&[(left, place), (left + wide, place)], if y == 0.0 { ZERO } else { GRID }, 1.0);
            } else {
                canvas.line(&[(left - 4.0, place), (left, place)], ZERO, 1.0);
            }
            canvas.text((left - 6.0, place + 4.0), &label(y, y_step), SMALL, Anchor::End, GRAY);
        }
        canvas.text((left + wide / 2.0, top + high + 31.0), x_name, NORMAL, Anchor::Middle, BLACK);
    }
}

fn draw_lines(canvas: &mut Canvas, area: Area, title: &str, x: &str, lines: &[Line]) {
    let points = || lines.iter().flat_map(|line| &line.points).filter(|(_, y)| y.is_finite());
    let y = roomy(extent(points().map(|point| point.1)));
    let axes = Axes::new(area, AROUND[1], extent(points().map(|point| point.0)), y);
    axes.draw(canvas, title, x, true);
    // The first line is drawn on top, as in the legend.
    for (i, line) in lines.iter().enumerate().rev() {
        for part in line.points.split(|(_, y)| !y.is_finite()).filter(|part| part.len() > 1) {
            let places: Vec<_> = part.iter().map(|&point| axes.at(point)).collect();
            canvas.line(&places, LINES[i % LINES.len()], 2.0);
        }
    }
}

/// The smallest and the largest finite number.
fn extent(numbers: impl Iterator<Item = f64>) -> (f64, f64) {
    let finite = numbers.filter(|number| number.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    if low > high { (0.0, 1.0) } else { (low, high) }
}

/// A range with a little space on both sides; for a constant, a range in which it is visible.
fn roomy((low, high): (f64, f64)) -> (f64, f64) {
    let size = low.abs().max(high.abs());
    match high - low {
        span if span > 1e-9 * size && span > 0.0 => (low - 0.05 * span, high + 0.05 * span),
        _ => (
            low.min(0.0) - 0.1 * (size + f64::from(size == 0.0)),
            high.max(0.0) + 0.1 * (size + f64::from(size == 0.0)),
        ),
    }
}

/// The levels of all maps of a picture, so that a color has the same meaning in each, and the range of the values.
struct Levels {
    low: f64,
    high: f64,
    between: Vec<f64>,
    step: f64,
}

fn levels(panels: &[Panel]) -> Levels {
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

fn draw_map(canvas: &mut Canvas, area: Area, map: &Map, levels: Levels) {
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
        canvas.dotted(&cut.map(|point| axes.at(point)), WHITE, 1.5);
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
