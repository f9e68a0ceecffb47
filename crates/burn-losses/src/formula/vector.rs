//! Losses of a few numbers each.

use super::Real;
use core::fmt::Debug;

/// A loss of `K` predicted numbers and of the `TARGETS` numbers that they are compared with: two boxes, the parameters of a
/// distribution and one number, some quantiles and one number.
///
/// [`VectorLoss`](crate::vectors::VectorLoss) gives it a loss's `forward`. A loss of two boxes is a [`BoxFormula`].
pub trait VectorFormula<const K: usize, const TARGETS: usize = K>: Debug + Clone + Send + Sync + 'static {
    /// The value of one row. Write `#[inline(always)]` above it.
    fn eval<R: Real>(&self, prediction: [R; K], target: [R; TARGETS]) -> R;

    /// The arguments of [`eval`](Self::eval), each a sum of multiples of the given numbers: for instance the corners of a box,
    /// from its center and size. The derivatives of such sums are constants, and are not carried through the formula.
    #[inline(always)]
    fn linear<R: Real>(&self, prediction: [R; K], target: [R; TARGETS]) -> ([R; K], [R; TARGETS]) {
        (prediction, target)
    }

    /// How many numbers of the prediction and of the target, from the first one on, are coordinates or lengths: infinite ones count as
    /// 1e12.
    #[doc(hidden)]
    #[inline(always)]
    fn coordinates(&self) -> usize {
        0
    }
}

/// A loss of two boxes, each given by its corners (x1, y1, x2, y2).
///
/// [`Geometry`](crate::boxes::Geometry) computes the measures that such losses use.
pub trait BoxFormula: Debug + Clone + Send + Sync + 'static {
    /// The value of one pair of boxes. Write `#[inline(always)]` above it.
    fn eval<R: Real>(&self, prediction: [R; 4], target: [R; 4]) -> R;
}
