//! Fields that are a word, or weights: a number, one number per class, or numbers that follow from counts.

use super::lists::{check_list, list_of_numbers};
use super::{CountedWeights, FieldType, IntoField, Range, Unreadable, Value, invalid};
use crate::error::{ConfigError, did_you_mean, nearest};
use burn_losses_derive::WordOrNumber;

/// The weight of the positive class, or none.
#[derive(Debug, Clone, PartialEq, WordOrNumber)]
#[counts(Pair)]
pub enum Alpha {
    /// Both classes weigh 1.
    None,
    /// Positive targets weigh alpha, negative ones 1 - alpha.
    Number(f64),
    /// alpha = w / (w + v), with the weights w of the positive and v of the negative class.
    Counts(CountedWeights),
}

/// The weight of the positive class, or the one that balances both classes in each batch.
#[derive(Debug, Clone, PartialEq, WordOrNumber)]
#[counts(Pair)]
pub enum BatchAlpha {
    /// alpha = negatives / (positives + negatives) of the batch.
    Batch,
    /// A fixed alpha.
    Number(f64),
    /// alpha = w / (w + v), with the weights w of the positive and v of the negative class.
    Counts(CountedWeights),
}

/// A limit, or none.
#[derive(Debug, Clone, PartialEq, WordOrNumber)]
pub enum Limit {
    /// No limit.
    None,
    /// A limit.
    Number(f64),
}

/// A factor for one class or for each.
#[derive(Debug, Clone, PartialEq, WordOrNumber)]
#[counts(Classes)]
pub enum ClassFactor {
    /// No factor.
    None,
    /// The same factor for every class.
    Number(f64),
    /// One factor per class.
    PerClass(Vec<f64>),
    /// One factor per class, from the counts of the classes.
    Counts(CountedWeights),
}

/// The weight of positive targets, for all columns or for each.
#[derive(Debug, Clone, PartialEq, WordOrNumber)]
#[counts(Columns)]
pub enum PosWeight {
    /// Positive targets weigh 1, as negative ones do.
    None,
    /// The same weight for every column.
    Number(f64),
    /// One weight per column.
    PerClass(Vec<f64>),
    /// The weight of the positive class divided by that of the negative class, from the counts of both: for all columns, or for
    /// each.
    Counts(CountedWeights),
}

/// One weight per class, or none.
#[derive(Debug, Clone, PartialEq, WordOrNumber)]
#[counts(Classes)]
pub enum ClassWeights {
    /// Every class weighs 1.
    None,
    /// One weight per class.
    PerClass(Vec<f64>),
    /// One weight per class, from the counts of the classes.
    Counts(CountedWeights),
}

impl Alpha {
    /// The number, if there is one.
    #[inline(always)]
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::None => None,
            Self::Number(number) => Some(*number),
            Self::Counts(counts) => Some(counts.balance()),
        }
    }
}

impl BatchAlpha {
    /// The number, if there is one.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Batch => None,
            Self::Number(number) => Some(*number),
            Self::Counts(counts) => Some(counts.balance()),
        }
    }
}

impl ClassFactor {
    /// The factors, if there is one per class.
    pub(crate) fn per_class(&self) -> Option<&[f64]> {
        match self {
            Self::None | Self::Number(_) => None,
            Self::PerClass(factors) => Some(factors),
            Self::Counts(counts) => Some(counts.weights()),
        }
    }
}

impl PosWeight {
    /// The weight, if all columns have the same.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::None | Self::PerClass(_) => None,
            Self::Number(number) => Some(*number),
            Self::Counts(counts) => counts.ratio(),
        }
    }

    /// The weights, if there is one per column.
    pub(crate) fn per_class(&self) -> Option<&[f64]> {
        match self {
            Self::None | Self::Number(_) => None,
            Self::PerClass(weights) => Some(weights),
            Self::Counts(counts) => counts.ratio().is_none().then(|| counts.weights()),
        }
    }
}

impl ClassWeights {
    /// The weights, if there are any.
    pub fn per_class(&self) -> Option<&[f64]> {
        match self {
            Self::None => None,
            Self::PerClass(weights) => Some(weights),
            Self::Counts(counts) => Some(counts.weights()),
        }
    }

    /// Whether every class weighs 1.
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// Whether there are weights.
    pub fn is_some(&self) -> bool {
        !self.is_none()
    }
}

/// The weights are given as this list, or both are none.
impl PartialEq<Option<Vec<f64>>> for ClassWeights {
    fn eq(&self, other: &Option<Vec<f64>>) -> bool {
        match (self, other) {
            (Self::None, None) => true,
            (Self::PerClass(weights), Some(others)) => weights == others,
            _ => false,
        }
    }
}

impl<N: Into<f64>> IntoField<Alpha> for N {
    fn into_field(self) -> Alpha {
        Alpha::Number(self.into())
    }
}

impl<N: Into<f64>> IntoField<BatchAlpha> for N {
    fn into_field(self) -> BatchAlpha {
        BatchAlpha::Number(self.into())
    }
}

impl<N: Into<f64>> IntoField<Limit> for N {
    fn into_field(self) -> Limit {
        Limit::Number(self.into())
    }
}

impl IntoField<ClassFactor> for f64 {
    fn into_field(self) -> ClassFactor {
        ClassFactor::Number(self)
    }
}

impl IntoField<ClassFactor> for Vec<f64> {
    fn into_field(self) -> ClassFactor {
        ClassFactor::PerClass(self)
    }
}

impl<N: Into<f64>, const C: usize> IntoField<ClassFactor> for [N; C] {
    fn into_field(self) -> ClassFactor {
        ClassFactor::PerClass(self.into_iter().map(Into::into).collect())
    }
}

impl IntoField<PosWeight> for f64 {
    fn into_field(self) -> PosWeight {
        PosWeight::Number(self)
    }
}

impl IntoField<PosWeight> for Vec<f64> {
    fn into_field(self) -> PosWeight {
        PosWeight::PerClass(self)
    }
}

impl<N: Into<f64>, const C: usize> IntoField<PosWeight> for [N; C] {
    fn into_field(self) -> PosWeight {
        PosWeight::PerClass(self.into_iter().map(Into::into).collect())
    }
}

impl IntoField<PosWeight> for ClassFactor {
    fn into_field(self) -> PosWeight {
        match self {
            Self::None => PosWeight::None,
            Self::Number(number) => PosWeight::Number(number),
            Self::PerClass(weights) => PosWeight::PerClass(weights),
            Self::Counts(counts) => PosWeight::Counts(counts),
        }
    }
}

impl IntoField<ClassWeights> for Vec<f64> {
    fn into_field(self) -> ClassWeights {
        ClassWeights::PerClass(self)
    }
}

impl<N: Copy + Into<f64>> IntoField<ClassWeights> for &[N] {
    fn into_field(self) -> ClassWeights {
        ClassWeights::PerClass(self.iter().map(|number| (*number).into()).collect())
    }
}

impl<N: Copy + Into<f64>, const C: usize> IntoField<ClassWeights> for [N; C] {
    fn into_field(self) -> ClassWeights {
        self.as_slice().into_field()
    }
}

impl IntoField<ClassWeights> for Option<Vec<f64>> {
    fn into_field(self) -> ClassWeights {
        self.map_or(ClassWeights::None, ClassWeights::PerClass)
    }
}

/// What the counts of a field belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CountsOf {
    /// The classes.
    Classes,
    /// The negative and the positive class.
    Pair,
    /// The negative and the positive class of all columns, or of each column.
    Columns,
}

/// The forms that such a field can have.
pub(crate) struct Forms {
    pub(crate) word: &'static str,
    pub(crate) takes_numbers: bool,
    pub(crate) takes_lists: bool,
    /// `None`: no counts.
    pub(crate) counts: Option<CountsOf>,
}

/// The form that such a field has.
pub(crate) enum Loose {
    Word,
    Number(f64),
    List(Vec<f64>),
    Counts(CountedWeights),
}

impl Forms {
    pub(crate) fn to_value(&self, field: Loose) -> Value {
        match field {
            // An optional list that is not there.
            Loose::Word if !self.takes_numbers => Value::Null,
            Loose::Word => self.word.into(),
            Loose::Number(number) => number.into(),
            Loose::List(list) => list.into(),
            Loose::Counts(counts) => counts.to_value(),
        }
    }

    pub(crate) fn read(&self, value: &Value) -> Result<Loose, Unreadable> {
        match value {
            Value::Text(word) if word == self.word => Ok(Loose::Word),
            Value::Null if self.word == "none" => Ok(Loose::Word),
            Value::Text(word) if self.takes_numbers => {
                Err(Unreadable::Word { hint: nearest(word, [self.word]).map(did_you_mean) })
            }
            Value::List(_) if self.takes_lists => list_of_numbers(value).map(Loose::List),
            Value::Table(_) if self.counts.is_some() => CountedWeights::from_value(value).map(Loose::Counts),
            other if self.takes_numbers => other.as_f64().map(Loose::Number).ok_or(Unreadable::Type),
            _ => Err(Unreadable::Type),
        }
    }

    pub(crate) fn allowed(&self, range: Range) -> String {
        let numbers = match (self.takes_numbers, self.takes_lists) {
            (false, _) => format!("one number per class, each {range}"),
            (true, false) => format!("`{}` or {range}", self.word),
            (true, true) => format!("`{}` or {range} or a list of numbers, one per class", self.word),
        };
        match self.counts {
            None => numbers,
            Some(of) => format!("{numbers}, or {}", CountedWeights::allowed_for(of)),
        }
    }

    pub(crate) fn samples(&self, range: Range) -> Vec<Value> {
        let numbers = if self.takes_numbers { [f64::samples(range), vec![self.word.into()]].concat() } else { vec![] };
        let lists = if self.takes_lists { Option::<Vec<f64>>::samples(range) } else { vec![] };
        [numbers, lists, self.counts.map(CountedWeights::samples_for).unwrap_or_default()].concat()
    }

    pub(crate) fn refused(&self, range: Range) -> Vec<Value> {
        let numbers = if self.takes_numbers { f64::refused(range) } else { vec![1.0.into()] };
        let lists = if self.takes_lists { Option::<Vec<f64>>::refused(range) } else { vec![] };
        let counts = self.counts.map(CountedWeights::refused_for).unwrap_or_default();
        [numbers, vec!["no such word".into()], lists, counts].concat()
    }

    pub(crate) fn check(&self, field: Loose, loss: &'static str, name: &str, range: Range) -> Result<(), ConfigError> {
        match field {
            Loose::Word => Ok(()),
            Loose::Number(number) if range.contains(number) => Ok(()),
            Loose::Number(number) => invalid(loss, name, number, self.allowed(range)),
            Loose::List(list) => check_list(&list, loss, name, range),
            Loose::Counts(counts) => self.counts.map_or(Ok(()), |of| counts.check_for(of, loss, name)),
        }
    }

    #[cfg(feature = "schema")]
    pub(crate) fn schema(&self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let word = match self.word {
            "none" => schemars::json_schema!({ "enum": ["none", null] }),
            word => schemars::json_schema!({ "const": word }),
        };
        let number = self.takes_numbers.then(|| generator.subschema_for::<f64>());
        let list = self.takes_lists.then(|| generator.subschema_for::<Vec<f64>>());
        let counts = self.counts.map(|of| CountedWeights::schema_for(of, generator));
        let forms: Vec<_> = [Some(word), number, list, counts].into_iter().flatten().collect();
        schemars::json_schema!({ "anyOf": forms })
    }
}

/// Narrows the numbers and lists of such a field to a range, but not the counts, which are a table.
#[cfg(feature = "schema")]
pub(crate) fn narrow_forms(schema: &mut schemars::Schema, range: Range) {
    use schemars::transform::Transform;
    let Some(serde_json::Value::Array(forms)) = schema.get_mut("anyOf") else { return };
    for form in forms.iter_mut().flat_map(<&mut schemars::Schema>::try_from) {
        if form.get("properties").is_none() {
            super::schema::within(range).transform(form);
        }
    }
}
