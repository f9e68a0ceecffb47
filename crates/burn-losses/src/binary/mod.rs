//! Binary and multi-label classification: logits and targets in [0, 1] of one shape.
//!
//! All losses here can be swapped for one another in a config file: see [`BinaryLossConfig`].

mod signature;

use crate::check::Reference;
use crate::engine::pointwise::{self, BatchKernel, PointKernel, Pointwise};
use crate::error::{InputError, expect};
use crate::formula::Real;
use crate::macros::{dispatch, family, kind_and_reduction};
use crate::reduction::{Reduction, Unreduced};
use burn::tensor::Tensor;

pub use crate::options::Keep;
pub use bce::BceInput;

/// A loss of logits and targets of one shape. The targets are in [0, 1], which is not checked here: values on a device are
/// not read.
///
/// Half-precision inputs are computed and returned in f32; their gradients come back in half precision.
pub trait BinaryLoss: Pointwise {
    /// The `kind`, which errors name.
    fn kind(&self) -> &'static str;

    /// How the unreduced values become one number.
    fn reduction(&self) -> Reduction;

    /// What the first argument is called: `logits`, or `probabilities`.
    fn input(&self) -> &'static str {
        "logits"
    }

    /// The value of the batch, reduced as the config says.
    ///
    /// # Shapes
    /// - logits, targets: `[...]`, the same; where there is one value per class, the classes are axis 1
    /// - output: `[1]`
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn forward<const D: usize>(&self, logits: Tensor<D>, targets: Tensor<D>) -> Tensor<1> {
        expect(self.check(&logits, &targets, None));
        pointwise::reduce(self, self.reduction(), logits, targets, None)
    }

    /// The same with weights, which multiply the unreduced values.
    ///
    /// # Shapes
    /// - weights: that of the logits, or `[N, 1, ..]`: one per sample
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn forward_weighted<const D: usize>(&self, logits: Tensor<D>, targets: Tensor<D>, weights: Tensor<D>) -> Tensor<1> {
        expect(self.check(&logits, &targets, Some(&weights)));
        pointwise::reduce(self, self.reduction(), logits, targets, Some(weights))
    }

    /// One value per logit.
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn forward_no_reduction<const D: usize>(&self, logits: Tensor<D>, targets: Tensor<D>) -> Tensor<D> {
        expect(self.check(&logits, &targets, None));
        pointwise::values(self, logits, targets).values
    }

    /// One value per element, and what each counts in a mean: what [`Reduction::reduce`] takes.
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn forward_unreduced<const D: usize>(&self, logits: Tensor<D>, targets: Tensor<D>) -> Unreduced<D> {
        expect(self.check(&logits, &targets, None));
        pointwise::values(self, logits, targets)
    }

    /// What is wrong with the arguments: their shapes, types and devices; never their values, which are not read.
    fn check<const D: usize>(
        &self,
        logits: &Tensor<D>,
        targets: &Tensor<D>,
        weights: Option<&Tensor<D>>,
    ) -> Result<(), InputError> {
        let first = Reference { loss: self.kind(), name: self.input(), tensor: logits };
        pointwise::check(self, first, targets, weights)
    }
}

/// The cross-entropy of the positive and of the negative class: `y softplus(-x)` and `(1 - y) softplus(x)`.
#[inline(always)]
fn cross_entropies<R: Real>(logit: R, target: R) -> (R, R) {
    let [of_negative, of_positive] = logit.softpluses();
    (target.clone().weigh(of_positive), (-target + 1.0).weigh(of_negative))
}

/// The signed margin z = (2y - 1) x: positive where the sign of the logit is right.
#[inline(always)]
fn signed_margin<R: Real>(logit: R, target: R) -> R {
    (target * 2.0 - 1.0).weigh(logit)
}

macro_rules! implement {
    (loss BceLoss, $kind:expr) => {};
    (loss OhemLoss, $kind:expr) => {};
    (loss WeightedSumLoss, $kind:expr) => {};
    (loss $loss:ident, $kind:expr) => {
        impl BinaryLoss for $loss {
            kind_and_reduction!($kind);
        }
    };
    (any $any:ident, $config:ident, $($variant:ident),+) => {
        dispatch! {
            $any [$($variant),+]
            impl Pointwise {
                fn values(&self, first: Tensor<3>, targets: Tensor<3>) -> Unreduced<3>;
                fn kernel(&self) -> Option<PointKernel>;
                fn kernel_of_batch(&self, first: &Tensor<3>, targets: &Tensor<3>) -> Option<BatchKernel>;
                fn accepts(&self, shape: &[usize]) -> Result<(), String>;
            }
            impl BinaryLoss {
                fn kind(&self) -> &'static str;
                fn reduction(&self) -> Reduction;
                fn input(&self) -> &'static str;
            }
        }
    };
}

family! {
    binary, BinaryLossConfig => AnyBinaryLoss, implement;
    bce: Bce;
    balanced_bce: BalancedBce;
    focal: Focal;
    ghm_c: GhmC;
    hinge: Hinge;
    ramp: Ramp;
    logistic: Logistic, alias "soft_margin";
    zero_one: ZeroOne;
    ohem: Ohem;
    weighted_sum: WeightedSum;
}
