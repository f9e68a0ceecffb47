//! One number per class, as a tensor.

use burn::tensor::{Tensor, TensorData};

/// `factors` as a tensor of the type and on the device of `like`: `[C]`.
pub(crate) fn per_class<const D: usize>(factors: &[f64], like: &Tensor<D>) -> Tensor<1> {
    let data = TensorData::new(factors.to_vec(), [factors.len()]);
    Tensor::from_data(data, (&like.device(), like.dtype()))
}

/// `factors` along axis 1 of `like`, to multiply it with: `[1, C, 1, ..]`.
pub(crate) fn along_axis_1<const D: usize>(factors: &[f64], like: &Tensor<D>) -> Tensor<D> {
    let shape = core::array::from_fn(|axis| if axis == 1 { factors.len() } else { 1 });
    per_class(factors, like).reshape::<D, _>(shape)
}
