//! Optional additions to the arguments of a loss: weights, a mask, a divisor.

use super::{Divisor, Reduction, Unreduced};
use crate::check::{Reference, per_sample, widen};
use crate::error::InputError;
use crate::formula::Real;
use burn::tensor::kind::Basic;
use burn::tensor::{Bool, Tensor};
use core::fmt;

/// Optional additions to the arguments of a loss: weights, a mask of what is valid, and a divisor.
///
/// Weights, a mask or a divisor alone become extras by themselves: `loss.forward_with(a, b, weights)`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{Extras, prelude::*, regression::MseLossConfig};
///
/// let device = Device::flex();
/// let loss = MseLossConfig::new().init(&device);
/// let predictions = Tensor::<1>::from_floats([1.0, 2.0, 5.0], &device);
/// // The last target is missing.
/// let targets = Tensor::<1>::from_floats([0.0, 0.0, f32::NAN], &device);
/// let mask = targets.clone().is_nan().bool_not();
/// let value = loss.forward_with(predictions.clone(), targets.clone(), mask.clone());
/// assert_eq!(value.into_scalar::<f32>(), 2.5);
///
/// let weights = Tensor::<1>::from_floats([4.0, 1.0, 1.0], &device);
/// let extras = Extras::new().with_mask(mask).with_weights(weights).with_divisor(16.0);
/// assert_eq!(loss.forward_with(predictions, targets, extras).into_scalar::<f32>(), 0.5);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Extras {
    weights: Option<AnyRank<burn::tensor::Float>>,
    mask: Option<AnyRank<Bool>>,
    divisor: Option<Divisor>,
}

impl Extras {
    /// No extras.
    pub fn new() -> Self {
        Self::default()
    }

    /// With weights, which multiply the unreduced values: one per value, or one per sample (`[N, 1, ..]`).
    ///
    /// A value of weight 0 gives 0 and has no gradient, even if it is an infinity or a NaN. It still counts: it enters the divisor
    /// of a mean, rankings, histograms and medians, and where the values of other rows depend on its inputs, a NaN in them is not
    /// hidden. To leave values out, hand in a mask.
    #[must_use]
    pub fn with_weights<const D: usize>(self, weights: Tensor<D>) -> Self {
        Self { weights: Some(AnyRank::new(weights)), ..self }
    }

    /// With a mask, which is false where a value does not count: one entry per value, or one per sample (`[N, 1, ..]`).
    ///
    /// A masked entry may hold anything, NaN too. Its value and its gradients are 0, and it enters no count, ranking, histogram,
    /// median, normalizer or divisor: the loss is that of the batch without it. ([`Reduction::BatchMean`] divides by the number
    /// of samples that have a valid value.)
    #[must_use]
    pub fn with_mask<const D: usize>(self, mask: Tensor<D, Bool>) -> Self {
        Self { mask: Some(AnyRank::new(mask)), ..self }
    }

    /// With a divisor for the sum of the values, in place of the number that the config's reduction counts in this batch: see
    /// [`Divisor`].
    #[must_use]
    pub fn with_divisor(self, divisor: impl Into<Divisor>) -> Self {
        Self { divisor: Some(divisor.into()), ..self }
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.weights.is_none() && self.mask.is_none() && self.divisor.is_none()
    }

    /// The mask without the rest.
    pub(crate) fn mask_alone(self) -> Self {
        Self { mask: self.mask, ..Self::default() }
    }

    /// The extras for values of this shape, which they have been checked to fit. The weights of masked values are 0.
    pub(crate) fn for_shape<const V: usize>(self, shape: [usize; V]) -> ShapedExtras<V> {
        if shape.contains(&0) {
            // Nothing is weighed or masked, and Burn expands no tensor to a size of 0.
            return ShapedExtras { samples: shape[0], weights: None, mask: None, divisor: self.divisor };
        }
        let mask = self.mask.map(|mask| mask.of_values(shape).expand(shape));
        let weights = self.weights.map(|weights| {
            let weights = weights.of_values(shape);
            match &mask {
                None => weights,
                Some(mask) => weights.expand(shape).mask_fill(mask.clone().bool_not(), 0.0),
            }
        });
        ShapedExtras { samples: shape[0], weights, mask, divisor: self.divisor }
    }

    /// The mask of the elements of a tensor `[N, C, ..]`, several of which belong to one value; and the extras without that mask.
    pub(crate) fn split_mask<const D: usize>(mut self, shape: [usize; D]) -> (Option<Tensor<D, Bool>>, Self) {
        let mask = self.mask.take().filter(|_| !shape.contains(&0));
        (mask.map(|mask| mask.into_rank::<D>().expand(shape)), self)
    }
}

impl<const D: usize> From<Tensor<D>> for Extras {
    fn from(weights: Tensor<D>) -> Self {
        Self::new().with_weights(weights)
    }
}

impl<const D: usize> From<Tensor<D, Bool>> for Extras {
    fn from(mask: Tensor<D, Bool>) -> Self {
        Self::new().with_mask(mask)
    }
}

impl From<Divisor> for Extras {
    fn from(divisor: Divisor) -> Self {
        Self::new().with_divisor(divisor)
    }
}

/// A tensor whose rank the compiler does not know.
#[derive(Clone)]
struct AnyRank<K: Basic>(
    /// The rank in this type is not that of the tensor.
    Tensor<1, K>,
);

impl<K: Basic> AnyRank<K> {
    fn new<const D: usize>(tensor: Tensor<D, K>) -> Self {
        Self(Tensor::from_dispatch(tensor.into_dispatch()))
    }

    fn shape(&self) -> Vec<usize> {
        self.0.shape().to_vec()
    }

    fn into_rank<const D: usize>(self) -> Tensor<D, K> {
        Tensor::from_dispatch(self.0.into_dispatch())
    }

    /// The tensor with an entry for each value of this shape, or with one per sample: `[N, 1, ..]`.
    fn of_values<const V: usize>(self, shape: [usize; V]) -> Tensor<V, K> {
        let is_per_value = self.0.shape().num_elements() == shape.iter().product::<usize>();
        self.0.reshape(if is_per_value { shape } else { per_sample(shape) })
    }
}

impl<K: Basic> fmt::Debug for AnyRank<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.shape())
    }
}

impl<const D: usize> Reference<'_, D> {
    /// Checks that weights and mask have the shape of the `values`, or one entry per sample: `[N, 1, ..]`.
    pub(crate) fn extras(&self, values: &[usize], extras: &Extras) -> Result<(), InputError> {
        self.weights_of(values, extras)?;
        let Some(mask) = &extras.mask else { return Ok(()) };
        self.per_value("mask", "entry", values, &mask.shape())?;
        self.same_device("mask", &mask.0)
    }

    /// Checks weights for the `values`, and a mask for the elements of the first argument, for all classes or for each.
    pub(crate) fn extras_of_elements(&self, values: &[usize], extras: &Extras) -> Result<(), InputError> {
        self.weights_of(values, extras)?;
        let Some(mask) = &extras.mask else { return Ok(()) };
        let shape = self.tensor.dims();
        let all_classes: [usize; D] = core::array::from_fn(|axis| if axis == 1 { 1 } else { shape[axis] });
        let allowed = [shape, all_classes, per_sample(shape)];
        if allowed.iter().all(|shape| mask.shape() != shape) {
            let [shape, all_classes, per_sample] = allowed;
            let expected = format!(
                "{shape:?} (that of `{}`), {all_classes:?} (one entry for all classes) or {per_sample:?} (one per sample)",
                self.name
            );
            return Err(self.shape_error("mask", &mask.shape(), expected));
        }
        self.same_device("mask", &mask.0)
    }

    fn weights_of(&self, values: &[usize], extras: &Extras) -> Result<(), InputError> {
        let Some(weights) = &extras.weights else { return Ok(()) };
        self.weights(values, &weights.shape(), &weights.0)
    }
}

/// Extras for values of one shape.
#[derive(Debug, Clone)]
pub(crate) struct ShapedExtras<const V: usize> {
    /// The size of the first axis.
    pub(crate) samples: usize,
    /// One per value or per sample; with a mask one per value, and 0 where the mask is false.
    pub(crate) weights: Option<Tensor<V>>,
    /// One entry per value.
    pub(crate) mask: Option<Tensor<V, Bool>>,
    pub(crate) divisor: Option<Divisor>,
}

impl<const V: usize> ShapedExtras<V> {
    /// Reduces values that are 0 already, and do not count, where they are masked.
    #[track_caller]
    pub(crate) fn reduce(self, reduction: Reduction, unreduced: Unreduced<V>) -> Tensor<1> {
        let divisor = self.counted(reduction);
        reduction.reduce(unreduced, self.weights, divisor)
    }

    /// The divisor that masked values do not show: the caller's, or for a batch mean the number of samples with a valid value.
    #[track_caller]
    pub(crate) fn counted(&self, reduction: Reduction) -> Option<Divisor> {
        reduction.check_divisor(self.divisor.as_ref());
        self.divisor.clone().or_else(|| {
            let mask = self.mask.as_ref().filter(|_| reduction == Reduction::BatchMean)?;
            let [samples, values] = [mask.dims()[0], mask.dims()[1..].iter().product()];
            Some(count_true(&mask.clone().reshape([samples, values]).any_dim(1)))
        })
    }

    /// The reduction for a kernel that supports weights alone, and the divisor of the kernel's result; `None` with a mask.
    #[track_caller]
    pub(crate) fn in_kernel(&self, reduction: Reduction) -> Option<(Reduction, Option<Divisor>)> {
        let divisor = self.counted(reduction);
        let reduction = if divisor.is_some() { Reduction::Sum } else { reduction };
        self.mask.is_none().then_some((reduction, divisor))
    }

    /// Which weights are 0; `None` without weights.
    pub(crate) fn weightless(&self) -> Option<Tensor<V, Bool>> {
        self.weights.as_ref().map(|weights| weights.clone().detach().equal_scalar(0.0))
    }

    /// Unreduced values, multiplied by the weights and divided by the divisor. A value with a weight of 0 gives 0, even if it is
    /// an infinity or a NaN.
    pub(crate) fn apply(self, unreduced: Unreduced<V>) -> Unreduced<V> {
        if unreduced.values.dims().contains(&0) {
            return unreduced;
        }
        let Unreduced { mut values, normalizer } = unreduced;
        if let Some(weights) = self.weights {
            values = widen(weights).expand(values.dims()).weigh(values);
        }
        if let Some(divisor) = self.divisor {
            values = divisor.divide(values);
        }
        Unreduced { values, normalizer }
    }
}

/// How many entries are true.
pub(crate) fn count_true<const D: usize>(mask: &Tensor<D, Bool>) -> Divisor {
    // Integers are exact beyond 2^24.
    mask.clone().int().sum().float().into()
}

/// The tensor with 0 where the mask is false, whatever the tensor holds there. There is no gradient there either.
pub(crate) fn cleaned<const D: usize>(tensor: Tensor<D>, mask: Option<&Tensor<D, Bool>>) -> Tensor<D> {
    match mask {
        None => tensor,
        Some(mask) => tensor.mask_fill(mask.clone().bool_not(), 0.0),
    }
}

impl<const D: usize> Unreduced<D> {
    /// Values that are 0 and do not count where the mask is false.
    pub(crate) fn masked(self, mask: Option<&Tensor<D, Bool>>) -> Self {
        if mask.is_none() {
            return self;
        }
        let normalizer = self.normalizer.unwrap_or_else(|| self.values.ones_like().detach());
        Self { values: cleaned(self.values, mask), normalizer: Some(cleaned(normalizer, mask)) }
    }
}
