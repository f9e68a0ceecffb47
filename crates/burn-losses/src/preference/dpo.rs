//! Direct preference optimization.

use super::{Compared, PreferenceLoss, Preferences, Rewards};
use crate::config::FieldType;
use crate::error::{ConfigError, expect};
use crate::formula::{Real, VectorFormula};
use crate::reduction::Extras;
use burn_losses_derive::{Choice, loss, loss_config};

/// The function of the two log-ratios a = c - c_ref and b = r - r_ref, with D = a - b.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum DpoForm {
    /// -ln s(beta D), DPO's (s is the logistic function).
    #[default]
    Sigmoid,
    /// (-(1 - e) ln s(beta D) + e ln s(-beta D)) / (1 - 2 e), with e = `label_smoothing` (Chowdhury et al. 2024,
    /// [arXiv 2403.00409](https://arxiv.org/abs/2403.00409)): where the share e of the preferences is wrong, its expectation is that
    /// of `sigmoid` for the right ones. A single value may be negative.
    Robust,
    /// (D - 1/(2 beta))^2 (Azar et al. 2023, [arXiv 2310.12036](https://arxiv.org/abs/2310.12036)): it does not push D to infinity.
    Ipo,
    /// max(0, 1 - beta D) (SLiC, [arXiv 2305.10425](https://arxiv.org/abs/2305.10425)).
    Hinge,
    /// -ln s(beta a) - ln s(-beta a)/2 - ln s(-beta b)/2 (NCA, [arXiv 2402.05369](https://arxiv.org/abs/2402.05369)).
    Nca,
    /// (a - 1/(2 beta))^2 + (b + 1/(2 beta))^2 (SPPO, [arXiv 2405.00675](https://arxiv.org/abs/2405.00675)).
    SppoHard,
    /// 1 - s(beta a) + s(beta b) (APO, [arXiv 2408.06266](https://arxiv.org/abs/2408.06266)): for a model whose own answers are worse
    /// than the chosen ones.
    ApoZero,
    /// s(beta a) + 1 - s(beta D) (APO): for a model whose own answers are better than the chosen ones.
    ApoDown,
}

/// The divergence that keeps the model close to the reference model (f-DPO, Wang et al. 2023, [arXiv
/// 2309.16240](https://arxiv.org/abs/2309.16240)). It gives the difference D of the two log-ratios a and b.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum DpoDivergence {
    /// a - b, DPO's.
    #[default]
    ReverseKl,
    /// e^-b - e^-a. Beyond an exponent of 15 the exponential continues as its tangent.
    ForwardKl,
    /// softplus(-b) - softplus(-a), of the Jensen-Shannon divergence.
    Js,
}

/// Whether there is a reference model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum DpoReference {
    /// The log-probabilities of the reference model are arguments.
    #[default]
    Given,
    /// There is no reference model: its log-probabilities count as equal for all answers.
    None,
}

/// Direct preference optimization (Rafailov et al. 2023, [arXiv 2305.18290](https://arxiv.org/abs/2305.18290)).
///
/// # Formula
/// ```text
/// (1 - e) softplus(-beta D) + e softplus(beta D)
/// D = (c - c_ref) - (r - r_ref)
/// ```
/// c and r are the log-probabilities of the chosen and of the rejected answer, c_ref and r_ref those that the reference model gives,
/// and e is `label_smoothing`. This is the form `sigmoid`; [`DpoForm`] has the others, and [`DpoDivergence`] other differences D.
///
/// # When to use
/// For aligning a language model with pairs of answers, without a reward model and without sampling. If the preferences are
/// noisy, set `label_smoothing`; if all raters agree on most pairs, take the form `ipo`, which does not push their log-ratios
/// to infinity. [`SimpoLoss`](super::SimpoLoss) needs no reference model, and therefore less memory. For answers that are rated
/// one by one, take [`KtoLoss`](super::KtoLoss).
///
/// # Numerics
/// The log-probabilities are sums over the tokens of an answer. Some libraries take means for `ipo`, while the paper's code takes sums:
/// [`SequenceAverage`](super::SequenceAverage) chooses. For a sum of some hundred nats, the spacing of numbers is 1/4 in f16 and 2 in
/// bf16, so compute the sums in f32. Label smoothing is defined for the forms `sigmoid` and `robust` alone. Other divergences are defined
/// for the forms that depend on one difference D: `sigmoid`, `robust`, `ipo` and `hinge`.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{preference::DpoLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = DpoLossConfig::new().with_beta(0.5).init(&device);
/// let sums = |log_probability: f32| Tensor::<1>::from_floats([log_probability], &device);
/// // The model prefers the chosen answer by 2 more than the reference model does.
/// let answers = (sums(-10.0), sums(-12.0), sums(-11.0), sums(-11.0));
/// let value = loss.forward(answers.clone());
/// assert!((value.into_scalar::<f32>() - (-1f32).exp().ln_1p()).abs() < 1e-6);
///
/// let rewards = loss.rewards(answers);
/// assert_eq!(rewards.margins().into_scalar::<f32>(), 1.0);
/// assert_eq!(rewards.accuracy().into_scalar::<f32>(), 1.0);
/// ```
///
/// # Elsewhere
/// - `trl.DPOTrainer`: the same forms, as `loss_type` (`apo_zero`, `nca_pair`, `sppo_hard`, ..); its `ipo` takes means over tokens.
/// - `liger_kernel.chunked_loss.LigerFusedLinearDPOLoss`: `sigmoid`, `apo_zero`, `apo_down`, `sppo_hard` and `nca_pair`, with the last layer
///   of the model in chunks; for GPUs only.
/// - `torchtune.rlhf.loss.DPOLoss`: the form `sigmoid`.
#[loss(preference, "dpo", "Direct preference optimization: pairs of answers, compared with a reference model")]
pub struct DpoLoss {
    config: DpoLossConfig,
}

/// Config of [`DpoLoss`].
#[loss_config(check = of_forms)]
pub struct DpoLossConfig {
    /// How strongly the model is kept close to the reference model: a smaller number allows it to move farther away.
    #[field(default = 0.1, range = "> 0")]
    pub beta: f64,
    /// The function of the log-ratios.
    #[field(default = DpoForm::Sigmoid)]
    pub form: DpoForm,
    /// The share of pairs whose preference is wrong, for the forms `sigmoid` and `robust`.
    #[field(default = 0.0, range = "[0, 0.5)")]
    pub label_smoothing: f64,
    /// The divergence between the model and the reference, for the forms of one difference.
    #[field(default = DpoDivergence::ReverseKl)]
    pub divergence: DpoDivergence,
    /// Whether there is a reference model.
    #[field(default = DpoReference::Given)]
    pub reference: DpoReference,
}

fn of_forms(config: &DpoLossConfig) -> Result<(), ConfigError> {
    let invalid = |field: &str, value: String, allowed: &str| {
        Err(ConfigError::InvalidValue { loss: "dpo", field: field.into(), value, allowed: allowed.into() })
    };
    let is_smoothed = [DpoForm::Sigmoid, DpoForm::Robust].contains(&config.form);
    if !is_smoothed && config.label_smoothing != 0.0 {
        return invalid(
            "label_smoothing",
            config.label_smoothing.to_string(),
            "0 with any form but `sigmoid` and `robust`",
        );
    }
    let has_difference = [DpoForm::Sigmoid, DpoForm::Robust, DpoForm::Ipo, DpoForm::Hinge].contains(&config.form);
    if !has_difference && config.divergence != DpoDivergence::ReverseKl {
        let value = FieldType::to_value(&config.divergence).to_string();
        return invalid("divergence", value, "`reverse_kl` with any form but `sigmoid`, `robust`, `ipo` and `hinge`");
    }
    Ok(())
}

/// e^x, continued by its tangent beyond an exponent, so that it is finite with a slope that half precision can hold.
#[inline(always)]
fn bounded_exp<R: Real>(x: R) -> R {
    const MOST: f64 = 15.0;
    let most = x.lit(MOST);
    x.clone().minimum(most).exp() * ((x - MOST).relu() + 1.0)
}

impl DpoLoss {
    /// The rewards that the model implies, beta times its log-ratios, without a gradient.
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

impl PreferenceLoss for DpoLoss {
    fn compared(&self) -> Compared {
        match self.config.reference {
            DpoReference::Given => Compared::PairsWithReference,
            DpoReference::None => Compared::Pairs,
        }
    }
}

impl DpoLoss {
    /// The difference of two log-ratios.
    #[inline(always)]
    fn difference<R: Real>(&self, chosen: R, rejected: R) -> R {
        match self.config.divergence {
            DpoDivergence::ReverseKl => chosen - rejected,
            DpoDivergence::ForwardKl => bounded_exp(-rejected) - bounded_exp(-chosen),
            DpoDivergence::Js => (-rejected).softplus() - (-chosen).softplus(),
        }
    }
}

impl VectorFormula<2> for DpoLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, [chosen, rejected]: [R; 2], [of_chosen, of_rejected]: [R; 2]) -> R {
        let (chosen, rejected) = (chosen - of_chosen, rejected - of_rejected);
        let (beta, half) = (self.config.beta, 0.5 / self.config.beta);
        match self.config.form {
            DpoForm::Sigmoid => smoothed(self.difference(chosen, rejected) * beta, self.config.label_smoothing),
            DpoForm::Robust => robust(self.difference(chosen, rejected) * beta, self.config.label_smoothing),
            DpoForm::Ipo => (self.difference(chosen, rejected) - half).square(),
            DpoForm::Hinge => (self.difference(chosen, rejected) * -beta + 1.0).relu(),
            DpoForm::Nca => {
                let [worse, better] = (chosen * beta).softpluses();
                better + worse * 0.5 + (rejected * beta).softplus() * 0.5
            }
            DpoForm::SppoHard => (chosen - half).square() + (rejected + half).square(),
            DpoForm::ApoZero => {
                let ([_, of_chosen], [of_rejected, _]) = ((chosen * beta).sigmoids(), (rejected * beta).sigmoids());
                of_chosen + of_rejected
            }
            DpoForm::ApoDown => {
                let ([of_chosen, _], [_, of_pair]) =
                    ((chosen.clone() * beta).sigmoids(), ((chosen - rejected) * beta).sigmoids());
                of_chosen + of_pair
            }
        }
    }
}

/// -ln s(x), where the share `smoothing` of the pairs is the other way around.
#[inline(always)]
pub(super) fn smoothed<R: Real>(x: R, smoothing: f64) -> R {
    if smoothing == 0.0 {
        return (-x).softplus();
    }
    let [other, own] = x.softpluses();
    own * (1.0 - smoothing) + other * smoothing
}

/// -ln s(x) of the right preferences, estimated from those of which the share `wrong` is the other way around.
#[inline(always)]
fn robust<R: Real>(x: R, wrong: f64) -> R {
    if wrong == 0.0 {
        return (-x).softplus();
    }
    let [other, own] = x.softpluses();
    (own * (1.0 - wrong) - other * wrong) * (1.0 / (1.0 - 2.0 * wrong))
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Tensor};

    /// The value of log-ratios 2 and -1, with beta = 0.5.
    fn value(form: DpoForm) -> f64 {
        let loss = DpoLossConfig::new().with_beta(0.5).with_form(form).init(&Device::flex());
        loss.eval([-3.0, -8.0], [-5.0, -7.0])
    }

    #[test]
    fn forms_by_hand() {
        let (s, sp) = (|x: f64| 1.0 / (1.0 + (-x).exp()), |x: f64| x.exp().ln_1p());
        for (form, expected) in [
            (DpoForm::Sigmoid, sp(-1.5)),
            (DpoForm::Robust, sp(-1.5)),
            (DpoForm::Ipo, 4.0),
            (DpoForm::Hinge, 0.0),
            (DpoForm::Nca, sp(-1.0) + 0.5 * sp(1.0) + 0.5 * sp(-0.5)),
            (DpoForm::SppoHard, 1.0),
            (DpoForm::ApoZero, 1.0 - s(1.0) + s(-0.5)),
            (DpoForm::ApoDown, s(1.0) + 1.0 - s(1.5)),
        ] {
            assert!((value(form) - expected).abs() < 1e-12, "{form:?}: {} {expected}", value(form));
        }
        let smooth = DpoLossConfig::new().with_label_smoothing(0.25).init(&Device::flex());
        assert!((smooth.eval([10.0, 0.0], [0.0, 0.0]) - 0.75 * sp(-1.0) - 0.25 * sp(1.0)).abs() < 1e-12);
        // The mean over preferences of which a quarter is wrong is the value of the right one.
        let config = DpoLossConfig::new().with_form(DpoForm::Robust).with_label_smoothing(0.25);
        let robust = config.init(&Device::flex());
        let [right, wrong] = [[10.0, 0.0], [0.0, 10.0]].map(|answers| robust.eval(answers, [0.0, 0.0]));
        assert!((0.75 * right + 0.25 * wrong - sp(-1.0)).abs() < 1e-12, "{right} {wrong}");
    }

    #[test]
    fn a_reference_that_is_missing_or_unused_is_an_error() {
        let device = Device::flex();
        let one = || Tensor::<1>::ones([1], &device);
        let (with, without) = (DpoLossConfig::new(), DpoLossConfig::new().with_reference(DpoReference::None));
        let error = with.init(&device).check(&(one(), one()).into(), &Extras::new()).unwrap_err().to_string();
        assert!(error.starts_with("dpo: `reference_chosen` is missing"), "{error}");
        let all = (one(), one(), one(), one());
        let error = without.init(&device).check(&all.into(), &Extras::new()).unwrap_err().to_string();
        assert!(error.starts_with("dpo: `reference_chosen` is not supported"), "{error}");
        let error =
            DpoLossConfig::new().with_form(DpoForm::Ipo).with_label_smoothing(0.1).try_init(&device).unwrap_err();
        assert_eq!(
            error.to_string(),
            "dpo: `label_smoothing` is 0.1, allowed: 0 with any form but `sigmoid` and `robust`"
        );
        let config = DpoLossConfig::new().with_form(DpoForm::Nca).with_divergence(DpoDivergence::Js);
        let error = config.try_init(&device).unwrap_err().to_string();
        assert!(error.starts_with("dpo: `divergence` is"), "{error}");
    }

    /// Infinities give the limits.
    #[test]
    fn answers_that_are_impossible() {
        let loss = DpoLossConfig::new().init(&Device::flex());
        assert_eq!(loss.eval([0.0, f64::NEG_INFINITY], [0.0, 0.0]), 0.0);
        assert_eq!(loss.eval([f64::NEG_INFINITY, 0.0], [0.0, 0.0]), f64::INFINITY);
    }
}
