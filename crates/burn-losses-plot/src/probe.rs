//! A loss that is configured for its picture and evaluated at points.

use crate::error::PlotError;
use crate::panel;
use burn::tensor::{Device, FloatDType, TensorData};
use burn_losses::eval::{Evaluation, Inputs};
use burn_losses::{AnyLoss, LossConfig};
use serde_json::{Map, Value};

/// A loss whose reduction is the sum, so that each point shows its own value and its own derivative.
pub(crate) struct Probe {
    config: LossConfig,
    fields: Map<String, Value>,
    /// Whether the map of a loss of two arguments is wanted beside its curves.
    has_map: bool,
}

impl Probe {
    pub(crate) fn new(config: &LossConfig) -> Result<Self, PlotError> {
        let fields = fields(config);
        Self { config: config.clone(), fields, has_map: true }.with("reduction", "sum")
    }

    /// The same for curves alone.
    pub(crate) fn without_map(self) -> Self {
        Self { has_map: false, ..self }
    }

    /// The map of the values that `values` computes, if it is wanted.
    pub(crate) fn map(
        &self,
        values: impl FnOnce() -> Result<Vec<f64>, PlotError>,
        map: impl FnOnce(Vec<f64>) -> panel::Map,
    ) -> Result<Option<panel::Map>, PlotError> {
        if self.has_map { Ok(Some(map(values()?))) } else { Ok(None) }
    }

    /// Sets a field, if the loss has that field.
    pub(crate) fn with(mut self, field: &str, value: impl Into<Value>) -> Result<Self, PlotError> {
        if self.fields.contains_key(field) {
            self.fields.insert(field.to_owned(), value.into());
            let loss = self.config.kind();
            let change = |error: serde_json::Error| PlotError::Change { loss, problem: error.to_string() };
            self.config = serde_json::from_value(Value::Object(self.fields.clone())).map_err(change)?;
        }
        Ok(self)
    }

    /// The config.
    pub(crate) fn config(&self) -> &LossConfig {
        &self.config
    }

    /// A field of the config.
    pub(crate) fn field(&self, name: &str) -> Option<&Value> {
        self.fields.get(name)
    }

    /// The length of the longest list in the config, or of the longest list of counts: the number of classes or columns.
    pub(crate) fn listed(&self) -> Option<usize> {
        let list = |value: &Value| value.as_array().or_else(|| value.get("counts")?.as_array()).map(Vec::len);
        self.fields.values().filter_map(list).max()
    }

    /// The loss in its initial state.
    pub(crate) fn loss(&self) -> Result<AnyLoss, PlotError> {
        Ok(self.config.try_init(&Device::flex())?)
    }

    /// Evaluates the loss in double precision.
    pub(crate) fn evaluate(&self, batch: &Batch) -> Result<Evaluation, PlotError> {
        Ok(self.loss()?.evaluate(&batch.0, &Device::flex(), FloatDType::F64)?)
    }

    /// Whether the values of the first third of the rows change if the rest is left out.
    pub(crate) fn depends_on_batch(&self, batch: &Batch, whole: &Evaluation) -> Result<bool, PlotError> {
        let part = numbers(&self.evaluate(&batch.first_third())?.unreduced);
        let whole = numbers(&whole.unreduced);
        Ok(part.iter().zip(&whole).any(|(part, whole)| (part - whole).abs() > 1e-9 * (1.0 + whole.abs())))
    }
}

/// The fields of a config, with its family and its kind.
pub(crate) fn fields(config: &LossConfig) -> Map<String, Value> {
    match serde_json::to_value(config) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// The name of the tensor that belongs to the loss, not to the batch.
pub(crate) const PARAMETER: &str = "weight";

/// The named tensors of a batch.
#[derive(Default, Clone)]
pub(crate) struct Batch(Inputs);

impl Batch {
    pub(crate) fn floats<const D: usize>(mut self, name: &str, numbers: Vec<f64>, shape: [usize; D]) -> Self {
        self.0.insert(name.to_owned(), TensorData::new(numbers, shape));
        self
    }

    pub(crate) fn integers<const D: usize>(mut self, name: &str, numbers: Vec<i64>, shape: [usize; D]) -> Self {
        self.0.insert(name.to_owned(), TensorData::new(numbers, shape));
        self
    }

    fn first_third(&self) -> Self {
        let part = |data: &TensorData| {
            let mut shape = data.shape().to_vec();
            let rows = shape[0].div_ceil(3);
            let row: usize = shape[1..].iter().product();
            shape[0] = rows;
            match data.dtype().is_float() {
                true => TensorData::new(data.iter::<f64>().take(rows * row).collect::<Vec<_>>(), shape),
                false => TensorData::new(data.iter::<i64>().take(rows * row).collect::<Vec<_>>(), shape),
            }
        };
        let each = |(name, data): (&String, &TensorData)| {
            (name.clone(), if name == PARAMETER { data.clone() } else { part(data) })
        };
        Self(self.0.iter().map(each).collect())
    }
}

/// So many rows of a batch stand for one point of a curve, where the values of a batch depend on each other: with one row each, a
/// histogram of the batch would be a saw.
pub(crate) const DENSE: usize = 10;

/// The numbers of a tensor.
pub(crate) fn numbers(data: &TensorData) -> Vec<f64> {
    data.iter::<f64>().collect()
}

/// Evenly spaced numbers, including both ends.
pub(crate) fn even(low: f64, high: f64, count: usize) -> Vec<f64> {
    (0..count).map(|i| low + (high - low) * i as f64 / (count - 1) as f64).collect()
}
