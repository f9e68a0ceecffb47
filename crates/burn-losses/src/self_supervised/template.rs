//! TODO: its name.

use super::{SelfSupervisedLoss, View};
use burn::tensor::Tensor;
use burn_losses_derive::{loss, loss_config};

/// TODO: its name (authors, year, link).
///
/// # Formula
/// `scale sum_j (mean_j(x) - mean_j(y))^2` over the columns of two views x and y. TODO: with the paper's symbols.
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
/// use burn_losses::{prelude::*, self_supervised::TemplateLossConfig};
///
/// let device = Device::flex();
/// let loss = TemplateLossConfig::new().with_scale(2.0).init(&device);
/// let first = Tensor::<2>::ones([4, 3], &device);
/// assert_eq!(loss.forward(first.clone(), first.zeros_like()).into_scalar::<f32>(), 6.0);
/// ```
///
/// # Elsewhere
/// - `torch.nn.TODO`: TODO: in what it differs; or `the same.`, where the golden values come from it.
#[loss(self_supervised, "template", "TODO: what it is for, in one line")]
pub struct TemplateLoss {
    config: TemplateLossConfig,
}

/// Config of [`TemplateLoss`].
#[loss_config]
pub struct TemplateLossConfig {
    /// TODO: what it means.
    #[field(default = 1.0, range = "> 0")]
    pub scale: f64,
}

impl SelfSupervisedLoss for TemplateLoss {
    fn of_batch(&self, first: &View, second: &View) -> Tensor<1> {
        let difference = first.mean(first.rows()) - second.mean(second.rows());
        (difference.clone() * difference).sum() * self.config.scale
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn a_value_by_hand() {
        let device = Device::flex();
        let loss = TemplateLossConfig::new().init(&device);
        let value = loss.forward(Tensor::ones([2, 2], &device), Tensor::zeros([2, 2], &device));
        assert_eq!(value.into_scalar::<f32>(), 2.0);
    }
}
