//! Rows in chunks, each with its gradient, so that wide intermediate tensors exist for one chunk at a time.

use crate::engine::any_tensor::AnyTensor;
use crate::engine::custom_backward::custom_backward;
use crate::reduction::{Unreduced, sum};
use burn::tensor::Tensor;
use core::ops::Range;

/// Computes the values of a range of rows. The first of the inputs has only these rows; the other inputs are whole.
pub(crate) trait Part: Fn(Range<usize>, Vec<Tensor<2>>) -> Unreduced<1> + Send + Sync + 'static {}

impl<F: Fn(Range<usize>, Vec<Tensor<2>>) -> Unreduced<1> + Send + Sync + 'static> Part for F {}

/// The values of all rows, computed `size` rows at a time. The backward pass computes each chunk again, this time with its
/// gradient, because the upstream gradient is not known before.
///
/// `None` if [`custom_backward`] returns `None`.
pub(crate) fn values(size: usize, inputs: &[Tensor<2>], part: impl Part) -> Option<Unreduced<1>> {
    let inner = Inner::new(inputs);
    let (unreduced, _) = inner.sweep(size, None, &part);
    if !inner.needed.contains(&true) {
        let values = lift(&inputs[0], unreduced.values);
        return Some(Unreduced { values, normalizer: unreduced.normalizer });
    }
    let values =
        with_custom_backward(unreduced.values, inputs, move |upstream| inner.sweep(size, Some(upstream), &part).1)?;
    Some(Unreduced { values, normalizer: unreduced.normalizer })
}

/// The sum of the values of all rows, each multiplied by its weight, and the values without a graph. The gradients are computed
/// in the same pass: the backward pass is one multiplication.
///
/// `None` if [`custom_backward`] returns `None`.
pub(crate) fn total(
    size: usize,
    inputs: &[Tensor<2>],
    weights: Tensor<1>,
    part: impl Part,
) -> Option<(Tensor<1>, Unreduced<1>)> {
    let inner = Inner::new(inputs);
    let is_tracked = inner.needed.contains(&true);
    let factors = weights.clone().without_autodiff();
    let (unreduced, gradients) = inner.sweep(size, is_tracked.then(|| factors.clone()), &part);
    let mut total = sum(unreduced.values.clone() * factors);
    if is_tracked {
        let times = |gradient: Tensor<2>, upstream: Tensor<1>| {
            let shape = gradient.dims();
            gradient * upstream.reshape([1, 1]).expand(shape)
        };
        let backward = move |upstream: Tensor<1>| {
            let all = gradients.iter().cloned();
            all.map(|gradient| gradient.map(|gradient| times(gradient, upstream.clone()))).collect()
        };
        total = with_custom_backward(total, inputs, backward)?;
    } else {
        total = lift(&inputs[0], total);
    }
    if weights.is_tracked() {
        // This term is 0; it adds the gradient of the weights.
        total = total + sum((weights.clone() - weights.detach()) * unreduced.values.clone());
    }
    Some((total, unreduced))
}

/// A value without a graph, on the device of an input.
fn lift(input: &Tensor<2>, value: Tensor<1>) -> Tensor<1> {
    AnyTensor::from(input).lift(value.into()).into_rank()
}

/// Puts a value into the graph of the inputs.
fn with_custom_backward(
    value: Tensor<1>,
    inputs: &[Tensor<2>],
    backward: impl FnOnce(Tensor<1>) -> Vec<Option<Tensor<2>>> + Send + 'static,
) -> Option<Tensor<1>> {
    let parents: Vec<AnyTensor> = inputs.iter().map(AnyTensor::from).collect();
    let backward = |upstream: AnyTensor| {
        backward(upstream.into_rank()).into_iter().map(|gradient| gradient.map(AnyTensor::from)).collect()
    };
    custom_backward(value.into(), &parents, backward).map(AnyTensor::into_rank)
}

/// The inputs without a graph, and which of them need a gradient.
struct Inner {
    inputs: Vec<Tensor<2>>,
    needed: Vec<bool>,
}

impl Inner {
    fn new(inputs: &[Tensor<2>]) -> Self {
        Self {
            needed: inputs.iter().map(Tensor::is_tracked).collect(),
            inputs: inputs.iter().cloned().map(Tensor::without_autodiff).collect(),
        }
    }

    /// The values of all rows; with `factors`, also the gradients of the sum of the values, each multiplied by its factor.
    fn sweep(
        &self,
        size: usize,
        factors: Option<Tensor<1>>,
        part: &impl Part,
    ) -> (Unreduced<1>, Vec<Option<Tensor<2>>>) {
        let rows = self.inputs[0].dims()[0];
        let (mut values, mut normalizer) = (Vec::new(), Vec::new());
        let mut gradients = Gradients::default();
        for start in (0..rows).step_by(size) {
            let range = start..rows.min(start + size);
            let mut inputs = self.inputs.clone();
            inputs[0] = inputs[0].clone().narrow(0, start, range.len());
            let unreduced = match &factors {
                None => part(range, inputs),
                Some(factors) => {
                    let factors = factors.clone().narrow(0, start, range.len());
                    gradients.of_part(inputs, &self.needed, |inputs| {
                        let unreduced = part(range, inputs);
                        (sum(unreduced.values.clone() * factors), unreduced)
                    })
                }
            };
            values.push(unreduced.values.without_autodiff());
            normalizer.extend(unreduced.normalizer.map(Tensor::without_autodiff));
        }
        let normalizer = (!normalizer.is_empty()).then(|| Tensor::cat(normalizer, 0));
        (Unreduced { values: Tensor::cat(values, 0), normalizer }, gradients.finish())
    }
}

/// Gradients that are collected part by part.
#[derive(Default)]
struct Gradients {
    /// The gradients of the rows, in order.
    rows: Vec<Tensor<2>>,
    /// The gradients of the inputs that all parts share.
    shared: Vec<Option<Tensor<2>>>,
}

impl Gradients {
    fn of_part(
        &mut self,
        inputs: Vec<Tensor<2>>,
        needed: &[bool],
        total: impl FnOnce(Vec<Tensor<2>>) -> (Tensor<1>, Unreduced<1>),
    ) -> Unreduced<1> {
        let leaf = |(input, needed): (_, &bool)| {
            let leaf = Tensor::from_inner(input);
            if *needed { leaf.require_grad() } else { leaf }
        };
        let leaves: Vec<Tensor<2>> = inputs.into_iter().zip(needed).map(leaf).collect();
        let (total, unreduced) = total(leaves.clone());
        let mut gradients = total.backward();
        let mut of = leaves.into_iter().map(|leaf| leaf.grad_remove(&mut gradients));
        self.rows.extend(of.next().flatten());
        self.shared.resize(needed.len() - 1, None);
        for (sum, gradient) in self.shared.iter_mut().zip(of) {
            *sum = match (sum.take(), gradient) {
                (Some(sum), Some(gradient)) => Some(sum + gradient),
                (sum, gradient) => sum.or(gradient),
            };
        }
        unreduced
    }

    fn finish(self) -> Vec<Option<Tensor<2>>> {
        let rows = (!self.rows.is_empty()).then(|| Tensor::cat(self.rows, 0));
        [rows].into_iter().chain(self.shared).collect()
    }
}
