//! Lengths of rows.

use crate::formula::Real;
use burn::tensor::Tensor;

/// The p-norm of each row, with p >= 1: `[N]`. At 0 the gradient is 0.
pub(crate) fn p_norm(rows: Tensor<2>, p: f64) -> Tensor<1> {
    let shape = rows.dims();
    // The largest number of a row becomes 1, so that no power overflows or vanishes.
    let largest = rows.clone().detach().abs().max_dim(1);
    let none = largest.clone().equal_scalar(0.0);
    let scale = largest.clone().mask_fill(none.clone().bool_or(largest.is_inf()), 1.0);
    let scaled = rows / scale.clone().expand(shape);
    let length = if p == 2.0 {
        Real::safe_sqrt((scaled.clone() * scaled).sum_dim(1))
    } else if p == 1.0 {
        scaled.abs().sum_dim(1)
    } else {
        let is_zero = scaled.clone().equal_scalar(0.0);
        let powers = Real::powf(scaled.abs().mask_fill(is_zero.clone(), 1.0), p).mask_fill(is_zero, 0.0);
        Real::powf(powers.sum_dim(1).mask_fill(none.clone(), 1.0), 1.0 / p).mask_fill(none, 0.0)
    };
    (length * scale).squeeze_dim(1)
}
