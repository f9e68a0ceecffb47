//! The colors and the dashes of the lines, and the legend that says what they mean.

use super::{EDGE, NORMAL};
use crate::canvas::{Anchor, BLACK, Canvas, DOTS, Dash, GRAY, SOLID, width};
use crate::color::{Color, LINES, viridis};
use crate::panel::Panel;
use crate::picture::Picture;

/// The dashes of the variants of a line.
const DASHES: [Dash; 4] = [SOLID, &[7.0, 4.0], DOTS, &[10.0, 3.0, 2.0, 3.0]];

/// What the colors and the dashes of the lines mean: each name has a color, and each variant has a dash.
pub(super) struct Keys<'a> {
    names: Vec<&'a str>,
    variants: Vec<&'a str>,
}

impl<'a> Keys<'a> {
    pub(super) fn new(picture: &'a Picture) -> Self {
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
    pub(super) fn color(&self, name: &str) -> Color {
        let (place, count) = (self.names.iter().position(|known| *known == name).unwrap_or(0), self.names.len());
        LINES.get(place).filter(|_| count <= LINES.len()).copied().unwrap_or_else(|| {
            // The lightest part of the scale is hard to see on white.
            viridis(0.9 * place as f64 / (count.max(2) - 1) as f64)
        })
    }

    pub(super) fn dash(&self, variant: &str) -> Dash {
        let place = self.variants.iter().position(|known| *known == variant).unwrap_or(0);
        DASHES[place % DASHES.len()]
    }

    /// The entries of the legend. Nothing to tell apart needs no entry.
    pub(super) fn entries(&self) -> Vec<(&'a str, Color, Dash)> {
        let names = self.names.iter().map(|name| (*name, self.color(name), SOLID));
        let variants = self.variants.iter().map(|variant| (*variant, GRAY, self.dash(variant)));
        names.chain(variants).filter(|(word, ..)| !word.is_empty()).collect()
    }
}

/// The rows of the legend: the indices of the entries, and their horizontal positions.
pub(super) fn rows(entries: &[(&str, Color, Dash)], space: f64) -> Vec<Vec<(usize, f64)>> {
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

pub(super) fn draw(canvas: &mut Canvas, entries: &[(&str, Color, Dash)], top: f64) {
    for (i, row) in rows(entries, canvas.width - 2.0 * EDGE).into_iter().enumerate() {
        let y = top + 20.0 * i as f64 + 10.0;
        for (entry, x) in row {
            let ((name, color, dash), x) = (entries[entry], EDGE + x);
            canvas.dashed(&[(x, y), (x + 22.0, y)], color, 2.5, dash);
            canvas.text((x + 28.0, y + 4.0), name, NORMAL, Anchor::Start, BLACK);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::Line;

    #[test]
    fn a_name_has_a_color_and_a_variant_has_a_dash() {
        let line = |name: &str, variant: &str| Line { name: name.into(), variant: variant.into(), points: vec![] };
        let names = ["a", "b"].iter().flat_map(|name| ["x", "y"].map(|variant| line(name, variant)));
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
