//! Balanced binary cross-entropy.

use super::{BinaryLoss, cross_entropies};
use crate::config::BatchAlpha;
use crate::engine::machine::has_kernels;
use crate::engine::pointwise::{BatchKernel, PointKernel, Pointwise, of_formula};
use crate::formula::{Formula, Real};
use crate::reduction::{Unreduced, count_true, sum};
use burn::tensor::{Bool, Tensor};
use burn_losses_derive::{loss, loss_config};

/// Class-balanced binary cross-entropy (Xie and Tu 2015, [arXiv 1504.06375](https://arxiv.org/abs/1504.06375)).
///
/// # Formula
/// `alpha y softplus(-x) + (1 - alpha) (1 - y) softplus(x)`, where alpha = negatives / (positives + negatives) of the batch, a
/// constant for the gradient, or a fixed number.
///
/// # When to use
/// For heavy class imbalance in dense prediction, such as edges, roads and small objects: both classes contribute equally to
/// every batch. The probabilities lean toward the rare class, so take [`BceLoss`](super::BceLoss) where calibration matters. Take
/// [`FocalLoss`](super::FocalLoss) where most negatives are easy, and a fixed `alpha`, from the counts of the data set, where batches
/// are small.
///
/// # Numerics
/// The value is finite for every finite logit. A batch with only one class has the value and the gradient 0, since the weight
/// of that class is 0.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{binary::BalancedBceLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = BalancedBceLossConfig::new().init(&device);
/// // One positive among four: with alpha = 3/4 it weighs as much as the three others together.
/// let values = loss.forward_no_reduction(
///     Tensor::<1>::zeros([4], &device),
///     Tensor::from_floats([1.0, 0.0, 0.0, 0.0], &device),
/// );
/// let values = values.into_data().to_vec::<f32>().unwrap();
/// assert!((values[0] - values[1] - values[2] - values[3]).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `torch.nn.BCEWithLogitsLoss`: with a `pos_weight` that is recomputed for each batch, negatives / positives, it is the same
///   up to a factor.
///
/// `torchvision.ops.sigmoid_focal_loss` with gamma = 0 has a fixed alpha, and is the same for hard labels. PyTorch has no loss
/// that counts the classes of a batch.
#[loss(binary, "balanced_bce", "Binary cross-entropy with both classes weighted equally, for class imbalance")]
pub struct BalancedBceLoss {
    config: BalancedBceLossConfig,
}

/// Config of [`BalancedBceLoss`].
#[loss_config]
pub struct BalancedBceLossConfig {
    /// The weight of the positive class; `batch` weights both classes of each batch equally. Counts of both classes, of a whole
    /// data set, give a fixed alpha.
    #[field(default = BatchAlpha::Batch, range = "[0, 1]")]
    pub alpha: BatchAlpha,
}

impl BinaryLoss for BalancedBceLoss {}

/// The formula for weights of positives and negatives that are numbers.
#[derive(Debug, Clone)]
struct WeightedBce([f64; 2]);

impl Formula for WeightedBce {
    #[inline(always)]
    fn eval<R: Real>(&self, logit: R, target: R) -> R {
        let weights = [logit.lit(self.0[0]), logit.lit(self.0[1])];
        weigh(weights, logit, target)
    }
}

/// The cross-entropies of both classes, each times its weight, added up.
#[inline(always)]
fn weigh<R: Real>([of_positives, of_negatives]: [R; 2], logit: R, target: R) -> R {
    let (positive, negative) = cross_entropies(logit.softpluses(), target);
    of_positives.weigh(positive) + of_negatives.weigh(negative)
}

impl BalancedBceLoss {
    /// The formula, if alpha is a number.
    fn formula(&self) -> Option<WeightedBce> {
        self.config.alpha.number().map(|alpha| WeightedBce([alpha, 1.0 - alpha]))
    }
}

impl Pointwise for BalancedBceLoss {
    fn kernel(&self) -> Option<PointKernel> {
        self.formula().map(|formula| PointKernel::new(&formula))
    }

    fn kernel_of_batch(&self, _: &Tensor<3>, targets: &Tensor<3>) -> Option<BatchKernel> {
        let kernel = PointKernel::new(&formula_of_batch(share_of_positives(targets, None)));
        Some(BatchKernel { kernel, factors: None, count: None })
    }

    fn values(&self, logits: Tensor<3>, targets: Tensor<3>, mask: Option<&Tensor<3, Bool>>) -> Unreduced<3> {
        if let Some(formula) = self.formula() {
            return of_formula(&formula, logits, targets).into();
        }
        let share = share_of_positives(&targets, mask);
        if has_kernels(&logits) && !targets.is_tracked() {
            return of_formula(&formula_of_batch(share), logits, targets).into();
        }
        let share = share.reshape([1; 3]).expand(logits.dims());
        weigh([-share.clone() + 1.0, share], logits, targets).into()
    }
}

/// The formula for a batch: positives have the weight of the share of negatives. The share of positives is not computed from it again,
/// since a small one would lose its digits.
fn formula_of_batch(share: Tensor<1>) -> WeightedBce {
    let share: f64 = share.into_scalar();
    WeightedBce([1.0 - share, share])
}

/// The share of positives in a batch: `[1]`, a constant for the gradient. Masked targets are 0 already.
fn share_of_positives(targets: &Tensor<3>, mask: Option<&Tensor<3, Bool>>) -> Tensor<1> {
    let positives = sum(targets.clone().detach());
    match mask {
        None => positives * (1.0 / targets.shape().num_elements() as f64),
        Some(mask) => count_true(mask).divide(positives),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{DType, Device};

    /// A rare positive gives negatives a small weight, which has all its digits on every path and in every precision.
    #[test]
    fn a_small_weight_keeps_its_digits() {
        const COUNT: usize = 100_000;
        let loss = BalancedBceLossConfig::new().init(&Device::flex());
        for dtype in [DType::F32, DType::F16, DType::BF16] {
            let run = || {
                let logits = Tensor::<1>::zeros([COUNT], (&Device::flex(), dtype));
                let is_first = Tensor::<1, burn::tensor::Int>::arange(0..COUNT as i64, &Device::flex()).lower_elem(1);
                let values = loss.forward_no_reduction(logits.clone(), logits.mask_fill(is_first, 1.0));
                values.into_data().iter::<f64>().nth(1).expect("a negative")
            };
            let expected = core::f64::consts::LN_2 / COUNT as f64;
            for got in [run(), crate::with_tensor_operations(run)] {
                assert!((got / expected - 1.0).abs() < 1e-6, "{dtype:?}: {got} {expected}");
            }
        }
    }
}
