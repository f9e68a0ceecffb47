//! Tensors whose operations are function calls, so that a formula of them is little code. Burn inlines its operations, and a
//! formula has a hundred of them.

use crate::formula::{Formula, Real};
use burn::tensor::{Bool, Tensor};
use core::ops::{Add, Div, Mul, Neg, Sub};

/// A tensor of any shape, flattened to one axis.
pub(crate) struct Outlined(pub(crate) Tensor<1>);

impl Outlined {
    /// The flattened numbers of a tensor.
    pub(crate) fn new<const D: usize>(tensor: Tensor<D>) -> Self {
        let count = tensor.shape().num_elements();
        Self(tensor.reshape([count]))
    }

    #[inline(never)]
    fn map(self, operation: fn(Tensor<1>) -> Tensor<1>) -> Self {
        Self(operation(self.0))
    }

    #[inline(never)]
    fn zip(self, other: Self, operation: fn(Tensor<1>, Tensor<1>) -> Tensor<1>) -> Self {
        Self(operation(self.0, other.0))
    }

    #[inline(never)]
    fn with(self, number: f64, operation: fn(Tensor<1>, f64) -> Tensor<1>) -> Self {
        Self(operation(self.0, number))
    }
}

impl Clone for Outlined {
    #[inline(never)]
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl Add for Outlined {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        self.zip(other, Tensor::add)
    }
}

impl Sub for Outlined {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self.zip(other, Tensor::sub)
    }
}

impl Mul for Outlined {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        self.zip(other, Tensor::mul)
    }
}

impl Div for Outlined {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        self.zip(other, Tensor::div)
    }
}

impl Neg for Outlined {
    type Output = Self;
    fn neg(self) -> Self {
        self.map(Tensor::neg)
    }
}

impl Add<f64> for Outlined {
    type Output = Self;
    fn add(self, number: f64) -> Self {
        self.with(number, Tensor::add_scalar)
    }
}

impl Sub<f64> for Outlined {
    type Output = Self;
    fn sub(self, number: f64) -> Self {
        self.with(number, Tensor::sub_scalar)
    }
}

impl Mul<f64> for Outlined {
    type Output = Self;
    fn mul(self, number: f64) -> Self {
        self.with(number, Tensor::mul_scalar)
    }
}

/// The operations of [`Real`] on tensors.
impl Real for Outlined {
    type Mask = Tensor<1, Bool>;

    #[inline(never)]
    fn lit(&self, value: f64) -> Self {
        Self(self.0.lit(value))
    }
    fn exp(self) -> Self {
        self.map(Real::exp)
    }
    fn ln(self) -> Self {
        self.map(Real::ln)
    }
    fn log1p(self) -> Self {
        self.map(Real::log1p)
    }
    fn sqrt(self) -> Self {
        self.map(Real::sqrt)
    }
    fn abs(self) -> Self {
        self.map(Real::abs)
    }
    fn atan(self) -> Self {
        self.map(Real::atan)
    }
    fn sin(self) -> Self {
        self.map(Real::sin)
    }
    fn cos(self) -> Self {
        self.map(Real::cos)
    }
    fn tanh(self) -> Self {
        self.map(Real::tanh)
    }
    fn powf(self, exponent: f64) -> Self {
        self.with(exponent, Real::powf)
    }
    fn maximum(self, other: Self) -> Self {
        self.zip(other, Real::maximum)
    }
    fn minimum(self, other: Self) -> Self {
        self.zip(other, Real::minimum)
    }
    #[inline(never)]
    fn gt(&self, other: &Self) -> Self::Mask {
        Real::gt(&self.0, &other.0)
    }
    #[inline(never)]
    fn gt_lit(&self, value: f64) -> Self::Mask {
        self.0.gt_lit(value)
    }
    #[inline(never)]
    fn select(mask: &Self::Mask, yes: Self, no: Self) -> Self {
        Self(Real::select(mask, yes.0, no.0))
    }
    fn stop(self) -> Self {
        self.map(Real::stop)
    }
    fn sigmoid(self) -> Self {
        self.map(Real::sigmoid)
    }
    fn softplus(self) -> Self {
        self.map(Real::softplus)
    }
    fn relu(self) -> Self {
        self.map(Real::relu)
    }
    fn weigh(self, other: Self) -> Self {
        self.zip(other, Real::weigh)
    }
    #[inline(never)]
    fn sigmoids(self) -> [Self; 2] {
        self.0.sigmoids().map(Self)
    }
}

/// The values of a formula as tensor operations.
pub(crate) fn eval<const D: usize>(formula: &impl Formula, first: Tensor<D>, targets: Tensor<D>) -> Tensor<D> {
    let shape = first.dims();
    formula.eval(Outlined::new(first), Outlined::new(targets)).0.reshape(shape)
}
