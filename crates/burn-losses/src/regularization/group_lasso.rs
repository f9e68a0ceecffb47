//! The lasso of groups.

use crate::config::Range;
use crate::formula::Real;
use crate::reduction::{row_sums, sum};
use burn::tensor::Tensor;

regularizer! {
    "group_lasso": "the lengths of groups of parameters: makes whole groups 0";

    /// Group lasso (Yuan and Lin 2006): whole neurons or filters go.
    ///
    /// # Formula
    /// ```text
    /// weight sum_g sqrt(|g|) ||w_g||
    /// ```
    /// of the groups g along `axis`: what has one index on it. A group that is 0 has the gradient 0. A parameter with fewer axes is
    /// one group.
    ///
    /// # Elsewhere
    /// No counterpart in PyTorch or Keras.
    pub struct GroupLasso;

    /// Config of [`GroupLasso`].
    pub struct GroupLassoConfig {
        /// The axis of the groups. Burn's `Linear` has `[input, output]`, its convolutions `[output, input, ..]`.
        axis: usize = 0_usize, Range::AtLeast(0.0);
    }
}

penalise!(GroupLasso, |self, parameter| {
    let shape = parameter.dims();
    let groups = match shape.get(self.config.axis) {
        Some(groups) => parameter.movedim(self.config.axis as isize, 0).reshape([*groups as isize, -1]),
        None => parameter.reshape([1, -1]),
    };
    let size = groups.dims()[1] as f64;
    sum(row_sums(groups.square()).safe_sqrt()) * size.sqrt()
});
