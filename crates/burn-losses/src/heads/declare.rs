//! The parts that heads share: the weight, and the fields of the cross-entropy.

use crate::classification::{CrossEntropyLoss, CrossEntropyLossConfig};
use crate::error::ConfigError;
use crate::loss::Loss;
use crate::options::log_prior;
use burn::module::Param;
use burn::tensor::{Device, Tensor};
use burn_losses_derive::shared_fields;

/// The options that the heads with a softmax over all classes share.
#[shared_fields]
pub struct HeadOptions {
    /// Weight initializer.
    #[field(default = crate::options::WeightInitializer::XavierUniform)]
    pub initializer: crate::options::WeightInitializer,
    /// One factor per class, or the counts that the factors follow from.
    #[field(default = crate::config::ClassWeights::None, range = ">= 0")]
    pub class_weights: crate::config::ClassWeights,
    /// How often each class occurs: one count or one probability per class. Training adds its logarithm to the logits, after scale
    /// and margin (logit adjustment); the logits for inference are without it.
    #[field(default = None, range = "> 0")]
    pub prior: Option<Vec<f64>>,
    /// Label to ignore.
    #[field(default = None)]
    pub ignore_index: Option<i64>,
    /// The largest number of rows whose logits are in memory at one time. If it is not given, all rows are; only the reduced
    /// value on the CPU takes about 2^24 logits at a time (at least 256 rows). The results are the same.
    #[field(default = None, range = ">= 1")]
    pub chunk_rows: Option<usize>,
    /// The share of the classes that each step draws into the softmax, beside the labels of the batch (Partial FC).
    #[field(default = 1.0, range = "(0, 1]")]
    pub sample_rate: f64,
    /// How much of each label is spread over the classes, and over which ones.
    #[field(default = crate::options::LabelSmoothing::default())]
    pub label_smoothing: crate::options::LabelSmoothing,
}

impl HeadOptions {
    /// A new weight, made by the initializer.
    pub(super) fn weight(&self, rows: usize, size: usize, device: &Device) -> Param<Tensor<2>> {
        self.initializer.init(rows, size, device)
    }

    /// The cross-entropy of the logits.
    pub(super) fn cross_entropy(&self, device: &Device) -> CrossEntropyLoss {
        self.with_prior(self.cross_entropy_config().init(device))
    }

    /// The cross-entropy with the prior, if there is one.
    pub(super) fn with_prior(&self, rows: CrossEntropyLoss) -> CrossEntropyLoss {
        rows.with_offsets(self.prior.as_ref().and_then(|prior| log_prior("prior", prior, 0.0).ok()))
    }

    /// The config of the cross-entropy of the logits.
    pub(super) fn cross_entropy_config(&self) -> CrossEntropyLossConfig {
        CrossEntropyLossConfig {
            class_weights: self.class_weights.clone(),
            ignore_index: self.ignore_index,
            label_smoothing: self.label_smoothing,
            ..Default::default()
        }
    }

    /// Checks the options that depend on one another.
    pub(super) fn check(&self, loss: &'static str, num_classes: usize) -> Result<(), ConfigError> {
        let invalid = |field: &str, value: String, allowed: String| {
            Err(ConfigError::InvalidValue { loss, field: field.into(), value, allowed })
        };
        if let Some(weights) = self.class_weights.per_class().filter(|weights| weights.len() != num_classes) {
            let allowed = format!("one number per class: `num_classes` is {num_classes}");
            return invalid("class_weights", format!("{} numbers", weights.len()), allowed);
        }
        if let Some(prior) = self.prior.as_ref().filter(|prior| prior.len() != num_classes) {
            let allowed = format!("one number per class: `num_classes` is {num_classes}");
            return invalid("prior", format!("{} numbers", prior.len()), allowed);
        }
        if let Some(prior) = &self.prior {
            log_prior(loss, prior, 0.0)?;
        }
        if self.sample_rate < 1.0 && (self.label_smoothing.epsilon != 0.0 || self.chunk_rows.is_some()) {
            let allowed = "1 together with `label_smoothing` or `chunk_rows`, which need all classes";
            return invalid("sample_rate", self.sample_rate.to_string(), allowed.into());
        }
        Ok(())
    }
}

/// Another weight of the same shape, as a new parameter.
#[track_caller]
pub(super) fn replaced_weight(head: &impl Loss, own: &Param<Tensor<2>>, weight: Tensor<2>) -> Param<Tensor<2>> {
    assert_eq!(weight.dims(), own.dims(), "{}: the shape of the weight", head.kind());
    Param::from_tensor(weight)
}

/// Another bias of the same shape, as a new parameter.
#[track_caller]
pub(super) fn replaced_bias(
    head: &impl Loss,
    own: Option<&Param<Tensor<1>>>,
    bias: Tensor<1>,
) -> Option<Param<Tensor<1>>> {
    assert_eq!(Some(bias.dims()), own.map(|own| own.dims()), "{}: the shape of the bias", head.kind());
    Some(Param::from_tensor(bias))
}

#[cfg(test)]
mod tests {
    use crate::heads::{CosfaceLossConfig, HeadLoss, SoftmaxLossConfig};
    use burn::tensor::{Device, Int, Tensor};

    /// The prior is added after the scale and the margin, and never to the logits for inference.
    #[test]
    fn a_prior_is_added_in_training_alone_and_after_the_scale() {
        let device = Device::flex();
        let new = || CosfaceLossConfig::new(2, 2).with_scale(8.0).with_margin(0.25);
        let weight = || Tensor::<2>::from_floats([[1.0, 0.0], [0.0, 1.0]], &device);
        let plain = new().init(&device).with_weight(weight());
        let head = new().with_prior([3.0, 1.0]).init(&device).with_weight(weight());
        let embeddings = || Tensor::<2>::from_floats([[0.6, 0.8]], &device);
        let logits = |head: &crate::heads::CosfaceLoss| head.logits(embeddings()).into_data();
        assert_eq!(logits(&head), logits(&plain));
        let value: f32 = head.forward(embeddings(), Tensor::<1, Int>::from_ints([1], &device)).into_scalar();
        // 8 * 0.6 + ln(3/4) against 8 * (0.8 - 0.25) + ln(1/4).
        let difference = (8.0 * 0.6 + 0.75f32.ln()) - (8.0 * 0.55 + 0.25f32.ln());
        assert!((value - difference.exp().ln_1p()).abs() < 1e-5, "{value}");
    }

    #[test]
    fn a_prior_has_one_number_per_class() {
        let error = SoftmaxLossConfig::new(3, 2).with_prior([0.5, 0.5]).validate().unwrap_err().to_string();
        assert_eq!(error, "softmax: `prior` is 2 numbers, allowed: one number per class: `num_classes` is 3");
    }
}
