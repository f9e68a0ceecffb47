//! Devices of CubeCL as a machine: GPUs, by any of its runtimes.
//!
//! A formula is recorded on the host at each call ([`crate::formula::record`]) and becomes the instructions of a kernel ([`emit`]), which
//! is compiled once for all formulas that differ by numbers alone. Kernels compute the gradient in the forward pass; the backward pass
//! multiplies it in place ([`reduce::Scale`]). Nothing is read back, and nothing is added up by atomic operations: the same call gives
//! the same bits. The kernels stand beside their contracts: the module `cube` of each executor.

pub(in crate::engine) mod emit;
pub(in crate::engine) mod items;
pub(in crate::engine) mod launch;
pub(in crate::engine) mod math;
pub(in crate::engine) mod reduce;
mod tensors;
#[cfg(test)]
mod tests;

use super::any_tensor::AnyTensor;
use super::custom_backward::custom_backward;
use super::machine::Machine;
use super::{boxes, pointwise};
use burn::backend::tensor::FloatTensor;
use burn::tensor::{DType, Tensor};
use items::Items;
use launch::{Launch, Work};
use reduce::{Scale, ScaleEach};

/// The devices of CubeCL.
pub(in crate::engine) struct Cube;

impl Machine for Cube {
    /// Double precision is no machine's here: its functions have half of the digits on some of these devices.
    fn takes(&self, tensor: &AnyTensor) -> bool {
        matches!(tensor.dtype(), DType::F32 | DType::F16 | DType::BF16) && primitive(tensor).is_some()
    }
    fn reads_for_free(&self) -> bool {
        false
    }
    fn pointwise(&self, call: &pointwise::Call<'_>) -> Option<AnyTensor> {
        pointwise::cube::run(call)
    }
    fn boxes(&self, call: &boxes::Call<'_>) -> Option<AnyTensor> {
        boxes::cube::run(call)
    }
}

/// A tensor as the backend has it; `None` where it is of another one.
fn primitive(tensor: &AnyTensor) -> Option<FloatTensor<burn::backend::Cube>> {
    tensor.clone().without_autodiff().tensor().try_into_primitive::<burn::backend::Cube>().ok()
}

/// The results of some work, none of them with a graph. `None` if one of the inputs lies elsewhere.
fn launch(work: impl Work, inputs: &[&AnyTensor]) -> Option<Vec<AnyTensor>> {
    let inputs = inputs.iter().map(|input| primitive(input)).collect::<Option<Vec<_>>>()?;
    let outputs = burn::backend::Cube::launch(work, inputs);
    let tensor = |output| AnyTensor::from_tensor(Tensor::from_primitive::<burn::backend::Cube>(output));
    Some(outputs.into_iter().map(tensor).collect())
}

/// What a formula makes of all items, in the graph of the first tensor.
pub(in crate::engine) fn run_items(
    items: Items,
    first: &AnyTensor,
    targets: &AnyTensor,
    weights: Option<&AnyTensor>,
) -> Option<AnyTensor> {
    let is_constant = |tensor: &AnyTensor| !tensor.is_tracked();
    if !is_constant(targets) || !weights.is_none_or(is_constant) {
        return None;
    }
    let (is_tracked, is_reduced, width) = (items.is_tracked(), items.is_reduced(), items.widths.0);
    let (shape, dtype) = (items.shape.clone(), items.dtype);
    let inputs: Vec<&AnyTensor> = [first, targets].into_iter().chain(weights).collect();
    let mut outputs = launch(items, &inputs)?.into_iter();
    let value = outputs.next()?;
    if !is_tracked {
        return Some(first.lift(value));
    }
    let (slopes, scale) = (outputs.next()?, outputs.next());
    custom_backward(value, core::slice::from_ref(first), move |upstream| {
        vec![scaled(Scaling { shape, dtype, width, is_reduced }, slopes, &upstream, scale.as_ref())]
    })
}

/// What is to be multiplied.
struct Scaling {
    shape: Vec<usize>,
    dtype: DType,
    /// How many slopes a value has.
    width: usize,
    /// Whether the upstream gradient is one number.
    is_reduced: bool,
}

/// The gradient, in place of the slopes.
fn scaled(
    Scaling { shape, dtype, width, is_reduced }: Scaling,
    slopes: AnyTensor,
    upstream: &AnyTensor,
    scale: Option<&AnyTensor>,
) -> Option<AnyTensor> {
    let mut inputs = vec![primitive(&slopes)?, primitive(upstream)?];
    if let Some(scale) = scale {
        inputs.push(primitive(scale)?);
    }
    // Whoever else held them would keep them from being changed in place.
    drop(slopes);
    let outputs = match is_reduced {
        true => burn::backend::Cube::launch(Scale { shape, dtype }, inputs),
        false => burn::backend::Cube::launch(ScaleEach { shape, dtype, width }, inputs),
    };
    let gradient = outputs.into_iter().next()?;
    Some(AnyTensor::from_tensor(Tensor::from_primitive::<burn::backend::Cube>(gradient)))
}
