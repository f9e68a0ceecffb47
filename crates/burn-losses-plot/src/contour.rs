//! The region of a map that is at least as high as a level.

use std::collections::HashMap;

/// The outlines of the region in which a grid is at least `level`, in units of the grid's steps; the inside is that of the
/// SVG fill rule `evenodd`.
///
/// The method is marching squares, with straight lines between neighbors. The grid is surrounded by lower values, so that every
/// outline is closed; at a border of the grid, the outline runs along it.
pub(crate) fn region(values: &[f64], columns: usize, level: f64) -> Vec<Vec<(f64, f64)>> {
    let rows = values.len() / columns;
    let inside = |x: isize, y: isize| (0..columns as isize).contains(&x) && (0..rows as isize).contains(&y);
    let at = |(x, y): (isize, isize)| {
        if inside(x, y) { values[y as usize * columns + x as usize] } else { f64::NEG_INFINITY }
    };
    // The crossing between a high and a low neighbor. If the low one lies outside the grid, it is the position of the high one.
    let crossing = |a: (isize, isize), b: (isize, isize)| {
        let (va, vb) = (at(a), at(b));
        let part = match (va.is_infinite(), vb.is_infinite()) {
            (true, _) => 1.0,
            (_, true) => 0.0,
            _ => (level - va) / (vb - va),
        };
        (a.0 as f64 + part * (b.0 - a.0) as f64, a.1 as f64 + part * (b.1 - a.1) as f64)
    };
    // Segments from one edge of a cell to another, with the high side to the left. An edge is named by its two ends, in order.
    type Edge = [(isize, isize); 2];
    let mut next: HashMap<Edge, Edge> = HashMap::new();
    let mut order = Vec::new();
    for y in -1..rows as isize {
        for x in -1..columns as isize {
            let corners = [(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)];
            let high = corners.map(|corner| at(corner) >= level);
            let edge = |i: usize| {
                let (a, b) = (corners[i], corners[(i + 1) % 4]);
                if a < b { [a, b] } else { [b, a] }
            };
            // Around the cell, the outline enters where high changes to low and leaves where low changes to high.
            let crossings = |from: bool| (0..4).filter(move |&i| high[i] == from && high[(i + 1) % 4] != from);
            let (entries, exits): (Vec<_>, Vec<_>) = (crossings(true).collect(), crossings(false).collect());
            for &entry in &entries {
                // Of two exits, this takes the one that comes next, which separates the low corners.
                let exit = exits.iter().copied().min_by_key(|&exit| (exit + 4 - entry) % 4).unwrap_or(entry);
                next.insert(edge(entry), edge(exit));
                order.push(edge(entry));
            }
        }
    }
    let mut outlines = Vec::new();
    for start in order {
        let mut outline = Vec::new();
        let mut edge = start;
        while let Some(following) = next.remove(&edge) {
            let [a, b] = edge;
            outline.push(crossing(a, b));
            edge = following;
        }
        if outline.len() > 2 {
            outlines.push(outline);
        }
    }
    outlines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(outlines: &[Vec<(f64, f64)>]) -> f64 {
        let ring = |ring: &Vec<(f64, f64)>| {
            let pairs = ring.iter().zip(ring.iter().cycle().skip(1));
            pairs.map(|(a, b)| a.0 * b.1 - a.1 * b.0).sum::<f64>() / 2.0
        };
        outlines.iter().map(ring).sum::<f64>().abs()
    }

    #[test]
    fn a_slope_is_cut_where_it_reaches_the_level() {
        let values: Vec<f64> = (0..4).flat_map(|_| [0.0, 1.0, 2.0]).collect();
        let outlines = region(&values, 3, 0.5);
        assert_eq!(outlines.len(), 1);
        assert!((area(&outlines) - 1.5 * 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_hole_has_its_own_outline() {
        let values: Vec<f64> = (0..25).map(|i| if i == 12 { 0.0 } else { 1.0 }).collect();
        let outlines = region(&values, 5, 0.5);
        assert_eq!(outlines.len(), 2);
        assert!((area(&outlines) - (16.0 - 0.5)).abs() < 1e-12);
    }

    #[test]
    fn everywhere_and_nowhere() {
        assert_eq!(area(&region(&[1.0; 9], 3, 0.0)), 4.0);
        assert!(region(&[1.0; 9], 3, 2.0).is_empty());
    }
}
