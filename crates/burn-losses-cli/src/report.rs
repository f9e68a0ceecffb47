//! What `eval` prints: as text, and as JSON.

use crate::runnable::{Evaluated, Term};
use crate::style::bold;
use burn::tensor::{FloatDType, TensorData};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;

/// One evaluation as JSON. JSON has no NaN and no infinities, so they are written as strings.
#[derive(Serialize)]
pub(crate) struct Json {
    loss: Value,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    terms: BTreeMap<String, JsonTerm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unreduced: Option<JsonTensor>,
    gradients: BTreeMap<String, JsonTensor>,
    /// The unreduced values with their weights, and their first and second derivatives.
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<JsonTensor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gradient: Option<JsonTensor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    curvature: Option<JsonTensor>,
}

#[derive(Serialize)]
struct JsonTerm {
    loss: Value,
    weight: Value,
}

#[derive(Serialize)]
struct JsonTensor {
    shape: Vec<usize>,
    data: Vec<Value>,
}

impl From<&Evaluated> for Json {
    fn from(evaluated: &Evaluated) -> Self {
        let term = |Term { loss, weight }: &Term| JsonTerm { loss: number(*loss), weight: number(*weight) };
        let gradient = |(name, data): (&String, &TensorData)| (name.clone(), data.into());
        let second_order = evaluated.second_order.as_ref();
        Self {
            loss: number(evaluated.loss),
            terms: evaluated.terms.iter().map(|(name, value)| (name.clone(), term(value))).collect(),
            unreduced: evaluated.unreduced.as_ref().map(JsonTensor::from),
            gradients: evaluated.gradients.iter().map(gradient).collect(),
            values: second_order.map(|all| (&all.values).into()),
            gradient: second_order.map(|all| (&all.gradient).into()),
            curvature: second_order.map(|all| (&all.curvature).into()),
        }
    }
}

impl From<&TensorData> for JsonTensor {
    fn from(data: &TensorData) -> Self {
        Self { shape: data.shape().to_vec(), data: data.iter::<f64>().map(number).collect() }
    }
}

/// A number as JSON: a string if it is not finite.
pub(crate) fn number(x: f64) -> Value {
    if x.is_finite() { x.into() } else { word(x).into() }
}

fn word(x: f64) -> &'static str {
    if x.is_nan() {
        "nan"
    } else if x > 0.0 {
        "inf"
    } else {
        "-inf"
    }
}

/// Which parts of an evaluation are shown.
#[derive(Clone, Copy)]
pub(crate) struct Shown {
    /// The type in which the loss was computed.
    pub(crate) dtype: FloatDType,
    /// Whether the unreduced values are shown too.
    pub(crate) unreduced: bool,
    /// Whether every number of large tensors is shown too.
    pub(crate) full: bool,
}

/// The most numbers of a tensor that are shown one by one.
const FEW: usize = 64;

/// One evaluation as text.
pub(crate) fn text(evaluated: &Evaluated, shown: Shown) -> String {
    let mut text = format!("{}: {}", bold("loss"), digits(evaluated.loss, shown.dtype));
    for (name, Term { loss, weight }) in &evaluated.terms {
        let [loss, weight] = [loss, weight].map(|number| digits(*number, shown.dtype));
        let _ = write!(text, "\n{}: {loss} (weight {weight})", bold(&format!("term {name}")));
    }
    if let Some(unreduced) = evaluated.unreduced.as_ref().filter(|_| shown.unreduced) {
        write_tensor(&mut text, "unreduced", unreduced, shown);
    }
    for (name, gradient) in &evaluated.gradients {
        write_tensor(&mut text, &format!("gradient of {name}"), gradient, shown);
    }
    text
}

/// The title and the shape, then one line per row of the last axis, or one line in all.
fn write_tensor(text: &mut String, title: &str, data: &TensorData, shown: Shown) {
    let shape = data.shape().to_vec();
    let _ = write!(text, "\n{} {shape:?}:", bold(title));
    let numbers: Vec<f64> = data.iter::<f64>().collect();
    if !shown.full && numbers.len() > FEW {
        let _ = write!(text, "\n  {}", statistics(&numbers));
        return;
    }
    for row in numbers.chunks(shape.last().copied().unwrap_or(1).max(1)) {
        let row: Vec<_> = row.iter().map(|x| digits(*x, shown.dtype)).collect();
        let _ = write!(text, "\n  {}", row.join(" "));
    }
}

/// Statistics of many numbers. NaN and infinities are counted, and left out of the rest.
fn statistics(all: &[f64]) -> String {
    let finite: Vec<f64> = all.iter().copied().filter(|x| x.is_finite()).collect();
    let (least, most) =
        finite.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), x| (least.min(*x), most.max(*x)));
    let mean = finite.iter().sum::<f64>() / finite.len() as f64;
    let norm = finite.iter().map(|x| x * x).sum::<f64>().sqrt();
    let zeros = finite.iter().filter(|x| **x == 0.0).count();
    let nan = all.iter().filter(|x| x.is_nan()).count();
    let infinite = all.len() - finite.len() - nan;
    let numbers = match finite.is_empty() {
        true => "no finite number".to_owned(),
        false => {
            let [least, mean, most, norm] = [least, mean, most, norm].map(short);
            format!("min {least}, mean {mean}, max {most}, norm {norm}")
        }
    };
    format!("{numbers}; {zeros} zero, {nan} NaN, {infinite} infinite of {}", all.len())
}

/// A number with six digits.
pub(crate) fn short(x: f64) -> String {
    if !x.is_finite() {
        return word(x).to_owned();
    }
    let rounded: f64 = format!("{x:.5e}").parse().unwrap_or(x);
    if rounded != 0.0 && !(1e-4..1e7).contains(&rounded.abs()) { format!("{rounded:e}") } else { rounded.to_string() }
}

/// A number with as many digits as distinguish it from its neighbors, in double or in single precision. Half precision is
/// computed in single precision too.
fn digits(x: f64, dtype: FloatDType) -> String {
    match dtype {
        _ if !x.is_finite() => word(x).to_owned(),
        FloatDType::F64 => format!("{x:?}"),
        _ => format!("{:?}", x as f32),
    }
}
