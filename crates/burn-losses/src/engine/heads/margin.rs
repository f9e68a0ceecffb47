//! Cross-entropy with a margin: on tensors, and by the fused engine.

use super::{HeadLoss, Scaling};
use crate::engine::is_fused;
use crate::engine::rows::{self, Number3, Row, RowFormula, RowKernel, Sums, one_hot, pick};
use crate::formula::safe::quotient;
use crate::formula::{Dual, Real};
use crate::reduction::Unreduced;
use burn::tensor::{Int, Tensor};

/// What is shorter has no direction.
const NO_LENGTH: f64 = 1e-12;

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
    let none = length.clone().detach().lower_scalar(NO_LENGTH);
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
    fn margin(&self, row: usize, logit: f64, length: f64) -> Option<Dual<f64, 2>> {
        let given = self.given.as_ref().map(|given| Dual::constant(given[row]));
        let length = Dual::variable(length, 1) * self.head.scaling().scale;
        let cosine = quotient(Dual::variable(logit, 0), length, NO_LENGTH);
        Some(self.head.margin(cosine, given) * length)
    }
}

/// The value of rows of logits, with the margin of the target.
pub(super) fn row_formula<H: HeadLoss>(head: &H, classes: usize, given: Option<&Tensor<1>>) -> Box<dyn RowFormula> {
    let cross_entropy = head.cross_entropy().row_formula(classes);
    if !head.has_margin() {
        return Box::new(cross_entropy);
    }
    let given = given.map(|given| given.clone().into_data().iter::<f64>().collect());
    Box::new(Margin { head: head.clone(), cross_entropy, given })
}

/// Whose lengths the margin depends on: of the embeddings, of the rows of the weight.
pub(super) fn lengths<H: HeadLoss>(head: &H) -> [bool; 2] {
    let Scaling { embeddings, weight, .. } = head.scaling();
    [embeddings, weight].map(|is_unit| head.has_margin() && !is_unit)
}

/// The values where logits are cosines, by the fused engine.
pub(super) fn fused<H: HeadLoss>(
    head: &H,
    logits: &Tensor<2>,
    labels: &Tensor<1, Int>,
    given: Option<&Tensor<1>>,
) -> Option<Unreduced<1>> {
    if !is_fused(logits) || lengths(head).contains(&true) {
        return None;
    }
    let kernel = RowKernel { formula: row_formula(head, logits.dims()[1], given) };
    kernel.values(rows::Rows::ignore_index(head.cross_entropy()), logits, labels)
}
