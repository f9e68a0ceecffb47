//! What a head is declared with.

use crate::error::ConfigError;

/// [`loss!`](crate::macros::loss) with what every head has: its weight, and the fields of its cross-entropy.
macro_rules! head_loss {
    (
        $kind:literal: $summary:literal;
        $(#[$module_meta:meta])*
        pub struct $module:ident $({ $($state:tt)* })? $(;)?
        $(#[$config_meta:meta])*
        pub struct $config:ident { $($fields:tt)* }
        $(bias $bias:ident;)?
        $(centers $centers:ident;)?
    ) => {
        $crate::macros::loss! {
            heads $kind: $summary;

            $(#[$module_meta])*
            pub struct $module {
                /// One row per class.
                weight: ::burn::module::Param<::burn::tensor::Tensor<2>>
                    = |config, device| config.initializer.init(config.num_classes $(* config.$centers)?, config.embedding_dim, device),
                rows: $crate::classification::CrossEntropyLoss = |config, device| {
                    $crate::classification::CrossEntropyLossConfig {
                        class_weights: config.class_weights.clone(),
                        ignore_index: config.ignore_index,
                        label_smoothing: config.label_smoothing,
                        ..Default::default()
                    }
                    .init(device)
                },
                #[module(skip)]
                draws: $crate::heads::sampler::Draws = |config, _device| $crate::heads::sampler::Draws::new(
                    &$crate::heads::Sampler::Uniform {}, config.num_classes, 0,
                ),
                $($($state)*)?
            }

            $(#[$config_meta])*
            pub struct $config {
                /// The number of classes: the rows of the weight.
                num_classes: usize = 10, $crate::config::Range::AtLeast(1.0);
                /// The size of the embeddings: the columns of the weight.
                embedding_dim: usize = 16, $crate::config::Range::AtLeast(1.0);
                $($fields)*
                /// How the weight begins.
                initializer: $crate::heads::WeightInitializer = $crate::heads::WeightInitializer::XavierUniform;
                /// One factor per class.
                class_weights: Option<Vec<f64>> = None, $crate::config::Range::AtLeast(0.0);
                /// The label of rows that count nothing.
                ignore_index: Option<i64> = None;
                /// The most rows that have their logits in memory at one time. Where it is not given: all, but for the reduced value on
                /// the CPU, which takes about 2^24 logits at a time (at least 256 rows). The numbers are the same.
                chunk_rows: Option<usize> = None, $crate::config::Range::AtLeast(1.0);
                /// The share of the classes that each step draws into the softmax, beside the labels of the batch (Partial FC).
                sample_rate: f64 = 1.0, $crate::config::Range::HalfOpenLow(0.0, 1.0);
                /// How much of each label is spread over the classes, and over which.
                label_smoothing: $crate::options::LabelSmoothing = $crate::options::LabelSmoothing::default();
            }
            validate |config| {
                $crate::heads::declare::check_class_weights($kind, config.class_weights.as_deref(), config.num_classes)?;
                let goes_with = config.label_smoothing.epsilon == 0.0 && config.chunk_rows.is_none();
                match config.sample_rate < 1.0 && !goes_with {
                    true => $crate::heads::declare::sample_rate_goes_with_neither($kind, config.sample_rate),
                    false => Ok(()),
                }
            };
        }

        $crate::heads::declare::own_weight! {
            $module $kind;
            $(bias $bias;)?
            {
                fn chunk_rows(&self) -> Option<usize> {
                    self.config.chunk_rows
                }
                fn sampled_classes(
                    &self,
                    labels: &::burn::tensor::Tensor<1, ::burn::tensor::Int>,
                    training: bool,
                ) -> Option<::burn::tensor::Tensor<1, ::burn::tensor::Int>> {
                    let $crate::heads::$config { sample_rate, num_classes, .. } = self.config;
                    let count = (sample_rate * num_classes as f64).ceil() as usize;
                    (sample_rate < 1.0).then(|| self.draws.subset(count.min(num_classes), training, labels))
                }
            }
        }
    };
}

/// [`HeadLoss`](crate::heads::HeadLoss) of a head with the fields `weight` and `rows`, and what else it has of it.
macro_rules! own_weight {
    ($module:ident $kind:literal; $(bias $bias:ident;)? { $($rest:tt)* }) => {
        impl $crate::heads::HeadLoss for $module {
            fn kind(&self) -> &'static str {
                $kind
            }
            fn reduction(&self) -> $crate::Reduction {
                self.config.reduction
            }
            fn settings(&self) -> $crate::config::Value {
                $crate::macros::settings(&self.config)
            }
            fn cross_entropy(&self) -> &$crate::classification::CrossEntropyLoss {
                &self.rows
            }
            fn weight(&self) -> ::burn::tensor::Tensor<2> {
                self.weight.val()
            }
            fn with_weight(mut self, weight: ::burn::tensor::Tensor<2>) -> Self {
                assert_eq!(weight.dims(), self.weight.dims(), "{}: the shape of the weight", $kind);
                self.weight = ::burn::module::Param::from_tensor(weight);
                self
            }
            $(fn bias(&self) -> Option<::burn::tensor::Tensor<1>> {
                self.$bias.as_ref().map(|bias| bias.val())
            }
            fn with_bias(mut self, bias: ::burn::tensor::Tensor<1>) -> Self {
                let own = self.$bias.as_ref().map(|bias| bias.dims());
                assert_eq!(Some(bias.dims()), own, "{}: the shape of the bias", $kind);
                self.$bias = Some(::burn::module::Param::from_tensor(bias));
                self
            })?
            fn own_draws(&mut self) {
                self.draws = self.draws.fork();
            }
            $($rest)*
        }
    };
}
pub(super) use own_weight;

pub(super) fn check_class_weights(
    loss: &'static str,
    weights: Option<&[f64]>,
    classes: usize,
) -> Result<(), ConfigError> {
    match weights {
        Some(weights) if weights.len() != classes => Err(ConfigError::InvalidValue {
            loss,
            field: "class_weights".into(),
            value: format!("{} numbers", weights.len()),
            allowed: format!("one number per class: `num_classes` is {classes}"),
        }),
        _ => Ok(()),
    }
}

pub(super) fn sample_rate_goes_with_neither(loss: &'static str, sample_rate: f64) -> Result<(), ConfigError> {
    Err(ConfigError::InvalidValue {
        loss,
        field: "sample_rate".into(),
        value: sample_rate.to_string(),
        allowed: "1 together with `label_smoothing` or `chunk_rows`, which need all classes".into(),
    })
}
