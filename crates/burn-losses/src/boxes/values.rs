//! How a loss of this family computes its values.

use super::{BoxFormat, BoxFormat3d};
use crate::check::Reference;
use crate::engine::vectors::{Factors, VectorKernel, Vectors, columns, of_formula};
use crate::error::InputError;
use crate::formula::safe::finite;
use crate::formula::{BoxFormula, Real, VectorFormula};
use crate::reduction::{Extras, Unreduced};
use burn::tensor::{Bool, Tensor};

/// How a loss of the family `boxes` computes its values.
///
/// Every [`BoxFormula`] implements it. Losses that depend on the whole batch implement it themselves.
pub trait Boxes: Sized {
    /// The `[N]` values of `[N, K]` predictions and `[N, M]` targets, in single or double precision; N is not 0. M is what
    /// [`targets`](Self::targets) says.
    fn values(
        &self,
        predictions: Tensor<2>,
        targets: Tensor<2>,
        format: BoxFormat,
        mask: Option<&Tensor<1, Bool>>,
    ) -> Tensor<1>;

    /// The formula of a single value for the fused engine, or `None` for a loss that has none.
    fn kernel(&self, format: BoxFormat) -> Option<VectorKernel> {
        let _ = format;
        None
    }

    /// The factors of the kernel's values, for a loss that depends on the rest of the batch only through them.
    #[doc(hidden)]
    fn factors(&self, predictions: &Tensor<2>, targets: &Tensor<2>, format: BoxFormat) -> Option<Factors> {
        let _ = (predictions, targets, format);
        None
    }

    /// Whether the gradient of a value flows to other boxes too: a box of weight 0 may then have a gradient.
    #[doc(hidden)]
    fn mixes_boxes(&self) -> bool {
        false
    }

    /// Whether [`select`](Self::select) drops any values.
    #[doc(hidden)]
    fn selects(&self) -> bool {
        false
    }

    /// Selects the values that are kept, out of the valid ones: all of them, unless the loss mines hard examples.
    #[doc(hidden)]
    fn select(&self, values: Unreduced<1>) -> Unreduced<1> {
        values
    }

    /// Checks K, the width of the predictions. The error says what K has to be.
    fn accepts(&self, width: usize) -> Result<(), String> {
        let expected = self.targets().width();
        if width == expected { Ok(()) } else { Err(format!("{expected} numbers per box on axis 1")) }
    }

    /// The meaning of the numbers of a target. The default is a box of four numbers, which is what every [`BoxFormula`] takes.
    fn targets(&self) -> BoxTargets {
        BoxTargets::Boxes
    }
}

/// A field of a config that is a length in the units of the boxes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BoxUnit {
    /// The size of the image: a box is hardly larger.
    Picture {
        /// The name of the field.
        field: &'static str,
        /// Its value.
        size: f64,
    },
    /// The size of a typical object: an image is not smaller.
    Object {
        /// The name of the field.
        field: &'static str,
        /// Its value.
        size: f64,
    },
}

/// The meaning of the numbers of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoxTargets {
    /// A box of four numbers, like the prediction.
    Boxes,
    /// A rotated box, like the prediction: its center, width, height and angle in radians.
    Rotated,
    /// A box in three dimensions, like the prediction.
    Solids(BoxFormat3d),
    /// The distances of the four sides, in units of a bin; the prediction has the logits of the bins of each side.
    Bins,
}

impl BoxTargets {
    /// How many numbers a target has.
    pub fn width(self) -> usize {
        match self {
            Self::Boxes | Self::Bins => 4,
            Self::Rotated => 5,
            Self::Solids(_) => 6,
        }
    }
}

impl<F: BoxFormula> Boxes for F {
    fn values(
        &self,
        predictions: Tensor<2>,
        targets: Tensor<2>,
        format: BoxFormat,
        _: Option<&Tensor<1, Bool>>,
    ) -> Tensor<1> {
        of_formula(&InFormat(self.clone(), format), predictions, targets)
    }

    fn kernel(&self, format: BoxFormat) -> Option<VectorKernel> {
        Some(VectorKernel::new(&InFormat(self.clone(), format)))
    }
}

/// A formula of boxes that are given in a format.
#[derive(Debug, Clone)]
pub(super) struct InFormat<F>(pub(super) F, pub(super) BoxFormat);

impl<F: BoxFormula> VectorFormula<4> for InFormat<F> {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: [R; 4], target: [R; 4]) -> R {
        self.0.eval(prediction, target)
    }

    #[inline(always)]
    fn linear<R: Real>(&self, prediction: [R; 4], target: [R; 4]) -> ([R; 4], [R; 4]) {
        (self.1.corners(prediction), self.1.corners(target))
    }

    #[inline(always)]
    fn coordinates(&self) -> usize {
        4
    }
}

/// A loss and the format of its boxes, as the executor takes them.
pub(super) struct Formatted<'a, B>(pub(super) &'a B, pub(super) BoxFormat);

impl<B: Boxes> Vectors for Formatted<'_, B> {
    fn kernel(&self) -> Option<VectorKernel> {
        self.0.kernel(self.1)
    }
    fn factors(&self, predictions: &Tensor<2>, targets: &Tensor<2>) -> Option<Factors> {
        self.0.factors(predictions, targets, self.1)
    }
    fn mixes_rows(&self) -> bool {
        self.0.mixes_boxes()
    }
    fn selects(&self) -> bool {
        self.0.selects()
    }
    fn select(&self, values: Unreduced<1>) -> Unreduced<1> {
        self.0.select(values)
    }
    fn values(&self, predictions: Tensor<2>, targets: Tensor<2>, mask: Option<&Tensor<1, Bool>>) -> Tensor<1> {
        self.0.values(predictions, targets, self.1, mask)
    }
}

/// The corners of `[N, 4]` boxes; an infinite one counts as 1e12.
pub(crate) fn corners(boxes: Tensor<2>, format: BoxFormat) -> [Tensor<1>; 4] {
    format.corners(columns(boxes)).map(finite)
}

/// Checks the arguments of a loss: what the forward methods do first.
pub(super) fn check<B: Boxes>(
    loss: &B,
    predictions: Reference<'_, 2>,
    targets: &Tensor<2>,
    extras: &Extras,
) -> Result<(), InputError> {
    let [count, width] = predictions.tensor.dims();
    loss.accepts(width).map_err(|expected| predictions.shape_error(predictions.name, &[count, width], expected))?;
    predictions.companion("targets", targets, [count, loss.targets().width()], "one box per prediction")?;
    predictions.extras(&[count], extras)
}
