//! Cosine embedding loss.

use super::{SHORTEST, VectorsLoss, cosine_distances};
use crate::engine::pointwise::of_formula;
use crate::formula::{Formula, Real};
use burn::tensor::Tensor;
use burn_losses_derive::{loss, loss_config};

/// Cosine embedding loss: similar pairs get the same direction, dissimilar pairs an angle.
///
/// # Formula
/// ```text
/// (1 - y) (1 - cos) + y max(0, cos - margin)
/// ```
/// of the cosine of two vectors; **y = 0: similar, y = 1: dissimilar**. It has the methods with the labels of the pairs:
/// `forward_pairs`, `forward_pairs_with` and `forward_pairs_unreduced`.
///
/// # When to use
/// For given pairs that are labeled as similar or dissimilar, where directions are compared: sentence and user embeddings, retrieval. A
/// margin above 0 lets dissimilar pairs keep an acute angle. For distances in place of cosines, and for all pairs of a batch with
/// class labels, take [`ContrastiveLoss`](crate::metric::ContrastiveLoss).
///
/// # Numerics
/// A vector that is shorter than 1e-12 has no direction: its cosine is 0, without a gradient. At the margin a dissimilar pair has the
/// gradient 0.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::vectors::CosineEmbeddingLossConfig;
///
/// let device = Device::flex();
/// let loss = CosineEmbeddingLossConfig::new().with_margin(0.5).init(&device);
/// let first = Tensor::<2>::from_floats([[2.0, 0.0], [1.0, 0.0]], &device);
/// let second = Tensor::from_floats([[0.0, 5.0], [3.0, 0.0]], &device);
/// // A similar pair at a right angle, and a dissimilar one of the same direction.
/// let value = loss.forward_pairs(first, second, Tensor::from_floats([0.0, 1.0], &device));
/// assert_eq!(value.into_scalar::<f32>(), (1.0 + 0.5) / 2.0);
/// ```
///
/// # Elsewhere
/// - `torch.nn.CosineEmbeddingLoss`: the same, but y = 1 is similar and y = -1 dissimilar, the other way round; 1e-12 is added to the
///   squares of the lengths.
/// - `burn.nn.loss.CosineEmbeddingLoss`: y = 1 is similar and y = -1 dissimilar, the other way round; `CosineEmbeddingLossConfig::from`
///   takes its config.
#[loss(vectors, "cosine_embedding", "Same direction for similar pairs, an angle for dissimilar ones")]
pub struct CosineEmbeddingLoss {
    config: CosineEmbeddingLossConfig,
}

/// Config of [`CosineEmbeddingLoss`].
#[loss_config]
pub struct CosineEmbeddingLossConfig {
    /// The cosine up to which dissimilar pairs have the value 0.
    #[field(default = 0.0, range = "[-1, 1]")]
    pub margin: f64,
}

/// Of one minus the cosine.
impl Formula for CosineEmbeddingLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, distance: R, dissimilar: R) -> R {
        let far = (-distance.clone() + (1.0 - self.config.margin)).relu();
        (-dissimilar.clone() + 1.0) * distance + dissimilar * far
    }
}

impl VectorsLoss for CosineEmbeddingLoss {
    fn rows(&self, first: Tensor<2>, second: Tensor<2>, dissimilar: Option<Tensor<1>>) -> Tensor<1> {
        let dissimilar = dissimilar.expect("the check has found it");
        of_formula(self, cosine_distances(first, second, SHORTEST), dissimilar)
    }

    fn needs_dissimilar(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::Loss;
    use crate::vectors::CosineLossConfig;
    use burn::tensor::Device;

    /// y = 1 is a dissimilar pair here, and a similar one in PyTorch.
    #[test]
    fn one_is_dissimilar() {
        let loss = CosineEmbeddingLossConfig::new().with_margin(0.25).init(&Device::flex());
        assert_eq!([loss.eval(0.5, 0.0), loss.eval(0.5, 1.0), loss.eval(0.75, 1.0)], [0.5, 0.25, 0.0]);
        assert_eq!(loss.eval(2.0, 1.0), 0.0);
    }

    /// Labels are missing, or are not taken: both are errors that name the argument and what to call.
    #[test]
    fn labels_of_pairs() {
        let device = Device::flex();
        let rows = || Tensor::<2>::ones([2, 3], &device);
        let extras = crate::Extras::new();
        let loss = CosineEmbeddingLossConfig::new().init(&device);
        let error = loss.check(&rows(), &rows(), &extras).unwrap_err().to_string();
        assert!(error.starts_with("cosine_embedding: `dissimilar` is missing") && error.contains("forward_pairs"));
        let wrong = loss.check_pairs(&rows(), &rows(), &Tensor::ones([3], &device), &extras).unwrap_err().to_string();
        assert!(wrong.contains("`dissimilar` has shape [3], expected [2]"), "{wrong}");
        let cosine = CosineLossConfig::new().init(&device);
        let error = cosine.check_pairs(&rows(), &rows(), &Tensor::ones([2], &device), &extras).unwrap_err();
        assert_eq!((error.loss, error.argument), (Loss::kind(&cosine), "dissimilar"));
    }
}
