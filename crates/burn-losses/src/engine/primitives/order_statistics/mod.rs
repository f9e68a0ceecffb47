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

/// The `k` largest of `scores`, at ties those that come first: exactly `k` are true. `k` is one number, from 0 to the number
/// of scores.
pub(crate) fn largest(scores: Tensor<1>, k: Tensor<1, Int>) -> Tensor<1, Bool> {
    let any = AnyTensor::from(&scores);
    if has_kernels(any.clone()) {
        let k = k.clone().into_scalar::<i64>() as usize;
        if let Some(kept) = machine::run("largest", &any, |machine| machine.largest(&any, k)) {
            return kept.into_rank::<1>().greater_scalar(0.5);
        }
    }
    let (low, high) = bracket(scores.clone(), k.clone());
    let certain = scores.clone().greater(high.expand(scores.dims()));
    let tied = scores.clone().greater(low.expand(scores.dims())).bool_and(certain.clone().bool_not());
    let missing = k - count(certain.clone());

    // The first `missing` of the tied ones: halve the interval of positions.
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
    // With `missing` = 0 nothing tied is taken.
    let none = missing.equal_elem(0);
    let last = high.mask_fill(none, -1);
    certain.bool_or(tied.bool_and(position.lower_equal(last.expand([n]))))
}

/// The place of the largest number of each row, at ties the first.
pub(crate) fn argmax(rows: Tensor<2>) -> Tensor<1, Int> {
    let any = AnyTensor::from(&rows);
    let places = machine::run("argmax", &any, |machine| machine.argmax(&any));
    places.unwrap_or_else(|| rows.argmax(1).squeeze_dim(1))
}

/// The median of what is not masked: the mean of the two middle values where their number is even, 0 where there is nothing.
pub(crate) fn median(values: Tensor<1>, mask: Option<&Tensor<1, Bool>>) -> Tensor<1> {
    let Some(mask) = mask else { return median_of_all(values) };
    let nothing = Tensor::zeros([1], (&values.device(), values.dtype()));
    if has_kernels(&values) {
        return selected(values, mask).map_or(nothing, median_of_all);
    }
    // What is masked ranks below everything else.
    let below = values.clone().min().expand(values.dims()) - 1.0;
    let values = values.mask_where(mask.clone().bool_not(), below);
    let number = count(mask.clone());
    let middle = |k: Tensor<1, Int>| kth_largest(&values, k.clamp_min(1));
    let both = (middle((number.clone() + 1) / 2) + middle(number.clone() / 2 + 1)) * 0.5;
    both.mask_fill(number.equal_elem(0), 0.0)
}

fn median_of_all(values: Tensor<1>) -> Tensor<1> {
    let any = AnyTensor::from(&values);
    if let Some(median) = machine::run("median", &any, |machine| machine.median(&any)) {
        return median.into_rank();
    }
    let n = values.dims()[0];
    let kth = |k: usize| kth_largest(&values, Tensor::full([1], k as i64, &values.device()));
    match n % 2 {
        1 => kth(n / 2 + 1),
        _ => (kth(n / 2) + kth(n / 2 + 1)) * 0.5,
    }
}

/// The `k`-th largest value.
fn kth_largest(values: &Tensor<1>, k: Tensor<1, Int>) -> Tensor<1> {
    let shape = values.dims();
    let (_, high) = bracket(values.clone(), k);
    // The interval holds nothing but the wanted value: the largest one that is not above its end.
    let above = values.clone().greater(high.expand(shape));
    let lowest = values.clone().min().expand(shape);
    values.clone().mask_where(above, lowest).max()
}

/// An interval (low, high] that holds the k-th largest of `scores`, too short to hold another number of note.
fn bracket(scores: Tensor<1>, k: Tensor<1, Int>) -> (Tensor<1>, Tensor<1>) {
    let n = scores.dims()[0];
    let (least, most) = (scores.clone().min(), scores.clone().max());
    let range = most.clone() - least.clone();
    let mut low = least.clone() - range - least.abs() * 1e-6 - 1e-30;
    let mut high = most;
    let halvings = if scores.dtype() == DType::F64 { 110 } else { 64 };
    for _ in 0..halvings {
        let middle = low.clone() + (high.clone() - low.clone()) * 0.5;
        let above = scores.clone().greater(middle.clone().expand([n]));
        let enough = count(above).greater_equal(k.clone());
        low = low.mask_where(enough.clone(), middle.clone());
        high = high.mask_where(enough.bool_not(), middle);
    }
    (low, high)
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
        let mask = largest(Tensor::from_floats(scores, &device), k);
        mask.into_data().iter::<bool>().collect()
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
    fn the_median_is_that_of_what_is_not_masked() {
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
    }
}
