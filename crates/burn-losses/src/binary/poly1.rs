//! PolyLoss, binary.

use super::{BinaryLoss, cross_entropies};
use crate::formula::safe::focus;
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};

/// Poly-1 loss (Leng et al. 2022, [arXiv 2204.12511](https://arxiv.org/abs/2204.12511)): cross-entropy or focal loss, with another
/// coefficient of the first term of its series in 1 - p_t.
///
/// # Formula
/// ```text
/// (1 - p_t)^gamma bce + epsilon (1 - p_t)^(gamma + 1)
/// p_t = p y + (1 - p) (1 - y),  p = sigmoid(x)
/// bce = y softplus(-x) + (1 - y) softplus(x),  which is -ln p_t for hard labels
/// ```
///
/// # When to use
/// As [`BceLoss`](super::BceLoss), or with gamma as [`FocalLoss`](super::FocalLoss), where one number more may be tuned: a positive
/// epsilon keeps a gradient on examples that are nearly right, and a negative one lowers it. The paper has epsilon = -1 for
/// detection. For one of several classes take [`Poly1Loss`](crate::classification::Poly1Loss) of the family `classification`.
///
/// # Numerics
/// Value and gradient are finite for every finite logit and every gamma. 1 - p_t below 1e-30 counts as 1e-30 in the factor.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{binary::Poly1LossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = Poly1LossConfig::new().with_epsilon(2.0).init(&device);
/// let value = loss.forward(Tensor::<1>::zeros([1], &device), Tensor::ones([1], &device));
/// assert!((value.into_scalar::<f32>() - (2f32.ln() + 2.0 * 0.5)).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `timm.loss.PolyBinaryCrossEntropy`: the same, but its epsilon is 2 by default; its `alpha` is a weight of the values.
#[loss(binary, "poly1", "Cross-entropy or focal loss with another first coefficient of its series")]
pub struct Poly1Loss {
    config: Poly1LossConfig,
}

/// Config of [`Poly1Loss`].
#[loss_config]
pub struct Poly1LossConfig {
    /// The number added to the coefficient of the first term; 0 is cross-entropy, or focal loss.
    #[field(default = 1.0, range = ">= -1")]
    pub epsilon: f64,
    /// Focusing parameter of the focal loss; 0 is cross-entropy.
    #[field(default = 0.0, range = ">= 0")]
    pub gamma: f64,
}

impl BinaryLoss for Poly1Loss {}

impl Formula for Poly1Loss {
    #[inline(always)]
    fn eval<R: Real>(&self, logit: R, target: R) -> R {
        // 1 - p_t, without subtracting anything from 1.
        let [softpluses, [p, not_p]] = logit.softpluses_and_sigmoids();
        let miss = target.clone() * not_p + (-target.clone() + 1.0) * p;
        let (positive, negative) = cross_entropies(softpluses, target);
        let first = miss.clone() * self.config.epsilon;
        focus(miss, self.config.gamma) * (positive + negative + first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binary::FocalLossConfig;
    use crate::config::Alpha;
    use burn::tensor::Device;

    /// With epsilon = 0 nothing is left but the focal loss; with -1 its first term is gone.
    #[test]
    fn epsilon_is_the_first_coefficient() {
        for gamma in [0.0, 0.5, 2.0] {
            let focal = FocalLossConfig::new().with_gamma(gamma).with_alpha(Alpha::None).init(&Device::flex());
            let poly =
                |epsilon: f64| Poly1LossConfig::new().with_epsilon(epsilon).with_gamma(gamma).init(&Device::flex());
            for x in [-50.0, -1.0, 0.3, 4.0] {
                assert_eq!(poly(0.0).eval(x, 1.0), focal.eval(x, 1.0));
            }
            // The series of -ln p_t without its first term begins with (1 - p_t)^2 / 2.
            let (x, miss) = (9.0, Real::sigmoid(-9.0));
            let second = poly(-1.0).eval(x, 1.0) / (miss.powf(gamma + 2.0) / 2.0);
            assert!((second - 1.0).abs() < 1e-3, "{second}");
        }
    }
}
