//! Loss functions for the [Burn](https://burn.dev) deep-learning framework.
//!
//! A loss is a config struct and a module. The config is plain data, read from a file or built in code; `init` checks it and
//! makes the module; the module has the same methods in every family.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use burn_losses::prelude::*;
//!
//! let device = Device::flex();
//! // The loss is chosen in a config file,
//! let config: BinaryLossConfig =
//!     burn_losses::config::from_str("kind = 'focal'\ngamma = 1.5", burn_losses::config::Format::Toml)?;
//! // or in code: burn_losses::binary::FocalLossConfig::new().with_gamma(1.5).
//! let loss = config.try_init(&device)?;
//!
//! let logits = Tensor::<2>::from_floats([[2.0, -1.0], [0.5, -3.0]], &device);
//! let targets = Tensor::from_floats([[1.0, 0.0], [0.0, 0.0]], &device);
//! let value: Tensor<1> = loss.forward(logits.clone(), targets.clone());
//! let values: Tensor<2> = loss.forward_no_reduction(logits, targets);
//! # Ok::<(), ConfigError>(())
//! ```
//!
//! Every loss runs on every device of Burn, in f64, f32, f16 and bf16 where the device has them, and is differentiated by
//! Burn's autodiff.
//!
//! # The families
//! The losses of a family take the same arguments, so one can be swapped for another. Each family has a trait with the forward
//! methods, a config enum that is told apart by the key `kind`, and a module enum that it makes.
//!
//! | Family | What it compares | Config | To begin with |
//! |---|---|---|---|
//! | [`regression`] | numbers with numbers of the same shape | [`RegressionLossConfig`](regression::RegressionLossConfig) | [`HuberLossConfig`](regression::HuberLossConfig) |
//! | [`likelihood`] | parameters of a distribution with numbers | [`LikelihoodLossConfig`](likelihood::LikelihoodLossConfig) | [`GaussianNllLossConfig`](likelihood::GaussianNllLossConfig) |
//! | [`binary`] | logits with yes or no, of the same shape | [`BinaryLossConfig`](binary::BinaryLossConfig) | [`BceLossConfig`](binary::BceLossConfig) |
//! | [`classification`] | logits of C classes with one label | [`ClassificationLossConfig`](classification::ClassificationLossConfig) | [`CrossEntropyLossConfig`](classification::CrossEntropyLossConfig) |
//! | [`distribution`] | log-probabilities with a distribution | [`DistributionLossConfig`](distribution::DistributionLossConfig) | [`KlDivergenceLossConfig`](distribution::KlDivergenceLossConfig) |
//! | [`segmentation`] | regions of logits with masks or labels | [`SegmentationLossConfig`](segmentation::SegmentationLossConfig) | [`DiceLossConfig`](segmentation::DiceLossConfig) |
//! | [`boxes`] | boxes with boxes: upright, rotated, or in three dimensions | [`BoxesLossConfig`](boxes::BoxesLossConfig) | [`CiouLossConfig`](boxes::CiouLossConfig) |
//! | [`heads`] | embeddings with labels, through a weight of their own | [`HeadLossConfig`](heads::HeadLossConfig) | [`ArcfaceLossConfig`](heads::ArcfaceLossConfig) |
//! | [`metric`] | the embeddings of a batch with each other | [`MetricLossConfig`](metric::MetricLossConfig) | [`TripletLossConfig`](metric::TripletLossConfig) |
//! | [`image`] | images with images, or an image with nothing | [`ImageLossConfig`](image::ImageLossConfig) | [`SsimLossConfig`](image::SsimLossConfig) |
//! | [`generative`] | scores of a discriminator, or latent Gaussians | [`GenerativeLossConfig`](generative::GenerativeLossConfig) | [`KlGaussianLossConfig`](generative::KlGaussianLossConfig) |
//! | [`sequence`] | the classes of each step with labels that are not aligned | [`SequenceLossConfig`](sequence::SequenceLossConfig) | [`CtcLossConfig`](sequence::CtcLossConfig) |
//! | [`vectors`] | pairs of vectors | [`VectorsLossConfig`](vectors::VectorsLossConfig) | [`CosineLossConfig`](vectors::CosineLossConfig) |
//! | [`self_supervised`] | two views of a batch, as a whole | [`SelfSupervisedLossConfig`](self_supervised::SelfSupervisedLossConfig) | [`VicregLossConfig`](self_supervised::VicregLossConfig) |
//! | [`ranking`] | the scores of a list of items with their relevance | [`RankingLossConfig`](ranking::RankingLossConfig) | [`LambdaRankLossConfig`](ranking::LambdaRankLossConfig) |
//! | [`preference`] | the log-probabilities of answers, of which one is preferred | [`PreferenceLossConfig`](preference::PreferenceLossConfig) | [`DpoLossConfig`](preference::DpoLossConfig) |
//!
//! # Where to start
//! - **Choose a loss** by the table above; each loss says when to use it, its formula, and where its twin in PyTorch differs. The
//!   search of this page knows PyTorch's names.
//! - **Train with it**: a loss is a module, so it is a field of your model. [`prelude`] has the traits with the forward methods.
//! - **Coming from `burn::nn::loss`**: `HuberLossConfig::from(burn_config)`, where both have the loss.
//! - **Config files**, the errors in them, and your own config around them: [`config`]; their JSON Schemas: `schema`.
//! - **Several terms**, penalties on parameters, weights that change while training: [`composition`], [`regularization`].
//! - **What a mean divides by**, weights, masks of what counts, accumulated gradients: [`Reduction`], [`Extras`], [`Accumulation`].
//! - **Second derivatives**, for Newton's method and boosted trees: [`second_order`].
//! - **The number looks wrong**: [`diagnose`] reads a batch and says why.
//! - **Batches with several rows of each class**, for metric losses: [`metric::MPerClass`].
//! - **Probabilities that are as often right as they say**: [`classification::TemperatureScaling`].
//! - **Metrics for Burn's learner**: `train`; NDCG of lists: [`ranking::ndcg`].
//! - **A loss of your own**, fused and differentiated like those here: [`formula`]; one that looks at the whole batch: [`extend`].
//! - **It is slow**: [`watched`] says what ran in the fused engine and what did not.
//!
//! # Features
//! | Feature | What it adds |
//! |---|---|
//! | `flex` (default) | Burn's Flex backend, and the fused engine of the CPU for it |
//! | `toml`, `yaml` (default) | config files in these formats; JSON is always there |
//! | `ndarray` | Burn's NdArray backend, and the fused engine of the CPU for it |
//! | `rayon`, `simd` | Flex and NdArray use all threads, and vector registers |
//! | `x86-v4` | AVX-512, in Burn and in the fused engine, where the machine has it |
//! | `wgpu`, `vulkan`, `metal`, `webgpu`, `cuda`, `rocm`, `cpu` | the backends of Burn that are made of CubeCL, and the fused engine for them |
//! | `fusion` | Burn joins tensor operations on those backends |
//! | `train` | outputs and metrics for Burn's learner: the module `train` |
//! | `schema` | a JSON Schema of every config: the module `schema` |
//!
//! Feature names match Burn's. Enable the feature of a backend here rather than in `burn` alone: without it a loss runs as plain tensor
//! operations on that backend.
//!
//! # Zero, infinity and NaN
//! - Zero times anything is zero, value and slope: a weight of a sample, a target probability, a factor of a class, a weight of a term.
//! - A weight of 0 is a weight all the same: a loss that looks at the batch as a whole (a ranking, a histogram, a median) still
//!   sees the sample.
//! - A logit or a prediction that is infinite gives the limit, value and gradient: a class that is masked by minus infinity has no part
//!   in a softmax. Where that limit is infinite, so is the value, and never NaN.
//! - A NaN gives NaN.
//! - At ties, whatever sorts, selects or mines takes the first, on every device.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(all(feature = "cpu-engine", not(any(feature = "flex", feature = "ndarray"))))]
compile_error!("`cpu-engine` is no feature by itself: `flex` and `ndarray` switch it on");

pub mod binary;
pub mod boxes;
mod check;
pub mod classification;
pub mod composition;
pub mod config {
    //! Config files: strict, partial, tagged, in JSON, TOML and YAML.
    //!
    //! TOML and YAML are the features `toml` and `yaml`, which are on by default.
    //!
    //! Every family has one enum, told apart by the key `kind`; [`LossConfig`] holds all families, told apart by `family`. Keys
    //! that are left out have their defaults, where they have one; unknown keys, unknown kinds, wrong types and values out of range are
    //! errors that say what is allowed. The enums implement serde's traits, so they nest in a config of your own, Burn's
    //! `#[derive(Config)]` included.
    //!
    //! ```
    //! use burn_losses::{LossConfig, config::{Format, from_str}};
    //!
    //! let config: LossConfig = from_str("family = 'binary'\nkind = 'focal'\ngamma = 1.5", Format::Toml)?;
    //! assert_eq!(config.kind(), "focal");
    //!
    //! let error = from_str::<LossConfig>("family = 'binary'\nkind = 'focal'\ngamma = -1", Format::Toml).unwrap_err();
    //! assert_eq!(error.to_string(), "line 3: focal: `gamma` is -1, allowed: a number >= 0");
    //! # Ok::<(), burn_losses::ConfigError>(())
    //! ```

    mod describe;
    mod family;
    mod file;
    mod format;

    pub use crate::field::{
        Alpha, AnyField, BatchAlpha, ClassFactor, ClassLabel, ClassWeights, CountedWeights, Counts, Field, FieldInfo,
        FieldType, IntoField, Limit, PosWeight, Range, Record, Table, Unreadable, Value, Visit, VisitMut,
        WeightNormalize, WeightScheme,
    };
    pub use describe::{About, Check, Describe, Example, LossInfo, Twin};
    pub(crate) use describe::{from_value, validate};
    pub use family::{FamilyConfig, KindNames};
    pub(crate) use family::{
        check_nested, example_of, family_from_value, family_to_value, infos, kinds, of_kind, split_tag,
    };
    pub use format::Format;

    // A file may hold a loss of any family. The config of all families is defined above the families, which import the rest.
    pub use crate::registry::{LossConfig, registry};
    pub use file::*;
}
pub mod diagnose;
pub mod distribution;
mod engine;
mod error;
pub mod eval;
pub mod extend {
    //! How the losses of each family compute their values: for a loss of your own that is no formula, and for tools.
    //!
    //! A loss that is a [formula](crate::formula) needs none of these traits, since every formula implements the trait of its family. A
    //! loss that looks at the whole batch implements that trait itself, for instance [`Pointwise`] in the families `regression` and
    //! `binary`.

    pub use crate::boxes::{BoxTargets, Boxes};
    pub use crate::engine::distributions::Distributions;
    pub use crate::engine::ghm::GhmCounts;
    pub use crate::engine::heads::{Head, Scaling};
    pub use crate::engine::pairs::anchors::{Anchors, NeededPartners};
    pub use crate::engine::pointwise::{PointKernel, Pointwise, Positives};
    pub use crate::engine::regions::{Pixels, Segmentation};
    pub use crate::engine::rows::{RowKernel, Rows};
    pub use crate::engine::vectors::VectorKernel;
    pub use crate::generative::Generative;
    pub use crate::image::{Images, Pictures};
    pub use crate::likelihood::Likelihood;
    pub use crate::ranking::{Items, Lists};
}
mod field;
pub mod formula;
mod from_burn;
pub mod generative;
pub mod heads;
pub mod image;
pub mod likelihood;
mod loss;
pub mod metric;
mod options;
pub mod preference;
pub mod prelude;
pub mod ranking;
mod reduction;
mod registry;
pub mod regression;
pub mod regularization;
#[cfg(feature = "schema")]
#[cfg_attr(docsrs, doc(cfg(feature = "schema")))]
pub mod schema;
pub mod second_order;
pub mod segmentation;
pub mod self_supervised;
pub mod sequence;
pub mod signature;
mod terms;
#[cfg(feature = "train")]
#[cfg_attr(docsrs, doc(cfg(feature = "train")))]
pub mod train;
pub mod vectors;

pub use config::LossInfo;
pub use engine::machine::{Paths, watched, with_tensor_operations};
pub use engine::{keep_memory, kept_memory, release_memory};
pub use error::{ConfigError, InputError, InputProblem};
pub use field::ClassCounts;
pub use loss::Loss;
pub use reduction::{Accumulation, Divisor, Extras, Reduction, Unreduced};
pub use registry::{AnyLoss, LossConfig, registry};
pub use second_order::{Curvature, SecondOrder, SecondOrderConfig};
