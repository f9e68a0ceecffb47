//! A weighted sum.

use crate::engine::pointwise::{self, PointKernel, Pointwise};
use crate::macros::weighted_sum;
use crate::reduction::Unreduced;
use crate::terms::sum_unreduced;
use burn::tensor::{Bool, Tensor};

weighted_sum! {
    regression: AnyRegressionLoss, RegressionLossConfig, [mse: MseLossConfig, mae: MaeLossConfig];

    /// # Example
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use burn_losses::{composition::Terms, prelude::*, regression::{HuberLossConfig, MseLossConfig, WeightedSumLossConfig}};
    ///
    /// let terms = Terms::new().with("square", 0.5, MseLossConfig::new()).with("robust", 1.0, HuberLossConfig::new());
    /// let loss = WeightedSumLossConfig::new().with_terms(terms).init(&Device::flex());
    /// let predictions = Tensor::<1>::from_floats([2.0, 0.0], &Device::flex());
    /// let value = loss.forward(predictions.clone(), predictions.zeros_like());
    /// assert_eq!(value.into_scalar::<f32>(), (0.5 * 4.0 + 1.5) / 2.0);
    /// ```
}

impl Pointwise for WeightedSumLoss {
    fn values(&self, predictions: Tensor<3>, targets: Tensor<3>, mask: Option<&Tensor<3, Bool>>) -> Unreduced<3> {
        let values = self.losses.iter().map(|loss| pointwise::values(loss, predictions.clone(), targets.clone(), mask));
        sum_unreduced(self.config.terms.weigh(values))
    }

    fn kernel(&self) -> Option<PointKernel> {
        PointKernel::weighted_sum(self.config.terms.weigh(self.losses.iter().map(Pointwise::kernel)))
    }

    fn accepts(&self, shape: &[usize]) -> Result<(), String> {
        self.losses.iter().try_for_each(|loss| Pointwise::accepts(loss, shape))
    }
}
