//! Online hard example mining: which values of a batch are kept.

use super::primitives::order_statistics::largest;
use crate::options::Keep;
use crate::reduction::Unreduced;
use burn::tensor::{Bool, DType, Int, Tensor};

/// Keeps the hardest values; the others become 0 and count nothing.
pub(crate) fn keep_hardest<const D: usize>(unreduced: Unreduced<D>, keep: Keep, min_kept: usize) -> Unreduced<D> {
    let dropped = hardest(&unreduced, keep, min_kept).bool_not();
    let Unreduced { values, mass } = unreduced;
    let mass = mass.unwrap_or_else(|| values.ones_like()).detach();
    Unreduced { values: values.mask_fill(dropped.clone(), 0.0), mass: Some(mass.mask_fill(dropped, 0.0)) }
}

/// Which values are the hardest.
pub(crate) fn hardest<const D: usize>(unreduced: &Unreduced<D>, keep: Keep, min_kept: usize) -> Tensor<D, Bool> {
    let Unreduced { values, mass } = unreduced;
    let shape = values.dims();
    let n: usize = shape.iter().product();
    let device = values.device();
    let scores = values.clone().detach().reshape([n]);
    // What is not finite is kept whatever the count: it shall be seen. An infinity ranks first, a NaN nowhere.
    let not_finite = scores.clone().is_finite().bool_not();
    let most = if scores.dtype() == DType::F64 { f64::MAX } else { f64::from(f32::MAX) };
    let is_infinite = scores.clone().greater_scalar(most);
    let mut scores = scores.mask_fill(not_finite.clone(), 0.0).mask_fill(is_infinite, most);
    let number = |count: usize| Tensor::<1, Int>::full([1], count.min(n) as i64, &device);
    let mut valid = number(n);
    let mut invalid = None;
    if let Some(mass) = mass {
        // What does not count is never kept: it ranks below everything else.
        let mask = mass.clone().detach().reshape([n]).equal_scalar(0.0);
        let below = scores.clone().min() - 1.0;
        scores = scores.mask_where(mask.clone(), below.expand([n]));
        valid = mask.clone().bool_not().int().sum();
        invalid = Some(mask);
    }
    let wanted = match keep {
        Keep::Ratio(ratio) => {
            let share = valid.clone().float().cast(scores.dtype()) * ratio;
            (share + 0.5).floor().int()
        }
        Keep::Count(count) => number(count),
        Keep::Threshold(threshold) => scores.clone().greater_scalar(threshold).int().sum(),
    };
    let k = wanted.max_pair(number(min_kept)).min_pair(valid);
    let kept = largest(scores, k).bool_or(not_finite);
    invalid.map_or(kept.clone(), |invalid| kept.bool_and(invalid.bool_not())).reshape(shape)
}
