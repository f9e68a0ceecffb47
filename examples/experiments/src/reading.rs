//! Reading a strip of garments: the labels that logits say, and how far they are from the right ones.

use crate::data::strips::{LABELS, MOST, STEPS, Strip};
use crate::metrics::largest;
use burn_losses::sequence::edit_distance;

/// The labels that were read from a strip, and the right ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The labels that were read.
    pub read: Vec<usize>,
    /// The right labels.
    pub right: Vec<usize>,
}

impl Reading {
    /// The readings of all strips, from `[strips, STEPS, LABELS + 1]` logits and the targets of the strips.
    pub fn all(logits: &[f32], targets: &[f32]) -> Vec<Self> {
        let strips = logits.chunks_exact(STEPS * (LABELS + 1)).zip(targets.chunks_exact(Strip::WIDTH));
        strips
            .map(|(logits, target)| {
                let strip = Strip::from_target(target);
                Self { read: decode(logits, strip.steps), right: strip.labels }
            })
            .collect()
    }

    /// The number of insertions, deletions and substitutions that make the reading right (Levenshtein's distance).
    pub fn errors(&self) -> usize {
        edit_distance(&self.read, &self.right)
    }
}

/// The label error rate of the strips with this number of garments, for each number from 2 on.
pub fn error_by_length(readings: &[Reading]) -> Vec<(f64, f64)> {
    let rate = |length: usize| {
        let of: Vec<&Reading> = readings.iter().filter(|reading| reading.right.len() == length).collect();
        let errors = of.iter().map(|reading| reading.errors()).sum::<usize>();
        (length as f64, errors as f64 / (length * of.len()).max(1) as f64)
    };
    (2..=MOST).map(rate).collect()
}

/// The labels of the most likely classes, step by step: repeated classes are joined and blanks are dropped.
fn decode(logits: &[f32], steps: usize) -> Vec<usize> {
    let mut classes: Vec<usize> = logits.chunks_exact(LABELS + 1).take(steps).map(largest).collect();
    classes.dedup();
    classes.retain(|&class| class != 0);
    classes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_are_joined_and_blanks_dropped() {
        let classes = [1, 1, 0, 1, 2, 0, 3, 3];
        let logits: Vec<f32> =
            classes.iter().flat_map(|&class| (0..=LABELS).map(move |c| if c == class { 1.0 } else { 0.0 })).collect();
        assert_eq!(decode(&logits, 6), [1, 1, 2]);
        assert_eq!(decode(&logits, 8), [1, 1, 2, 3]);
    }

    #[test]
    fn rates_of_two_lengths() {
        let reading = |read: &[usize], right: &[usize]| Reading { read: read.to_vec(), right: right.to_vec() };
        let rates = error_by_length(&[reading(&[1], &[1, 2]), reading(&[1, 2], &[1, 2]), reading(&[1, 1, 1], &[1; 3])]);
        assert_eq!(rates[..2], [(2.0, 0.25), (3.0, 0.0)]);
    }
}
