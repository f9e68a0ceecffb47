//! Configs made of the descriptions in the registry: most values are allowed, some are odd.

use super::random::Random;
use crate::catalog::{self, REGULARIZATION};
use burn_losses::LossInfo;
use burn_losses::config::{Field, Format, Table, Value, to_string};
use std::sync::LazyLock;

/// The formats of config files.
pub(super) const FORMATS: [Format; 3] = [Format::Json, Format::Toml, Format::Yaml];

/// Weights of terms, and ways to balance terms.
static JOINT: LazyLock<[Vec<Value>; 2]> = LazyLock::new(|| {
    let values = |texts: &[&str]| texts.iter().map(|text| serde_json::from_str(text).expect("JSON")).collect();
    let weights = [
        "1",
        "-0.5",
        "0",
        r#"{"kind": "linear", "from": 0, "to": 1.0, "steps": 10}"#,
        r#"{"kind": "cosine", "from": 1e-4, "to": 0.0, "steps": 20000}"#,
        r#"{"kind": "step", "from": 1.0, "factor": 0.1, "every": 5}"#,
        r#"{"kind": "exponential", "from": 1.0, "factor": 0.999}"#,
    ];
    let balances = [
        r#"{"kind": "fixed"}"#,
        r#"{"kind": "uncertainty"}"#,
        r#"{"kind": "uncertainty", "initial": -2}"#,
        r#"{"kind": "dwa", "period": 3}"#,
        r#"{"kind": "dwa", "period": 1, "temperature": 0.5}"#,
    ];
    [values(&weights), values(&balances)]
});

/// Every value that a field of some loss allows or refuses.
static VALUES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let of = |field: &Field| [std::slice::from_ref(&field.example), &field.samples[..], &field.refused[..]].concat();
    let mut values: Vec<Value> = Vec::new();
    for value in catalog::all().iter().flat_map(|loss| &loss.fields).flat_map(of) {
        // NaN is not equal to itself.
        if !values.contains(&value) || matches!(value, Value::Float(number) if number.is_nan()) {
            values.push(value);
        }
    }
    values
});

/// Every word that a config may hold: families, kinds, keys and choices.
static WORDS: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let names = catalog::all().iter().flat_map(|loss| {
        let own = [&[loss.family, loss.kind], loss.aliases].concat();
        own.into_iter().chain(loss.fields.iter().map(|field| field.name))
    });
    let mut words: Vec<_> = names.chain(VALUES.iter().filter_map(Value::as_str)).collect();
    words.extend(["family", "kind", "terms", "balance", "weight", "none", "parameters", "$schema", "<<"]);
    words.sort_unstable();
    words.dedup();
    words
});

/// A word of some config.
pub(super) fn word(random: &mut Random) -> &'static str {
    random.choose::<&str>(&WORDS)
}

/// A number: of an ordinary size, or at the end of a range.
pub(super) fn number(random: &mut Random) -> Value {
    const ODD: [f64; 16] = [
        0.0,
        -0.0,
        0.5,
        1.0,
        -1.0,
        1e-3,
        1e-40,
        5e-324,
        f64::MIN_POSITIVE,
        1e19,
        1e38,
        f64::MAX,
        f64::MIN,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ];
    const WHOLE: [i64; 10] = [0, 1, 2, -1, 256, 65_537, 1_000_000_000, i32::MAX as i64, i64::MAX, i64::MIN];
    match random.below(5) {
        0 => (*random.choose(&ODD)).into(),
        1 => (*random.choose(&WHOLE)).into(),
        2 => random.below(12).into(),
        3 => (random.number() * 10.0).into(),
        _ => ((random.number() + 1.0) / 2.0).into(),
    }
}

/// Any value, with lists and tables of this depth.
fn value(random: &mut Random, depth: usize) -> Value {
    let item = |random: &mut Random| value(random, depth - 1);
    match random.below(if depth == 0 { 6 } else { 9 }) {
        0 | 1 => number(random),
        2 => word(random).into(),
        3 => random.one_in(2).into(),
        4 => Value::Null,
        5 | 6 => random.choose(&VALUES).clone(),
        7 => Value::List((0..random.below(5)).map(|_| item(random)).collect()),
        _ => Table::from_iter((0..random.below(5)).map(|_| (word(random), item(random)))).into(),
    }
}

/// A value for a field: mostly one that is allowed.
fn value_of(random: &mut Random, field: &Field) -> Value {
    match random.below(12) {
        0 if !field.refused.is_empty() => random.choose(&field.refused).clone(),
        1 => number(random),
        2 => value(random, 3),
        3 => altered(random, field.example.clone()),
        4 if !field.samples.is_empty() => {
            let sample = random.choose(&field.samples).clone();
            altered(random, sample)
        }
        _ if !field.samples.is_empty() => random.choose(&field.samples).clone(),
        _ => field.example.clone(),
    }
}

/// The same value with another number or word inside it.
fn altered(random: &mut Random, value: Value) -> Value {
    match value {
        Value::Integer(_) | Value::Float(_) => number(random),
        Value::List(mut items) if !items.is_empty() => {
            let at = random.below(items.len());
            match random.below(4) {
                0 => _ = items.remove(at),
                1 => items.insert(at, items[at].clone()),
                _ => items[at] = altered(random, items[at].clone()),
            }
            Value::List(items)
        }
        Value::Table(table) if !table.is_empty() => {
            let chosen = random.below(table.iter().len());
            let change = |(at, (key, value)): (usize, (String, Value))| {
                let value = if at == chosen { altered(random, value) } else { value };
                (key, value)
            };
            Table::from_iter(table.into_iter().enumerate().map(change)).into()
        }
        Value::Bool(yes) => (!yes).into(),
        other if random.one_in(2) => other,
        _ => word(random).into(),
    }
}

/// The fields of a loss, of which a few are not as in the example.
fn fields(random: &mut Random, loss: &LossInfo) -> Table {
    let mut table = loss.example();
    for _ in 0..if loss.fields.is_empty() { 0 } else { random.below(4) } {
        let field = random.choose(&loss.fields);
        table.insert(field.name, value_of(random, field));
    }
    if random.one_in(40) {
        table.insert(word(random), value(random, 2));
    }
    table
}

/// A loss of any family; a penalty only if that is asked for.
fn loss(random: &mut Random, with_penalties: bool) -> Table {
    let losses = catalog::all();
    loop {
        let loss = random.choose(losses);
        if with_penalties || loss.family != REGULARIZATION {
            return fields(random, loss);
        }
    }
}

/// A loss of any family, or a penalty.
pub(super) fn any(random: &mut Random) -> Table {
    loss(random, true)
}

/// A joint loss.
pub(super) fn joint(random: &mut Random) -> Table {
    let [weights, balances] = &*JOINT;
    let part = |random: &mut Random, parts: &[Value]| {
        let part = random.choose(parts).clone();
        if random.one_in(4) { altered(random, part) } else { part }
    };
    let mut terms = Table::new();
    for _ in 0..1 + random.below(4) {
        let mut term = if random.one_in(5) { Table::new() } else { any(random) };
        if random.one_in(2) || term.is_empty() {
            term.insert("weight", part(random, weights));
        }
        terms.insert(*random.choose(&["a", "b", "classes", "x y", "\u{e9}", "a.b"]), term);
    }
    let mut table = Table::from_iter([("terms", terms)]);
    if random.one_in(2) {
        table.insert("balance", part(random, balances));
    }
    table
}

/// A table as text. A format may not be able to hold it: then it is JSON.
pub(super) fn text(table: &Table, format: Format) -> String {
    to_string(table, format).unwrap_or_else(|_| Value::from(table.clone()).to_string())
}

/// Whether a loss may be made of a config: the product of its whole numbers is small. A head of 10^9 classes is a valid config,
/// and would take the memory that its user asks for.
pub(super) fn is_small(config: &Value) -> bool {
    fn product(value: &Value) -> u128 {
        match value {
            Value::Integer(number) => number.unsigned_abs().max(1),
            Value::List(items) => items.iter().map(product).fold(1, u128::saturating_mul),
            Value::Table(table) => table.iter().map(|(_, value)| product(value)).fold(1, u128::saturating_mul),
            _ => 1,
        }
    }
    product(config) <= 100_000
}
