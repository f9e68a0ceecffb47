//! Embeddings on the host, and measures of their quality.

use std::collections::BTreeMap;

use crate::metrics;
use crate::rng::Rng;

/// Embeddings as rows of numbers, and the class of each row.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    rows: Vec<Vec<f64>>,
    labels: Vec<usize>,
}

impl Embedded {
    /// Makes rows of `size` numbers from a flat list, with a label for each row.
    pub fn new(size: usize, values: &[f32], labels: &[f32]) -> Self {
        let row = |row: &[f32]| row.iter().map(|&v| v.into()).collect();
        Self {
            rows: values.chunks_exact(size).map(row).collect(),
            labels: labels.iter().map(|&label| label as usize).collect(),
        }
    }

    /// The rows.
    pub fn rows(&self) -> &[Vec<f64>] {
        &self.rows
    }

    /// The class of each row.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// The rows scaled to length 1, which is all that cosines depend on.
    pub fn directions(&self) -> Self {
        let unit = |row: &Vec<f64>| {
            let length = dot(row, row).sqrt();
            row.iter().map(|v| if length > 0.0 { v / length } else { 0.0 }).collect()
        };
        Self { rows: self.rows.iter().map(unit).collect(), labels: self.labels.clone() }
    }

    /// The rows of `self`, followed by those of `other`.
    pub fn and(&self, other: &Self) -> Self {
        Self { rows: [&self.rows[..], &other.rows].concat(), labels: [&self.labels[..], &other.labels].concat() }
    }

    /// About `rows` of the rows, evenly spread.
    pub fn some(&self, rows: usize) -> Self {
        let step = self.rows.len().div_ceil(rows).max(1);
        Self {
            rows: self.rows.iter().step_by(step).cloned().collect(),
            labels: self.labels.iter().step_by(step).copied().collect(),
        }
    }

    /// The share of the rows whose nearest other row, by the cosine, is of the same class.
    pub fn recall_at_1(&self) -> f64 {
        let rows = self.directions().rows;
        let nearest = |i: usize| {
            let others = (0..rows.len()).filter(|&j| j != i).map(|j| (dot(&rows[i], &rows[j]), j));
            others.max_by(|a, b| a.0.total_cmp(&b.0)).map_or(i, |(_, j)| j)
        };
        let hits = (0..rows.len()).filter(|&i| self.labels[nearest(i)] == self.labels[i]).count();
        hits as f64 / rows.len() as f64
    }

    /// The mean of the rows of every class.
    pub fn means(&self) -> BTreeMap<usize, Vec<f64>> {
        let mut classes: BTreeMap<usize, Vec<&Vec<f64>>> = BTreeMap::new();
        for (row, &label) in self.rows.iter().zip(&self.labels) {
            classes.entry(label).or_default().push(row);
        }
        classes.into_iter().map(|(label, rows)| (label, mean(&rows))).collect()
    }

    /// The mean distance of the rows from the mean of their class, and the mean distance of these means from each other.
    pub fn spread(&self) -> (f64, f64) {
        let means = self.means();
        let within = self.rows.iter().zip(&self.labels).map(|(row, label)| distance(row, &means[label]));
        let means: Vec<&Vec<f64>> = means.values().collect();
        let between = means.iter().enumerate().flat_map(|(i, a)| means[..i].iter().map(|b| distance(a, b)));
        (average(within), average(between))
    }

    /// The median of the angles between the rows and the mean directions of their classes, in degrees. Rows that lie among
    /// those of another class hardly affect it.
    pub fn angle(&self) -> f64 {
        let directions = self.directions();
        let means = directions.means();
        let angle = |(row, label): (&Vec<f64>, &usize)| {
            let cosine = dot(row, &means[label]) / dot(&means[label], &means[label]).sqrt();
            cosine.clamp(-1.0, 1.0).acos().to_degrees()
        };
        let mut angles: Vec<f64> = directions.rows.iter().zip(&directions.labels).map(angle).collect();
        angles.sort_by(f64::total_cmp);
        angles.get(angles.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// The share of pairs of rows that the cosine classifies correctly, as of one class or of two, with the best threshold. There
    /// are `pairs` random pairs of each kind.
    pub fn verification(&self, pairs: usize, seed: u64) -> f64 {
        let rows = self.directions().rows;
        let mut rng = Rng::new(seed);
        let (mut cosines, mut same) = (Vec::new(), Vec::new());
        for alike in [true, false] {
            let before = cosines.len();
            // About one pair in ten is of one class, so the number of draws is limited.
            for _ in 0..100 * pairs {
                let (i, j) = (rng.below(rows.len()), rng.below(rows.len()));
                if i != j && (self.labels[i] == self.labels[j]) == alike && cosines.len() < before + pairs {
                    cosines.push(dot(&rows[i], &rows[j]) as f32);
                    same.push(alike);
                }
            }
        }
        metrics::best_accuracy(&cosines, &same)
    }

    /// The rows in the plane of their two principal components. Rows of two numbers stay unchanged.
    pub fn plane(&self) -> Vec<(f64, f64)> {
        let Some(size) = self.rows.first().map(Vec::len).filter(|&size| size > 2) else {
            return self.rows.iter().map(|row| (row[0], row[1])).collect();
        };
        let middle = mean(&self.rows.iter().collect::<Vec<_>>());
        let mut rest: Vec<Vec<f64>> = self.rows.iter().map(|row| minus(row, &middle, 1.0)).collect();
        let mut coordinates = Vec::new();
        for _ in 0..2 {
            let axis = principal(&rest, size);
            let along: Vec<f64> = rest.iter().map(|row| dot(row, &axis)).collect();
            rest = rest.iter().zip(&along).map(|(row, &by)| minus(row, &axis, by)).collect();
            coordinates.push(along);
        }
        coordinates[0].iter().copied().zip(coordinates[1].iter().copied()).collect()
    }
}

/// The direction of length 1 in which centered rows vary most, by repeated multiplication with their covariance.
fn principal(rows: &[Vec<f64>], size: usize) -> Vec<f64> {
    let covariance = |i: usize, j: usize| rows.iter().map(|row| row[i] * row[j]).sum::<f64>();
    let matrix: Vec<Vec<f64>> = (0..size).map(|i| (0..size).map(|j| covariance(i, j)).collect()).collect();
    let mut axis: Vec<f64> = (0..size).map(|i| 1.0 + i as f64 / size as f64).collect(); // not orthogonal to the result
    for _ in 0..200 {
        let next: Vec<f64> = matrix.iter().map(|row| dot(row, &axis)).collect();
        let length = dot(&next, &next).sqrt();
        if length == 0.0 {
            break;
        }
        axis = next.iter().map(|v| v / length).collect();
    }
    axis
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn minus(row: &[f64], other: &[f64], times: f64) -> Vec<f64> {
    row.iter().zip(other).map(|(a, b)| a - times * b).collect()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    let difference = minus(a, b, 1.0);
    dot(&difference, &difference).sqrt()
}

fn mean(rows: &[&Vec<f64>]) -> Vec<f64> {
    (0..rows[0].len()).map(|i| average(rows.iter().map(|row| row[i]))).collect()
}

fn average(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn recall_by_hand() {
        // By the cosine, the fourth row is the nearest to the third, though the first is closer.
        let rows = [1.0, 0.0, 1.0, 0.1, 0.1, 1.0, 0.0, 9.0];
        assert_eq!(Embedded::new(2, &rows, &[0.0, 0.0, 1.0, 1.0]).recall_at_1(), 1.0);
        assert_eq!(Embedded::new(2, &rows, &[0.0, 0.0, 1.0, 2.0]).recall_at_1(), 0.5);
    }

    #[test]
    fn spread_and_angle_by_hand() {
        let embedded = Embedded::new(2, &[2.0, 1.0, 2.0, -1.0, -3.0, 1.0, -3.0, -1.0], &[4.0, 4.0, 7.0, 7.0]);
        assert_eq!(embedded.spread(), (1.0, 5.0));
        // There are two pairs of angles; the median is the upper one of the two in the middle.
        assert!(near(embedded.angle(), 0.5f64.atan().to_degrees()), "{}", embedded.angle());
    }

    #[test]
    fn verification_of_what_is_apart_and_of_what_is_not() {
        let apart = Embedded::new(2, &[1.0, 0.0, 2.0, 0.1, 0.0, 1.0, 0.1, 1.0], &[0.0, 0.0, 1.0, 1.0]);
        assert_eq!(apart.verification(50, 1), 1.0);
        let alike = Embedded::new(2, &[1.0; 8], &[0.0, 0.0, 1.0, 1.0]);
        assert_eq!(alike.verification(50, 1), 0.5);
    }

    #[test]
    fn the_plane_of_a_line_and_of_a_plane() {
        let two = Embedded::new(2, &[1.0, 2.0], &[0.0]);
        assert_eq!(two.plane(), [(1.0, 2.0)]);
        // The rows lie along (0, 3, 4) / 5, at -5, 0 and 5.
        let line = Embedded::new(3, &[1.0, -3.0, -4.0, 1.0, 0.0, 0.0, 1.0, 3.0, 4.0], &[0.0; 3]);
        let got = line.plane();
        assert!(got.iter().zip([-5.0, 0.0, 5.0]).all(|(p, x)| near(p.0, x) && near(p.1, 0.0)), "{got:?}");
    }
}
