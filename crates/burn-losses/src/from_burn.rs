//! The configs of the losses that `burn::nn::loss` has too, as configs of this crate.
//!
//! A `From` conversion gives the same values, whatever the config. A `TryFrom` conversion gives them too, or says which field
//! means something else here. A reduction is an argument in Burn and a field here, `mean` if it is not set: it is no part of the
//! conversion.

use crate::binary::{BceInput, BceLossConfig};
use crate::classification::{CrossEntropyLossConfig, MultiMarginLossConfig};
use crate::config::IntoField;
use crate::distribution::{KlDivergenceLossConfig, TargetForm};
use crate::error::ConfigError;
use crate::likelihood::{GaussianNllLossConfig, SpreadForm};
use crate::metric::{Average, ContrastiveForm, ContrastiveLossConfig, TripletLossConfig};
use crate::ranking::MarginRankingLossConfig;
use crate::regression::{HuberLossConfig, LpLossConfig, PoissonNllLossConfig, SmoothL1LossConfig};
use crate::sequence::{CtcLossConfig, RnntLossConfig, SequenceInput, SequenceLayout};
use crate::vectors::CosineEmbeddingLossConfig;
use burn::nn::loss as theirs;
use core::fmt::Debug;

/// The error of a field of Burn's that has no counterpart.
fn refused<T>(loss: &'static str, field: &str, value: impl Debug, allowed: &str) -> Result<T, ConfigError> {
    Err(ConfigError::InvalidValue { loss, field: field.into(), value: format!("{value:?}"), allowed: allowed.into() })
}

/// The values are the same. Burn also takes a `delta` of 0, where every value is 0; this crate refuses it in `init`.
impl From<theirs::HuberLossConfig> for HuberLossConfig {
    fn from(burn: theirs::HuberLossConfig) -> Self {
        Self::new().with_delta(burn.delta)
    }
}

/// The values are the same.
impl From<theirs::SmoothL1LossConfig> for SmoothL1LossConfig {
    fn from(burn: theirs::SmoothL1LossConfig) -> Self {
        Self::new().with_beta(burn.beta)
    }
}

/// The values are the same.
impl From<theirs::LpLossConfig> for LpLossConfig {
    fn from(burn: theirs::LpLossConfig) -> Self {
        Self::new().with_p(burn.p)
    }
}

/// The values are the same.
impl From<theirs::PoissonNllLossConfig> for PoissonNllLossConfig {
    fn from(burn: theirs::PoissonNllLossConfig) -> Self {
        Self::new().with_log_input(burn.log_input).with_full(burn.full).with_epsilon(burn.eps)
    }
}

/// The values are the same, with `forward_parts` in place of Burn's `forward`; a variance below `eps` keeps its slope here.
impl From<theirs::GaussianNLLLossConfig> for GaussianNllLossConfig {
    fn from(burn: theirs::GaussianNLLLossConfig) -> Self {
        Self::new().with_spread(SpreadForm::Variance).with_floor(burn.eps).with_full(burn.full)
    }
}

/// The values are the same, summed over the classes: `mean` here is Burn's `BatchMean`.
impl From<theirs::KLDivLossConfig> for KlDivergenceLossConfig {
    fn from(burn: theirs::KLDivLossConfig) -> Self {
        let target = if burn.log_target { TargetForm::LogProbabilities } else { TargetForm::Probabilities };
        Self::new().with_target(target)
    }
}

/// The values are the same.
impl From<theirs::MultiMarginLossConfig> for MultiMarginLossConfig {
    fn from(burn: theirs::MultiMarginLossConfig) -> Self {
        // Burn refuses everything but 1 and 2, and so does `init` here.
        let p = usize::try_from(burn.p).unwrap_or(0);
        Self::new().with_margin(burn.margin).with_p(p).with_divide_by_classes(true)
    }
}

/// The values are the same as here with `forward_pairs`.
impl From<theirs::MarginRankingLossConfig> for MarginRankingLossConfig {
    fn from(burn: theirs::MarginRankingLossConfig) -> Self {
        Self::new().with_margin(burn.margin)
    }
}

/// The values and the mean are the same as here with `forward_triplets`. Burn also takes a `p` below 1; this crate refuses it in `init`.
impl From<theirs::TripletMarginLossConfig> for TripletLossConfig {
    fn from(burn: theirs::TripletMarginLossConfig) -> Self {
        Self::new().with_margin(burn.margin).with_p(burn.p).with_normalize(false).with_average(Average::Valid)
    }
}

/// The values are the same as here with `forward_distances`. Burn's targets are 1 for a similar pair and -1 for a dissimilar one; here
/// they are 0 and 1. Burn also takes a `margin` of 0; this crate refuses it in `init`.
impl From<theirs::HingeEmbeddingLossConfig> for ContrastiveLossConfig {
    fn from(burn: theirs::HingeEmbeddingLossConfig) -> Self {
        Self::new().with_margin(burn.margin).with_form(ContrastiveForm::Linear)
    }
}

/// The values are the same as here with `forward_pairs`. Burn's targets are 1 for a similar pair and -1 for a dissimilar one; here they
/// are 0 and 1.
impl From<theirs::CosineEmbeddingLossConfig> for CosineEmbeddingLossConfig {
    fn from(burn: theirs::CosineEmbeddingLossConfig) -> Self {
        Self::new().with_margin(burn.margin)
    }
}

/// The values are the same. Refused: `weights`, which Burn multiplies both classes with, and `smoothing`, which Burn spreads over
/// the labels of a sample rather than over yes and no.
impl TryFrom<theirs::BinaryCrossEntropyLossConfig> for BceLossConfig {
    type Error = ConfigError;

    fn try_from(burn: theirs::BinaryCrossEntropyLossConfig) -> Result<Self, ConfigError> {
        if let Some(weights) = burn.weights {
            return refused(
                "BinaryCrossEntropyLossConfig",
                "weights",
                weights,
                "none: hand them to the loss as weights of its values",
            );
        }
        if let Some(smoothing) = burn.smoothing.filter(|smoothing| *smoothing != 0.0) {
            let allowed = "none: `label_smoothing` spreads it over the two classes of each label";
            return refused("BinaryCrossEntropyLossConfig", "smoothing", smoothing, allowed);
        }
        let input = if burn.logits { BceInput::Logits } else { BceInput::Probabilities };
        Ok(Self::new().with_input(input))
    }
}

/// The values and the mean are the same; only the mean of ignored rows alone is 0 here and NaN in Burn. Refused: probabilities in
/// place of logits, and several `pad_tokens`.
impl TryFrom<theirs::CrossEntropyLossConfig> for CrossEntropyLossConfig {
    type Error = ConfigError;

    fn try_from(burn: theirs::CrossEntropyLossConfig) -> Result<Self, ConfigError> {
        if !burn.logits {
            return refused("CrossEntropyLossConfig", "logits", false, "true: `nll` takes logarithms of probabilities");
        }
        let mut config = Self::new();
        config.label_smoothing.epsilon = burn.smoothing.unwrap_or(0.0).into();
        config.class_weights =
            burn.weights.map(|weights| weights.into_iter().map(f64::from).collect::<Vec<_>>()).into_field();
        config.ignore_index = match burn.pad_tokens.as_deref() {
            None | Some([]) => None,
            Some(&[token]) => Some(token as i64),
            Some(tokens) => {
                return refused("CrossEntropyLossConfig", "pad_tokens", tokens, "one: `ignore_index` is one label");
            }
        };
        Ok(config)
    }
}

/// The values are the same. A mean of Burn's divides each value by its number of labels too, as `normalize = "label_length"` does.
impl From<theirs::CTCLossConfig> for CtcLossConfig {
    fn from(burn: theirs::CTCLossConfig) -> Self {
        let config = Self::new().with_input(SequenceInput::LogProbabilities).with_layout(SequenceLayout::Tnc);
        config.with_blank(burn.blank).with_zero_infinity(burn.zero_infinity)
    }
}

/// The values are the same.
impl From<theirs::RNNTLossConfig> for RnntLossConfig {
    fn from(burn: theirs::RNNTLossConfig) -> Self {
        let input = if burn.logits { SequenceInput::Logits } else { SequenceInput::LogProbabilities };
        Self::new().with_blank(burn.blank).with_input(input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binary::LogisticLossConfig;
    use crate::regression::{MaeLossConfig, MseLossConfig};
    use burn::nn::loss::Reduction::{BatchMean, Mean};
    use burn::tensor::{Device, Distribution, Int, Tensor};

    fn random<const D: usize>(shape: [usize; D]) -> Tensor<D> {
        Tensor::random(shape, Distribution::Normal(0.0, 2.0), &Device::flex())
    }

    fn labels(numbers: [i32; 6]) -> Tensor<1, Int> {
        Tensor::from_ints(numbers, &Device::flex())
    }

    fn assert_same(ours: Tensor<1>, burn: Tensor<1>) {
        let (ours, burn): (f32, f32) = (ours.into_scalar(), burn.into_scalar());
        assert!((ours - burn).abs() <= 2e-6 * (1.0 + burn.abs()), "{ours} here, {burn} in Burn");
    }

    #[test]
    fn what_is_converted_has_the_same_value() {
        let device = Device::flex();
        let (first, second) = (random([6, 4]), random([6, 4]));
        let pair = || (first.clone(), second.clone());
        let labels = labels([0, 3, 1, 2, 2, 0]);

        let burn = theirs::HuberLossConfig::new(0.7);
        let ours = HuberLossConfig::from(burn.clone()).init(&device);
        assert_same(ours.forward(pair().0, pair().1), burn.init().forward(pair().0, pair().1, Mean));

        let burn = theirs::SmoothL1LossConfig::new().with_beta(0.3);
        let ours = SmoothL1LossConfig::from(burn.clone()).init(&device);
        assert_same(ours.forward(pair().0, pair().1), burn.init().forward_with_reduction(pair().0, pair().1, Mean));

        let burn = theirs::LpLossConfig::new(1.5);
        let ours = LpLossConfig::from(burn.clone()).init(&device);
        assert_same(ours.forward(pair().0, pair().1), burn.init().forward(pair().0, pair().1, Mean));

        for (log_input, full) in [(true, true), (false, false)] {
            let burn = theirs::PoissonNllLossConfig::new().with_log_input(log_input).with_full(full).with_eps(1e-3);
            let ours = PoissonNllLossConfig::from(burn.clone()).init(&device);
            let means = if log_input { pair().0 } else { pair().0.abs() };
            let counts = pair().1.abs();
            assert_same(ours.forward(means.clone(), counts.clone()), burn.init().forward(means, counts, Mean));
        }
        let burn = theirs::GaussianNLLLossConfig::new().with_full(true).with_eps(0.5);
        let ours = GaussianNllLossConfig::from(burn.clone()).init(&device);
        let variance = first.clone().abs();
        let expected = burn.init().forward(pair().0, pair().1, variance.clone(), Mean);
        assert_same(ours.forward_parts(pair().0, variance, pair().1), expected);

        for log_target in [false, true] {
            let [p, q] = [&first, &second].map(|x| burn::tensor::activation::log_softmax(x.clone(), 1));
            let q = if log_target { q } else { q.exp() };
            let burn = theirs::KLDivLossConfig::new().with_log_target(log_target);
            let ours = KlDivergenceLossConfig::from(burn.clone()).init(&device);
            assert_same(ours.forward(p.clone(), q.clone()), burn.init().forward(p, q, BatchMean));
        }

        for p in [1, 2] {
            let burn = theirs::MultiMarginLossConfig::new().with_margin(0.6).with_p(p);
            let ours = MultiMarginLossConfig::from(burn.clone()).init(&device);
            let expected = burn.init().forward(first.clone(), labels.clone(), Mean);
            assert_same(ours.forward(first.clone(), labels.clone()), expected);
        }

        let burn = theirs::MarginRankingLossConfig::new().with_margin(0.4);
        let ours = MarginRankingLossConfig::from(burn.clone()).init(&device);
        let numbers = |rows: Tensor<2>| rows.reshape([24]);
        let (one, other) = (numbers(first.clone()), numbers(second.clone()));
        let order = numbers(random([6, 4])).sign();
        let expected = burn.init().forward(one.clone(), other.clone(), order.clone(), Mean);
        assert_same(ours.forward_pairs(one, other, order), expected);

        for p in [1.0, 2.0, 3.0] {
            let burn = theirs::TripletMarginLossConfig::new().with_p(p);
            let ours = TripletLossConfig::from(burn.clone()).init(&device);
            let third = random([6, 4]);
            let expected = burn.init().forward(pair().0, pair().1, third.clone(), Mean);
            assert_same(ours.forward_triplets(pair().0, pair().1, third), expected);
        }

        let dissimilar = Tensor::<1>::from_floats([0.0, 1.0, 1.0, 0.0, 1.0, 0.0], &device);
        let order = (dissimilar.clone() * -2.0 + 1.0).int();
        let burn = theirs::HingeEmbeddingLossConfig::new().with_margin(1.5);
        let ours = ContrastiveLossConfig::from(burn.clone()).init(&device);
        let distances = pair().0.narrow(1, 0, 1).reshape([6]).abs();
        let expected = burn.init().forward(distances.clone(), order.clone().float(), Mean);
        assert_same(ours.forward_distances(distances, dissimilar.clone()), expected);

        let burn = theirs::CosineEmbeddingLossConfig::new().with_margin(0.2);
        let ours = CosineEmbeddingLossConfig::from(burn.clone()).init(&device);
        let expected = burn.init().forward(pair().0, pair().1, order);
        assert_same(ours.forward_pairs(pair().0, pair().1, dissimilar), expected);

        for logits in [true, false] {
            let burn = theirs::BinaryCrossEntropyLossConfig::new().with_logits(logits);
            let ours = BceLossConfig::try_from(burn.clone()).unwrap().init(&device);
            let input = if logits { pair().0 } else { burn::tensor::activation::sigmoid(pair().0) };
            let targets = pair().1.greater_scalar(0.0);
            assert_same(
                ours.forward(input.clone(), targets.clone().float()),
                burn.init(&device).forward(input, targets.int()),
            );
        }

        let burn = theirs::CrossEntropyLossConfig::new()
            .with_pad_tokens(Some(vec![2]))
            .with_weights(Some(vec![0.5, 1.0, 3.0, 2.0]))
            .with_smoothing(Some(0.2));
        let ours = CrossEntropyLossConfig::try_from(burn.clone()).unwrap().init(&device);
        let expected = burn.init(&device).forward(first.clone(), labels.clone());
        assert_same(ours.forward(first, labels), expected);
    }

    #[test]
    fn losses_without_a_config_of_their_own_have_the_same_values() {
        let device = Device::flex();
        let (first, second) = (random([6, 4]), random([6, 4]));
        let pair = || (first.clone(), second.clone());

        let ours = MseLossConfig::new().init(&device);
        assert_same(ours.forward(pair().0, pair().1), theirs::MseLoss::new().forward(pair().0, pair().1, Mean));

        let ours = MaeLossConfig::new().init(&device);
        let burn = theirs::LpLossConfig::new(1.0).init();
        assert_same(ours.forward(pair().0, pair().1), burn.forward(pair().0, pair().1, Mean));

        let ours = LogisticLossConfig::new().init(&device);
        let targets = second.greater_scalar(0.0).float();
        let signs = targets.clone() * 2.0 - 1.0;
        let expected = theirs::SoftMarginLoss::new().forward(first.clone(), signs, Mean);
        assert_same(ours.forward(first, targets), expected);
    }

    #[test]
    fn sequences_have_the_same_values() {
        use burn::tensor::activation::log_softmax;
        let device = Device::flex();
        let ints = |numbers: [i32; 2]| Tensor::<1, Int>::from_ints(numbers, &device);
        let labels = Tensor::<2, Int>::from_ints([[1, 3], [2, 0]], &device);
        let (steps, counts) = (ints([4, 3]), ints([2, 1]));

        let burn = theirs::CTCLossConfig::new().with_blank(4);
        let ours = CtcLossConfig::from(burn.clone()).init(&device);
        let log_p = log_softmax(random([4, 2, 5]), 2);
        let expected = burn.init().forward(log_p.clone(), labels.clone(), steps.clone(), counts.clone());
        assert_same(ours.forward(log_p, labels.clone(), steps.clone(), counts.clone()), expected.mean());

        for is_logits in [true, false] {
            let burn = theirs::RNNTLossConfig::new().with_blank(4).with_logits(is_logits);
            let ours = RnntLossConfig::from(burn.clone()).init(&device);
            let logits = random([2, 4, 3, 5]);
            let input = if is_logits { logits } else { log_softmax(logits, 3) };
            let expected = burn.init().forward(input.clone(), labels.clone(), steps.clone(), counts.clone());
            assert_same(ours.forward(input, labels.clone(), steps.clone(), counts.clone()), expected.mean());
        }
    }

    #[test]
    fn what_means_something_else_here_is_refused_by_name() {
        let bce = theirs::BinaryCrossEntropyLossConfig::new();
        for burn in [bce.clone().with_weights(Some(vec![1.0, 2.0])), bce.with_smoothing(Some(0.1))] {
            assert!(BceLossConfig::try_from(burn).unwrap_err().to_string().contains("allowed: none"));
        }
        let cross_entropy = theirs::CrossEntropyLossConfig::new();
        for burn in [cross_entropy.clone().with_logits(false), cross_entropy.with_pad_tokens(Some(vec![0, 1]))] {
            assert!(CrossEntropyLossConfig::try_from(burn).is_err());
        }
    }
}
