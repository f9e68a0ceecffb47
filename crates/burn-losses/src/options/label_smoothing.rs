//! Label smoothing.

use crate::error::ConfigError;
use crate::field::{FieldType, IntoField, Keys, Range, Unreadable, Value, table};
use burn_losses_derive::{ByValue, Choice};

/// Over which classes label smoothing spreads epsilon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum Spread {
    /// Over all C: the true class gets 1 - e + e/C, each other e/C (Szegedy et al. 2016, PyTorch).
    #[default]
    All,
    /// Over the C - 1 others: the true class gets 1 - e, each other e/(C - 1).
    Others,
}

/// Label smoothing: how much of each target goes to other classes, and to which. In a config file a table, or epsilon alone.
#[derive(Debug, Clone, Copy, PartialEq, Default, ByValue)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(default, deny_unknown_fields, transform = crate::field::schema::key_within("epsilon", EPSILON), transform = crate::field::schema::or_number(EPSILON)))]
pub struct LabelSmoothing {
    /// The share that is spread, in [0, 1). Default: 0.
    pub epsilon: f64,
    /// The classes over which it is spread.
    pub spread: Spread,
}

impl LabelSmoothing {
    /// How much of a target q stays, and what every class gets: q becomes `keep q + floor`.
    pub(crate) fn weights(&self, classes: usize) -> (f64, f64) {
        let (e, c) = (self.epsilon, classes as f64);
        match self.spread {
            Spread::All => (1.0 - e, e / c),
            // (1 - e) q + e (1 - q) / (C - 1); one class alone has no others.
            Spread::Others if classes > 1 => (1.0 - e - e / (c - 1.0), e / (c - 1.0)),
            Spread::Others => (1.0, 0.0),
        }
    }
}

impl IntoField<LabelSmoothing> for f64 {
    fn into_field(self) -> LabelSmoothing {
        LabelSmoothing { epsilon: self, spread: Spread::default() }
    }
}

const EPSILON: Range = Range::HalfOpen(0.0, 1.0);

impl FieldType for LabelSmoothing {
    const KIND: &'static str = "table or number";

    fn to_value(&self) -> Value {
        table([("epsilon", self.epsilon.into()), ("spread", self.spread.to_value())])
    }
    fn from_value(value: &Value) -> Result<Self, Unreadable> {
        if let Some(epsilon) = value.as_f64() {
            return Ok(epsilon.into_field());
        }
        let keys = Keys::new(value, &["epsilon", "spread"])?;
        Ok(Self { epsilon: keys.get("epsilon")?.unwrap_or(0.0), spread: keys.get("spread")?.unwrap_or_default() })
    }
    fn allowed(_: Range) -> String {
        format!("{EPSILON}, or {{ epsilon: {EPSILON}, spread: {} }}", Spread::allowed(Range::Finite))
    }
    fn samples(_: Range) -> Vec<Value> {
        [Spread::All, Spread::Others]
            .map(|spread| LabelSmoothing { epsilon: 0.1, spread })
            .map(|smoothing| smoothing.to_value())
            .to_vec()
    }
    fn refused(_: Range) -> Vec<Value> {
        let spread = Spread::All;
        let tables = [1.0, -0.1, f64::NAN, f64::INFINITY].map(|epsilon| LabelSmoothing { epsilon, spread });
        let mut refused = tables.map(|smoothing| smoothing.to_value()).to_vec();
        refused.push(1.0.into());
        refused
    }
    fn check(&self, loss: &'static str, field: &str, _: Range) -> Result<(), ConfigError> {
        self.epsilon.check(loss, &format!("{field}.epsilon"), EPSILON)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smoothed(spread: Spread) -> Vec<f64> {
        let smoothing = LabelSmoothing { epsilon: 0.1, spread };
        let (keep, floor) = smoothing.weights(5);
        [0.0, 1.0, 0.0, 0.0, 0.0].map(|q| keep * q + floor).to_vec()
    }

    #[test]
    fn t9_a_smoothed_row_sums_to_one_in_both_conventions() {
        let close = |a: &[f64], b: [f64; 5]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-15);
        assert!(close(&smoothed(Spread::All), [0.02, 0.92, 0.02, 0.02, 0.02]));
        assert!(close(&smoothed(Spread::Others), [0.025, 0.9, 0.025, 0.025, 0.025]));
        // Both agree if the second epsilon is the first times (C - 1) / C.
        let all = LabelSmoothing { epsilon: 0.1, spread: Spread::All };
        let others = LabelSmoothing { epsilon: 0.1 * 4.0 / 5.0, spread: Spread::Others };
        let ((a, b), (c, d)) = (all.weights(5), others.weights(5));
        assert!((a - c).abs() < 1e-15 && (b - d).abs() < 1e-15);
    }
}
