//! Cross-entropy with a margin: on tensors, and by the fused engine.

use super::{HeadLoss, Scaling};
use crate::engine::is_fused;
use crate::engine::rows::{self, Number3, Row, RowFormula, RowKernel, Sums, one_hot, pick};
use crate::formula::{Dual, Real};
use crate::reduction::Unreduced;
use burn::tensor::{Int, Tensor};

/// The logits of rows with the margin of their targets.
pub(super) fn with_margin<H: HeadLoss>(
    head: &H,
    logits: Tensor<2>,
    embeddings: Tensor<2>,
    weight: Tensor<2>,
    labels: Tensor<1, Int>,
    given: Option<Tensor<1>>,
) -> Tensor<2> {
    let [rows, classes] = logits.dims();
    let outside = rows::outside(&labels, classes);
    let labels = labels.mask_fill(outside, 0);
    let plain = pick(logits.clone(), labels.clone());
    // What divides the target's logit into its cosine.
    let scaling = head.scaling();
    let mut length = plain.ones_like().detach() * scaling.scale;
    let lengths = |rows: Tensor<2>| Real::safe_sqrt((rows.clone() * rows).sum_dim(1)).squeeze_dim::<1>(1);
    if !scaling.embeddings {
        length = length * lengths(embeddings);
    }
    if !scaling.weight {
        length = length * lengths(rows::select(weight, labels.clone()));
    }
    // Of a vector without a length the cosine is 0.
    let none = length.clone().detach().lower_scalar(1e-12);
    let cosine = (plain / length.clone().mask_fill(none.clone(), 1.0)).mask_fill(none, 0.0);
    let target = head.margin(cosine, given) * length;
    logits.mask_where(one_hot(labels, classes), target.unsqueeze_dim::<2>(1).expand([rows, classes]))
}

/// Cross-entropy with a margin, row by row.
struct Margin<H, F> {
    head: H,
    cross_entropy: F,
    /// [`given`](super::Head::given) of the head.
    given: Option<Vec<f64>>,
}

impl<H: HeadLoss, F: RowFormula> RowFormula for Margin<H, F> {
    fn eval(&self, row: &Row) -> Number3 {
        self.cross_entropy.eval(row)
    }
    fn sums(&self) -> Sums<'_> {
        self.cross_entropy.sums()
    }
    fn mass(&self, label: usize) -> Option<f64> {
        self.cross_entropy.mass(label)
    }
    fn margin(&self, row: usize, logit: f64) -> Option<[f64; 2]> {
        let scale = self.head.scaling().scale;
        let given = self.given.as_ref().map(|given| Dual::constant(given[row]));
        let target = self.head.margin(Dual::<f64, 1>::variable(logit / scale, 0), given);
        Some([target.value * scale, target.slope[0]])
    }
}

/// The value of rows of logits, with the margin of the target where logits are cosines; `None` where other margins are.
pub(super) fn row_formula<H: HeadLoss>(
    head: &H,
    classes: usize,
    given: Option<&Tensor<1>>,
) -> Option<Box<dyn RowFormula>> {
    let cross_entropy = head.cross_entropy().row_formula(classes);
    if !head.has_margin() {
        return Some(Box::new(cross_entropy));
    }
    let Scaling { embeddings: true, weight: true, .. } = head.scaling() else { return None };
    let given = given.map(|given| given.clone().into_data().iter::<f64>().collect());
    Some(Box::new(Margin { head: head.clone(), cross_entropy, given }))
}

/// The values where logits are cosines, by the fused engine.
pub(super) fn fused<H: HeadLoss>(
    head: &H,
    logits: &Tensor<2>,
    labels: &Tensor<1, Int>,
    given: Option<&Tensor<1>>,
) -> Option<Unreduced<1>> {
    if !is_fused(logits) {
        return None;
    }
    let kernel = RowKernel { formula: row_formula(head, logits.dims()[1], given)? };
    kernel.values(rows::Rows::ignore_index(head.cross_entropy()), logits, labels)
}
