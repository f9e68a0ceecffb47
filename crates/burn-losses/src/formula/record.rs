//! Numbers that record the operations on them.

use super::program::{FastHasher, Function, Node, Operator, Program};
use super::{Real, operators};
use core::hash::BuildHasherDefault;
use core::ops::Neg;
use std::cell::RefCell;
use std::collections::HashMap;

/// A number of a formula that is being recorded: the place of its node.
///
/// It implements [`Real`], so every formula can be recorded. With [`Dual`](super::Dual) numbers of it, so can the derivatives of
/// a formula. It exists only within [`Recording::new`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recorder(u32);

/// A truth value of a formula that is being recorded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mask(u32);

/// A formula as data, and the numbers of its config.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Recording {
    pub(crate) program: Program,
    pub(crate) parameters: Vec<f64>,
}

/// The numbers that are part of a program. All others are its parameters.
const STRUCTURE: [f64; 5] = [0.0, 1.0, -1.0, 2.0, 0.5];

impl Recording {
    /// Records `formula`, a function of `N` inputs and `M` outputs.
    pub(crate) fn new<const N: usize, const M: usize>(formula: impl FnOnce([Recorder; N]) -> [Recorder; M]) -> Self {
        Self::of_slice(N, |inputs| formula(core::array::from_fn(|i| inputs[i])).to_vec())
    }

    /// Records `formula`, a function of `inputs` inputs.
    pub(crate) fn of_slice(inputs: usize, formula: impl FnOnce(&[Recorder]) -> Vec<Recorder>) -> Self {
        // A formula may record another one while it is recorded.
        let outer = TAPE.replace(Tape::default());
        let inputs: Vec<_> = (0..inputs).map(|i| Recorder::from_node(Node::Input(i as u32))).collect();
        let outputs = formula(&inputs);
        TAPE.replace(outer).finish(&outputs)
    }
}

thread_local! {
    static TAPE: RefCell<Tape> = RefCell::default();
}

#[derive(Default)]
struct Tape {
    nodes: Vec<Node>,
    places: HashMap<Node, u32, BuildHasherDefault<FastHasher>>,
}

impl Tape {
    /// The place of a node. Equal nodes are stored once.
    fn push(&mut self, node: Node) -> u32 {
        *self.places.entry(node).or_insert_with(|| {
            self.nodes.push(node);
            self.nodes.len() as u32 - 1
        })
    }

    fn constant(&mut self, value: f64) -> u32 {
        self.push(Node::Literal(value.to_bits()))
    }

    fn literal(&self, place: u32) -> Option<f64> {
        match self.nodes[place as usize] {
            Node::Literal(bits) => Some(f64::from_bits(bits)),
            _ => None,
        }
    }

    /// Simplifies an operation and returns its place.
    fn simplified(&mut self, node: Node) -> u32 {
        match node {
            Node::Unary(function, a) => match (self.literal(a), function, self.nodes[a as usize]) {
                (Some(x), ..) => self.constant(function.apply(x)),
                (_, Function::Neg, Node::Unary(Function::Neg, inner)) => inner,
                _ => self.push(node),
            },
            Node::Binary(operator, a, b) => self.binary(operator, a, b),
            Node::Select(_, a, b) if a == b => a,
            Node::Select(mask, a, b) => match self.literal(mask) {
                None => self.push(node),
                Some(0.0) => b,
                Some(_) => a,
            },
            _ => self.push(node),
        }
    }

    /// A factor that is the constant 0 stands for a derivative that does not exist, so the product is 0 even if the other factor
    /// is NaN. Burn's autodiff has no node there either.
    fn binary(&mut self, operator: Operator, a: u32, b: u32) -> u32 {
        use Operator::{Add, Div, Mul, Sub, Weigh};
        match (operator, self.literal(a), self.literal(b)) {
            (_, Some(x), Some(y)) => self.constant(operator.apply(x, y)),
            (Weigh, Some(_), _) | (Weigh, _, Some(_)) => self.binary(Mul, a, b),
            (Add, Some(0.0), _) | (Mul, Some(1.0), _) => b,
            (Add | Sub, _, Some(0.0)) | (Mul | Div, _, Some(1.0)) => a,
            (Sub, Some(0.0), _) | (Mul, Some(-1.0), _) => self.simplified(Node::Unary(Function::Neg, b)),
            (Mul | Div, _, Some(-1.0)) => self.simplified(Node::Unary(Function::Neg, a)),
            (Mul | Div, Some(0.0), _) | (Mul, _, Some(0.0)) => self.constant(0.0),
            (Add | Mul | Weigh, ..) => self.push(Node::Binary(operator, a.min(b), a.max(b))),
            _ => self.push(Node::Binary(operator, a, b)),
        }
    }

    /// Keeps only the nodes that the outputs need. Most literals become parameters.
    fn finish(self, outputs: &[Recorder]) -> Recording {
        let mut is_needed = vec![false; self.nodes.len()];
        for output in outputs {
            is_needed[output.0 as usize] = true;
        }
        for (place, node) in self.nodes.iter().enumerate().rev() {
            if is_needed[place] {
                node.arguments().for_each(|argument| is_needed[argument as usize] = true);
            }
        }
        let (mut places, mut nodes, mut parameters) = (vec![0; self.nodes.len()], Vec::new(), Vec::new());
        for (place, node) in self.nodes.into_iter().enumerate().filter(|(place, _)| is_needed[*place]) {
            places[place] = nodes.len() as u32;
            nodes.push(match node {
                Node::Literal(bits) if !STRUCTURE.contains(&f64::from_bits(bits)) => {
                    parameters.push(f64::from_bits(bits));
                    Node::Parameter(parameters.len() as u32 - 1)
                }
                node => node.map(|argument| places[argument as usize]),
            });
        }
        let outputs = outputs.iter().map(|output| places[output.0 as usize]).collect();
        Recording { program: Program::new(nodes, outputs), parameters }
    }
}

impl Recorder {
    fn from_node(node: Node) -> Self {
        Self(TAPE.with_borrow_mut(|tape| tape.simplified(node)))
    }

    fn constant(value: f64) -> Self {
        Self(TAPE.with_borrow_mut(|tape| tape.constant(value)))
    }

    fn unary(self, function: Function) -> Self {
        Self::from_node(Node::Unary(function, self.0))
    }

    fn binary(self, operator: Operator, other: Self) -> Self {
        Self::from_node(Node::Binary(operator, self.0, other.0))
    }

    /// A power, computed by multiplications.
    fn whole_power(self, exponent: u32) -> Self {
        let mut power = Self::constant(1.0);
        for bit in (0..u32::BITS - exponent.leading_zeros()).rev() {
            power = power * power;
            if exponent >> bit & 1 == 1 {
                power = power * self;
            }
        }
        power
    }
}

operators! { always [] Recorder:
    Add add |a, b: Self| a.binary(Operator::Add, b);
    Sub sub |a, b: Self| a.binary(Operator::Sub, b);
    Mul mul |a, b: Self| a.binary(Operator::Mul, b);
    Div div |a, b: Self| a.binary(Operator::Div, b);
    Add add |a, b: f64| a.binary(Operator::Add, Self::constant(b));
    Sub sub |a, b: f64| a.binary(Operator::Sub, Self::constant(b));
    Mul mul |a, b: f64| a.binary(Operator::Mul, Self::constant(b));
}

impl Neg for Recorder {
    type Output = Self;
    fn neg(self) -> Self {
        self.unary(Function::Neg)
    }
}

impl Real for Recorder {
    type Mask = Mask;

    fn exp(self) -> Self {
        self.unary(Function::Exp)
    }
    fn ln(self) -> Self {
        self.unary(Function::Ln)
    }
    fn log1p(self) -> Self {
        self.unary(Function::Log1p)
    }
    fn exp_m1(self) -> Self {
        self.unary(Function::ExpM1)
    }
    fn sqrt(self) -> Self {
        self.unary(Function::Sqrt)
    }
    fn abs(self) -> Self {
        self.unary(Function::Abs)
    }
    fn atan(self) -> Self {
        self.unary(Function::Atan)
    }
    fn sin(self) -> Self {
        self.unary(Function::Sin)
    }
    fn cos(self) -> Self {
        self.unary(Function::Cos)
    }
    fn tanh(self) -> Self {
        self.unary(Function::Tanh)
    }
    fn lit(&self, value: f64) -> Self {
        Self::constant(value)
    }

    /// If a power is computed by multiplications, its exponent is part of the structure. A schedule that passes through such an
    /// exponent compiles one more kernel.
    fn powf(self, exponent: f64) -> Self {
        const MOST: f64 = 8.0;
        let (size, root) = (exponent.abs(), exponent.abs().fract());
        if size > MOST || (root != 0.0 && root != 0.5) {
            return (self.ln() * exponent).exp();
        }
        let whole = self.whole_power(size as u32);
        let power = if root == 0.5 { whole * self.sqrt() } else { whole };
        if exponent < 0.0 { Self::constant(1.0) / power } else { power }
    }
    fn gt(&self, other: &Self) -> Mask {
        Mask(self.binary(Operator::Greater, *other).0)
    }
    fn select(mask: &Mask, yes: Self, no: Self) -> Self {
        Self::from_node(Node::Select(mask.0, yes.0, no.0))
    }
    fn stop(self) -> Self {
        self
    }
    fn sigmoid(self) -> Self {
        let [value, _] = self.sigmoids();
        value
    }
    fn softplus(self) -> Self {
        self.relu() + (-self.abs()).exp().log1p()
    }
    fn weigh(self, other: Self) -> Self {
        self.binary(Operator::Weigh, other)
    }
    fn weigh_add(self, other: Self, term: Self) -> Self {
        self.weigh(other) + term
    }
    fn relu(self) -> Self {
        self.maximum(Self::constant(0.0))
    }
    /// Both sigmoids share one exponential, also with the softplus.
    fn sigmoids(self) -> [Self; 2] {
        let power = (-self.abs()).exp();
        let large = Self::constant(1.0) / (power + 1.0);
        let (small, is_negative) = (power * large, Self::constant(0.0).gt(&self));
        [Self::select(&is_negative, small, large), Self::select(&is_negative, large, small)]
    }
}
