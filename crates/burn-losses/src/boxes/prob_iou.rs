//! Probabilistic IoU loss of rotated boxes.

use super::gaussian::Gaussians;
use super::{BoxFormat, BoxTargets, Boxes, BoxesLoss};
use crate::engine::vectors::{VectorKernel, of_formula};
use crate::formula::{Real, VectorFormula};
use burn::tensor::{Bool, Tensor};
use burn_losses_derive::{Choice, loss, loss_config};

/// How the distance of two rotated boxes becomes a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum ProbIouForm {
    /// The Hellinger distance `sqrt(1 - exp(-B))`, in [0, 1]: the paper's L1.
    #[default]
    Hellinger,
    /// The Bhattacharyya distance B, without a bound: the paper's L2.
    Bhattacharyya,
}

/// Probabilistic IoU of rotated boxes (Llerena et al. 2021, [arXiv 2106.06072](https://arxiv.org/abs/2106.06072)).
///
/// A box (cx, cy, w, h, angle) is a Gaussian around its center, and the loss is a distance of the two Gaussians. The angle is in
/// radians, from the x axis to the side w.
///
/// # Formula
/// ```text
/// sqrt(1 - exp(-B))                                        hellinger
/// B                                                        bhattacharyya
///
/// B = d^T S^-1 d / 8 + ln(|S| / sqrt(|S1| |S2|)) / 2
/// S = (S1 + S2) / 2,   Si = R diag(w^2, h^2) R^T / spread
/// ```
/// with d the offset of the centers and R the rotation by the angle.
///
/// # When to use
/// For rotated boxes, as in aerial images and text detection: it is smooth in all five numbers, and has no jump where an angle
/// leaves its range, since only its sine and cosine count. Begin with `bhattacharyya` where many boxes are far apart, since
/// `hellinger` is flat there. For upright boxes take [`CiouLoss`](super::CiouLoss).
///
/// # Shapes
/// - predictions, targets: `[N, 5]`
///
/// # Numerics
/// B is a sum of squares, in which nothing cancels. Nothing is added to it, and it is not clamped: equal boxes have the value 0.
/// The slope of the square root is infinite at B = 0, and counts as 0 there. Where w = h the angle has no slope, since the
/// Gaussian is round. A side below 1e-7 of the largest length counts as 1e-7 of it, without a slope.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{boxes::ProbIouLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = ProbIouLossConfig::new().init(&device);
/// // A quarter of a turn of a box 4 wide and 2 high is a box 2 wide and 4 high.
/// let value = loss.forward(
///     Tensor::from_floats([[1.0, 1.0, 4.0, 2.0, std::f32::consts::FRAC_PI_2]], &device),
///     Tensor::from_floats([[1.0, 1.0, 2.0, 4.0, 0.0]], &device),
/// );
/// assert!(value.into_scalar::<f32>() < 1e-5);
/// ```
///
/// # Elsewhere
/// - `ultralytics.utils.metrics.probiou`: one minus this loss, with 1e-7 added in six places, B in [1e-7, 100], and the default
///   `spread`.
/// - `ultralytics.utils.loss.RotatedBboxLoss`: the same, weighted by the scores of the targets.
#[loss(boxes, "prob_iou", "Hellinger distance of rotated boxes as Gaussians, smooth in the angle")]
pub struct ProbIouLoss {
    config: ProbIouLossConfig,
}

/// Config of [`ProbIouLoss`].
#[loss_config]
pub struct ProbIouLossConfig {
    /// How the distance becomes a loss.
    #[field(default = ProbIouForm::Hellinger)]
    pub form: ProbIouForm,
    /// The number that the squared sides are divided by. With 12 the Gaussian has the variance of a uniform distribution over the box.
    #[field(default = 12.0, range = "> 0")]
    pub spread: f64,
}

impl BoxesLoss for ProbIouLoss {}

impl Boxes for ProbIouLoss {
    fn values(
        &self,
        predictions: Tensor<2>,
        targets: Tensor<2>,
        _: BoxFormat,
        _: Option<&Tensor<1, Bool>>,
    ) -> Tensor<1> {
        of_formula(self, predictions, targets)
    }
    fn kernel(&self, _: BoxFormat) -> Option<VectorKernel> {
        Some(VectorKernel::new(self))
    }
    fn targets(&self) -> BoxTargets {
        BoxTargets::Rotated
    }
}

impl VectorFormula<5> for ProbIouLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: [R; 5], target: [R; 5]) -> R {
        let [offset, shape] = Gaussians::new(prediction, target).bhattacharyya(self.config.spread);
        let distance = offset + shape;
        match self.config.form {
            ProbIouForm::Hellinger => (-(-distance).exp_m1()).safe_sqrt(),
            ProbIouForm::Bhattacharyya => distance,
        }
    }

    #[inline(always)]
    fn coordinates(&self) -> usize {
        4
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Dual;
    use burn::tensor::{DType, Device, Tensor, TensorData};

    fn loss(form: ProbIouForm) -> ProbIouLoss {
        ProbIouLossConfig::new().with_form(form).init(&Device::flex())
    }

    fn at(form: ProbIouForm, prediction: [f64; 5], target: [f64; 5]) -> Dual<f64, 5> {
        let variables = core::array::from_fn(|i| Dual::<f64, 5>::variable(prediction[i], i));
        loss(form).eval(variables, target.map(Dual::constant))
    }

    #[test]
    fn round_gaussians_by_hand() {
        // S1 = S2 = diag(4, 4) / 12, and the centers are 1 apart.
        let value = loss(ProbIouForm::Bhattacharyya).eval([1.0, 0.0, 2.0, 2.0, 0.7], [0.0, 0.0, 2.0, 2.0, -2.0]);
        assert!((value - 3.0 / 8.0).abs() < 1e-15, "{value}");
        // Boxes of the sides 1 and 2: |S| / sqrt(|S1| |S2|) = 2.5^2 / 4.
        let value = loss(ProbIouForm::Bhattacharyya).eval([0.0, 0.0, 1.0, 1.0, 0.0], [0.0, 0.0, 2.0, 2.0, 0.0]);
        assert!((value - 1.5625f64.ln() / 2.0).abs() < 1e-15, "{value}");
    }

    #[test]
    fn equal_boxes_are_zero_without_a_gradient() {
        for form in [ProbIouForm::Hellinger, ProbIouForm::Bhattacharyya] {
            for target in [[1.0, 2.0, 3.0, 0.5, 0.3], [1e4, -1e4, 1e-3, 1e3, 7.0], [0.0; 5]] {
                let y = at(form, target, target);
                assert_eq!(y.value, 0.0, "{form:?} {target:?}");
                assert_eq!(y.slope, [0.0; 5], "{form:?} {target:?}");
            }
        }
    }

    #[test]
    fn an_angle_has_the_period_of_half_a_turn() {
        let target = [0.3, -0.2, 2.0, 1.0, 0.4];
        for form in [ProbIouForm::Hellinger, ProbIouForm::Bhattacharyya] {
            let value = |angle: f64| loss(form).eval([0.0, 0.0, 3.0, 1.0, angle], target);
            for half_turns in [-3, -1, 1, 2] {
                let rotated = value(1.1 + f64::from(half_turns) * core::f64::consts::PI);
                assert!((rotated - value(1.1)).abs() < 1e-14);
            }
            let swapped = loss(form).eval([0.0, 0.0, 1.0, 3.0, 1.1 + core::f64::consts::FRAC_PI_2], target);
            assert!((swapped - value(1.1)).abs() < 1e-14);
        }
    }

    #[test]
    fn the_angle_of_a_square_has_no_slope() {
        let y = at(ProbIouForm::Hellinger, [0.5, 0.25, 2.0, 2.0, 0.3], [0.0, 0.0, 3.0, 1.0, 0.1]);
        assert!(y.slope[4].abs() < 1e-16 && y.slope[0] > 0.0, "{:?}", y.slope);
    }

    /// Boxes without an area, inverted ones, and boxes that are far apart or of very different size.
    #[test]
    fn degenerate_boxes_are_finite() {
        let device = Device::flex().autodiff();
        let rows = [
            [0.0, 0.0, 1.0, 1.0, 0.0],
            [0.0, 0.0, 0.0, 1.0, 0.5],
            [0.0, 0.0, 0.0, 0.0, 0.0],
            [1.0, 2.0, -3.0, 2.0, 1.0],
            [1e4, -1e4, 1.0, 1e4, 3.0],
            [1e4, 1e4, 1e4, 1e4, 1e4],
            [0.0, 0.0, 1e-3, 1e3, 0.7],
        ];
        let pairs = || rows.iter().flat_map(|a| rows.iter().map(move |b| (*a, *b)));
        for (dtype, form) in [DType::F16, DType::BF16, DType::F32, DType::F64]
            .into_iter()
            .flat_map(|dtype| [(dtype, ProbIouForm::Hellinger), (dtype, ProbIouForm::Bhattacharyya)])
        {
            let tensor = |rows: Vec<[f64; 5]>| {
                Tensor::<2>::from_data(TensorData::new(rows.concat(), [rows.len(), 5]), (&device, dtype))
            };
            let run = || {
                let leaf = tensor(pairs().map(|(a, _)| a).collect()).require_grad();
                let values = ProbIouLossConfig::new()
                    .with_form(form)
                    .init(&device)
                    .forward_no_reduction(leaf.clone(), tensor(pairs().map(|(_, b)| b).collect()));
                let gradients = values.clone().sum().backward();
                let gradient = leaf.grad(&gradients).expect("a gradient").into_data();
                assert!(values.into_data().iter::<f64>().all(f64::is_finite), "{form:?} in {dtype:?}");
                // A gradient as large as 1 / (side) is more than an f16 can hold.
                let is_right = |slope: f64| slope.is_finite() || (dtype == DType::F16 && !slope.is_nan());
                assert!(gradient.iter::<f64>().all(is_right), "{form:?} in {dtype:?}: {gradient}");
            };
            run();
            crate::with_tensor_operations(run);
        }
    }
}
