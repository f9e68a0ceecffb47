//! A loss is a formula, written once.
//!
//! A [`Formula`] is a function of two real numbers, generic over the arithmetic ([`Real`]) that it runs on. This one definition
//! gives its value on every Burn backend (`Tensor<D>`), its gradient (Burn's autodiff, or [`Dual`] numbers), its exact reference
//! (`f64`), and on the CPU backends a kernel that computes value and gradient in one pass over memory, on vector registers.
//! [`VectorFormula`] does the same for some numbers per row, [`BoxFormula`] for two boxes, [`OverlapFormula`] for two regions,
//! [`RowFormula`] for a row of logits, [`AnchorFormula`] for one row of a batch and all others, and
//! [`PairFormula`](crate::ranking::PairFormula) for the pairs of a list.
//!
//! # Inlining
//! Write `#[inline(always)]` above every function of a formula that is generic in `R: Real`, and do no arithmetic in a closure or
//! in `map` of an array. A kernel is compiled for vector instructions that the rest of the program does without: a function that
//! is not inlined into it is compiled without them. The results are the same, but every operation is a call, and the loss takes
//! 10 to 60 times as long. Rust cannot require the attribute, so a debug build checks each formula where its kernel is made, and
//! panics with the formula's name if a part of it was not inlined. A release build does not check.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use burn_losses::formula::{Dual, Formula, Real};
//!
//! /// A loss of one's own.
//! #[derive(Debug, Clone)]
//! struct Cauchy;
//!
//! impl Formula for Cauchy {
//!     #[inline(always)]
//!     fn eval<R: Real>(&self, prediction: R, target: R) -> R {
//!         (prediction - target).square().log1p() * 0.5
//!     }
//! }
//!
//! // The exact value and slope at one point,
//! let y = Cauchy.eval(Dual::<f64, 1>::variable(2.0, 0), Dual::constant(1.0));
//! assert!((y.value - 0.5 * 2f64.ln()).abs() < 1e-15);
//! assert!((y.slope[0] - 0.5).abs() < 1e-15);
//!
//! // and the same on tensors, on any device.
//! let device = Device::flex();
//! let values = Cauchy.eval(Tensor::<1>::from_floats([2.0], &device), Tensor::from_floats([1.0], &device));
//! assert!((values.into_scalar::<f32>() - 0.346_573_6).abs() < 1e-6);
//!
//! // Two more methods, and it has all that the losses of a family have.
//! use burn_losses::{Loss, Reduction, regression::RegressionLoss};
//!
//! impl Loss for Cauchy {
//!     fn kind(&self) -> &'static str {
//!         "cauchy"
//!     }
//!     fn reduction(&self) -> Reduction {
//!         Reduction::Mean
//!     }
//! }
//!
//! impl RegressionLoss for Cauchy {}
//! let value = Cauchy.forward(Tensor::<1>::from_floats([2.0, 1.0], &device), Tensor::from_floats([1.0, 1.0], &device));
//! assert!((value.into_scalar::<f32>() - 0.173_286_8).abs() < 1e-6);
//! ```

mod anchor;
mod dual;
pub(crate) mod inlined;
pub(crate) mod near;
#[cfg(any(feature = "cube", test))]
pub(crate) mod program;
mod real;
#[cfg(any(feature = "cube", test))]
pub(crate) mod record;
mod row;
pub(crate) mod safe;
mod slopes;
mod tensor;
mod vector;

pub use anchor::{Anchor, AnchorFormula, Counts, Distance, Earlier, EarlierRows, Partners, Score, Triplets};
pub use dual::Dual;
pub use real::{F32, Real};
pub(crate) use real::{functions, operators};
pub use row::RowFormula;
pub use slopes::{
    WrongSlope, check_box_slopes, check_overlap_slopes, check_row_slopes, check_slopes, check_vector_slopes,
};
pub use vector::{BoxFormula, VectorFormula};

use core::fmt::Debug;

/// A loss of two numbers: (prediction, target) or (logit, target) gives the unreduced value.
pub trait Formula: Debug + Clone + Send + Sync + 'static {
    /// The value at one (first, target) pair. Write `#[inline(always)]` above it.
    fn eval<R: Real>(&self, first: R, target: R) -> R;
}

/// A loss of how much a predicted and a true region overlap.
pub trait OverlapFormula: Debug + Clone + Send + Sync + 'static {
    /// The value of one region.
    fn eval<R: Real>(&self, overlap: Overlap<R>) -> R;
}

/// Sums over the pixels of a region: p is the predicted probability, t the mask.
#[derive(Debug, Clone)]
pub struct Overlap<R> {
    /// The true positives: the sum of p t.
    pub both: R,
    /// The sum of p (or of p^2).
    pub prediction: R,
    /// The sum of t (or of t^2).
    pub target: R,
}

impl<R: Real> Overlap<R> {
    /// The false positives: `prediction` - `both`.
    #[inline(always)]
    pub fn false_positives(&self) -> R {
        self.prediction.clone() - self.both.clone()
    }

    /// The false negatives: `target` - `both`.
    #[inline(always)]
    pub fn false_negatives(&self) -> R {
        self.target.clone() - self.both.clone()
    }
}

/// The value of a loss at the error `d`, its first and its second derivative with respect to the prediction.
#[cfg(test)]
pub(crate) fn second_order(formula: &impl Formula, d: f64) -> [f64; 3] {
    let inner = Dual::<f64, 1>::variable(d, 0);
    let target = Dual::constant(Dual::constant(0.0));
    let y = formula.eval(Dual::<_, 1>::variable(inner, 0), target);
    [y.value.value, y.value.slope[0], y.slope[0].slope[0]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{DType, Device, Tensor, TensorData};

    /// Tensors have no operation `exp_m1`: both its series and its exponential are tested.
    #[test]
    fn exp_m1_is_precise_for_every_argument() {
        let device = Device::flex();
        let x: Vec<f64> = (-200..=200).map(|i| f64::from(i) * 0.01).chain([-1e-9, 1e-300, -40.0]).collect();
        for (dtype, tolerance) in [(DType::F64, 4e-15), (DType::F32, 4e-7)] {
            let tensor = Tensor::<1>::from_data(TensorData::new(x.clone(), [x.len()]), (&device, dtype));
            let rounded: Vec<f64> = tensor.clone().into_data().iter().collect();
            let got: Vec<f64> = Real::exp_m1(tensor).into_data().iter().collect();
            for (x, got) in rounded.into_iter().zip(got) {
                let expected = f64::exp_m1(x);
                assert!((got - expected).abs() <= tolerance * expected.abs(), "{x}: {got} against {expected}");
            }
        }
    }
}
