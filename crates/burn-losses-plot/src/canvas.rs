//! The elements of a picture: lines, areas and text, with rounded coordinates.

use crate::color::Color;

pub(crate) const WHITE: Color = [255; 3];
pub(crate) const BLACK: Color = [30; 3];
pub(crate) const GRAY: Color = [85; 3];
pub(crate) const ZERO: Color = [150; 3];
pub(crate) const GRID: Color = [230; 3];

/// A coordinate, in tenths.
pub(crate) type Tenths = i64;

/// A number of tenths as a coordinate.
pub(crate) fn of_tenths(tenths: Tenths) -> f64 {
    tenths as f64 / 10.0
}

/// A coordinate, rounded to tenths. It is offset, since at a midpoint the last bit of a machine's logarithm would decide.
pub(crate) fn tenths(x: f64) -> Tenths {
    (x * 10.0 + 1.7e-5).round() as Tenths
}

/// The lengths of the strokes and gaps of a line, in turn; none for a solid line.
pub(crate) type Dash = &'static [f64];

pub(crate) const SOLID: Dash = &[];
pub(crate) const DOTS: Dash = &[2.0, 4.0];

/// Which part of a text lies at its position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Text {
    pub(crate) at: (Tenths, Tenths),
    pub(crate) text: String,
    pub(crate) size: f64,
    pub(crate) anchor: Anchor,
    pub(crate) color: Color,
    pub(crate) bold: bool,
    /// Whether the text runs from the bottom to the top.
    pub(crate) upwards: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    Line {
        points: Vec<(Tenths, Tenths)>,
        color: Color,
        width: f64,
        dash: Dash,
    },
    /// An area, filled by the even-odd rule, with an optional thin outline.
    Area {
        rings: Vec<Vec<(Tenths, Tenths)>>,
        color: Color,
        outline: Option<Color>,
    },
    Text(Text),
}

/// A picture: shapes, in the order in which they are drawn.
#[derive(Debug, Default)]
pub(crate) struct Canvas {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) shapes: Vec<Shape>,
}

impl Canvas {
    pub(crate) fn line(&mut self, points: &[(f64, f64)], color: Color, width: f64) {
        self.dashed(points, color, width, SOLID);
    }

    pub(crate) fn dashed(&mut self, points: &[(f64, f64)], color: Color, width: f64, dash: Dash) {
        self.shapes.push(Shape::Line { points: simple(points), color, width, dash });
    }

    pub(crate) fn area(&mut self, rings: &[Vec<(f64, f64)>], color: Color, outline: Option<Color>) {
        let rings: Vec<_> = rings.iter().map(|ring| simple(ring)).filter(|ring| ring.len() > 2).collect();
        if !rings.is_empty() {
            self.shapes.push(Shape::Area { rings, color, outline });
        }
    }

    pub(crate) fn rectangle(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), color: Color) {
        let ring = vec![(x, y), (x + width, y), (x + width, y + height), (x, y + height)];
        self.area(&[ring], color, None);
    }

    pub(crate) fn text(
        &mut self,
        (x, y): (f64, f64),
        text: &str,
        size: f64,
        anchor: Anchor,
        color: Color,
    ) -> &mut Text {
        let (at, text) = ((tenths(x), tenths(y)), text.to_owned());
        self.shapes.push(Shape::Text(Text { at, text, size, anchor, color, bold: false, upwards: false }));
        match self.shapes.last_mut() {
            Some(Shape::Text(text)) => text,
            _ => unreachable!("a text was pushed"),
        }
    }
}

/// The approximate width of a text in any of the usual fonts.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    let narrow =
        |c: char| matches!(c, 'i' | 'j' | 'l' | 't' | 'f' | 'r' | 'I' | '.' | ',' | ':' | ' ' | '(' | ')' | '|' | '\'');
    text.chars()
        .map(|c| {
            if narrow(c) {
                0.33
            } else if c.is_uppercase() || matches!(c, 'm' | 'w') {
                0.74
            } else {
                0.58
            }
        })
        .sum::<f64>()
        * size
}

/// Rounded points, without those within a tenth of the line between the points that are kept (Douglas and Peucker).
fn simple(points: &[(f64, f64)]) -> Vec<(Tenths, Tenths)> {
    let mut rounded: Vec<_> = points.iter().map(|&(x, y)| (tenths(x), tenths(y))).collect();
    rounded.dedup();
    let mut kept = vec![false; rounded.len()];
    let Some(last) = rounded.len().checked_sub(1) else { return rounded };
    (kept[0], kept[last]) = (true, true);
    let mut open = vec![(0, last)];
    while let Some((from, to)) = open.pop() {
        let (a, b) = (rounded[from], rounded[to]);
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        // The height is twice the triangle's area over its base; on a closed line, it is the distance from the end.
        let square = |p: (Tenths, Tenths)| match dx * dx + dy * dy {
            0 => ((p.0 - a.0).pow(2) + (p.1 - a.1).pow(2), 1),
            base => ((dx * (p.1 - a.1) - dy * (p.0 - a.0)).pow(2), base),
        };
        let farthest = (from + 1..to).max_by_key(|&i| square(rounded[i]).0);
        if let Some(middle) = farthest {
            let (height, base) = square(rounded[middle]);
            if height > base {
                kept[middle] = true;
                open.extend([(from, middle), (middle, to)]);
            }
        }
    }
    let mut kept = kept.into_iter();
    rounded.retain(|_| kept.next().unwrap_or(false));
    rounded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needless_points_are_dropped() {
        let line: Vec<_> = (0..=100).map(|i| (f64::from(i), 0.0)).chain([(100.0, 50.0)]).collect();
        assert_eq!(simple(&line), [(0, 0), (1000, 0), (1000, 500)]);
        let circle: Vec<_> =
            (0..=1000).map(|i| f64::from(i) * 0.00628).map(|t| (100.0 * t.cos(), 100.0 * t.sin())).collect();
        let kept = simple(&circle);
        assert!((40..120).contains(&kept.len()), "{}", kept.len());
    }
}
