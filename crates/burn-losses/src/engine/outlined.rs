//! Tensors whose operations are function calls, so that a formula of them is little code. Burn inlines its operations, and a
//! formula has a hundred of them.

use crate::formula::{Formula, Real, functions, operators};
use burn::tensor::{Bool, Tensor};
use core::ops::Neg;

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

operators! { always [] Outlined:
    Add add |a, b: Self| a.zip(b, Tensor::add);
    Sub sub |a, b: Self| a.zip(b, Tensor::sub);
    Mul mul |a, b: Self| a.zip(b, Tensor::mul);
    Div div |a, b: Self| a.zip(b, Tensor::div);
    Add add |a, b: f64| a.with(b, Tensor::add_scalar);
    Sub sub |a, b: f64| a.with(b, Tensor::sub_scalar);
    Mul mul |a, b: f64| a.with(b, Tensor::mul_scalar);
}

impl Neg for Outlined {
    type Output = Self;
    fn neg(self) -> Self {
        self.map(Tensor::neg)
    }
}

impl Real for Outlined {
    type Mask = Tensor<1, Bool>;

    functions!(never |x| x.0, |of| Self(of);
        exp, ln, log1p, sqrt, abs, atan, sin, cos, tanh, stop, sigmoid, softplus, relu);

    #[inline(never)]
    fn lit(&self, value: f64) -> Self {
        Self(self.0.lit(value))
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
