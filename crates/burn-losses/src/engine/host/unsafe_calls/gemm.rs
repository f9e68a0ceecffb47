//! Products of matrices, written to memory that exists already.

use crate::engine::host::simd::Float;

/// A matrix: numbers in rows and columns.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a, T> {
    numbers: &'a [T],
    shape: [usize; 2],
    /// The distances from a row to the next, and from a column to the next.
    strides: [usize; 2],
}

impl<'a, T> Matrix<'a, T> {
    /// The matrix of these rows of `columns` numbers.
    pub(crate) fn rows(numbers: &'a [T], columns: usize) -> Self {
        Self { numbers, shape: [numbers.len() / columns, columns], strides: [columns, 1] }
    }

    /// The matrix of every `step`-th row of `columns` numbers, beginning with the first row.
    pub(crate) fn one_in(step: usize, numbers: &'a [T], columns: usize) -> Self {
        let rows = (numbers.len() / columns).div_ceil(step);
        Self { numbers, shape: [rows, columns], strides: [step * columns, 1] }
    }

    pub(crate) fn transposed(self) -> Self {
        let ([rows, columns], [down, right]) = (self.shape, self.strides);
        Self { shape: [columns, rows], strides: [right, down], ..self }
    }

    /// The matrix without its first `count` columns.
    pub(crate) fn without_columns(self, count: usize) -> Self {
        let ([rows, columns], [_, right]) = (self.shape, self.strides);
        Self { numbers: &self.numbers[count * right..], shape: [rows, columns - count], ..self }
    }

    /// Whether all entries lie inside the slice.
    fn is_inside(&self) -> bool {
        is_inside(self.numbers, self.shape, self.strides)
    }
}

fn is_inside<T>(numbers: &[T], shape: [usize; 2], strides: [usize; 2]) -> bool {
    shape.contains(&0) || (shape[0] - 1) * strides[0] + (shape[1] - 1) * strides[1] < numbers.len()
}

/// Computes `output <- factor left right`, or adds the product to `output`, whose rows begin `stride` numbers apart; on all
/// threads.
pub(crate) fn product<T: Float>(
    left: Matrix<'_, T>,
    right: Matrix<'_, T>,
    factor: f64,
    (output, stride): (&mut [T], usize),
    is_added: bool,
) {
    let ([rows, inner], [other, columns]) = (left.shape, right.shape);
    assert_eq!(inner, other, "columns of the left, rows of the right");
    assert!(columns <= stride && is_inside(output, [rows, columns], [stride, 1]), "room for the product");
    assert!(left.is_inside() && right.is_inside(), "matrices are as large as they say");
    let [left_strides, right_strides] = [left.strides, right.strides].map(|strides| strides.map(|of| of as isize));
    // SAFETY: every number that is read or written lies inside its slice, as asserted above; `output` is borrowed here alone and its
    // entries do not overlap, since a row has at most `stride` columns. `T` is one of the types that `gemm` has (`f32`, `f64`), and all
    // its memory is initialized.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            output.as_mut_ptr(),
            1,
            stride as isize,
            is_added,
            left.numbers.as_ptr(),
            left_strides[1],
            left_strides[0],
            right.numbers.as_ptr(),
            right_strides[1],
            right_strides[0],
            T::from_f64(1.0),
            T::from_f64(factor),
            false,
            false,
            false,
            gemm::Parallelism::Rayon(0),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_sums_of_products() {
        let (a, b) = ([1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], [1.0f32, -1.0, 0.5, 2.0, 0.0, 3.0]);
        let mut output = [7.0f32; 7];
        // [2, 3] x [3, 2]; the rows of the output begin four numbers apart.
        product(Matrix::rows(&a, 3), Matrix::rows(&b, 2), 1.0, (&mut output, 4), false);
        assert_eq!(output, [2.0, 12.0, 7.0, 7.0, 6.5, 24.0, 7.0]);
        product(Matrix::rows(&a, 3), Matrix::rows(&b, 3).transposed(), 2.0, (&mut output, 4), true);
        assert_eq!(output, [2.0 + 2.0 * 0.5, 12.0 + 2.0 * 11.0, 7.0, 7.0, 6.5 + 2.0 * 2.0, 24.0 + 2.0 * 26.0, 7.0]);
    }

    #[test]
    fn some_columns() {
        let (a, b) = ([1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], [1.0f32, -1.0, 0.5, 2.0, 0.0, 3.0]);
        let mut output = [0.0f32; 2];
        // [2, 3] x [3, 1]
        product(Matrix::rows(&a, 3), Matrix::rows(&b, 2).without_columns(1), 1.0, (&mut output, 1), false);
        assert_eq!(output, [12.0, 24.0]);
    }

    #[test]
    fn one_row_in_two() {
        let numbers = [1.0f64, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
        let mut output = [0.0; 4];
        // Rows 1 and 3 of four rows, times one column.
        product(Matrix::one_in(2, &numbers[2..], 2), Matrix::rows(&[1.0, -1.0], 1), 1.0, (&mut output[1..], 2), false);
        assert_eq!(output, [0.0, -1.0, 0.0, -1.0]);
        product(Matrix::one_in(3, &numbers, 2), Matrix::rows(&[1.0, 0.5], 1), 1.0, (&mut output, 1), false);
        assert_eq!(output[..2], [2.0, 11.0]);
    }

    #[test]
    #[should_panic(expected = "room for the product")]
    fn what_does_not_fit_is_refused() {
        product(Matrix::rows(&[1.0f64; 4], 2), Matrix::rows(&[1.0; 4], 2), 1.0, (&mut [0.0; 3], 2), false);
    }
}
