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
//! Burn's autodiff. See [`formula`] for how that comes from one text, and for a loss of your own.

#![cfg_attr(docsrs, feature(doc_cfg))]

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
        Alpha, AnyField, BatchAlpha, ClassFactor, Field, FieldInfo, FieldType, IntoField, Range, Record, Table,
        Unreadable, Value, Visit, VisitMut,
    };
    pub use describe::{About, Check, Describe, Example, LossInfo};
    pub(crate) use describe::{from_value, validate};
    pub use family::{FamilyConfig, KindNames};
    pub(crate) use family::{
        check_nested, example_of, family_from_value, family_to_value, infos, kinds, of_kind, split_tag,
    };
    pub use format::Format;

    // A file may hold a loss of any family. What knows them all is above the families, which import the rest.
    pub use crate::registry::{LossConfig, registry};
    pub use file::*;
}
pub mod diagnose;
pub mod distribution;
mod engine;
mod error;
pub mod eval;
mod field;
pub mod formula;
pub mod heads;
mod loss;
pub mod metric;
mod options;
pub mod prelude;
mod reduction;
mod registry;
pub mod regression;
pub mod regularization;
#[cfg(feature = "schema")]
#[cfg_attr(docsrs, doc(cfg(feature = "schema")))]
pub mod schema;
pub mod segmentation;
pub mod signature;
mod terms;
#[cfg(feature = "train")]
#[cfg_attr(docsrs, doc(cfg(feature = "train")))]
pub mod train;

pub use config::LossInfo;
pub use engine::boxes::{BoxKernel, BoxTargets, Boxes};
pub use engine::distributions::Distributions;
pub use engine::ghm::GhmCounts;
pub use engine::heads::{Head, Scaling};
pub use engine::machine::{Paths, watched, with_tensor_operations};
pub use engine::pairs::anchors::{Anchors, NeededPartners};
pub use engine::pointwise::{PointKernel, Pointwise};
pub use engine::regions::{Pixels, Segmentation};
pub use engine::rows::{RowKernel, Rows};
pub use engine::{keep_memory, kept_memory, release_memory};
pub use error::{ConfigError, InputError, InputProblem};
pub use loss::Loss;
pub use reduction::{Divisor, Reduction, Unreduced};
pub use registry::{AnyLoss, LossConfig, registry};

/// The examples of the README compile and run.
#[cfg(all(doctest, feature = "train"))]
#[doc = include_str!("../../../README.md")]
struct Readme;
