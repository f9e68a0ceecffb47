//! JSON Schema of every config: editors complete config files with it and check them while they are written.
//!
//! [`of_family`] and [`of_any`] give whole files, which are also in the folder `schema` of the repository; `burn-losses schema`
//! prints them. In a struct of your own the configs are types like any other, since they implement [`schemars::JsonSchema`]:
//!
//! ```
//! use burn_losses::binary::BinaryLossConfig;
//!
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! struct Training {
//!     epochs: usize,
//!     loss: BinaryLossConfig,
//! }
//!
//! let schema = schemars::schema_for!(Training);
//! assert_eq!(schema.pointer("/properties/loss/$ref").unwrap(), "#/$defs/BinaryLossConfig");
//! ```
//!
//! # What a schema cannot say
//! A schema says what is allowed in each field: type, range, words, unknown keys. The following errors need two fields at once,
//! or more than JSON tells, and are found only when the config is read:
//! - lists with another length than `num_classes` (`class_weights`, `prior`, `sampler.counts` of heads);
//! - `cutoffs` of `adaptive_softmax` that do not rise, or are not below `num_classes`;
//! - a class without a sample in the `prior` of `logit_adjusted`, where nothing is added;
//! - in `classification/focal`, `class_weights` together with an `alpha` per class; in `arcface`, `easy_margin` with `plain`;
//! - `smooth` with a numerator larger than its denominator;
//! - in `tversky` and `focal_tversky`, a squared `denominator` with weights that are too different;
//! - in `multi_margin`, `divide_by_classes` with the variant of Crammer and Singer;
//! - in heads, a `sample_rate` below 1 together with `chunk_rows` or label smoothing;
//! - a `weighted_sum` whose terms take different arguments;
//! - an integer that is written as `10.0`: in JSON Schema that is one;
//! - NaN and infinities, which TOML and YAML can write and JSON cannot.
//!
//! Conversely, serde also reads a table (`label_smoothing`, ..) from the list of its values, which a schema refuses.

use crate::composition::JointLossConfig;
use crate::error::ConfigError;
use crate::field::schema::file;
use crate::registry::{FAMILY_SCHEMAS, LossConfig, unknown_family};
use crate::regularization::RegularizerConfig;
use schemars::Schema;

/// The schema of a file with a loss of any family, told apart by `family` and `kind`.
pub fn of_any() -> Schema {
    file::<LossConfig>()
}

/// The schema of a file with a loss of this family, told apart by `kind`.
///
/// ```
/// let schema = burn_losses::schema::of_family("binary")?;
/// assert_eq!(schema.get("title").unwrap(), "BinaryLossConfig");
///
/// let error = burn_losses::schema::of_family("bin").unwrap_err();
/// assert!(error.to_string().starts_with("unknown family `bin`, allowed: `regression`, `likelihood`, `binary`"));
/// # Ok::<(), burn_losses::ConfigError>(())
/// ```
pub fn of_family(family: &str) -> Result<Schema, ConfigError> {
    let known = FAMILY_SCHEMAS.iter().find(|(name, _)| *name == family);
    let families = || FAMILY_SCHEMAS.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    known.map(|(_, schema)| schema()).ok_or_else(|| unknown_family(family, &families()))
}

/// Every schema with the name of its file in the folder `schema`: one per family, that of any family, and those of penalties and of
/// joint losses.
pub fn files() -> Vec<(String, Schema)> {
    let name = |name: &str| format!("{name}.schema.json");
    let families = FAMILY_SCHEMAS.iter().map(|(family, schema)| (name(family), schema()));
    let others = [
        (name("loss"), of_any()),
        (name("regularization"), file::<RegularizerConfig>()),
        (name("joint"), file::<JointLossConfig>()),
    ];
    families.chain(others).collect()
}
