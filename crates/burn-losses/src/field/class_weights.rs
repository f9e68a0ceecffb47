//! Class weights that follow from the number of samples of each class.

mod field;

use burn_losses_derive::{ByValue, Choice};

/// How the weight of a class follows from its count n, with C classes and N samples in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum WeightScheme {
    /// N / (C n): all classes contribute equally (`balanced` in scikit-learn).
    Inverse,
    /// 1 / sqrt(n): half way between `inverse` and no weights.
    InverseSqrt,
    /// (1 - beta) / (1 - beta^n): the effective number of samples (Cui et al. 2019,
    /// [arXiv 1901.05555](https://arxiv.org/abs/1901.05555)).
    EffectiveNumber,
    /// The median of all counts, divided by n (Eigen and Fergus 2015, [arXiv 1411.4734](https://arxiv.org/abs/1411.4734)).
    Median,
}

/// How class weights are scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum WeightNormalize {
    /// They are left as the scheme gives them. The scheme then decides how large the gradients are: the learning rate may have
    /// to follow.
    #[default]
    None,
    /// Their sum is the number of classes.
    Classes,
    /// The weights of all samples add up to the number of samples, so that a mean over the data set keeps its size.
    Mean,
}

/// Counts, as weights are computed from them.
#[derive(Debug, Clone, PartialEq)]
pub enum Counts {
    /// The number of samples of each class.
    PerClass(Vec<f64>),
    /// The numbers of negative and of positive samples of each column, for several labels at once.
    PerColumn(Vec<[f64; 2]>),
}

impl From<Vec<f64>> for Counts {
    fn from(counts: Vec<f64>) -> Self {
        Self::PerClass(counts)
    }
}

impl<N: Into<f64>, const C: usize> From<[N; C]> for Counts {
    fn from(counts: [N; C]) -> Self {
        Self::PerClass(counts.into_iter().map(Into::into).collect())
    }
}

impl From<Vec<[f64; 2]>> for Counts {
    fn from(counts: Vec<[f64; 2]>) -> Self {
        Self::PerColumn(counts)
    }
}

/// Weights that follow from counts: in a config file `{ counts = [900, 90, 10], scheme = "inverse" }`.
///
/// A class without samples has weight 0; it counts neither as one of the C classes nor in the median. [`absent`](Self::absent)
/// lists such classes: a label of one of them has no effect.
///
/// For `class_weights`, and for `alpha` of the multi-class focal loss, there is one count per class. For `pos_weight` there are the
/// counts of the negative and of the positive class, `[900, 100]`, or such a pair for each column, `[[900, 100], [990, 10]]`. The
/// weight is then that of the positive class divided by that of the negative class, which is negatives / positives for `inverse`.
/// For `alpha` of a binary loss, it is the weight of the positive class, divided by the sum of both. A quotient does not depend on
/// `normalize`.
#[derive(Debug, Clone, PartialEq, ByValue)]
pub struct CountedWeights {
    counts: Counts,
    scheme: WeightScheme,
    beta: f64,
    normalize: WeightNormalize,
    /// One weight per class, or the quotient of each column.
    weights: Vec<f64>,
    /// alpha: the share of the positive class in the weights of two classes.
    balance: f64,
}

impl CountedWeights {
    /// The weights of these counts by a scheme.
    pub fn new(counts: impl Into<Counts>, scheme: WeightScheme) -> Self {
        let (beta, normalize) = (BETA, WeightNormalize::None);
        Self { counts: counts.into(), scheme, beta, normalize, weights: Vec::new(), balance: 0.0 }.computed()
    }

    /// Sets beta of the effective number of samples, in [0, 1). Default: 0.999.
    pub fn with_beta(self, beta: f64) -> Self {
        Self { beta, ..self }.computed()
    }

    /// Sets how the weights are scaled. Default: [`WeightNormalize::None`].
    pub fn with_normalize(self, normalize: WeightNormalize) -> Self {
        Self { normalize, ..self }.computed()
    }

    /// The counts.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The weights: one per class, or one quotient per column.
    ///
    /// ```
    /// use burn_losses::config::{CountedWeights, WeightScheme};
    ///
    /// let weights = CountedWeights::new([30.0, 10.0, 0.0], WeightScheme::Inverse);
    /// assert_eq!(weights.weights(), [2.0 / 3.0, 2.0, 0.0]);
    /// assert_eq!(weights.absent(), [2]);
    /// ```
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The classes without samples, whose weight is 0; or the columns in which one of both classes has no samples.
    pub fn absent(&self) -> Vec<usize> {
        let is_absent: Vec<bool> = match &self.counts {
            Counts::PerClass(counts) => counts.iter().map(|count| *count == 0.0).collect(),
            Counts::PerColumn(counts) => counts.iter().map(|pair| pair.contains(&0.0)).collect(),
        };
        (0..).zip(is_absent).filter_map(|(at, is_absent)| is_absent.then_some(at)).collect()
    }

    /// The weight of the positive class divided by that of the negative class, for the counts of both; `None` for counts of
    /// columns.
    pub(crate) fn ratio(&self) -> Option<f64> {
        match self.counts {
            Counts::PerClass(_) => Some(quotient(&self.weights)),
            Counts::PerColumn(_) => None,
        }
    }

    /// The weight of the positive class divided by the sum of both, for the counts of two classes.
    #[inline(always)]
    pub(crate) fn balance(&self) -> f64 {
        self.balance
    }

    /// The weights anew, after a change of a field.
    fn computed(mut self) -> Self {
        self.weights = match &self.counts {
            Counts::PerClass(counts) => self.normalized(counts),
            Counts::PerColumn(columns) => columns.iter().map(|counts| quotient(&self.of_scheme(counts))).collect(),
        };
        self.balance = match self.weights[..] {
            [negative, positive] => positive / (negative + positive),
            _ => 0.0,
        };
        self
    }

    fn normalized(&self, counts: &[f64]) -> Vec<f64> {
        let weights = self.of_scheme(counts);
        let factor = match self.normalize {
            WeightNormalize::None => return weights,
            WeightNormalize::Classes => seen(counts).count() as f64 / weights.iter().sum::<f64>(),
            WeightNormalize::Mean => {
                let all = weights.iter().zip(counts).map(|(weight, count)| weight * count);
                counts.iter().sum::<f64>() / all.sum::<f64>()
            }
        };
        weights.into_iter().map(|weight| weight * factor).collect()
    }

    fn of_scheme(&self, counts: &[f64]) -> Vec<f64> {
        let classes = seen(counts).count() as f64;
        let (total, median) = (counts.iter().sum::<f64>(), median(counts));
        let weight = |count: f64| match self.scheme {
            _ if count == 0.0 => 0.0,
            WeightScheme::Inverse => total / (classes * count),
            WeightScheme::InverseSqrt => 1.0 / count.sqrt(),
            // beta^n = e^(n ln beta): 1 - beta^n keeps its digits where it is small.
            WeightScheme::EffectiveNumber => (1.0 - self.beta) / -(count * self.beta.ln()).exp_m1(),
            WeightScheme::Median => median / count,
        };
        counts.iter().map(|count| weight(*count)).collect()
    }
}

/// The counts of the classes that have samples.
fn seen(counts: &[f64]) -> impl Iterator<Item = f64> {
    counts.iter().copied().filter(|count| *count > 0.0)
}

fn median(counts: &[f64]) -> f64 {
    let mut seen: Vec<f64> = seen(counts).collect();
    seen.sort_by(f64::total_cmp);
    match seen.len() {
        0 => 0.0,
        count if count % 2 == 1 => seen[count / 2],
        count => (seen[count / 2 - 1] + seen[count / 2]) / 2.0,
    }
}

/// The second weight divided by the first; 0 where one of both classes has no samples.
fn quotient(weights: &[f64]) -> f64 {
    match *weights {
        [negative, positive] if negative > 0.0 => positive / negative,
        _ => 0.0,
    }
}

/// The default beta of the effective number of samples.
const BETA: f64 = 0.999;

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(counts: &[f64], scheme: WeightScheme) -> CountedWeights {
        CountedWeights::new(counts.to_vec(), scheme)
    }

    fn close(got: &[f64], expected: &[f64]) {
        assert!(
            got.len() == expected.len() && got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12),
            "{got:?} {expected:?}"
        );
    }

    #[test]
    fn the_schemes_by_hand() {
        let counts = [60.0, 30.0, 10.0];
        close(weights(&counts, WeightScheme::Inverse).weights(), &[5.0 / 9.0, 10.0 / 9.0, 10.0 / 3.0]);
        close(
            weights(&counts, WeightScheme::InverseSqrt).weights(),
            &[60f64.sqrt().recip(), 30f64.sqrt().recip(), 10f64.sqrt().recip()],
        );
        close(weights(&counts, WeightScheme::Median).weights(), &[0.5, 1.0, 3.0]);
        close(weights(&[1.0, 2.0, 3.0, 5.0], WeightScheme::Median).weights(), &[2.5, 1.25, 2.5 / 3.0, 0.5]);
        let effective = |beta| weights(&[1.0, 2.0], WeightScheme::EffectiveNumber).with_beta(beta);
        close(effective(0.5).weights(), &[1.0, 2.0 / 3.0]);
        // beta = 0: every class has one effective sample.
        close(effective(0.0).weights(), &[1.0, 1.0]);
        // beta near 1: the inverse of the count.
        close(effective(1.0 - 1e-13).weights(), &[1.0, 0.5]);
    }

    #[test]
    fn what_normalize_keeps() {
        for scheme in
            [WeightScheme::Inverse, WeightScheme::InverseSqrt, WeightScheme::EffectiveNumber, WeightScheme::Median]
        {
            let counts = [60.0, 0.0, 30.0, 10.0];
            let of = |normalize| weights(&counts, scheme).with_normalize(normalize).weights().to_vec();
            let sum: f64 = of(WeightNormalize::Classes).iter().sum();
            assert!((sum - 3.0).abs() < 1e-12, "{scheme:?}: {sum}");
            let all: f64 = of(WeightNormalize::Mean).iter().zip(counts).map(|(weight, count)| weight * count).sum();
            assert!((all - 100.0).abs() < 1e-9, "{scheme:?}: {all}");
        }
    }

    /// A class without samples has weight 0, and changes no other weight.
    #[test]
    fn a_class_without_samples_weighs_nothing() {
        for scheme in
            [WeightScheme::Inverse, WeightScheme::InverseSqrt, WeightScheme::EffectiveNumber, WeightScheme::Median]
        {
            let some = weights(&[60.0, 30.0, 10.0], scheme);
            let with = weights(&[60.0, 30.0, 0.0, 10.0], scheme);
            let [a, b, c] = *some.weights() else { panic!("three weights") };
            assert_eq!(with.weights(), [a, b, 0.0, c], "{scheme:?}");
            assert_eq!((with.absent(), some.absent()), (vec![2], vec![]));
        }
    }

    /// `pos_weight` is negatives / positives in each column, and never infinite.
    #[test]
    fn quotients_of_two_classes() {
        let columns = vec![[900.0, 100.0], [10.0, 0.0], [0.0, 10.0], [5.0, 10.0]];
        for scheme in [WeightScheme::Inverse, WeightScheme::Median] {
            close(CountedWeights::new(columns.clone(), scheme).weights(), &[9.0, 0.0, 0.0, 0.5]);
        }
        let root = CountedWeights::new(columns.clone(), WeightScheme::InverseSqrt);
        close(root.weights(), &[3.0, 0.0, 0.0, 0.5f64.sqrt()]);
        assert_eq!(root.absent(), [1, 2]);
        let pair = weights(&[900.0, 100.0], WeightScheme::Inverse);
        assert!((pair.ratio().unwrap() - 9.0).abs() < 1e-12 && (pair.balance() - 0.9).abs() < 1e-12);
        let scaled = pair.with_normalize(WeightNormalize::Classes);
        assert!((scaled.ratio().unwrap() - 9.0).abs() < 1e-12 && (scaled.balance() - 0.9).abs() < 1e-12);
        assert_eq!(weights(&[0.0, 3.0], WeightScheme::Inverse).ratio(), Some(0.0));
        assert_eq!(weights(&[3.0, 0.0], WeightScheme::Inverse).balance(), 0.0);
    }
}
