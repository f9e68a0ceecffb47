//! Cosine distance.

use super::{VectorsLoss, cosine_distances};
use burn::tensor::Tensor;
use burn_losses_derive::{Choice, loss, loss_config};

/// Whether a gradient flows to the second vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum TargetGradient {
    /// Both vectors get a gradient.
    #[default]
    Full,
    /// The second vector is a constant: the stopped gradient of BYOL and SimSiam.
    Detached,
}

/// One minus the cosine of the angle between two vectors (BYOL: Grill et al. 2020,
/// [arXiv 2006.07733](https://arxiv.org/abs/2006.07733); SimSiam: Chen and He 2021,
/// [arXiv 2011.10566](https://arxiv.org/abs/2011.10566)).
///
/// # Formula
/// `1 - x . y / (|x| |y|)`, between 0 (the same direction) and 2 (opposite directions).
///
/// # When to use
/// For vectors whose direction should match that of a target, while the length has no meaning. Such a target is the embedding of a
/// teacher, or that of another view in self-supervised learning. With `target_gradient = "detached"` it is the loss of BYOL and SimSiam:
/// the first vector is the prediction, and the second is the projection, which gets no gradient. The value of BYOL is twice this one.
///
/// # Numerics
/// The value is computed as half the squared distance of the normalized vectors, so that it is accurate for vectors of nearly the same direction,
/// too. A vector whose length is below `eps`, or below 1e-12, counts as zero: the value is 1, and the gradient is 0. `eps` is a
/// threshold, and is not added to a length.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, vectors::CosineLossConfig};
///
/// let device = Device::flex();
/// let loss = CosineLossConfig::new().init(&device);
/// let first = Tensor::<2>::from_floats([[2.0, 0.0], [1.0, 0.0]], &device);
/// let second = Tensor::from_floats([[3.0, 0.0], [0.0, 5.0]], &device);
/// let values = loss.forward_no_reduction(first, second);
/// assert_eq!(values.into_data().to_vec::<f32>().unwrap(), [0.0, 1.0]);
/// ```
///
/// # Elsewhere
/// - `torch.nn.CosineSimilarity`: the cosine itself; it takes `eps` in place of a length below it, so a vector of half that length has
///   half the cosine.
/// - `keras.losses.CosineSimilarity`: minus the cosine: this loss minus 1.
/// - `optax.losses.cosine_distance`: the same formula, not compared by a test.
/// - `lightly.loss.NegativeCosineSimilarity`: minus the cosine: this loss minus 1.
#[loss(vectors, "cosine", "One minus the cosine of two vectors (BYOL, SimSiam): direction alone")]
pub struct CosineLoss {
    config: CosineLossConfig,
}

/// Config of [`CosineLoss`].
#[loss_config]
pub struct CosineLossConfig {
    /// Whether the second vector gets a gradient.
    #[field(default = TargetGradient::Full)]
    pub target_gradient: TargetGradient,
    /// The length below which a vector counts as zero.
    #[field(default = 1e-8, range = ">= 0")]
    pub eps: f64,
}

impl VectorsLoss for CosineLoss {
    fn rows(&self, first: Tensor<2>, second: Tensor<2>, _: Option<Tensor<1>>) -> Tensor<1> {
        let second = match self.config.target_gradient {
            TargetGradient::Full => second,
            TargetGradient::Detached => second.detach(),
        };
        cosine_distances(first, second, self.config.eps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    /// A vector of zeros has the value 1 and no slope, and so has its partner.
    #[test]
    fn a_zero_vector_has_no_direction() {
        let device = Device::flex().autodiff();
        let loss = CosineLossConfig::new().init(&device);
        let first = Tensor::<2>::from_floats([[0.0, 0.0], [3e-9, 4e-9], [0.3, -0.4]], &device).require_grad();
        let second = Tensor::<2>::from_floats([[1.0, 2.0], [3.0, 4.0], [3.0, 4.0]], &device).require_grad();
        let values = loss.forward_no_reduction(first.clone(), second.clone());
        let gradients = values.clone().sum().backward();
        let values = values.into_data().iter::<f32>().collect::<Vec<_>>();
        assert_eq!(values[..2], [1.0, 1.0]);
        assert!((values[2] - 1.28).abs() < 1e-6);
        for rows in [first, second] {
            let slopes = rows.grad(&gradients).unwrap().into_data().iter::<f32>().collect::<Vec<_>>();
            assert_eq!(slopes[..4], [0.0; 4]);
            assert!(slopes[4] != 0.0);
        }
    }

    /// Rows that are nearly parallel keep their digits, where 1 - cos would round to 0.
    #[test]
    fn nearly_the_same_direction() {
        let device = Device::flex();
        let loss = CosineLossConfig::new().init(&device);
        let first = Tensor::<2>::from_floats([[1.0, 0.0]], &device);
        let value = loss.forward(first, Tensor::from_floats([[1.0, 1e-5]], &device)).into_scalar::<f32>();
        assert!((value / 0.5e-10 - 1.0).abs() < 1e-4, "{value}");
    }

    #[test]
    fn detached_target() {
        let device = Device::flex().autodiff();
        let loss = CosineLossConfig::new().with_target_gradient(TargetGradient::Detached).init(&device);
        let first = Tensor::<2>::from_floats([[1.0, 2.0]], &device).require_grad();
        let second = Tensor::<2>::from_floats([[2.0, 1.0]], &device).require_grad();
        let gradients = loss.forward(first.clone(), second.clone()).backward();
        assert!(first.grad(&gradients).is_some() && second.grad(&gradients).is_none());
    }
}
