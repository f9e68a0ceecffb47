//! Odds ratio preference optimization.

use super::PreferenceLoss;
use crate::formula::{Real, VectorFormula};
use burn_losses_derive::{loss, loss_config};

/// The ratio term of odds ratio preference optimization (Hong et al. 2024, [arXiv 2403.07691](https://arxiv.org/abs/2403.07691)).
///
/// # Formula
/// ```text
/// softplus(-(lo(c) - lo(r)))
/// lo(a) = a - ln(1 - e^a)
/// ```
/// c and r are the mean log-probabilities per token of the chosen and of the rejected answer; lo(a) are the log-odds.
///
/// # When to use
/// For supervised fine-tuning and alignment in one step, without a reference model. Add this loss to the cross-entropy of the chosen
/// answers in a joint loss. Its weight is the lambda of the paper, which is 0.1. If the model is fine-tuned already, take
/// [`SimpoLoss`](super::SimpoLoss) or [`DpoLoss`](super::DpoLoss).
///
/// # Numerics
/// The arguments are means over tokens, which are below 0: see [`SequenceAverage::Mean`](super::SequenceAverage::Mean). A mean of 0 or
/// above counts as -1e-7 and has no gradient. 1 - e^a is computed without cancellation. The value is never negative. The slope of the
/// log-odds is 1 / (1 - e^a), at most 1e7. For a rejected answer within 1.5e-5 of 0 it is more than an f16 can hold: keep the means in
/// f32, in which [`sequence_log_probabilities`](super::sequence_log_probabilities) returns them.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{preference::OrpoLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = OrpoLossConfig::new().init(&device);
/// let mean = |probability: f32| Tensor::<1>::from_floats([probability.ln()], &device);
/// // Odds of 3 against odds of 1: the ratio is 3.
/// let value = loss.forward((mean(0.75), mean(0.5)));
/// assert!((value.into_scalar::<f32>() - (4f32 / 3.0).ln()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `trl.experimental.orpo.ORPOTrainer`: it returns beta times the logarithm of the sigmoid, and subtracts that from the cross-entropy.
/// - `liger_kernel.chunked_loss.LigerFusedLinearORPOLoss`: with the cross-entropy and the last layer of the model in chunks; for
///   GPUs only.
#[loss(preference, "orpo", "Odds ratio preference optimization: the ratio term, without a reference model")]
pub struct OrpoLoss {
    config: OrpoLossConfig,
}

/// Config of [`OrpoLoss`].
#[loss_config]
pub struct OrpoLossConfig {}

impl PreferenceLoss for OrpoLoss {}

/// The largest mean log-probability.
const MOST: f64 = -1e-7;

impl VectorFormula<2> for OrpoLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, [chosen, rejected]: [R; 2], _: [R; 2]) -> R {
        (log_odds(rejected) - log_odds(chosen)).softplus()
    }
}

/// The logarithm of p / (1 - p), of ln p.
#[inline(always)]
fn log_odds<R: Real>(log_p: R) -> R {
    let most = log_p.lit(MOST);
    let log_p = log_p.minimum(most);
    let middle = log_p.lit(-core::f64::consts::LN_2);
    let is_near = log_p.gt(&middle);
    let near = (-R::select(&is_near, log_p.clone(), middle.clone()).exp_m1()).ln();
    let far = (-R::select(&is_near, middle, log_p.clone()).exp()).log1p();
    log_p - R::select(&is_near, near, far)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::{Dual, F32};
    use burn::tensor::Device;

    #[test]
    fn log_odds_have_their_digits_on_both_sides() {
        for a in [-1e-7, -1e-6, -0.01, -0.5, -core::f64::consts::LN_2, -0.7, -3.0, -40.0, -1e4f64] {
            let expected = a - if a > -0.5 { (-a.exp_m1()).ln() } else { (-a.exp()).ln_1p() };
            assert!((log_odds(a) - expected).abs() <= 1e-14 * expected.abs().max(1.0), "{a}");
            let single = f64::from(log_odds(F32(a as f32)).0);
            assert!((single - expected).abs() <= 1e-6 * expected.abs().max(1.0), "{a}: {single} {expected}");
        }
    }

    /// The value is a loss: it is not negative, and falls as the chosen answer becomes more likely. (Twins differ in the sign.)
    #[test]
    fn the_sign_is_that_of_a_loss() {
        let loss = OrpoLossConfig::new().init(&Device::flex());
        let y = loss.eval([Dual::<f64, 1>::variable(-0.5, 0), Dual::constant(-1.0)], [Dual::constant(0.0); 2]);
        assert!(y.value > 0.0 && y.slope[0] < 0.0);
    }

    /// An answer of probability 1 has finite odds, and one of probability 0 gives the limit.
    #[test]
    fn certain_and_impossible_answers() {
        let loss = OrpoLossConfig::new().init(&Device::flex());
        let at = |chosen: f64, rejected: f64| {
            loss.eval([Dual::<f64, 1>::variable(chosen, 0), Dual::constant(rejected)], [Dual::constant(0.0); 2])
        };
        for certain in [0.0, 1e-3, 50.0] {
            let y = at(certain, -1.0);
            assert!(y.value.is_finite() && y.slope[0] == 0.0, "{y:?}");
        }
        assert_eq!(at(-1.0, f64::NEG_INFINITY).value, 0.0);
        assert_eq!(at(f64::NEG_INFINITY, -1.0).value, f64::INFINITY);
    }
}
