//! Order statistics without sorting.
//!
//! Burn sorts on the host where the device is a GPU, which would make every step wait. Halving an interval needs only
//! comparisons and sums, runs on every device, and gives the same answer on all of them.

#[cfg(feature = "cpu-engine")]
pub(in crate::engine) mod host;

use super::valid::selected;
use crate::engine::any_tensor::AnyTensor;
use crate::engine::machine::{self, has_kernels};
use burn::tensor::{Bool, DType, Int, Tensor};

/// 1 for each of the `k` largest of `scores`, with the first ones at ties; 0 for all others. `k` is one number, from 0 to the
/// number of scores. A NaN and an infinity rank above the rest, as equals; minus infinity ranks below the rest.
pub(crate) fn largest(scores: Tensor<1>, k: Tensor<1, Int>) -> Tensor<1> {
    let any = AnyTensor::from(&scores);
    if has_kernels(any.clone()) {
        let k = k.clone().into_scalar::<i64>() as usize;
        if let Some(kept) = machine::run("largest", &any, |machine| machine.largest(&any, k)) {
            return kept.into_rank();
        }
    }
    let most = if scores.dtype() == DType::F64 { f64::MAX } else { f64::from(f32::MAX) };
    let scores = scores.clone().mask_fill(scores.equal_scalar(f64::NEG_INFINITY), -most / 2.0);
    let first = scores.clone().is_nan().bool_or(scores.clone().equal_scalar(f64::INFINITY));
    let scores = scores.mask_fill(first, most);
    let (low, high) = bracket(scores.clone(), k.clone());
    let certain = scores.clone().greater(high.expand(scores.dims()));
    let tied = scores.clone().greater(low.expand(scores.dims())).bool_and(certain.clone().bool_not());
    let missing = k - count(certain.clone());

    // The first `missing` of the tied scores are chosen: halve the interval of positions.
    let n = scores.dims()[0];
    let device = scores.device();
    let position = Tensor::<1, Int>::arange(0..n as i64, &device);
    let mut low = Tensor::<1, Int>::full([1], -1, &device);
    let mut high = Tensor::<1, Int>::full([1], n as i64 - 1, &device);
    for _ in 0..=usize::BITS - n.leading_zeros() {
        let middle = (low.clone() + high.clone()) / 2;
        let within = position.clone().lower_equal(middle.clone().expand([n]));
        let enough = count(tied.clone().bool_and(within)).greater_equal(missing.clone());
        high = high.mask_where(enough.clone(), middle.clone());
        low = low.mask_where(enough.bool_not(), middle);
    }
    // With `missing` = 0, no tied score is chosen.
    let none = missing.equal_elem(0);
    let last = high.mask_fill(none, -1);
    let chosen = certain.bool_or(tied.bool_and(position.lower_equal(last.expand([n]))));
    chosen.float().cast(scores.dtype())
}

/// The place of the largest number of each row, the first one at ties.
pub(crate) fn argmax(rows: Tensor<2>) -> Tensor<1, Int> {
    let any = AnyTensor::from(&rows);
    let places = machine::run("argmax", &any, |machine| machine.argmax(&any));
    places.unwrap_or_else(|| rows.argmax(1).squeeze_dim(1))
}

/// The place of the largest of the numbers of each row where the mask is true, the first one at ties. An infinity is a number like the
/// others.
pub(crate) fn argmax_where(rows: Tensor<2>, mask: Tensor<2, Bool>) -> Tensor<1, Int> {
    let least = if rows.dtype() == DType::F64 { f64::MIN } else { f64::from(f32::MIN) };
    let rows = rows.clone().mask_fill(rows.equal_scalar(f64::NEG_INFINITY), least / 2.0);
    argmax(rows.mask_fill(mask.bool_not(), least))
}

/// The median of the values that are neither masked nor NaN: the mean of the two middle ones if their number is even, 0 if there are
/// none.
pub(crate) fn median(values: Tensor<1>, mask: Option<&Tensor<1, Bool>>) -> Tensor<1> {
    if let Some(mask) = mask.filter(|_| has_kernels(&values)) {
        let nothing = Tensor::zeros([1], (&values.device(), values.dtype()));
        return selected(values, mask).map_or(nothing, |values| median(values, None));
    }
    let any = AnyTensor::from(&values);
    if mask.is_none()
        && let Some(median) = machine::run("median", &any, |machine| machine.median(&any))
    {
        return median.into_rank();
    }
    let is_nan = values.clone().is_nan();
    let dropped = match mask {
        None => is_nan.clone(),
        Some(mask) => mask.clone().bool_not().bool_or(is_nan.clone()),
    };
    // A value that is dropped ranks below all others.
    let values = values.mask_fill(is_nan, 0.0);
    let below = values.clone().min().expand(values.dims()) - 1.0;
    let values = values.mask_where(dropped.clone(), below);
    let number = count(dropped.bool_not());
    let middle = |k: Tensor<1, Int>| kth_largest(&values, k.clamp_min(1));
    let both = middle((number.clone() + 1) / 2) * 0.5 + middle(number.clone() / 2 + 1) * 0.5;
    both.mask_fill(number.equal_elem(0), 0.0)
}

/// The `k`-th largest value.
fn kth_largest(values: &Tensor<1>, k: Tensor<1, Int>) -> Tensor<1> {
    let shape = values.dims();
    let (_, high) = bracket(values.clone(), k);
    // Only the wanted value is in the interval: it is the largest value that is not above the interval's end.
    let above = values.clone().greater(high.expand(shape));
    let lowest = values.clone().min().expand(shape);
    values.clone().mask_where(above, lowest).max()
}

/// An interval (low, high] that holds the k-th largest of `scores` and no other number; for an infinite score it ends at the
/// largest finite number.
///
/// The interval is halved by exponents until both ends are near each other, and by their difference from there on: so an outlier
/// does not cost the others any digits.
fn bracket(scores: Tensor<1>, k: Tensor<1, Int>) -> (Tensor<1>, Tensor<1>) {
    let (n, is_double) = (scores.dims()[0], scores.dtype() == DType::F64);
    let (most, halvings) = if is_double { (f64::MAX, 80) } else { (f64::from(f32::MAX), 48) };
    let mut low = Tensor::full([1], -most, (&scores.device(), scores.dtype()));
    let mut high = low.clone() * -1.0;
    for _ in 0..halvings {
        let middle = middle(&low, &high, is_double);
        let above = scores.clone().greater(middle.clone().expand([n]));
        let enough = count(above).greater_equal(k.clone());
        low = low.mask_where(enough.clone(), middle.clone());
        high = high.mask_where(enough.bool_not(), middle);
    }
    (low, high)
}

/// A number between `low` and `high`: 0 if they have different signs.
fn middle(low: &Tensor<1>, high: &Tensor<1>, is_double: bool) -> Tensor<1> {
    let least = if is_double { f64::MIN_POSITIVE } else { f64::from(f32::MIN_POSITIVE) };
    let (a, b) = (low.clone().abs(), high.clone().abs());
    let (near, far) = (a.clone().min_pair(b.clone()), a.max_pair(b));
    let by_difference = near.clone() + (far.clone() - near.clone()) * 0.5;
    let by_exponent = near.clone().clamp_min(least).sqrt() * far.clone().sqrt();
    let is_wide = (far * 0.25).greater(near.clamp_min(least));
    let size = by_difference.mask_where(is_wide, by_exponent);
    // The middle is negative if both ends are; a high end of 0 belongs to a negative interval.
    let is_negative = high.clone().lower_equal_scalar(0.0);
    let is_mixed = low.clone().lower_scalar(0.0).bool_and(high.clone().greater_scalar(0.0));
    size.clone().mask_where(is_negative, -size).mask_fill(is_mixed, 0.0)
}

fn count(mask: Tensor<1, Bool>) -> Tensor<1, Int> {
    mask.int().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use proptest::prelude::*;

    fn chosen(scores: &[f32], k: usize) -> Vec<bool> {
        let device = Device::flex();
        let k = Tensor::<1, Int>::full([1], k as i64, &device);
        let marks = largest(Tensor::from_floats(scores, &device), k);
        marks.greater_scalar(0.5).into_data().iter::<bool>().collect()
    }

    #[test]
    fn exactly_k_are_chosen_and_the_first_of_the_tied() {
        assert_eq!(chosen(&[1.0, 3.0, 2.0], 2), [false, true, true]);
        assert_eq!(chosen(&[1.0, 1.0, 1.0, 1.0], 2), [true, true, false, false]);
        assert_eq!(chosen(&[0.0, 5.0, 0.0, 5.0, 0.0], 3), [true, true, false, true, false]);
        assert_eq!(chosen(&[1e-9, 2e-9, 1.0], 2), [false, true, true]);
        assert_eq!(chosen(&[-2.0, -1.0], 2), [true, true]);
        assert_eq!(chosen(&[7.0], 1), [true]);
    }

    #[test]
    fn nan_and_infinity_are_the_largest_and_minus_infinity_is_the_least() {
        let scores = [1.0, f32::NAN, 2.0, f32::INFINITY, 3.0, f32::NEG_INFINITY];
        let expected = [
            (0, [false; 6]),
            (1, [false, true, false, false, false, false]),
            (4, [false, true, true, true, true, false]),
            (6, [true; 6]),
        ];
        for (k, expected) in expected {
            assert_eq!(chosen(&scores, k), expected);
            assert_eq!(crate::with_tensor_operations(|| chosen(&scores, k)), expected);
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_sorting(
            scores in prop::collection::vec(prop_oneof![-1e3f32..1e3, -1e-6f32..1e-6, Just(0.0), Just(0.7)], 1..200),
            share in 0.0..=1.0,
        ) {
            let k = (share * scores.len() as f64) as usize;
            let mut order: Vec<usize> = (0..scores.len()).collect();
            // -0 and 0 are the same score.
            order.sort_by(|&a, &b| scores[b].partial_cmp(&scores[a]).unwrap().then(a.cmp(&b)));
            let mut expected = vec![false; scores.len()];
            order[..k].iter().for_each(|&i| expected[i] = true);
            prop_assert_eq!(chosen(&scores, k), expected);
        }
    }

    #[test]
    fn median_of_odd_and_even_counts() {
        let median =
            |values: &[f32]| -> f32 { super::median(Tensor::from_floats(values, &Device::flex()), None).into_scalar() };
        assert_eq!(median(&[3.0, -1.0, 2.0]), 2.0);
        assert_eq!(median(&[3.0, -1.0, 2.0, 10.0]), 2.5);
        assert_eq!(median(&[4.0]), 4.0);
        assert_eq!(median(&[2.0, 2.0]), 2.0);
    }

    #[test]
    fn t86_an_outlier_takes_no_digits() {
        let device = Device::flex();
        let ladder = [1e-30f32, 1.0, 1.000_000_1, 3.0, 1e19, 3e38, -1e-30, -2.0, -1e19, -3e38, 0.0];
        for scores in [&ladder[..], &ladder[..6], &ladder[6..10], &ladder[9..]] {
            let mut sorted = scores.to_vec();
            sorted.sort_by(|a, b| b.total_cmp(a));
            for k in 1..=scores.len() {
                let (chosen, median) = crate::engine::machine::with_tensor_operations(|| {
                    let median = super::median(Tensor::from_floats(scores, &device), None);
                    (chosen(scores, k), median.into_scalar::<f32>())
                });
                assert_eq!(chosen, scores.iter().map(|x| *x >= sorted[k - 1]).collect::<Vec<_>>(), "{k} of {scores:?}");
                let middle = [(scores.len() - 1) / 2, scores.len() / 2].map(|place| sorted[place] * 0.5);
                assert_eq!(median, middle[0] + middle[1], "{scores:?}");
            }
        }
    }

    #[test]
    fn the_median_is_that_of_what_is_neither_masked_nor_nan() {
        let device = Device::flex();
        let median = |values: &[f32], mask: &[bool]| -> f32 {
            let mask = Tensor::from_data(burn::tensor::TensorData::from(mask), &device);
            let run = || super::median(Tensor::from_floats(values, &device), Some(&mask)).into_scalar::<f32>();
            let fused = run();
            assert_eq!(crate::with_tensor_operations(run), fused);
            fused
        };
        assert_eq!(median(&[3.0, -1.0, 2.0, 100.0], &[true, true, true, false]), 2.0);
        assert_eq!(median(&[3.0, -1.0, 2.0, 10.0, -50.0, -60.0], &[true, true, true, true, false, false]), 2.5);
        assert_eq!(median(&[4.0, 9.0], &[true, false]), 4.0);
        assert_eq!(median(&[4.0, 9.0], &[false, false]), 0.0);
        assert_eq!(median(&[3.0, f32::NAN, 2.0, -f32::NAN, 100.0], &[true, true, true, true, false]), 2.5);
        assert_eq!(median(&[f32::NAN, 4.0, 1.0], &[true; 3]), 2.5);
        assert_eq!(median(&[f32::NAN; 2], &[true; 2]), 0.0);
    }
}
