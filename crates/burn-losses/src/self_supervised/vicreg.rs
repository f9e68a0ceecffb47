//! VICReg.

use super::statistics::{deviation, split};
use super::{SelfSupervisedLoss, View};
use burn::tensor::{Tensor, activation::relu};
use burn_losses_derive::{Choice, loss, loss_config};

/// How the variance terms of both views are added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum VarianceSum {
    /// Half of their sum, as in the authors' code.
    #[default]
    Half,
    /// Their sum, as in the paper.
    Full,
}

/// VICReg: variance, invariance and covariance (Bardes et al. 2022, [arXiv 2105.04906](https://arxiv.org/abs/2105.04906)).
///
/// # Formula
/// ```text
/// invariance mean_ij (x_ij - y_ij)^2 + variance (V(x) + V(y)) / 2 + covariance (C(x) + C(y))
/// V(z) = 1/E sum_j max(0, gamma - sqrt(var_j + eps))       C(z) = 1/E sum_(j != k) cov_jk^2
/// ```
/// of two views x and y with N rows and E columns; variances and covariances divide by N - 1. Every row carries the value of the
/// batch. The paper adds up the variance terms of both views, and the authors' code takes half of that sum: see `variance_sum`. The
/// invariance term is that of the authors' code. The paper takes the mean over the rows alone, which is E times this term.
///
/// # When to use
/// For self-supervised learning from two augmented views without negatives, a momentum encoder or a stopped gradient, on the output of
/// a wide projector. Small batches suffice. [`BarlowTwinsLoss`](super::BarlowTwinsLoss) has one weight in place of three.
/// [`NtXentLoss`](crate::metric::NtXentLoss) needs large batches, since the other rows of the batch are its negatives.
///
/// # Numerics
/// The loss takes at least two rows. A constant column has the variance 0; its gradient is finite, since `eps` is added under the root.
/// If fewer than two rows are valid, all variances are 0.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, self_supervised::VicregLossConfig};
///
/// let device = Device::flex();
/// let loss = VicregLossConfig::new().init(&device);
/// // Both views are the same, their columns vary enough, and they are not correlated.
/// let view = Tensor::<2>::from_floats([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]], &device);
/// assert_eq!(loss.forward(view.clone(), view).into_scalar::<f32>(), 0.0);
/// // Everything has collapsed into one point.
/// let point = Tensor::<2>::ones([4, 2], &device);
/// assert!((loss.forward(point.clone(), point).into_scalar::<f32>() - 25.0 * (1.0 - 0.01)).abs() < 1e-4);
/// ```
///
/// # Elsewhere
/// - `lightly.loss.VICRegLoss`: the same, without the field `gamma`, which is 1.
/// - `solo.losses.vicreg.vicreg_loss_func`: with `variance_sum = "full"` the same formula, not compared by a test.
#[loss(self_supervised, "vicreg", "Variance, invariance and covariance of two views (VICReg): no negatives")]
pub struct VicregLoss {
    config: VicregLossConfig,
}

/// Config of [`VicregLoss`].
#[loss_config]
pub struct VicregLossConfig {
    /// The weight of the squared difference between the views.
    #[field(default = 25.0, range = ">= 0")]
    pub invariance: f64,
    /// The weight of the variance terms.
    #[field(default = 25.0, range = ">= 0")]
    pub variance: f64,
    /// The weight of the covariance terms.
    #[field(default = 1.0, range = ">= 0")]
    pub covariance: f64,
    /// The standard deviation that each column should have at least.
    #[field(default = 1.0, range = "> 0")]
    pub gamma: f64,
    /// The number that is added to a variance before its root is taken.
    #[field(default = 1e-4, range = "> 0")]
    pub eps: f64,
    /// Whether the variance term is half the sum over both views, or the sum.
    #[field(default = VarianceSum::Half)]
    pub variance_sum: VarianceSum,
}

impl VicregLoss {
    /// The terms V and C of one view: `[1]` each.
    fn spread(&self, view: &View) -> [Tensor<1>; 2] {
        let centered = view.centered();
        let [_, size] = centered.dims();
        let shape = [size, size];
        let products = centered.clone().transpose().matmul(centered);
        let (outside, variances) = split(products / view.degrees_of_freedom().expand(shape));
        let deviations = deviation(variances.reshape([1, size]), self.config.eps);
        [relu(-deviations + self.config.gamma).mean(), outside * (1.0 / size as f64)]
    }
}

impl SelfSupervisedLoss for VicregLoss {
    fn of_batch(&self, first: &View, second: &View) -> Tensor<1> {
        let VicregLossConfig { invariance, variance, covariance, .. } = self.config;
        let variance = match self.config.variance_sum {
            VarianceSum::Half => 0.5 * variance,
            VarianceSum::Full => variance,
        };
        let difference = first.rows() - second.rows();
        let distance = first.mean(difference.clone() * difference).mean();
        let [[v, c], [w, d]] = [self.spread(first), self.spread(second)];
        distance * invariance + (v + w) * variance + (c + d) * covariance
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    /// The factor 1/2 of the variance terms is in the code of the authors, not in the paper.
    #[test]
    fn half_or_full() {
        let device = Device::flex();
        let view = Tensor::<2>::from_floats([[0.5], [-0.5]], &device);
        let value = |sum| {
            let config = VicregLossConfig::new().with_eps(1e-12).with_variance(1.0).with_variance_sum(sum);
            config.init(&device).forward(view.clone(), view.clone()).into_scalar::<f32>()
        };
        // The unbiased variance is 1/2.
        let each = 1.0 - 0.5f32.sqrt();
        assert!((value(VarianceSum::Half) - each).abs() < 1e-6);
        assert!((value(VarianceSum::Full) - 2.0 * each).abs() < 1e-6);
    }

    #[test]
    fn one_row_has_no_variance() {
        let device = Device::flex();
        let row = Tensor::<2>::ones([1, 3], &device);
        let error = VicregLossConfig::new().init(&device).check(&row, &row, &crate::Extras::new()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "vicreg: `first` has shape [1, 3], expected at least two rows: one row alone has no variance"
        );
    }
}
