//! A panel of lines.

use super::axes::{AROUND, Area, Axes};
use super::extent;
use super::legend::Keys;
use crate::canvas::Canvas;
use crate::panel::Line;

pub(super) fn draw(canvas: &mut Canvas, area: Area, (title, x): (&str, &str), lines: &[Line], keys: &Keys) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn line(of: impl Fn(f64) -> f64) -> Line {
        let points = (0..=20).map(|i| f64::from(i) / 2.0 - 5.0).map(|x| (x, of(x))).collect();
        Line { name: String::new(), variant: String::new(), points }
    }

    #[test]
    fn a_line_is_broken_at_a_jump_and_not_where_it_is_steep() {
        let of = |line: Line| parts(&line.points, (-2.0, 2.0)).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(of(line(|x| x / 5.0)), [21]);
        assert_eq!(of(line(|x| if x < 0.1 { -1.0 } else { 1.0 })), [11, 10]);
        // A point in the middle of a jump belongs to neither side.
        assert_eq!(of(line(|x| if x == 0.0 { 0.0 } else { x.signum() })), [10, 10]);
    }

    #[test]
    fn a_line_is_cut_where_it_leaves_the_range() {
        let parts = parts(&line(|x| x).points, (-2.25, 2.25));
        assert_eq!(parts.len(), 1);
        assert_eq!((parts[0][0], parts[0][parts[0].len() - 1]), ((-2.25, -2.25), (2.25, 2.25)));
        let lines = [line(|x| x * x), line(f64::abs), line(|x| x.abs() / 2.0)];
        assert_eq!(shown(&lines), (0.0, 10.0));
        assert_eq!(shown(&lines[..2]), (0.0, 25.0));
    }
}
