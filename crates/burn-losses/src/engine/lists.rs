//! The executor of lists: the scores and the relevance of the items of a list in, one value per list out.
//!
//! Losses of pairs inside a list are a [`PairFormula`]. Ranks are constants: they come from comparisons, so that they are the same
//! on every device, and ties keep their order.

mod dcg;
#[cfg(feature = "cpu-engine")]
pub(super) mod host;
pub(super) mod pairs;

use super::any_tensor::AnyTensor;
use super::heads::chunks;
use super::machine::{self, has_kernels};
use super::primitives::labels::widen_labels;
use super::{TOGETHER, with_zero_gradient, without_weightless};
use crate::check::{Reference, widen};
use crate::error::{InputError, expect};
use crate::reduction::{Extras, Reduction, Unreduced, cleaned};
use burn::tensor::{Bool, Int, Tensor};

pub(crate) use dcg::{Dcg, discounts};
pub use pairs::PairFormula;
pub(crate) use pairs::where_more_relevant;

/// The targets of lists: the relevance of each item, and which items are there.
#[derive(Debug, Clone)]
pub struct Relevance {
    /// `[N, L]`: how relevant each item is; the larger, the more.
    pub relevance: Tensor<2>,
    /// `[N, L]`: false where a list has no item, since it is shorter than the longest; `None`: all lists have L items.
    pub valid: Option<Tensor<2, Bool>>,
}

impl Relevance {
    /// Makes the relevance `[N, L]` from the labels `[N, K]` of each row: 1 for an item that is one of them, 0 for the others. The
    /// labels of a row end at its first negative one, as PyTorch has it; those from `items` on are none of the L items. The
    /// relevance has the device's own float type.
    ///
    /// ```
    /// use burn::tensor::{Device, Int, Tensor};
    /// use burn_losses::ranking::Relevance;
    ///
    /// let labels = Tensor::<2, Int>::from_ints([[2, 0, -1, 1]], &Device::flex());
    /// let relevance = Relevance::from_labels(labels, 4).relevance;
    /// assert_eq!(relevance.into_data().to_vec::<f32>().unwrap(), [1.0, 0.0, 1.0, 0.0]);
    /// ```
    pub fn from_labels(labels: Tensor<2, Int>, items: usize) -> Self {
        let labels = widen_labels(labels);
        let (shape @ [count, most], device, dtype) = (labels.dims(), labels.device(), labels.dtype());
        if count * most * items == 0 {
            return Tensor::<2>::zeros([count, items], &device).into();
        }
        let place = Tensor::<1, Int>::arange(0..most as i64, (&device, dtype)).unsqueeze::<2>().expand(shape);
        let end = place.clone().mask_fill(labels.clone().greater_equal_elem(0), most as i64).min_dim(1);
        let is_label = place.lower(end.expand(shape));
        let of_each = [count, most, items];
        let item = Tensor::<1, Int>::arange(0..items as i64, (&device, dtype)).reshape([1, 1, items]).expand(of_each);
        let is_item = labels.unsqueeze_dim::<3>(2).expand(of_each).equal(item);
        let is_item = is_item.bool_and(is_label.unsqueeze_dim::<3>(2).expand(of_each));
        is_item.any_dim(1).squeeze_dim::<2>(1).float().into()
    }
}

impl From<Tensor<2>> for Relevance {
    fn from(relevance: Tensor<2>) -> Self {
        Self { relevance, valid: None }
    }
}

impl From<(Tensor<2>, Tensor<2, Bool>)> for Relevance {
    fn from((relevance, valid): (Tensor<2>, Tensor<2, Bool>)) -> Self {
        Self { relevance, valid: Some(valid) }
    }
}

/// Lists of items, as the losses of the family `ranking` see them: in single or double precision, and with 0 in place of items
/// that are not there.
#[derive(Debug, Clone)]
pub struct Items {
    /// `[N, L]`: the scores of the model.
    pub scores: Tensor<2>,
    /// `[N, L]`: how relevant each item is, a constant on a device without autodiff.
    pub relevance: Tensor<2>,
    /// `[N, L]`: which items are there, on a device without autodiff.
    pub valid: Tensor<2, Bool>,
}

/// How a loss of the family `ranking` computes its values: list by list.
pub trait Lists: Sized {
    /// The `[N]` values of `[N, L]` items; neither N nor L is 0. The value of a list whose items are all equally relevant is
    /// dropped afterwards.
    fn values(&self, items: Items) -> Tensor<1>;
}

impl Items {
    fn new(scores: Tensor<2>, relevance: Tensor<2>, valid: Option<Tensor<2, Bool>>) -> Self {
        let [scores, relevance] = [scores, relevance].map(|numbers| cleaned(numbers, valid.as_ref()));
        let valid = valid.unwrap_or_else(|| relevance.zeros_like().equal_scalar(0.0));
        Self { scores, relevance, valid }
    }

    fn shape(&self) -> [usize; 3] {
        let [count, length] = self.scores.dims();
        [count, length, length]
    }

    /// The items with scores that are constants.
    fn constant(&self) -> Self {
        Self { scores: self.scores.clone().without_autodiff(), ..self.clone() }
    }

    /// 1 where there is an item, 0 elsewhere.
    fn valid_numbers(&self) -> Tensor<2> {
        self.valid.clone().float().cast(self.relevance.dtype())
    }

    /// The numbers of item i for each pair (i, j).
    pub(crate) fn of_first(&self, numbers: Tensor<2>) -> Tensor<3> {
        numbers.unsqueeze_dim::<3>(2).expand(self.shape())
    }

    /// The numbers of item j for each pair (i, j).
    pub(crate) fn of_second(&self, numbers: Tensor<2>) -> Tensor<3> {
        numbers.unsqueeze_dim::<3>(1).expand(self.shape())
    }

    /// The pairs (i, j) of items that are both there, each item with itself too.
    pub(crate) fn both_valid(&self) -> Tensor<3, Bool> {
        let [first, second] = [2, 1].map(|axis| self.valid.clone().unsqueeze_dim::<3>(axis).expand(self.shape()));
        first.bool_and(second)
    }

    /// The pairs (i, j) of two items that are both there.
    pub(crate) fn others(&self) -> Tensor<3, Bool> {
        self.both_valid().bool_and(self.order(|first, second| first.not_equal(second)))
    }

    /// s_i - s_j for each pair (i, j).
    pub(crate) fn differences(&self) -> Tensor<3> {
        let differences = self.of_first(self.scores.clone()) - self.of_second(self.scores.clone());
        // The difference of infinity and itself would not be a number.
        differences.mask_fill(self.order(|first, second| first.equal(second)), 0.0)
    }

    /// Compares the places i and j of each pair.
    fn order(&self, compare: impl Fn(Tensor<3, Int>, Tensor<3, Int>) -> Tensor<3, Bool>) -> Tensor<3, Bool> {
        let [_, length, _] = self.shape();
        let place = Tensor::<1, Int>::arange(0..length as i64, &self.relevance.device());
        let [first, second] = [[1, length, 1], [1, 1, length]].map(|shape| place.clone().reshape(shape));
        compare(first.expand([1, length, length]), second.expand([1, length, length])).expand(self.shape())
    }

    /// The rank of each item by these keys, from 1 on, the largest key first. Equal keys keep their order.
    pub(crate) fn ranks(&self, keys: Tensor<2>) -> Tensor<2> {
        if has_kernels(&keys) {
            let (keys, valid) = (AnyTensor::from(&keys), self.valid_numbers().into());
            if let Some(ranks) = machine::run("ranks", &keys, |machine| machine.ranks(&keys, &valid)) {
                return ranks.into_rank();
            }
        }
        let dtype = keys.dtype();
        let (own, other) = (self.of_first(keys.clone()), self.of_second(keys));
        let is_before = self.order(|first, second| second.lower(first));
        // A NaN is neither above nor below, so it is ranked by its place.
        let is_above = own.clone().greater(other.clone()).bool_not().bool_and(is_before).bool_or(other.greater(own));
        let is_above = is_above.bool_and(self.both_valid());
        is_above.int().sum_dim(2).squeeze_dim::<2>(2).float().cast(dtype) + 1.0
    }

    /// Which lists have two items of different relevance.
    fn count(&self) -> Tensor<1, Bool> {
        let missing = self.valid.clone().bool_not();
        let most = self.relevance.clone().mask_fill(missing.clone(), f64::from(f32::MIN)).max_dim(1);
        let least = self.relevance.clone().mask_fill(missing, f64::from(f32::MAX)).min_dim(1);
        most.greater(least).squeeze_dim(1)
    }

    /// Some of the lists, with these scores.
    fn part(&self, from: usize, scores: Tensor<2>) -> Self {
        let count = scores.dims()[0];
        let (relevance, valid) = (self.relevance.clone(), self.valid.clone());
        Self { scores, relevance: relevance.narrow(0, from, count), valid: valid.narrow(0, from, count) }
    }
}

/// Values that take memory for the L^2 pairs of each list are computed some lists at a time.
pub(crate) fn in_parts(items: Items, values: impl Fn(Items) -> Tensor<1> + Clone + Send + Sync + 'static) -> Tensor<1> {
    let [count, length, _] = items.shape();
    let size = (TOGETHER / (length * length)).max(1);
    if size >= count {
        return values(items);
    }
    let scores = items.scores.clone();
    let part = {
        let items = Items { scores: scores.clone().without_autodiff(), ..items.clone() };
        let values = values.clone();
        move |range: core::ops::Range<usize>, mut inputs: Vec<Tensor<2>>| {
            Unreduced::from(values(items.part(range.start, inputs.remove(0))))
        }
    };
    chunks::values(size, &[scores], part).map_or_else(|| values(items), |unreduced| unreduced.values)
}

/// Checks the arguments of a loss; every forward method does this first.
pub(crate) fn check(scores: Reference<'_, 2>, targets: &Relevance, extras: &Extras) -> Result<(), InputError> {
    scores.same("relevance", &targets.relevance)?;
    if let Some(valid) = &targets.valid {
        scores.same("valid", valid)?;
    }
    scores.extras(&scores.tensor.dims()[..1], extras)
}

/// The unreduced values, computed in at least single precision. A list that is masked, or whose items are all equally relevant,
/// has the value 0 and does not count.
fn values(loss: &impl Lists, scores: Tensor<2>, targets: Relevance, mask: Option<&Tensor<1, Bool>>) -> Unreduced<1> {
    let shape @ [count, length] = scores.dims();
    let scores = widen(scores);
    if count == 0 {
        return scores.reshape([0]).into();
    }
    let (like, device, dtype) = (AnyTensor::from(&scores), scores.device().without_autodiff(), scores.dtype());
    let lift = |values: Tensor<1>| like.lift(values.into()).into_rank::<1>();
    if length == 0 {
        let zeros = || lift(Tensor::zeros([count], (&device, dtype)));
        return Unreduced { values: with_zero_gradient(zeros(), scores), normalizer: Some(zeros()) };
    }
    let Relevance { relevance, valid } = targets;
    let mask = mask.map(|mask| mask.clone().without_autodiff().unsqueeze_dim::<2>(1).expand(shape));
    let valid = match (valid.map(Tensor::without_autodiff), mask) {
        (Some(valid), Some(mask)) => Some(valid.bool_and(mask)),
        (valid, mask) => valid.or(mask),
    };
    let items = Items::new(scores, widen(relevance).without_autodiff(), valid);
    let counts = items.count();
    let values = loss.values(items).mask_fill(counts.clone().bool_not(), 0.0);
    Unreduced { values, normalizer: Some(lift(counts.float().cast(dtype))) }
}

/// The unreduced values, with the weights, the mask and the divisor in `extras` applied.
pub(crate) fn unreduced(loss: &impl Lists, scores: Tensor<2>, targets: Relevance, extras: Extras) -> Unreduced<1> {
    let extras = extras.for_shape([scores.dims()[0]]);
    let values = values(loss, without_weightless(scores, &extras), targets, extras.mask.as_ref());
    extras.apply(values)
}

/// The reduced value of the batch.
pub(crate) fn reduce(
    loss: &impl Lists,
    reduction: Reduction,
    scores: Tensor<2>,
    targets: Relevance,
    extras: Extras,
) -> Tensor<1> {
    let extras = extras.for_shape([scores.dims()[0]]);
    let values = values(loss, without_weightless(scores, &extras), targets, extras.mask.as_ref());
    extras.reduce(reduction, values)
}

/// The items of lists whose scores are constants.
///
/// # Panics
/// If the shapes, types or devices do not fit.
#[track_caller]
pub(crate) fn items_of(name: &'static str, scores: Tensor<2>, targets: Relevance) -> Items {
    expect(check(Reference { loss: name, name: "scores", tensor: &scores }, &targets, &Extras::new()));
    let Relevance { relevance, valid } = targets;
    let valid = valid.map(Tensor::without_autodiff);
    let (scores, relevance) = (widen(scores), widen(relevance).without_autodiff());
    Items::new(scores, relevance, valid)
}

/// The weight 1 for each pair, 0 where there is none.
pub(crate) fn in_floats(pairs: &Tensor<3, Bool>, like: &Tensor<2>) -> Tensor<3> {
    pairs.clone().float().cast(like.dtype())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::pointwise::numbers;
    use burn::tensor::{Device, TensorData};

    fn items(scores: &[f64], relevance: &[f64], valid: &[bool]) -> Items {
        let device = Device::flex();
        let tensor = |numbers: &[f64]| {
            Tensor::<2>::from_data(
                TensorData::new(numbers.to_vec(), [1, numbers.len()]),
                (&device, burn::tensor::DType::F64),
            )
        };
        let valid = Tensor::from_data(TensorData::new(valid.to_vec(), [1, valid.len()]), &device);
        Items { scores: tensor(scores), relevance: tensor(relevance), valid }
    }

    #[test]
    fn equal_scores_keep_their_order() {
        let ranks = |scores: &[f64], valid: &[bool]| {
            let items = items(scores, &vec![0.0; scores.len()], valid);
            let ranks = || numbers(items.ranks(items.scores.clone()));
            let (by_kernel, paths) = crate::watched(ranks);
            assert_eq!(paths.fused, ["ranks"]);
            assert_eq!(by_kernel, crate::with_tensor_operations(ranks));
            by_kernel
        };
        assert_eq!(ranks(&[1.0, 3.0, 1.0, 3.0], &[true; 4]), [3.0, 1.0, 4.0, 2.0]);
        assert_eq!(ranks(&[1.0, 3.0, 1.0, 3.0], &[true, false, true, true]), [2.0, 1.0, 3.0, 1.0]);
        assert_eq!(ranks(&[f64::NAN; 3], &[true; 3]), [1.0, 2.0, 3.0]);
        assert_eq!(ranks(&[f64::NAN, 1.0, f64::NAN, f64::INFINITY], &[true; 4]), [1.0, 3.0, 3.0, 3.0]);
    }

    /// 2^r of a large r is infinite, but the quotient of two gains is not.
    #[test]
    fn gains_of_any_relevance_are_finite() {
        for (relevance, expected) in
            [([1e4, 1e4 - 1.0], [1.0, 0.5]), ([0.0, -3.0], [0.0, 0.0]), ([1.0, 0.0], [1.0, 0.0])]
        {
            let items = items(&[0.0, 1.0], &relevance, &[true; 2]);
            let gains = numbers(Dcg { is_exponential: true, first: Some(1) }.gains(&items));
            assert!(gains.iter().zip(expected).all(|(got, expected)| (got - expected).abs() < 1e-12), "{gains:?}");
        }
    }

    #[test]
    fn ndcg_by_hand() {
        let items = items(&[3.0, 2.0, 1.0], &[0.0, 1.0, 2.0], &[true; 3]);
        let dcg = |gain: fn(f64) -> f64| gain(1.0) / 3f64.log2() + gain(2.0) / 2.0;
        let best = |gain: fn(f64) -> f64| gain(2.0) + gain(1.0) / 3f64.log2();
        for (is_exponential, gain) in [(true, (|r| r.exp2() - 1.0) as fn(f64) -> f64), (false, |r| r)] {
            let [got] = numbers(Dcg { is_exponential, first: None }.normalized(&items).0)[..] else {
                panic!("one list")
            };
            assert!((got - dcg(gain) / best(gain)).abs() < 1e-12, "{got}");
        }
        assert_eq!(numbers(Dcg { is_exponential: true, first: Some(1) }.normalized(&items).0), [0.0]);
    }
}
