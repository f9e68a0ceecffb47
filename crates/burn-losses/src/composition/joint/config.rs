//! The config of a joint loss.

use super::parts::Part;
use super::{JOINT, JointLoss};
use crate::composition::balance::{Balance, Factors};
use crate::composition::schedule::Weight;
use crate::config::{FieldType, Range};
use crate::engine::steps::Steps;
use crate::error::{ConfigError, expect};
use crate::registry::LossConfig;
use crate::regularization::RegularizerConfig;
use crate::terms::ByTerm;
use burn::tensor::Device;
use std::collections::BTreeMap;
use std::path::Path;

/// The kinds of terms.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum TermConfig {
    /// The caller computes it; the config has its weight alone.
    Given,
    /// A loss of any family.
    Loss(LossConfig),
    /// A penalty on parameters; its own `weight` stays 1.
    Regularizer(RegularizerConfig),
}

impl From<LossConfig> for TermConfig {
    fn from(config: LossConfig) -> Self {
        Self::Loss(config)
    }
}

impl From<RegularizerConfig> for TermConfig {
    fn from(config: RegularizerConfig) -> Self {
        Self::Regularizer(config)
    }
}

/// One term of a joint loss.
#[derive(Debug, Clone, PartialEq)]
pub struct JointTerm {
    /// The factor of the term's value. Default: 1.
    pub weight: Weight,
    /// What kind of term it is.
    pub term: TermConfig,
}

/// The config of a [`JointLoss`]: the whole training objective of a model.
///
/// ```toml
/// [terms.classes]                 # a loss of any family
/// family = "classification"
/// kind = "cross_entropy"
/// label_smoothing = { epsilon = 0.1, spread = "all" }
///
/// [terms.center]
/// family = "metric"
/// kind = "center"
/// num_classes = 10
/// embedding_dim = 16
/// weight = 0.003
///
/// [terms.penalty]                 # on the parameters of the model
/// family = "regularization"
/// kind = "elastic_net"
/// weight = { kind = "cosine", from = 1e-4, to = 0.0, steps = 20000 }
///
/// [terms.reconstruction]          # what the caller computes has a weight alone
/// weight = 0.5
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JointLossConfig {
    /// The terms by name.
    ///
    /// No default: it has to be given. Allowed: at least one term. In a config file: `terms`.
    pub terms: BTreeMap<String, JointTerm>,
    /// The further factors of the terms.
    ///
    /// Default: `fixed`. Allowed: see [`Balance`]. In a config file: `balance`.
    pub balance: Balance,
}

impl JointLossConfig {
    /// A config without terms.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a term.
    pub fn with(mut self, name: impl Into<String>, weight: impl Into<Weight>, term: impl Into<TermConfig>) -> Self {
        self.terms.insert(name.into(), JointTerm { weight: weight.into(), term: term.into() });
        self
    }

    /// Sets `balance`.
    pub fn with_balance(mut self, balance: Balance) -> Self {
        self.balance = balance;
        self
    }

    /// Reads the config from a `.json`, `.toml` or `.yaml` file.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        crate::config::load(path)
    }

    /// Writes the config to a `.json`, `.toml` or `.yaml` file.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), ConfigError> {
        crate::config::save(self, path)
    }

    /// The first value that is not allowed, as an error that names it.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let invalid = |field: String, value: &str, allowed: &str| {
            Err(ConfigError::InvalidValue { loss: JOINT, field, value: value.into(), allowed: allowed.into() })
        };
        if self.terms.is_empty() {
            return invalid("terms".into(), "an empty table", "at least one term");
        }
        for (name, JointTerm { weight, term }) in &self.terms {
            weight.check(JOINT, &format!("terms.{name}.weight"), Range::Finite)?;
            match term {
                TermConfig::Given => {}
                TermConfig::Loss(loss) => loss.validate()?,
                TermConfig::Regularizer(penalty) => {
                    penalty.validate()?;
                    if penalty.weight() != 1.0 {
                        let field = format!("terms.{name}.term.weight");
                        return invalid(
                            field,
                            &penalty.weight().to_string(),
                            "1: the weight of the term is that of the penalty",
                        );
                    }
                }
            }
        }
        self.balance.check(JOINT, "balance", Range::Finite)
    }

    /// Makes the loss on a device, or says which field is not allowed and why.
    pub fn try_init(&self, device: &Device) -> Result<JointLoss, ConfigError> {
        self.validate()?;
        let part = |(name, term): (&String, &JointTerm)| Ok((name.clone(), Part::new(&term.term, device)?));
        let parts = self.terms.iter().map(part).collect::<Result<Vec<_>, ConfigError>>()?;
        let balanced = parts.iter().filter(|(_, part)| part.is_balanced());
        let balanced: Vec<_> = balanced.map(|(name, _)| name.as_str()).collect();
        // One tensor holds the factors of all terms, so their names together are its name.
        let factors = (balanced.join(", "), Factors::new(self.balance, balanced.len(), device));
        Ok(JointLoss {
            names: self.terms.keys().cloned().collect(),
            factors: ByTerm::new([factors]),
            parts: ByTerm::new(parts),
            steps: Steps::new(device),
            config: self.clone(),
        })
    }

    /// Makes the loss on a device.
    ///
    /// # Panics
    /// With the message of [`try_init`](Self::try_init)'s error.
    #[track_caller]
    pub fn init(&self, device: &Device) -> JointLoss {
        expect(self.try_init(device))
    }
}

impl burn::config::Config for JointLossConfig {}
