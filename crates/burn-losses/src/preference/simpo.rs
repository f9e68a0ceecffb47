//! Simple preference optimization.

use super::dpo::smoothed;
use super::{PreferenceLoss, Preferences, Rewards};
use crate::error::expect;
use crate::formula::{Real, VectorFormula};
use crate::reduction::Extras;
use burn_losses_derive::{loss, loss_config};

/// Simple preference optimization (Meng et al. 2024, [arXiv 2405.14734](https://arxiv.org/abs/2405.14734)).
///
/// # Formula
/// ```text
/// (1 - e) softplus(-x) + e softplus(x)
/// x = beta (c - r) - gamma
/// ```
/// c and r are the mean log-probabilities per token of the chosen and of the rejected answer, and e is `label_smoothing`.
///
/// # When to use
/// For alignment with pairs of answers where a reference model would not fit into memory. The paper takes beta from 2 to 10 and
/// gamma / beta from 0.3 to 0.6, where gamma is the margin between the two rewards. With gamma = 0, and with sums in place of
/// means, this loss is the preference term of CPO ([arXiv 2401.08417](https://arxiv.org/abs/2401.08417)). With a reference
/// model, take [`DpoLoss`](super::DpoLoss).
///
/// # Numerics
/// The arguments are means over tokens: see [`SequenceAverage::Mean`](super::SequenceAverage::Mean). `gamma` is the margin itself,
/// not its ratio to beta.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{preference::SimpoLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = SimpoLossConfig::new().init(&device);
/// let value = loss.forward((Tensor::<1>::from_floats([-0.5], &device), Tensor::<1>::from_floats([-1.0], &device)));
/// // 2 (-0.5 + 1) - 0.5
/// assert!((value.into_scalar::<f32>() - (-0.5f32).exp().ln_1p()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `trl.experimental.cpo.CPOTrainer`: with `loss_type="simpo"`; `simpo_gamma` is gamma, and its beta is 0.1 by default.
/// - `liger_kernel.chunked_loss.LigerFusedLinearSimPOLoss`: with the last layer of the model in chunks; for GPUs only.
/// - `torchtune.rlhf.loss.SimPOLoss`: the same formula, not compared by a test; older versions have it.
#[loss(
    preference,
    "simpo",
    "Simple preference optimization: means over tokens and a margin, without a reference model"
)]
pub struct SimpoLoss {
    config: SimpoLossConfig,
}

/// Config of [`SimpoLoss`].
#[loss_config]
pub struct SimpoLossConfig {
    /// The factor of the log-probabilities.
    #[field(default = 2.0, range = "> 0")]
    pub beta: f64,
    /// The margin by which the reward of the chosen answer should be higher.
    #[field(default = 0.5, range = ">= 0")]
    pub gamma: f64,
    /// The share of pairs whose preference is wrong.
    #[field(default = 0.0, range = "[0, 0.5)")]
    pub label_smoothing: f64,
}

impl SimpoLoss {
    /// The rewards that the model implies, beta times its log-probabilities, without a gradient.
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    pub fn rewards(&self, preferences: impl Into<Preferences>) -> Rewards {
        let preferences = preferences.into();
        expect(self.check(&preferences, &Extras::new()));
        Rewards::of_pairs(preferences, self.config.beta)
    }
}

impl PreferenceLoss for SimpoLoss {}

impl VectorFormula<2> for SimpoLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, [chosen, rejected]: [R; 2], _: [R; 2]) -> R {
        let margin = (chosen - rejected) * self.config.beta - self.config.gamma;
        smoothed(margin, self.config.label_smoothing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    /// Without a margin it is the sigmoid form of DPO without a reference model.
    #[test]
    fn without_a_margin_it_is_dpo() {
        use crate::preference::DpoLossConfig;
        let device = Device::flex();
        let simpo = SimpoLossConfig::new().with_gamma(0.0).with_beta(0.3).with_label_smoothing(0.1).init(&device);
        let dpo = DpoLossConfig::new().with_beta(0.3).with_label_smoothing(0.1).init(&device);
        for answers in [[0.5, -2.0], [-1e4, 3.0], [7.0, 7.0]] {
            assert_eq!(simpo.eval(answers, [0.0; 2]), dpo.eval(answers, [0.0; 2]));
        }
    }
}
