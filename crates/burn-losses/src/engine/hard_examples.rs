//! Online hard example mining: which values of a batch are kept.

use super::primitives::order_statistics::largest;
use crate::options::HardExamples;
use crate::reduction::Unreduced;
use burn::tensor::{DType, Int, Tensor};

/// Keeps the hardest values; the others become 0 and do not count.
pub(crate) fn keep_hard_examples<const D: usize>(
    unreduced: Unreduced<D>,
    keep: HardExamples,
    min_kept: usize,
) -> Unreduced<D> {
    let dropped = select_hard_examples(&unreduced, keep, min_kept).equal_scalar(0.0);
    let Unreduced { values, normalizer } = unreduced;
    let normalizer = normalizer.unwrap_or_else(|| values.ones_like()).detach();
    Unreduced { values: values.mask_fill(dropped.clone(), 0.0), normalizer: Some(normalizer.mask_fill(dropped, 0.0)) }
}

/// 1 for each of the hardest values, 0 for the others.
///
/// A NaN or an infinity is always kept, whatever the count, so that it stays visible. Minus infinity is an easy value like others: it
/// is below all of them.
pub(crate) fn select_hard_examples<const D: usize>(
    unreduced: &Unreduced<D>,
    keep: HardExamples,
    min_kept: usize,
) -> Tensor<D> {
    let Unreduced { values, normalizer } = unreduced;
    let shape = values.dims();
    let n: usize = shape.iter().product();
    let (device, mut scores) = (values.device(), values.clone().detach().reshape([n]));
    let number = |count: usize| Tensor::<1, Int>::full([1], count.min(n) as i64, &device);
    let mut valid = number(n);
    // An ignored value is never kept: it ranks below all others. It is 0 and does not count. A value that does not count may be
    // another number (of a class whose weight is 0, but with a smoothed target): it is kept like any other.
    let ignored = normalizer.as_ref().map(|normalizer| {
        let uncounted = normalizer.clone().detach().reshape([n]).equal_scalar(0.0);
        uncounted.bool_and(scores.clone().equal_scalar(0.0))
    });
    if let Some(ignored) = &ignored {
        let most = if scores.dtype() == DType::F64 { f64::MAX } else { f64::from(f32::MAX) };
        scores = scores.clone().mask_fill(scores.equal_scalar(f64::NEG_INFINITY), -most / 2.0);
        scores = scores.mask_fill(ignored.clone(), -most);
        valid = ignored.clone().bool_not().int().sum();
    }
    let wanted = match keep {
        HardExamples::Ratio(ratio) => {
            let share = valid.clone().float().cast(scores.dtype()) * ratio;
            (share + 0.5).floor().int()
        }
        HardExamples::Count(count) => number(count),
        HardExamples::Threshold(threshold) => scores.clone().lower_equal_scalar(threshold).bool_not().int().sum(),
    };
    let kept = largest(scores, wanted.max_pair(number(min_kept)).min_pair(valid));
    ignored.map_or(kept.clone(), |ignored| kept.mask_fill(ignored, 0.0)).reshape(shape)
}
