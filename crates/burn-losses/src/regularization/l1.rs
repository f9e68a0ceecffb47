//! The sum of absolute values.

use crate::reduction::sum;
use burn::tensor::Tensor;

regularizer! {
    "l1": "the sum of the absolute values: makes parameters 0";

    /// L1 penalty, the lasso (Tibshirani 1996).
    ///
    /// # Formula
    /// ```text
    /// weight sum |w|
    /// ```
    /// The gradient at 0 is 0.
    ///
    /// # Elsewhere
    /// Keras: `L1`, the same. PyTorch has none.
    pub struct L1;

    /// Config of [`L1`].
    pub struct L1Config {}
}

penalise!(L1, |self, parameter| sum(parameter.abs()));
