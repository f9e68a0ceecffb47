//! A weighted sum.

use super::BinaryLoss;
use crate::engine::pointwise::{self, PointKernel, Pointwise};
use crate::macros::{kind_and_reduction, weighted_sum};
use crate::reduction::Unreduced;
use crate::terms::{said, sum_unreduced};
use burn::tensor::{Bool, Tensor};

weighted_sum! {
    binary: AnyBinaryLoss, BinaryLossConfig, [bce: BceLossConfig, focal: FocalLossConfig];

    /// # Example
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use burn_losses::{binary::{HingeLossConfig, RampLossConfig, WeightedSumLossConfig}, composition::Terms, prelude::*};
    ///
    /// let terms = Terms::new().with("hinge", 0.5, HingeLossConfig::new()).with("ramp", 1.0, RampLossConfig::new());
    /// let loss = WeightedSumLossConfig::new().with_terms(terms).init(&Device::flex());
    /// let logits = Tensor::<1>::from_floats([-2.0], &Device::flex());
    /// let value = loss.forward(logits.clone(), logits.ones_like());
    /// // The ramp is the hinge, no more than 2.
    /// assert_eq!(value.into_scalar::<f32>(), 0.5 * 3.0 + 2.0);
    /// ```
    validate |config| config.terms.agree("input", |loss| said(loss, "input").or(Some("logits".into())));
}

impl Pointwise for WeightedSumLoss {
    fn values(&self, logits: Tensor<3>, targets: Tensor<3>, mask: Option<&Tensor<3, Bool>>) -> Unreduced<3> {
        let values = self.losses.iter().map(|loss| pointwise::values(loss, logits.clone(), targets.clone(), mask));
        sum_unreduced(self.config.terms.weigh(values))
    }

    fn kernel(&self) -> Option<PointKernel> {
        PointKernel::weighted_sum(self.config.terms.weigh(self.losses.iter().map(Pointwise::kernel)))
    }

    fn accepts(&self, shape: &[usize]) -> Result<(), String> {
        self.losses.iter().try_for_each(|loss| Pointwise::accepts(loss, shape))
    }
}

impl BinaryLoss for WeightedSumLoss {
    kind_and_reduction!("weighted_sum");
    fn input(&self) -> &'static str {
        self.losses[0].input()
    }
}
