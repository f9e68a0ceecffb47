//! Programs of all formulas of the registry, without a GPU.

#[cfg(feature = "wgpu")]
mod launches;

use crate::boxes::Boxes;
use crate::engine::distributions::Distributions;
use crate::engine::heads::{AnyHead, Head, Scaling};
use crate::engine::pointwise::{PointKernel, Pointwise};
use crate::engine::regions::cube::Record as RecordRegion;
use crate::engine::vectors::VectorKernel;
use crate::formula::Dual;
use crate::formula::program::{Function, Node, Operator, Program};
use crate::formula::record::Recording;
use crate::heads::HeadLoss;
use crate::likelihood::Likelihood;
use crate::options::BoxFormat;
use crate::segmentation::AnySegmentationLoss;
use crate::{AnyLoss, LossConfig, LossInfo, registry};
use burn::tensor::{Device, Tensor};
use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::fmt::Write;

/// A formula of a loss.
enum Kernel {
    Point(PointKernel),
    /// A formula of a few numbers and of their target, and whether the numbers are boxes.
    Vector(VectorKernel, bool),
    /// A formula of the sums over the pixels of a region.
    Region(Box<dyn RecordRegion>),
    /// A formula of a logit and, if the head has them, of the modulation and the length.
    Margin(Box<dyn AnyHead>, [bool; 2]),
}

impl Kernel {
    fn from_loss(loss: &AnyLoss) -> Option<Self> {
        match loss {
            AnyLoss::Regression(loss) => loss.kernel().map(Self::Point),
            AnyLoss::Binary(loss) => loss.kernel().map(Self::Point),
            AnyLoss::Distribution(loss) => loss.kernel().map(Self::Point),
            AnyLoss::Boxes(loss) => loss.kernel(BoxFormat::Xyxy).map(|kernel| Self::Vector(kernel, true)),
            AnyLoss::Likelihood(loss) => loss.kernel().map(|kernel| Self::Vector(kernel, false)),
            AnyLoss::Segmentation(loss) => match loss.clone() {
                AnySegmentationLoss::Dice(loss) => Some(Self::Region(Box::new(loss))),
                AnySegmentationLoss::Tversky(loss) => Some(Self::Region(Box::new(loss))),
                AnySegmentationLoss::Jaccard(loss) => Some(Self::Region(Box::new(loss))),
                AnySegmentationLoss::FocalTversky(loss) => Some(Self::Region(Box::new(loss))),
                _ => None,
            },
            AnyLoss::Heads(loss) if Head::has_margin(loss) => {
                let Scaling { embeddings, weight, .. } = Head::scaling(loss);
                let rows = Tensor::<2>::ones([1, loss.weight().dims()[1]], &loss.weight().device());
                let none = Tensor::<1>::zeros([1], &loss.weight().device()).equal_scalar(1.0);
                let has_modulation = Head::modulation(loss, &rows, none).is_some();
                Some(Self::Margin(Box::new(loss.clone()), [has_modulation, !embeddings || !weight]))
            }
            _ => None,
        }
    }

    /// The formula as data: its value and its derivatives.
    fn recording(&self) -> Recording {
        match self {
            Self::Point(kernel) => kernel.recording(true),
            Self::Vector(kernel, _) => kernel.record.recording(true),
            Self::Region(kernel) => kernel.recording(true),
            Self::Margin(head, [has_modulation, has_length]) => {
                head.recorded_margin(*has_modulation, *has_length, true)
            }
        }
    }

    /// How many numbers the formula takes.
    fn inputs(&self) -> usize {
        match self {
            Self::Point(_) => 2,
            Self::Vector(kernel, _) => {
                let (width, target_width) = kernel.record.widths();
                width + target_width
            }
            Self::Region(_) => 3,
            Self::Margin(_, needs) => 1 + needs.iter().filter(|needs| **needs).count(),
        }
    }

    fn exact(&self, inputs: &[f64]) -> Vec<f64> {
        match self {
            Self::Point(kernel) => {
                let y = kernel.record.exact(inputs[0], inputs[1]);
                vec![y.value, y.slope[0]]
            }
            Self::Vector(kernel, _) => kernel.record.exact(inputs),
            Self::Region(kernel) => kernel.exact(inputs),
            Self::Margin(head, [has_modulation, has_length]) => {
                let (logit, modulation) =
                    (Dual::variable(inputs[0], 0), has_modulation.then(|| Dual::constant(inputs[1])));
                let length =
                    if *has_length { Dual::variable(inputs[inputs.len() - 1], 1) } else { Dual::constant(1.0) };
                let target = head.margin(logit, length, modulation);
                let slopes = if *has_length { 2 } else { 1 };
                core::iter::once(target.value).chain(target.slope.into_iter().take(slopes)).collect()
            }
        }
    }

    /// Points at which a formula may go wrong: random ones, extreme ones, and points with two equal numbers.
    fn points(&self, random: &mut impl Rng) -> Vec<Vec<f64>> {
        match self {
            Self::Point(_) => {
                const SPECIAL: [f64; 16] = [
                    0.0, -0.0, 1.0, -1.0, 0.5, 1e-300, -1e-38, 1e-20, 1e-8, -1e-3, 20.0, -88.5, 709.0, -745.0, 1e4,
                    -1e4,
                ];
                let pairs = SPECIAL.iter().flat_map(|a| SPECIAL.iter().map(|b| vec![*a, *b]));
                let scales = [0.1, 1.0, 30.0];
                let near = (0..3000).map(|i| {
                    let a = random.random_range(-1.0..1.0) * scales[i % 3];
                    let b = random.random_range(0.0..1.0);
                    vec![a, [b, b * scales[i % 3], a][i / 3 % 3]]
                });
                pairs.chain(near).collect()
            }
            Self::Vector(_, is_box) => (0..3000)
                .map(|i| {
                    // Corners on a grid are often equal, and a box may be empty or inverted.
                    let mut number = || match i % 3 {
                        0 => random.random_range(0.0..3.0),
                        1 => f64::from(random.random_range(0..4)),
                        _ if *is_box => random.random_range(-1e4..1e4),
                        _ => random.random_range(-30.0..30.0),
                    };
                    (0..self.inputs()).map(|_| number()).collect()
                })
                .collect(),
            Self::Region(_) => (0..3000)
                .map(|i| {
                    let mut area = || [0.0, 1.0, 300.0, 1e6][i % 4] * random.random_range(0.0..1.0);
                    let (prediction, target): (f64, f64) = (area(), area());
                    vec![prediction.min(target) * random.random_range(0.0..=1.0), prediction, target]
                })
                .collect(),
            Self::Margin(head, needs) => (0..3000)
                .map(|i| {
                    let cosine = [-1.0, 1.0, 0.0, random.random_range(-1.0..1.0)][i.min(3)];
                    let length = if needs[1] { random.random_range(0.0..5.0) } else { 1.0 };
                    let logit = cosine * length * head.scaling().scale;
                    let modulation = needs[0].then(|| random.random_range(0.0..1.0));
                    [Some(logit), modulation, needs[1].then_some(length)].into_iter().flatten().collect()
                })
                .collect(),
        }
    }
}

fn kernels() -> Vec<(String, Kernel)> {
    let named = |info: LossInfo| {
        let loss = LossConfig::example(info.family, info.kind).ok()?.init(&Device::flex());
        Some((format!("{}/{}", info.family, info.kind), Kernel::from_loss(&loss)?))
    };
    registry().into_iter().filter_map(named).collect()
}

#[test]
fn a_program_is_its_formula() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(7);
    let kernels = kernels();
    assert!(kernels.len() > 30, "{} formulas", kernels.len());
    for (name, kernel) in kernels {
        let Recording { program, parameters } = kernel.recording();
        for point in kernel.points(&mut random) {
            let (got, expected) = (program.run(&point, &parameters), kernel.exact(&point));
            assert!(got[0].is_nan() == expected[0].is_nan(), "{name} at {point:?}: {got:?} against {expected:?}");
            for (got, expected) in got.iter().zip(&expected).filter(|(_, expected)| expected.is_finite()) {
                let error = (got - expected).abs();
                assert!(error <= 1e-11 * expected.abs(), "{name} at {point:?}: {got:e} against {expected:e}");
            }
        }
    }
}

/// A NaN among the inputs makes the value NaN.
#[test]
fn a_program_keeps_nan() {
    for (name, kernel) in kernels() {
        let Recording { program, parameters } = kernel.recording();
        let inputs = kernel.inputs();
        for at in 0..inputs {
            let mut point: Vec<f64> = (0..inputs).map(|i| 0.25 + 0.5 * f64::from(i as u32)).collect();
            point[at] = f64::NAN;
            let (got, expected) = (program.run(&point, &parameters)[0], kernel.exact(&point)[0]);
            assert!(got.is_nan() == expected.is_nan(), "{name} at {point:?}: {got} against {expected}");
        }
    }
}

fn count(program: &Program, is_one: impl Fn(&Node) -> bool) -> usize {
    program.nodes().iter().filter(|node| is_one(node)).count()
}

fn is_slow(node: &Node) -> bool {
    use Function::{Atan, Cos, Exp, ExpM1, Ln, Log1p, Sin, Sqrt, Tanh};
    match node {
        Node::Unary(function, _) => matches!(function, Atan | Cos | Exp | ExpM1 | Ln | Log1p | Sin | Sqrt | Tanh),
        Node::Binary(operator, ..) => *operator == Operator::Div,
        _ => false,
    }
}

/// The programs have not grown: a lost simplification shows up here. `BURN_LOSSES_WRITE=1` rewrites the table.
#[test]
fn programs_stay_small() {
    let mut table = String::from("value and derivatives of | nodes | functions, divisions | parameters\n");
    for (name, kernel) in kernels() {
        let Recording { program, parameters } = kernel.recording();
        let (nodes, slow) = (program.nodes().len(), count(&program, is_slow));
        writeln!(table, "{name} | {nodes} | {slow} | {}", parameters.len()).expect("a string");
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/engine/cube/tests/programs.txt");
    if std::env::var("BURN_LOSSES_WRITE").is_ok() {
        std::fs::write(path, &table).expect("a file");
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(table, expected, "{path}");
}

/// A schedule compiles nothing: if a field can be any number, its value is no part of the program.
#[test]
fn fields_are_parameters() {
    let mut changed = 0;
    for info in registry() {
        let config = LossConfig::example(info.family, info.kind).expect("the example is valid");
        let config = serde_json::to_value(&config).expect("a table");
        let number = |(name, value): (&String, &serde_json::Value)| {
            Some((name.clone(), value.as_f64().filter(|_| value.is_f64())?))
        };
        let fields: Vec<(String, f64)> = config.as_object().expect("a table").iter().filter_map(number).collect();
        for (name, value) in fields {
            let program = |by: f64| {
                let mut config = config.clone();
                config[&name] = (value * by + if value == 0.0 { by / 100.0 } else { 0.0 }).into();
                let config: LossConfig = serde_json::from_value(config).ok()?;
                Some(Kernel::from_loss(&config.try_init(&Device::flex()).ok()?)?.recording())
            };
            // The initial value of a field may be special, for example a square or a factor of one; so two other values are
            // compared.
            let (Some(one), Some(other)) = (program(0.9871), program(0.9637)) else { continue };
            changed += 1;
            assert!(one.program == other.program, "{}/{}: `{name}` is in the program", info.family, info.kind);
        }
    }
    assert!(changed > 15, "{changed} fields");
}

/// How programs simplify zeros, ones and repeated expressions.
#[test]
fn what_is_simple_is_simplified() {
    use crate::formula::Real;
    let nodes = |recording: Recording| recording.program.nodes().to_vec();
    let input = Node::Input(0);
    assert_eq!(nodes(Recording::new(|[x]| [x * 1.0 + 0.0 - 0.0])), [input]);
    assert_eq!(nodes(Recording::new(|[x]| [-(-x)])), [input]);
    assert_eq!(nodes(Recording::new(|[x]| [x.ln() * 0.0])), [Node::Literal(0)]);
    assert_eq!(nodes(Recording::new(|[x]| [x.lit(2.0) * 3.0])), [Node::Parameter(0)]);
    let twice = Recording::new(|[x, y]| [(x + y) * (y + x)]);
    let sum = Node::Binary(Operator::Add, 0, 1);
    assert_eq!(nodes(twice), [input, Node::Input(1), sum, Node::Binary(Operator::Mul, 2, 2)]);
    // A formula that records another one inside it continues its own recording afterwards.
    let nested = Recording::new(|[x]| {
        let inner = Recording::new(|[y]| [y.exp()]);
        assert_eq!(inner.program.nodes().len(), 2);
        [x + 3.0]
    });
    assert_eq!(nested.parameters, [3.0]);
    assert_eq!(nested.program.run(&[1.0], &nested.parameters), [4.0]);
}

#[test]
fn powers_of_every_exponent() {
    use crate::formula::Real;
    for exponent in [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 7.0, 8.0, 9.0, 1.7, -0.5, -1.0, -2.0, -3.3] {
        let Recording { program, parameters } = Recording::new(|[x]| [x.powf(exponent)]);
        for x in [1e-6, 0.3, 1.0, 7.5] {
            let (got, expected) = (program.run(&[x], &parameters)[0], f64::powf(x, exponent));
            assert!((got / expected - 1.0).abs() < 1e-13, "{x}^{exponent}: {got} against {expected}");
        }
    }
    // A power with an integer exponent is computed by multiplications, which also work for negative numbers.
    assert_eq!(Recording::new(|[x]| [x.powf(3.0)]).program.run(&[-2.0], &[]), [-8.0]);
}
