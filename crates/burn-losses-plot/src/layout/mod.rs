//! The positions of all parts of a picture.

mod axes;
mod legend;
mod lines;
mod map;

use crate::canvas::{Anchor, BLACK, Canvas, GRAY, WHITE, width};
use crate::compare::NO_BREAK;
use crate::panel::Panel;
use crate::picture::Picture;
use axes::{AROUND, Area};
use legend::Keys;

/// The width and height of a panel, without its margins.
const PANEL: (f64, f64) = (330.0, 230.0);
/// The most panels in one row. A page shows a picture about as wide as two panels.
const ROW: usize = 2;
const EDGE: f64 = 16.0;
const SMALL: f64 = 11.0;
const NORMAL: f64 = 12.0;
const LARGE: f64 = 16.0;

/// Draws a picture, stretched to the proportions of `size` if that is given.
pub(crate) fn draw(picture: &Picture, size: Option<(u32, u32)>) -> Canvas {
    let columns = picture.panels.len().clamp(1, ROW);
    let rows = picture.panels.len().div_ceil(columns).max(1);
    // A single panel is as wide as two.
    let mut all = ROW as f64 * PANEL.0 + 2.0 * EDGE;
    let keys = Keys::new(picture);
    let around = |all: f64| {
        let legend = legend::rows(&keys.entries(), all - 2.0 * EDGE).len();
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
    legend::draw(&mut canvas, &keys.entries(), EDGE + heading(picture, all));
    let panel = (all - 2.0 * EDGE) / columns as f64;
    let high = (height - above - below) / rows as f64;
    for (i, part) in picture.panels.iter().enumerate() {
        // If one panel is left for the last row, it lies below the last one of the row above: the value and then its derivative.
        let is_left = i + 1 == picture.panels.len() && i % columns == 0 && rows > 1;
        let (row, column) = (i / columns, if is_left { columns - 1 } else { i % columns });
        let area = Area { x: EDGE + column as f64 * panel, y: above + row as f64 * high, width: panel, height: high };
        match part {
            Panel::Lines { title, x, lines } => lines::draw(&mut canvas, area, (title, x), lines, &keys),
            Panel::Map(map) => map::draw(&mut canvas, area, map, map::levels(&picture.panels)),
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

/// The smallest and the largest finite number.
fn extent(numbers: impl Iterator<Item = f64>) -> (f64, f64) {
    let finite = numbers.filter(|number| number.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    if low > high { (0.0, 1.0) } else { (low, high) }
}
