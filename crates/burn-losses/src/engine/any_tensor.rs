//! A float tensor of any rank.

use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};
use core::fmt;

/// A float tensor whose rank the compiler does not know: a function that takes one is compiled once, not once for each rank.
///
/// The conversions cost nothing and add nothing to the graph.
#[derive(Clone)]
pub(crate) struct AnyTensor(
    /// The rank in this type means nothing: only `shape` knows how many axes there are.
    Tensor<1>,
);

impl<const D: usize> From<&Tensor<D>> for AnyTensor {
    fn from(tensor: &Tensor<D>) -> Self {
        tensor.clone().into()
    }
}

impl<const D: usize> From<Tensor<D>> for AnyTensor {
    fn from(tensor: Tensor<D>) -> Self {
        Self(Tensor::from_dispatch(tensor.into_dispatch()))
    }
}

impl AnyTensor {
    /// Converts to a tensor of rank `D`, which has to be the tensor's own rank.
    pub(crate) fn into_rank<const D: usize>(self) -> Tensor<D> {
        debug_assert_eq!(self.shape().len(), D, "the number of axes");
        Tensor::from_dispatch(self.0.into_dispatch())
    }

    pub(crate) fn shape(&self) -> Vec<usize> {
        self.0.shape().to_vec()
    }

    /// The number of elements.
    pub(crate) fn count(&self) -> usize {
        self.0.shape().num_elements()
    }

    pub(crate) fn dtype(&self) -> DType {
        self.0.dtype()
    }

    /// The device, without autodiff.
    pub(crate) fn inner_device(&self) -> Device {
        self.0.device().without_autodiff()
    }

    /// Whether the tensor is on a device with autodiff.
    pub(crate) fn is_autodiff(&self) -> bool {
        self.0.is_autodiff()
    }

    /// Whether a gradient flows to the tensor.
    pub(crate) fn is_tracked(&self) -> bool {
        self.0.is_tracked()
    }

    /// Reshapes the tensor to a shape with the same number of elements.
    #[cfg(feature = "cube")]
    pub(crate) fn reshape<const D: usize>(self, shape: [usize; D]) -> Self {
        self.0.reshape(shape).into()
    }

    /// The numbers alone, without a graph.
    pub(crate) fn without_autodiff(self) -> Self {
        Self(self.0.without_autodiff())
    }

    /// Casts the tensor to this type.
    pub(crate) fn cast(self, dtype: DType) -> Self {
        Self(self.0.cast(FloatDType::from(dtype)))
    }

    /// Brings a value without a graph to the device of `self`: to autodiff if `self` is on a device with autodiff.
    pub(crate) fn lift(&self, value: Self) -> Self {
        if self.is_autodiff() { Self(value.0.autodiff()) } else { value }
    }

    /// Scales a gradient that was computed for an upstream gradient of 1 by the actual upstream gradient, which is one number. 0
    /// times anything is 0.
    pub(crate) fn scale_by_upstream(self, upstream: Self) -> Self {
        match upstream.0.into_scalar::<f64>() {
            1.0 => self,
            0.0 => Self(self.0.zeros_like()),
            upstream => Self(self.0 * upstream),
        }
    }

    /// The value of a tensor that has one element.
    pub(crate) fn number(&self) -> f64 {
        self.0.clone().into_scalar()
    }

    pub(crate) fn into_data(self) -> TensorData {
        self.0.into_data()
    }

    /// The tensor, with a wrong rank in its type: only the modules that ask a tensor for its memory may use it.
    pub(super) fn tensor(&self) -> Tensor<1> {
        self.0.clone()
    }

    pub(super) fn from_tensor(tensor: Tensor<1>) -> Self {
        Self(tensor)
    }
}

impl fmt::Debug for AnyTensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {:?}", self.shape(), self.dtype())
    }
}
