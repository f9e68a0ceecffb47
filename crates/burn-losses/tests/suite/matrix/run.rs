//! One cell: the loss is called for each reduction, and compared with the oracle.

use super::cells::{Form, spacing};
use super::inputs::{Batch, is_repeated};
use crate::probe::numbers;
use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};
use burn_losses::eval::{EvalError, Inputs};
use burn_losses::signature::{Arguments, Layout, Role, Signature, Wanted};
use burn_losses::{LossConfig, Paths, watched, with_tensor_operations};
use std::collections::BTreeMap;

/// What a reduced value is multiplied by: the gradient that flows into the loss.
pub(super) const UPSTREAM: f64 = -1.75;

/// The least largest number of a tensor that errors are relative to: a slope or a value of this size counts as large.
pub(super) const FLOOR: f64 = 1e-2;

/// The result of one call.
struct Outcome {
    numbers: Vec<f64>,
    dtype: DType,
    /// What the numbers were multiplied by before they were differentiated.
    upstream: Vec<f64>,
    gradients: BTreeMap<String, Vec<f64>>,
}

/// The results for the reductions mean, sum and none.
pub(super) struct Outcomes {
    mean: Outcome,
    sum: Outcome,
    none: Outcome,
    signature: Signature,
}

/// The largest errors of a cell, in units.
#[derive(Debug, Clone, Copy)]
pub(super) struct Errors {
    pub(super) value: f64,
    pub(super) unreduced: f64,
    pub(super) gradient: f64,
}

fn floats(data: &TensorData) -> Vec<f64> {
    data.clone().convert::<f64>().iter().collect()
}

/// How the numbers of a cell lie, and where.
pub(super) struct Target<'a> {
    pub(super) device: &'a Device,
    pub(super) dtype: FloatDType,
    pub(super) layout: Layout,
}

impl Target<'_> {
    fn call(&self, config: &LossConfig, inputs: &Inputs, wanted: Wanted) -> Result<Outcome, EvalError> {
        let device = self.device.clone().autodiff();
        let loss = config.init(&device);
        let signature = loss.signature(inputs);
        let trained = [Role::Prediction, Role::Parameter];
        let arguments = Arguments::new(config.kind(), &signature, inputs, &device, self.dtype, &trained)?;
        let mut arguments = arguments.with_layout(self.layout);
        let called = loss.as_family().call(&mut arguments, wanted)?.numbers;
        let (shown, dtype) = (floats(&called.clone().into_data()), called.dtype());
        let upstream = match wanted {
            Wanted::Loss => vec![UPSTREAM],
            Wanted::Values => numbers(shown.len(), 5).iter().map(|u| 2.0 * u).collect(),
        };
        let factors = TensorData::new(upstream.clone(), [shown.len()]);
        let scaled = called * Tensor::from_data(factors, (&device, dtype));
        let gradients = arguments.into_leaves().differentiate(&scaled.sum());
        let gradients = gradients.into_iter().map(|(name, data)| (name, floats(&data))).collect();
        Ok(Outcome { numbers: shown, dtype, upstream, gradients })
    }

    fn run(&self, batch: &Batch, inputs: &Inputs) -> Result<Outcomes, EvalError> {
        Ok(Outcomes {
            mean: self.call(&batch.mean, inputs, Wanted::Loss)?,
            sum: self.call(&batch.sum, inputs, Wanted::Loss)?,
            none: self.call(&batch.mean, inputs, Wanted::Values)?,
            signature: batch.mean.init(self.device).signature(inputs),
        })
    }

    /// The results with tensor operations alone.
    pub(super) fn on_tensors(&self, batch: &Batch, inputs: &Inputs) -> Result<Outcomes, String> {
        let (outcomes, paths) = watched(|| with_tensor_operations(|| self.run(batch, inputs)));
        assert_eq!(paths.fused, [""; 0], "tensor operations were asked for");
        outcomes.map_err(|error| error.to_string())
    }

    /// The results with kernels; `None` if no kernel ran.
    pub(super) fn on_kernels(&self, batch: &Batch, inputs: &Inputs) -> Result<Option<Outcomes>, String> {
        let (outcomes, Paths { fused, .. }) = watched(|| self.run(batch, inputs));
        outcomes.map(|outcomes| (!fused.is_empty()).then_some(outcomes)).map_err(|error| error.to_string())
    }
}

impl Outcomes {
    /// How far the numbers are from those of the oracle.
    pub(super) fn errors(&self, oracle: &Self, dtype: FloatDType, form: Form) -> Errors {
        let summands: f64 = oracle.none.numbers.iter().map(|x| x.abs()).sum();
        let count = oracle.none.numbers.len().max(1) as f64;
        let value =
            |got: &Outcome, expected: &Outcome, floor: f64| units(&got.numbers, &expected.numbers, floor, got.dtype);
        let means = value(&self.mean, &oracle.mean, summands / count);
        let sums = value(&self.sum, &oracle.sum, summands);
        let unreduced = value(&self.none, &oracle.none, FLOOR);
        let gradient = |got: &Outcome, expected: &Outcome, divisor: f64| {
            let upstream = expected.upstream.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
            let floor = FLOOR * upstream / divisor;
            let of_argument = |(name, expected): (&String, &Vec<f64>)| {
                let expected = self.of_memory(name, expected, form);
                let nothing = vec![0.0; expected.len()];
                units(got.gradients.get(name).unwrap_or(&nothing), &expected, floor, dtype.into())
            };
            expected.gradients.iter().map(of_argument).fold(0.0, f64::max)
        };
        let gradients = [
            gradient(&self.mean, &oracle.mean, count),
            gradient(&self.sum, &oracle.sum, 1.0),
            gradient(&self.none, &oracle.none, 1.0),
        ];
        Errors { value: means.max(sums), unreduced, gradient: gradients.into_iter().fold(0.0, f64::max) }
    }

    /// The gradient of what is in memory: one row that stands for all of them has the sum of their gradients.
    fn of_memory(&self, name: &str, gradient: &[f64], form: Form) -> Vec<f64> {
        if form != Form::Broadcast || !is_repeated(&self.signature, name) {
            return gradient.to_vec();
        }
        let width = gradient.len() / form.sizes().rows;
        let mut memory = vec![0.0; gradient.len()];
        gradient.iter().enumerate().for_each(|(at, slope)| memory[at % width] += slope);
        memory
    }
}

/// The largest difference, in units: the epsilon of the type times the largest number of the tensor, which counts as `floor` if it
/// is less; and no unit is less than the distance of the numbers of the type near 0.
fn units(got: &[f64], expected: &[f64], floor: f64, dtype: DType) -> f64 {
    assert_eq!(got.len(), expected.len(), "as many numbers");
    let (epsilon, least) = spacing(dtype);
    let unit = expected.iter().fold(floor, |most, x| most.max(x.abs())) * epsilon;
    let difference = |(got, expected): (&f64, &f64)| match (got - expected).abs() {
        // Both are infinite, or both are NaN.
        difference if difference.is_nan() && got.to_bits() == expected.to_bits() => 0.0,
        difference if difference.is_nan() => f64::INFINITY,
        difference => difference / unit.max(least),
    };
    got.iter().zip(expected).map(difference).fold(0.0, f64::max)
}

#[test]
fn units_are_relative_to_the_largest_number() {
    let epsilon = f64::from(f32::EPSILON);
    assert_eq!(units(&[8.0 + 16.0 * epsilon, 0.0], &[8.0, 0.0], 1.0, DType::F32), 2.0);
    assert_eq!(units(&[epsilon], &[0.0], 0.5, DType::F32), 2.0);
    // Next to 0 the numbers of f16 are 2^-24 apart.
    assert_eq!(units(&[f64::powi(2.0, -23)], &[0.0], 1e-6, DType::F16), 2.0);
    assert_eq!(units(&[f64::NAN], &[1.0], 1.0, DType::F32), f64::INFINITY);
    assert_eq!(units(&[f64::INFINITY], &[f64::INFINITY], 1.0, DType::F32), 0.0);
    assert_eq!(units(&[f64::INFINITY], &[1.0], 1.0, DType::F32), f64::INFINITY);
}
