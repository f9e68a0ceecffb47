//! A loss from the fields of its config, on named tensors; and gradient descent on what it gives.

use burn::tensor::{Device, FloatDType, TensorData};
use burn_losses::eval::{Evaluation, Inputs};
use burn_losses::{AnyLoss, LossConfig};
use experiments::Error;
use experiments::rng::Rng;
use serde_json::Value;

/// A loss and the tensors that it is called with.
#[derive(Clone)]
pub(crate) struct Call {
    loss: AnyLoss,
    inputs: Inputs,
}

impl Call {
    /// A loss, `family/kind`, with these fields and the defaults of all others.
    pub(crate) fn new(name: &str, mut fields: Value) -> Result<Self, Error> {
        let (family, kind) = name.split_once('/').ok_or_else(|| Error::new(format!("{name} is no loss")))?;
        fields["family"] = family.into();
        fields["kind"] = kind.into();
        let config: LossConfig = serde_json::from_value(fields).map_err(Error::new)?;
        let loss = config.try_init(&Device::flex()).map_err(Error::new)?;
        Ok(Self { loss, inputs: Inputs::new() })
    }

    /// With a tensor of numbers.
    pub(crate) fn with<const D: usize>(mut self, name: &str, numbers: &[f64], shape: [usize; D]) -> Self {
        self.inputs.insert(name.to_owned(), TensorData::new(numbers.to_vec(), shape));
        self
    }

    /// With a list of numbers.
    pub(crate) fn with_list(self, name: &str, numbers: &[f64]) -> Self {
        self.with(name, numbers, [numbers.len()])
    }

    /// With a tensor of labels or lengths.
    pub(crate) fn with_labels<const D: usize>(mut self, name: &str, labels: &[i64], shape: [usize; D]) -> Self {
        self.inputs.insert(name.to_owned(), TensorData::new(labels.to_vec(), shape));
        self
    }

    fn evaluate(&self) -> Result<Evaluation, Error> {
        self.loss.evaluate(&self.inputs, &Device::flex(), FloatDType::F64).map_err(Error::new)
    }

    /// The reduced value.
    pub(crate) fn value(&self) -> Result<f64, Error> {
        Ok(self.evaluate()?.loss)
    }

    /// The unreduced values.
    pub(crate) fn values(&self) -> Result<Vec<f64>, Error> {
        Ok(self.evaluate()?.unreduced.iter::<f64>().collect())
    }

    /// The gradient of the reduced value with respect to a tensor.
    pub(crate) fn gradient(&self, name: &str) -> Result<Vec<f64>, Error> {
        let evaluation = self.evaluate()?;
        let gradient = evaluation.gradients.get(name).ok_or_else(|| Error::new(format!("{name} has no gradient")))?;
        Ok(gradient.iter::<f64>().collect())
    }
}

/// Where gradient descent arrives.
pub(crate) fn descend<const N: usize>(
    start: [f64; N],
    rate: f64,
    steps: usize,
    slope: impl Fn([f64; N]) -> Result<[f64; N], Error>,
) -> Result<[f64; N], Error> {
    (0..steps).try_fold(start, |at, _| {
        let slope = slope(at)?;
        Ok(core::array::from_fn(|i| at[i] - rate * slope[i]))
    })
}

/// The largest difference of two lists.
pub(crate) fn difference(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    largest(a.iter().zip(b).map(|(a, b)| (a - b).abs()))
}

/// The largest of some numbers above 0; NaN if one is.
pub(crate) fn largest(numbers: impl Iterator<Item = f64>) -> f64 {
    numbers.fold(0.0, |most: f64, number| if most >= number || most.is_nan() { most } else { number })
}

/// Numbers between -1 and 1, always the same.
pub(crate) fn numbers(count: usize, seed: u64) -> Vec<f64> {
    let mut rng = Rng::new(seed);
    (0..count).map(|_| 2.0 * rng.uniform() - 1.0).collect()
}

/// The logistic function.
pub(crate) fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
