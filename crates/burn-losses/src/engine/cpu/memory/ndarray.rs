//! The memory of NdArray's tensors.
#![allow(deprecated)] // upstream's, not ours: burn-ndarray is part of what we support

use burn::backend::NdArray;
use burn::backend::tensor::FloatTensor;
use burn::tensor::Tensor;

type Primitive = FloatTensor<NdArray>;

/// A tensor whose numbers lie in order.
pub(crate) struct Array(Primitive);

impl Array {
    /// `None` on other devices.
    pub(super) fn of<const D: usize>(tensor: Tensor<D>) -> Option<Self> {
        let array = tensor.clone().try_into_primitive::<NdArray>().ok()?;
        if in_order(&array) {
            return Some(Self(array));
        }
        let options = (&tensor.device(), tensor.dtype());
        Tensor::<D>::from_data(tensor.into_data(), options).try_into_primitive::<NdArray>().ok().map(Self)
    }

    pub(super) fn has<const D: usize>(tensor: Tensor<D>) -> bool {
        tensor.try_into_primitive::<NdArray>().is_ok()
    }

    pub(super) fn f32(&self) -> Option<&[f32]> {
        match &self.0 {
            Primitive::F32(array) => array.view().to_slice(),
            _ => None,
        }
    }

    pub(super) fn f64(&self) -> Option<&[f64]> {
        match &self.0 {
            Primitive::F64(array) => array.view().to_slice(),
            _ => None,
        }
    }
}

fn in_order(array: &Primitive) -> bool {
    match array {
        Primitive::F32(array) => array.view().is_standard_layout(),
        Primitive::F64(array) => array.view().is_standard_layout(),
        _ => true,
    }
}
