//! Online hard example mining: which values of a batch are kept.

use super::primitives::order_statistics::largest;
use crate::options::{HardExamples, MinedOver};
use crate::reduction::{Unreduced, sum};
use burn::tensor::{Bool, DType, Int, Tensor};

/// How the hardest values are chosen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mining {
    pub(crate) keep: HardExamples,
    pub(crate) min_kept: usize,
    pub(crate) over: MinedOver,
}

/// All positive values are kept, and so many of the hardest negative ones for each.
pub(crate) struct Quota<const D: usize> {
    pub(crate) positive: Tensor<D, Bool>,
    pub(crate) negatives_per_positive: f64,
}

impl Mining {
    /// Keeps the hardest values; the others become 0 and do not count.
    pub(crate) fn keep<const D: usize>(self, unreduced: Unreduced<D>, quota: Option<&Quota<D>>) -> Unreduced<D> {
        let chosen = self.choose(&unreduced, quota);
        let dropped = with_visible(chosen.clone(), &unreduced).equal_scalar(0.0);
        let Unreduced { values, normalizer } = unreduced;
        // A weight of 0 takes a NaN out of the sum, so what is kept beyond the count must not be in the divisor.
        let normalizer = normalizer
            .map_or(chosen.clone(), |normalizer| normalizer.detach().mask_fill(chosen.equal_scalar(0.0), 0.0));
        Unreduced { values: values.mask_fill(dropped, 0.0), normalizer: Some(normalizer) }
    }

    /// 1 for each of the values that are kept, 0 for the others; and how many of them count.
    ///
    /// A NaN or an infinity is always kept, whatever the count, so that it stays visible. Minus infinity is an easy value like
    /// others: it is below all of them.
    pub(crate) fn select<const D: usize>(
        self,
        unreduced: &Unreduced<D>,
        quota: Option<&Quota<D>>,
    ) -> (Tensor<D>, Tensor<1>) {
        let chosen = self.choose(unreduced, quota);
        let count = sum(chosen.clone());
        (with_visible(chosen, unreduced), count)
    }

    /// 1 for each of the hardest values, which count; 0 for the others.
    fn choose<const D: usize>(self, unreduced: &Unreduced<D>, quota: Option<&Quota<D>>) -> Tensor<D> {
        let samples = unreduced.values.dims()[0];
        if self.over == MinedOver::Batch || samples < 2 {
            return self.choose_together(unreduced, quota);
        }
        let of_sample = |sample: usize| {
            let narrowed = |tensor: &Tensor<D>| tensor.clone().narrow(0, sample, 1);
            let Unreduced { values, normalizer } = unreduced;
            let unreduced = Unreduced { values: narrowed(values), normalizer: normalizer.as_ref().map(narrowed) };
            let quota = quota.map(|quota| Quota { positive: quota.positive.clone().narrow(0, sample, 1), ..*quota });
            self.choose_together(&unreduced, quota.as_ref())
        };
        Tensor::cat((0..samples).map(of_sample).collect(), 0)
    }

    fn choose_together<const D: usize>(self, unreduced: &Unreduced<D>, quota: Option<&Quota<D>>) -> Tensor<D> {
        let Unreduced { values, normalizer } = unreduced;
        let shape = values.dims();
        let n: usize = shape.iter().product();
        let (device, mut scores) = (values.device(), values.clone().detach().reshape([n]));
        let number = |count: usize| Tensor::<1, Int>::full([1], count.min(n) as i64, &device);
        let share = |of: Tensor<1, Int>, ratio: f64, scores: &Tensor<1>| {
            // An integer has to hold the number, and there are no more values than n.
            (of.float().cast(scores.dtype()) * ratio + 0.5).floor().clamp_max(n as f64).int()
        };
        let mut valid = number(n);
        // An ignored value is never kept: it ranks below all others. It is 0 and does not count. A value that does not count may be
        // another number (of a class whose weight is 0, but with a smoothed target): it is kept like any other.
        let ignored = normalizer.as_ref().map(|normalizer| {
            let uncounted = normalizer.clone().detach().reshape([n]).equal_scalar(0.0);
            uncounted.bool_and(scores.clone().equal_scalar(0.0))
        });
        let positive = quota.map(|quota| quota.positive.clone().reshape([n]));
        if let Some(positive) = &positive {
            scores = scores.mask_fill(positive.clone(), f64::INFINITY);
        }
        if let Some(ignored) = &ignored {
            let most = if scores.dtype() == DType::F64 { f64::MAX } else { f64::from(f32::MAX) };
            scores = scores.clone().mask_fill(scores.equal_scalar(f64::NEG_INFINITY), -most / 2.0);
            scores = scores.mask_fill(ignored.clone(), -most);
            valid = ignored.clone().bool_not().int().sum();
        }
        let mut least = number(self.min_kept);
        let wanted = match (quota, positive, self.keep) {
            (Some(quota), Some(positive), _) => {
                let positives = match &ignored {
                    Some(ignored) => positive.bool_and(ignored.clone().bool_not()),
                    None => positive,
                };
                let positives = positives.int().sum();
                least = least + positives.clone();
                share(positives.clone(), quota.negatives_per_positive, &scores) + positives
            }
            (_, _, HardExamples::Ratio(ratio)) => share(valid.clone(), ratio, &scores),
            (_, _, HardExamples::Count(count)) => number(count),
            (_, _, HardExamples::Threshold(threshold)) => {
                scores.clone().lower_equal_scalar(threshold).bool_not().int().sum()
            }
        };
        let chosen = largest(scores, wanted.max_pair(least).min_pair(valid));
        ignored.map_or(chosen.clone(), |ignored| chosen.mask_fill(ignored, 0.0)).reshape(shape)
    }
}

/// Adds the values that are NaN or infinity to those that are chosen.
fn with_visible<const D: usize>(chosen: Tensor<D>, unreduced: &Unreduced<D>) -> Tensor<D> {
    let values = unreduced.values.clone().detach();
    let is_visible = values.clone().is_nan().bool_or(values.equal_scalar(f64::INFINITY));
    chosen.mask_fill(is_visible, 1.0)
}
