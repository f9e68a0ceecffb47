//! Kahneman-Tversky optimization.

use super::{Compared, PreferenceLoss};
use crate::formula::{Real, VectorFormula};
use burn_losses_derive::{loss, loss_config};

/// Kahneman-Tversky optimization (Ethayarajh et al. 2024, [arXiv 2402.01306](https://arxiv.org/abs/2402.01306)): answers that are
/// rated one by one.
///
/// # Formula
/// ```text
/// desirable   (1 - s(beta (p - z)))    for a desirable answer
/// undesirable (1 - s(beta (z - p)))    for any other
/// ```
/// p is the log-ratio of the answer: the log-probability that the policy gives it minus that of the reference model. s is the logistic
/// function. z = max(0, mean of the mismatched log-ratios) estimates how far the policy has moved from the reference model. It is a
/// constant for the gradient, and 0 without mismatched log-ratios.
///
/// # When to use
/// For answers that are rated one by one, as with a thumb up or down, and for pairs whose preferences are noisy. Choose the two weights
/// so that the total weight of the desirable answers is 1 to 4/3 times that of the others. For pairs, take
/// [`DpoLoss`](super::DpoLoss).
///
/// # Numerics
/// A value is between 0 and the weight of its answer. The gradient vanishes where p is far from z on either side, as the paper intends. z
/// is computed from the batch. On several devices, pass the mean of the mismatched log-ratios of all of them as one log-ratio.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{preference::{KtoLossConfig, Preferences}, prelude::*};
///
/// let device = Device::flex();
/// let loss = KtoLossConfig::new().with_beta(1.0).init(&device);
/// let policy = Tensor::<1>::from_floats([-4.0, -4.0], &device);
/// let reference = Tensor::<1>::from_floats([-5.0, -4.5], &device);
/// let desirable = policy.clone().equal(Tensor::from_floats([-4.0, 0.0], &device));
/// let answers = Preferences::single(policy, reference, desirable);
/// // The mean of the mismatched log-ratios is 0.5.
/// let answers = answers.with_mismatched(Tensor::from_floats([1.0, 0.0], &device));
/// let values = loss.forward_no_reduction(answers).into_data().to_vec::<f32>().unwrap();
/// let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
/// assert!((values[0] - (1.0 - sigmoid(0.5))).abs() < 1e-6);
/// assert!((values[1] - 0.5).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `trl.KTOTrainer`: the same formula, with `desirable_weight` and `undesirable_weight`; it has the log-ratios of desirable and other
///   answers in two tensors.
/// - `liger_kernel.chunked_loss.LigerFusedLinearKTOLoss`: with z as an argument, and the last layer of the model in chunks; for GPUs
///   only.
#[loss(preference, "kto", "Kahneman-Tversky optimization: answers that are rated one by one")]
pub struct KtoLoss {
    config: KtoLossConfig,
}

/// Config of [`KtoLoss`].
#[loss_config]
pub struct KtoLossConfig {
    /// How strongly the model is kept close to the reference model: a smaller number allows it to move farther away.
    #[field(default = 0.1, range = "> 0")]
    pub beta: f64,
    /// The weight of desirable answers.
    #[field(default = 1.0, range = ">= 0")]
    pub desirable: f64,
    /// The weight of all other answers.
    #[field(default = 1.0, range = ">= 0")]
    pub undesirable: f64,
}

impl PreferenceLoss for KtoLoss {
    fn compared(&self) -> Compared {
        Compared::Single
    }
}

/// The first target is the reference plus z, the second whether the answer is desirable.
impl VectorFormula<2> for KtoLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, [policy, _]: [R; 2], [reference, desirable]: [R; 2]) -> R {
        let [more, less] = ((policy - reference) * self.config.beta).sigmoids();
        let is_desirable = desirable.gt_lit(0.5);
        R::select(&is_desirable, less * self.config.desirable, more * self.config.undesirable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preference::Preferences;
    use burn::tensor::{Device, Tensor};

    /// The mean of the mismatched log-ratios has no gradient, and a negative one counts as 0.
    #[test]
    fn the_distance_of_the_policy_is_a_constant() {
        let device = Device::flex().autodiff();
        let loss = KtoLossConfig::new().with_beta(1.0).with_undesirable(2.0).init(&device);
        let one = |number: f32| Tensor::<1>::from_floats([number], &device);
        let value = |mismatched: Option<Tensor<1>>, is_desirable: bool| {
            let desirable = one(f32::from(u8::from(is_desirable))).equal_scalar(1.0);
            let answers = Preferences::single(one(1.0), one(0.0), desirable);
            loss.forward(match mismatched {
                None => answers,
                Some(ratios) => answers.with_mismatched(ratios),
            })
        };
        let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
        let ratios = Tensor::<1>::from_floats([0.5, 1.0], &device).require_grad();
        let got = value(Some(ratios.clone()), true);
        assert!(!got.is_tracked());
        assert!((got.into_scalar::<f32>() - sigmoid(-0.25)).abs() < 1e-6);
        let got = value(Some(ratios), false);
        assert!((got.into_scalar::<f32>() - 2.0 * sigmoid(0.25)).abs() < 1e-6);
        let nothing = value(None, true).into_scalar::<f32>();
        for without in [one(-3.0), Tensor::zeros([0], &device)] {
            assert_eq!(value(Some(without), true).into_scalar::<f32>(), nothing);
        }
    }
}
