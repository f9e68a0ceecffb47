//! The functions of a GPU are precise.

use crate::devices;
use crate::probe::numbers;
use burn::tensor::{Tensor, TensorData};
use burn_losses::formula::{Formula, Real};
use burn_losses::regression::RegressionLoss;
use burn_losses::{Loss, Reduction, watched};

/// A formula of one function, whose error is measured; a user's own formula is compiled to a kernel too.
#[derive(Debug, Clone, Copy)]
enum Function {
    Sigmoid,
    Exp,
    SmallLog1p,
    ExpM1,
    Tanh,
    Atan,
    Ln,
    Sqrt,
    Reciprocal,
    Power,
}

impl Formula for Function {
    #[inline(always)]
    fn eval<R: Real>(&self, x: R, _: R) -> R {
        match self {
            Self::Sigmoid => x.sigmoid(),
            Self::Exp => x.exp(),
            Self::SmallLog1p => (-x.abs()).exp().log1p(),
            Self::ExpM1 => x.exp_m1(),
            Self::Tanh => x.tanh(),
            Self::Atan => x.atan(),
            Self::Ln => x.abs().ln(),
            Self::Sqrt => x.abs().sqrt(),
            Self::Reciprocal => x.lit(1.0) / x,
            Self::Power => x.abs().powf(1.7),
        }
    }
}

impl Loss for Function {
    fn kind(&self) -> &'static str {
        "function"
    }
    fn reduction(&self) -> Reduction {
        Reduction::Mean
    }
}

impl RegressionLoss for Function {}

#[test]
fn functions_keep_their_digits() {
    use Function::{Atan, Exp, ExpM1, Ln, Power, Reciprocal, Sigmoid, SmallLog1p, Sqrt, Tanh};
    let Some(gpu) = devices::gpu() else { return };
    let mut failures = Vec::new();
    for function in [Sigmoid, Exp, SmallLog1p, ExpM1, Tanh, Atan, Ln, Sqrt, Reciprocal, Power] {
        for scale in [1e-6, 1.0, 30.0, 80.0] {
            let x: Vec<f32> = numbers(1 << 16, 5).iter().map(|x| (x * scale) as f32).collect();
            let tensor = Tensor::<1>::from_data(TensorData::new(x.clone(), [x.len()]), &gpu.device);
            let (values, paths) = watched(|| function.forward_no_reduction(tensor.clone(), tensor.clone()));
            assert_eq!(paths.fused, ["pointwise"]);
            let got: Vec<f32> = values.into_data().try_to_vec().expect("single precision");
            let units = |(x, got): (&f32, &f32)| {
                let exact = function.eval(f64::from(*x), 0.0);
                // Below that, a device may round to 0. The error of a power grows with its logarithm.
                let known = if let Power = function { 1.0 + exact.ln().abs() } else { 1.0 };
                let error = (f64::from(*got) / exact - 1.0).abs() / f64::from(f32::EPSILON) / known;
                if exact.abs() < 1.2e-38 { 0.0 } else { error }
            };
            let worst = x.iter().zip(&got).map(units).fold(0.0, f64::max);
            if worst > 2.5 {
                failures.push(format!("{function:?} at {scale}: {worst:.1} units"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
