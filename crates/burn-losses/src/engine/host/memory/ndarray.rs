//! The memory of NdArray's tensors.
#![allow(deprecated)] // Burn deprecates burn-ndarray, which we still support

use super::{Numbers, data_tensor};
use crate::engine::any_tensor::AnyTensor;
use burn::backend::NdArray;
use burn::backend::tensor::FloatTensor;

type Primitive = FloatTensor<NdArray>;

/// A tensor whose numbers lie in order.
pub(crate) struct Array(Primitive);

impl Array {
    /// The array of a tensor; `None` on other devices.
    pub(super) fn new(tensor: &AnyTensor) -> Option<Self> {
        let array = primitive(tensor)?;
        if in_order(&array) {
            return Some(Self(array));
        }
        let data = tensor.clone().into_data();
        primitive(&data_tensor(data, &tensor.inner_device())).map(Self)
    }

    pub(super) fn is_host_resident(tensor: &AnyTensor) -> bool {
        primitive(tensor).is_some()
    }

    pub(super) fn numbers(&self) -> Option<Numbers<'_>> {
        match &self.0 {
            Primitive::F32(array) => array.view().to_slice().map(Numbers::F32),
            Primitive::F64(array) => array.view().to_slice().map(Numbers::F64),
            _ => None,
        }
    }
}

fn primitive(tensor: &AnyTensor) -> Option<Primitive> {
    tensor.tensor().try_into_primitive::<NdArray>().ok()
}

fn in_order(array: &Primitive) -> bool {
    match array {
        Primitive::F32(array) => array.view().is_standard_layout(),
        Primitive::F64(array) => array.view().is_standard_layout(),
        _ => true,
    }
}
