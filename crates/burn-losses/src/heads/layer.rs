//! What heads share: a linear layer with the cross-entropy of its logits, and its options.

use super::sampler::Draws;
use crate::classification::{CrossEntropyLoss, CrossEntropyLossConfig};
use crate::error::ConfigError;
use crate::options::log_prior;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use burn_losses_derive::shared_fields;

/// The options that the heads with a softmax over all classes share.
#[shared_fields]
pub struct HeadOptions {
    /// The initializer of the weight.
    #[field(default = crate::options::WeightInitializer::XavierUniform)]
    pub initializer: crate::options::WeightInitializer,
    /// One factor per class, or the counts that the factors follow from.
    #[field(default = crate::config::ClassWeights::None, range = ">= 0")]
    pub class_weights: crate::config::ClassWeights,
    /// How often each class occurs: one count or one probability per class. Training adds its logarithm to the logits, after scale
    /// and margin (logit adjustment); the logits for inference are without it.
    #[field(default = None, range = "> 0")]
    pub prior: Option<Vec<f64>>,
    /// The label to ignore.
    #[field(default = None)]
    pub ignore_index: Option<i64>,
    /// The largest number of rows whose logits are in memory at one time. By default these are all rows, except for the reduced value on
    /// the CPU, which takes about 2^24 logits at a time (at least 256 rows). The results are the same.
    #[field(default = None, range = ">= 1")]
    pub chunk_rows: Option<usize>,
    /// The share of the classes that each step draws into the softmax, beside the labels of the batch (Partial FC).
    #[field(default = 1.0, range = "(0, 1]")]
    pub sample_rate: f64,
    /// The share of each label that is spread over the classes, and over which ones.
    #[field(default = crate::options::LabelSmoothing::default())]
    pub label_smoothing: crate::options::LabelSmoothing,
}

impl HeadOptions {
    /// A layer without a bias, whose weight has one row per class.
    pub(super) fn layer(&self, classes: usize, size: usize, device: &Device) -> HeadLayer {
        HeadLayer {
            weight: self.initializer.init(classes, size, device),
            bias: None,
            rows: self.with_prior(self.cross_entropy_config().init(device)),
            draws: Draws::of_classes(classes),
            sample_rate: self.sample_rate,
            chunk_rows: self.chunk_rows,
        }
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

/// The parameters of a head, and what makes a loss of its logits: the field `layer` of each head.
#[derive(Module, Debug)]
pub struct HeadLayer {
    /// One row per class, or per center of a class.
    pub(super) weight: Param<Tensor<2>>,
    /// One number per row of the weight.
    pub(super) bias: Option<Param<Tensor<1>>>,
    pub(super) rows: CrossEntropyLoss,
    #[module(skip)]
    pub(super) draws: Draws,
    #[module(skip)]
    pub(super) sample_rate: f64,
    #[module(skip)]
    pub(super) chunk_rows: Option<usize>,
}

impl HeadLayer {
    /// A layer without a bias, whose cross-entropy has no options, over all classes at one time.
    pub(super) fn plain(weight: Param<Tensor<2>>, draws: Draws, ignore_index: Option<i64>, device: &Device) -> Self {
        let rows = CrossEntropyLossConfig { ignore_index, ..Default::default() }.init(device);
        Self { weight, bias: None, rows, draws, sample_rate: 1.0, chunk_rows: None }
    }

    /// The layer with a bias of zeros, if it is wanted.
    pub(super) fn with_bias(self, is_wanted: bool, rows: usize, device: &Device) -> Self {
        Self { bias: is_wanted.then(|| Param::from_tensor(Tensor::zeros([rows], device))), ..self }
    }

    /// Another weight of the same shape, as a new parameter.
    #[track_caller]
    pub(super) fn replace_weight(&mut self, kind: &str, weight: Tensor<2>) {
        assert_eq!(weight.dims(), self.weight.dims(), "{kind}: the shape of the weight");
        self.weight = Param::from_tensor(weight);
    }

    /// Another bias of the same shape, as a new parameter.
    #[track_caller]
    pub(super) fn replace_bias(&mut self, kind: &str, bias: Tensor<1>) {
        let Some(own) = &mut self.bias else {
            panic!("{kind}: the head has no bias, but one of shape {:?} was given", bias.dims())
        };
        assert_eq!(bias.dims(), own.dims(), "{kind}: the shape of the bias");
        *own = Param::from_tensor(bias);
    }
}

/// The methods of `HeadLoss` for a head with a field `layer`.
macro_rules! layer_methods {
    () => {
        fn cross_entropy(&self) -> &crate::classification::CrossEntropyLoss {
            &self.layer.rows
        }
        fn weight(&self) -> ::burn::tensor::Tensor<2> {
            self.layer.weight.val()
        }
        fn with_weight(mut self, weight: ::burn::tensor::Tensor<2>) -> Self {
            self.layer.replace_weight(self.kind(), weight);
            self
        }
        fn with_bias(mut self, bias: ::burn::tensor::Tensor<1>) -> Self {
            self.layer.replace_bias(self.kind(), bias);
            self
        }
        fn layer(&self) -> Option<&$crate::heads::layer::HeadLayer> {
            Some(&self.layer)
        }
        fn layer_mut(&mut self) -> Option<&mut $crate::heads::layer::HeadLayer> {
            Some(&mut self.layer)
        }
    };
}
pub(super) use layer_methods;

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
