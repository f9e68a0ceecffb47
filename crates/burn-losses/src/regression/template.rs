//! TODO: its name.

use super::RegressionLoss;
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};

/// TODO: its name (authors, year, link).
///
/// # Formula
/// `scale d^2`, d = prediction - target. TODO: with the paper's symbols.
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
/// use burn_losses::{prelude::*, regression::TemplateLossConfig};
///
/// let device = Device::flex();
/// let loss = TemplateLossConfig::new().with_scale(2.0).init(&device);
/// let values = loss.forward_no_reduction(
///     Tensor::<1>::from_floats([1.0, 3.0], &device),
///     Tensor::from_floats([0.0, 0.0], &device),
/// );
/// assert_eq!(values.into_data().to_vec::<f32>().unwrap(), [2.0, 18.0]);
/// ```
///
/// # Elsewhere
/// - `torch.nn.TODO`: TODO: in what it differs; or `the same.`, where the golden values come from it.
#[loss(regression, "template", "TODO: what it is for, in one line")]
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

impl RegressionLoss for TemplateLoss {}

impl Formula for TemplateLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        (prediction - target).square() * self.config.scale
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn a_value_by_hand() {
        let loss = TemplateLossConfig::new().init(&Device::flex());
        assert_eq!(loss.eval(1.5, 0.5), 1.0);
    }
}
