//! Where the config of a loss stands: the whole file, or a table in the config of a training run.

use burn_losses::config::{Value, load};
use burn_losses::{ConfigError, LossConfig};
use clap::Args;
use serde::de::{Deserialize, Deserializer, Error};
use std::path::Path;
use std::sync::OnceLock;

/// The options that say where in a file the loss stands.
#[derive(Debug, Clone, Args)]
pub(crate) struct Place {
    /// The table in which the loss stands, as `loss` or `model.loss`; without it, the whole file
    #[arg(long, value_name = "TABLE")]
    at: Option<String>,
    /// The family, where the file does not say it
    #[arg(long)]
    family: Option<String>,
}

/// The place of this run: serde hands no arguments to a type that it reads.
static PLACE: OnceLock<Place> = OnceLock::new();

impl Place {
    /// Reads the loss that stands at this place of a file.
    pub(crate) fn load(&self, path: &Path) -> Result<LossConfig, ConfigError> {
        PLACE.get_or_init(|| self.clone());
        load::<Placed>(path).map(|placed| placed.0)
    }
}

/// A loss at the [`PLACE`] of this run.
struct Placed(LossConfig);

impl<'de> Deserialize<'de> for Placed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let place = PLACE.get().ok_or_else(|| D::Error::custom("no place is set"))?;
        let mut value = Value::deserialize(deserializer)?;
        for key in place.at.iter().flat_map(|at| at.split('.')) {
            let table = if let Value::Table(table) = &mut value { table.remove(key) } else { None };
            value = table.ok_or_else(|| D::Error::custom(format!("missing table `{key}`")))?;
        }
        if let (Some(family), Value::Table(table)) = (&place.family, &mut value)
            && table.get("family").is_none()
        {
            table.insert("family", family.as_str());
        }
        LossConfig::deserialize(value).map(Self).map_err(D::Error::custom)
    }
}
