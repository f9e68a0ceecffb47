//! TODO: its name.

use super::LikelihoodLoss;
use crate::formula::{Real, VectorFormula};
use burn_losses_derive::{loss, loss_config};

/// TODO: its name (authors, year, link).
///
/// # Formula
/// `scale (t - m)^2 e^-s + s` of the mean m, the spread s and the target t. TODO: with the paper's symbols.
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
/// use burn_losses::{likelihood::TemplateLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = TemplateLossConfig::new().with_scale(2.0).init(&device);
/// let parameters = Tensor::<2>::from_floats([[1.0, 0.0]], &device);
/// let value = loss.forward(parameters, Tensor::<1>::from_floats([3.0], &device));
/// assert_eq!(value.into_scalar::<f32>(), 8.0);
/// ```
///
/// # Elsewhere
/// - `torch.nn.TODO`: TODO: in what it differs; or `the same.`, where the golden values come from it.
#[loss(likelihood, "template", "TODO: what it is for, in one line")]
pub struct TemplateLoss {
    config: TemplateLossConfig,
}

/// Config of [`TemplateLoss`].
#[loss_config]
pub struct TemplateLossConfig {
    /// TODO: what it means, in which units.
    #[field(default = 1.0, range = "> 0")]
    pub scale: f64,
}

impl LikelihoodLoss for TemplateLoss {}

impl VectorFormula<2, 1> for TemplateLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, [mean, spread]: [R; 2], [target]: [R; 1]) -> R {
        (target - mean).square() * (-spread.clone()).exp() * self.config.scale + spread
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn a_value_by_hand() {
        let loss = TemplateLossConfig::new().init(&Device::flex());
        assert_eq!(loss.eval([1.0, 0.0], [3.0]), 4.0);
    }
}
