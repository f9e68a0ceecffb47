//! A softmax over some of the classes.

use super::margin::logits_with_margin;
use super::work::{Batch, products};
use super::{AnyHead, Labels, Parameters};
use crate::check::widen;
use crate::engine::classes::per_class;
use crate::engine::primitives::gather::{gather, select};
use crate::engine::primitives::labels::{is_out_of_range, one_hot, same_label, widen_labels};
use crate::engine::rows::{self, MINUS_INFINITY};
use crate::reduction::Unreduced;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Bool, Int, IntDType, Tensor};

/// Labels that are safe as an index, and which rows are ignored or out of range: for heads with values of their own.
pub(crate) struct Targets {
    /// The labels, all in 0..C.
    pub(crate) safe: Tensor<1, Int>,
    ignored: Option<Tensor<1, Bool>>,
    wrong: Tensor<1, Bool>,
}

impl Targets {
    /// Splits the labels, and returns the embeddings in at least single precision; an ignored row of them is 0.
    pub(crate) fn new(head: &dyn AnyHead, embeddings: Tensor<2>, labels: Labels<1>) -> (Tensor<2>, Self) {
        let (labels, ignore_index) = (widen_labels(labels.of), labels.ignore_index);
        let wrong = is_out_of_range(&labels, head.num_classes());
        let ignored = rows::ignored(ignore_index, &labels);
        let (mut embeddings, mut safe) = (widen(embeddings), labels.mask_fill(wrong.clone(), 0));
        if let Some(ignored) = &ignored {
            embeddings = rows::zero_rows(embeddings, ignored.clone());
            safe = safe.mask_fill(ignored.clone(), 0);
        }
        (embeddings, Self { safe, ignored, wrong })
    }

    /// The rows that are ignored or whose label is out of range.
    fn uncounted(&self) -> Tensor<1, Bool> {
        let wrong = self.wrong.clone();
        self.ignored.clone().map_or(wrong.clone(), |ignored| wrong.bool_or(ignored))
    }

    /// The values of all rows: 0 for ignored rows, NaN for labels that are out of range.
    pub(crate) fn finish(self, values: Tensor<1>) -> Unreduced<1> {
        let counts = self.ignored.map(Tensor::bool_not);
        Unreduced::from(values.mask_fill(self.wrong, f64::NAN)).masked(counts.as_ref())
    }
}

/// The given classes, made safe as an index, and a mask of those that were out of range: their results have to be NaN.
pub(crate) fn classes_or_none<const D: usize>(
    given: Tensor<D, Int>,
    classes: usize,
) -> (Tensor<D, Int>, Tensor<D, Bool>) {
    let outside = is_out_of_range(&given, classes);
    (given.mask_fill(outside.clone(), 0), outside)
}

/// The unreduced values of a softmax over the sampled classes and the labels of the batch.
///
/// Every class counts once in a row's softmax. The column of a label is left out if its class is among the sampled ones or is the
/// label of an earlier row. Each row also leaves out the other columns of its own class.
pub(crate) fn values_of_sampled(
    head: &dyn AnyHead,
    Parameters { weight, bias }: Parameters,
    embeddings: Tensor<2>,
    labels: Labels<1>,
    sampled: Tensor<1, Int>,
) -> Unreduced<1> {
    let (embeddings, targets) = Targets::new(head, embeddings, labels);
    let labels = targets.safe.clone();
    let (sampled, invalid) = classes_or_none(sampled.cast(IntDType::from(labels.dtype())), head.num_classes());
    let ([rows], [drawn]) = (labels.dims(), sampled.dims());
    let columns = drawn + rows;
    let class = Tensor::cat(vec![sampled.clone(), labels.clone()], 0);
    let centers = head.centers_per_class();
    let center = Tensor::<1, Int>::arange(0..centers as i64, (&class.device(), class.dtype()));
    let center = center.unsqueeze::<2>().expand([columns, centers]);
    let center_rows = (class.clone().unsqueeze_dim::<2>(1) * centers as i64).expand([columns, centers]) + center;
    let chosen = Parameters {
        weight: select(weight, center_rows.reshape([columns * centers])),
        bias: bias.map(|bias| bias.select(0, class.clone())),
    };
    let positive = Tensor::<1, Int>::arange(drawn as i64..columns as i64, (&labels.device(), labels.dtype()));
    let modulation = head.modulation(&embeddings.clone().detach(), targets.uncounted());
    let Batch { embeddings, weight, bias } = Batch::new(head, chosen, embeddings);
    let mut logits = head.of_products(products(head, embeddings.clone(), weight.clone(), bias));
    if head.has_margin() {
        logits = logits_with_margin(head, logits, embeddings, weight, positive.clone(), modulation);
    }
    if let Some(offsets) = head.class_offsets() {
        let offsets = per_class(offsets, &logits).select(0, class.clone());
        logits = logits + offsets.unsqueeze::<2>().expand([rows, columns]);
    }

    let same = |a: &Tensor<1, Int>, b: &Tensor<1, Int>| same_label(a.clone(), b.clone());
    let earlier = {
        let row = Tensor::<1, Int>::arange(0..rows as i64, &labels.device());
        let shape = [rows, rows];
        row.clone().unsqueeze_dim::<2>(1).expand(shape).greater(row.unsqueeze::<2>().expand(shape))
    };
    let not_counted = targets.uncounted();
    let counted = not_counted.clone().bool_not().unsqueeze::<2>().expand([rows, rows]);
    let duplicate = same(&labels, &labels).bool_and(earlier).bool_and(counted).any_dim(1).squeeze_dim::<1>(1);
    let duplicate = same(&labels, &sampled).any_dim(1).squeeze_dim::<1>(1).bool_or(duplicate).bool_or(not_counted);
    let duplicate = Tensor::cat(vec![sampled.zeros_like().equal_elem(1), duplicate], 0);
    let left_out = same(&labels, &class).bool_or(duplicate.unsqueeze::<2>().expand([rows, columns]));
    let left_out = left_out.bool_and(one_hot(positive.clone(), columns).bool_not());
    let invalid =
        Tensor::cat(vec![invalid, positive.zeros_like().equal_elem(1)], 0).unsqueeze::<2>().expand([rows, columns]);
    let log_p = log_softmax(logits.mask_fill(left_out, MINUS_INFINITY).mask_fill(invalid, f64::NAN), 1);

    let Unreduced { values, normalizer } = targets.finish(-gather(log_p, positive));
    match head.class_factors() {
        None => Unreduced { values, normalizer },
        Some(weights) => {
            let weights = per_class(weights, &values).select(0, labels);
            let normalizer = normalizer.map_or(weights.clone(), |normalizer| normalizer * weights.clone());
            Unreduced { values: values * weights, normalizer: Some(normalizer) }
        }
    }
}
