//! Labels beside the target distribution.

use super::{AnyDistributionLoss, DistillationLoss, DistributionLoss, reference, unreduced};
use crate::engine::distributions;
use crate::engine::rows::without_class_axis;
use crate::error::{InputError, expect};
use crate::reduction::{Extras, Unreduced};
use burn::tensor::{Int, Tensor};
use burn_losses_derive::inherent;

/// A loss that compares the prediction with labels, too: `distillation` with a `hard_weight`. Its methods are methods of
/// [`DistillationLoss`] and [`AnyDistributionLoss`] too; other losses of the enum leave the labels out.
///
/// A row whose label is out of range has the value NaN.
#[inherent]
pub trait HardLabels: DistributionLoss {
    /// The value of the batch with labels, and with [`Extras`], reduced as the config says.
    ///
    /// # Shapes
    /// - predictions, targets: `[N, C, d1, ..]`, of the same shape
    /// - labels: `[N, d1, ..]`
    /// - weights, mask: `[N, d1, ..]`, or `[N, 1, ..]` for one per sample
    /// - output: `[1]`
    fn forward_with_labels<const D: usize, const L: usize>(
        &self,
        predictions: Tensor<D>,
        targets: Tensor<D>,
        labels: Tensor<L, Int>,
        extras: impl Into<Extras>,
    ) -> Tensor<1> {
        let extras = extras.into();
        expect(self.check_labels(&predictions, &targets, &labels, &extras));
        let labels = Some(flat(labels));
        distributions::reduce(self, (self.input(), self.reduction()), predictions, targets, labels, extras)
    }

    /// Like `forward_unreduced`, with labels.
    fn forward_with_labels_unreduced<const D: usize, const L: usize>(
        &self,
        predictions: Tensor<D>,
        targets: Tensor<D>,
        labels: Tensor<L, Int>,
        extras: impl Into<Extras>,
    ) -> Unreduced<L> {
        let extras = extras.into();
        expect(self.check_labels(&predictions, &targets, &labels, &extras));
        unreduced(self, predictions, targets, Some(flat(labels)), extras)
    }

    /// Like `check`, for the arguments of the methods with labels.
    fn check_labels<const D: usize, const L: usize>(
        &self,
        predictions: &Tensor<D>,
        targets: &Tensor<D>,
        labels: &Tensor<L, Int>,
        extras: &Extras,
    ) -> Result<(), InputError> {
        let first = reference(self, predictions);
        distributions::check(first, targets, extras)?;
        first.labels(labels, without_class_axis(predictions.dims()))
    }
}

fn flat<const L: usize>(labels: Tensor<L, Int>) -> Tensor<1, Int> {
    let count = labels.shape().num_elements();
    labels.reshape([count])
}

hard_labels_methods!(AnyDistributionLoss, DistillationLoss);

impl HardLabels for AnyDistributionLoss {}
impl HardLabels for DistillationLoss {}
