//! N-pair loss.

use super::MetricLoss;
use super::info_nce::OfNegatives;
use crate::engine::clean_weightless;
use crate::engine::machine::has_kernels;
use crate::engine::pairs;
use crate::engine::pairs::anchors::{Anchors, NeededPartners, Pairs, keep_where, mask_to_float};
use crate::reduction::Unreduced;
use burn::tensor::{Bool, DType, IndexingUpdateOp, Int, Tensor, TensorData};
use burn_losses_derive::{loss, loss_config};
use std::collections::BTreeMap;

/// N-pair loss (Sohn 2016,
/// [NIPS 29](https://papers.nips.cc/paper/2016/hash/6b180037abbebea991d8b1232f8a8ca9-Abstract.html)).
///
/// # Formula
/// ```text
/// -ln(e^(a_i . p_i) / sum_j e^(a_i . p_j)) + l2 (|a_i|^2 + |p_i|^2)
/// ```
/// where a_i is the first row of class i in the batch, and p_i the second. The other rows have the value 0 and do not count, nor do
/// classes of one row, nor a pair without any other.
///
/// # When to use
/// For retrieval with many classes and batches of two rows per class: every class has one positive and all others as negatives. The
/// dot products are not normalized, so `l2` keeps the lengths of the embeddings in bounds. For cosines with a temperature take
/// [`InfoNceLoss`](super::InfoNceLoss); with more rows per class, [`SupConLoss`](super::SupConLoss) uses all of them.
///
/// # Numerics
/// The value is computed as softplus(LSE of the negatives - a . p), which keeps the digits of a small loss.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{metric::NPairLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = NPairLossConfig::new().with_l2(0.0).init(&device);
/// let embeddings = Tensor::<2>::from_floats([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], &device);
/// let value = loss.forward(embeddings, Tensor::<1, Int>::from_ints([0, 0, 1, 1], &device));
/// assert!((value.into_scalar::<f32>() - (1.0 + (-1f32).exp()).ln()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `pytorch_metric_learning.losses.NPairsLoss`: with `l2 = 0` the same dot products of embeddings that have been normalized; there
///   `l2` is a regularizer of its own.
#[loss(metric, "n_pair", "N-pair loss: one pair per class, against the pairs of all other classes")]
pub struct NPairLoss {
    config: NPairLossConfig,
}

/// Config of [`NPairLoss`].
#[loss_config]
pub struct NPairLossConfig {
    /// The weight of the squared lengths of both rows of a pair.
    #[field(default = 0.02, range = ">= 0")]
    pub l2: f64,
}

impl MetricLoss for NPairLoss {}

impl Anchors for NPairLoss {
    fn anchors(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>, mask: Option<&Tensor<1, Bool>>) -> Unreduced<1> {
        if has_kernels(&embeddings) {
            return self.of_pairs(embeddings, &pairs_of_classes(&labels, mask));
        }
        let Pairs { positive, negative } = Pairs::from_labels(labels, mask);
        let shape = positive.dims();
        let [is_first, is_second] = firsts_and_seconds(positive.clone(), &embeddings);
        let is_first = is_first.unsqueeze_dim::<2>(1).expand(shape);
        let chosen = is_first.bool_and(is_second.unsqueeze::<2>().expand(shape));
        let [positive, negative] = [positive, negative].map(|pairs| pairs.bool_and(chosen.clone()));
        let pairs = Pairs { positive: positive.clone(), negative };
        let has_both = pairs.has_both();
        // A row in no pair that counts is in no value. It is 0 here, since 0 times a NaN would reach the gradients of the others.
        let counted = positive.clone().bool_and(has_both.clone().unsqueeze_dim::<2>(1).expand(shape));
        let is_paired = counted.clone().any_dim(1).bool_or(counted.any_dim(0).transpose());
        let size = embeddings.dims();
        let embeddings = embeddings.mask_fill(is_paired.bool_not().expand(size), 0.0);
        let scores = embeddings.clone().matmul(embeddings.clone().transpose());
        let values = pairs::of_pairs(&OfNegatives, scores, pairs).values;
        let squares = (embeddings.clone() * embeddings).sum_dim(1).squeeze_dim::<1>(1);
        let others = squares.clone().unsqueeze::<2>().expand(shape).mask_fill(positive.bool_not(), 0.0);
        let lengths = squares + others.sum_dim(1).squeeze_dim(1);
        keep_where(values + lengths * self.config.l2, has_both)
    }

    fn partners(&self) -> NeededPartners {
        NeededPartners::Both
    }

    fn compares_cosines(&self) -> bool {
        false
    }

    /// The second row of a class is a negative of the other pairs; a first row is in its own value alone, and the others are in none.
    fn without_weightless(
        &self,
        embeddings: Tensor<2>,
        labels: &Tensor<1, Int>,
        weightless: &Tensor<1, Bool>,
        mask: Option<&Tensor<1, Bool>>,
    ) -> Tensor<2> {
        let [_, is_second] = firsts_and_seconds(Pairs::from_labels(labels.clone(), mask).positive, &embeddings);
        clean_weightless(embeddings, Some(&weightless.clone().bool_and(is_second.bool_not())))
    }
}

impl NPairLoss {
    /// The values of all rows, from the places of the pairs: only their rows are compared.
    fn of_pairs(&self, embeddings: Tensor<2>, places: &[[i64; 2]]) -> Unreduced<1> {
        let nothing = embeddings.clone().detach().narrow(1, 0, 1).squeeze_dim::<1>(1).zeros_like();
        if places.len() < 2 {
            return Unreduced { values: nothing.clone(), normalizer: Some(nothing) };
        }
        let device = embeddings.device();
        let [firsts, seconds] = [0, 1].map(|which| {
            let rows: Vec<i64> = places.iter().map(|pair| pair[which]).collect();
            Tensor::<1, Int>::from_data(TensorData::new(rows, [places.len()]), (&device, DType::I64))
        });
        let [anchors, partners] = [&firsts, &seconds].map(|rows| embeddings.clone().select(0, rows.clone()));
        let square = |rows: &Tensor<2>| (rows.clone() * rows.clone()).sum_dim(1).squeeze_dim::<1>(1);
        let lengths = square(&anchors) + square(&partners);
        let classes = Tensor::<1, Int>::arange(0..places.len() as i64, &device);
        let pairs = Pairs::between([classes.clone(), classes], None);
        let values = pairs::of_pairs(&OfNegatives, anchors.matmul(partners.transpose()), pairs).values;
        let in_place =
            |values: Tensor<1>| nothing.clone().select_assign(0, firsts.clone(), values, IndexingUpdateOp::Add);
        let ones = values.ones_like().detach();
        Unreduced { values: in_place(values + lengths * self.config.l2), normalizer: Some(in_place(ones)) }
    }
}

/// The first two rows of each class that has two. The labels are read, which takes no time on CPUs.
fn pairs_of_classes(labels: &Tensor<1, Int>, mask: Option<&Tensor<1, Bool>>) -> Vec<[i64; 2]> {
    let valid: Option<Vec<bool>> = mask.map(|mask| mask.clone().into_data().iter::<bool>().collect());
    let mut firsts = BTreeMap::new();
    let mut pairs = Vec::new();
    for (row, label) in labels.clone().into_data().iter::<i64>().enumerate() {
        if valid.as_ref().is_some_and(|valid| !valid[row]) {
            continue;
        }
        match firsts.entry(label).or_insert(Some(row)) {
            Some(first) if *first == row => {}
            first => pairs.extend(first.take().map(|first| [first as i64, row as i64])),
        }
    }
    pairs
}

/// Which rows are the first of their classes, and which are the second.
fn firsts_and_seconds(positive: Tensor<2, Bool>, like: &Tensor<2>) -> [Tensor<1, Bool>; 2] {
    let shape @ [count, _] = positive.dims();
    // The place of a row among those of its class: the number of positives before it.
    let row = Tensor::<1, Int>::arange(0..count as i64, &positive.device());
    let column = row.clone().unsqueeze::<2>().expand(shape);
    let before = column.lower(row.unsqueeze_dim::<2>(1).expand(shape));
    let place = mask_to_float(positive.bool_and(before), like).sum_dim(1).squeeze_dim::<1>(1);
    let is_second = place.clone().greater_scalar(0.5).bool_and(place.clone().lower_scalar(1.5));
    [place.lower_scalar(0.5), is_second]
}
