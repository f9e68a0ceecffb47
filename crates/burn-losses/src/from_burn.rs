//! The configs of the losses that `burn::nn::loss` has too, as configs of this crate.
//!
//! A `From` conversion gives the same values, whatever the config. A `TryFrom` conversion gives them too, or says which field
//! means something else here. A reduction is an argument in Burn and a field here, `mean` if it is not set: it is no part of the
//! conversion.

use crate::binary::{BceInput, BceLossConfig};
use crate::classification::{CrossEntropyLossConfig, MultiMarginLossConfig};
use crate::distribution::{KlDivergenceLossConfig, TargetForm};
use crate::error::ConfigError;
use crate::metric::{Average, TripletLossConfig};
use crate::regression::{HuberLossConfig, SmoothL1LossConfig};
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

/// The values are the same, summed over the classes: `mean` here is Burn's `BatchMean`.
impl From<theirs::KLDivLossConfig> for KlDivergenceLossConfig {
    fn from(burn: theirs::KLDivLossConfig) -> Self {
        let target = if burn.log_target { TargetForm::LogProbabilities } else { TargetForm::Probabilities };
        Self::new().with_target(target)
    }
}

/// The values are the same. Burn also takes a `margin` of 0; this crate refuses it in `init`.
impl From<theirs::MultiMarginLossConfig> for MultiMarginLossConfig {
    fn from(burn: theirs::MultiMarginLossConfig) -> Self {
        // Burn refuses everything but 1 and 2, and so does `init` here.
        let p = usize::try_from(burn.p).unwrap_or(0);
        Self::new().with_margin(burn.margin).with_p(p).with_divide_by_classes(true)
    }
}

/// The values and the mean are the same as here with `forward_triplets`. Refused: a norm that is not the Euclidean one.
impl TryFrom<theirs::TripletMarginLossConfig> for TripletLossConfig {
    type Error = ConfigError;

    fn try_from(burn: theirs::TripletMarginLossConfig) -> Result<Self, ConfigError> {
        if burn.p != 2.0 {
            return refused("TripletMarginLossConfig", "p", burn.p, "2: distances are Euclidean");
        }
        Ok(Self::new().with_margin(burn.margin).with_normalize(false).with_average(Average::Valid))
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
        config.class_weights = burn.weights.map(|weights| weights.into_iter().map(f64::from).collect());
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

#[cfg(test)]
mod tests {
    use super::*;
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

        let burn = theirs::TripletMarginLossConfig::new();
        let ours = TripletLossConfig::try_from(burn.clone()).unwrap().init(&device);
        let third = random([6, 4]);
        let expected = burn.init().forward(pair().0, pair().1, third.clone(), Mean);
        assert_same(ours.forward_triplets(pair().0, pair().1, third), expected);

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
    fn what_means_something_else_here_is_refused_by_name() {
        let triplet = TripletLossConfig::try_from(theirs::TripletMarginLossConfig::new().with_p(1.0));
        assert_eq!(
            triplet.unwrap_err().to_string(),
            "TripletMarginLossConfig: `p` is 1.0, allowed: 2: distances are Euclidean"
        );
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
