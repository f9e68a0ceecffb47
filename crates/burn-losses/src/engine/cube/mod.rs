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
pub(in crate::engine) mod tensors;
#[cfg(test)]
mod tests;

use super::any_tensor::AnyTensor;
use super::custom_backward::custom_backward;
use super::machine::Machine;
use super::{pointwise, rows, vectors};
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
    fn rows(&self, call: &rows::Call<'_>) -> Option<rows::Outcome> {
        rows::cube::run(call)
    }
    fn vectors(&self, call: &vectors::Call<'_>) -> Option<AnyTensor> {
        vectors::cube::run(call)
    }
}

/// A tensor as the backend has it: of floats or of labels.
type Primitive = FloatTensor<burn::backend::Cube>;

/// `None` where it is of another backend.
pub(in crate::engine) fn primitive(tensor: &AnyTensor) -> Option<Primitive> {
    tensor.clone().without_autodiff().tensor().try_into_primitive::<burn::backend::Cube>().ok()
}

/// The results of some work, none of them with a graph.
pub(in crate::engine) fn launch(work: impl Work, inputs: Vec<Primitive>) -> Vec<AnyTensor> {
    let tensor = |output| AnyTensor::from_tensor(Tensor::from_primitive::<burn::backend::Cube>(output));
    burn::backend::Cube::launch(work, inputs).into_iter().map(tensor).collect()
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
    let inputs = [first, targets].into_iter().chain(weights).map(primitive).collect::<Option<_>>()?;
    let (is_reduced, width) = (items.is_reduced(), items.widths.0);
    in_graph(launch(items, inputs), first, is_reduced, width)
}

/// The first of some outputs in the graph of `parent`, of which the second one has the slopes, `width` of them for each value: the third
/// one, where there is such, is what they are yet to be multiplied by.
pub(in crate::engine) fn in_graph(
    outputs: Vec<AnyTensor>,
    parent: &AnyTensor,
    is_reduced: bool,
    width: usize,
) -> Option<AnyTensor> {
    let mut outputs = outputs.into_iter();
    let value = outputs.next()?;
    let Some(slopes) = outputs.next() else { return Some(parent.lift(value)) };
    let (scale, shape, dtype) = (outputs.next(), parent.shape(), parent.dtype());
    custom_backward(value, core::slice::from_ref(parent), move |upstream| {
        let inputs = [Some(&slopes), Some(&upstream), scale.as_ref()].into_iter().flatten();
        let inputs = inputs.map(|input| primitive(input).expect("a gradient is where its tensor is")).collect();
        // Whoever else held them would keep them from being changed in place.
        drop(slopes);
        vec![match is_reduced {
            true => launch(Scale { shape, dtype }, inputs).pop(),
            false => launch(ScaleEach { shape, dtype, width }, inputs).pop(),
        }]
    })
}
