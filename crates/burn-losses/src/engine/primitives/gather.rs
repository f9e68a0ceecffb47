//! Entries and rows that are chosen by their places.

use crate::engine::machine;
use burn::tensor::{Int, Tensor};

/// The entry of each row at its column: `[M]`, from rows `[M, C]`. All columns must be in range.
pub(crate) fn gather(rows: Tensor<2>, columns: Tensor<1, Int>) -> Tensor<1> {
    match machine::run("gather", &(&rows).into(), |machine| machine.gather(&(&rows).into(), &columns)) {
        Some(picked) => picked.into_rank(),
        None => rows.gather(1, columns.unsqueeze_dim(1)).squeeze_dim(1),
    }
}

/// The rows at these places, in this order. All places must be in range.
pub(crate) fn select(rows: Tensor<2>, places: Tensor<1, Int>) -> Tensor<2> {
    match machine::run("select", &(&rows).into(), |machine| machine.select(&(&rows).into(), &places)) {
        Some(selected) => selected.into_rank(),
        None => rows.select(0, places),
    }
}

#[cfg(feature = "cpu-engine")]
pub(in crate::engine) mod host {
    use crate::engine::any_tensor::AnyTensor;
    use crate::engine::custom_backward::custom_backward;
    use crate::engine::host::memory::{Memory, in_precision, tensor, zeros};
    use crate::engine::host::simd::Float;
    use burn::tensor::{Int, Tensor};

    pub(in crate::engine) fn gather(rows: &AnyTensor, columns: &Tensor<1, Int>) -> Option<AnyTensor> {
        in_precision!(rows.dtype(), T => pick::<T>(rows, columns, false))
    }

    pub(in crate::engine) fn select(rows: &AnyTensor, places: &Tensor<1, Int>) -> Option<AnyTensor> {
        in_precision!(rows.dtype(), T => pick::<T>(rows, places, true))
    }

    /// Chooses one number of each row, or whole rows.
    fn pick<T: Float>(rows: &AnyTensor, places: &Tensor<1, Int>, is_row: bool) -> Option<AnyTensor> {
        let (count, shape, dtype) = (rows.count(), rows.shape(), rows.dtype());
        if count == 0 {
            return None;
        }
        let memory = Memory::new(rows)?;
        let mut scratch = Vec::new();
        let numbers = memory.numbers()?;
        let numbers = T::read(numbers, 0..count, &mut scratch);
        let width = if is_row { shape[1] } else { 1 };
        let places = places.clone().without_autodiff().into_data();
        let places: Vec<usize> = match is_row {
            true => places.iter::<i64>().map(|place| place as usize * width).collect(),
            false => places.iter::<i64>().enumerate().map(|(row, column)| row * shape[1] + column as usize).collect(),
        };
        let picked: Vec<T> = places.iter().flat_map(|place| &numbers[*place..place + width]).copied().collect();
        let device = rows.inner_device();
        let result: &[usize] = if is_row { &[places.len(), width] } else { &[places.len()] };
        let picked = tensor(picked, result, &device).cast(dtype);
        custom_backward(picked, core::slice::from_ref(rows), move |upstream| {
            let upstream: Vec<f64> = upstream.into_data().iter::<f64>().collect();
            let mut gradient = zeros::<T>(count);
            for (place, slopes) in places.into_iter().zip(upstream.chunks(width)) {
                for (sum, slope) in gradient[place..place + width].iter_mut().zip(slopes) {
                    *sum = T::from_f64(sum.to_f64() + slope);
                }
            }
            vec![Some(tensor(gradient, &shape, &device).cast(dtype))]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    /// One column is no whole row.
    #[test]
    fn the_entries_of_one_column() {
        let rows = Tensor::<2>::from_floats([[1.0], [2.0], [3.0]], &Device::flex());
        let columns = || Tensor::<1, Int>::from_ints([0, 0, 0], &Device::flex());
        let run = || gather(rows.clone(), columns()).into_data().iter::<f32>().collect::<Vec<_>>();
        assert_eq!(run(), [1.0, 2.0, 3.0]);
        assert_eq!(crate::with_tensor_operations(run), [1.0, 2.0, 3.0]);
        assert_eq!(select(rows.clone(), columns()).dims(), [3, 1]);
    }
}
