//! A formula as data.

use super::Real;
use core::hash::{Hash, Hasher};
use std::sync::Arc;

/// A function of one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Function {
    Neg,
    Exp,
    Ln,
    Log1p,
    ExpM1,
    Sqrt,
    Abs,
    Atan,
    Sin,
    Cos,
    Tanh,
}

/// A function of two numbers. `Greater` gives a mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Operator {
    Add,
    Sub,
    Mul,
    /// A product that is 0 if one factor is 0, whatever the other factor is.
    Weigh,
    Div,
    Greater,
}

/// How a number is computed from earlier ones, which are given by their places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Node {
    Input(u32),
    /// A constant that is part of the structure, as the bits of an `f64`.
    Literal(u64),
    /// A number that is given when the program runs.
    Parameter(u32),
    Unary(Function, u32),
    Binary(Operator, u32, u32),
    /// A mask, the number where it is true, and the number where it is false.
    Select(u32, u32, u32),
}

impl Node {
    /// The places of the node's arguments.
    pub(super) fn arguments(self) -> impl Iterator<Item = u32> {
        let arguments = match self {
            Self::Input(_) | Self::Literal(_) | Self::Parameter(_) => [None; 3],
            Self::Unary(_, a) => [Some(a), None, None],
            Self::Binary(_, a, b) => [Some(a), Some(b), None],
            Self::Select(mask, a, b) => [Some(mask), Some(a), Some(b)],
        };
        arguments.into_iter().flatten()
    }

    /// The same node with other places for its arguments.
    pub(super) fn map(self, place: impl Fn(u32) -> u32) -> Self {
        match self {
            Self::Input(_) | Self::Literal(_) | Self::Parameter(_) => self,
            Self::Unary(function, a) => Self::Unary(function, place(a)),
            Self::Binary(operator, a, b) => Self::Binary(operator, place(a), place(b)),
            Self::Select(mask, a, b) => Self::Select(place(mask), place(a), place(b)),
        }
    }
}

impl Function {
    pub(super) fn apply(self, x: f64) -> f64 {
        match self {
            Self::Neg => -x,
            Self::Exp => x.exp(),
            Self::Ln => x.ln(),
            Self::Log1p => x.ln_1p(),
            Self::ExpM1 => x.exp_m1(),
            Self::Sqrt => x.sqrt(),
            Self::Abs => x.abs(),
            Self::Atan => x.atan(),
            Self::Sin => x.sin(),
            Self::Cos => x.cos(),
            Self::Tanh => x.tanh(),
        }
    }
}

impl Operator {
    /// A mask is 1 where it is true and 0 where it is not.
    pub(super) fn apply(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Add => a + b,
            Self::Sub => a - b,
            Self::Mul => a * b,
            Self::Weigh => Real::weigh(a, b),
            Self::Div => a / b,
            Self::Greater => f64::from(u8::from(a > b)),
        }
    }
}

/// Operations in the order in which they can be computed, and which of their results are the outputs.
///
/// Two formulas that differ by numbers alone have equal programs, so a kernel that is compiled for one serves both.
#[derive(Clone)]
pub(crate) struct Program(Arc<Content>);

struct Content {
    nodes: Vec<Node>,
    outputs: Vec<u32>,
    /// The hash of the whole program, so that it is quickly found among others.
    hash: u64,
}

impl Program {
    pub(super) fn new(nodes: Vec<Node>, outputs: Vec<u32>) -> Self {
        let mut hasher = FastHasher::default();
        (&nodes, &outputs).hash(&mut hasher);
        Self(Arc::new(Content { hash: hasher.finish(), nodes, outputs }))
    }

    pub(crate) fn nodes(&self) -> &[Node] {
        &self.0.nodes
    }

    pub(crate) fn outputs(&self) -> &[u32] {
        &self.0.outputs
    }

    /// The outputs in double precision, on the host.
    #[cfg(test)]
    pub(crate) fn run(&self, inputs: &[f64], parameters: &[f64]) -> Vec<f64> {
        let mut results: Vec<f64> = Vec::with_capacity(self.nodes().len());
        for node in self.nodes() {
            let of = |place: u32| results[place as usize];
            results.push(match *node {
                Node::Input(i) => inputs[i as usize],
                Node::Literal(bits) => f64::from_bits(bits),
                Node::Parameter(i) => parameters[i as usize],
                Node::Unary(function, a) => function.apply(of(a)),
                Node::Binary(operator, a, b) => operator.apply(of(a), of(b)),
                Node::Select(mask, a, b) => of(if of(mask) == 0.0 { b } else { a }),
            });
        }
        self.outputs().iter().map(|output| results[*output as usize]).collect()
    }
}

impl PartialEq for Program {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (&self.0, &other.0);
        Arc::ptr_eq(a, b) || (a.hash == b.hash && a.nodes == b.nodes && a.outputs == b.outputs)
    }
}

impl Eq for Program {}

impl Hash for Program {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

impl core::fmt::Debug for Program {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Program({:016x})", self.0.hash)
    }
}

/// A hasher of small numbers. With the standard hasher, recording takes more than twice as long.
#[derive(Default)]
pub(super) struct FastHasher(u64);

impl Hasher for FastHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }
    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }
    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }
    fn write_isize(&mut self, number: isize) {
        self.write_u64(number as u64);
    }
    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}
