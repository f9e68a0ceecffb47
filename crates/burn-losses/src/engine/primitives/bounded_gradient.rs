//! Values of samples whose derivatives are bounded.

use crate::engine::any_tensor::AnyTensor;
use crate::engine::custom_backward::custom_backward;
use burn::tensor::Tensor;
use core::slice::from_ref;

/// The value of each sample, `[N]`, and its gradient with every derivative bounded to `-bound` to `bound`: before the weights of the
/// samples and the reduction act on it.
pub(crate) fn bounded_gradient<const D: usize>(
    samples: Tensor<D>,
    bound: f64,
    values: impl Fn(Tensor<D>) -> Tensor<1>,
) -> Tensor<1> {
    let parent = AnyTensor::from(&samples);
    if !parent.is_tracked() {
        return values(samples);
    }
    let inputs = samples.clone().detach().require_grad();
    let tracked = values(inputs.clone());
    let value = AnyTensor::from(&tracked.clone().detach()).without_autodiff();
    let gradient = inputs.grad(&tracked.sum().backward());
    let per_sample: [usize; D] = core::array::from_fn(|axis| if axis == 0 { samples.dims()[0] } else { 1 });
    let bounded = custom_backward(value, from_ref(&parent), move |upstream| {
        let upstream = upstream.into_rank::<1>().reshape(per_sample);
        let gradient = gradient.map(|gradient| gradient.without_autodiff().clamp(-bound, bound));
        vec![gradient.map(|gradient| AnyTensor::from(&(gradient * upstream)))]
    });
    bounded.map_or_else(|| values(samples), AnyTensor::into_rank)
}
