//! TODO: its name.

use super::{BinaryLoss, signed_margin};
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};

/// TODO: its name (authors, year, link).
///
/// # Formula
/// `scale max(0, 1 - z)`, z = (2y - 1) x. TODO: with the paper's symbols.
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
/// use burn_losses::{binary::TemplateLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = TemplateLossConfig::new().with_scale(2.0).init(&device);
/// let values = loss.forward_no_reduction(
///     Tensor::<1>::from_floats([0.5, 0.5], &device),
///     Tensor::from_floats([1.0, 0.0], &device),
/// );
/// assert_eq!(values.into_data().to_vec::<f32>().unwrap(), [1.0, 3.0]);
/// ```
///
/// # Elsewhere
/// - `torch.nn.TODO`: TODO: in what it differs; or `the same.`, where the golden values come from it.
#[loss(binary, "template", "TODO: what it is for, in one line")]
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

impl BinaryLoss for TemplateLoss {}

impl Formula for TemplateLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, logit: R, target: R) -> R {
        (-signed_margin(logit, target) + 1.0).relu() * self.config.scale
    }
}

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
