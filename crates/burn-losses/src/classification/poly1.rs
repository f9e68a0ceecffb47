//! PolyLoss, multi-class.

use super::{ClassificationLoss, SoftTargets};
use crate::engine::outlined;
use crate::engine::rows::{RowKernel, Rows};
use crate::formula::safe::{bounded, focus, weighted};
use crate::formula::{Formula, Real, RowFormula};
use crate::reduction::Unreduced;
use burn::tensor::{Int, Tensor};
use burn_losses_derive::{loss, loss_config};

/// Poly-1 loss (Leng et al. 2022, [arXiv 2204.12511](https://arxiv.org/abs/2204.12511)) of a softmax: cross-entropy or focal loss,
/// with another coefficient of the first term of its series in 1 - p_t.
///
/// # Formula
/// ```text
/// (1 - p_t)^gamma ce + epsilon (1 - p_t)^(gamma + 1)
/// p_t = sum_c q_c p_c,  p = softmax(x), so that 1 - p_t = sum_c q_c (1 - p_c)
/// ce  = sum_c q_c (-ln p_c)
/// ```
/// with the target q, which is 1 for the label and 0 for other classes, or a row of probabilities. For a label p_t is p_y, and ce is
/// -ln p_y.
///
/// # When to use
/// As [`CrossEntropyLoss`](super::CrossEntropyLoss), or with gamma as [`FocalLoss`](super::FocalLoss), where one number more may be
/// tuned: a positive epsilon keeps a gradient on rows that are nearly right, and a negative one lowers it. The paper has
/// epsilon = 2 for ImageNet. For several labels at once take [`Poly1Loss`](crate::binary::Poly1Loss) of the family `binary`.
///
/// # Numerics
/// Value and gradient are finite for all finite logits and every gamma. 1 - p_t is computed as a difference: for rows that are
/// certain and right the value, which is tiny, loses digits. 1 - p_t below 1e-30 counts as 1e-30 in the factor.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{classification::Poly1LossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = Poly1LossConfig::new().with_epsilon(2.0).init(&device);
/// let logits = Tensor::<2>::zeros([1, 4], &device);
/// let value = loss.forward(logits, Tensor::<1, Int>::from_ints([0], &device));
/// assert!((value.into_scalar::<f32>() - (4f32.ln() + 2.0 * 0.75)).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `optax.losses.poly_loss_cross_entropy`: the same with gamma = 0, but its epsilon is 2 by default; its targets are probabilities.
/// - `timm.loss.PolyCrossEntropy`: the same with gamma = 0, but its epsilon is 2 by default.
#[loss(classification, "poly1", "Cross-entropy or focal loss with another first coefficient of its series")]
pub struct Poly1Loss {
    config: Poly1LossConfig,
}

/// Config of [`Poly1Loss`].
#[loss_config]
pub struct Poly1LossConfig {
    /// The number added to the coefficient of the first term; 0 is cross-entropy, or focal loss.
    #[field(default = 1.0, range = ">= -1")]
    pub epsilon: f64,
    /// Focusing parameter of the focal loss; 0 is cross-entropy.
    #[field(default = 0.0, range = ">= 0")]
    pub gamma: f64,
    /// The label of rows that are ignored.
    #[field(default = None)]
    pub ignore_index: Option<i64>,
}

impl ClassificationLoss for Poly1Loss {}

impl SoftTargets for Poly1Loss {}

/// Cross-entropy and 1 - p_t -> the value.
#[derive(Debug, Clone)]
struct Value(Poly1LossConfig);

impl Formula for Value {
    #[inline(always)]
    fn eval<R: Real>(&self, cross_entropy: R, miss: R) -> R {
        let first = miss.clone() * self.0.epsilon;
        focus(miss, self.0.gamma) * (cross_entropy + first)
    }
}

/// A larger cross-entropy counts as infinite: half of the largest number in single precision.
const LARGEST: f64 = 1.7e38;

/// The value of a target that several classes share. Where the cross-entropy is infinite, its own slope is all of the gradient: 1 - p_t
/// has slopes of 0 there, and the infinite factor of these must not make them NaN.
#[derive(Debug, Clone)]
struct OfShared(Value);

impl Formula for OfShared {
    #[inline(always)]
    fn eval<R: Real>(&self, cross_entropy: R, miss: R) -> R {
        let is_infinite = cross_entropy.gt_lit(LARGEST);
        let miss = R::select(&is_infinite, miss.clone().stop(), miss);
        self.0.eval(cross_entropy, miss)
    }
}

/// 1 - p of a class.
#[inline(always)]
fn miss<R: Real>(log_p: R) -> R {
    -bounded(log_p).exp() + 1.0
}

/// The value of a row in which one class has all of the target. Without a gamma it is linear in the target.
#[derive(Debug, Clone)]
struct OfClass(Value);

impl RowFormula for OfClass {
    #[inline(always)]
    fn eval<R: Real>(&self, log_p: R, share: R) -> R {
        weighted(share, self.0.eval(-log_p.clone(), miss(log_p)))
    }
}

/// A sum over the classes of a target that several classes share.
#[derive(Debug, Clone)]
enum Part {
    CrossEntropy,
    Miss,
}

impl RowFormula for Part {
    #[inline(always)]
    fn eval<R: Real>(&self, log_p: R, share: R) -> R {
        match self {
            Self::CrossEntropy => weighted(share, -log_p),
            Self::Miss => weighted(share, miss(log_p)),
        }
    }
}

impl Poly1Loss {
    fn value(&self) -> Value {
        Value(self.config.clone())
    }
}

impl Rows for Poly1Loss {
    fn rows(&self, logits: Tensor<2>, labels: Tensor<1, Int>) -> Unreduced<1> {
        OfClass(self.value()).rows(logits, labels)
    }

    fn soft_rows(&self, logits: Tensor<2>, probabilities: Tensor<2>) -> Option<Unreduced<1>> {
        if self.config.gamma == 0.0 {
            return OfClass(self.value()).soft_rows(logits, probabilities);
        }
        let cross_entropy = Part::CrossEntropy.soft_rows(logits.clone(), probabilities.clone())?.values;
        let miss = Part::Miss.soft_rows(logits, probabilities)?.values;
        Some(outlined::eval(&OfShared(self.value()), cross_entropy, miss).into())
    }

    fn kernel(&self, classes: usize) -> Option<RowKernel> {
        OfClass(self.value()).kernel(classes)
    }

    fn ignore_index(&self) -> Option<i64> {
        self.config.ignore_index
    }

    fn takes_probabilities(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classification::{CrossEntropyLossConfig, FocalLossConfig};
    use burn::tensor::Device;

    const LOGITS: [[f32; 3]; 3] = [[2.0, -1.0, 0.5], [0.1, 0.3, -0.2], [50.0, 1.0, -50.0]];

    fn values(loss: &impl ClassificationLoss) -> Vec<f32> {
        let device = Device::flex();
        let labels = Tensor::<1, Int>::from_ints([0, 2, 1], &device);
        loss.forward_no_reduction::<2, 1>(Tensor::from_floats(LOGITS, &device), labels).into_data().iter().collect()
    }

    #[test]
    fn without_epsilon_it_is_focal_or_cross_entropy() {
        let device = Device::flex();
        let poly = |gamma: f64| Poly1LossConfig::new().with_epsilon(0.0).with_gamma(gamma).init(&device);
        assert_eq!(values(&poly(0.0)), values(&CrossEntropyLossConfig::new().init(&device)));
        assert_eq!(values(&poly(1.5)), values(&FocalLossConfig::new().with_gamma(1.5).init(&device)));
    }

    /// A label is a row of probabilities, with a gamma and without.
    #[test]
    fn a_label_is_a_row_of_probabilities() {
        let device = Device::flex();
        for gamma in [0.0, 0.5, 2.0] {
            let loss = Poly1LossConfig::new().with_gamma(gamma).init(&device);
            let one_hot = Tensor::from_floats([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]], &device);
            let soft = loss.forward_soft_no_reduction::<2, 1>(Tensor::from_floats(LOGITS, &device), one_hot);
            for (soft, hard) in soft.into_data().iter::<f32>().zip(values(&loss)) {
                assert!((soft - hard).abs() <= 1e-5 * hard.abs(), "{gamma}: {soft} {hard}");
            }
        }
    }
}
