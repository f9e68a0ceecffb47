//! The statistics of a view: means, variances and covariances over the rows that are valid.

use crate::formula::Real;
use burn::tensor::{Bool, Tensor};

/// One view of a batch: its rows, and which of them are valid.
#[derive(Debug, Clone)]
pub struct View {
    rows: Tensor<2>,
    /// 1 for each row that is valid, else 0: `[N, 1]`; `None`: all are.
    valid: Option<Tensor<2>>,
    /// How many rows are valid, `[1, 1]`; at least 1.
    count: Tensor<2>,
}

impl View {
    /// A view of rows in single or double precision; a row that is not valid is 0.
    pub(super) fn new(rows: Tensor<2>, mask: Option<&Tensor<1, Bool>>) -> Self {
        let options = (&rows.device(), rows.dtype());
        let [number, _] = rows.dims();
        let valid = mask.map(|mask| Tensor::zeros([number, 1], options).mask_fill(mask.clone().unsqueeze_dim(1), 1.0));
        let count = match &valid {
            None => Tensor::full([1, 1], number as f64, options),
            Some(valid) => valid.clone().sum_dim(0).clamp_min(1.0),
        };
        Self { rows, valid, count }
    }

    /// The rows; a row that is not valid is 0.
    pub fn rows(&self) -> Tensor<2> {
        self.rows.clone()
    }

    /// How many rows are valid, `[1, 1]`, at least 1.
    pub fn count(&self) -> Tensor<2> {
        self.count.clone()
    }

    /// The rows minus their mean; 0 where a row is not valid.
    pub fn centered(&self) -> Tensor<2> {
        let shape = self.rows.dims();
        let mean = self.mean(self.rows.clone());
        let centered = self.rows.clone() - mean.expand(shape);
        match &self.valid {
            None => centered,
            Some(valid) => centered * valid.clone().expand(shape),
        }
    }

    /// The mean over the valid rows of numbers that are 0 where a row is not valid: `[1, E]`.
    pub fn mean(&self, numbers: Tensor<2>) -> Tensor<2> {
        let [_, size] = numbers.dims();
        numbers.sum_dim(0) / self.count.clone().expand([1, size])
    }

    /// The divisor of an unbiased variance, `[1, 1]`: one less than the number of valid rows, but at least 1.
    pub fn degrees_of_freedom(&self) -> Tensor<2> {
        (self.count.clone() - 1.0).clamp_min(1.0)
    }
}

/// The square root of a variance plus `eps`: `[1, E]`.
pub(super) fn deviation(variance: Tensor<2>, eps: f64) -> Tensor<2> {
    Real::safe_sqrt(variance + eps)
}

/// The sum of the squares of a matrix, without those on the diagonal, and its diagonal: `[1]` and `[E]`.
pub(super) fn split(matrix: Tensor<2>) -> (Tensor<1>, Tensor<1>) {
    let [size, _] = matrix.dims();
    // False on the diagonal.
    let is_outside = Tensor::<2, Bool>::diag_mask([size, size], 0, &matrix.device());
    let outside = matrix.clone().mask_fill(is_outside.clone().bool_not(), 0.0);
    let diagonal = matrix.mask_fill(is_outside, 0.0).sum_dim(1).squeeze_dim(1);
    ((outside.clone() * outside).sum(), diagonal)
}
