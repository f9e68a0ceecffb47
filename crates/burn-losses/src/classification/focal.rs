//! Focal loss, multi-class.

use crate::config::{ClassFactor, Range};
use crate::engine::classes::per_class;
use crate::engine::rows::{Number3, Row, RowFormula, RowKernel, Rows, pick};
use crate::formula::Real;
use crate::macros::loss;
use crate::reduction::Unreduced;
use burn::tensor::{Int, Tensor, activation::log_softmax};

loss! {
    classification "focal": "softmax cross-entropy that looks away from what is easy";

    /// Focal loss (Lin et al. 2017, [arXiv 1708.02002](https://arxiv.org/abs/1708.02002)) of a softmax.
    ///
    /// # Formula
    /// `alpha_y (1 - p_y)^gamma (-ln p_y)`, p = softmax(x). Soft targets: `sum_c q_c alpha_c (1 - p_c)^gamma (-ln p_c)`.
    ///
    /// alpha has one meaning: a factor for the rows of a class. It does not enter the divisor of the mean, which is the number of
    /// rows that are not ignored.
    ///
    /// # Numerics
    /// Value and gradient are finite for all finite logits and every gamma, also between 0 and 1; gamma = 0 is
    /// [`CrossEntropyLoss`](super::CrossEntropyLoss). 1 - p is a difference: of rows that are certain and right (p above 1 - 1e-4
    /// in f32) the value, tiny then, has lost digits. 1 - p below 1e-30 counts as 1e-30.
    ///
    /// # Example
    /// ```
    /// use burn::tensor::{Device, Int, Tensor};
    /// use burn_losses::{classification::FocalLossConfig, prelude::*};
    ///
    /// let device = Device::flex();
    /// let loss = FocalLossConfig::new().with_gamma(1.0).init(&device);
    /// let logits = Tensor::<2>::from_floats([[0.0, 0.0]], &device);
    /// let value = loss.forward(logits, Tensor::<1, Int>::from_ints([1], &device));
    /// assert!((value.into_scalar::<f32>() - 0.5 * 2f32.ln()).abs() < 1e-6);
    /// ```
    ///
    /// # Elsewhere
    /// PyTorch has none. Kornia: `focal_loss` has another alpha (1 - alpha for class 0); MONAI the same with `use_softmax`.
    pub struct FocalLoss;

    /// Config of [`FocalLoss`].
    pub struct FocalLossConfig {
        /// How strongly easy rows are played down; 0 is cross-entropy.
        gamma: f64 = 2.0, Range::AtLeast(0.0);
        /// The factor of each row: one number, or one per class of its label.
        alpha: ClassFactor = ClassFactor::None, Range::AtLeast(0.0);
        /// The label of rows that count nothing.
        ignore_index: Option<i64> = None;
    }
}

/// (1 - p)^gamma (-ln p), of l = ln p.
#[inline(always)]
fn focal<R: Real>(log_p: R, gamma: f64) -> R {
    let miss = -log_p.clone().exp() + 1.0;
    let miss = miss.clone().maximum(miss.lit(crate::binary::LEAST_MISS));
    miss.powf(gamma) * -log_p
}

/// The formula of a row, for the fused engine.
struct OfRow(FocalLossConfig);

impl RowFormula for OfRow {
    fn eval(&self, row: &Row) -> Number3 {
        let value = focal(row.target - row.log_total, self.0.gamma);
        match &self.0.alpha {
            ClassFactor::None => value,
            ClassFactor::Number(alpha) => value * *alpha,
            ClassFactor::PerClass(alphas) => value * alphas[row.label],
        }
    }
}

impl Rows for FocalLoss {
        fn kernel(&self, _: usize) -> Option<RowKernel> {
        Some(RowKernel::of(OfRow(self.config.clone())))
    }

    fn rows(&self, logits: Tensor<2>, labels: Tensor<1, Int>) -> Unreduced<1> {
        let log_p = log_softmax(logits, 1);
        let values = focal(pick(log_p.clone(), labels.clone()), self.config.gamma);
        match &self.config.alpha {
            ClassFactor::None => values,
            ClassFactor::Number(alpha) => values * *alpha,
            ClassFactor::PerClass(alphas) => values * per_class(alphas, &log_p).select(0, labels),
        }
        .into()
    }

    fn soft_rows(&self, logits: Tensor<2>, probabilities: Tensor<2>) -> Option<Unreduced<1>> {
        let dims = logits.dims();
        let log_p = log_softmax(logits, 1);
        let each = probabilities * focal(log_p.clone(), self.config.gamma);
        let each = match &self.config.alpha {
            ClassFactor::None => each,
            ClassFactor::Number(alpha) => each * *alpha,
            ClassFactor::PerClass(alphas) => {
                each * per_class(alphas, &log_p).unsqueeze::<2>().expand(dims)
            }
        };
        Some(each.sum_dim(1).squeeze_dim::<1>(1).into())
    }

    fn classes(&self) -> Option<usize> {
        match &self.config.alpha {
            ClassFactor::PerClass(alphas) => Some(alphas.len()),
            _ => None,
        }
    }

    fn ignore_index(&self) -> Option<i64> {
        self.config.ignore_index
    }

    fn takes_probabilities(&self) -> bool {
        true
    }
}
