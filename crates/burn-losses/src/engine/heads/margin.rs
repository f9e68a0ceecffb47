//! The margin of a head: one definition for tensors and for the fused engine.

use super::{AnyHead, Layer, Scaling};
use crate::engine::machine;
use crate::engine::primitives::gather::{gather, select};
use crate::engine::primitives::l2_normalize::NO_LENGTH;
use crate::engine::primitives::labels::{Labels, is_out_of_range, one_hot};
#[cfg(feature = "cube")]
use crate::engine::rows::cube::RecordedMargin;
use crate::engine::rows::{Margin, Reduce, Target};
use crate::formula::safe::quotient;
use crate::formula::{Dual, Real};
use crate::reduction::Unreduced;
use burn::tensor::{Int, Tensor};

/// The label's logit with its margin. The length is the factor of the logit beside the cosine and the scale.
#[inline(always)]
pub(super) fn with_margin<H: Layer, R: Real>(head: &H, logit: R, length: R, modulation: Option<R>) -> R {
    let length = length * head.scaling().scale;
    head.margin(quotient(logit, length.clone(), NO_LENGTH), modulation) * length
}

/// The logits of rows with the margin of their labels, as tensor operations.
pub(super) fn logits_with_margin(
    head: &dyn AnyHead,
    logits: Tensor<2>,
    embeddings: Tensor<2>,
    weight: Tensor<2>,
    labels: Tensor<1, Int>,
    modulation: Option<Tensor<1>>,
) -> Tensor<2> {
    let [rows, classes] = logits.dims();
    let outside = is_out_of_range(&labels, classes);
    let labels = labels.mask_fill(outside, 0);
    let plain = gather(logits.clone(), labels.clone());
    let length = lengths_of_rows(head, embeddings, weight, &labels);
    let length = length.unwrap_or_else(|| plain.ones_like().detach());
    let target = head.margins(plain, length, modulation);
    logits.mask_where(one_hot(labels, classes), target.unsqueeze_dim::<2>(1).expand([rows, classes]))
}

/// The length that is a factor of each row's label logit, beside the cosine and the scale; `None` if the margin does not depend
/// on it. All labels are in range.
fn lengths_of_rows(
    head: &dyn AnyHead,
    embeddings: Tensor<2>,
    weight: Tensor<2>,
    labels: &Tensor<1, Int>,
) -> Option<Tensor<1>> {
    let of_rows = |rows: Tensor<2>| Real::safe_sqrt((rows.clone() * rows).sum_dim(1)).squeeze_dim::<1>(1);
    let [of_embeddings, of_weight] = lengths(head);
    let first = of_embeddings.then(|| of_rows(embeddings));
    let second = of_weight.then(|| of_rows(select(weight, labels.clone())));
    match (first, second) {
        (Some(first), Some(second)) => Some(first * second),
        (first, second) => first.or(second),
    }
}

/// Calls `run` with the margin of a head in the form of the fused engine, which takes one row at a time.
pub(super) fn with_row_margin<T>(
    head: &dyn AnyHead,
    modulation: Option<&Tensor<1>>,
    run: impl FnOnce(Option<&Margin<'_>>) -> T,
) -> T {
    if !head.has_margin() {
        return run(None);
    }
    let modulation: Option<Vec<f64>> = modulation.map(|numbers| numbers.clone().into_data().iter::<f64>().collect());
    run(Some(&|row, logit, length| {
        let modulation = modulation.as_ref().map(|numbers| Dual::constant(numbers[row]));
        head.margin(Dual::variable(logit, 0), Dual::variable(length, 1), modulation)
    }))
}

/// Whether the margin depends on the lengths of the embeddings, and of the rows of the weight.
pub(super) fn lengths(head: &dyn AnyHead) -> [bool; 2] {
    let Scaling { embeddings, weight, .. } = head.scaling();
    [embeddings, weight].map(|is_unit| head.has_margin() && !is_unit)
}

/// The values of logits, or the reduced value, by the fused engine.
pub(super) fn fused(
    head: &dyn AnyHead,
    [logits, embeddings, weight]: [&Tensor<2>; 3],
    labels: &Labels<1>,
    modulation: Option<&Tensor<1>>,
    reduce: Option<&Reduce>,
) -> Option<Unreduced<1>> {
    let _ = (embeddings, weight, reduce);
    let target = Target::Labels { of: labels.of.clone(), ignore_index: labels.ignore_index };
    let kernel = head.row_kernel();
    if machine::has_kernels(logits) {
        // Where the executor of heads runs, it does the reductions and takes the lengths.
        let takes = reduce.is_none() && !lengths(head).contains(&true);
        return takes.then(|| with_row_margin(head, modulation, |margin| kernel.values(logits, &target, margin)))?;
    }
    #[cfg(feature = "cube")]
    if machine::is_any(logits) {
        let margin = head.has_margin().then(|| {
            let classes = labels.of.clone().mask_fill(is_out_of_range(&labels.of, logits.dims()[1]), 0);
            let lengths = lengths_of_rows(head, embeddings.clone(), weight.clone(), &classes);
            let recording = head.recorded_margin(modulation.is_some(), lengths.is_some(), logits.is_tracked());
            RecordedMargin { recording, modulation: modulation.cloned(), lengths }
        });
        return kernel.with_margin(logits, &target, margin.as_ref(), reduce);
    }
    None
}
