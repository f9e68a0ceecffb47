//! The divisor of a batch that is computed in parts.

use super::{Divisor, Extras, Reduction, Unreduced, per_value};
use burn::tensor::Tensor;

/// The divisor of a whole batch whose loss is computed in micro-batches, so that the parts add up to the loss of the whole.
///
/// With the values l, the weights w and the divisor n of the whole batch, a micro-batch B has the loss
/// ```text
/// sum_(i in B) w_i l_i / n,  n = the sum of what each micro-batch counts
/// ```
/// A mean per micro-batch is another loss as soon as entries are ignored, masked or weighted, or a micro-batch is smaller than
/// the others: an entry then weighs more where fewer of them count.
///
/// # When to use
/// To accumulate gradients over micro-batches, since the whole batch does not fit into memory. First [`count`](Self::count) or
/// [`add`](Self::add) all micro-batches, which takes their targets alone; then hand [`extras`](Self::extras) to the loss of each.
/// Nothing is read back from the device.
///
/// Losses that compare the samples of a batch with each other (families `metric` and `self_supervised`, `ohem`, and regions with
/// `over = "batch"`) have no parts: a micro-batch has other neighbors, another ranking or another region.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{Accumulation, classification::CrossEntropyLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = CrossEntropyLossConfig::new().with_ignore_index(-100).init(&device);
/// let logits = Tensor::<2>::from_floats([[2.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 3.0]], &device);
/// let labels = Tensor::<1, Int>::from_ints([0, -100, -100, 0], &device);
/// let micro_batches = || logits.clone().split(2, 0).into_iter().zip(labels.clone().split(2, 0));
///
/// let mut whole = Accumulation::new(loss.reduction());
/// for (_, labels) in micro_batches() {
///     // What counts depends on the targets alone, so any predictions will do.
///     let anything = Tensor::<2>::zeros([labels.dims()[0], 2], &device);
///     whole.count(loss.forward_unreduced(anything, labels, Extras::new()), None);
/// }
/// let mut value = Tensor::<1>::zeros([1], &device);
/// for (logits, labels) in micro_batches() {
///     value = value + loss.forward_with(logits, labels, whole.extras());
/// }
/// let expected = loss.forward(logits.clone(), labels.clone());
/// assert!((value - expected).abs().into_scalar::<f32>() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct Accumulation {
    reduction: Reduction,
    /// `None` if the reduction divides by nothing.
    divisor: Option<Divisor>,
}

impl Accumulation {
    /// An accumulation for a loss with this reduction, before the first micro-batch.
    pub fn new(reduction: Reduction) -> Self {
        Self { reduction, divisor: (reduction != Reduction::Sum).then(|| 0.0.into()) }
    }

    /// Counts a micro-batch. The values of `forward_unreduced` are not used, but their normalizer is: hand in the mask that the loss
    /// will have, and the `weights` here, which the reduction `weighted_mean` counts.
    ///
    /// # Panics
    /// With [`Reduction::Positives`], since values do not say how many targets are positive ([`add`](Self::add) their number), and
    /// with weights of another shape.
    #[track_caller]
    pub fn count<const D: usize>(&mut self, unreduced: Unreduced<D>, weights: Option<Tensor<D>>) {
        let shape = unreduced.values.dims();
        if shape.contains(&0) {
            return;
        }
        let weights = weights.map(|weights| per_value(weights, shape));
        if let Some(divisor) = self.reduction.divisor_of(unreduced, weights) {
            self.add(divisor);
        }
    }

    /// Adds what a micro-batch counts, where the caller knows it.
    ///
    /// | Reduction | What it counts |
    /// |---|---|
    /// | `mean` | the entries that are neither ignored nor masked, or the sum of their class weights |
    /// | `weighted_mean` | the sum of their weights |
    /// | `batch_mean` | the samples; with a mask, those that have a valid value |
    /// | `positives` | the positive targets |
    ///
    /// # Panics
    /// With [`Reduction::Sum`], which divides by nothing.
    #[track_caller]
    pub fn add(&mut self, count: impl Into<Divisor>) {
        let count = count.into();
        self.reduction.check_divisor(Some(&count));
        self.divisor = self.divisor.take().map(|divisor| divisor.plus(count));
    }

    /// Extras with the divisor of all micro-batches, for the loss of each; empty with [`Reduction::Sum`].
    pub fn extras(&self) -> Extras {
        self.divisor.clone().map_or_else(Extras::new, Extras::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    const VALUES: [f32; 4] = [2.0, 9.0, 9.0, 4.0];
    const NORMALIZER: [f32; 4] = [1.0, 0.0, 0.0, 0.5];
    const WEIGHTS: [f32; 4] = [3.0, 0.0, 0.0, 1.0];

    /// The rows of these tensors.
    fn rows(from: usize, to: usize) -> (Unreduced<1>, Option<Tensor<1>>) {
        let of = |numbers: [f32; 4]| Tensor::<1>::from_floats(&numbers[from..to], &Device::flex());
        (Unreduced { values: of(VALUES), normalizer: Some(of(NORMALIZER)) }, Some(of(WEIGHTS)))
    }

    #[test]
    fn the_parts_add_up_by_hand() {
        // The weighted sum is 3 * 2 + 4 = 10.
        let divisors = [
            (Reduction::Mean, 1.5),
            (Reduction::WeightedMean, 3.5),
            (Reduction::BatchMean, 4.0),
            (Reduction::Sum, 1.0),
        ];
        for (reduction, divisor) in divisors {
            let mut whole = Accumulation::new(reduction);
            for (from, to) in [(0, 1), (1, 4)] {
                let (unreduced, weights) = rows(from, to);
                whole.count(unreduced, weights);
            }
            let part = |from, to| {
                let (unreduced, weights) = rows(from, to);
                reduction.reduce(unreduced, weights, whole.divisor.clone()).into_scalar::<f32>()
            };
            let sum = part(0, 1) + part(1, 4);
            assert!((sum - 10.0 / divisor).abs() < 1e-6, "{reduction:?}: {sum}");
            let (unreduced, weights) = rows(0, 4);
            assert!((reduction.reduce(unreduced, weights, None).into_scalar::<f32>() - sum).abs() < 1e-6);
            assert_eq!(whole.extras().is_empty(), reduction == Reduction::Sum);
        }
    }

    #[test]
    fn numbers_and_tensors_are_added() {
        let device = Device::flex();
        let mut whole = Accumulation::new(Reduction::Positives);
        whole.add(3usize);
        whole.add(Tensor::from_floats([2.0], &device));
        whole.add(1.0);
        let values = Tensor::<1>::from_floats([12.0], &device);
        assert_eq!(Reduction::Positives.apply(values, None, whole.divisor).into_scalar::<f32>(), 2.0);
    }

    /// An empty micro-batch adds 0; a batch without entries that count has the value 0.
    #[test]
    fn the_mean_of_no_values_is_zero() {
        let device = Device::flex();
        let mut whole = Accumulation::new(Reduction::Mean);
        whole.count(Tensor::<2>::zeros([0, 3], &device).into(), None);
        let value = Reduction::Mean.apply(Tensor::<1>::ones([2], &device), None, whole.divisor);
        assert_eq!(value.into_scalar::<f32>(), 0.0);
    }

    #[test]
    #[should_panic(expected = "`sum` divides by nothing")]
    fn a_sum_has_no_count() {
        Accumulation::new(Reduction::Sum).add(3.0);
    }
}
