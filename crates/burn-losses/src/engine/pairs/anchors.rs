//! Metric losses: embeddings with labels in, one value per anchor out. The module has distances, and the positives and negatives
//! of each anchor.

use super::squares::{squares, squares_between};
use crate::check::{Reference, widen};
use crate::engine::machine::has_kernels;
use crate::engine::primitives::l2_normalize::l2_normalize;
use crate::engine::primitives::labels::same_label;
use crate::engine::primitives::valid;
use crate::engine::rows::valid_rows;
use crate::engine::with_zero_gradient;
use crate::error::InputError;
use crate::formula::{Distance, EarlierRows, Real};
use crate::reduction::{Extras, Reduction, ShapedExtras, Unreduced};
use burn::tensor::{Bool, DType, IndexingUpdateOp, Int, Tensor};

/// How a loss of the family `metric` computes its values.
pub trait Anchors: Sized {
    /// The `[N]` values of `[N, E]` embeddings in single or double precision, and how much each value counts in a mean; N is not
    /// 0.
    ///
    /// A masked row is 0, and its value is dropped afterwards: it must not be a partner, and must not be counted.
    fn anchors(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>, mask: Option<&Tensor<1, Bool>>) -> Unreduced<1>;

    /// Checks the number of rows and the size of the embeddings; the error says what they must be.
    fn accepts(&self, rows: usize, size: usize) -> Result<(), String> {
        let _ = (rows, size);
        Ok(())
    }

    /// The rows of earlier batches that a row is compared with too; `None`: those of its batch alone.
    fn earlier(&self) -> Option<&dyn EarlierRows> {
        None
    }

    /// The partners that a row needs in its batch to count.
    fn partners(&self) -> NeededPartners;

    /// Whether only the directions of the embeddings matter, so that a vector of length 0 has no meaning.
    fn compares_cosines(&self) -> bool;

    /// The embeddings, without what a row of weight 0 must not pass on. In most losses a row is a partner of others, whatever its
    /// own weight is: these keep it as it is.
    #[doc(hidden)]
    fn without_weightless(
        &self,
        embeddings: Tensor<2>,
        labels: &Tensor<1, Int>,
        weightless: &Tensor<1, Bool>,
        mask: Option<&Tensor<1, Bool>>,
    ) -> Tensor<2> {
        let _ = (labels, weightless, mask);
        embeddings
    }

    /// The values of [`anchors`](Self::anchors), without what rows of weight 0 must not pass on. A sum of losses hands the rows on to
    /// each of them.
    #[doc(hidden)]
    fn weighted_anchors(
        &self,
        embeddings: Tensor<2>,
        labels: Tensor<1, Int>,
        mask: Option<&Tensor<1, Bool>>,
        weightless: Option<&Tensor<1, Bool>>,
    ) -> Unreduced<1> {
        let embeddings = match weightless {
            None => embeddings,
            Some(weightless) => self.without_weightless(embeddings, &labels, weightless, mask),
        };
        self.anchors(embeddings, labels, mask)
    }
}

/// The partners that a row needs in its batch to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NeededPartners {
    /// No partner: a row has a value even if it is alone.
    Nobody,
    /// Another row with any label.
    Any,
    /// A row with the same label, and a row with another label.
    Both,
    /// A row of the same label in the other half of the batch.
    OtherView,
}

/// Checks the arguments of a loss; every forward method does this first.
pub(crate) fn check<A: Anchors>(
    loss: &A,
    embeddings: Reference<'_, 2>,
    labels: &Tensor<1, Int>,
    extras: &Extras,
) -> Result<(), InputError> {
    let [count, size] = embeddings.tensor.dims();
    let accepted = if size == 0 { Err("at least one number per embedding".into()) } else { loss.accepts(count, size) };
    accepted.map_err(|expected| embeddings.shape_error(embeddings.name, &[count, size], expected))?;
    embeddings.companion("labels", labels, [count], "one label per embedding")?;
    embeddings.extras(&[count], extras)
}

/// The unreduced values, computed in at least single precision; a masked row is 0, does not count and is no partner of any row. A row of
/// weight 0 does not pass on what no other value depends on.
pub(crate) fn values<A: Anchors>(
    loss: &A,
    embeddings: Tensor<2>,
    labels: Tensor<1, Int>,
    mask: Option<&Tensor<1, Bool>>,
    weightless: Option<&Tensor<1, Bool>>,
) -> Unreduced<1> {
    let [count, size] = embeddings.dims();
    if count == 0 {
        return widen(embeddings).reshape([0]).into();
    }
    let mut embeddings = widen(embeddings);
    if let Some(mask) = mask {
        // A loss that does not accept a single row pairs rows by their places, so no row may be left out.
        if has_kernels(&embeddings) && loss.accepts(1, size).is_ok() {
            return values_of_valid(loss, embeddings, labels, mask, weightless);
        }
        embeddings = valid_rows(embeddings, Some(mask));
    }
    let Unreduced { values, normalizer } = loss.weighted_anchors(embeddings.clone(), labels, mask, weightless);
    Unreduced { values: with_zero_gradient(values, embeddings), normalizer: normalizer.map(Tensor::detach) }
        .masked(mask)
}

/// Does what [`values`] does, on a device where reading the mask is free: masked rows are removed first.
fn values_of_valid<A: Anchors>(
    loss: &A,
    embeddings: Tensor<2>,
    labels: Tensor<1, Int>,
    mask: &Tensor<1, Bool>,
    weightless: Option<&Tensor<1, Bool>>,
) -> Unreduced<1> {
    let [count, _] = embeddings.dims();
    let places = valid::places(mask);
    let zeros = Tensor::zeros([count], (&embeddings.device(), embeddings.dtype()));
    if places.dims() == [0] {
        return Unreduced { values: with_zero_gradient(zeros.clone(), embeddings), normalizer: Some(zeros) };
    }
    let (chosen, labels) = (embeddings.select(0, places.clone()), labels.select(0, places.clone()));
    // Flex stores booleans that it has selected in another way, and does not combine the two.
    let weightless = weightless.map(|weightless| weightless.clone().int().select(0, places.clone()).equal_elem(1));
    let Unreduced { values, normalizer } = values(loss, chosen, labels, None, weightless.as_ref());
    let normalizer = normalizer.unwrap_or_else(|| values.ones_like().detach());
    let in_place = |values: Tensor<1>| zeros.clone().select_assign(0, places.clone(), values, IndexingUpdateOp::Add);
    Unreduced { values: in_place(values), normalizer: Some(in_place(normalizer)) }
}

/// The unreduced values, with the weights, the mask and the divisor in `extras` applied.
pub(crate) fn unreduced<A: Anchors>(
    loss: &A,
    embeddings: Tensor<2>,
    labels: Tensor<1, Int>,
    extras: Extras,
) -> Unreduced<1> {
    let (values, extras) = values_of(loss, embeddings, labels, extras);
    extras.apply(values)
}

/// The reduced value of the batch.
pub(crate) fn reduce<A: Anchors>(
    loss: &A,
    reduction: Reduction,
    embeddings: Tensor<2>,
    labels: Tensor<1, Int>,
    extras: Extras,
) -> Tensor<1> {
    let (values, extras) = values_of(loss, embeddings, labels, extras);
    extras.reduce(reduction, values)
}

/// The values of a batch that has been checked, and the extras for their shape.
fn values_of<A: Anchors>(
    loss: &A,
    embeddings: Tensor<2>,
    labels: Tensor<1, Int>,
    extras: Extras,
) -> (Unreduced<1>, ShapedExtras<1>) {
    let extras = extras.for_shape([embeddings.dims()[0]]);
    (values(loss, embeddings, labels, extras.mask.as_ref(), extras.weightless().as_ref()), extras)
}

/// The positives and negatives of each anchor of a batch: `[N, N]`, one row per anchor.
#[derive(Debug, Clone)]
pub(crate) struct Pairs {
    /// Another row with the same label.
    pub(crate) positive: Tensor<2, Bool>,
    /// A row with another label.
    pub(crate) negative: Tensor<2, Bool>,
}

impl Pairs {
    /// The pairs of a batch, without those of rows that are masked.
    pub(crate) fn from_labels(labels: Tensor<1, Int>, mask: Option<&Tensor<1, Bool>>) -> Self {
        let row = Tensor::<1, Int>::arange(0..labels.dims()[0] as i64, &labels.device());
        let [same, itself] = [labels, row].map(|labels| same_label(labels.clone(), labels));
        let pairs = Self { negative: same.clone().bool_not(), positive: same.bool_and(itself.bool_not()) };
        pairs.of_valid(mask.map(|mask| [mask.clone(), mask.clone()]))
    }

    /// The pairs of rows and columns, of which none are the same, without those of rows and columns that are masked.
    pub(crate) fn between([rows, columns]: [Tensor<1, Int>; 2], valid: Option<[Tensor<1, Bool>; 2]>) -> Self {
        let positive = same_label(rows, columns);
        Self { negative: positive.clone().bool_not(), positive }.of_valid(valid)
    }

    /// Removes the pairs of masked rows and columns.
    pub(crate) fn of_valid(self, valid: Option<[Tensor<1, Bool>; 2]>) -> Self {
        let Some([rows, columns]) = valid else { return self };
        let shape = self.positive.dims();
        let both = rows.unsqueeze_dim::<2>(1).expand(shape).bool_and(columns.unsqueeze::<2>().expand(shape));
        Self { positive: self.positive.bool_and(both.clone()), negative: self.negative.bool_and(both) }
    }

    /// Which anchors have a positive, and which have a negative: `[N]`.
    pub(crate) fn has_partners(&self) -> (Tensor<1, Bool>, Tensor<1, Bool>) {
        let any = |mask: &Tensor<2, Bool>| mask.clone().any_dim(1).squeeze_dim::<1>(1);
        (any(&self.positive), any(&self.negative))
    }

    /// Which anchors have a positive and a negative.
    pub(crate) fn has_both(&self) -> Tensor<1, Bool> {
        let (positive, negative) = self.has_partners();
        positive.bool_and(negative)
    }
}

/// 1 where the mask is true, else 0.
pub(crate) fn mask_to_float<const D: usize>(mask: Tensor<D, Bool>, like: &Tensor<2>) -> Tensor<D> {
    mask.float().cast(like.dtype())
}

/// The values of the anchors where the mask is true; each counts 1 in a mean. The other values are 0 and do not count.
pub(crate) fn keep_where(values: Tensor<1>, mask: Tensor<1, Bool>) -> Unreduced<1> {
    Unreduced::from(values).masked(Some(&mask))
}

/// The sum of each row where the mask is true: `[N]`.
pub(crate) fn sums(values: Tensor<2>, mask: Tensor<2, Bool>) -> Tensor<1> {
    values.mask_fill(mask.bool_not(), 0.0).sum_dim(1).squeeze_dim(1)
}

/// A finite number in place of minus infinity where nothing is selected.
pub(crate) const LEAST: f64 = -1e30;

/// ln of the sum of e^x over each row where the mask is true, or [`LEAST`] where the mask is false in the whole row: `[N]`.
pub(crate) fn log_sum_exp(values: Tensor<2>, mask: Tensor<2, Bool>) -> Tensor<1> {
    let shape = values.dims();
    let lowest = if values.dtype() == DType::F64 { f64::MIN } else { f64::from(f32::MIN) };
    let most = values.clone().detach().mask_fill(mask.clone().bool_not(), lowest).max_dim(1);
    let none = mask.clone().any_dim(1).bool_not();
    let safe = most.clone().mask_fill(none.clone(), 0.0);
    // A number that is not selected has to stay finite too.
    let shifted = (values - safe.clone().expand(shape)).mask_fill(mask.clone().bool_not(), 0.0);
    let sum = shifted.exp().mask_fill(mask.bool_not(), 0.0).sum_dim(1).mask_fill(none.clone(), 1.0);
    (sum.log() + safe).mask_fill(none, LEAST).squeeze_dim(1)
}

impl Distance {
    /// Whether only directions matter; `normalize` says whether the embeddings are scaled to length 1 first.
    pub(crate) fn compares_directions(self, normalize: bool) -> bool {
        normalize || self == Self::Cosine
    }

    /// The distances of every row to every row: `[N, N]`.
    pub(crate) fn matrix(self, embeddings: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Euclidean => Real::safe_sqrt(squares(embeddings)),
            Self::SquaredEuclidean => squares(embeddings),
            Self::Cosine => -similarities(embeddings) + 1.0,
        }
    }

    /// The distances of every row to every other row, which gets no gradient: `[N, M]`.
    pub(crate) fn between(self, rows: Tensor<2>, others: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Euclidean => Real::safe_sqrt(squares_between(rows, others)),
            Self::SquaredEuclidean => squares_between(rows, others),
            Self::Cosine => -l2_normalize(rows).matmul(l2_normalize(others).transpose()) + 1.0,
        }
    }

    /// The distances between the rows of two batches at the same places: `[N]`.
    pub(crate) fn rows(self, first: Tensor<2>, second: Tensor<2>) -> Tensor<1> {
        let square = |first: Tensor<2>, second: Tensor<2>| {
            let difference = first - second;
            (difference.clone() * difference).sum_dim(1).squeeze_dim::<1>(1)
        };
        match self {
            Self::Euclidean => Real::safe_sqrt(square(first, second)),
            Self::SquaredEuclidean => square(first, second),
            Self::Cosine => -(l2_normalize(first) * l2_normalize(second)).sum_dim(1).squeeze_dim::<1>(1) + 1.0,
        }
    }
}

/// The cosine of the angle between each two rows: `[N, N]`.
pub(crate) fn similarities(embeddings: Tensor<2>) -> Tensor<2> {
    let unit = l2_normalize(embeddings);
    unit.clone().matmul(unit.transpose())
}
