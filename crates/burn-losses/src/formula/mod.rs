//! A loss is a formula, written once.
//!
//! A [`Formula`] is a function of two real numbers, generic over the arithmetic ([`Real`]) that it runs on. From the one
//! text come its value on every Burn backend (`Tensor<D>`), its gradient (Burn's autodiff, or [`Dual`] numbers), and its
//! exact reference (`f64`).
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use burn_losses::formula::{Dual, Formula, Real};
//!
//! /// A loss that is not in the catalogue.
//! #[derive(Debug, Clone)]
//! struct Cauchy;
//!
//! impl Formula for Cauchy {
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
//! use burn_losses::{Reduction, regression::RegressionLoss};
//!
//! impl RegressionLoss for Cauchy {
//!     fn kind(&self) -> &'static str {
//!         "cauchy"
//!     }
//!     fn reduction(&self) -> Reduction {
//!         Reduction::Mean
//!     }
//! }
//! let value = Cauchy.forward(Tensor::<1>::from_floats([2.0, 1.0], &device), Tensor::from_floats([1.0, 1.0], &device));
//! assert!((value.into_scalar::<f32>() - 0.173_286_8).abs() < 1e-6);
//! ```

mod dual;
mod real;
mod tensor;

pub use dual::Dual;
pub use real::{F32, Real};

use core::fmt::Debug;

/// A loss of two numbers: (prediction, target) or (logit, target) gives the unreduced value.
pub trait Formula: Debug + Clone + Send + Sync + 'static {
    /// The value at one (first, target) pair.
    fn eval<R: Real>(&self, first: R, target: R) -> R;
}
