//! A few numbers per row: predictions `[N, K]` and targets `[N, TARGETS]`.
//!
//! For losses of one's own. The losses of boxes are the family [`boxes`](crate::boxes), and those of the parameters of a distribution
//! and of several quantiles the family [`likelihood`](crate::likelihood).

use crate::check::Reference;
use crate::engine::vectors::{self, VectorKernel, Vectors, of_formula};
use crate::error::{InputError, expect};
use crate::formula::VectorFormula;
use crate::loss::Loss;
use crate::reduction::{Extras, Unreduced};
use burn::tensor::{Bool, Tensor};

/// A loss of one's own: of `K` predicted numbers and of the `TARGETS` numbers that they are compared with, row by row.
///
/// The losses of the library for vectors of any size are those of [`VectorsLoss`](super::VectorsLoss).
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{Loss, Reduction, formula::{Real, VectorFormula}, vectors::VectorLoss};
///
/// /// The negative log-likelihood of a number, up to a constant, where its mean and the logarithm of its variance are predicted.
/// #[derive(Debug, Clone)]
/// struct GaussianNll;
///
/// impl VectorFormula<2, 1> for GaussianNll {
///     #[inline(always)]
///     fn eval<R: Real>(&self, [mean, log_variance]: [R; 2], [target]: [R; 1]) -> R {
///         ((mean - target).square() * (-log_variance.clone()).exp() + log_variance) * 0.5
///     }
/// }
///
/// impl Loss for GaussianNll {
///     fn kind(&self) -> &'static str {
///         "gaussian_nll"
///     }
///     fn reduction(&self) -> Reduction {
///         Reduction::Mean
///     }
/// }
///
/// impl VectorLoss<2, 1> for GaussianNll {}
///
/// let device = Device::flex().autodiff();
/// let predictions = Tensor::<2>::from_floats([[1.0, 0.0], [0.0, 0.0]], &device).require_grad();
/// let targets = Tensor::from_floats([[3.0], [0.0]], &device);
/// let (value, paths) = burn_losses::watched(|| GaussianNll.forward(predictions.clone(), targets));
/// assert_eq!(paths.fused, ["vectors"]);
/// let gradient = predictions.grad(&value.backward()).expect("a gradient");
/// assert_eq!(value.into_scalar::<f32>(), 1.0);
/// assert_eq!(gradient.into_data().to_vec::<f32>().unwrap(), [-1.0, -0.75, 0.0, 0.25]);
/// ```
pub trait VectorLoss<const K: usize, const TARGETS: usize = K>: VectorFormula<K, TARGETS> + Loss {
    /// The value of the batch, reduced as [`reduction`](Loss::reduction) says.
    ///
    /// # Shapes
    /// - predictions: `[N, K]`
    /// - targets: `[N, TARGETS]`
    /// - output: `[1]`
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn forward(&self, predictions: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        self.forward_with(predictions, targets, Extras::new())
    }

    /// Like `forward`, with weights `[N]`, a mask `[N]` of the rows that are valid, or a divisor: see [`Extras`].
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error, or with a divisor and [`Reduction::Sum`](crate::Reduction::Sum), which
    /// takes no divisor.
    #[track_caller]
    fn forward_with(&self, predictions: Tensor<2>, targets: Tensor<2>, extras: impl Into<Extras>) -> Tensor<1> {
        let extras = extras.into();
        expect(self.check(&predictions, &targets, &extras));
        vectors::reduce(&OfFormula(self), self.reduction(), predictions, targets, extras)
    }

    /// One value per row, `[N]`, with its normalizer: the number that it adds to the divisor of a mean. Each value is multiplied by its
    /// weight, and divided by the divisor of the extras. [`Reduction::reduce`](crate::Reduction::reduce) takes both values and normalizers.
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn forward_unreduced(&self, predictions: Tensor<2>, targets: Tensor<2>, extras: impl Into<Extras>) -> Unreduced<1> {
        let extras = extras.into();
        expect(self.check(&predictions, &targets, &extras));
        vectors::unreduced(&OfFormula(self), predictions, targets, extras)
    }

    /// Checks the shapes, types and devices of the arguments, but not their values, which are not read.
    fn check(&self, predictions: &Tensor<2>, targets: &Tensor<2>, extras: &Extras) -> Result<(), InputError> {
        let first = Reference { loss: self.kind(), name: "predictions", tensor: predictions };
        let [count, width] = predictions.dims();
        if width != K {
            return Err(first.shape_error(first.name, &[count, width], format!("{K} numbers per row on axis 1")));
        }
        first.companion("targets", targets, [count, TARGETS], "one row per prediction")?;
        first.extras(&[count], extras)
    }
}

/// A formula in the form that the executor takes.
struct OfFormula<'a, F, const K: usize, const TARGETS: usize>(&'a F);

impl<F: VectorFormula<K, TARGETS>, const K: usize, const TARGETS: usize> Vectors for OfFormula<'_, F, K, TARGETS> {
    fn kernel(&self) -> Option<VectorKernel> {
        Some(VectorKernel::new(self.0))
    }
    fn values(&self, predictions: Tensor<2>, targets: Tensor<2>, _: Option<&Tensor<1, Bool>>) -> Tensor<1> {
        of_formula(self.0, predictions, targets)
    }
}
