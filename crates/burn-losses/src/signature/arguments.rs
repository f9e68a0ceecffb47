//! Tensors by name, as a loss takes them.

use super::{Argument, EvalError, Inputs, Kind, Role, Shape, Valid};
use crate::error::{InputError, InputProblem, quoted};
use crate::reduction::Extras;
use burn::tensor::{Bool, DType, Device, FloatDType, Gradients, Int, Tensor, TensorData};
use std::collections::BTreeMap;

/// The arguments of a call: tensors by name, on a device, with one type of floats.
///
/// They fit a signature: names, kinds and numbers of axes have been checked. The `check` of a loss finds what else may be wrong.
pub struct Arguments<'a> {
    signature: &'a [Argument],
    inputs: &'a Inputs,
    device: &'a Device,
    dtype: FloatDType,
    differentiated: &'a [Role],
    layout: Layout,
    leaves: Leaves,
}

/// How the floats of a call lie in memory. No result depends on it, which is for tests to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Row after row.
    Contiguous,
    /// The last axis is a part of a larger tensor.
    Sliced,
    /// The first two axes are swapped in memory.
    Transposed,
    /// Only the first row is in memory, and stands for all rows. These have to be the same numbers.
    Broadcast,
}

impl Layout {
    /// The same numbers in this layout.
    fn of<const D: usize>(self, tensor: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Sliced => {
                let size = tensor.dims()[D - 1];
                Tensor::cat(vec![tensor.zeros_like(), tensor], D - 1).narrow(D - 1, size, size)
            }
            Self::Transposed if D > 1 => {
                let (size, swapped) = (tensor.dims()[1], tensor.swap_dims(0, 1));
                Tensor::cat(vec![swapped.zeros_like(), swapped], 0).narrow(0, size, size).swap_dims(0, 1)
            }
            Self::Broadcast if tensor.dims()[0] > 0 => {
                let shape = tensor.dims();
                tensor.narrow(0, 0, 1).expand(shape)
            }
            _ => tensor,
        }
    }
}

impl<'a> Arguments<'a> {
    /// Checks that the tensors fit a signature of `loss`. On a device with autodiff, those with `differentiated` roles require a gradient.
    pub fn new(
        loss: &'static str,
        signature: &'a [Argument],
        inputs: &'a Inputs,
        device: &'a Device,
        dtype: FloatDType,
        differentiated: &'a [Role],
    ) -> Result<Self, EvalError> {
        let names: Vec<_> = signature.iter().map(|argument| argument.name).collect();
        let expected = || quoted(&names);
        if let Some(name) = inputs.keys().find(|name| !names.contains(&name.as_str())) {
            return Err(EvalError::Unknown { loss, name: name.clone(), expected: expected() });
        }
        let is_missing = |argument: &&Argument| !argument.optional && !inputs.contains_key(argument.name);
        if let Some(argument) = signature.iter().find(is_missing) {
            return Err(EvalError::Missing { loss, name: argument.name.into(), expected: expected() });
        }
        let first = &signature[0];
        let prediction = inputs[first.name].shape().to_vec();
        for argument in signature {
            if let Some(data) = inputs.get(argument.name) {
                check(loss, argument, data, (first.name, &prediction), device)?;
            }
        }
        check_masks(loss, inputs)?;
        let (layout, leaves) = (Layout::Contiguous, Leaves::default());
        Ok(Self { signature, inputs, device, dtype, differentiated, layout, leaves })
    }

    /// The same arguments with another layout of the floats.
    pub fn with_layout(self, layout: Layout) -> Self {
        Self { layout, ..self }
    }

    /// Whether there is an argument of this name.
    pub fn has(&self, name: &str) -> bool {
        self.inputs.contains_key(name)
    }

    /// The names of the arguments that are there.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.inputs.keys().map(String::as_str)
    }

    /// The number of axes of the prediction.
    pub fn rank(&self) -> usize {
        self.axes(self.signature[0].name)
    }

    /// The number of axes of an argument.
    pub fn axes(&self, name: &str) -> usize {
        self.inputs[name].shape().len()
    }

    /// An argument of numbers.
    pub fn float<const D: usize>(&mut self, name: &str) -> Tensor<D> {
        let tensor = Tensor::from_data(numbers(&self.inputs[name]), (self.device, DType::from(self.dtype)));
        let argument = self.signature.iter().find(|argument| argument.name == name);
        let is_leaf = argument.is_some_and(|argument| self.differentiated.contains(&argument.role));
        let is_leaf = is_leaf && self.device.is_autodiff();
        let tensor = if is_leaf { self.leaves.add(name, tensor) } else { tensor };
        // A parameter is a tensor of its own.
        let is_parameter = argument.is_some_and(|argument| [Role::Parameter, Role::State].contains(&argument.role));
        if is_parameter { tensor } else { self.layout.of(tensor) }
    }

    /// An argument of numbers, if it is there.
    pub fn optional_float<const D: usize>(&mut self, name: &str) -> Option<Tensor<D>> {
        self.has(name).then(|| self.float(name))
    }

    /// An argument of classes.
    pub fn labels<const D: usize>(&self, name: &str) -> Tensor<D, Int> {
        Tensor::from_data(self.inputs[name].clone(), self.device)
    }

    /// An argument of truth values, if it is there.
    pub fn optional_mask<const D: usize>(&self, name: &str) -> Option<Tensor<D, Bool>> {
        self.inputs.get(name).map(|data| Tensor::from_data(truths(data), self.device))
    }

    /// The optional arguments: `weights` with `W` axes, and a `mask` with `M` axes.
    pub fn extras<const W: usize, const M: usize>(&mut self) -> Extras {
        let mut extras = Extras::new();
        if let Some(weights) = self.optional_float::<W>("weights") {
            extras = extras.with_weights(weights);
        }
        match self.optional_mask::<M>("mask") {
            None => extras,
            Some(mask) => extras.with_mask(mask),
        }
    }

    /// The tensors that were made with a gradient.
    pub fn into_leaves(self) -> Leaves {
        self.leaves
    }
}

/// Checks that an argument has the number of axes and the type of its signature, and that the device can hold its labels.
fn check(
    loss: &'static str,
    argument: &Argument,
    data: &TensorData,
    (first, prediction): (&str, &[usize]),
    device: &Device,
) -> Result<(), EvalError> {
    let (name, shape) = (|| argument.name.to_owned(), data.shape().to_vec());
    let [least, most] = argument.shape.ranks(prediction.len());
    let is_another = matches!(&argument.shape, Shape::Exactly(expected) if *expected != shape);
    if is_another || !(least..=most).contains(&shape.len()) {
        let expected = argument.shape.expected(first, prediction, argument.role);
        return Err(EvalError::Rank { loss, name: name(), shape, expected });
    }
    if !argument.fits(data.dtype()) {
        let expected = argument.types();
        return Err(EvalError::Type { loss, name: name(), given: data.dtype(), expected });
    }
    if !matches!(argument.kind, Kind::Labels { .. }) {
        return Ok(());
    }
    let bits = DType::from(device.settings().int_dtype).size() * 8;
    let limit = 1_i128 << (bits - 1);
    match integers(data).find(|label| !(-limit..limit).contains(label)) {
        None => Ok(()),
        Some(label) => Err(EvalError::Label { loss, name: name(), label, bits }),
    }
}

/// Checks that the integers of `masks` are 0 and 1, where they count: a picture of 0 and 255 is no mask.
fn check_masks(loss: &'static str, inputs: &Inputs) -> Result<(), InputError> {
    const MASKS: &str = "masks";
    let is_integer = |data: &&TensorData| data.dtype().is_int() || data.dtype().is_uint();
    let Some(masks) = inputs.get(MASKS).filter(is_integer) else { return Ok(()) };
    let given = |name: &str| inputs.get(name).map(truths);
    let mask: Inputs = given("mask").map(|mask| ("mask".to_owned(), mask)).into_iter().collect();
    let pixels: Vec<bool> = given("valid").map_or_else(Vec::new, |valid| valid.iter().collect());
    let left = Valid::new(&mask, masks.shape());
    let counts = |at: usize| left.contains(at) && pixels.get(at) != Some(&false);
    match integers(masks).enumerate().find(|(at, number)| !(0..=1).contains(number) && counts(*at)) {
        None => Ok(()),
        Some((at, number)) => {
            let index = place(at, masks.shape());
            let advice = "masks of 0 and 255? Divide by 255; labels? Hand them over as `labels`";
            let problem = format!("{number} at {index:?}, but the integers of masks are 0 and 1; {advice}");
            Err(InputError { loss, argument: MASKS, problem: InputProblem::Unsupported(problem) })
        }
    }
}

/// Converts booleans and integers to numbers; floats stay as they are.
pub(crate) fn numbers(data: &TensorData) -> TensorData {
    match data.dtype() {
        dtype if dtype.is_float() => data.clone(),
        dtype if dtype.is_bool() => {
            let numbers = data.iter::<bool>().map(|truth| f64::from(u8::from(truth)));
            TensorData::new(numbers.collect::<Vec<_>>(), data.shape().clone())
        }
        _ => TensorData::new(integers(data).map(|number| number as f64).collect::<Vec<_>>(), data.shape().clone()),
    }
}

/// Converts to booleans: true for a boolean that is true or an integer that is not 0.
pub(crate) fn truths(data: &TensorData) -> TensorData {
    match data.dtype() {
        dtype if dtype.is_bool() => data.clone(),
        _ => TensorData::new(integers(data).map(|number| number != 0).collect::<Vec<_>>(), data.shape().clone()),
    }
}

/// Integers of any type.
pub(crate) fn integers(data: &TensorData) -> Box<dyn Iterator<Item = i128> + '_> {
    match data.dtype() {
        DType::U64 => Box::new(data.iter::<u64>().map(i128::from)),
        _ => Box::new(data.iter::<i64>().map(i128::from)),
    }
}

/// The index on every axis of the number at a flat index.
pub(crate) fn place(mut flat: usize, shape: &[usize]) -> Vec<usize> {
    let mut place = vec![0; shape.len()];
    for (index, size) in place.iter_mut().zip(shape).rev() {
        (*index, flat) = (flat % size, flat / size);
    }
    place
}

/// Reads one gradient out of all.
type Gradient = Box<dyn FnOnce(&Gradients) -> TensorData>;

/// The tensors of a call that need a gradient.
#[derive(Default)]
pub struct Leaves(Vec<(String, Gradient)>);

impl Leaves {
    /// Adds a tensor, and returns the same numbers with a gradient.
    pub(crate) fn add<const D: usize>(&mut self, name: &str, tensor: Tensor<D>) -> Tensor<D> {
        let leaf = tensor.autodiff().require_grad();
        let read_from = {
            let leaf = leaf.clone();
            |gradients: &Gradients| {
                // The gradient is zero where the loss does not depend on the tensor.
                read(leaf.grad(gradients).unwrap_or_else(|| leaf.without_autodiff().zeros_like()))
            }
        };
        self.0.push((name.to_owned(), Box::new(read_from)));
        leaf
    }

    /// Differentiates a loss: the gradients, as f64.
    pub fn differentiate(self, loss: &Tensor<1>) -> BTreeMap<String, TensorData> {
        if self.0.is_empty() || !loss.is_tracked() {
            return BTreeMap::new();
        }
        let gradients = loss.backward();
        self.0.into_iter().map(|(name, read)| (name, read(&gradients))).collect()
    }
}

/// The numbers of a tensor as f64, copied at once: on wgpu the memory behind what was read may be used again while the
/// device goes on, and would then show later results.
pub(crate) fn read<const D: usize>(tensor: Tensor<D>) -> TensorData {
    let data = tensor.into_data();
    TensorData::new(data.iter::<f64>().collect::<Vec<_>>(), data.shape().clone())
}
