//! Where a map is at least as high as a level.

use std::collections::HashMap;

/// The outlines of the region in which a grid is at least `level`, in steps of the grid; the inside is that of the rule
/// `evenodd`.
///
/// Marching squares, with straight lines between neighbors. The grid is surrounded by what is lower, so that every outline is
/// closed; there it runs along the edge.
pub(crate) fn region(values: &[f64], columns: usize, level: f64) -> Vec<Vec<(f64, f64)>> {
    let rows = values.len() / columns;
    let inside = |x: isize, y: isize| (0..columns as isize).contains(&x) && (0..rows as isize).contains(&y);
    let at = |(x, y): (isize, isize)| {
        if inside(x, y) { values[y as usize * columns + x as usize] } else { f64::NEG_INFINITY }
    };
    // Between two neighbors of which one is high: the place is the high one's where the other lies outside.
    let crossing = |a: (isize, isize), b: (isize, isize)| {
        let (va, vb) = (at(a), at(b));
        let part = match (va.is_infinite(), vb.is_infinite()) {
            (true, _) => 1.0,
            (_, true) => 0.0,
            _ => (level - va) / (vb - va),
        };
        (a.0 as f64 + part * (b.0 - a.0) as f64, a.1 as f64 + part * (b.1 - a.1) as f64)
    };
    // Segments from one edge of a cell to another, the high side to the left; an edge is named by its two ends, in order.
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
            // Around the cell: the outline comes in where high crossings to low and goes out where low crossings to high.
            let crossings = |from: bool| (0..4).filter(move |&i| high[i] == from && high[(i + 1) % 4] != from);
            let (entries, exits): (Vec<_>, Vec<_>) = (crossings(true).collect(), crossings(false).collect());
            for &entry in &entries {
                // Of two exits the one that comes next: low corners are apart.
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
