//! The sum of squares.

use crate::reduction::sum;
use burn::tensor::Tensor;

regularizer! {
    "l2": "the sum of the squares, or half of it: keeps parameters small";

    /// L2 penalty, ridge.
    ///
    /// # Formula
    /// ```text
    /// weight sum w^2           or, with `half`,  weight 1/2 sum w^2
    /// ```
    /// With `half` the gradient is `weight w`: with plain SGD the same as a weight decay of `weight`. Adaptive optimizers scale this
    /// gradient as every other one; a decay beside them (AdamW) is not scaled.
    ///
    /// # Elsewhere
    /// Keras: `L2`, the same without `half`. PyTorch: `weight_decay` of `SGD` is the gradient with `half`.
    pub struct L2;

    /// Config of [`L2`].
    pub struct L2Config {
        /// Whether there is a 1/2 before the sum.
        half: bool = false;
    }
}

penalise!(L2, |self, parameter| {
    let squares = sum(parameter.square());
    if self.config.half { squares * 0.5 } else { squares }
});
