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
pub mod config;
pub mod diagnose;
pub mod distribution;
mod engine;
mod error;
pub mod eval;
mod field;
pub mod formula;
pub mod heads;
mod macros;
pub mod metric;
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
#[cfg(feature = "train")]
#[cfg_attr(docsrs, doc(cfg(feature = "train")))]
pub mod train;

pub use engine::anchors::Anchors;
pub use engine::boxes::{BoxKernel, Boxes};
pub use engine::distributions::Distributions;
pub use engine::ghm::GhmCounts;
pub use engine::heads::{Head, Scaling};
pub use engine::overlap::{Pixels, Segmentation};
pub use engine::pointwise::{PointKernel, Pointwise};
pub use engine::rows::{RowKernel, Rows};
pub use engine::{release_memory, with_tensor_operations};
pub use error::{ConfigError, InputError, InputProblem};
pub use reduction::{Divisor, Reduction, Unreduced};
pub use registry::{AnyLoss, LossConfig, LossInfo, registry};

/// The examples of the README compile and run.
#[cfg(all(doctest, feature = "train"))]
#[doc = include_str!("../../../README.md")]
struct Readme;
