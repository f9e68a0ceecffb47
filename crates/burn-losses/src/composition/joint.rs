//! Terms of several families in one loss.

use super::balance::{Balance, Factors};
use super::loss_terms::LossTerms;
use super::schedule::Weight;
use crate::config::{Table, Value, as_parser_error};
use crate::diagnose::{Diagnosis, non_finite_term};
use crate::engine::{new_state, set_state, state_on};
use crate::error::{ConfigError, expect};
use crate::registry::{AnyLoss, LossConfig};
use crate::regularization::{AnyRegularizer, RegularizerConfig};
use burn::module::{Module, RunningState};
use burn::tensor::{Device, Tensor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use thiserror::Error;

/// The name of a joint loss in errors.
const JOINT: &str = "joint";

/// What a term is.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant)] // a run has a few of them
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
    /// What its value is multiplied by. Default: 1.
    pub weight: Weight,
    /// What it is.
    pub term: TermConfig,
}

/// The config of a [`JointLoss`]: the whole of what a model is trained on.
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
    pub terms: BTreeMap<String, JointTerm>,
    /// What else they are multiplied by. Default: nothing.
    pub balance: Balance,
}

impl JointLossConfig {
    /// Without a term.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one term more.
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
            weight.check(JOINT, &format!("terms.{name}.weight"))?;
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
        self.balance.check(JOINT)
    }

    /// Makes the loss on a device, or says which field is not allowed and why.
    pub fn try_init(&self, device: &Device) -> Result<JointLoss, ConfigError> {
        self.validate()?;
        let part = |term: &JointTerm| {
            Ok(Part {
                loss: match &term.term {
                    TermConfig::Loss(config) => Some(config.try_init(device)?),
                    _ => None,
                },
                regularizer: match &term.term {
                    TermConfig::Regularizer(config) => Some(config.try_init(device)?),
                    _ => None,
                },
            })
        };
        let parts = self.terms.values().map(part).collect::<Result<Vec<_>, ConfigError>>()?;
        let balanced = parts.iter().filter(|part| part.regularizer.is_none()).count();
        Ok(JointLoss {
            names: self.terms.keys().cloned().collect(),
            factors: Factors::new(self.balance, balanced, device),
            parts,
            steps: new_state([1], 0.0, device),
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

/// What a term is made of: one of the two, or neither.
#[derive(Module, Debug)]
struct Part {
    loss: Option<AnyLoss>,
    regularizer: Option<AnyRegularizer>,
}

/// Terms of any families, added up with their weights: the value that training makes small, and one number per term.
///
/// The terms take different arguments, so the caller computes each and hands in its value. Losses and penalties that the config names
/// are a part of this module, and are saved, moved and resumed with it; so are the number of steps, which schedules depend on, and
/// what a [`Balance`] remembers. Only training counts steps: a forward pass on a device with autodiff.
///
/// # Formula
/// ```text
/// sum_k w_k(t) f_k l_k
/// ```
/// of the values l_k, their weights at step t, and the factors of the [`Balance`] (1 where there is none).
///
/// # Example
/// ```
/// use burn::nn::{Linear, LinearConfig};
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::config::{Format, from_str};
/// use burn_losses::{composition::JointLossConfig, prelude::*};
///
/// let config: JointLossConfig = from_str(
///     "
///     [terms.classes]
///     family = 'classification'
///     kind = 'cross_entropy'
///     [terms.penalty]
///     family = 'regularization'
///     kind = 'l2'
///     weight = { kind = 'linear', from = 0.0, to = 1e-2, steps = 100 }
///     ",
///     Format::Toml,
/// )?;
/// let device = Device::flex().autodiff();
/// let (joint, layer) = (config.try_init(&device)?, LinearConfig::new(2, 3).init(&device));
///
/// let logits = layer.forward(Tensor::<2>::from_floats([[0.5, -1.0]], &device));
/// let labels = Tensor::<1, Int>::from_ints([2], &device);
/// let output = joint.combine([
///     ("classes", joint.classification("classes").forward(logits, labels)),
///     ("penalty", joint.regularizer("penalty").forward(&layer)),
/// ]);
/// let gradients = output.total.backward();
/// assert_eq!(output.terms.names(), ["classes", "penalty"]); // and their values, for the dashboard
/// # Ok::<(), ConfigError>(())
/// ```
#[derive(Module, Debug)]
pub struct JointLoss {
    #[module(skip)]
    config: JointLossConfig,
    #[module(skip)]
    names: Arc<[String]>,
    parts: Vec<Part>,
    factors: Factors,
    steps: RunningState<Tensor<1>>,
}

/// The value of a joint loss and what it is made of.
#[derive(Debug, Clone)]
pub struct Joint {
    /// The value, `[1]`: what is differentiated.
    pub total: Tensor<1>,
    /// The value of each term, without its weight.
    pub terms: LossTerms,
    /// What each term was multiplied by.
    pub weights: LossTerms,
}

impl Joint {
    /// Which term makes the total infinite or NaN, if one does. This waits for the device.
    ///
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use burn_losses::composition::{JointLossConfig, TermConfig};
    ///
    /// let device = Device::flex();
    /// let config = JointLossConfig::new().with("fit", 1.0, TermConfig::Given).with("prior", 0.1, TermConfig::Given);
    /// let value = |value: f32| Tensor::from_floats([value], &device);
    /// let joint = config.init(&device).combine([("fit", value(0.5)), ("prior", value(f32::NAN))]);
    /// assert_eq!(joint.diagnose().to_string(), "joint: 1 error\nerror: `prior`: NaN, and so is the total");
    /// ```
    pub fn diagnose(&self) -> Diagnosis {
        let names: Vec<&str> = self.terms.names().iter().map(String::as_str).collect();
        let values: Vec<f64> = self.terms.values().into_data().iter().collect();
        Diagnosis { loss: JOINT, findings: non_finite_term(&names, &values).into_iter().collect() }
    }
}

/// What is wrong with the values handed to a joint loss.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JointError {
    /// A value that is no term.
    #[error("joint: `{name}` is no term, expected: {}", quoted(.expected))]
    Unknown {
        /// The name.
        name: String,
        /// All terms.
        expected: Vec<String>,
    },
    /// A term without a value.
    #[error("joint: term `{name}` has no value")]
    Missing {
        /// The name.
        name: String,
    },
    /// A term with two values.
    #[error("joint: term `{name}` has two values")]
    Twice {
        /// The name.
        name: String,
    },
    /// A value that is not one number.
    #[error("joint: term `{name}` has shape [{size}], expected [1]: reduce it first")]
    Shape {
        /// The name.
        name: String,
        /// How many numbers there are.
        size: usize,
    },
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl JointLoss {
    /// The config that this loss was made from.
    pub fn config(&self) -> &JointLossConfig {
        &self.config
    }

    /// The names of the terms, in their order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How many steps have been taken, `[1]`.
    pub fn steps(&self) -> Tensor<1> {
        self.steps.value_sync()
    }

    /// The logarithm of each term's variance, where `balance` is `uncertainty`: a parameter, `[terms without penalties]`.
    pub fn log_variances(&self) -> Option<Tensor<1>> {
        self.factors.log_variance.as_ref().map(|parameter| parameter.val())
    }

    /// The total of the values of all terms, and what it is made of. In training this is one step of the schedules.
    ///
    /// # Panics
    /// With the message of [`try_combine`](Self::try_combine)'s error.
    #[track_caller]
    pub fn combine<'a>(&self, values: impl IntoIterator<Item = (&'a str, Tensor<1>)>) -> Joint {
        expect(self.try_combine(values))
    }

    /// The same, or which value is missing, or too much, or not one number.
    pub fn try_combine<'a>(&self, values: impl IntoIterator<Item = (&'a str, Tensor<1>)>) -> Result<Joint, JointError> {
        let mut given: Vec<Option<Tensor<1>>> = vec![None; self.names.len()];
        for (name, value) in values {
            let at = self.names.iter().position(|known| known == name);
            let at = at.ok_or_else(|| JointError::Unknown { name: name.into(), expected: self.names.to_vec() })?;
            let [size] = value.dims();
            match given[at] {
                _ if size != 1 => return Err(JointError::Shape { name: name.into(), size }),
                Some(_) => return Err(JointError::Twice { name: name.into() }),
                None => given[at] = Some(value),
            }
        }
        let given = self
            .names
            .iter()
            .zip(given)
            .map(|(name, value)| value.ok_or_else(|| JointError::Missing { name: name.clone() }));
        Ok(self.step(given.collect::<Result<_, _>>()?))
    }

    fn step(&self, given: Vec<Tensor<1>>) -> Joint {
        let (device, dtype) = (given[0].device(), given[0].dtype());
        let values: Vec<_> = given.into_iter().map(|value| value.to_device(&device).cast(dtype)).collect();
        let counted = state_on(&self.steps, &device);
        let step = counted.clone().cast(dtype);

        let is_balanced = |part: &Part| part.regularizer.is_none();
        let balanced: Vec<_> = self
            .parts
            .iter()
            .zip(&values)
            .filter(|(part, _)| is_balanced(part))
            .map(|(_, value)| value.clone())
            .collect();
        let one = values[0].ones_like().detach();
        let (factors, extra) = match balanced.is_empty() {
            true => (one.clone(), None),
            false => self.factors.of(self.config.balance, Tensor::cat(balanced, 0), &step),
        };
        let mut at = 0;
        let weights: Vec<_> = self
            .config
            .terms
            .values()
            .zip(&self.parts)
            .map(|(term, part)| {
                let factor = match is_balanced(part) {
                    false => one.clone(),
                    true => {
                        at += 1;
                        factors.clone().narrow(0, at - 1, 1)
                    }
                };
                term.weight.times(factor, &step)
            })
            .collect();

        let (values, weights) = (Tensor::cat(values, 0), Tensor::cat(weights, 0));
        let total = (values.clone() * weights.clone()).sum();
        if device.is_autodiff() {
            set_state(&self.steps, counted + 1.0);
        }
        Joint {
            total: match extra {
                None => total,
                Some(extra) => total + extra,
            },
            terms: LossTerms::of(self.names.clone(), values),
            weights: LossTerms::of(self.names.clone(), weights),
        }
    }

    fn part(&self, name: &str) -> Option<&Part> {
        let at = self.names.iter().position(|known| known == name)?;
        self.parts.get(at)
    }

    /// The loss of a term, of whatever family; `None` if it is none.
    pub fn loss(&self, name: &str) -> Option<&AnyLoss> {
        self.part(name)?.loss.as_ref()
    }

    /// The penalty of a term.
    ///
    /// # Panics
    /// If there is no such term, or if it is something else.
    #[track_caller]
    pub fn regularizer(&self, name: &str) -> &AnyRegularizer {
        match self.part(name).and_then(|part| part.regularizer.as_ref()) {
            Some(penalty) => penalty,
            None => self.is_not(name, "regularization"),
        }
    }

    #[track_caller]
    fn is_not(&self, name: &str, family: &str) -> ! {
        let is = match self.part(name) {
            None => format!("no term, expected one of {}", quoted(&self.names)),
            Some(Part { loss: Some(loss), .. }) => format!("a loss of the family `{}`", loss.family()),
            Some(Part { regularizer: Some(_), .. }) => "a penalty of the family `regularization`".into(),
            Some(_) => "handed in by the caller: its config has no `family` and `kind`".into(),
        };
        panic!("joint: `{name}` is asked for as a loss of the family `{family}`, but is {is}")
    }
}

macro_rules! terms_of_families {
    ($($method:ident = $variant:ident: $any:path;)+) => {
        impl JointLoss {
            $(
                #[doc = concat!("The loss of a term, of the family `", stringify!($method), "`.")]
                ///
                /// # Panics
                /// If there is no such term, or if it is something else.
                #[track_caller]
                pub fn $method(&self, name: &str) -> &$any {
                    match self.loss(name) {
                        Some(AnyLoss::$variant(loss)) => loss,
                        _ => self.is_not(name, stringify!($method)),
                    }
                }
            )+
        }
    };
}

terms_of_families! {
    regression = Regression: crate::regression::AnyRegressionLoss;
    binary = Binary: crate::binary::AnyBinaryLoss;
    classification = Classification: crate::classification::AnyClassificationLoss;
    distribution = Distribution: crate::distribution::AnyDistributionLoss;
    segmentation = Segmentation: crate::segmentation::AnySegmentationLoss;
    boxes = Boxes: crate::boxes::AnyBoxesLoss;
    heads = Heads: crate::heads::AnyHeadLoss;
    metric = Metric: crate::metric::AnyMetricLoss;
}

impl Serialize for JointTerm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::Error;
        let mut table = match &self.term {
            TermConfig::Given => Table::new(),
            TermConfig::Loss(config) => table_of(config).map_err(S::Error::custom)?,
            TermConfig::Regularizer(config) => {
                let mut table = table_of(config).map_err(S::Error::custom)?;
                table.insert("family".into(), REGULARIZATION.into());
                table
            }
        };
        table.insert("weight".into(), serde_yaml_ng::to_value(self.weight).map_err(S::Error::custom)?);
        let mut map = serializer.serialize_map(None)?;
        // A field that is not given is not written: TOML has no null.
        for (key, value) in table.iter().filter(|(_, value)| !value.is_null()) {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

const REGULARIZATION: &str = "regularization";

fn table_of(config: &impl Serialize) -> Result<Table, serde_yaml_ng::Error> {
    serde_yaml_ng::from_value(serde_yaml_ng::to_value(config)?)
}

impl Serialize for JointLossConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("balance", &self.balance)?;
        map.serialize_entry("terms", &self.terms)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for JointLossConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let config = Self::from_value(Value::deserialize(deserializer)?).map_err(as_parser_error)?;
        config.validate().map_err(as_parser_error)?;
        Ok(config)
    }
}

impl JointLossConfig {
    fn from_value(value: Value) -> Result<Self, ConfigError> {
        let wrong = |field: String, value: &Value, allowed: String| ConfigError::WrongType {
            loss: JOINT,
            field,
            problem: format!("{}, allowed: {allowed}", serde_json::to_string(value).unwrap_or_default()),
        };
        let table = |field: String, value: Value| match value {
            Value::Mapping(table) => Ok(table),
            other => Err(wrong(field, &other, "a table".into())),
        };
        let mut config = Self::new();
        for (key, value) in table("(the whole)".into(), value)? {
            match key.as_str() {
                Some("balance") => {
                    let allowed = "a table whose `kind` is one of `fixed`, `uncertainty` (`initial`), `dwa` (`temperature`, `period`)";
                    config.balance = serde_yaml_ng::from_value(value.clone())
                        .map_err(|error| wrong("balance".into(), &value, format!("{allowed} ({error})")))?;
                }
                Some("terms") => {
                    for (name, value) in table("terms".into(), value)? {
                        let name = name.as_str().unwrap_or_default().to_owned();
                        let field = format!("terms.{name}");
                        let term = JointTerm::from_table(&field, table(field.clone(), value)?)?;
                        config.terms.insert(name, term);
                    }
                }
                _ => {
                    let field = key.as_str().unwrap_or_default().to_owned();
                    return Err(ConfigError::UnknownField { loss: JOINT, field, allowed: vec!["terms", "balance"] });
                }
            }
        }
        Ok(config)
    }
}

impl JointTerm {
    fn from_table(field: &str, mut table: Table) -> Result<Self, ConfigError> {
        let weight = match table.remove("weight") {
            None => Weight::Constant(1.0),
            Some(weight) => serde_yaml_ng::from_value(weight.clone()).map_err(|error| ConfigError::WrongType {
                loss: JOINT,
                field: format!("{field}.weight"),
                problem: format!(
                    "{}, allowed: {} ({error})",
                    serde_json::to_string(&weight).unwrap_or_default(),
                    Weight::ALLOWED
                ),
            })?,
        };
        let term = if table.is_empty() {
            TermConfig::Given
        } else if table.get("family").and_then(Value::as_str) == Some(REGULARIZATION) {
            table.remove("family");
            TermConfig::Regularizer(RegularizerConfig::from_value(Value::Mapping(table))?)
        } else {
            TermConfig::Loss(LossConfig::from_value(Value::Mapping(table))?)
        };
        Ok(Self { weight, term })
    }
}

#[cfg(feature = "schema")]
mod schema {
    use super::{Balance, JointLossConfig, JointTerm, LossConfig, REGULARIZATION, RegularizerConfig, Weight};
    use crate::schema::{add_key, tagged};
    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
    use std::borrow::Cow;

    impl JsonSchema for JointTerm {
        fn schema_name() -> Cow<'static, str> {
            "JointTerm".into()
        }
        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            let mut weight = generator.subschema_for::<Weight>();
            weight.insert("description".into(), "What the value is multiplied by.".into());
            let weight = weight.to_value();
            let mut loss = LossConfig::json_schema(generator);
            // The weight of a penalty is that of its term.
            let mut penalty = tagged(RegularizerConfig::json_schema(generator), "family", &[REGULARIZATION]);
            add_key(&mut loss, "weight", &weight, false);
            add_key(&mut penalty, "weight", &weight, false);
            let given = json_schema!({
                "description": "What the caller computes.",
                "type": "object",
                "properties": { "weight": weight },
                "additionalProperties": false,
            });
            json_schema!({ "anyOf": [loss, penalty, given] })
        }
    }

    impl JsonSchema for JointLossConfig {
        fn schema_name() -> Cow<'static, str> {
            "JointLossConfig".into()
        }
        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            let (term, balance) = (generator.subschema_for::<JointTerm>(), generator.subschema_for::<Balance>());
            json_schema!({
                "description": "Terms of any families and penalties on parameters, added up with their weights.",
                "type": "object",
                "properties": {
                    "terms": { "type": "object", "minProperties": 1, "additionalProperties": term },
                    "balance": balance,
                },
                "required": ["terms"],
                "additionalProperties": false,
            })
        }
    }
}
