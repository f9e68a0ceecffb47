//! The positions of all parts of a picture.

use crate::canvas::{Anchor, BLACK, Canvas, DOTS, Dash, GRAY, GRID, SOLID, WHITE, ZERO, width};
use crate::color::{Color, LINES, viridis};
use crate::compare::NO_BREAK;
use crate::contour::region;
use crate::panel::{Line, Map, Panel};
use crate::picture::Picture;
use crate::ticks::{degrees, label, ticks};

/// The width and height of a panel, without its margins.
const PANEL: (f64, f64) = (330.0, 230.0);
/// The most panels in one row. A page shows a picture about as wide as two panels.
const ROW: usize = 2;
/// The dashes of the variants of a line.
const DASHES: [Dash; 4] = [SOLID, &[7.0, 4.0], DOTS, &[10.0, 3.0, 2.0, 3.0]];
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
    let columns = picture.panels.len().clamp(1, ROW);
    let rows = picture.panels.len().div_ceil(columns).max(1);
    let mut all = columns as f64 * PANEL.0 + 2.0 * EDGE;
    let keys = Keys::new(picture);
    let around = |all: f64| {
        let legend = rows_of_legend(&keys.entries(), all - 2.0 * EDGE).len();
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
    legend(&mut canvas, &keys.entries(), EDGE + heading(picture, all));
    let panel = (all - 2.0 * EDGE) / columns as f64;
    let high = (height - above - below) / rows as f64;
    for (i, part) in picture.panels.iter().enumerate() {
        // If one panel is left for the last row, it lies below the last one of the row above: the value and then its derivative.
        let is_left = i + 1 == picture.panels.len() && i % columns == 0 && rows > 1;
        let (row, column) = (i / columns, if is_left { columns - 1 } else { i % columns });
        let area = Area { x: EDGE + column as f64 * panel, y: above + row as f64 * high, width: panel, height: high };
        match part {
            Panel::Lines { title, x, lines } => draw_lines(&mut canvas, area, (title, x), lines, &keys),
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
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let word = word.replace(NO_BREAK, " ");
        match lines.last_mut() {
            Some(line) if width(line, size) + width(&word, size) + size / 3.0 <= space => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

/// What the colors and the dashes of the lines mean: each name has a color, and each variant has a dash.
struct Keys<'a> {
    names: Vec<&'a str>,
    variants: Vec<&'a str>,
}

impl<'a> Keys<'a> {
    fn new(picture: &'a Picture) -> Self {
        let (mut names, mut variants): (Vec<&str>, Vec<&str>) = Default::default();
        let lines = picture.panels.iter().filter_map(|panel| match panel {
            Panel::Lines { lines, .. } => Some(lines),
            Panel::Map(_) => None,
        });
        for line in lines.flatten() {
            for (known, word) in [(&mut names, &line.name), (&mut variants, &line.variant)] {
                if !known.contains(&word.as_str()) {
                    known.push(word);
                }
            }
        }
        Self { names, variants }
    }

    /// No color repeats: many names have the colors of a scale.
    fn color(&self, name: &str) -> Color {
        let (place, count) = (self.names.iter().position(|known| *known == name).unwrap_or(0), self.names.len());
        LINES.get(place).filter(|_| count <= LINES.len()).copied().unwrap_or_else(|| {
            // The lightest part of the scale is hard to see on white.
            viridis(0.9 * place as f64 / (count.max(2) - 1) as f64)
        })
    }

    fn dash(&self, variant: &str) -> Dash {
        let place = self.variants.iter().position(|known| *known == variant).unwrap_or(0);
        DASHES[place % DASHES.len()]
    }

    /// The entries of the legend. Nothing to tell apart needs no entry.
    fn entries(&self) -> Vec<(&'a str, Color, Dash)> {
        let names = self.names.iter().map(|name| (*name, self.color(name), SOLID));
        let variants = self.variants.iter().map(|variant| (*variant, GRAY, self.dash(variant)));
        names.chain(variants).filter(|(word, ..)| !word.is_empty()).collect()
    }
}

/// The rows of the legend: the indices of the entries, and their horizontal positions.
fn rows_of_legend(entries: &[(&str, Color, Dash)], space: f64) -> Vec<Vec<(usize, f64)>> {
    let mut rows: Vec<Vec<(usize, f64)>> = Vec::new();
    let mut x = 0.0;
    for (i, (name, ..)) in entries.iter().enumerate() {
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

fn legend(canvas: &mut Canvas, entries: &[(&str, Color, Dash)], top: f64) {
    for (i, row) in rows_of_legend(entries, canvas.width - 2.0 * EDGE).into_iter().enumerate() {
        let y = top + 20.0 * i as f64 + 10.0;
        for (entry, x) in row {
            let ((name, color, dash), x) = (entries[entry], EDGE + x);
            canvas.dashed(&[(x, y), (x + 22.0, y)], color, 2.5, dash);
            canvas.text((x + 28.0, y + 4.0), name, NORMAL, Anchor::Start, BLACK);
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
        let (xs, x_step) = match x_name.ends_with("degrees") {
            true => degrees(self.x.0, self.x.1),
            false => ticks(self.x.0, self.x.1, (wide / 36.0).max(3.0) as usize),
        };
        let (ys, y_step) = ticks(self.y.0, self.y.1, (high / 28.0).max(3.0) as usize);
        for x in xs {
            let place = self.at((x, self.y.0)).0.clamp(left, left + wide);
            if grid {
                canvas.line(&[(place, top), (place, top + high)], if x == 0.0 { ZERO } else { GRID }, 1.0);
            } else {
                canvas.line(&[(place, top + high), (place, top + high + 4.0)], ZERO, 1.0);
            }
            canvas.text((place, top + high + 15.0), &label(x, x_step), SMALL, Anchor::Middle, GRAY);
        }
        for y in ys {
            let place = self.at((self.x.0, y)).1.clamp(top, top + high);
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

fn draw_lines(canvas: &mut Canvas, area: Area, (title, x): (&str, &str), lines: &[Line], keys: &Keys) {
    let points = || lines.iter().flat_map(|line| &line.points).filter(|(_, y)| y.is_finite());
    let y = roomy(shown(lines));
    let axes = Axes::new(area, AROUND[1], extent(points().map(|point| point.0)), y);
    axes.draw(canvas, title, x, true);
    // The first line is drawn on top, as in the legend.
    for line in lines.iter().rev() {
        for part in parts(&line.points, y) {
            let places: Vec<_> = part.into_iter().map(|point| axes.at(point)).collect();
            canvas.dashed(&places, keys.color(&line.name), 2.0, keys.dash(&line.variant));
        }
    }
}

/// The range of values that is shown. Lines that reach much farther than half of the lines are cut: the others would look flat.
fn shown(lines: &[Line]) -> (f64, f64) {
    let all: Vec<_> = lines.iter().map(|line| extent(line.points.iter().map(|point| point.1))).collect();
    let (low, high) = extent(all.iter().flat_map(|(low, high)| [*low, *high]));
    if lines.len() < 3 {
        return (low, high);
    }
    let median = |mut ends: Vec<f64>| {
        ends.sort_by(f64::total_cmp);
        ends[(ends.len() - 1) / 2]
    };
    let upper = median(all.iter().map(|(_, high)| *high).collect());
    let lower = -median(all.iter().map(|(low, _)| -low).collect());
    let span = upper - lower;
    if span > 0.0 && high - low > 4.0 * span { (low.max(lower - span), high.min(upper + span)) } else { (low, high) }
}

/// The parts of a line that are drawn: it is broken where it jumps and where it has no value, and cut where it leaves the range.
fn parts(points: &[(f64, f64)], (low, high): (f64, f64)) -> Vec<Vec<(f64, f64)>> {
    let steps: Vec<_> = points.windows(2).map(|pair| (pair[1].1 - pair[0].1).abs()).collect();
    // At a jump, a line changes by much more than next to it. The steps at both sides of a point on a jump are alike.
    let is_jump = |at: usize| {
        let mut around: Vec<_> =
            (at.saturating_sub(3)..(at + 4).min(steps.len())).filter(|i| *i != at).map(|i| steps[i]).collect();
        around.sort_by(f64::total_cmp);
        let usual = around.get(around.len() / 2).copied().unwrap_or(steps[at]);
        steps[at] > 0.05 * (high - low) && steps[at] > 6.0 * usual
    };
    let mut parts = vec![Vec::new()];
    for (at, pair) in points.windows(2).enumerate() {
        let [(x0, y0), (x1, y1)] = [pair[0], pair[1]];
        let is_drawn = y0.is_finite() && y1.is_finite() && !is_jump(at);
        // Where the segment is inside of the range, from 0 to 1 along it.
        let (mut from, mut to) = (0.0f64, 1.0f64);
        if y1 != y0 {
            let (one, other) = ((low - y0) / (y1 - y0), (high - y0) / (y1 - y0));
            (from, to) = (from.max(one.min(other)), to.min(one.max(other)));
        }
        if !is_drawn || from >= to || y0.min(y1) > high || y0.max(y1) < low {
            parts.push(Vec::new());
            continue;
        }
        let place = |part: f64| (x0 + part * (x1 - x0), y0 + part * (y1 - y0));
        if from > 0.0 {
            parts.push(Vec::new());
        }
        if let Some(part) = parts.last_mut() {
            if part.is_empty() {
                part.push(if from > 0.0 { place(from) } else { (x0, y0) });
            }
            part.push(if to < 1.0 { place(to) } else { (x1, y1) });
        }
        if to < 1.0 {
            parts.push(Vec::new());
        }
    }
    parts.retain(|part| part.len() > 1);
    parts
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

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, variant: &str, of: impl Fn(f64) -> f64) -> Line {
        let points = (0..=20).map(|i| f64::from(i) / 2.0 - 5.0).map(|x| (x, of(x))).collect();
        Line { name: name.to_owned(), variant: variant.to_owned(), points }
    }

    #[test]
    fn a_line_is_broken_at_a_jump_and_not_where_it_is_steep() {
        let of = |line: Line| parts(&line.points, (-2.0, 2.0)).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(of(line("", "", |x| x / 5.0)), [21]);
        assert_eq!(of(line("", "", |x| if x < 0.1 { -1.0 } else { 1.0 })), [11, 10]);
        // A point in the middle of a jump belongs to neither side.
        assert_eq!(of(line("", "", |x| if x == 0.0 { 0.0 } else { x.signum() })), [10, 10]);
    }

    #[test]
    fn a_line_is_cut_where_it_leaves_the_range() {
        let parts = parts(&line("", "", |x| x).points, (-2.25, 2.25));
        assert_eq!(parts.len(), 1);
        assert_eq!((parts[0][0], parts[0][parts[0].len() - 1]), ((-2.25, -2.25), (2.25, 2.25)));
        let lines = [line("a", "", |x| x * x), line("b", "", f64::abs), line("c", "", |x| x.abs() / 2.0)];
        assert_eq!(shown(&lines), (0.0, 10.0));
        assert_eq!(shown(&lines[..2]), (0.0, 25.0));
    }

    #[test]
    fn a_name_has_a_color_and_a_variant_has_a_dash() {
        let names = ["a", "b"].iter().flat_map(|name| ["x", "y"].map(|variant| line(name, variant, |x| x)));
        let panel = Panel::Lines { title: String::new(), x: String::new(), lines: names.collect() };
        let picture =
            Picture { title: String::new(), subtitle: String::new(), panels: vec![panel], note: String::new() };
        let keys = Keys::new(&picture);
        let words: Vec<_> = keys.entries().iter().map(|(word, ..)| *word).collect();
        assert_eq!(words, ["a", "b", "x", "y"]);
        assert_eq!([keys.color("a"), keys.color("b")], [LINES[0], LINES[1]]);
        assert_eq!([keys.dash("x"), keys.dash("y")], [DASHES[0], DASHES[1]]);
    }
}
