//! Wasserstein distance of distributions over ordered classes.

use super::{DistributionInput, DistributionLoss, TargetForm};
use crate::engine::distributions::{Distributions, probability, target};
use crate::formula::Real;
use burn::tensor::Tensor;
use burn_losses_derive::{loss, loss_config};

/// Wasserstein distance of two distributions over ordered classes, or earth mover's distance (Hou et al. 2016,
/// [arXiv 1611.05916](https://arxiv.org/abs/1611.05916)).
///
/// # Formula
/// ```text
/// sum_c |F_c - G_c|^p
/// ```
/// with the shares F_c = sum_(j > c) p_j of the prediction and G_c = sum_(j > c) t_j of the target that lie beyond a class. With p = 1 it
/// is the distance of two distributions over the places 0 to C - 1. `mean` divides by C, and `root` takes the p-th root.
///
/// # When to use
/// For classes in an order, such as grades, ages in years or the scores of raters: a wrong class that is far from the right one costs
/// more than its neighbor, which [`CrossEntropyLoss`](super::CrossEntropyLoss) does not see. With `mean` and `root` it is the
/// loss of NIMA for the scores of images (Talebi and Milanfar 2018, [arXiv 1709.05424](https://arxiv.org/abs/1709.05424)). Its gradient
/// is small where a softmax is surely wrong, so begin with or add a cross-entropy.
///
/// # Numerics
/// The slope at equal shares is 0, and so is that of the root at 0. All shares are one matrix product, which takes memory for C^2 numbers.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{distribution::{DistributionInput, WassersteinLossConfig}, prelude::*};
///
/// let device = Device::flex();
/// let loss = WassersteinLossConfig::new().with_p(1).init(&device);
/// // Everything lies two classes too far to the right.
/// let predictions = Tensor::<2>::from_floats([[-1e4, -1e4, 0.0]], &device);
/// let value = loss.forward(predictions, Tensor::from_floats([[1.0, 0.0, 0.0]], &device));
/// assert!((value.into_scalar::<f32>() - 2.0).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `scipy.stats.wasserstein_distance`: with p = 1, of the places as values and the probabilities as weights, which it normalizes.
#[loss(
    distribution,
    "wasserstein",
    "Wasserstein distance of distributions over ordered classes (earth mover's distance)"
)]
pub struct WassersteinLoss {
    config: WassersteinLossConfig,
}

/// Config of [`WassersteinLoss`].
#[loss_config]
pub struct WassersteinLossConfig {
    /// The power of each difference, 1 or 2.
    #[field(default = 2, range = "[1, 2]")]
    pub p: usize,
    /// Whether the sum over the classes is divided by their number.
    #[field(default = false)]
    pub mean: bool,
    /// Whether the p-th root is taken.
    #[field(default = false)]
    pub root: bool,
    /// Whether the targets are probabilities or their logarithms.
    #[field(default = TargetForm::Probabilities)]
    pub target: TargetForm,
    /// Whether the model gives log-probabilities or logits.
    #[field(default = DistributionInput::LogProbabilities)]
    pub input: DistributionInput,
}

impl DistributionLoss for WassersteinLoss {
    fn input(&self) -> DistributionInput {
        self.config.input
    }
}

impl Distributions for WassersteinLoss {
    fn rows(&self, log_p: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        let classes = log_p.dims()[1];
        let of_device = (&log_p.device(), log_p.dtype());
        let beyond = Tensor::<2>::ones([classes, classes], of_device).tril(-1);
        let ((p, _), (t, _)) = (probability(log_p), target(targets, self.config.target));
        let apart = (p - t).matmul(beyond);
        let powers = if self.config.p == 1 { apart.abs() } else { apart.square() };
        let mut values = powers.sum_dim(1).squeeze_dim::<1>(1);
        if self.config.mean {
            values = values * (1.0 / classes as f64);
        }
        if self.config.root && self.config.p == 2 { values.safe_sqrt() } else { values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    #[test]
    fn powers_means_and_roots_by_hand() {
        let device = Device::flex();
        let row = |row: [f64; 3]| Tensor::<2>::from_data(TensorData::from([row]), (&device, burn::tensor::DType::F64));
        // The shares beyond a class differ by 0.3, 0.1 and 0.
        let (prediction, target) = ([0.2f64, 0.5, 0.3], [0.5, 0.3, 0.2]);
        let squares = 0.09 + 0.01;
        for (p, mean, root, expected) in [
            (1usize, false, false, 0.4),
            (1, true, true, 0.4 / 3.0),
            (2, false, false, squares),
            (2, false, true, f64::sqrt(squares)),
            (2, true, true, f64::sqrt(squares / 3.0)),
        ] {
            let loss = WassersteinLossConfig::new().with_p(p).with_mean(mean).with_root(root).init(&device);
            let value: f64 = loss.forward(row(prediction.map(f64::ln)), row(target)).into_scalar();
            assert!((value - expected).abs() < 1e-12, "{p} {mean} {root}: {value} {expected}");
        }
    }

    /// Equal distributions are at 0, also of the root, and have no gradient there.
    #[test]
    fn equal_distributions_have_a_finite_gradient() {
        let device = Device::flex().autodiff();
        for p in [1usize, 2] {
            let loss = WassersteinLossConfig::new().with_p(p).with_root(true).init(&device);
            let predictions = Tensor::<2>::from_floats([[0.0, -1e4]], &device).require_grad();
            let value = loss.forward(predictions.clone(), Tensor::from_floats([[1.0, 0.0]], &device));
            let gradient = predictions.grad(&value.backward()).expect("a gradient");
            assert_eq!(value.into_scalar::<f32>(), 0.0);
            assert_eq!(gradient.into_data().iter::<f32>().collect::<Vec<_>>(), [0.0, 0.0]);
        }
    }
}
