//! A program as the instructions of a kernel.

use super::math;
use crate::formula::program::{Function, Node, Operator, Program};
use burn_cubecl::cubecl;
use cubecl::ir::ExpandValue;
use cubecl::prelude::*;
use cubecl::unexpanded;

/// The outputs of a program for its inputs, inside a kernel.
pub(in crate::engine) fn run<F: Float, N: Size>(
    _inputs: &Sequence<Vector<F, N>>,
    _parameters: &Sequence<InputScalar>,
    _program: Program,
) -> Sequence<Vector<F, N>> {
    unexpanded!()
}

/// The expansion of [`run`]: what runs while a kernel is compiled.
pub(in crate::engine) mod run {
    use super::*;

    pub(in crate::engine) fn expand<F: Float, N: Size>(
        scope: &Scope,
        inputs: &SequenceExpand<Vector<F, N>>,
        parameters: &SequenceExpand<InputScalar>,
        program: Program,
    ) -> SequenceExpand<Vector<F, N>> {
        let mut done: Vec<ExpandValue> = Vec::new();
        for node in program.nodes() {
            let number = |place: u32| NativeExpand::<Vector<F, N>>::from(done[place as usize]);
            let mask = |place: u32| NativeExpand::<Vector<bool, N>>::from(done[place as usize]);
            let result = match *node {
                Node::Input(i) => inputs.__expand_index_method(scope, (i as usize).into()).expand,
                Node::Literal(bits) => literal::expand::<F, N>(scope, f64::from_bits(bits) as f32).expand,
                Node::Parameter(i) => {
                    let parameter = parameters.__expand_index_method(scope, (i as usize).into());
                    parameter_of::expand::<F, N>(scope, parameter).expand
                }
                Node::Unary(function, a) => unary::<F, N>(scope, function, number(a)).expand,
                Node::Binary(Operator::Greater, a, b) => greater::expand::<F, N>(scope, number(a), number(b)).expand,
                Node::Binary(operator, a, b) => binary::<F, N>(scope, operator, number(a), number(b)).expand,
                Node::Select(m, a, b) => select_many::expand::<F, N>(scope, mask(m), number(a), number(b)).expand,
            };
            done.push(result);
        }
        let mut outputs = Sequence::<Vector<F, N>>::__expand_new(scope);
        for output in program.outputs() {
            outputs.__expand_push_method(scope, done[*output as usize].into());
        }
        outputs
    }
}

type Number<F, N> = NativeExpand<Vector<F, N>>;

fn unary<F: Float, N: Size>(scope: &Scope, function: Function, x: Number<F, N>) -> Number<F, N> {
    match function {
        Function::Neg => neg::expand(scope, x),
        Function::Exp => math::exp::expand(scope, x),
        Function::Ln => math::ln::expand(scope, x),
        Function::Log1p => math::log1p::expand(scope, x),
        Function::ExpM1 => math::exp_m1::expand(scope, x),
        Function::Sqrt => sqrt::expand(scope, x),
        Function::Abs => abs::expand(scope, x),
        Function::Atan => math::atan::expand(scope, x),
        Function::Sin => sin::expand(scope, x),
        Function::Cos => cos::expand(scope, x),
        Function::Tanh => math::tanh::expand(scope, x),
    }
}

fn binary<F: Float, N: Size>(scope: &Scope, operator: Operator, a: Number<F, N>, b: Number<F, N>) -> Number<F, N> {
    match operator {
        Operator::Add => add::expand(scope, a, b),
        Operator::Sub => sub::expand(scope, a, b),
        Operator::Mul => mul::expand(scope, a, b),
        Operator::Weigh => weigh::expand(scope, a, b),
        Operator::Div => div::expand(scope, a, b),
        Operator::Greater => unreachable!("a comparison makes a mask"),
    }
}

/// A literal of a program, which is exact in every type.
#[cube]
fn literal<F: Float, N: Size>(#[comptime] value: f32) -> Vector<F, N> {
    Vector::new(F::new(value))
}

#[cube]
fn parameter_of<F: Float, N: Size>(parameter: &InputScalar) -> Vector<F, N> {
    Vector::new(parameter.get::<F>())
}

#[cube]
fn neg<F: Float, N: Size>(x: Vector<F, N>) -> Vector<F, N> {
    -x
}

#[cube]
fn sqrt<F: Float, N: Size>(x: Vector<F, N>) -> Vector<F, N> {
    x.sqrt()
}

#[cube]
fn abs<F: Float, N: Size>(x: Vector<F, N>) -> Vector<F, N> {
    x.abs()
}

#[cube]
fn sin<F: Float, N: Size>(x: Vector<F, N>) -> Vector<F, N> {
    x.sin()
}

#[cube]
fn cos<F: Float, N: Size>(x: Vector<F, N>) -> Vector<F, N> {
    x.cos()
}

#[cube]
fn add<F: Float, N: Size>(a: Vector<F, N>, b: Vector<F, N>) -> Vector<F, N> {
    a + b
}

#[cube]
fn sub<F: Float, N: Size>(a: Vector<F, N>, b: Vector<F, N>) -> Vector<F, N> {
    a - b
}

#[cube]
fn mul<F: Float, N: Size>(a: Vector<F, N>, b: Vector<F, N>) -> Vector<F, N> {
    a * b
}

#[cube]
fn div<F: Float, N: Size>(a: Vector<F, N>, b: Vector<F, N>) -> Vector<F, N> {
    a / b
}

#[cube]
fn weigh<F: Float, N: Size>(a: Vector<F, N>, b: Vector<F, N>) -> Vector<F, N> {
    let zero = Vector::new(F::new(0.0_f32));
    select_many(a.equal(&zero).or(b.equal(&zero)), zero, a * b)
}

#[cube]
fn greater<F: Float, N: Size>(a: Vector<F, N>, b: Vector<F, N>) -> Vector<bool, N> {
    a.greater_than(&b)
}
