//! Log-cosh loss.

use super::RegressionLoss;
use crate::formula::{Formula, Real};
use burn_losses_derive::{loss, loss_config};
use core::f64::consts::LN_2;

/// The logarithm of the hyperbolic cosine of the error.
///
/// # Formula
/// `ln cosh d = |d| + softplus(-2 |d|) - ln 2`, d = prediction - target.
///
/// # When to use
/// For regression with some outliers where the loss has to be twice differentiable, as gradient boosting and second-order
/// optimizers need it. Its bend is at errors of about 1, so scale the targets, or take
/// [`CharbonnierLoss`](super::CharbonnierLoss), which is smooth too and has a threshold; [`HuberLoss`](super::HuberLoss) has
/// one, but its curvature jumps.
///
/// # Numerics
/// The gradient is tanh d. The value is finite wherever d is (1e30 in f32, 4e4 in f16). Near zero, where the formula above
/// subtracts numbers that are nearly equal, its Taylor series keeps every digit: ln cosh 1e-4 = 5e-9, also in f32.
///
/// The second derivative is 1 - tanh^2 d: 1 for exact predictions, and nearly 0 for large errors, whose gradient is constant. A step
/// of gradient boosting divides by the sum of these numbers: where all errors are large it needs a regularized or bounded divisor.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, regression::LogCoshLossConfig};
///
/// let device = Device::flex();
/// let loss = LogCoshLossConfig::new().init(&device);
/// let value = loss.forward(
///     Tensor::<1>::from_floats([1.0], &device),
///     Tensor::from_floats([0.0], &device),
/// );
/// assert!((value.into_scalar::<f32>() - 0.433_780_8).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `keras.losses.LogCosh`: the same formula without the series: it loses digits near zero.
/// - `optax.losses.log_cosh`: the same formula without the series: it loses digits near zero.
///
/// PyTorch has none.
#[loss(regression, "log_cosh", "Logarithm of the hyperbolic cosine of the error: smooth everywhere, linear far away")]
pub struct LogCoshLoss {
    config: LogCoshLossConfig,
}

/// Config of [`LogCoshLoss`].
#[loss_config]
pub struct LogCoshLossConfig {}

impl RegressionLoss for LogCoshLoss {}

/// Below this |d| the series is used: its first omitted term is below 1e-15 of the sum.
const NEAR: f64 = 0.25;

/// ln cosh d = sum of c_k d^(2k), k = 1, 2, ..
const SERIES: [f64; 10] = [
    1.0 / 2.0,
    -1.0 / 12.0,
    1.0 / 45.0,
    -17.0 / 2520.0,
    31.0 / 14175.0,
    -691.0 / 935_550.0,
    10_922.0 / 42_567_525.0,
    -929_569.0 / 10_216_206_000.0,
    3_202_291.0 / 97_692_469_875.0,
    -221_930_581.0 / 18_561_569_276_250.0,
];

impl Formula for LogCoshLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        ln_cosh(prediction - target)
    }
}

/// ln cosh of an error.
#[inline(always)]
pub(crate) fn ln_cosh<R: Real>(error: R) -> R {
    let size = error.clone().abs();
    let far = size.gt_lit(NEAR);

    // Each branch gets only inputs from its own range, so that the branch not taken never has an infinite gradient.
    let small = R::select(&far, error.lit(0.0), error).square();
    let (last, others) = SERIES.split_last().expect("the series has terms");
    let mut series = small.lit(*last);
    for term in others.iter().rev() {
        series = series * small.clone() + *term;
    }
    let series = series * small;
    let line = size.clone() + (size * -2.0).softplus() - LN_2;
    R::select(&far, line, series)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::{Dual, second_order};
    use burn::tensor::Device;

    #[test]
    fn it_keeps_its_digits_everywhere() {
        let loss = LogCoshLossConfig::new().init(&Device::flex());
        for d in [1e-9, 1e-4, 0.01, 0.2, 0.2499, 0.2501, 0.7, 3.0, 40.0, 1e30] {
            let got = loss.eval(Dual::<f64, 1>::variable(d, 0), Dual::constant(0.0));
            // 2 sinh^2(d/2) loses no digits near zero.
            let expected = if d > 300.0 { d - LN_2 } else { (2.0 * (d / 2.0).sinh().powi(2)).ln_1p() };
            assert!((got.value / expected - 1.0).abs() < 2e-15, "{d}: {}", got.value);
            assert!((got.slope[0] / d.tanh() - 1.0).abs() < 1e-14, "{d}: {}", got.slope[0]);
        }
    }

    #[test]
    fn gradient_and_second_derivative_are_constant_for_large_errors() {
        let loss = LogCoshLossConfig::new().init(&Device::flex());
        assert_eq!(second_order(&loss, 0.0), [0.0, 0.0, 1.0]);
        for d in [-3.0, -0.2, 0.1, 0.5, 2.0] {
            let expected = 1.0 / f64::cosh(d).powi(2);
            assert!((second_order(&loss, d)[2] / expected - 1.0).abs() < 1e-12, "{d}");
        }
        let [_, slope, curvature] = second_order(&loss, -20.0);
        assert!(slope == -1.0 && curvature < 1e-16, "{slope} {curvature}");
    }
}
