//! TODO: its name.

use super::VectorsLoss;
use burn::tensor::Tensor;
use burn_losses_derive::{loss, loss_config};

/// TODO: its name (authors, year, link).
///
/// # Formula
/// `scale sum_k (x_k - y_k)^2` of two vectors x and y. TODO: with the paper's symbols.
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
/// use burn_losses::{prelude::*, vectors::TemplateLossConfig};
///
/// let device = Device::flex();
/// let loss = TemplateLossConfig::new().with_scale(2.0).init(&device);
/// let first = Tensor::<2>::from_floats([[3.0, 4.0]], &device);
/// let value = loss.forward(first.clone(), first.zeros_like());
/// assert_eq!(value.into_scalar::<f32>(), 50.0);
/// ```
///
/// # Elsewhere
/// - `torch.nn.TODO`: TODO: in what it differs; or `the same.`, where the golden values come from it.
#[loss(vectors, "template", "TODO: what it is for, in one line")]
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

impl VectorsLoss for TemplateLoss {
    fn rows(&self, first: Tensor<2>, second: Tensor<2>, _: Option<Tensor<1>>) -> Tensor<1> {
        let difference = first - second;
        (difference.clone() * difference).sum_dim(1).squeeze_dim::<1>(1) * self.config.scale
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
        let values = loss.rows(Tensor::ones([1, 2], &device), Tensor::zeros([1, 2], &device), None);
        assert_eq!(values.into_scalar::<f32>(), 2.0);
    }
}
