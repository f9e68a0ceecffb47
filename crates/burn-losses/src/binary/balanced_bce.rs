//! Balanced binary cross-entropy.

use super::cross_entropies;
use crate::config::{BatchAlpha, Range};
use crate::engine::is_fused;
use crate::engine::pointwise::{BatchKernel, PointKernel, Pointwise, of_formula};
use crate::formula::{Formula, Real};
use crate::macros::loss;
use crate::reduction::{Unreduced, sum};
use burn::tensor::Tensor;

loss! {
    binary "balanced_bce": "binary cross-entropy in which both classes have the same say, however rare one is";

    /// Class-balanced binary cross-entropy (Xie and Tu 2015, [arXiv 1504.06375](https://arxiv.org/abs/1504.06375)).
    ///
    /// # Formula
    /// `alpha y softplus(-x) + (1 - alpha) (1 - y) softplus(x)`, where alpha = negatives / (positives + negatives) of the batch, a
    /// constant for the gradient, or a fixed number.
    ///
    /// # Numerics
    /// Finite for every finite logit. A batch with one class alone has the value and the gradient 0, since the class that is
    /// there weighs nothing.
    ///
    /// # Example
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use burn_losses::{binary::BalancedBceLossConfig, prelude::*};
    ///
    /// let device = Device::flex();
    /// let loss = BalancedBceLossConfig::new().init(&device);
    /// // One positive among four: alpha = 3/4, all together it weighs as much as the three others.
    /// let values = loss.forward_no_reduction(
    ///     Tensor::<1>::zeros([4], &device),
    ///     Tensor::from_floats([1.0, 0.0, 0.0, 0.0], &device),
    /// );
    /// let values = values.into_data().to_vec::<f32>().unwrap();
    /// assert!((values[0] - values[1] - values[2] - values[3]).abs() < 1e-6);
    /// ```
    ///
    /// # Elsewhere
    /// PyTorch has none: `BCEWithLogitsLoss` with a `pos_weight` that is recomputed for each batch is the same up to a factor.
    pub struct BalancedBceLoss;

    /// Config of [`BalancedBceLoss`].
    pub struct BalancedBceLossConfig {
        /// The weight of the positive class; `batch` makes both classes of each batch weigh the same.
        alpha: BatchAlpha = BatchAlpha::Batch, Range::Closed(0.0, 1.0);
    }
}

/// The loss where alpha is known.
#[derive(Debug, Clone)]
struct OfAlpha(f64);

impl Formula for OfAlpha {
    #[inline(always)]
    fn eval<R: Real>(&self, logit: R, target: R) -> R {
        let (positive, negative) = cross_entropies(logit, target);
        positive * self.0 + negative * (1.0 - self.0)
    }
}

/// With the share of the negatives of this batch.
fn of_batch<const D: usize>(targets: &Tensor<D>) -> OfAlpha {
    let positives: f64 = sum(targets.clone()).into_scalar();
    OfAlpha(1.0 - positives / targets.shape().num_elements() as f64)
}

impl Pointwise for BalancedBceLoss {
    fn kernel(&self) -> Option<PointKernel> {
        match self.config.alpha {
            BatchAlpha::Number(alpha) => Some(PointKernel::of(&OfAlpha(alpha))),
            BatchAlpha::Batch => None,
        }
    }

    fn kernel_of_batch<const D: usize>(&self, _: &Tensor<D>, targets: &Tensor<D>) -> Option<BatchKernel<D>> {
        Some(BatchKernel { kernel: PointKernel::of(&of_batch(targets)), factors: None, count: None })
    }

    fn values<const D: usize>(&self, logits: Tensor<D>, targets: Tensor<D>) -> Unreduced<D> {
        let count = targets.shape().num_elements();
        if is_fused(&logits) && self.config.alpha == BatchAlpha::Batch && !targets.is_tracked() {
            return of_formula(&of_batch(&targets), logits, targets).into();
        }
        let alpha = match self.config.alpha {
            BatchAlpha::Number(alpha) => targets.full_like(alpha),
            BatchAlpha::Batch => {
                let positives = sum(targets.clone().detach()) * (1.0 / count as f64);
                (-positives + 1.0).reshape([1; D])
            }
        };
        let (positive, negative) = cross_entropies(logits, targets);
        (positive * alpha.clone() + negative * (-alpha + 1.0)).into()
    }
}
