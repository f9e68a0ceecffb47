//! Embeddings and the centers of their classes.

use super::rows::{one_hot, outside, select, wide};
use burn::tensor::{Int, Tensor};

/// Half the squared distance of each row to its center, NaN without one.
pub(crate) fn half_squares(rows: Tensor<2>, centers: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
    #[cfg(feature = "cpu-engine")]
    if let Some(values) = super::cpu::centers::half_squares(&rows, &centers, &labels) {
        return values;
    }
    let labels = wide(labels);
    let outside = outside(&labels, centers.dims()[0]);
    let difference = rows - select(centers, labels.mask_fill(outside.clone(), 0));
    let values = (difference.clone() * difference).sum_dim(1).squeeze_dim::<1>(1) * 0.5;
    values.mask_fill(outside, f64::NAN)
}

/// The centers, each moved towards the mean of its rows: c <- c - rate sum (c - x) / (1 + n). Neither a row that is not finite nor one
/// without a center moves any.
pub(crate) fn moved(centers: Tensor<2>, rows: Tensor<2>, labels: Tensor<1, Int>, rate: f64) -> Tensor<2> {
    #[cfg(feature = "cpu-engine")]
    if let Some(moved) = super::cpu::centers::moved(&centers, &rows, &labels, rate) {
        return moved;
    }
    let ([classes, size], shape) = (centers.dims(), rows.dims());
    let finite = rows.clone().is_finite().all_dim(1);
    // In the product below a row that is not finite would move all centers.
    let rows = rows.mask_fill(finite.clone().bool_not().expand(shape), 0.0);
    // [C, N]: 1 where a row is of a class.
    let member = one_hot(wide(labels), classes).bool_and(finite.expand([shape[0], classes]));
    let member = member.float().cast(rows.dtype()).transpose();
    let count = member.clone().sum_dim(1);
    let sum = member.matmul(rows);
    let shift = (centers.clone() * count.clone().expand([classes, size]) - sum) / (count + 1.0).expand([classes, size]);
    centers - shift * rate
}
