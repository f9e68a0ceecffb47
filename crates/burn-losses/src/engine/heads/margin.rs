//! The margin of a head: one text for tensors and for the fused engine.

use super::{AnyHead, Layer, Scaling};
use crate::engine::machine;
use crate::engine::primitives::gather::{gather, select};
use crate::engine::primitives::labels::{Labels, is_out_of_range, one_hot};
use crate::engine::rows::{Margin, Target};
use crate::formula::safe::quotient;
use crate::formula::{Dual, Real};
use crate::reduction::Unreduced;
use burn::tensor::{Int, Tensor};

/// What is shorter has no direction: its cosine is 0.
const NO_LENGTH: f64 = 1e-12;

/// The label's logit with its margin. The length is what the logit has in it beside the cosine and the scale.
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
    let scaling = head.scaling();
    let mut length = plain.ones_like().detach();
    let lengths = |rows: Tensor<2>| Real::safe_sqrt((rows.clone() * rows).sum_dim(1)).squeeze_dim::<1>(1);
    if !scaling.embeddings {
        length = length * lengths(embeddings);
    }
    if !scaling.weight {
        length = length * lengths(select(weight, labels.clone()));
    }
    let target = head.margins(plain, length, modulation);
    logits.mask_where(one_hot(labels, classes), target.unsqueeze_dim::<2>(1).expand([rows, classes]))
}

/// Calls `run` with the margin of a head as the fused engine takes it, one row at a time.
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

/// Whose lengths the margin depends on: of the embeddings, of the rows of the weight.
pub(super) fn lengths(head: &dyn AnyHead) -> [bool; 2] {
    let Scaling { embeddings, weight, .. } = head.scaling();
    [embeddings, weight].map(|is_unit| head.has_margin() && !is_unit)
}

/// The values where logits are cosines, by the fused engine.
pub(super) fn fused(
    head: &dyn AnyHead,
    logits: &Tensor<2>,
    labels: &Labels<1>,
    modulation: Option<&Tensor<1>>,
) -> Option<Unreduced<1>> {
    if !machine::has_kernels(logits) || lengths(head).contains(&true) {
        return None;
    }
    let target = Target::Labels { of: labels.of.clone(), ignore_index: labels.ignore_index };
    let kernel = head.row_kernel();
    with_row_margin(head, modulation, |margin| kernel.values(logits, &target, margin))
}
