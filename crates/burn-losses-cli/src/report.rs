//! What `eval` prints: as text, and as JSON.

use burn::tensor::{FloatDType, TensorData};
use burn_losses::eval::Evaluation;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;

/// One evaluation as JSON. JSON has no NaN and no infinities: they are strings.
#[derive(Serialize)]
pub(crate) struct Json {
    loss: Value,
    unreduced: JsonTensor,
    gradients: BTreeMap<String, JsonTensor>,
}

#[derive(Serialize)]
struct JsonTensor {
    shape: Vec<usize>,
    data: Vec<Value>,
}

impl From<&Evaluation> for Json {
    fn from(evaluation: &Evaluation) -> Self {
        let gradient = |(name, data): (&String, &TensorData)| (name.clone(), data.into());
        Self {
            loss: number(evaluation.loss),
            unreduced: (&evaluation.unreduced).into(),
            gradients: evaluation.gradients.iter().map(gradient).collect(),
        }
    }
}

impl From<&TensorData> for JsonTensor {
    fn from(data: &TensorData) -> Self {
        Self { shape: data.shape().to_vec(), data: data.iter::<f64>().map(number).collect() }
    }
}

fn number(x: f64) -> Value {
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

/// One evaluation, computed in `dtype`, as text.
pub(crate) fn text(evaluation: &Evaluation, dtype: FloatDType, unreduced: bool) -> String {
    let mut text = format!("loss: {}", digits(evaluation.loss, dtype));
    if unreduced {
        write_tensor(&mut text, "unreduced", &evaluation.unreduced, dtype);
    }
    for (name, gradient) in &evaluation.gradients {
        write_tensor(&mut text, &format!("gradient of {name}"), gradient, dtype);
    }
    text
}

/// The title and the shape, then one line per row of the last axis.
fn write_tensor(text: &mut String, title: &str, data: &TensorData, dtype: FloatDType) {
    let shape = data.shape().to_vec();
    let _ = write!(text, "\n{title} {shape:?}:");
    let numbers: Vec<_> = data.iter::<f64>().map(|x| digits(x, dtype)).collect();
    for row in numbers.chunks(shape.last().copied().unwrap_or(1).max(1)) {
        let _ = write!(text, "\n  {}", row.join(" "));
    }
}

/// As many digits as tell a number from its neighbors in double or in single precision, in which half precision is
/// computed too.
fn digits(x: f64, dtype: FloatDType) -> String {
    match dtype {
        _ if !x.is_finite() => word(x).to_owned(),
        FloatDType::F64 => format!("{x:?}"),
        _ => format!("{:?}", x as f32),
    }
}
