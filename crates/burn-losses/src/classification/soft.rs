//! Soft targets: one probability per class in place of a label.

use super::*;
use crate::engine::{rows, without_weightless};
use crate::error::{InputError, expect};
use crate::reduction::{Extras, ShapedExtras, Unreduced};
use burn::tensor::Tensor;
use burn_losses_derive::inherent;

/// A loss that takes soft targets: one probability per class in place of a label. Its methods are methods of the losses too.
///
/// The losses `nll`, `multi_margin` and `zero_one` are defined for labels alone, so they do not have this trait. A row of soft
/// targets is ignored by a mask: an `ignore_index` is a label, so a loss that has one takes no soft targets.
///
/// Three losses find out at run time. [`AnyClassificationLoss`] takes soft targets if the loss of its config does, [`OhemLoss`] if
/// its inner loss does, and [`WeightedSumLoss`] if all of its terms do. Otherwise [`check_soft`](Self::check_soft) returns an
/// error.
///
/// A [`RowFormula`](crate::formula::RowFormula) has a value for soft targets, so `impl SoftTargets for MyLoss {}` is enough for it.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::classification::{CrossEntropyLossConfig, SoftTargets};
///
/// /// Works with every loss that takes soft targets.
/// fn mixed(loss: &impl SoftTargets, logits: Tensor<2>, a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
///     loss.forward_soft(logits, a * 0.25 + b * 0.75)
/// }
///
/// let device = Device::flex();
/// let loss = CrossEntropyLossConfig::new().init(&device);
/// let [a, b] = [[[1.0, 0.0]], [[0.0, 1.0]]].map(|row| Tensor::from_floats(row, &device));
/// let value = mixed(&loss, Tensor::zeros([1, 2], &device), a, b);
/// assert!((value.into_scalar::<f32>() - 2f32.ln()).abs() < 1e-6);
/// ```
#[inherent]
pub trait SoftTargets: ClassificationLoss {
    /// The value of the batch for soft targets, reduced as the config says.
    ///
    /// # Shapes
    /// - logits, probabilities: `[N, C, d1, ..]`, of the same shape; each row of probabilities sums to 1
    /// - output: `[1]`
    fn forward_soft<const D: usize>(&self, logits: Tensor<D>, probabilities: Tensor<D>) -> Tensor<1> {
        self.forward_soft_with(logits, probabilities, Extras::new())
    }

    /// Like `forward_soft`, with weights, a mask of the rows that are valid, or a divisor: see [`Extras`].
    ///
    /// # Shapes
    /// - weights, mask: `[N, d1, ..]`, or `[N, 1, ..]` for one per sample
    fn forward_soft_with<const D: usize>(
        &self,
        logits: Tensor<D>,
        probabilities: Tensor<D>,
        extras: impl Into<Extras>,
    ) -> Tensor<1> {
        let (values, extras) = checked(self, logits, probabilities, extras.into());
        extras.reduce(self.reduction(), values)
    }

    /// One value per row of soft targets.
    fn forward_soft_no_reduction<const D: usize, const L: usize>(
        &self,
        logits: Tensor<D>,
        probabilities: Tensor<D>,
    ) -> Tensor<L> {
        self.forward_soft_unreduced(logits, probabilities, Extras::new()).values
    }

    /// One value per row of soft targets, with its normalizer: the number that it adds to the divisor of a mean. Each value is multiplied
    /// by its weight, and divided by the divisor of the extras. [`Reduction::reduce`](crate::Reduction::reduce) takes both values and
    /// normalizers.
    fn forward_soft_unreduced<const D: usize, const L: usize>(
        &self,
        logits: Tensor<D>,
        probabilities: Tensor<D>,
        extras: impl Into<Extras>,
    ) -> Unreduced<L> {
        let shape = rows::without_class_axis(logits.dims());
        let (values, extras) = checked(self, logits, probabilities, extras.into());
        rows::into_shape(extras.apply(values), shape)
    }

    /// Checks the shapes, types and devices of the arguments, and that the loss takes soft targets. The values are not read.
    fn check_soft<const D: usize>(
        &self,
        logits: &Tensor<D>,
        probabilities: &Tensor<D>,
        extras: &Extras,
    ) -> Result<(), InputError> {
        rows::check_soft(self, reference(self, logits), probabilities, extras)
    }
}

/// The values of arguments that are checked first, and the extras for their shape.
#[track_caller]
fn checked<L: SoftTargets, const D: usize>(
    loss: &L,
    logits: Tensor<D>,
    probabilities: Tensor<D>,
    extras: Extras,
) -> (Unreduced<2>, ShapedExtras<2>) {
    expect(loss.check_soft(&logits, &probabilities, &extras));
    let extras = extras.for_shape(rows::rows_per_sample(logits.dims()));
    let [logits, probabilities] = [logits, probabilities].map(|rows| without_weightless(rows, &extras));
    (rows::soft_values(loss, logits, probabilities, extras.mask.as_ref()), extras)
}

soft_targets_methods!(
    AnyClassificationLoss,
    AsymmetricLoss,
    BrierLoss,
    CrossEntropyLoss,
    FocalLoss,
    GeneralizedLoss,
    LogitAdjustedLoss,
    OhemLoss,
    Poly1Loss,
    SymmetricLoss,
    WeightedSumLoss
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::FamilyConfig;
    use crate::engine::rows::Rows;
    use burn::tensor::Device;

    #[test]
    fn the_losses_with_the_trait_are_those_that_take_probabilities() {
        let (_, list) = include_str!("soft.rs").split_once("\nsoft_targets_methods!(").expect("the list above");
        let (list, _) = list.split_once(");").expect("the end of the list");
        let list: Vec<_> = list.split(',').map(str::trim).collect();
        for config in (0..ClassificationLossConfig::NAMES.len()).map(ClassificationLossConfig::example_at) {
            let shown = format!("{config:?}");
            let (variant, _) = shown.split_once('(').expect("a variant with a config");
            let is_in_list = list.contains(&format!("{variant}Loss").as_str());
            let takes_probabilities = config.init(&Device::flex()).takes_probabilities();
            assert_eq!(is_in_list, takes_probabilities, "{variant}Loss belongs in the list of `soft_targets_methods!`");
        }
    }

    #[test]
    fn a_loss_without_soft_targets_says_so_if_a_config_has_chosen_it() {
        let device = Device::flex();
        let rows = Tensor::<2>::zeros([1, 2], &device);
        let any = |config: ClassificationLossConfig| config.init(&device);
        let error = any(MultiMarginLossConfig::new().into()).check_soft(&rows, &rows, &Extras::new()).unwrap_err();
        assert!(error.to_string().contains("this loss takes one label per row"), "{error}");
        assert!(any(FocalLossConfig::new().into()).check_soft(&rows, &rows, &Extras::new()).is_ok());
    }
}
