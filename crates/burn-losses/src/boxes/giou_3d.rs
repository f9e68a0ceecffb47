//! IoU losses of boxes in three dimensions.

use super::geometry::{Axis, quotient};
use super::{BoxFormat, BoxFormat3d, BoxTargets, Boxes, BoxesLoss};
use crate::engine::vectors::{VectorKernel, of_formula};
use crate::formula::{Real, VectorFormula};
use burn::tensor::{Bool, Tensor};
use burn_losses_derive::{Choice, loss, loss_config};

/// The term added to one minus the IoU of two boxes in three dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum Form3d {
    /// The share of the enclosing box that neither box covers.
    #[default]
    Giou,
    /// No term.
    Iou,
    /// The squared distance of the centers over the squared diagonal of the enclosing box.
    Diou,
}

/// Generalized IoU of boxes in three dimensions (Rezatofighi et al. 2019, [arXiv 1902.09630](https://arxiv.org/abs/1902.09630)).
///
/// # Formula
/// ```text
/// 1 - IoU + (|C| - |A u B|) / |C|     giou
/// 1 - IoU                             iou
/// 1 - IoU + rho^2 / c^2               diou
/// ```
/// of volumes, with C the smallest box that encloses both, rho the distance of the centers, and c the diagonal of C. The sides of
/// all boxes are parallel to the axes.
///
/// # When to use
/// For detection in volumes, as in computed tomography, and for tracks of boxes with time as the third axis. `diou` pulls the
/// centers together where one box lies inside the other, which `giou` does not. For flat boxes take
/// [`GiouLoss`](super::GiouLoss).
///
/// # Shapes
/// - predictions, targets: `[N, 6]`
///
/// # Numerics
/// Lengths are relative to the enclosing box, so volumes of any size neither overflow nor vanish. Both divisors are at least
/// `eps` times the volume of C.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{boxes::Giou3dLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = Giou3dLossConfig::new().init(&device);
/// // Disjoint: IoU = 0, and a third of the enclosing box is empty.
/// let value = loss.forward(
///     Tensor::from_floats([[0.0, 0.0, 0.0, 1.0, 1.0, 1.0]], &device),
///     Tensor::from_floats([[0.0, 0.0, 2.0, 1.0, 1.0, 3.0]], &device),
/// );
/// assert!((value.into_scalar::<f32>() - 4.0 / 3.0).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `monai.losses.BoxGIoULoss`: it adds the epsilon of f32 to the divisors, and takes boxes in two and in three dimensions.
/// - `mmdet3d.structures.bbox_3d.BaseInstance3DBoxes.overlaps`: the IoU alone, of boxes that are rotated about the vertical axis.
#[loss(boxes, "giou_3d", "IoU of boxes in three dimensions plus the uncovered share of the enclosing box")]
pub struct Giou3dLoss {
    config: Giou3dLossConfig,
}

/// Config of [`Giou3dLoss`].
#[loss_config]
pub struct Giou3dLossConfig {
    /// The term added to one minus the IoU.
    #[field(default = Form3d::Giou)]
    pub form: Form3d,
    /// The least divisor, as a share of the volume of the enclosing box.
    #[field(default = 1e-7, range = ">= 1e-30")]
    pub eps: f64,
    /// How six numbers describe a box.
    #[field(default = BoxFormat3d::Xyzxyz)]
    pub format: BoxFormat3d,
}

impl BoxesLoss for Giou3dLoss {}

impl Boxes for Giou3dLoss {
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
        BoxTargets::Solids(self.config.format)
    }
}

impl VectorFormula<6> for Giou3dLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: [R; 6], target: [R; 6]) -> R {
        let ([px1, py1, pz1, px2, py2, pz2], [tx1, ty1, tz1, tx2, ty2, tz2]) = (prediction, target);
        let x = Axis::new([px1, px2], [tx1, tx2]);
        let y = Axis::new([py1, py2], [ty1, ty2]);
        let z = Axis::new([pz1, pz2], [tz1, tz2]);
        let intersection = x.common.clone() * y.common.clone() * z.common.clone();
        let predicted = x.prediction.clone() * y.prediction.clone() * z.prediction.clone();
        let union = predicted + x.target.clone() * y.target.clone() * z.target.clone() - intersection.clone();
        let enclosing = x.enclosing.clone() * y.enclosing.clone() * z.enclosing.clone();
        let least = enclosing.clone() * self.config.eps;
        let apart = -quotient(intersection, union.clone().maximum(least.clone())) + 1.0;
        match self.config.form {
            Form3d::Iou => apart,
            Form3d::Giou => apart + quotient(enclosing.clone() - union, enclosing.maximum(least)),
            Form3d::Diou => apart + offset(x, y, z),
        }
    }

    #[inline(always)]
    fn linear<R: Real>(&self, prediction: [R; 6], target: [R; 6]) -> ([R; 6], [R; 6]) {
        (self.config.format.corners(prediction), self.config.format.corners(target))
    }

    #[inline(always)]
    fn coordinates(&self) -> usize {
        6
    }
}

/// The squared distance of the centers over the squared diagonal of the enclosing box.
#[inline(always)]
fn offset<R: Real>(x: Axis<R>, y: Axis<R>, z: Axis<R>) -> R {
    let unit = x.unit.clone().maximum(y.unit.clone()).maximum(z.unit.clone());
    let scale = unit.lit(1.0) / unit;
    let (x_unit, y_unit, z_unit) = (x.unit * scale.clone(), y.unit * scale.clone(), z.unit * scale);
    let distance = (x.offset * x_unit.clone()).square()
        + (y.offset * y_unit.clone()).square()
        + (z.offset * z_unit.clone()).square();
    let diagonal = (x.enclosing * x_unit).square() + (y.enclosing * y_unit).square() + (z.enclosing * z_unit).square();
    quotient(distance, diagonal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Dual;
    use burn::tensor::{DType, Device, Tensor, TensorData};

    fn value(form: Form3d, prediction: [f64; 6], target: [f64; 6]) -> f64 {
        Giou3dLossConfig::new().with_form(form).init(&Device::flex()).eval(prediction, target)
    }

    #[test]
    fn all_forms_by_hand() {
        // Half of each overlaps; the union and the enclosing box are equal.
        let (a, b) = ([0.0, 0.0, 0.0, 2.0, 3.0, 4.0], [0.0, 0.0, 2.0, 2.0, 3.0, 6.0]);
        assert!((value(Form3d::Iou, a, b) - 2.0 / 3.0).abs() < 1e-15);
        assert!((value(Form3d::Giou, a, b) - 2.0 / 3.0).abs() < 1e-15);
        assert!((value(Form3d::Diou, a, b) - (2.0 / 3.0 + 4.0 / (4.0 + 9.0 + 36.0))).abs() < 1e-15);
        // Disjoint along two axes: the union is a quarter of the enclosing box.
        let (a, b) = ([0.0, 0.0, 0.0, 1.0, 1.0, 1.0], [1.0, 3.0, 0.0, 2.0, 4.0, 1.0]);
        assert!((value(Form3d::Giou, a, b) - 1.75).abs() < 1e-15);
    }

    #[test]
    fn a_perfect_fit_has_no_gradient() {
        for form in [Form3d::Giou, Form3d::Iou, Form3d::Diou] {
            let a = [1.0, 2.0, 3.0, 2.0, 5.0, 7.0];
            let variables = core::array::from_fn(|i| Dual::<f64, 6>::variable(a[i], i));
            let loss = Giou3dLossConfig::new().with_form(form).init(&Device::flex());
            let y = loss.eval(variables, a.map(Dual::constant));
            assert_eq!((y.value, y.slope), (0.0, [0.0; 6]), "{form:?}");
        }
    }

    /// The volume of a cube of side 300 is more than an f16 can hold; a box without a volume has a finite value.
    #[test]
    fn large_and_empty_volumes_are_finite() {
        let device = Device::flex().autodiff();
        let rows = [
            [0.0, 0.0, 0.0, 300.0, 300.0, 300.0],
            [1e4, 1e4, 1e4, 2e4, 2e4, 2e4],
            [0.0; 6],
            [1.0, 1.0, 1.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 0.0, 1.0, 1.0],
        ];
        let tensor = |rows: Vec<[f64; 6]>| {
            Tensor::<2>::from_data(TensorData::new(rows.concat(), [rows.len(), 6]), (&device, DType::F16))
        };
        let pairs = || rows.iter().flat_map(|a| rows.iter().map(move |b| (*a, *b)));
        for form in [Form3d::Giou, Form3d::Iou, Form3d::Diou] {
            let loss = Giou3dLossConfig::new().with_form(form).init(&device);
            let leaf = tensor(pairs().map(|(a, _)| a).collect()).require_grad();
            let values = loss.forward_no_reduction(leaf.clone(), tensor(pairs().map(|(_, b)| b).collect()));
            let gradients = values.clone().sum().backward();
            let gradient = leaf.grad(&gradients).expect("a gradient").into_data();
            assert!(values.into_data().iter::<f64>().all(f64::is_finite), "{form:?}");
            assert!(gradient.iter::<f64>().all(f64::is_finite), "{form:?}");
        }
    }

    #[test]
    fn another_width_is_an_error() {
        let device = Device::flex();
        let four = Tensor::<2>::zeros([2, 4], &device);
        let error = Giou3dLossConfig::new().init(&device).check(&four, &four, &crate::Extras::new()).unwrap_err();
        assert_eq!(error.to_string(), "giou_3d: `predictions` has shape [2, 4], expected 6 numbers per box on axis 1");
    }
}
