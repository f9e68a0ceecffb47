//! A softmax that several units compute together.

use super::math;
use burn_cubecl::cubecl;
use cubecl::prelude::*;

/// The largest of some logits, and the sum of e^(x - largest).
#[derive(CubeType, Clone, Copy)]
pub(in crate::engine) struct Total<F: Float> {
    pub(in crate::engine) most: F,
    pub(in crate::engine) sum: F,
}

/// The total of two sets of logits, from their totals.
#[cube]
pub(in crate::engine) fn merge<F: Float>(a: Total<F>, b: Total<F>) -> Total<F> {
    let difference = below::<F>(b.most, a.most);
    let power = exp::<F>(-difference.abs());
    let is_larger = difference > F::new(0.0_f32);
    Total::<F> {
        most: select(is_larger, b.most, a.most),
        sum: select(is_larger, a.sum * power + b.sum, a.sum + b.sum * power),
    }
}

/// The distance of a logit from the largest one. Both may be the same infinity, whose difference would be NaN.
#[cube]
pub(in crate::engine) fn below<F: Float>(logit: F, most: F) -> F {
    select(logit == most, F::new(0.0_f32), logit - most)
}

/// The total over all units that work on a row.
#[cube]
pub(in crate::engine) fn merged<F: Float>(
    own: Total<F>,
    #[comptime] units: usize,
    #[comptime] per_row: usize,
) -> Total<F> {
    let mut most = own.most;
    let mut sum = own.sum;
    if comptime!(per_row > 1) {
        let mut mosts = Shared::<[F]>::new_slice(units);
        let mut sums = Shared::<[F]>::new_slice(units);
        let unit = UNIT_POS as usize;
        let place = unit % per_row;
        mosts[unit] = most;
        sums[unit] = sum;
        sync_cube();
        let mut active = (per_row / 2).runtime();
        while active > 0 {
            if place < active {
                let other = Total::<F> { most: mosts[unit + active], sum: sums[unit + active] };
                let both = merge::<F>(Total::<F> { most: mosts[unit], sum: sums[unit] }, other);
                mosts[unit] = both.most;
                sums[unit] = both.sum;
            }
            sync_cube();
            active /= 2;
        }
        most = mosts[unit - place];
        sum = sums[unit - place];
        // No unit may write here again before all have read.
        sync_cube();
    }
    Total::<F> { most, sum }
}

/// The sum over all units that work on a row.
#[cube]
pub(in crate::engine) fn group_sum<F: Float>(own: F, #[comptime] units: usize, #[comptime] per_row: usize) -> F {
    let mut sum = own;
    if comptime!(per_row > 1) {
        let mut sums = Shared::<[F]>::new_slice(units);
        let unit = UNIT_POS as usize;
        let place = unit % per_row;
        sums[unit] = own;
        sync_cube();
        let mut active = (per_row / 2).runtime();
        while active > 0 {
            if place < active {
                let other = sums[unit + active];
                sums[unit] += other;
            }
            sync_cube();
            active /= 2;
        }
        sum = sums[unit - place];
        sync_cube();
    }
    sum
}

/// The largest number of all units that work on a row.
#[cube]
pub(in crate::engine) fn group_largest<F: Float>(own: F, #[comptime] units: usize, #[comptime] per_row: usize) -> F {
    let mut most = own;
    if comptime!(per_row > 1) {
        let mut all = Shared::<[F]>::new_slice(units);
        let unit = UNIT_POS as usize;
        let place = unit % per_row;
        all[unit] = own;
        sync_cube();
        let mut active = (per_row / 2).runtime();
        while active > 0 {
            if place < active {
                let other = all[unit + active];
                all[unit] = select(other > all[unit], other, all[unit]);
            }
            sync_cube();
            active /= 2;
        }
        most = all[unit - place];
        sync_cube();
    }
    most
}

#[cube]
pub(in crate::engine) fn exp<F: Float>(x: F) -> F {
    math::exp::<F, Const<1>>(Vector::new(x)).extract(0_usize)
}

#[cube]
pub(in crate::engine) fn ln<F: Float>(x: F) -> F {
    math::ln::<F, Const<1>>(Vector::new(x)).extract(0_usize)
}

#[cube]
pub(in crate::engine) fn log1p<F: Float>(x: F) -> F {
    math::log1p::<F, Const<1>>(Vector::new(x)).extract(0_usize)
}

#[cube]
pub(in crate::engine) fn is_nan<F: Float>(x: F) -> bool {
    Vector::<F, Const<1>>::new(x).is_nan().extract(0_usize)
}
