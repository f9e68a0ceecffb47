//! Barlow Twins.

use super::statistics::{deviation, split};
use super::{SelfSupervisedLoss, View};
use burn::tensor::Tensor;
use burn_losses_derive::{Choice, loss, loss_config};

/// The divisor of a variance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum Variance {
    /// The number of rows N, as batch normalization does.
    #[default]
    Biased,
    /// N - 1.
    Unbiased,
}

/// Barlow Twins (Zbontar et al. 2021, [arXiv 2103.03230](https://arxiv.org/abs/2103.03230)).
///
/// # Formula
/// ```text
/// sum_j (1 - c_jj)^2 + lambda sum_(j != k) c_jk^2
/// c_jk = 1/N sum_i x'_ij y'_ik       x' = (x - mean) / sqrt(var + eps), for each view and column
/// ```
/// of two views x and y with N rows. Every row carries the value of the batch. The authors multiply the value by 0.024, or divide it by
/// the number of columns. To do the same, set the weight of the term in a joint loss.
///
/// # When to use
/// For self-supervised learning from two augmented views without negatives, on the output of a wide projector: each column should be
/// the same in both views, and no two columns should be correlated. [`VicregLoss`](super::VicregLoss) does not standardize the columns.
/// Instead it has a term that keeps their variance from collapsing.
///
/// # Numerics
/// The loss takes at least two rows. A column that is constant in the batch is 0 after the standardization, and its gradient is finite.
/// It adds 1 to the first sum.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, self_supervised::BarlowTwinsLossConfig};
///
/// let device = Device::flex();
/// let loss = BarlowTwinsLossConfig::new().init(&device);
/// let view = Tensor::<2>::from_floats([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]], &device);
/// assert!(loss.forward(view.clone(), view.clone()).into_scalar::<f32>() < 1e-6);
/// // The second column says the same as the first.
/// let twice = Tensor::from_floats([[1.0, 1.0], [1.0, 1.0], [-1.0, -1.0], [-1.0, -1.0]], &device);
/// assert!((loss.forward(twice, view).into_scalar::<f32>() - (1.0 + 0.005)).abs() < 1e-4);
/// ```
///
/// # Elsewhere
/// - `lightly.loss.BarlowTwinsLoss`: the same; its `eps` is 1e-5, and its variance is biased.
/// - `mmpretrain.models.heads.LatentCrossCorrelationHead`: `lambda` is 0.0051, and the value is multiplied by 0.024 or another
///   `scale_loss`.
#[loss(self_supervised, "barlow_twins", "Cross-correlation of two views toward the identity (Barlow Twins)")]
pub struct BarlowTwinsLoss {
    config: BarlowTwinsLossConfig,
}

/// Config of [`BarlowTwinsLoss`].
#[loss_config]
pub struct BarlowTwinsLossConfig {
    /// The weight of the correlations between different columns.
    #[field(default = 0.005, range = ">= 0")]
    pub lambda: f64,
    /// The number that is added to a variance before its root is taken.
    #[field(default = 1e-5, range = "> 0")]
    pub eps: f64,
    /// Whether a variance divides by the number of rows, or by one less.
    #[field(default = Variance::Biased)]
    pub variance: Variance,
}

impl BarlowTwinsLoss {
    /// The columns of a view, standardized.
    fn standardized(&self, view: &View) -> Tensor<2> {
        let centered = view.centered();
        let shape @ [_, size] = centered.dims();
        let sums = (centered.clone() * centered.clone()).sum_dim(0);
        let divisor = match self.config.variance {
            Variance::Biased => view.count(),
            Variance::Unbiased => view.degrees_of_freedom(),
        };
        centered / deviation(sums / divisor.expand([1, size]), self.config.eps).expand(shape)
    }
}

impl SelfSupervisedLoss for BarlowTwinsLoss {
    fn of_batch(&self, first: &View, second: &View) -> Tensor<1> {
        let [x, y] = [first, second].map(|view| self.standardized(view));
        let [_, size] = x.dims();
        let products = x.transpose().matmul(y);
        let (outside, diagonal) = split(products / first.count().expand([size, size]));
        let missing = -diagonal + 1.0;
        (missing.clone() * missing).sum() + outside * self.config.lambda
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    /// Two rows: a correlation of 1 with the biased variance 1, and of 1/2 with the unbiased variance 2.
    #[test]
    fn both_variances() {
        let device = Device::flex();
        let view = Tensor::<2>::from_floats([[1.0], [-1.0]], &device);
        let value = |variance| {
            let config = BarlowTwinsLossConfig::new().with_eps(1e-12).with_variance(variance);
            config.init(&device).forward(view.clone(), view.clone()).into_scalar::<f32>()
        };
        assert!(value(Variance::Biased).abs() < 1e-6);
        assert!((value(Variance::Unbiased) - 0.25).abs() < 1e-6);
    }

    /// A constant column has no correlation, and its gradient is finite.
    #[test]
    fn a_constant_column() {
        let device = Device::flex().autodiff();
        let view = Tensor::<2>::from_floats([[1.0, 7.0], [-1.0, 7.0]], &device).require_grad();
        let other = view.clone().detach();
        let value = BarlowTwinsLossConfig::new().init(&device).forward(view.clone(), other);
        let gradients = value.clone().backward();
        assert!((value.into_scalar::<f32>() - 1.0).abs() < 1e-4);
        assert!(view.grad(&gradients).unwrap().into_data().iter::<f32>().all(f32::is_finite));
    }
}
