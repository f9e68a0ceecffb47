//! Heads: a weight `[C, E]` of their own, embeddings `[N, E]` and labels `[N]`, one value per row.
//!
//! All losses here can be swapped for one another in a config file: see [`HeadLossConfig`]. A head is the last layer of a network and
//! its loss: [`logits`](HeadLoss::logits) is the layer without the margin, for inference and accuracy.

mod annealing;
mod initializer;
mod sampler;

use crate::check::Reference;
use crate::classification::CrossEntropyLoss;
use crate::config::Value;
use crate::diagnose::{self, Batch, Diagnosis, HeadFacts, plain};
use crate::engine::heads::{self, Head, Parameters};
use crate::engine::rows::Rows;
use crate::error::{ConfigError, InputError, expect};
use crate::macros::family;
use crate::reduction::{Reduction, Unreduced};
use burn::tensor::{Bool, Int, Tensor};

pub use annealing::Annealing;
pub use initializer::WeightInitializer;
pub use sampler::Sampler;

/// A classifier's last layer with its loss.
///
/// Labels are in 0..C, or the `ignore_index` of the config; any other label has the value NaN. Half-precision embeddings are computed
/// and returned in f32; their gradients come back in half precision.
pub trait HeadLoss: Head {
    /// The `kind`, which errors name.
    fn kind(&self) -> &'static str;

    /// How the unreduced values become one number.
    fn reduction(&self) -> Reduction;

    /// The config, for [`diagnose`](crate::diagnose).
    #[doc(hidden)]
    fn settings(&self) -> Value {
        Value::Null
    }

    /// The number of classes.
    fn num_classes(&self) -> usize {
        self.weight().dims()[0] / self.centers_per_class()
    }

    /// The cross-entropy of its logits: class weights, ignored labels and smoothing.
    fn cross_entropy(&self) -> &CrossEntropyLoss;

    /// The label of rows that count nothing.
    fn ignore_index(&self) -> Option<i64> {
        Rows::ignore_index(self.cross_entropy())
    }

    /// How many rows have their logits at one time; `None`: all.
    fn chunk_rows(&self) -> Option<usize> {
        None
    }

    /// Whether every step is a softmax over all classes.
    #[doc(hidden)]
    fn takes_all_classes(&self) -> bool {
        true
    }

    /// The classes that this step takes into the softmax beside the labels of the batch; `None`: all.
    #[doc(hidden)]
    fn sampled_classes(&self, labels: &Tensor<1, Int>, training: bool) -> Option<Tensor<1, Int>> {
        let _ = (labels, training);
        None
    }

    /// The unreduced values with these parameters, computed in at least single precision; the arguments have been checked.
    #[doc(hidden)]
    fn values(&self, parameters: Parameters, embeddings: Tensor<2>, labels: Tensor<1, Int>) -> Unreduced<1> {
        heads::values(self, parameters, embeddings, labels)
    }

    /// The weight, `[num_classes, embedding_dim]`: one row per class.
    fn weight(&self) -> Tensor<2>;

    /// The head with another weight of the same shape, as a new parameter.
    ///
    /// # Panics
    /// If the shape differs.
    #[track_caller]
    fn with_weight(self, weight: Tensor<2>) -> Self;

    /// The bias, `[num_classes]`, of a head that has one.
    fn bias(&self) -> Option<Tensor<1>> {
        None
    }

    /// The logits without a margin: for inference and accuracy.
    ///
    /// # Shapes
    /// - embeddings: `[N, E]`
    /// - output: `[N, C]`
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn logits(&self, embeddings: Tensor<2>) -> Tensor<2> {
        let parameters = parameters(self);
        expect(heads::check(self, &parameters, reference(self, &embeddings), None, None));
        heads::logits(self, parameters, embeddings)
    }

    /// The value of the batch, reduced as the config says.
    ///
    /// # Shapes
    /// - embeddings: `[N, E]`
    /// - labels: `[N]`
    /// - output: `[1]`
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn forward(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
        expect(self.check(&embeddings, &labels, None));
        heads::reduced(self, self.reduction(), parameters(self), embeddings, labels, None)
    }

    /// The same with weights, which multiply the unreduced values.
    ///
    /// # Shapes
    /// - weights: `[N]`
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn forward_weighted(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>, weights: Tensor<1>) -> Tensor<1> {
        expect(self.check(&embeddings, &labels, Some(&weights)));
        heads::reduced(self, self.reduction(), parameters(self), embeddings, labels, Some(weights))
    }

    /// One value per row: `[N]`.
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn forward_no_reduction(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
        self.forward_unreduced(embeddings, labels).values
    }

    /// One value per row, and what each counts in a mean: what [`Reduction::reduce`] takes.
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn forward_unreduced(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>) -> Unreduced<1> {
        expect(self.check(&embeddings, &labels, None));
        self.values(parameters(self), embeddings, labels)
    }

    /// What is wrong with the arguments: their shapes, types and devices; never their values, which are not read.
    fn check(
        &self,
        embeddings: &Tensor<2>,
        labels: &Tensor<1, Int>,
        weights: Option<&Tensor<1>>,
    ) -> Result<(), InputError> {
        heads::check(self, &parameters(self), reference(self, embeddings), Some(labels), weights)
    }

    /// Reads the arguments and the parameters back and says what is wrong with them: see [the module](crate::diagnose).
    fn diagnose(&self, embeddings: &Tensor<2>, labels: &Tensor<1, Int>, weights: Option<&Tensor<1>>) -> Diagnosis {
        let Parameters { weight, bias } = parameters(self);
        let inputs = diagnose::inputs()
            .and("embeddings", embeddings)
            .and("labels", labels)
            .and_some("weights", weights)
            .and("weight", &weight)
            .and_some("bias", bias.as_ref());
        let outcome = diagnose::attempt(self.check(embeddings, labels, weights), || {
            let parameters = Parameters { weight: plain(&weight), bias: bias.as_ref().map(plain) };
            let values = self.values(parameters, plain(embeddings), plain(labels));
            (values.values.clone(), self.reduction().reduce(values, weights.map(plain), None))
        });
        Batch { kind: self.kind(), first: "embeddings", inputs: inputs.get(), outcome }.heads(&HeadFacts {
            classes: self.num_classes(),
            ignore_index: self.ignore_index(),
            scaling: self.scaling(),
            settings: self.settings(),
        })
    }
}

fn parameters<H: HeadLoss>(head: &H) -> Parameters {
    Parameters { weight: head.weight(), bias: head.bias() }
}

fn reference<'a, H: HeadLoss>(head: &H, embeddings: &'a Tensor<2>) -> Reference<'a, 2> {
    Reference { loss: head.kind(), name: "embeddings", tensor: embeddings }
}

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
                /// How many rows have their logits in memory at one time; all where it is not given. The numbers are the same.
                chunk_rows: Option<usize> = None, $crate::config::Range::AtLeast(1.0);
                /// The share of the classes that each step draws into the softmax, beside the labels of the batch (Partial FC).
                sample_rate: f64 = 1.0, $crate::config::Range::HalfOpenLow(0.0, 1.0);
                /// How much of each label is spread over the classes, and over which.
                label_smoothing: $crate::classification::LabelSmoothing = $crate::classification::LabelSmoothing::default();
            }
            validate |config| {
                $crate::heads::check_class_weights($kind, config.class_weights.as_deref(), config.num_classes)?;
                let goes_with = config.label_smoothing.epsilon == 0.0 && config.chunk_rows.is_none();
                match config.sample_rate < 1.0 && !goes_with {
                    true => $crate::heads::sample_rate_goes_with_neither($kind, config.sample_rate),
                    false => Ok(()),
                }
            };
        }

        $crate::heads::own_weight! {
            $module $kind;
            $(bias $bias;)?
            {
                fn chunk_rows(&self) -> Option<usize> {
                    self.config.chunk_rows
                }
                fn takes_all_classes(&self) -> bool {
                    self.config.sample_rate == 1.0
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

/// [`HeadLoss`] of a head with the fields `weight` and `rows`, and what else it has of it.
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
            })?
            $($rest)*
        }
    };
}
use own_weight;

fn check_class_weights(loss: &'static str, weights: Option<&[f64]>, classes: usize) -> Result<(), ConfigError> {
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

fn sample_rate_goes_with_neither(loss: &'static str, sample_rate: f64) -> Result<(), ConfigError> {
    Err(ConfigError::InvalidValue {
        loss,
        field: "sample_rate".into(),
        value: sample_rate.to_string(),
        allowed: "1 together with `label_smoothing` or `chunk_rows`, which need all classes".into(),
    })
}

macro_rules! implement {
    (loss $loss:ident, $kind:expr) => {};
    (any $any:ident, $config:ident, $($variant:ident),+) => {
        impl Head for $any {
            fn scaling(&self) -> heads::Scaling {
                match self {
                    $(Self::$variant(loss) => loss.scaling(),)+
                }
            }
            fn margin<R: crate::formula::Real>(&self, cosine: R, given: Option<R>) -> R {
                match self {
                    $(Self::$variant(loss) => loss.margin(cosine, given),)+
                }
            }
            fn has_margin(&self) -> bool {
                match self {
                    $(Self::$variant(loss) => loss.has_margin(),)+
                }
            }
            fn given(&self, embeddings: &Tensor<2>, uncounted: Tensor<1, Bool>) -> Option<Tensor<1>> {
                match self {
                    $(Self::$variant(loss) => loss.given(embeddings, uncounted),)+
                }
            }
            fn centers_per_class(&self) -> usize {
                match self {
                    $(Self::$variant(loss) => loss.centers_per_class(),)+
                }
            }
        }
        impl HeadLoss for $any {
            fn chunk_rows(&self) -> Option<usize> {
                match self {
                    $(Self::$variant(loss) => loss.chunk_rows(),)+
                }
            }
            fn values(&self, parameters: Parameters, embeddings: Tensor<2>, labels: Tensor<1, Int>) -> Unreduced<1> {
                match self {
                    $(Self::$variant(loss) => loss.values(parameters, embeddings, labels),)+
                }
            }
            fn sampled_classes(&self, labels: &Tensor<1, Int>, training: bool) -> Option<Tensor<1, Int>> {
                match self {
                    $(Self::$variant(loss) => loss.sampled_classes(labels, training),)+
                }
            }
            fn cross_entropy(&self) -> &CrossEntropyLoss {
                match self {
                    $(Self::$variant(loss) => loss.cross_entropy(),)+
                }
            }
            fn kind(&self) -> &'static str {
                match self {
                    $(Self::$variant(loss) => loss.kind(),)+
                }
            }
            fn reduction(&self) -> Reduction {
                match self {
                    $(Self::$variant(loss) => loss.reduction(),)+
                }
            }
            fn settings(&self) -> Value {
                match self {
                    $(Self::$variant(loss) => loss.settings(),)+
                }
            }
            fn weight(&self) -> Tensor<2> {
                match self {
                    $(Self::$variant(loss) => loss.weight(),)+
                }
            }
            fn with_weight(self, weight: Tensor<2>) -> Self {
                match self {
                    $(Self::$variant(loss) => Self::$variant(loss.with_weight(weight)),)+
                }
            }
            fn bias(&self) -> Option<Tensor<1>> {
                match self {
                    $(Self::$variant(loss) => loss.bias(),)+
                }
            }
        }
    };
}

family! {
    heads, HeadLossConfig => AnyHeadLoss, implement;
    softmax: Softmax;
    normalized_softmax: NormalizedSoftmax;
    l_softmax: LSoftmax;
    a_softmax: ASoftmax, alias "sphereface";
    am_softmax: AmSoftmax;
    cosface: Cosface, alias "lmcl";
    arcface: Arcface, alias "aam_softmax";
    combined_margin: CombinedMargin;
    sub_center_arcface: SubCenterArcface;
    adaface: Adaface;
    sampled_softmax: SampledSoftmax;
    negative_sampling: NegativeSampling, alias "sgns";
}
