//! Batches with several rows of each class.

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::collections::BTreeMap;

/// An order of a data set in which every batch has several samples of each of its classes.
///
/// Metric losses compare the rows of a batch, so a row without another row of its class has nothing to be pulled to. Where classes
/// are many and small, most rows of a random batch are such rows.
///
/// An epoch takes every class in random order, and `samples` of it at a time, until each sample was used once. A class that has
/// fewer samples left is filled up with random ones of its own, so some samples come twice. Every epoch is another order, and the
/// same seed gives the same order.
///
/// The order is a list of indices, which Burn's `SelectionDataset` takes. Load it without shuffling, with a batch size that is a
/// multiple of `samples`.
///
/// ```
/// use burn_losses::metric::MPerClass;
///
/// let labels = [0, 0, 0, 1, 1, 2, 2, 2, 2];
/// let indices = MPerClass::new(labels, 2).epoch(0);
/// for pair in indices.chunks(2) {
///     assert_eq!(labels[pair[0]], labels[pair[1]]);
/// }
/// ```
///
/// # Elsewhere
/// - `pytorch_metric_learning.samplers.MPerClassSampler`: an epoch has a length that the caller sets, and a batch has as many classes
///   as fit.
#[derive(Debug, Clone)]
pub struct MPerClass {
    /// The samples of each class.
    classes: Vec<Vec<usize>>,
    samples: usize,
}

impl MPerClass {
    /// A sampler for a data set with these labels; a batch has `samples` rows of each of its classes.
    ///
    /// # Panics
    /// If `samples` is 0.
    #[track_caller]
    pub fn new(labels: impl IntoIterator<Item = i64>, samples: usize) -> Self {
        assert!(samples > 0, "MPerClass: `samples` is 0, allowed: at least 1 of each class");
        let mut classes = BTreeMap::<i64, Vec<usize>>::new();
        for (index, label) in labels.into_iter().enumerate() {
            classes.entry(label).or_default().push(index);
        }
        Self { classes: classes.into_values().collect(), samples }
    }

    /// The order of an epoch, which is also the seed.
    pub fn epoch(&self, epoch: u64) -> Vec<usize> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(epoch);
        let mut groups = Vec::new();
        for class in &self.classes {
            let mut shuffled = class.clone();
            shuffled.shuffle(&mut random);
            for group in shuffled.chunks(self.samples) {
                let mut group = group.to_vec();
                while group.len() < self.samples {
                    group.push(class[random.random_range(0..class.len())]);
                }
                groups.push(group);
            }
        }
        groups.shuffle(&mut random);
        groups.concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_used_and_every_group_is_of_one_class() {
        let labels: Vec<i64> = (0..101).map(|index| index * index % 7).collect();
        let of = MPerClass::new(labels.clone(), 4);
        let indices = of.epoch(3);
        assert!(indices.chunks(4).all(|group| group.iter().all(|index| labels[*index] == labels[group[0]])));
        assert!((0..101).all(|index| indices.contains(&index)));
        // At most one group of each of the four classes is filled up.
        assert!(indices.len() <= 101 + 4 * 3, "{}", indices.len());
        assert_eq!(indices, of.epoch(3));
        assert_ne!(indices, of.epoch(4));
    }

    #[test]
    fn no_samples_are_no_batches() {
        assert_eq!(MPerClass::new([], 2).epoch(0), Vec::<usize>::new());
    }
}
