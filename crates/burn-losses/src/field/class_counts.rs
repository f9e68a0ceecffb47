//! How many samples of each class a data set has.

use super::IntoField;
use super::class_weights::{CountedWeights, Counts, WeightScheme};
#[cfg(feature = "train")]
use burn::data::dataset::Dataset;
use serde::{Deserialize, Serialize};

/// How many samples of each class a data set has; or, for several labels at once, how many positive and negative ones each column
/// has. It is counted on the host, once, and may be saved beside a config.
///
/// ```
/// use burn_losses::ClassCounts;
/// use burn_losses::classification::CrossEntropyLossConfig;
/// use burn_losses::config::WeightScheme;
///
/// let mut counts = ClassCounts::from_labels([0, 2, 0, 0]);
/// counts.add([1, 0]);
/// assert_eq!(counts.counts(), [4, 1, 1]);
///
/// let weights = counts.weights(WeightScheme::Inverse);
/// assert_eq!(weights.weights(), [0.5, 2.0, 2.0]);
/// let config = CrossEntropyLossConfig::new().with_class_weights(weights);
/// # assert!(config.validate().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassCounts {
    /// The samples of each class, or the positive samples of each column.
    counts: Vec<u64>,
    /// The negative samples of each column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    negatives: Option<Vec<u64>>,
}

impl ClassCounts {
    /// No samples of `classes` classes: for classes that the labels may not contain.
    pub fn new(classes: usize) -> Self {
        Self { counts: vec![0; classes], negatives: None }
    }

    /// Counts labels. There are as many classes as the largest label says. A negative label, such as an `ignore_index` of -100, is
    /// not counted.
    pub fn from_labels<L: ClassLabel>(labels: impl IntoIterator<Item = L>) -> Self {
        let mut counts = Self::default();
        counts.add(labels);
        counts
    }

    /// Counts rows of several labels at once: one target per column, which is positive above 1/2. A target that is NaN is not
    /// known, and is not counted.
    ///
    /// ```
    /// use burn_losses::ClassCounts;
    ///
    /// let counts = ClassCounts::from_targets([[1.0, 0.0], [0.0, 0.0], [1.0, f32::NAN]]);
    /// assert_eq!(counts.counts(), [2, 0]);
    /// assert_eq!(counts.negatives(), [1, 2]);
    /// ```
    pub fn from_targets<T: Into<f64>>(rows: impl IntoIterator<Item = impl IntoIterator<Item = T>>) -> Self {
        let mut counts = Self { counts: Vec::new(), negatives: Some(Vec::new()) };
        counts.add_targets(rows);
        counts
    }

    /// Counts the samples of a data set; `label` gives the label of a sample.
    ///
    /// # Errors
    /// With the error of the data set, where a sample cannot be read.
    #[cfg(feature = "train")]
    #[cfg_attr(docsrs, doc(cfg(feature = "train")))]
    pub fn from_dataset<I, E, L>(
        dataset: &(impl Dataset<I, E> + ?Sized),
        mut label: impl FnMut(&I) -> L,
    ) -> Result<Self, E>
    where
        E: std::error::Error + Send + Sync + 'static,
        L: ClassLabel,
    {
        let mut counts = Self::default();
        for index in 0..dataset.len() {
            counts.add([label(&dataset.get(index)?)]);
        }
        Ok(counts)
    }

    /// Counts the samples of a data set with several labels at once; `targets` gives the targets of a sample, as in
    /// [`from_targets`](Self::from_targets).
    ///
    /// # Errors
    /// With the error of the data set, where a sample cannot be read.
    #[cfg(feature = "train")]
    #[cfg_attr(docsrs, doc(cfg(feature = "train")))]
    pub fn from_dataset_of_targets<I, E, R>(
        dataset: &(impl Dataset<I, E> + ?Sized),
        mut targets: impl FnMut(&I) -> R,
    ) -> Result<Self, E>
    where
        E: std::error::Error + Send + Sync + 'static,
        R: IntoIterator<Item: Into<f64>>,
    {
        let mut counts = Self { counts: Vec::new(), negatives: Some(Vec::new()) };
        for index in 0..dataset.len() {
            counts.add_targets([targets(&dataset.get(index)?)]);
        }
        Ok(counts)
    }

    /// Counts further labels.
    ///
    /// # Panics
    /// If the counts are those of columns.
    #[track_caller]
    pub fn add<L: ClassLabel>(&mut self, labels: impl IntoIterator<Item = L>) {
        assert!(self.negatives.is_none(), "labels cannot be added to the counts of columns: take `add_targets`");
        for class in labels.into_iter().filter_map(|label| label.class()) {
            if class >= self.counts.len() {
                self.counts.resize(class + 1, 0);
            }
            self.counts[class] += 1;
        }
    }

    /// Counts further rows of several labels at once, as [`from_targets`](Self::from_targets) does.
    ///
    /// # Panics
    /// If the counts are those of classes.
    #[track_caller]
    pub fn add_targets<T: Into<f64>>(&mut self, rows: impl IntoIterator<Item = impl IntoIterator<Item = T>>) {
        let negatives = self.negatives.as_mut();
        let negatives = negatives.expect("targets cannot be added to the counts of classes: take `add`");
        for row in rows {
            for (column, target) in row.into_iter().enumerate() {
                if column >= self.counts.len() {
                    self.counts.resize(column + 1, 0);
                    negatives.resize(column + 1, 0);
                }
                let target: f64 = target.into();
                if target > POSITIVE {
                    self.counts[column] += 1;
                } else if !target.is_nan() {
                    negatives[column] += 1;
                }
            }
        }
    }

    /// The number of samples of each class; for several labels at once, the number of positive samples of each column.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// The number of positive samples of each column; for one label at a time, the same as [`counts`](Self::counts).
    pub fn positives(&self) -> &[u64] {
        &self.counts
    }

    /// The number of negative samples of each column; for one label at a time, the number of samples of all other classes.
    pub fn negatives(&self) -> Vec<u64> {
        match &self.negatives {
            Some(negatives) => negatives.clone(),
            None => {
                let total: u64 = self.counts.iter().sum();
                self.counts.iter().map(|count| total - count).collect()
            }
        }
    }

    /// The number of classes, or of columns.
    pub fn num_classes(&self) -> usize {
        self.counts.len()
    }

    /// The weights by a scheme: for `class_weights`, `pos_weight` and `alpha`.
    pub fn weights(&self, scheme: WeightScheme) -> CountedWeights {
        CountedWeights::new(self, scheme)
    }
}

impl From<&ClassCounts> for Counts {
    fn from(counts: &ClassCounts) -> Self {
        let number = |count: &u64| *count as f64;
        match &counts.negatives {
            None => Self::PerClass(counts.counts.iter().map(number).collect()),
            Some(negatives) => {
                let pairs = negatives.iter().zip(&counts.counts);
                Self::PerColumn(pairs.map(|(negative, positive)| [number(negative), number(positive)]).collect())
            }
        }
    }
}

/// A target above this is positive.
const POSITIVE: f64 = 0.5;

impl IntoField<Vec<f64>> for &ClassCounts {
    fn into_field(self) -> Vec<f64> {
        self.counts.iter().map(|count| *count as f64).collect()
    }
}

impl IntoField<Option<Vec<f64>>> for &ClassCounts {
    fn into_field(self) -> Option<Vec<f64>> {
        Some(self.into_field())
    }
}

/// An integer that is the label of a class, unless it is negative.
pub trait ClassLabel {
    /// The class.
    fn class(&self) -> Option<usize>;
}

macro_rules! class_labels {
    ($($integer:ty)*) => {
        $(impl ClassLabel for $integer {
            fn class(&self) -> Option<usize> {
                usize::try_from(*self).ok()
            }
        })*
    };
}
class_labels!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize);

impl<L: ClassLabel> ClassLabel for &L {
    fn class(&self) -> Option<usize> {
        (*self).class()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(feature = "train")]
    fn a_data_set_is_counted_through_a_closure() {
        use burn::data::dataset::InMemDataset;
        let data = InMemDataset::new(vec![("a", 2u8), ("b", 0), ("c", 2)]);
        let counts = ClassCounts::from_dataset(&data, |(_, label)| *label).unwrap();
        assert_eq!(counts.counts(), [1, 0, 2]);
        let columns = ClassCounts::from_dataset_of_targets(&data, |(_, label)| [*label > 0, true]).unwrap();
        assert_eq!((columns.counts(), columns.negatives()), (&[2, 3][..], vec![1, 0]));
    }

    #[test]
    fn labels_and_targets_are_counted() {
        let mut counts = ClassCounts::from_labels(vec![2usize, 0, 2]);
        counts.add([-100i64, 1, 2]);
        assert_eq!(counts.counts(), [1, 1, 3]);
        assert_eq!(counts.negatives(), [4, 4, 2]);
        assert_eq!(ClassCounts::new(2).counts(), [0, 0]);
        let mut columns = ClassCounts::from_targets([[true, false], [true, true]]);
        columns.add_targets([[0.0f32, 1.0]]);
        assert_eq!((columns.positives(), columns.negatives()), (&[2, 2][..], vec![1, 1]));
        let text = serde_json::to_string(&counts).unwrap();
        assert_eq!(text, r#"{"counts":[1,1,3]}"#);
        for counts in [counts, columns] {
            let text = serde_json::to_string(&counts).unwrap();
            assert_eq!(serde_json::from_str::<ClassCounts>(&text).unwrap(), counts);
        }
    }
}
