//! From unreduced values to one number.

mod accumulation;
mod extras;
#[cfg(feature = "schema")]
pub(crate) mod schema;

use crate::check::{per_sample, widen};
use crate::formula::Real;
use burn::tensor::Tensor;
use burn_losses_derive::Choice;

pub use accumulation::Accumulation;
pub use extras::Extras;
pub(crate) use extras::{ShapedExtras, cleaned, count_true};

/// How the unreduced values of a batch become one number: every loss of every family has this field.
///
/// With values l, weights w (1 where none are given) and n the number of valid values (those not ignored):
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
#[instead("none", "for one value each, call `forward_no_reduction`")]
pub enum Reduction {
    /// sum(w l) / n. Cross-entropy with class weights divides by the sum of the class weights used, as PyTorch does.
    #[default]
    Mean,
    /// sum(w l).
    Sum,
    /// sum(w l) / N, N the size of the first axis.
    BatchMean,
    /// sum(w l) / sum(w), over the valid values.
    WeightedMean,
    /// sum(w l) / max(number of positive targets, 1): detection with many negatives. Family `binary` only.
    Positives,
}

/// A caller-supplied divisor, overriding the batch's own: the count over all micro-batches of an accumulated gradient (see
/// [`Accumulation`]), or over all replicas of data-parallel training.
#[derive(Debug, Clone)]
pub enum Divisor {
    /// A number known on the host.
    Number(f64),
    /// A number on the device, for instance the result of an all-reduce: no synchronization is needed.
    Tensor(Box<Tensor<1>>),
}

impl From<f64> for Divisor {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<usize> for Divisor {
    fn from(count: usize) -> Self {
        Self::Number(count as f64)
    }
}

impl From<Tensor<1>> for Divisor {
    fn from(tensor: Tensor<1>) -> Self {
        Self::Tensor(Box::new(tensor))
    }
}

impl Divisor {
    /// `total` divided by a divisor, if there is one.
    pub(crate) fn divide_by(divisor: Option<Self>, total: Tensor<1>) -> Tensor<1> {
        match divisor {
            Some(divisor) => divisor.divide(total),
            None => total,
        }
    }

    /// The sum of two divisors.
    fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Number(first), Self::Number(second)) => Self::Number(first + second),
            (Self::Tensor(tensor), Self::Number(number)) | (Self::Number(number), Self::Tensor(tensor)) => {
                (*tensor + number).into()
            }
            (Self::Tensor(first), Self::Tensor(second)) => {
                let second = second.cast(first.dtype());
                (*first + second).into()
            }
        }
    }

    /// `total` divided by this divisor; 0 where the divisor is 0.
    pub(crate) fn divide<const D: usize>(self, total: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Number(0.0) => total * 0.0,
            Self::Number(number) => total * (1.0 / number),
            Self::Tensor(tensor) => {
                let divisor = tensor.detach().cast(total.dtype()).reshape([1; D]).expand(total.dims());
                let none = divisor.clone().equal_scalar(0.0);
                total.mask_fill(none.clone(), 0.0) / divisor.mask_fill(none, 1.0)
            }
        }
    }
}

/// Unreduced values, and how much each of them counts in a mean.
#[derive(Debug, Clone)]
pub struct Unreduced<const D: usize> {
    /// The values.
    pub values: Tensor<D>,
    /// How much each value adds to the divisor of a mean: 0 if it is ignored, or else its class weight if it has one. `None`: 1
    /// for each.
    pub normalizer: Option<Tensor<D>>,
}

impl<const D: usize> Unreduced<D> {
    /// The divisor of a mean. Added up over micro-batches or replicas, it is their common divisor.
    pub fn count(&self) -> Tensor<1> {
        match &self.normalizer {
            Some(normalizer) => sum(normalizer.clone()),
            None => Tensor::full(
                [1],
                self.values.shape().num_elements() as f64,
                (&self.values.device(), self.values.dtype()),
            ),
        }
    }
}

impl<const D: usize> From<Tensor<D>> for Unreduced<D> {
    fn from(values: Tensor<D>) -> Self {
        Self { values, normalizer: None }
    }
}

impl Reduction {
    /// Reduces `values`, each multiplied by its weight, and divides by `divisor` where the caller gives one.
    ///
    /// `weights` has the shape of `values`, or one value per sample (`[N, 1, ..]`). The mean of no values is 0 with a live graph.
    /// A value with a weight of 0 gives 0, even if it is an infinity or a NaN.
    ///
    /// Every value counts 1 here. If some are ignored, dropped by mining, or weighted by their class, take
    /// [`reduce`](Self::reduce) with the result of `forward_unreduced`, or a divisor.
    ///
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use burn_losses::{Reduction, prelude::*, regression::MaeLossConfig};
    ///
    /// let device = Device::flex();
    /// let loss = MaeLossConfig::new().init(&device);
    /// let values = loss.forward_no_reduction(
    ///     Tensor::<1>::from_floats([1.0, 2.0], &device),
    ///     Tensor::from_floats([0.0, 0.0], &device),
    /// );
    /// // Two micro-batches of two values each: both divide by the four values of the whole.
    /// let part = loss.reduction().apply(values, None, Some(4.0.into()));
    /// assert_eq!(part.into_scalar::<f32>(), 0.75);
    /// ```
    ///
    /// # Panics
    /// With a divisor and [`Reduction::Sum`], which takes no divisor; with [`Reduction::Positives`] and no divisor, since values
    /// alone do not say how many targets are positive; with weights of another shape.
    #[track_caller]
    pub fn apply<const D: usize>(
        self,
        values: Tensor<D>,
        weights: Option<Tensor<D>>,
        divisor: Option<Divisor>,
    ) -> Tensor<1> {
        self.reduce(values.into(), weights, divisor)
    }

    /// Like [`apply`](Self::apply), for values with different counts in a mean.
    #[track_caller]
    pub fn reduce<const D: usize>(
        self,
        unreduced: Unreduced<D>,
        weights: Option<Tensor<D>>,
        divisor: Option<Divisor>,
    ) -> Tensor<1> {
        let shape = unreduced.values.dims();
        if shape.contains(&0) {
            // The sum of no values is -0 on some backends.
            return unreduced.values.sum() + 0.0;
        }
        let weights = weights.map(|weights| per_value(weights, shape));
        let total = sum(match &weights {
            Some(weights) => weights.clone().weigh(unreduced.values.clone()),
            None => unreduced.values.clone(),
        });
        self.divide(total, unreduced, weights, divisor)
    }

    /// Divides the sum of the values, each multiplied by its weight, by the divisor of this reduction.
    #[track_caller]
    pub(crate) fn divide<const D: usize>(
        self,
        total: Tensor<1>,
        unreduced: Unreduced<D>,
        weights: Option<Tensor<D>>,
        divisor: Option<Divisor>,
    ) -> Tensor<1> {
        self.check_divisor(divisor.as_ref());
        let divisor = divisor.or_else(|| self.divisor_of(unreduced, weights));
        Divisor::divide_by(divisor, total)
    }

    /// The number that this reduction divides by; `None` if it divides by nothing. There is one weight per value.
    #[track_caller]
    fn divisor_of<const D: usize>(self, unreduced: Unreduced<D>, weights: Option<Tensor<D>>) -> Option<Divisor> {
        let shape = unreduced.values.dims();
        match self {
            Self::Sum => None,
            Self::Mean => Some(match unreduced.normalizer {
                Some(normalizer) => sum(normalizer).into(),
                None => shape.iter().product::<usize>().into(),
            }),
            Self::BatchMean => Some(shape[0].into()),
            Self::WeightedMean => Some(match (unreduced.normalizer, weights) {
                (Some(normalizer), Some(weights)) => sum(normalizer * weights).into(),
                (Some(normalizer), None) => sum(normalizer).into(),
                (None, Some(weights)) => sum(weights).into(),
                (None, None) => shape.iter().product::<usize>().into(),
            }),
            Self::Positives => panic!("reduction: `positives` needs the number of positive targets as `divisor`"),
        }
    }

    #[track_caller]
    fn check_divisor(self, divisor: Option<&Divisor>) {
        assert!(
            self != Self::Sum || divisor.is_none(),
            "reduction: `sum` divides by nothing, but a `divisor` was given; choose `mean`"
        );
    }
}

/// Weights with one entry per value, of weights per value or per sample.
#[track_caller]
fn per_value<const D: usize>(weights: Tensor<D>, shape: [usize; D]) -> Tensor<D> {
    assert!(
        [shape, per_sample(shape)].contains(&weights.dims()),
        "reduction: `weights` has shape {:?}, expected {shape:?} (one per value) or one per sample",
        weights.dims()
    );
    widen(weights).expand(shape)
}

/// The sum of all values.
pub(crate) fn sum<const D: usize>(values: Tensor<D>) -> Tensor<1> {
    let count = values.shape().num_elements();
    partial_sums(values.reshape([1, count])).sum()
}

/// The sum of each row, `[rows, 1]`.
pub(crate) fn row_sums(values: Tensor<2>) -> Tensor<2> {
    partial_sums(values).sum_dim(1)
}

/// The sums of parts of each row, if it is long. NdArray adds naively; in two steps the rounding error of 1e7 values in f32 falls
/// from about 1e-3 to 1e-6.
fn partial_sums(values: Tensor<2>) -> Tensor<2> {
    const PART: usize = 4096;
    let [rows, count] = values.dims();
    if count <= PART {
        return values;
    }
    let parts = count / PART;
    let head = values.clone().narrow(1, 0, parts * PART).reshape([rows, parts, PART]);
    let sums = head.sum_dim(2).reshape([rows, parts]);
    match count - parts * PART {
        0 => sums,
        rest => Tensor::cat(vec![sums, values.narrow(1, parts * PART, rest).sum_dim(1)], 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn number(tensor: Tensor<1>) -> f32 {
        tensor.into_scalar()
    }

    #[test]
    fn each_reduction_by_hand() {
        let device = Device::flex();
        let values = || Tensor::<2>::from_floats([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], &device);
        let weights = || Tensor::<2>::from_floats([[1.0], [0.5]], &device);
        let apply = |reduction: Reduction, weights| number(reduction.apply(values(), weights, None));
        assert_eq!(apply(Reduction::Mean, None), 3.5);
        assert_eq!(apply(Reduction::Sum, None), 21.0);
        assert_eq!(apply(Reduction::BatchMean, None), 10.5);
        assert_eq!(apply(Reduction::WeightedMean, None), 3.5);
        assert_eq!(apply(Reduction::Mean, Some(weights())), 13.5 / 6.0);
        assert_eq!(apply(Reduction::Sum, Some(weights())), 13.5);
        assert_eq!(apply(Reduction::WeightedMean, Some(weights())), 3.0);
        let divided = Reduction::Mean.apply(values(), None, Some(42usize.into()));
        assert_eq!(number(divided), 0.5);
        let count = Tensor::from_floats([42.0], &device);
        assert_eq!(number(Reduction::Mean.apply(values(), None, Some(count.into()))), 0.5);
    }

    #[test]
    fn nothing_has_the_mean_zero() {
        let device = Device::flex();
        let ones = || Tensor::<1>::ones([3], &device);
        let unreduced = Unreduced { values: ones(), normalizer: Some(ones() * 0.0) };
        assert_eq!(number(Reduction::Mean.reduce(unreduced, None, None)), 0.0);
        let weighted = Reduction::WeightedMean.apply(ones(), Some(ones() * 0.0), None);
        assert_eq!(number(weighted), 0.0);
    }

    #[test]
    #[should_panic(expected = "`sum` divides by nothing")]
    fn sum_takes_no_divisor() {
        Reduction::Sum.apply(Tensor::<1>::ones([3], &Device::flex()), None, Some(3.0.into()));
    }

    #[test]
    #[should_panic(expected = "needs the number of positive targets")]
    fn positives_needs_a_divisor() {
        Reduction::Positives.apply(Tensor::<1>::ones([3], &Device::flex()), None, None);
    }

    #[test]
    #[should_panic(expected = "`weights` has shape [2, 1], expected [3, 2]")]
    fn weights_are_not_broadcast_from_another_batch() {
        let device = Device::flex();
        let values = Tensor::<2>::ones([3, 2], &device);
        Reduction::Mean.apply(values, Some(Tensor::ones([2, 1], &device)), None);
    }

    #[test]
    fn long_sums_keep_their_digits() {
        let device = Device::flex();
        let values = Tensor::<1>::full([1_000_003], 0.1, &device);
        let total = number(sum(values));
        assert!((total / 100_000.3 - 1.0).abs() < 1e-6, "{total}");
    }
}
