//! A weighted sum.

use super::{DistributionInput, DistributionLoss, DistributionLossConfig};
use crate::engine::distributions::{self, Distributions};
use crate::engine::pointwise::PointKernel;
use crate::error::ConfigError;
use crate::macros::{kind_and_reduction, weighted_sum};
use crate::terms::{said, sum};
use burn::tensor::Tensor;

weighted_sum! {
    distribution: AnyDistributionLoss, DistributionLossConfig, [kl_divergence: KlDivergenceLossConfig, js_divergence: JsDivergenceLossConfig];

    /// # Example
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use burn_losses::distribution::{CrossEntropyLossConfig, EntropyLossConfig, WeightedSumLossConfig};
    /// use burn_losses::{composition::Terms, prelude::*};
    ///
    /// // What is not to be too sure of itself: a confidence penalty.
    /// let terms = Terms::new()
    ///     .with("fit", 1.0, CrossEntropyLossConfig::new())
    ///     .with("confidence", -0.1, EntropyLossConfig::new());
    /// let loss = WeightedSumLossConfig::new().with_terms(terms).init(&Device::flex());
    /// let log_p = Tensor::<2>::from_floats([[0.5f32.ln(), 0.5f32.ln()]], &Device::flex());
    /// let value = loss.forward(log_p, Tensor::from_floats([[1.0, 0.0]], &Device::flex()));
    /// assert!((value.into_scalar::<f32>() - 0.9 * 2f32.ln()).abs() < 1e-6);
    /// ```
    validate |config| {
        config.terms.agree("input", |loss| said(loss, "input"))?;
        config.terms.agree("target", |loss| said(loss, "target"))?;
        match config.terms.iter().find(|(_, term)| takes_labels(&term.loss)) {
            None => Ok(()),
            Some((name, _)) => Err(ConfigError::InvalidValue {
                loss: "weighted_sum",
                field: format!("terms.{name}.hard_weight"),
                value: "more than 0".into(),
                allowed: "0: a sum has no labels".into(),
            }),
        }
    };
}

fn takes_labels(loss: &DistributionLossConfig) -> bool {
    said(loss, "hard_weight").is_some_and(|weight| weight.as_f64() != Some(0.0))
}

impl Distributions for WeightedSumLoss {
    fn rows(&self, log_p: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        let input = DistributionInput::LogProbabilities;
        let values = self.losses.iter().map(|loss| {
            distributions::values(loss, input, log_p.clone(), targets.clone(), None, None).values.squeeze_dim(1)
        });
        sum(self.config.terms.weigh(values))
    }

    fn kernel(&self) -> Option<PointKernel> {
        PointKernel::weighted_sum(self.config.terms.weigh(self.losses.iter().map(Distributions::kernel)))
    }
}

impl DistributionLoss for WeightedSumLoss {
    kind_and_reduction!("weighted_sum");
    fn input(&self) -> DistributionInput {
        self.losses[0].input()
    }
    fn needs_normalized(&self) -> bool {
        self.losses.iter().any(DistributionLoss::needs_normalized)
    }
}
