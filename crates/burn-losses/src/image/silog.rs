//! Scale-invariant logarithmic error.

use super::{ImageLoss, Images, Pictures};
use crate::engine::pointwise::of_formula;
use crate::formula::{Formula, Real};
use crate::reduction::row_sums;
use burn::tensor::Tensor;
use burn_losses_derive::{loss, loss_config};

/// A depth below the first number counts as that number, one above the second as that one.
const RANGE: (f64, f64) = (1e-6, 1e30);

/// Scale-invariant logarithmic error of depth maps (Eigen et al. 2014, [arXiv 1406.2283](https://arxiv.org/abs/1406.2283)).
///
/// # Formula
/// ```text
/// scale sqrt(mean g^2 - lambda (mean g)^2),  g = ln p - ln t
/// ```
/// of the predicted depths p and the targets t, over the valid pixels of an image: those whose target is above 0. With
/// `root = false` there is no root.
///
/// # When to use
/// For monocular depth estimation, where the scale of the scene is unknown. With `lambda = 1` a factor that is common to all
/// depths does not change the value, and with `lambda = 0` the loss is `scale` times the root mean squared logarithmic error.
/// BTS and AdaBins set `lambda = 0.85` and `scale = 10`. The predictions are depths above 0, so end the model with a softplus
/// or an exponential.
///
/// # Numerics
/// It is computed as the root of (1 - lambda) mean g^2 + lambda times the variance of g, which is never negative. The gradient of the
/// root is 0 at 0. A depth below 1e-6 counts as 1e-6 and one above 1e30 as 1e30; such a prediction has no gradient. An image without a
/// valid pixel has the value 0.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{image::SilogLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = SilogLossConfig::new().with_lambda(1.0).init(&device);
/// // The last pixel has no depth.
/// let depths = Tensor::<4>::from_floats([[[[1.0, 2.0, 3.0, 0.0]]]], &device);
/// // Everything is twice as far away.
/// assert!(loss.forward(depths.clone() * 2.0, depths).into_scalar::<f32>() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `mmseg.models.losses.SiLogLoss`: with `lambda = 0.5`; both depths are at least its `eps`, and a target below that is not valid.
#[loss(image, "silog", "Scale-invariant logarithmic error of depth maps")]
pub struct SilogLoss {
    config: SilogLossConfig,
}

/// Config of [`SilogLoss`].
#[loss_config]
pub struct SilogLossConfig {
    /// The share of the scale error that is ignored: none at 0, all at 1.
    #[field(default = 0.5, range = "[0, 1]")]
    pub lambda: f64,
    /// Whether the root is taken.
    #[field(default = true)]
    pub root: bool,
    /// The factor of the value.
    #[field(default = 1.0, range = "> 0")]
    pub scale: f64,
}

impl ImageLoss for SilogLoss {}

/// The logarithm of a depth.
#[inline(always)]
fn logarithm<R: Real>(depth: R) -> R {
    let (least, most) = (depth.lit(RANGE.0), depth.lit(RANGE.1));
    depth.maximum(least).minimum(most).ln()
}

/// The difference of the logarithms, 0 where there is no target.
#[derive(Debug, Clone)]
struct LogDifference;

impl Formula for LogDifference {
    #[inline(always)]
    fn eval<R: Real>(&self, depth: R, target: R) -> R {
        let none = depth.lit(0.0);
        R::select(&target.gt_lit(0.0), logarithm(depth) - logarithm(target), none)
    }
}

/// A part of the squared error, and a part of the squared deviation from the mean of the errors.
impl Formula for SilogLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, error: R, mean: R) -> R {
        let lambda = self.config.lambda;
        error.clone().square() * (1.0 - lambda) + (error - mean).square() * lambda
    }
}

impl Images for SilogLoss {
    fn values(&self, predictions: Pictures, targets: Pictures) -> Tensor<1> {
        let SilogLossConfig { root, scale, .. } = self.config;
        let count = predictions.count();
        let shape = [count, predictions.pixels.shape().num_elements() / count];
        let [p, t] = [predictions, targets].map(|images| images.pixels.reshape(shape));
        let invalid = t.clone().detach().greater_scalar(0.0).bool_not();
        let errors = of_formula(&LogDifference, p, t);
        let ones = errors.ones_like().detach().mask_fill(invalid.clone(), 0.0);
        let number = row_sums(ones).clamp_min(1.0);
        // The deviations add up to 0, so the slope by their mean is 0: it is a constant here.
        let mean = row_sums(errors.clone().detach()) / number.clone();
        let mean = mean.expand(shape).mask_fill(invalid, 0.0);
        let value = row_sums(of_formula(self, errors, mean)) / number;
        let value = if root { value.safe_sqrt() } else { value };
        value.squeeze_dim::<1>(1) * scale
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn pixels_without_a_depth_do_not_count_and_a_perfect_map_has_no_gradient() {
        let device = Device::flex().autodiff();
        let targets = Tensor::<4>::from_floats([[[[1.0, 2.0, 0.0, -1.0]]], [[[0.0, 0.0, 0.0, 0.0]]]], &device);
        let loss = SilogLossConfig::new().with_lambda(0.0).init(&device);
        let run = |numbers: [[f32; 4]; 2]| {
            let p = Tensor::<2>::from_floats(numbers, &device).reshape([2, 1, 1, 4]).require_grad();
            let values = loss.forward_no_reduction(p.clone(), targets.clone());
            let gradient = p.grad(&values.clone().sum().backward()).expect("a gradient").into_data();
            let values: Vec<f32> = values.into_data().iter().collect();
            (values, gradient.iter::<f32>().collect::<Vec<_>>())
        };
        let (values, gradient) = run([[1.0, 2.0, 7.0, 0.0], [1.0; 4]]);
        assert_eq!((values, gradient), (vec![0.0, 0.0], vec![0.0; 8]));
        let (values, gradient) = run([[core::f32::consts::E, 2.0, 7.0, 0.0], [1.0; 4]]);
        assert!((values[0] - 0.5f32.sqrt()).abs() < 1e-6, "{values:?}");
        assert!(gradient[0] > 0.0 && gradient[2..].iter().all(|slope| *slope == 0.0), "{gradient:?}");
    }
}
