//! How second derivatives are computed.

use crate::error::ConfigError;
use crate::field::{FieldType, Keys, Range, Unreadable, Value, table};
use burn_losses_derive::{ByValue, Choice};

/// The kind of curvature that is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum Curvature {
    /// The second derivative, negative values included.
    #[default]
    Exact,
    /// The mean of the second derivative over the targets that the prediction itself expects (the Fisher information):
    /// `p l''(x, 1) + (1 - p) l''(x, 0)` for yes or no, the mean over the labels for classes, and l'' at the mean of the model for regression, where
    /// the loss is the likelihood of an exponential family.
    Expected,
    /// A bound that the exact one never exceeds: for numbers the largest second derivative over all predictions, for classes the
    /// sum of the absolute values of a row of the Hessian.
    Majorizer,
}

/// How second derivatives are computed: in a config file `{ curvature = "expected", floor = 1e-16 }`.
///
/// ```
/// use burn_losses::{Curvature, SecondOrderConfig};
///
/// let options = SecondOrderConfig::new().with_curvature(Curvature::Expected).with_floor(1e-16);
/// assert_eq!(options.curvature, Curvature::Expected);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, ByValue)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(default, deny_unknown_fields, transform = crate::field::schema::key_within("floor", FLOOR)))]
pub struct SecondOrderConfig {
    /// Which curvature it is.
    ///
    /// Default: `exact`. Allowed: `exact`, `expected`, `majorizer`. In a config file: `curvature`.
    pub curvature: Curvature,
    /// The least curvature of a value that counts. With 0 the curvature is given back as it is, even where it is negative.
    ///
    /// Default: `0`. Allowed: `>= 0`. In a config file: `floor`.
    pub floor: f64,
}

/// The name of these options in errors.
pub(crate) const NAME: &str = "second_order";

const FLOOR: Range = Range::AtLeast(0.0);

impl SecondOrderConfig {
    /// The exact curvature without a floor.
    pub fn new() -> Self {
        Self::default()
    }

    /// With this curvature.
    #[must_use]
    pub fn with_curvature(self, curvature: Curvature) -> Self {
        Self { curvature, ..self }
    }

    /// With this least curvature.
    #[must_use]
    pub fn with_floor(self, floor: f64) -> Self {
        Self { floor, ..self }
    }

    /// Checks the floor, which must be a finite number that is not negative.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check(NAME, "", Range::Finite)
    }
}

impl FieldType for SecondOrderConfig {
    const KIND: &'static str = "table";

    fn to_value(&self) -> Value {
        table([("curvature", self.curvature.to_value()), ("floor", self.floor.into())])
    }
    fn from_value(value: &Value) -> Result<Self, Unreadable> {
        let keys = Keys::new(value, &["curvature", "floor"])?;
        Ok(Self { curvature: keys.get("curvature")?.unwrap_or_default(), floor: keys.get("floor")?.unwrap_or(0.0) })
    }
    fn allowed(_: Range) -> String {
        format!("{{ curvature: {}, floor: {FLOOR} }}", Curvature::allowed(Range::Finite))
    }
    fn samples(_: Range) -> Vec<Value> {
        [Curvature::Exact, Curvature::Majorizer].map(|curvature| Self { curvature, floor: 1e-6 }.to_value()).to_vec()
    }
    fn refused(_: Range) -> Vec<Value> {
        let floors = [-1.0, f64::NAN, f64::INFINITY].map(|floor| Self { floor, ..Self::default() }.to_value());
        floors.into_iter().chain([1.0.into()]).collect()
    }
    fn check(&self, loss: &'static str, field: &str, _: Range) -> Result<(), ConfigError> {
        let field = if field.is_empty() { "floor".to_owned() } else { format!("{field}.floor") };
        self.floor.check(loss, &field, FLOOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_ranges() {
        let read = |text: &str| serde_json::from_str::<SecondOrderConfig>(text);
        let all = SecondOrderConfig::new().with_curvature(Curvature::Majorizer).with_floor(0.5);
        assert_eq!(read(r#"{"curvature": "majorizer", "floor": 0.5}"#).unwrap(), all);
        assert_eq!(read("{}").unwrap(), SecondOrderConfig::new());
        assert!(read(r#"{"flor": 1}"#).unwrap_err().to_string().contains("flor"));
        let error = SecondOrderConfig::new().with_floor(-1.0).validate().unwrap_err();
        assert_eq!(error.to_string(), "second_order: `floor` is -1, allowed: a number >= 0");
        assert!(SecondOrderConfig::new().with_floor(f64::NAN).validate().is_err());
    }
}
