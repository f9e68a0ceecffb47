//! Verification: telling pairs of one class from pairs of two.

use super::EmbeddingsInput;
use crate::train::figure::{EpochCounts, EpochFigure, EpochMetric};
use burn::tensor::TensorReadError;

/// Telling pairs of one class from pairs of two by the cosine.
#[derive(Debug, Clone)]
pub struct VerificationAccuracy {
    threshold: Option<f64>,
}

/// How well a threshold on the cosine tells whether two embeddings are of one class. It is the mean of two shares: of the pairs
/// of one class, those above the threshold; of the other pairs, those not above it. So both kinds of pairs are weighted equally.
///
/// The pairs are those within a batch.
pub type VerificationAccuracyMetric = EpochMetric<VerificationAccuracy>;

impl VerificationAccuracyMetric {
    /// With the best threshold for the pairs of the epoch.
    pub fn new() -> Self {
        VerificationAccuracy { threshold: None }.into()
    }

    /// With this threshold.
    ///
    /// # Panics
    /// If the threshold is NaN.
    #[track_caller]
    pub fn at(threshold: f64) -> Self {
        assert!(!threshold.is_nan(), "VerificationAccuracyMetric: `threshold` is NaN, allowed: a number");
        VerificationAccuracy { threshold: Some(threshold) }.into()
    }
}

impl Default for VerificationAccuracyMetric {
    fn default() -> Self {
        Self::new()
    }
}

/// The cosines of pairs.
#[derive(Debug, Clone, Default)]
pub struct Pairs {
    alike: Vec<f32>,
    others: Vec<f32>,
}

impl Pairs {
    fn accuracy_at(&self, threshold: f64) -> f64 {
        let above = |cosines: &[f32]| cosines.iter().filter(|cosine| f64::from(**cosine) > threshold).count() as f64;
        let not_above = self.others.len() as f64 - above(&self.others);
        (above(&self.alike) / self.alike.len() as f64 + not_above / self.others.len() as f64) / 2.0
    }

    /// Walks down the pairs by their cosine; pairs with the same cosine are one step.
    fn best_accuracy(&self) -> f64 {
        let kind = |cosines: &[f32], alike| cosines.iter().map(move |c| (*c, alike)).collect::<Vec<_>>();
        let mut pairs = [kind(&self.alike, true), kind(&self.others, false)].concat();
        pairs.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let (alike, others) = (self.alike.len() as f64, self.others.len() as f64);
        let (mut found, mut wrong, mut best) = (0.0, 0.0, 0.5);
        for same in pairs.chunk_by(|a, b| a.0 == b.0) {
            let hits = same.iter().filter(|(_, alike)| *alike).count() as f64;
            found += hits;
            wrong += same.len() as f64 - hits;
            best = f64::max(best, (found / alike + 1.0 - wrong / others) / 2.0);
        }
        best
    }
}

impl EpochCounts for Pairs {
    fn add(&mut self, mut batch: Self) {
        self.alike.append(&mut batch.alike);
        self.others.append(&mut batch.others);
    }

    fn size(&self) -> usize {
        self.alike.len() + self.others.len()
    }
}

impl EpochFigure for VerificationAccuracy {
    type Input = EmbeddingsInput;
    type Counts = Pairs;
    const HIGHER_IS_BETTER: bool = true;

    fn name(&self) -> String {
        match self.threshold {
            None => "Verification accuracy".to_string(),
            Some(threshold) => format!("Verification accuracy at {threshold}"),
        }
    }

    fn description(&self) -> String {
        "How often the cosine tells pairs of one class from pairs of two, with both kinds weighted equally.".to_string()
    }

    fn count(&self, input: &EmbeddingsInput) -> Result<Pairs, TensorReadError> {
        let rows = input.rows();
        let mut pairs = Pairs::default();
        if rows < 2 {
            return Ok(pairs);
        }
        let directions = input.directions();
        let cosines: Vec<f32> = directions.clone().matmul(directions.transpose()).try_into_vec_as()?;
        let labels: Vec<i64> = input.labels.clone().try_into_vec_as()?;
        let counts = |row: &usize| input.ignore_index != Some(labels[*row]);
        for i in (0..rows).filter(counts) {
            for j in (0..i).filter(counts) {
                let kind = if labels[i] == labels[j] { &mut pairs.alike } else { &mut pairs.others };
                kind.push(cosines[i * rows + j]);
            }
        }
        Ok(pairs)
    }

    fn value(&self, counts: &Pairs) -> Result<f64, TensorReadError> {
        if counts.alike.is_empty() || counts.others.is_empty() {
            return Ok(f64::NAN);
        }
        Ok(match self.threshold {
            Some(threshold) => counts.accuracy_at(threshold),
            None => counts.best_accuracy(),
        })
    }

    fn at_the_end(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{FOUR, output};
    use super::*;
    use crate::train::tests::epoch_values;
    use burn::train::metric::Adaptor;

    #[test]
    fn verification_by_hand() {
        let apart = || output(FOUR, [0, 0, 1, 1]).adapt();
        assert_eq!(epoch_values(VerificationAccuracyMetric::new(), vec![apart()]).1, 1.0);
        assert_eq!(epoch_values(VerificationAccuracyMetric::at(0.5), vec![apart()]).1, 1.0);
        // No pair is above: none of the alike pairs is right, and all of the others are.
        assert_eq!(epoch_values(VerificationAccuracyMetric::at(1.5), vec![apart()]).1, 0.5);
        // All alike pairs have a cosine of 1/sqrt(2) or less, two of the others have 1.
        let mixed = output([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1.0, 1.0]], [0, 1, 0, 1]).adapt();
        assert_eq!(epoch_values(VerificationAccuracyMetric::at(0.9), vec![mixed]).1, 0.25);
    }

    #[test]
    fn the_best_threshold_by_hand() {
        let pairs = |alike: &[f32], others: &[f32]| Pairs { alike: alike.to_vec(), others: others.to_vec() };
        // Above 0.6: all three alike, one of four others.
        assert_eq!(pairs(&[0.9, 0.8, 0.7], &[0.75, 0.5, 0.4, 0.3]).best_accuracy(), 0.875);
        assert_eq!(pairs(&[0.5, 0.5], &[0.5]).best_accuracy(), 0.5);
        assert_eq!(pairs(&[0.1], &[0.9]).best_accuracy(), 0.5);
        assert_eq!(pairs(&[0.9], &[0.1]).best_accuracy(), 1.0);
    }
}
