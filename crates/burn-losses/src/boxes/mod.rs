//! Boxes: predictions and targets `[N, 4]`.
//!
//! All losses here can be swapped for one another in a config file: see [`BoxesLossConfig`]. (`distribution_focal` takes
//! predictions of another width: what it needs is a distribution per side.)
//!
//! Deltas of boxes, `[N, 4]`, are predictions like any other: the family `regression` is for them (`ghm_r`, `smooth_l1`).
//!
//! For metrics and matching there are [`pairwise_iou`] and [`convert`].

mod geometry;
mod signature;
mod tools;

use crate::check::Reference;
use crate::engine::boxes::{self, BoxKernel, BoxTargets, Boxes};
use crate::error::{InputError, expect};
use crate::macros::{dispatch, family};
use crate::reduction::{Reduction, Unreduced};
use burn::tensor::Tensor;

pub use crate::options::BoxFormat;
pub use alpha_iou::AlphaIouBase;
pub use cdiou::{CdiouBase, Corners};
pub use ciou::AspectGradient;
pub use geometry::{Axis, Geometry, Plane};
pub use iou::IouForm;
pub use tools::{convert, pairwise_iou};

crate::choice! {
    /// Whether a factor in a loss is a constant for its gradient.
    #[derive(Copy, Eq)]
    pub enum FactorGradient {
        /// It is: the factor only scales.
        #[default]
        Detached = "detached",
        /// The gradient flows through the factor too.
        Full = "full",
    }
}

impl FactorGradient {
    #[inline(always)]
    pub(crate) fn apply<R: crate::formula::Real>(self, factor: R) -> R {
        match self {
            Self::Detached => factor.stop(),
            Self::Full => factor,
        }
    }
}

/// A loss of predicted and target boxes.
///
/// All lengths are computed in f32 at least, and relative to the box that encloses both: half-precision inputs neither overflow
/// nor lose small boxes. An inverted box (its second corner before the first) is empty: its width and height count as 0. Value
/// and gradient are finite for degenerate, inverted, disjoint and touching boxes. Where two edges coincide, each has half of the
/// gradient, as in PyTorch: a perfect fit has the gradient 0. (A gradient is as large as 1 / size: that of boxes below about 1e-4
/// is more than an f16 can hold.)
pub trait BoxesLoss: Boxes {
    /// The `kind`, which errors name.
    fn kind(&self) -> &'static str;

    /// How the unreduced values become one number.
    fn reduction(&self) -> Reduction;

    /// How four numbers describe a box.
    fn format(&self) -> BoxFormat {
        BoxFormat::Xyxy
    }

    /// The fields of the config that are lengths in the units of the boxes: `diagnose` compares them.
    fn units(&self) -> Vec<BoxUnit> {
        Vec::new()
    }

    /// The value of the batch, reduced as the config says.
    ///
    /// # Shapes
    /// - predictions, targets: `[N, 4]`
    /// - output: `[1]`
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn forward(&self, predictions: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        expect(self.check(&predictions, &targets, None));
        boxes::reduce(self, self.reduction(), predictions, targets, None, self.format())
    }

    /// The same with weights, which multiply the unreduced values.
    ///
    /// # Shapes
    /// - weights: `[N]`
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn forward_weighted(&self, predictions: Tensor<2>, targets: Tensor<2>, weights: Tensor<1>) -> Tensor<1> {
        expect(self.check(&predictions, &targets, Some(&weights)));
        boxes::reduce(self, self.reduction(), predictions, targets, Some(weights), self.format())
    }

    /// One value per pair of boxes: `[N]`.
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn forward_no_reduction(&self, predictions: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        self.forward_unreduced(predictions, targets).values
    }

    /// One value per pair of boxes, as [`Reduction::reduce`] takes them.
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn forward_unreduced(&self, predictions: Tensor<2>, targets: Tensor<2>) -> Unreduced<1> {
        expect(self.check(&predictions, &targets, None));
        boxes::values(self, predictions, targets, self.format()).into()
    }

    /// What is wrong with the arguments: their shapes, types and devices; never their values, which are not read.
    fn check(
        &self,
        predictions: &Tensor<2>,
        targets: &Tensor<2>,
        weights: Option<&Tensor<1>>,
    ) -> Result<(), InputError> {
        let first = Reference { loss: self.kind(), name: "predictions", tensor: predictions };
        boxes::check(self, first, targets, weights)
    }
}

/// A field of a config that is a length in the units of the boxes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BoxUnit {
    /// That of the picture: a box is hardly larger.
    Picture {
        /// The field.
        field: &'static str,
        /// Its value.
        size: f64,
    },
    /// That of a typical object: a picture is not smaller.
    Object {
        /// The field.
        field: &'static str,
        /// Its value.
        size: f64,
    },
}

/// [`loss!`] with what every loss of two boxes has: the field `format`.
macro_rules! box_loss {
    (
        $kind:literal: $summary:literal;
        $(#[$module_meta:meta])*
        pub struct $module:ident;
        $(#[$config_meta:meta])*
        pub struct $config:ident { $($fields:tt)* }
        $({ $($own:tt)* })?
    ) => {
        $crate::macros::loss! {
            boxes $kind: $summary;

            $(#[$module_meta])*
            pub struct $module;

            $(#[$config_meta])*
            pub struct $config {
                $($fields)*
                /// How four numbers describe a box.
                format: $crate::boxes::BoxFormat = $crate::boxes::BoxFormat::Xyxy;
            }
        }

        impl $crate::boxes::BoxesLoss for $module {
            $crate::macros::kind_and_reduction!($kind);
            fn format(&self) -> $crate::boxes::BoxFormat {
                self.config.format
            }
            $($($own)*)?
        }
    };
}

macro_rules! implement {
    (loss $loss:ident, $kind:expr) => {};
    (any $any:ident, $config:ident, $($variant:ident),+) => {
        dispatch! {
            $any [$($variant),+]
            impl Boxes {
                fn values(&self, predictions: Tensor<2>, targets: Tensor<2>, format: BoxFormat) -> Tensor<1>;
                fn kernel(&self) -> Option<BoxKernel>;
                fn accepts(&self, width: usize) -> Result<(), String>;
                fn targets(&self) -> BoxTargets;
            }
            impl BoxesLoss {
                fn kind(&self) -> &'static str;
                fn reduction(&self) -> Reduction;
                fn format(&self) -> BoxFormat;
                fn units(&self) -> Vec<BoxUnit>;
            }
        }
    };
}

family! {
    boxes, BoxesLossConfig => AnyBoxesLoss, implement;
    iou: Iou;
    giou: Giou;
    diou: Diou;
    ciou: Ciou;
    eiou: Eiou, alias "efficient_iou";
    focal_eiou: FocalEiou;
    cdiou: Cdiou;
    siou: Siou;
    alpha_iou: AlphaIou;
    mpdiou: Mpdiou;
    nwd: Nwd;
    distribution_focal: DistributionFocal;
    weighted_sum: WeightedSum;
}
