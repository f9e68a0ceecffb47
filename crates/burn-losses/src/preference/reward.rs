//! Reward models.

use super::{Compared, PreferenceLoss};
use crate::formula::{Real, VectorFormula};
use burn_losses_derive::{loss, loss_config};

/// The loss of a reward model: the likelihood of Bradley and Terry (1952, [doi 10.2307/2334029](https://doi.org/10.2307/2334029)), as
/// in Ouyang et al. 2022 ([arXiv 2203.02155](https://arxiv.org/abs/2203.02155)).
///
/// # Formula
/// `softplus(-(c - r - m)) + center (c + r)^2`, where c and r are the scores of the chosen and of the rejected answer, and m is the
/// margin of the pair, 0 if none is given.
///
/// # When to use
/// For a reward model that scores answers, and for other scores that are learned from pairwise comparisons (Elo). If raters say by how
/// much an answer is better, pass that as the margin (Llama 2, [arXiv 2307.09288](https://arxiv.org/abs/2307.09288)). Pairs determine the
/// scores up to a constant; `center` keeps their mean near 0 ([arXiv 2312.09244](https://arxiv.org/abs/2312.09244)), and 0.01 is a usual
/// weight. Without a margin and without `center` it is [`RanknetLoss`](crate::ranking::RanknetLoss) of pairs.
///
/// # Numerics
/// The gradient of a pair in the wrong order tends to 1 in size as the scores move apart: it does not vanish.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{preference::{Preferences, RewardLossConfig}, prelude::*};
///
/// let device = Device::flex();
/// let loss = RewardLossConfig::new().with_center(0.01).init(&device);
/// let scores = |score: f32| Tensor::<1>::from_floats([score], &device);
/// let pairs = Preferences::pairs(scores(2.0), scores(1.0)).with_margin(scores(1.0));
/// assert!((loss.forward(pairs).into_scalar::<f32>() - (2f32.ln() + 0.09)).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `trl.RewardTrainer`: the same formula; `center_rewards_coefficient` is `center`.
/// - `torch.nn.functional.logsigmoid`: minus that of c - r - m, without `center`.
#[loss(preference, "reward", "The likelihood of preferred answers by the scores of a reward model (Bradley-Terry)")]
pub struct RewardLoss {
    config: RewardLossConfig,
}

/// Config of [`RewardLoss`].
#[loss_config]
pub struct RewardLossConfig {
    /// The weight of the squared sum of both scores, which keeps the scores near 0.
    #[field(default = 0.0, range = ">= 0")]
    pub center: f64,
}

impl PreferenceLoss for RewardLoss {
    fn compared(&self) -> Compared {
        Compared::PairsWithMargin
    }
}

/// The first target is the margin.
impl VectorFormula<2> for RewardLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, [chosen, rejected]: [R; 2], [margin, _]: [R; 2]) -> R {
        let value = (rejected.clone() - chosen.clone() + margin).softplus();
        if self.config.center == 0.0 {
            return value;
        }
        value + (chosen + rejected).square() * self.config.center
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranking::RanknetLossConfig;
    use burn::tensor::{Device, Tensor};

    #[test]
    fn it_is_ranknet_of_a_pair() {
        let device = Device::flex();
        let scores = |numbers: [f32; 3]| Tensor::<1>::from_floats(numbers, &device);
        let (chosen, rejected) = (scores([0.5, -40.0, 1e4]), scores([0.25, 60.0, -3.0]));
        let reward = RewardLossConfig::new().init(&device).forward((chosen.clone(), rejected.clone()));
        let ranknet = RanknetLossConfig::new().init(&device).forward_pairs(chosen, rejected);
        assert_eq!(reward.into_scalar::<f32>(), ranknet.into_scalar::<f32>());
    }
}
