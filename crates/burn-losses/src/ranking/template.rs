//! TODO: its name.

use super::{PairFormula, RankingLoss};
use crate::formula::safe::weighted;
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};

/// TODO: its name (authors, year, link).
///
/// # Formula
/// `max(0, margin - (s_i - s_j))`, averaged over the pairs of a list with r_i > r_j. TODO: with the paper's symbols.
///
/// # When to use
/// TODO: in one to three sentences, and what to take instead.
///
/// # Numerics
/// TODO: what is stabilized, and the gradient at kinks.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, ranking::TemplateLossConfig};
///
/// let device = Device::flex();
/// let loss = TemplateLossConfig::new().init(&device);
/// let scores = Tensor::<2>::from_floats([[0.5, 0.0]], &device);
/// let value = loss.forward(scores, Tensor::<2>::from_floats([[1.0, 0.0]], &device));
/// assert_eq!(value.into_scalar::<f32>(), 0.5);
/// ```
///
/// # Elsewhere
/// - `torch.nn.TODO`: TODO: in what it differs; or `the same.`, where the golden values come from it.
#[loss(ranking, "template", "TODO: what it is for, in one line")]
pub struct TemplateLoss {
    config: TemplateLossConfig,
}

/// Config of [`TemplateLoss`].
#[loss_config]
pub struct TemplateLossConfig {
    /// TODO: what it means, in which units.
    #[field(default = 1.0, range = ">= 0")]
    pub margin: f64,
}

impl RankingLoss for TemplateLoss {}

impl Formula for TemplateLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, difference: R, weight: R) -> R {
        weighted(weight, (-difference + self.config.margin).relu())
    }
}

impl PairFormula for TemplateLoss {}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn a_value_by_hand() {
        let loss = TemplateLossConfig::new().init(&Device::flex());
        assert_eq!(loss.eval(0.25, 1.0), 0.75);
    }
}
