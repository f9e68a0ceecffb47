//! Burn's tensors as numbers: the formula runs as tensor operations, on every backend, and Burn differentiates it.

use super::{Real, functions};
use burn::tensor::{Bool, DType, Tensor, activation};

/// Beyond this, softplus(x) = x to the last digit of an `f64`, so e^x is not needed.
const SOFTPLUS_THRESHOLD: f64 = 36.0;

impl<const D: usize> Real for Tensor<D> {
    type Mask = Tensor<D, Bool>;

    functions!(always |x| x, |y| y; exp, log1p, sqrt, abs, atan, sin, cos, tanh);

    fn lit(&self, value: f64) -> Self {
        self.full_like(value)
    }
    fn ln(self) -> Self {
        Tensor::log(self)
    }
    fn powf(self, exponent: f64) -> Self {
        if exponent == 0.0 {
            self.lit(1.0)
        } else if exponent == 1.0 {
            self
        } else if exponent.abs() > f64::from(i32::MAX) || (self.dtype() == DType::F64 && exponent.fract() != 0.0) {
            // Burn converts a whole exponent to an integer, and panics if no integer can hold it. NdArray rounds any other
            // exponent to single precision, whatever the type of the tensor. Beyond 1e30 the exponent could become infinite in
            // single precision.
            Real::exp(self.log() * exponent.clamp(-1e30, 1e30))
        } else {
            self.powf_scalar(exponent)
        }
    }
    fn maximum(self, other: Self) -> Self {
        self.max_pair(other)
    }
    fn minimum(self, other: Self) -> Self {
        self.min_pair(other)
    }
    fn gt(&self, other: &Self) -> Self::Mask {
        self.clone().greater(other.clone())
    }
    fn gt_lit(&self, value: f64) -> Self::Mask {
        self.clone().greater_scalar(value)
    }
    fn select(mask: &Self::Mask, yes: Self, no: Self) -> Self {
        no.mask_where(mask.clone(), yes)
    }
    fn stop(self) -> Self {
        self.detach()
    }
    fn sigmoid(self) -> Self {
        match self.dtype() {
            // NdArray's sigmoid has single precision, whatever the type of the tensor.
            DType::F64 => Real::exp(-Real::softplus(-self)),
            _ => activation::sigmoid(self),
        }
    }
    fn softplus(self) -> Self {
        activation::softplus_with_threshold(self, 1.0, SOFTPLUS_THRESHOLD)
    }
    /// The slope of Burn's sigmoid is NaN at an infinity. Vectors and numbers have their own sigmoids.
    fn sigmoids(self) -> [Self; 2] {
        let x = super::safe::bounded(self);
        [x.clone().sigmoid(), (-x).sigmoid()]
    }
    fn relu(self) -> Self {
        activation::relu(self)
    }
    fn weigh(self, other: Self) -> Self {
        let absorbed = self.clone().equal_scalar(0.0).bool_and(other.clone().is_finite().bool_not());
        self * other.mask_fill(absorbed, 0.0)
    }
}
