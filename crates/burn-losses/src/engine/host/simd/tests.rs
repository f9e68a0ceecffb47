//! Tests of the functions of lanes against those of the standard library.

use super::{Float, Lanes, MOST_LANES};
use crate::formula::Real;
use pulp::{Arch, Simd, WithSimd};

#[derive(Clone, Copy)]
enum Function {
    Exp,
    ExpM1,
    Ln,
    Log1p,
    Atan,
    Tanh,
    Sigmoid,
    Softplus,
    SigmoidOfMinus,
    SoftplusOfMinus,
}

impl Function {
    #[inline(always)]
    fn apply<R: Real>(self, x: R) -> R {
        match self {
            Self::Exp => x.exp(),
            Self::ExpM1 => x.exp_m1(),
            Self::Ln => x.ln(),
            Self::Log1p => x.log1p(),
            Self::Atan => x.atan(),
            Self::Tanh => x.tanh(),
            Self::Sigmoid => x.sigmoid(),
            Self::Softplus => x.softplus(),
            Self::SigmoidOfMinus => {
                let [_, of_minus] = x.sigmoids();
                of_minus
            }
            Self::SoftplusOfMinus => {
                let [_, of_minus] = x.softpluses();
                of_minus
            }
        }
    }
}

/// Applies a function of lanes to all numbers of a slice.
struct Map<'a, T> {
    function: Function,
    numbers: &'a [T],
    results: &'a mut [T],
}

impl<T: Float> WithSimd for Map<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let width = Lanes::<S, T>::COUNT;
        for (numbers, results) in self.numbers.chunks_exact(width).zip(self.results.chunks_exact_mut(width)) {
            self.function.apply(Lanes::load(simd, numbers)).store(results);
        }
    }
}

/// The largest error of a function, in units of the last place, with the registers of every instruction set that this machine
/// has.
fn worst<T: Float>(function: Function, numbers: &[T], truth: fn(f64) -> f64, unit: fn(f64) -> f64) -> f64 {
    let mut numbers = numbers.to_vec();
    numbers.resize(numbers.len().next_multiple_of(MOST_LANES), T::from_f64(0.5));
    let mut worst = 0.0f64;
    let mut results = vec![T::default(); numbers.len()];
    let mut compare = |results: &[T]| {
        for (x, got) in numbers.iter().zip(results) {
            let (expected, got) = (T::from_f64(truth(x.to_f64())).to_f64(), got.to_f64());
            let is_same = got == expected || got.is_nan() && expected.is_nan();
            let error = if is_same { 0.0 } else { (got - truth(x.to_f64())).abs() / unit(expected) };
            assert!(error.is_finite(), "of {}: {got} rather than {expected}", x.to_f64());
            worst = worst.max(error);
        }
    };
    Arch::new().dispatch(Map { function, numbers: &numbers, results: &mut results });
    compare(&results);
    Simd::vectorize(pulp::Scalar::new(), Map { function, numbers: &numbers, results: &mut results });
    compare(&results);
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = pulp::x86::V3::try_new() {
        Simd::vectorize(simd, Map { function, numbers: &numbers, results: &mut results });
        compare(&results);
    }
    worst
}

const SPECIAL: [f64; 22] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    1e-45,
    -1e-45,
    1e-38,
    -3e-39,
    5e-324,
    2.2e-308,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    88.7,
    88.73,
    -87.4,
    -103.9,
    709.7,
    709.9,
    -708.5,
    -745.1,
];

fn softplus(x: f64) -> f64 {
    if x > 700.0 { x } else { x.exp().ln_1p() }
}

fn sigmoid(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    if x < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) }
}

fn assert_all_within<T: Float>(units: f64, numbers: &[T], unit: fn(f64) -> f64) {
    let worst = [
        ("exp", worst(Function::Exp, numbers, f64::exp, unit)),
        ("exp_m1", worst(Function::ExpM1, numbers, f64::exp_m1, unit)),
        ("ln", worst(Function::Ln, numbers, f64::ln, unit)),
        ("log1p", worst(Function::Log1p, numbers, f64::ln_1p, unit)),
        ("atan", worst(Function::Atan, numbers, f64::atan, unit)),
        ("tanh", worst(Function::Tanh, numbers, f64::tanh, unit)),
    ];
    for (name, error) in worst {
        assert!(error <= units, "{name}: {error:.2} units");
    }
}

#[test]
fn functions_of_single_precision_are_right_to_two_units() {
    // Every 997th bit pattern of a number.
    let mut numbers: Vec<f32> = (0..=u32::MAX).step_by(997).map(f32::from_bits).collect();
    numbers.extend(SPECIAL.map(|x| x as f32));
    let unit = |x: f64| {
        let size = (x as f32).abs().max(f32::MIN_POSITIVE);
        f64::from(f32::from_bits(size.to_bits() + 1)) - f64::from(size)
    };
    assert_all_within(2.0, &numbers, unit);
    let errors = [
        worst(Function::Softplus, &numbers, softplus, unit),
        worst(Function::SoftplusOfMinus, &numbers, |x| softplus(-x), unit),
        // A sigmoid rounds three times: in an exponential, a sum and a quotient.
        worst(Function::Sigmoid, &numbers, sigmoid, unit) - 0.5,
        worst(Function::SigmoidOfMinus, &numbers, |x| sigmoid(-x), unit) - 0.5,
    ];
    assert!(errors.iter().all(|error| *error <= 2.0), "softplus and sigmoid: {errors:.2?} units");
}

#[test]
fn functions_of_double_precision_are_right_to_two_units() {
    let mut state = 1u64;
    let mut numbers: Vec<f64> = (0..400_000u32)
        .map(|i| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            match i % 3 {
                0 => f64::from_bits(state ^ state >> 29),
                1 => (state >> 11) as f64 / (1u64 << 49) as f64 - 8.0,
                _ => (state >> 11) as f64 / (1u64 << 43) as f64 - 512.0,
            }
        })
        .collect();
    numbers.extend(SPECIAL);
    let unit = |x: f64| {
        let size = x.abs().max(f64::MIN_POSITIVE);
        f64::from_bits(size.to_bits() + 1) - size
    };
    // The expected value is itself rounded, which adds half a unit.
    assert_all_within(2.5, &numbers, unit);
}
