//! Any loss on tensors by name.

use super::batch::{Batch, MASKS};
use super::outcome::{Computed, Gradients};
use super::{Diagnosis, attempt_named, inputs};
use crate::eval::Inputs;
use crate::heads::HeadLoss;
use crate::metric::MetricLoss;
use crate::registry::AnyLoss;
use crate::regression::RegressionLoss;
use crate::segmentation::SegmentationLoss;
use crate::sequence::SequenceLoss;
use crate::signature::{Argument, Kind, Role, Signature, Valid, numbers, truths};
use burn::tensor::{DType, Device, FloatDType, TensorData};

impl AnyLoss {
    /// Diagnoses tensors by name: those that [`evaluate`](Self::evaluate) takes, and any others. The loss runs on `device`, in
    /// the type of its first argument if the device has that type, and takes no step.
    ///
    /// Names, shapes and types that the loss refuses are findings too, with the message of [`evaluate`](Self::evaluate)'s error.
    /// For a head, a center or a proxy loss, the loss's own parameters are checked if none are given.
    ///
    /// ```
    /// use burn::tensor::{Device, TensorData};
    /// use burn_losses::{LossConfig, eval::Inputs};
    ///
    /// let device = Device::flex();
    /// let loss = LossConfig::from_kind("regression", "mse")?.init(&device);
    /// let inputs = Inputs::from([("predictions".into(), TensorData::from([0.5f32, f32::NAN]))]);
    /// assert_eq!(
    ///     loss.diagnose(&inputs, &device).to_string(),
    ///     "mse: 2 errors\n\
    ///      error: mse: tensor `targets` is missing, expected: `predictions`, `targets`, `weights`, `mask`\n\
    ///      error: `predictions`: NaN (1 of 2, first at [1])"
    /// );
    /// # Ok::<(), burn_losses::ConfigError>(())
    /// ```
    pub fn diagnose(&self, inputs: &Inputs, device: &Device) -> Diagnosis {
        let device = device.clone().without_autodiff();
        let inputs = &self.as_declared(inputs);
        let (kind, first) = (self.kind(), self.signature(inputs)[0].name);
        let dtype = match inputs.get(first).map(|data| data.dtype()) {
            Some(DType::F64) => FloatDType::F64,
            Some(DType::F16) => FloatDType::F16,
            Some(DType::BF16) => FloatDType::BF16,
            _ => FloatDType::F32,
        };
        let dtype = if device.supports_dtype(dtype) { dtype } else { FloatDType::F32 };
        let outcome = attempt_named(|| {
            let evaluation = self.compute(inputs, &device, dtype)?;
            let masked = match self.weights_as_mask(inputs) {
                None => None,
                Some(inputs) => Some(self.compute(&inputs, &device, dtype)?.unreduced),
            };
            let all = self.with_parameters(inputs);
            let in_single = match dtype {
                FloatDType::F16 | FloatDType::BF16 => self.gradients(&all, &device, FloatDType::F32)?,
                _ => Gradients::new(),
            };
            let gradients = self.gradients(&all, &device, dtype)?;
            Ok(Computed { values: evaluation.unreduced, total: evaluation.loss, gradients, in_single, masked })
        });
        let signature = self.signature(inputs);
        let mut given = self.with_parameters(inputs);
        // A mask that the loss does not take is refused, and hides nothing.
        let is_unknown = |name: &str| signature.iter().all(|argument| argument.name != name);
        MASKS.into_iter().filter(|name| is_unknown(name)).for_each(|name| _ = given.remove(name));
        let (all, stand_ins) = without_masked(&given, &signature);
        let batch = Batch { kind, first, inputs: &all, given: &given, stand_ins: &stand_ins, outcome };
        match self {
            Self::Regression(loss) => batch.regression(loss.takes_negative_targets()),
            Self::Binary(_) => batch.binary(),
            Self::Classification(loss) => batch.classification(loss),
            Self::Distribution(loss) => batch.distribution(loss),
            Self::Segmentation(loss) => batch.segmentation(&loss.regions()),
            Self::Boxes(loss) => batch.boxes(loss),
            Self::Heads(loss) => batch.heads(loss),
            Self::Metric(loss) => batch.metric(loss),
            Self::Sequence(loss) => batch.sequences(&signature, loss.alignment()),
            _ => batch.by_signature(&signature),
        }
    }

    /// Converts targets to numbers and masks to booleans, whatever their types are.
    fn as_declared(&self, inputs: &Inputs) -> Inputs {
        let signature = self.signature(inputs);
        let converted = |name: &str, data: &TensorData| match signature.iter().find(|argument| argument.name == name) {
            Some(argument) if !argument.fits(data.dtype()) => data.clone(),
            Some(argument) if argument.kind == Kind::Float => numbers(data),
            Some(argument) if argument.kind == Kind::Mask => truths(data),
            _ => data.clone(),
        };
        inputs.iter().map(|(name, data)| (name.clone(), converted(name, data))).collect()
    }

    /// The inputs with a mask of the weights that are not 0, if the weights look like a mask and no mask is given.
    fn weights_as_mask(&self, given: &Inputs) -> Option<Inputs> {
        let weights = given.get("weights").filter(|_| !given.contains_key("mask"))?;
        let signature = self.signature(given);
        let shape_of =
            |name: &str| signature.iter().find(|argument| argument.name == name).map(|argument| &argument.shape);
        if shape_of("mask").is_none() || shape_of("mask") != shape_of("weights") {
            return None;
        }
        let counts: Vec<bool> = weights.iter::<f64>().map(|weight| weight != 0.0).collect();
        if !counts.contains(&true) || !counts.contains(&false) {
            return None;
        }
        let mut inputs = given.clone();
        inputs.insert("mask".into(), TensorData::new(counts, weights.shape().clone()));
        Some(inputs)
    }

    fn with_parameters(&self, given: &Inputs) -> Inputs {
        let own = match self {
            Self::Heads(loss) => inputs().and("weight", &loss.weight()).and_some("bias", loss.bias().as_ref()),
            Self::Metric(loss) => match loss.class_vectors() {
                Some((argument, vectors)) => inputs().and(argument.name, &vectors),
                None => inputs(),
            },
            _ => inputs(),
        };
        let mut all = own.get().clone();
        all.extend(given.clone());
        all
    }
}

/// The inputs with valid entries in place of the masked ones, so that no check sees those, and the names of these arguments.
fn without_masked(given: &Inputs, signature: &Signature) -> (Inputs, Vec<&'static str>) {
    let (mut inputs, mut names) = (given.clone(), Vec::new());
    let entries = |name: &str| given.get(name).map(TensorData::num_elements);
    let is_masked = |argument: &&Argument| match argument.role {
        Role::Prediction | Role::Target => true,
        // Weights may have one number per sample where the mask has several entries.
        Role::Weight => entries(argument.name) == entries("mask"),
        _ => false,
    };
    for argument in signature.iter().filter(is_masked) {
        let Some(data) = given.get(argument.name).filter(|data| !data.dtype().is_bool()) else { continue };
        let (shape, dtype) = (data.shape().to_vec(), data.dtype());
        let valid = Valid::new(given, &shape);
        if valid.is_all() {
            continue;
        }
        let place = |entry| if valid.contains(entry) { Some(entry) } else { valid.stand_in(entry) };
        let places = || (0..data.num_elements()).map(place);
        let data = if dtype.is_float() {
            let all: Vec<f64> = data.iter().collect();
            TensorData::new(numbers_at(&all, places()), shape)
        } else {
            let all: Vec<i64> = data.iter().collect();
            TensorData::new(numbers_at(&all, places()), shape)
        };
        inputs.insert(argument.name.to_owned(), data.convert_dtype(dtype));
        names.push(argument.name);
    }
    (inputs, names)
}

/// The numbers at these places. A number stays where there is no such place: nothing is valid, or the mask has another length
/// than the argument.
fn numbers_at<T: Copy>(all: &[T], places: impl Iterator<Item = Option<usize>>) -> Vec<T> {
    all.iter().zip(places).map(|(own, place)| *place.and_then(|place| all.get(place)).unwrap_or(own)).collect()
}
