//! TODO: its name.

use super::PreferenceLoss;
use crate::formula::{Real, VectorFormula};
use burn_losses_derive::{loss, loss_config};

/// TODO: its name (authors, year, link).
///
/// # Formula
/// `max(0, margin - (c - r))` of the chosen answer c and the rejected answer r. TODO: with the paper's symbols.
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
/// use burn_losses::{preference::TemplateLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = TemplateLossConfig::new().init(&device);
/// let value = loss.forward((Tensor::<1>::from_floats([0.5], &device), Tensor::<1>::from_floats([0.0], &device)));
/// assert_eq!(value.into_scalar::<f32>(), 0.5);
/// ```
///
/// # Elsewhere
/// - `torch.nn.TODO`: TODO: in what it differs; or `the same.`, where the golden values come from it.
#[loss(preference, "template", "TODO: what it is for, in one line")]
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

impl PreferenceLoss for TemplateLoss {}

impl VectorFormula<2> for TemplateLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, [chosen, rejected]: [R; 2], _: [R; 2]) -> R {
        (rejected - chosen + self.config.margin).relu()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn a_value_by_hand() {
        let loss = TemplateLossConfig::new().init(&Device::flex());
        assert_eq!(loss.eval([0.25, 0.0], [0.0; 2]), 0.75);
    }
}
