//! The parts that all heads share: the weight, and the fields of the cross-entropy.

use crate::classification::{CrossEntropyLoss, CrossEntropyLossConfig};
use crate::error::ConfigError;
use crate::loss::Loss;
use burn::module::Param;
use burn::tensor::{Device, Tensor};
use burn_losses_derive::shared_fields;

/// The options that all heads share.
#[shared_fields]
pub struct HeadOptions {
    /// Weight initializer.
    #[field(default = crate::options::WeightInitializer::XavierUniform)]
    pub initializer: crate::options::WeightInitializer,
    /// One factor per class.
    #[field(default = None, range = ">= 0")]
    pub class_weights: Option<Vec<f64>>,
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
        CrossEntropyLossConfig {
            class_weights: self.class_weights.clone(),
            ignore_index: self.ignore_index,
            label_smoothing: self.label_smoothing,
            ..Default::default()
        }
        .init(device)
    }

    /// Checks the options that depend on one another.
    pub(super) fn check(&self, loss: &'static str, num_classes: usize) -> Result<(), ConfigError> {
        let invalid = |field: &str, value: String, allowed: String| {
            Err(ConfigError::InvalidValue { loss, field: field.into(), value, allowed })
        };
        if let Some(weights) = self.class_weights.as_ref().filter(|weights| weights.len() != num_classes) {
            let allowed = format!("one number per class: `num_classes` is {num_classes}");
            return invalid("class_weights", format!("{} numbers", weights.len()), allowed);
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
