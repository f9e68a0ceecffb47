//! Tukey's biweight loss.

use super::RegressionLoss;
use crate::engine::curved::Part;
use crate::engine::pointwise::{PointKernel, Pointwise, of_formula};
use crate::engine::primitives::order_statistics::median;
use crate::engine::with_zero_gradient;
use crate::formula::safe::clamped;
use crate::formula::{Formula, Real};
use crate::reduction::Unreduced;
use burn::tensor::{Bool, Tensor};
use burn_losses_derive::{Choice, loss, loss_config};

/// The divisor of the errors, before they are compared with `c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum TukeyScale {
    /// No divisor: the errors are in units of their standard deviation already.
    #[default]
    None,
    /// 1.4826 times the median absolute deviation of the batch, a constant for the gradient, floored at 1e-12. An error that is NaN
    /// is not in it.
    Mad,
}

/// Tukey's biweight loss (Beaton and Tukey 1974,
/// [doi 10.1080/00401706.1974.10489171](https://doi.org/10.1080/00401706.1974.10489171)).
///
/// # Formula
/// ```text
/// c^2/6 (1 - (1 - (r/c)^2)^3)    where |r| <= c
/// c^2/6                          elsewhere
/// ```
/// with r = d / scale, d = prediction - target.
///
/// # When to use
/// For regression with gross errors that must have no effect, such as wrong targets or failures of a sensor. It needs a model
/// that is nearly right: start close, with [`HuberLoss`](super::HuberLoss), or set `scale = "mad"`, which measures errors in
/// robust standard deviations of the batch. Where large errors are rare but true (heavy tails), stay with `HuberLoss`.
///
/// # Numerics
/// The gradient is 0 beyond c, so with a poor initialization it may be 0 everywhere. With c = 4.6851 and Gaussian errors of
/// standard deviation 1 the estimate is 95 % as efficient as least squares.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, regression::TukeyBiweightLossConfig};
///
/// let device = Device::flex();
/// let loss = TukeyBiweightLossConfig::new().with_c(3.0).init(&device);
/// let values = loss.forward_no_reduction(
///     Tensor::<1>::from_floats([5.0, 500.0], &device),
///     Tensor::from_floats([0.0, 0.0], &device),
/// );
/// assert_eq!(values.into_data().to_vec::<f32>().unwrap(), [1.5, 1.5]);
/// ```
///
/// # Elsewhere
/// - `statsmodels.robust.norms.TukeyBiweight`: its `rho` is the same formula for errors that are scaled already, in older
///   versions up to a constant; the reference values agree with it. Its `c` is 4.685 by default.
///
/// PyTorch has none.
#[loss(regression, "tukey_biweight", "Robust loss that saturates beyond c: outliers have zero gradient")]
pub struct TukeyBiweightLoss {
    config: TukeyBiweightLossConfig,
}

/// Config of [`TukeyBiweightLoss`].
#[loss_config]
pub struct TukeyBiweightLossConfig {
    /// The size beyond which an error is an outlier, in units of the scale.
    #[field(default = 4.6851, range = ">= 1e-30")]
    pub c: f64,
    /// The divisor of the errors, a constant for the gradient.
    #[field(default = TukeyScale::None)]
    pub scale: TukeyScale,
}

impl RegressionLoss for TukeyBiweightLoss {}

/// The standard deviation of a Gaussian is this many median absolute deviations.
const GAUSSIAN_MAD: f64 = 1.4826;

/// The formula itself, for errors that are scaled already.
impl Formula for TukeyBiweight {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: R, target: R) -> R {
        let c = self.c;
        let inside = -clamped((prediction - target) * (1.0 / c), 1.0).square() + 1.0;
        (-(inside.clone() * inside.clone() * inside) + 1.0) * (c * c / 6.0)
    }
}

#[derive(Debug, Clone)]
struct TukeyBiweight {
    c: f64,
}

/// The scale of a batch of errors: a constant for the gradient.
fn scale_of(errors: &Tensor<3>, mask: Option<&Tensor<3, Bool>>) -> Tensor<1> {
    let count = errors.shape().num_elements();
    let flat = errors.clone().detach().reshape([count]);
    let mask = mask.map(|mask| mask.clone().reshape([count]));
    let center = median(flat.clone(), mask.as_ref()).expand([count]);
    let deviation = median((flat - center).abs(), mask.as_ref()) * GAUSSIAN_MAD;
    deviation.clamp_min(1e-12)
}

impl Pointwise for TukeyBiweightLoss {
    fn values(&self, predictions: Tensor<3>, targets: Tensor<3>, mask: Option<&Tensor<3, Bool>>) -> Unreduced<3> {
        let errors = predictions.clone() - targets;
        let scaled = match self.config.scale {
            TukeyScale::None => errors,
            TukeyScale::Mad => {
                let scale = scale_of(&errors, mask);
                errors / scale.reshape([1; 3])
            }
        };
        let center = scaled.zeros_like();
        let formula = TukeyBiweight { c: self.config.c };
        with_zero_gradient(of_formula(&formula, scaled, center), predictions).into()
    }

    fn kernel(&self) -> Option<PointKernel> {
        let formula = TukeyBiweight { c: self.config.c };
        (self.config.scale == TukeyScale::None).then(|| PointKernel::new(&formula))
    }

    fn parts(&self, predictions: &Tensor<3>, targets: &Tensor<3>, mask: Option<&Tensor<3, Bool>>) -> Option<Vec<Part>> {
        let scale = match self.config.scale {
            TukeyScale::None => 1.0,
            TukeyScale::Mad => scale_of(&(predictions.clone() - targets.clone()), mask).into_scalar::<f64>(),
        };
        // The formula of d / scale is that of d with c times the scale, divided by the square of the scale.
        let part = Part::new(&PointKernel::new(&TukeyBiweight { c: self.config.c * scale }));
        Some(vec![part.times(1.0 / (scale * scale))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::second_order;
    use crate::regression::robust::gaussian_efficiency;

    #[test]
    fn by_hand_inside_and_outside() {
        let tukey = TukeyBiweight { c: 2.0 };
        assert_eq!(tukey.eval(0.0, 0.0), 0.0);
        assert!((tukey.eval(1.0, 0.0) - 4.0 / 6.0 * (1.0 - 0.421_875)).abs() < 1e-15);
        assert!((tukey.eval(1e30, 0.0) - 4.0 / 6.0).abs() < 1e-15);
        assert_eq!(second_order(&tukey, 0.0), [0.0, 0.0, 1.0]);
    }

    #[test]
    fn the_documented_c_is_95_percent_efficient() {
        assert!((gaussian_efficiency(&TukeyBiweight { c: 4.6851 }) - 0.95).abs() < 1e-4);
    }
}
