//! Class weights that follow from the number of samples of each class.

use super::word_or_number::CountsOf;
use super::{FieldType, Keys, Range, Unreadable, Value, invalid, list_of_numbers, table};
use crate::error::ConfigError;
use burn_losses_derive::{ByValue, Choice};

/// How the weight of a class follows from its count n, with C classes and N samples in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum WeightScheme {
    /// N / (C n): all classes contribute equally (`balanced` in scikit-learn).
    Inverse,
    /// 1 / sqrt(n): half way between `inverse` and no weights.
    InverseSqrt,
    /// (1 - beta) / (1 - beta^n): the effective number of samples (Cui et al. 2019,
    /// [arXiv 1901.05555](https://arxiv.org/abs/1901.05555)).
    EffectiveNumber,
    /// The median of all counts, divided by n (Eigen and Fergus 2015, [arXiv 1411.4734](https://arxiv.org/abs/1411.4734)).
    Median,
}

/// How class weights are scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum WeightNormalize {
    /// They are left as the scheme gives them. The scheme then decides how large the gradients are: the learning rate may have
    /// to follow.
    #[default]
    None,
    /// Their sum is the number of classes.
    Classes,
    /// The weights of all samples add up to the number of samples, so that a mean over the data set keeps its size.
    Mean,
}

/// Counts, as weights are computed from them.
#[derive(Debug, Clone, PartialEq)]
pub enum Counts {
    /// The number of samples of each class.
    PerClass(Vec<f64>),
    /// The numbers of negative and of positive samples of each column, for several labels at once.
    PerColumn(Vec<[f64; 2]>),
}

impl From<Vec<f64>> for Counts {
    fn from(counts: Vec<f64>) -> Self {
        Self::PerClass(counts)
    }
}

impl<N: Into<f64>, const C: usize> From<[N; C]> for Counts {
    fn from(counts: [N; C]) -> Self {
        Self::PerClass(counts.into_iter().map(Into::into).collect())
    }
}

impl From<Vec<[f64; 2]>> for Counts {
    fn from(counts: Vec<[f64; 2]>) -> Self {
        Self::PerColumn(counts)
    }
}

/// Weights that follow from counts: in a config file `{ counts = [900, 90, 10], scheme = "inverse" }`.
///
/// A class without samples has weight 0; it counts neither as one of the C classes nor in the median. [`absent`](Self::absent)
/// lists such classes: a label of one of them has no effect.
///
/// For `class_weights`, and for `alpha` of the multi-class focal loss, there is one count per class. For `pos_weight` there are the
/// counts of the negative and of the positive class, `[900, 100]`, or such a pair for each column, `[[900, 100], [990, 10]]`. The
/// weight is then that of the positive class divided by that of the negative class, which is negatives / positives for `inverse`.
/// For `alpha` of a binary loss, it is the weight of the positive class, divided by the sum of both. A quotient does not depend on
/// `normalize`.
#[derive(Debug, Clone, PartialEq, ByValue)]
pub struct CountedWeights {
    counts: Counts,
    scheme: WeightScheme,
    beta: f64,
    normalize: WeightNormalize,
    /// One weight per class, or the quotient of each column.
    weights: Vec<f64>,
    /// alpha: the share of the positive class in the weights of two classes.
    balance: f64,
}

impl CountedWeights {
    /// The weights of these counts by a scheme.
    pub fn new(counts: impl Into<Counts>, scheme: WeightScheme) -> Self {
        let (beta, normalize) = (BETA, WeightNormalize::None);
        Self { counts: counts.into(), scheme, beta, normalize, weights: Vec::new(), balance: 0.0 }.computed()
    }

    /// Sets beta of the effective number of samples, in [0, 1). Default: 0.999.
    pub fn with_beta(self, beta: f64) -> Self {
        Self { beta, ..self }.computed()
    }

    /// Sets how the weights are scaled. Default: [`WeightNormalize::None`].
    pub fn with_normalize(self, normalize: WeightNormalize) -> Self {
        Self { normalize, ..self }.computed()
    }

    /// The counts.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The weights: one per class, or one quotient per column.
    ///
    /// ```
    /// use burn_losses::config::{CountedWeights, WeightScheme};
    ///
    /// let weights = CountedWeights::new([30.0, 10.0, 0.0], WeightScheme::Inverse);
    /// assert_eq!(weights.weights(), [2.0 / 3.0, 2.0, 0.0]);
    /// assert_eq!(weights.absent(), [2]);
    /// ```
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The classes without samples, whose weight is 0; or the columns in which one of both classes has no samples.
    pub fn absent(&self) -> Vec<usize> {
        let is_absent: Vec<bool> = match &self.counts {
            Counts::PerClass(counts) => counts.iter().map(|count| *count == 0.0).collect(),
            Counts::PerColumn(counts) => counts.iter().map(|pair| pair.contains(&0.0)).collect(),
        };
        (0..).zip(is_absent).filter_map(|(at, is_absent)| is_absent.then_some(at)).collect()
    }

    /// The weight of the positive class divided by that of the negative class, for the counts of both; `None` for counts of
    /// columns.
    pub(crate) fn ratio(&self) -> Option<f64> {
        match self.counts {
            Counts::PerClass(_) => Some(quotient(&self.weights)),
            Counts::PerColumn(_) => None,
        }
    }

    /// The weight of the positive class divided by the sum of both, for the counts of two classes.
    #[inline(always)]
    pub(crate) fn balance(&self) -> f64 {
        self.balance
    }

    /// The weights anew, after a change of a field.
    fn computed(mut self) -> Self {
        self.weights = match &self.counts {
            Counts::PerClass(counts) => self.normalized(counts),
            Counts::PerColumn(columns) => columns.iter().map(|counts| quotient(&self.of_scheme(counts))).collect(),
        };
        self.balance = match self.weights[..] {
            [negative, positive] => positive / (negative + positive),
            _ => 0.0,
        };
        self
    }

    fn normalized(&self, counts: &[f64]) -> Vec<f64> {
        let weights = self.of_scheme(counts);
        let factor = match self.normalize {
            WeightNormalize::None => return weights,
            WeightNormalize::Classes => seen(counts).count() as f64 / weights.iter().sum::<f64>(),
            WeightNormalize::Mean => {
                let all = weights.iter().zip(counts).map(|(weight, count)| weight * count);
                counts.iter().sum::<f64>() / all.sum::<f64>()
            }
        };
        weights.into_iter().map(|weight| weight * factor).collect()
    }

    fn of_scheme(&self, counts: &[f64]) -> Vec<f64> {
        let classes = seen(counts).count() as f64;
        let (total, median) = (counts.iter().sum::<f64>(), median(counts));
        let weight = |count: f64| match self.scheme {
            _ if count == 0.0 => 0.0,
            WeightScheme::Inverse => total / (classes * count),
            WeightScheme::InverseSqrt => 1.0 / count.sqrt(),
            // beta^n = e^(n ln beta): 1 - beta^n keeps its digits where it is small.
            WeightScheme::EffectiveNumber => (1.0 - self.beta) / -(count * self.beta.ln()).exp_m1(),
            WeightScheme::Median => median / count,
        };
        counts.iter().map(|count| weight(*count)).collect()
    }
}

/// The counts of the classes that have samples.
fn seen(counts: &[f64]) -> impl Iterator<Item = f64> {
    counts.iter().copied().filter(|count| *count > 0.0)
}

fn median(counts: &[f64]) -> f64 {
    let mut seen: Vec<f64> = seen(counts).collect();
    seen.sort_by(f64::total_cmp);
    match seen.len() {
        0 => 0.0,
        count if count % 2 == 1 => seen[count / 2],
        count => (seen[count / 2 - 1] + seen[count / 2]) / 2.0,
    }
}

/// The second weight divided by the first; 0 where one of both classes has no samples.
fn quotient(weights: &[f64]) -> f64 {
    match *weights {
        [negative, positive] if negative > 0.0 => positive / negative,
        _ => 0.0,
    }
}

const BETA: f64 = 0.999;
const BETA_RANGE: Range = Range::HalfOpen(0.0, 1.0);
const COUNT: Range = Range::AtLeast(0.0);
const KEYS: [&str; 4] = ["counts", "scheme", "beta", "normalize"];

fn pair_of(value: &Value) -> Result<[f64; 2], Unreadable> {
    list_of_numbers(value)?.try_into().map_err(|_| Unreadable::Type)
}

impl FieldType for CountedWeights {
    const KIND: &'static str = "table";

    fn to_value(&self) -> Value {
        let counts = match &self.counts {
            Counts::PerClass(counts) => Value::from(counts.clone()),
            Counts::PerColumn(counts) => counts.iter().map(|pair| pair.to_vec()).collect::<Vec<_>>().into(),
        };
        table([
            ("counts", counts),
            ("scheme", self.scheme.to_value()),
            ("beta", self.beta.into()),
            ("normalize", self.normalize.to_value()),
        ])
    }
    fn from_value(value: &Value) -> Result<Self, Unreadable> {
        let keys = Keys::new(value, &KEYS)?;
        let counts = value.get("counts").ok_or(Unreadable::Type)?;
        let items = counts.as_list().ok_or(Unreadable::Type)?;
        let counts = match items.first() {
            Some(Value::List(_)) => {
                let pairs = items.iter().map(pair_of).collect::<Result<_, _>>();
                Counts::PerColumn(pairs.map_err(|_| Unreadable::Type)?)
            }
            _ => Counts::PerClass(list_of_numbers(counts).map_err(|_| Unreadable::Type)?),
        };
        let weights = Self::new(counts, keys.require("scheme")?);
        let weights = weights.with_beta(keys.get("beta")?.unwrap_or(BETA));
        Ok(weights.with_normalize(keys.get("normalize")?.unwrap_or_default()))
    }
    fn allowed(_: Range) -> String {
        Self::allowed_for(CountsOf::Classes)
    }
    fn samples(_: Range) -> Vec<Value> {
        Self::samples_for(CountsOf::Classes)
    }
    fn refused(_: Range) -> Vec<Value> {
        Self::refused_for(CountsOf::Classes)
    }
    fn check(&self, loss: &'static str, field: &str, _: Range) -> Result<(), ConfigError> {
        self.check_for(CountsOf::Classes, loss, field)
    }
    #[cfg(feature = "schema")]
    fn narrow(_: &mut schemars::Schema, _: Range) {}
}

/// What depends on what the counts belong to.
impl CountedWeights {
    pub(super) fn allowed_for(of: CountsOf) -> String {
        let scheme = WeightScheme::allowed(COUNT);
        format!(
            "{{ counts: {}, scheme: {scheme}, beta: {BETA_RANGE}, normalize: `classes`, `mean` or none }}",
            match of {
                CountsOf::Classes => "one per class, each a number >= 0",
                CountsOf::Pair => "[negatives, positives]",
                CountsOf::Columns => "[negatives, positives], or such a pair for each column",
            }
        )
    }

    pub(super) fn samples_for(of: CountsOf) -> Vec<Value> {
        let counts = match of {
            CountsOf::Classes => Counts::from([6.0, 3.0, 1.0]),
            CountsOf::Pair | CountsOf::Columns => Counts::from([7.0, 2.0]),
        };
        let new = |scheme| Self::new(counts.clone(), scheme);
        let mut samples = vec![new(WeightScheme::Inverse), new(WeightScheme::EffectiveNumber).with_beta(0.8)];
        match of {
            CountsOf::Classes => samples.extend([
                new(WeightScheme::InverseSqrt).with_normalize(WeightNormalize::Mean),
                new(WeightScheme::Median).with_normalize(WeightNormalize::Classes),
            ]),
            CountsOf::Pair => samples.push(new(WeightScheme::InverseSqrt)),
            CountsOf::Columns => {
                let columns = vec![[7.0, 2.0], [5.0, 4.0], [1.0, 3.0]];
                samples.push(Self::new(columns, WeightScheme::InverseSqrt));
            }
        }
        samples.iter().map(Self::to_value).collect()
    }

    pub(super) fn refused_for(of: CountsOf) -> Vec<Value> {
        let inverse = |counts: Value| table([("counts", counts), ("scheme", "inverse".into())]);
        let [right, longer] = match of {
            CountsOf::Classes => [vec![2.0, 1.0, 1.0], vec![]],
            CountsOf::Pair | CountsOf::Columns => [vec![2.0, 1.0], vec![2.0, 1.0, 1.0]],
        };
        let wrong_count = |count: f64| {
            let mut counts = right.clone();
            counts[1] = count;
            inverse(counts.into())
        };
        let mut refused = [-1.0, f64::NAN, f64::INFINITY].map(wrong_count).to_vec();
        refused.extend([vec![0.0; right.len()], longer].map(|counts| inverse(counts.into())));
        let words: [(&str, Value); 4] =
            [("scheme", "fair".into()), ("normalize", "sum".into()), ("beta", 1.0.into()), ("beta", (-0.5).into())];
        for (key, value) in words {
            if let Value::Table(mut table) = inverse(right.clone().into()) {
                table.insert(key, value);
                refused.push(table.into());
            }
        }
        refused.extend([table([("counts", right.into())]), table([("scheme", "inverse".into())])]);
        if of != CountsOf::Columns {
            refused.push(inverse(vec![vec![2.0, 1.0]; 3].into()));
        }
        refused
    }

    pub(super) fn check_for(&self, of: CountsOf, loss: &'static str, field: &str) -> Result<(), ConfigError> {
        let name = format!("{field}.counts");
        let wrong = |value: &str| {
            let allowed = match of {
                CountsOf::Classes => "one number per class, each a number >= 0, and one of them above 0",
                CountsOf::Pair => "[negatives, positives], each a number >= 0, and one of them above 0",
                CountsOf::Columns => {
                    "[negatives, positives], each a number >= 0, and one of them above 0, or such a pair for each column"
                }
            };
            invalid(loss, &name, value, allowed.into())
        };
        let check = |name: String, count: &f64| count.check(loss, &name, COUNT);
        match &self.counts {
            Counts::PerClass(counts) => {
                if of != CountsOf::Classes && counts.len() != 2 {
                    return wrong(&format!("{} numbers", counts.len()));
                }
                (0..).zip(counts).try_for_each(|(at, count): (usize, _)| check(format!("{name}[{at}]"), count))?;
                if seen(counts).next().is_none() {
                    return wrong(if counts.is_empty() { "an empty list" } else { "0 for every class" });
                }
            }
            Counts::PerColumn(columns) => {
                if of != CountsOf::Columns {
                    return wrong("a list of lists");
                }
                for (column, pair) in columns.iter().enumerate() {
                    (0..)
                        .zip(pair)
                        .try_for_each(|(at, count): (usize, _)| check(format!("{name}[{column}][{at}]"), count))?;
                }
            }
        }
        self.beta.check(loss, &format!("{field}.beta"), BETA_RANGE)?;
        if self.weights.iter().all(|weight| weight.is_finite()) {
            return Ok(());
        }
        wrong("so small or so large that a weight is infinite")
    }

    #[cfg(feature = "schema")]
    pub(super) fn schema_for(of: CountsOf, generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        use serde_json::json;
        let count = json!({ "type": "number", "minimum": 0 });
        let some = json!({ "exclusiveMinimum": 0 });
        let two = |items| json!({ "type": "array", "items": items, "minItems": 2, "maxItems": 2 });
        let mut pair = two(&count);
        pair["contains"] = some.clone();
        let counts = match of {
            CountsOf::Classes => json!({ "type": "array", "items": count, "minItems": 1, "contains": some }),
            CountsOf::Pair => pair,
            CountsOf::Columns => {
                json!({ "anyOf": [pair, { "type": "array", "items": two(&count), "minItems": 1 }] })
            }
        };
        let scheme = generator.subschema_for::<WeightScheme>();
        let normalize = generator.subschema_for::<WeightNormalize>();
        schemars::json_schema!({
            "description": "Weights that follow from counts.",
            "type": "object",
            "properties": {
                "counts": counts,
                "scheme": scheme,
                "beta": { "type": "number", "minimum": 0, "exclusiveMaximum": 1, "default": BETA },
                "normalize": normalize,
            },
            "required": ["counts", "scheme"],
            "additionalProperties": false,
        })
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for CountedWeights {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "CountedWeights".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Self::schema_for(CountsOf::Classes, generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(counts: &[f64], scheme: WeightScheme) -> CountedWeights {
        CountedWeights::new(counts.to_vec(), scheme)
    }

    fn close(got: &[f64], expected: &[f64]) {
        assert!(
            got.len() == expected.len() && got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12),
            "{got:?} {expected:?}"
        );
    }

    #[test]
    fn the_schemes_by_hand() {
        let counts = [60.0, 30.0, 10.0];
        close(weights(&counts, WeightScheme::Inverse).weights(), &[5.0 / 9.0, 10.0 / 9.0, 10.0 / 3.0]);
        close(
            weights(&counts, WeightScheme::InverseSqrt).weights(),
            &[60f64.sqrt().recip(), 30f64.sqrt().recip(), 10f64.sqrt().recip()],
        );
        close(weights(&counts, WeightScheme::Median).weights(), &[0.5, 1.0, 3.0]);
        close(weights(&[1.0, 2.0, 3.0, 5.0], WeightScheme::Median).weights(), &[2.5, 1.25, 2.5 / 3.0, 0.5]);
        let effective = |beta| weights(&[1.0, 2.0], WeightScheme::EffectiveNumber).with_beta(beta);
        close(effective(0.5).weights(), &[1.0, 2.0 / 3.0]);
        // beta = 0: every class has one effective sample.
        close(effective(0.0).weights(), &[1.0, 1.0]);
        // beta near 1: the inverse of the count.
        close(effective(1.0 - 1e-13).weights(), &[1.0, 0.5]);
    }

    #[test]
    fn what_normalize_keeps() {
        for scheme in
            [WeightScheme::Inverse, WeightScheme::InverseSqrt, WeightScheme::EffectiveNumber, WeightScheme::Median]
        {
            let counts = [60.0, 0.0, 30.0, 10.0];
            let of = |normalize| weights(&counts, scheme).with_normalize(normalize).weights().to_vec();
            let sum: f64 = of(WeightNormalize::Classes).iter().sum();
            assert!((sum - 3.0).abs() < 1e-12, "{scheme:?}: {sum}");
            let all: f64 = of(WeightNormalize::Mean).iter().zip(counts).map(|(weight, count)| weight * count).sum();
            assert!((all - 100.0).abs() < 1e-9, "{scheme:?}: {all}");
        }
    }

    /// A class without samples has weight 0, and changes no other weight.
    #[test]
    fn a_class_without_samples_weighs_nothing() {
        for scheme in
            [WeightScheme::Inverse, WeightScheme::InverseSqrt, WeightScheme::EffectiveNumber, WeightScheme::Median]
        {
            let some = weights(&[60.0, 30.0, 10.0], scheme);
            let with = weights(&[60.0, 30.0, 0.0, 10.0], scheme);
            let [a, b, c] = *some.weights() else { panic!("three weights") };
            assert_eq!(with.weights(), [a, b, 0.0, c], "{scheme:?}");
            assert_eq!((with.absent(), some.absent()), (vec![2], vec![]));
        }
    }

    /// `pos_weight` is negatives / positives in each column, and never infinite.
    #[test]
    fn quotients_of_two_classes() {
        let columns = vec![[900.0, 100.0], [10.0, 0.0], [0.0, 10.0], [5.0, 10.0]];
        for scheme in [WeightScheme::Inverse, WeightScheme::Median] {
            close(CountedWeights::new(columns.clone(), scheme).weights(), &[9.0, 0.0, 0.0, 0.5]);
        }
        let root = CountedWeights::new(columns.clone(), WeightScheme::InverseSqrt);
        close(root.weights(), &[3.0, 0.0, 0.0, 0.5f64.sqrt()]);
        assert_eq!(root.absent(), [1, 2]);
        let pair = weights(&[900.0, 100.0], WeightScheme::Inverse);
        assert!((pair.ratio().unwrap() - 9.0).abs() < 1e-12 && (pair.balance() - 0.9).abs() < 1e-12);
        let scaled = pair.with_normalize(WeightNormalize::Classes);
        assert!((scaled.ratio().unwrap() - 9.0).abs() < 1e-12 && (scaled.balance() - 0.9).abs() < 1e-12);
        assert_eq!(weights(&[0.0, 3.0], WeightScheme::Inverse).ratio(), Some(0.0));
        assert_eq!(weights(&[3.0, 0.0], WeightScheme::Inverse).balance(), 0.0);
    }
}
