//! Segmentation: logits and masks `[N, C, d1, ..]`, one value per sample and class.
//!
//! All losses here can be swapped for one another in a config file: see [`SegmentationLossConfig`]. Losses per pixel are those of
//! the families `binary` and `classification`.

mod signature;
mod smooth;

use crate::check::Reference;
use crate::engine::regions::{self, Pixels, Segmentation};
use crate::engine::rows::without_class_axis;
use crate::error::{InputError, expect};
use crate::macros::{dispatch, family};
use crate::reduction::{Reduction, Unreduced};
use burn::tensor::{Int, Tensor};

pub use crate::engine::regions::Masks;
pub use crate::options::{AbsentClasses, Activation, Background, Denominator, FOREGROUND, Over, Regions};
pub use generalized_dice::ClassWeight;
pub use lovasz::LovaszActivation;
pub use smooth::Smooth;

/// A loss of logits and masks, or labels.
///
/// The class axis is axis 1 and the pixels are on all axes after it: 2-D and 3-D pictures, and any other rank. Masks are in
/// [0, 1]; [`labels`](Self::masks_of) make masks. Probabilities, where the model gives them, are not looked at: of numbers outside
/// [0, 1] the value may be anything.
///
/// Half-precision inputs are computed and returned in f32, so that sums over many pixels do not overflow; their gradients come
/// back in half precision.
pub trait SegmentationLoss: Segmentation {
    /// The `kind`, which errors name.
    fn kind(&self) -> &'static str;

    /// How the unreduced values become one number.
    fn reduction(&self) -> Reduction;

    /// Activation, and what counts.
    fn regions(&self) -> Regions {
        Regions::default()
    }

    /// What the first argument is called: `logits`, or `probabilities`.
    fn input(&self) -> &'static str {
        match self.regions().activation {
            Activation::None => "probabilities",
            _ => "logits",
        }
    }

    /// Masks of labels `[N, d1, ..]` with the classes and the type of the logits, without the pixels of the config's
    /// `ignore_index`: see [`Masks::from_labels`].
    ///
    /// # Panics
    /// If the shape of the labels is not that of the logits without the class axis.
    #[track_caller]
    fn masks_of<const L: usize, const D: usize>(&self, labels: Tensor<L, Int>, logits: &Tensor<D>) -> Masks<D> {
        let first = Reference { loss: self.kind(), name: self.input(), tensor: logits };
        expect(first.labels(&labels, without_class_axis(logits.dims())));
        let Masks { masks, valid } = Masks::from_labels(labels, logits.dims()[1], self.regions().ignore_index);
        Masks { masks: masks.cast(logits.dtype()), valid }
    }

    /// The value of the batch, reduced as the config says.
    ///
    /// # Shapes
    /// - logits, masks: `[N, C, d1, ..]`, the same
    /// - output: `[1]`
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn forward<const D: usize>(&self, logits: Tensor<D>, masks: impl Into<Masks<D>>) -> Tensor<1> {
        let values = self.forward_unreduced(logits, masks);
        self.reduction().reduce(values, None, None)
    }

    /// The same with weights, which multiply the unreduced values.
    ///
    /// # Shapes
    /// - weights: `[N, C]`, or `[N, 1]`: one per sample
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn forward_weighted<const D: usize>(
        &self,
        logits: Tensor<D>,
        masks: impl Into<Masks<D>>,
        weights: Tensor<2>,
    ) -> Tensor<1> {
        let masks = masks.into();
        expect(self.check(&logits, &masks, Some(&weights)));
        let values = regions::values(self, &self.regions(), logits, masks);
        self.reduction().reduce(values, Some(weights), None)
    }

    /// One value per sample and class: `[N, C]`.
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn forward_no_reduction<const D: usize>(&self, logits: Tensor<D>, masks: impl Into<Masks<D>>) -> Tensor<2> {
        self.forward_unreduced(logits, masks).values
    }

    /// One value per sample and class, and what each counts in a mean (0 where it is left out): what [`Reduction::reduce`]
    /// takes.
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn forward_unreduced<const D: usize>(&self, logits: Tensor<D>, masks: impl Into<Masks<D>>) -> Unreduced<2> {
        let masks = masks.into();
        expect(self.check(&logits, &masks, None));
        regions::values(self, &self.regions(), logits, masks)
    }

    /// What is wrong with the arguments: their shapes, types and devices; never their values, which are not read.
    fn check<const D: usize>(
        &self,
        logits: &Tensor<D>,
        masks: &Masks<D>,
        weights: Option<&Tensor<2>>,
    ) -> Result<(), InputError> {
        let first = Reference { loss: self.kind(), name: self.input(), tensor: logits };
        regions::check(&self.regions(), first, masks, weights)
    }
}

/// [`loss!`](crate::macros::loss) with what every loss of areas has: activation, smoothing, and what counts.
macro_rules! overlap_loss {
    (
        $kind:literal: $summary:literal;
        $(#[$module_meta:meta])*
        pub struct $module:ident;
        $(#[$config_meta:meta])*
        pub struct $config:ident { $($fields:tt)* }
        $(validate $validate:expr;)?
    ) => {
        $crate::macros::loss! {
            segmentation $kind: $summary;

            $(#[$module_meta])*
            pub struct $module;

            $(#[$config_meta])*
            pub struct $config {
                $($fields)*
                /// How a logit becomes a probability.
                activation: $crate::segmentation::Activation = $crate::segmentation::Activation::Sigmoid;
                /// What is added to the numerator and the denominator.
                smooth: $crate::segmentation::Smooth = $crate::segmentation::Smooth::Both(1.0),
                    $crate::config::Range::AtLeast(0.0);
                /// Areas as sums of p and t, or of their squares.
                denominator: $crate::segmentation::Denominator = $crate::segmentation::Denominator::Linear;
                /// Whether the sums run over each sample, or over the whole batch.
                over: $crate::segmentation::Over = $crate::segmentation::Over::Sample;
                /// Whether the first class counts.
                background: $crate::segmentation::Background = $crate::segmentation::Background::Included;
                /// What becomes of a class without a pixel in the masks.
                absent_classes: $crate::segmentation::AbsentClasses = $crate::segmentation::AbsentClasses::Count;
                /// The label of pixels that count nothing, where masks are made from labels.
                ignore_index: Option<i64> = None;
            }
            $(validate $validate;)?
        }

        impl $crate::segmentation::SegmentationLoss for $module {
            $crate::macros::kind_and_reduction!($kind);
            fn regions(&self) -> $crate::segmentation::Regions {
                let config = &self.config;
                $crate::segmentation::Regions {
                    activation: config.activation,
                    denominator: config.denominator,
                    over: config.over,
                    background: config.background,
                    absent_classes: config.absent_classes,
                    ignore_index: config.ignore_index,
                }
            }
        }
    };
}

macro_rules! implement {
    (loss $loss:ident, $kind:expr) => {};
    (any $any:ident, $config:ident, $($variant:ident),+) => {
        dispatch! {
            $any [$($variant),+]
            impl Segmentation {
                fn values(&self, regions: &Regions, pixels: Pixels) -> Tensor<2>;
            }
            impl SegmentationLoss {
                fn kind(&self) -> &'static str;
                fn reduction(&self) -> Reduction;
                fn regions(&self) -> Regions;
            }
        }
    };
}

family! {
    segmentation, SegmentationLossConfig => AnySegmentationLoss, implement;
    dice: Dice;
    tversky: Tversky;
    jaccard: Jaccard;
    focal_tversky: FocalTversky;
    generalized_dice: GeneralizedDice;
    lovasz: Lovasz;
    weighted_sum: WeightedSum;
}
