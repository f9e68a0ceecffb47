//! Distance between two vectors.

use super::VectorsLoss;
use crate::engine::primitives::p_norm::p_norm;
use burn::tensor::Tensor;
use burn_losses_derive::{loss, loss_config};

/// The distance between two vectors.
///
/// # Formula
/// `(sum_k |x_k - y_k|^p)^(1/p)`: with p = 2 the Euclidean distance.
///
/// # When to use
/// For vectors whose error is a distance, such as the positions of joints or of points. The mean of the distances is the mean per-joint
/// position error (MPJPE). The gradient of a row does not grow with its distance, so outliers count less than in
/// [`MseLoss`](crate::regression::MseLoss). For directions alone, take [`CosineLoss`](super::CosineLoss).
///
/// # Numerics
/// The gradient of a distance of 0 is 0. The differences are divided by the largest of their row first, so that no power overflows.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, vectors::EuclideanLossConfig};
///
/// let device = Device::flex();
/// let loss = EuclideanLossConfig::new().init(&device);
/// let first = Tensor::<2>::from_floats([[3.0, 4.0]], &device);
/// let value = loss.forward(first.clone(), first.zeros_like());
/// assert_eq!(value.into_scalar::<f32>(), 5.0);
/// ```
///
/// # Elsewhere
/// - `torch.nn.PairwiseDistance`: it adds 1e-6 to every difference.
#[loss(vectors, "euclidean", "Distance between two vectors: the mean per-joint position error")]
pub struct EuclideanLoss {
    config: EuclideanLossConfig,
}

/// Config of [`EuclideanLoss`].
#[loss_config]
pub struct EuclideanLossConfig {
    /// The exponent of the norm.
    #[field(default = 2.0, range = ">= 1")]
    pub p: f64,
}

impl VectorsLoss for EuclideanLoss {
    fn rows(&self, first: Tensor<2>, second: Tensor<2>, _: Option<Tensor<1>>) -> Tensor<1> {
        p_norm(first - second, self.config.p)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    /// Equal rows have no slope; rows that are far apart do not overflow.
    #[test]
    fn at_zero_and_far_away() {
        let device = Device::flex().autodiff();
        for p in [1.0, 1.5, 2.0, 4.0] {
            let loss = EuclideanLossConfig::new().with_p(p).init(&device);
            let first = Tensor::<2>::from_floats([[1.0, 2.0], [1e30, 0.0]], &device).require_grad();
            let values =
                loss.forward_no_reduction(first.clone(), Tensor::from_floats([[1.0, 2.0], [0.0, 0.0]], &device));
            let gradients = values.clone().sum().backward();
            assert_eq!(values.into_data().iter::<f32>().collect::<Vec<_>>(), [0.0, 1e30]);
            let slopes = first.grad(&gradients).unwrap().into_data().iter::<f32>().collect::<Vec<_>>();
            assert_eq!(slopes, [0.0, 0.0, 1.0, 0.0], "p = {p}");
        }
    }
}
