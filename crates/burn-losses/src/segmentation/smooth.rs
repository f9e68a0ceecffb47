//! The smoothing of a quotient of areas.

use crate::config::{FieldType, IntoField, Range, Unreadable, Value};
use crate::error::ConfigError;
use crate::field::{Keys, table};
use crate::formula::{Real, safe::is_below};
use burn_losses_derive::ByValue;

/// The numbers added to the numerator and to the denominator of a quotient of areas: one number in a config file, or a table
/// with `numerator` and `denominator`.
#[derive(Debug, Clone, Copy, PartialEq, ByValue)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged, deny_unknown_fields))]
pub enum Smooth {
    /// The same number for both: a region that is empty and predicted as empty has the value 0.
    Both(f64),
    /// One number for each, the numerator no larger: an empty region that is predicted as empty then has a value above 0 unless
    /// the two are equal.
    #[allow(missing_docs)] // docs of the fields would stand in the schema, where that of the variant is enough
    Apart { numerator: f64, denominator: f64 },
}

impl Smooth {
    /// 1 - (numerator + s) / (denominator + s); 0 with a zero gradient where the denominator is zero.
    pub(crate) fn miss<R: Real>(self, numerator: R, denominator: R) -> R {
        let (above, below) = match self {
            Self::Both(number) => (number, number),
            Self::Apart { numerator, denominator } => (numerator, denominator),
        };
        let denominator = denominator + below;
        let nothing = is_below(&denominator, 1e-30);
        let (zero, one) = (numerator.lit(0.0), numerator.lit(1.0));
        let miss = -((numerator + above) / R::select(&nothing, one, denominator)) + 1.0;
        R::select(&nothing, zero, miss)
    }
}

impl IntoField<Smooth> for f64 {
    fn into_field(self) -> Smooth {
        Smooth::Both(self)
    }
}

impl FieldType for Smooth {
    const KIND: &'static str = "number or table";

    fn to_value(&self) -> Value {
        match *self {
            Self::Both(number) => number.into(),
            Self::Apart { numerator, denominator } => {
                table([("numerator", numerator.into()), ("denominator", denominator.into())])
            }
        }
    }
    fn from_value(value: &Value) -> Result<Self, Unreadable> {
        if let Some(number) = value.as_f64() {
            return Ok(Self::Both(number));
        }
        let keys = Keys::new(value, &["numerator", "denominator"])?;
        Ok(Self::Apart { numerator: keys.require("numerator")?, denominator: keys.require("denominator")? })
    }
    fn allowed(range: Range) -> String {
        format!("{range}, or a table of `numerator` and `denominator`, each {range}, the numerator no larger")
    }
    fn samples(range: Range) -> Vec<Value> {
        let apart = Self::Apart { numerator: 0.0, denominator: 0.5 };
        let mut samples = f64::samples(range);
        samples.push(apart.to_value());
        samples
    }
    fn refused(range: Range) -> Vec<Value> {
        let mut refused = f64::refused(range);
        let apart = |numerator: f64, denominator: f64| Self::Apart { numerator, denominator }.to_value();
        refused.extend([apart(-1.0, 1.0), apart(1.0, f64::NAN), apart(1.0, 0.5)]);
        refused.extend(["large".into(), table([])]);
        refused
    }
    fn check(&self, loss: &'static str, field: &str, range: Range) -> Result<(), ConfigError> {
        match self {
            Self::Both(number) => number.check(loss, field, range),
            Self::Apart { numerator, denominator } => {
                numerator.check(loss, &format!("{field}.numerator"), range)?;
                denominator.check(loss, &format!("{field}.denominator"), range)?;
                if numerator <= denominator {
                    return Ok(());
                }
                Err(ConfigError::InvalidValue {
                    loss,
                    field: format!("{field}.numerator"),
                    value: numerator.to_string(),
                    allowed: format!("at most the denominator's {denominator}, or the loss would be negative"),
                })
            }
        }
    }
}
