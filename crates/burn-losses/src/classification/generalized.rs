//! Generalized cross-entropy.

use super::{ClassificationLoss, SoftTargets};
use crate::config::Limit;
use crate::formula::safe::weighted;
use crate::formula::{Real, RowFormula};
use burn_losses_derive::{loss, loss_config};

/// Generalized cross-entropy (Zhang and Sabuncu 2018, [arXiv 1805.07836](https://arxiv.org/abs/1805.07836)), for noisy labels.
///
/// # Formula
/// ```text
/// (1 - p_y^q) / q,  p = softmax(x)
/// ```
/// With `truncate` = k, p_y is at least k: a row below it has the constant value (1 - k^q) / q and no gradient. Soft targets t:
/// sum_c t_c (1 - p_c^q) / q.
///
/// As q goes to 0 it becomes [`CrossEntropyLoss`](super::CrossEntropyLoss), and q = 1 is half of the mean absolute error,
/// 1 - p_y.
///
/// # When to use
/// Where some labels are wrong: a row whose label has a low probability has a bounded value, and hardly any gradient. A larger
/// q reduces the effect of wrong labels, and makes the first epochs slower. `truncate` excludes the rows whose label the model
/// contradicts; start without it. With clean labels, take `CrossEntropyLoss`, and with few wrong labels label smoothing may be
/// enough.
///
/// # Numerics
/// The value is -expm1(q ln p_y) / q, which has all its digits also for small q and for p_y near 1. It is bounded by 1/q, with the
/// gradient 0 there. A q below 1e-20 counts as 0.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{classification::GeneralizedLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = GeneralizedLossConfig::new().with_q(0.5).init(&device);
/// let logits = Tensor::<2>::zeros([1, 4], &device);
/// let value = loss.forward(logits, Tensor::<1, Int>::from_ints([2], &device));
/// assert!((value.into_scalar::<f32>() - 1.0).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `keras.losses.CategoricalGeneralizedCrossEntropy`: the same for probabilities, but its q is 0.5 by default.
#[loss(classification, "generalized", "Between cross-entropy and the absolute error of the probability: noisy labels")]
pub struct GeneralizedLoss {
    config: GeneralizedLossConfig,
}

/// Config of [`GeneralizedLoss`].
#[loss_config]
pub struct GeneralizedLossConfig {
    /// How far the loss is from cross-entropy: near 0 it is cross-entropy, at 1 the absolute error.
    #[field(default = 0.7, range = "(0, 1]")]
    pub q: f64,
    /// The probability of the label below which a row is left out.
    #[field(default = Limit::None, range = "(0, 1)")]
    pub truncate: Limit,
    /// The label of rows that are ignored.
    #[field(default = None)]
    pub ignore_index: Option<i64>,
}

/// Below this q the loss is cross-entropy to the last digit.
const LEAST_Q: f64 = 1e-20;

impl ClassificationLoss for GeneralizedLoss {}

impl SoftTargets for GeneralizedLoss {}

impl RowFormula for GeneralizedLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, log_p: R, share: R) -> R {
        let log_p = match self.config.truncate {
            Limit::Number(least) => log_p.clone().maximum(log_p.lit(least.ln())),
            Limit::None => log_p,
        };
        let q = self.config.q;
        let value = if q < LEAST_Q { log_p } else { (log_p * q).exp_m1() * (1.0 / q) };
        weighted(share, -value)
    }

    fn ignore_index(&self) -> Option<i64> {
        self.config.ignore_index
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Dual;
    use burn::tensor::Device;

    fn at(config: GeneralizedLossConfig, log_p: f64) -> [f64; 2] {
        let y = config.init(&Device::flex()).eval(Dual::<f64, 1>::variable(log_p, 0), Dual::constant(1.0));
        [y.value, y.slope[0]]
    }

    /// Both ends: cross-entropy, to the last digit for a tiny q, and 1 - p.
    #[test]
    fn the_ends_are_cross_entropy_and_the_absolute_error() {
        for log_p in [-1e-9, -0.3, -5.0, -700.0, -1e4] {
            for q in [1e-300, 1e-18] {
                let [value, slope] = at(GeneralizedLossConfig::new().with_q(q), log_p);
                assert!((value + log_p).abs() <= 1e-12 * -log_p && (slope + 1.0).abs() < 1e-12, "{q} {log_p}");
            }
            let [value, slope] = at(GeneralizedLossConfig::new().with_q(1.0), log_p);
            assert!((value + log_p.exp_m1()).abs() <= 1e-15 * value && (slope + log_p.exp()).abs() < 1e-15, "{log_p}");
        }
    }

    #[test]
    fn a_row_below_the_truncation_has_no_gradient() {
        let config = || GeneralizedLossConfig::new().with_truncate(0.5);
        let bound = (1.0 - 0.5f64.powf(0.7)) / 0.7;
        for log_p in [0.4f64.ln(), -50.0, f64::NEG_INFINITY] {
            let [value, slope] = at(config(), log_p);
            assert!((value - bound).abs() < 1e-15 && slope == 0.0, "{log_p}: {value} {slope}");
        }
        assert_eq!(at(config(), 0.6f64.ln()), at(GeneralizedLossConfig::new(), 0.6f64.ln()));
    }
}
