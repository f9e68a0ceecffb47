//! Zero-one loss, multi-class.

use super::ClassificationLoss;
use crate::engine::curved_rows::RowPart;
use crate::engine::pointwise::numbers;
use crate::engine::primitives::order_statistics::argmax;
use crate::engine::rows::{Rows, constant};
use crate::reduction::Unreduced;
use burn::tensor::{Int, Tensor};
use burn_losses_derive::{loss, loss_config};

/// Zero-one loss: 1 where the highest logit is not that of the label. Its mean is the error rate, 1 - accuracy.
///
/// # Formula
/// 1 where argmax(x) differs from y, else 0; at ties the lowest class is predicted.
///
/// # When to use
/// For evaluation only: the gradient is exactly 0 everywhere, so that nothing can be learned from it. Train with
/// [`CrossEntropyLoss`](super::CrossEntropyLoss), or with [`MultiMarginLoss`](super::MultiMarginLoss), which at margin 1 is
/// never below it.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{classification::ZeroOneLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = ZeroOneLossConfig::new().init(&device);
/// let logits = Tensor::<2>::from_floats([[2.0, 1.0], [0.0, 3.0]], &device);
/// let value = loss.forward(logits, Tensor::<1, Int>::from_ints([0, 0], &device));
/// assert_eq!(value.into_scalar::<f32>(), 0.5);
/// ```
///
/// # Elsewhere
/// - `sklearn.metrics.zero_one_loss`: the mean of this loss, from predicted labels.
/// - `keras.metrics.SparseCategoricalAccuracy`: 1 minus the mean of this loss.
#[loss(classification, "zero_one", "Error rate, for evaluation: its gradient is zero")]
pub struct ZeroOneLoss {
    config: ZeroOneLossConfig,
}

/// Config of [`ZeroOneLoss`].
#[loss_config]
pub struct ZeroOneLossConfig {
    /// The label of rows that are ignored.
    #[field(default = None)]
    pub ignore_index: Option<i64>,
}

impl ClassificationLoss for ZeroOneLoss {}

impl Rows for ZeroOneLoss {
    fn rows(&self, logits: Tensor<2>, labels: Tensor<1, Int>) -> Unreduced<1> {
        let predicted = argmax(logits.clone().detach());
        let right = predicted.cast(labels.dtype()).equal(labels);
        let ones = Tensor::ones(right.dims(), (&logits.device(), logits.dtype()));
        constant(ones.mask_fill(right, 0.0), logits)
    }

    fn parts(&self, logits: &Tensor<2>, labels: &Tensor<1, Int>) -> Option<Vec<RowPart>> {
        let values = self.rows(logits.clone(), labels.clone()).values;
        Some(vec![RowPart::constant(&numbers(values))])
    }

    fn ignore_index(&self) -> Option<i64> {
        self.config.ignore_index
    }

    fn takes_any_scores(&self) -> bool {
        true
    }
}
