//! The tensors of a batch, copied to the host.

use crate::reduction::Extras;
use burn::tensor::kind::{Autodiff, Basic};
use burn::tensor::{Tensor, TensorData};
use std::collections::BTreeMap;

/// Tensors by name, copied to the host.
#[derive(Default)]
pub(crate) struct ReadBack(BTreeMap<String, TensorData>);

/// No tensors yet.
pub(crate) fn inputs() -> ReadBack {
    ReadBack::default()
}

impl ReadBack {
    /// Reads a tensor back: its numbers are copied at once, since on wgpu the memory behind them may be used again.
    pub(crate) fn and<const D: usize, K: Basic>(mut self, name: &str, tensor: &Tensor<D, K>) -> Self {
        let data = tensor.to_data();
        let (shape, dtype) = (data.shape().clone(), data.dtype());
        let copy = match dtype {
            _ if dtype.is_float() => {
                TensorData::new(data.iter::<f64>().collect::<Vec<_>>(), shape).convert_dtype(dtype)
            }
            _ if dtype.is_bool() => TensorData::new(data.iter::<bool>().collect::<Vec<_>>(), shape),
            _ if dtype.is_uint() => TensorData::new(data.iter::<u64>().collect::<Vec<_>>(), shape),
            _ if dtype.is_int() => TensorData::new(data.iter::<i64>().collect::<Vec<_>>(), shape),
            _ => data,
        };
        self.0.insert(name.to_owned(), copy);
        self
    }

    /// Reads a tensor back, if there is one.
    pub(crate) fn and_some<const D: usize, K: Basic>(self, name: &str, tensor: Option<&Tensor<D, K>>) -> Self {
        match tensor {
            Some(tensor) => self.and(name, tensor),
            None => self,
        }
    }

    /// The tensors.
    pub(crate) fn get(&self) -> &BTreeMap<String, TensorData> {
        &self.0
    }
}

/// Weights as extras.
pub(crate) fn extras<const D: usize>(weights: Option<&Tensor<D>>) -> Extras {
    weights.map_or_else(Extras::new, |weights| weights.clone().into())
}

/// The tensor without autodiff: a diagnosis is not a step of training.
pub(crate) fn plain<const D: usize, K: Autodiff>(tensor: &Tensor<D, K>) -> Tensor<D, K> {
    tensor.clone().without_autodiff()
}
