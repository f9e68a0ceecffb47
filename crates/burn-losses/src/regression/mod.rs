//! Regression: predictions and targets of one shape.
//!
//! All losses here can be swapped for one another in a config file: see [`RegressionLossConfig`].

mod signature;

use crate::check::Reference;
use crate::engine::pointwise::{self, BatchKernel, PointKernel, Pointwise};
use crate::error::{InputError, expect};
use crate::macros::{dispatch, family, kind_and_reduction};
use crate::reduction::{Extras, Reduction, Unreduced};
use burn::tensor::{Bool, Tensor};

pub use tukey_biweight::TukeyScale;

/// A loss of predictions and targets of one shape.
///
/// Half-precision inputs are computed and returned in f32; their gradients come back in half precision.
pub trait RegressionLoss: Pointwise {
    /// The `kind`, which errors name.
    fn kind(&self) -> &'static str;

    /// How the unreduced values become one number.
    fn reduction(&self) -> Reduction;

    /// The value of the batch, reduced as the config says.
    ///
    /// # Shapes
    /// - predictions, targets: `[...]`, the same
    /// - output: `[1]`
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn forward<const D: usize>(&self, predictions: Tensor<D>, targets: Tensor<D>) -> Tensor<1> {
        self.forward_with(predictions, targets, Extras::new())
    }

    /// The same with weights, a mask of what is valid, or a divisor: see [`Extras`].
    ///
    /// # Shapes
    /// - weights, mask: that of the predictions, or `[N, 1, ..]`: one per sample
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error, or with a divisor and [`Reduction::Sum`], which divides by nothing.
    #[track_caller]
    fn forward_with<const D: usize>(
        &self,
        predictions: Tensor<D>,
        targets: Tensor<D>,
        extras: impl Into<Extras>,
    ) -> Tensor<1> {
        let extras = extras.into();
        expect(self.check(&predictions, &targets, &extras));
        pointwise::reduce(self, self.reduction(), predictions, targets, extras)
    }

    /// One value per prediction.
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn forward_no_reduction<const D: usize>(&self, predictions: Tensor<D>, targets: Tensor<D>) -> Tensor<D> {
        self.forward_unreduced(predictions, targets, Extras::new()).values
    }

    /// One value per element, times its weight and divided by the divisor, and what each counts in a mean: what
    /// [`Reduction::reduce`] takes.
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn forward_unreduced<const D: usize>(
        &self,
        predictions: Tensor<D>,
        targets: Tensor<D>,
        extras: impl Into<Extras>,
    ) -> Unreduced<D> {
        let extras = extras.into();
        expect(self.check(&predictions, &targets, &extras));
        pointwise::unreduced(self, predictions, targets, extras)
    }

    /// What is wrong with the arguments: their shapes, types and devices; never their values, which are not read.
    fn check<const D: usize>(
        &self,
        predictions: &Tensor<D>,
        targets: &Tensor<D>,
        extras: &Extras,
    ) -> Result<(), InputError> {
        let first = Reference { loss: self.kind(), name: "predictions", tensor: predictions };
        pointwise::check(self, first, targets, extras)
    }
}

macro_rules! implement {
    (loss $loss:ident, $kind:expr) => {
        impl RegressionLoss for $loss {
            kind_and_reduction!($kind);
        }
    };
    (any $any:ident, $config:ident, $($variant:ident),+) => {
        dispatch! {
            $any [$($variant),+]
            impl Pointwise {
                fn values(&self, first: Tensor<3>, targets: Tensor<3>, mask: Option<&Tensor<3, Bool>>) -> Unreduced<3>;
                fn kernel(&self) -> Option<PointKernel>;
                fn kernel_of_batch(&self, first: &Tensor<3>, targets: &Tensor<3>) -> Option<BatchKernel>;
                fn accepts(&self, shape: &[usize]) -> Result<(), String>;
            }
            impl RegressionLoss {
                fn kind(&self) -> &'static str;
                fn reduction(&self) -> Reduction;
            }
        }
    };
}

family! {
    regression, RegressionLossConfig => AnyRegressionLoss, implement;
    mae: Mae, alias "l1";
    mse: Mse, alias "l2";
    mean_bias: MeanBias;
    smooth_l1: SmoothL1;
    huber: Huber;
    log_cosh: LogCosh;
    quantile: Quantile, alias "pinball";
    tukey_biweight: TukeyBiweight;
    ghm_r: GhmR;
    weighted_sum: WeightedSum;
}
