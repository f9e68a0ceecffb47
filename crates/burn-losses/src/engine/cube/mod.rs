//! Devices of CubeCL as a machine: GPUs, with any of its runtimes.
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
pub(in crate::engine) mod softmax;
pub(in crate::engine) mod tensors;
#[cfg(test)]
mod tests;

use super::any_tensor::AnyTensor;
use super::custom_backward::custom_backward;
use super::machine::Machine;
use super::{pairs, pointwise, regions, rows, vectors};
use burn::backend::tensor::FloatTensor;
use burn::tensor::{DType, Tensor};
use items::Items;
use launch::{Launch, Work};
use reduce::{Scale, ScaleEach};

/// The devices of CubeCL.
pub(in crate::engine) struct Cube;

impl Machine for Cube {
    /// Double precision runs on no machine here: on some of these devices its functions have only half of the digits.
    fn takes(&self, tensor: &AnyTensor) -> bool {
        matches!(tensor.dtype(), DType::F32 | DType::F16 | DType::BF16) && primitive(tensor).is_some()
    }
    fn reads_for_free(&self) -> bool {
        false
    }
    fn pointwise(&self, call: &pointwise::Call<'_>) -> Option<AnyTensor> {
        pointwise::cube::run(call)
    }
    fn pairs(&self, call: &pairs::Call<'_>) -> Option<pairs::Outcome> {
        pairs::cube::run(call)
    }
    fn regions(&self, call: &regions::Call<'_>) -> Option<regions::Outcome> {
        regions::cube::run(call)
    }
    fn rows(&self, call: &rows::Call<'_>) -> Option<rows::Outcome> {
        rows::cube::run(call)
    }
    fn vectors(&self, call: &vectors::Call<'_>) -> Option<AnyTensor> {
        vectors::cube::run(call)
    }
}

/// A tensor of floats or labels, in the type of the backend.
pub(in crate::engine) type Primitive = FloatTensor<burn::backend::Cube>;

/// The tensor in the type of the backend; `None` for a tensor of another backend.
pub(in crate::engine) fn primitive(tensor: &AnyTensor) -> Option<Primitive> {
    tensor.clone().without_autodiff().tensor().try_into_primitive::<burn::backend::Cube>().ok()
}

/// The results of some work, none of them with a graph.
pub(in crate::engine) fn launch(work: impl Work, inputs: Vec<Primitive>) -> Vec<AnyTensor> {
    let tensor = |output| AnyTensor::from_tensor(Tensor::from_primitive::<burn::backend::Cube>(output));
    burn::backend::Cube::launch(work, inputs).into_iter().map(tensor).collect()
}

/// The values of a formula for all items, in the graph of the first tensor.
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
    in_graph(launch(items, inputs), vec![(first.clone(), width)], is_reduced)
}

/// Puts the first of some outputs into the graph of its parents. The outputs after it are the slopes with respect to each parent,
/// as many for each value as `parents` says. The last output, if there is one, is the factor by which the slopes still have to be
/// multiplied.
pub(in crate::engine) fn in_graph(
    outputs: Vec<AnyTensor>,
    parents: Vec<(AnyTensor, usize)>,
    is_reduced: bool,
) -> Option<AnyTensor> {
    let mut outputs = outputs.into_iter();
    let value = outputs.next()?;
    let slopes: Vec<_> = outputs.by_ref().take(parents.len()).collect();
    let (parents, widths): (Vec<_>, Vec<_>) = parents.into_iter().unzip();
    if slopes.is_empty() {
        return Some(parents[0].lift(value));
    }
    let scale = outputs.next();
    let known: Vec<_> = parents.iter().map(|parent| (parent.shape(), parent.dtype(), parent.is_tracked())).collect();
    custom_backward(value, &parents, move |upstream| {
        let gradient =
            |((slopes, width), (shape, dtype, is_tracked)): ((AnyTensor, usize), (Vec<usize>, DType, bool))| {
                if !is_tracked {
                    return None;
                }
                let inputs = [Some(&slopes), Some(&upstream), scale.as_ref()].into_iter().flatten();
                let inputs = inputs.map(|input| primitive(input).expect("a gradient is where its tensor is")).collect();
                // A second owner of the slopes would keep them from being changed in place.
                drop(slopes);
                match is_reduced {
                    true => launch(Scale { shape, dtype }, inputs).pop(),
                    false => launch(ScaleEach { shape, dtype, width }, inputs).pop(),
                }
            };
        slopes.into_iter().zip(widths).zip(known).map(gradient).collect()
    })
}
