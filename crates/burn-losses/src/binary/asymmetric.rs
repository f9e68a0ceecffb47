//! Asymmetric loss, binary.

use super::{BinaryLoss, FactorGradient};
use crate::formula::safe::{LEAST_MISS, focus, power};
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};

/// Asymmetric loss (Ben-Baruch et al. 2020, [arXiv 2009.14119](https://arxiv.org/abs/2009.14119)): a focal loss with a gamma for
/// each class, which leaves out the easiest negatives.
///
/// # Formula
/// ```text
/// -y (1 - p)^gamma_positive ln p - (1 - y) q^gamma_negative ln(1 - q)
/// p = sigmoid(x),  q = max(p - shift, 0)
/// ```
///
/// # When to use
/// For multi-label classification, where few of many labels are present: the many negatives are down-weighted more than the few
/// positives. If some positives are missing among the labels, a larger `shift` helps, since a negative whose probability is at
/// most `shift` has no gradient. The probabilities of a model that was trained with this loss are not calibrated. If one gamma
/// is enough, take [`FocalLoss`](super::FocalLoss), and for one label of several classes
/// [`AsymmetricLoss`](crate::classification::AsymmetricLoss) of the family `classification`.
///
/// # Numerics
/// Value and gradient are finite for every finite logit and every gamma. The value of a negative is at most -ln(shift); where p is
/// at most `shift`, its value and gradient are 0. 1 - p, and without a shift p, below 1e-30 count as 1e-30 in the factors.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{binary::AsymmetricLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = AsymmetricLossConfig::new().init(&device);
/// let values = loss.forward_no_reduction(
///     Tensor::<1>::from_floats([0.0, 0.0, -3.0], &device),
///     Tensor::from_floats([1.0, 0.0, 0.0], &device),
/// );
/// let values = values.into_data().to_vec::<f32>().unwrap();
/// assert!((values[0] - 0.5 * 2f32.ln()).abs() < 1e-6);
/// assert!((values[1] + 0.45f32.powi(4) * 0.55f32.ln()).abs() < 1e-6);
/// // A probability of 0.047 is below the shift.
/// assert_eq!(values[2], 0.0);
/// ```
///
/// # Elsewhere
/// - `timm.loss.AsymmetricLossMultiLabel`: the same for hard labels; its mean is `reduction = "batch_mean"`, its `clip` is `shift`,
///   `disable_torch_grad_focal_loss` is `factor_gradient = "detached"`, and it clips probabilities at 1e-8.
/// - `mmpretrain.models.losses.AsymmetricLoss`: its `clip` is `shift`; its mean is the same.
///
/// For soft labels both libraries have one weight with an exponent between the two gammas.
#[loss(binary, "asymmetric", "Focal loss with a gamma for each class and a margin for easy negatives: multi-label")]
pub struct AsymmetricLoss {
    config: AsymmetricLossConfig,
}

/// Config of [`AsymmetricLoss`].
#[loss_config]
pub struct AsymmetricLossConfig {
    /// How strongly easy negatives are down-weighted.
    #[field(default = 4.0, range = ">= 0")]
    pub gamma_negative: f64,
    /// How strongly easy positives are down-weighted.
    #[field(default = 1.0, range = ">= 0")]
    pub gamma_positive: f64,
    /// The number subtracted from the probability of a negative. A negative with a smaller probability has the value 0.
    #[field(default = 0.05, range = "[0, 1)")]
    pub shift: f64,
    /// Whether the gradient flows through the factors with the gammas.
    #[field(default = FactorGradient::Full)]
    pub factor_gradient: FactorGradient,
}

impl BinaryLoss for AsymmetricLoss {}

impl AsymmetricLoss {
    /// The factor and the cross-entropy of a negative, from the probabilities of both classes and softplus(x).
    #[inline(always)]
    fn negative<R: Real>(&self, p: R, not_p: R, softplus: R) -> (R, R) {
        let AsymmetricLossConfig { gamma_negative, shift, .. } = self.config;
        if shift == 0.0 {
            return (focus(p, gamma_negative), softplus);
        }
        let q = (p - shift).relu();
        // -ln(1 - q), with all digits where q is small, and where 1 - q is.
        let is_large = q.gt_lit(0.5);
        let (zero, one) = (q.lit(0.0), q.lit(1.0));
        let of_large = R::select(&is_large, not_p + shift, one).ln();
        let of_small = (-R::select(&is_large, zero, q.clone())).log1p();
        (power(q, gamma_negative, LEAST_MISS), -(of_large + of_small))
    }
}

impl Formula for AsymmetricLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, logit: R, target: R) -> R {
        let constant = self.config.factor_gradient;
        let [[of_negative, of_positive], [p, not_p]] = logit.softpluses_and_sigmoids();
        let positive = constant.apply(focus(not_p.clone(), self.config.gamma_positive)) * of_positive;
        let (factor, value) = self.negative(p, not_p, of_negative);
        let negative = constant.apply(factor) * value;
        target.clone().weigh(positive) + (-target + 1.0).weigh(negative)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binary::FocalLossConfig;
    use crate::config::Alpha;
    use crate::formula::Dual;
    use burn::tensor::Device;

    const LOGITS: [f64; 7] = [-30.0, -3.0, -1.2, 0.0, 0.7, 2.5, 30.0];

    fn loss(gammas: [f64; 2], shift: f64) -> AsymmetricLoss {
        let config = AsymmetricLossConfig::new().with_gamma_positive(gammas[0]).with_gamma_negative(gammas[1]);
        config.with_shift(shift).init(&Device::flex())
    }

    fn at(loss: &impl Formula, x: f64, y: f64) -> [f64; 2] {
        let y = loss.eval(Dual::<f64, 1>::variable(x, 0), Dual::constant(y));
        [y.value, y.slope[0]]
    }

    fn assert_same(one: &impl Formula, other: &impl Formula, targets: &[f64]) {
        for x in LOGITS {
            for y in targets {
                let (one, other) = (at(one, x, *y), at(other, x, *y));
                assert!((0..2).all(|i| (one[i] - other[i]).abs() <= 1e-12 * (1.0 + other[i].abs())), "{x} {y}");
            }
        }
    }

    #[test]
    fn without_gammas_and_shift_it_is_bce() {
        // A focal loss without gamma and alpha is.
        let bce = FocalLossConfig::new().with_gamma(0.0).with_alpha(Alpha::None).init(&Device::flex());
        assert_same(&loss([0.0, 0.0], 0.0), &bce, &[0.0, 0.3, 1.0]);
    }

    #[test]
    fn with_one_gamma_and_no_shift_it_is_focal() {
        let focal = FocalLossConfig::new().with_gamma(1.5).with_alpha(Alpha::None).init(&Device::flex());
        assert_same(&loss([1.5, 1.5], 0.0), &focal, &[0.0, 1.0]);
    }

    /// Never 0^0: below the shift a negative has neither value nor slope, whatever its gamma.
    #[test]
    fn a_negative_below_the_shift_is_solved() {
        for gamma in [0.0, 0.3, 1.0, 4.0] {
            for x in [-1e4, -50.0, -3.0, (0.05f64 / 0.95).ln() - 1e-9] {
                assert_eq!(at(&loss([1.0, gamma], 0.05), x, 0.0), [0.0, 0.0], "{gamma} {x}");
            }
        }
    }

    /// A negative costs no more than -ln(shift), also for a shift that single precision rounds away.
    #[test]
    fn a_negative_is_bounded_by_the_shift() {
        for shift in [0.05, 1e-3, 1e-12] {
            let [value, slope] = at(&loss([1.0, 2.0], shift), 1e4, 0.0);
            assert!((value + (1.0 - shift).powi(2) * shift.ln()).abs() < 1e-9, "{shift}: {value}");
            assert_eq!(slope, 0.0);
        }
    }

    #[test]
    fn a_detached_factor_only_scales_the_gradient() {
        let full = loss([1.0, 4.0], 0.0);
        let config = AsymmetricLossConfig::new().with_shift(0.0).with_factor_gradient(FactorGradient::Detached);
        let detached = config.init(&Device::flex());
        let [value, slope] = at(&detached, 0.7, 0.0);
        let p = 1.0 / (1.0 + (-0.7f64).exp());
        assert_eq!(value, at(&full, 0.7, 0.0)[0]);
        assert!((slope - p.powi(5)).abs() < 1e-12);
    }
}
