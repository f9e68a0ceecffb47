//! Lengths of rows.

use crate::engine::any_tensor::AnyTensor;
use crate::engine::machine;
use crate::formula::Real;
use burn::tensor::Tensor;

/// The p-norm of each row, with p >= 1: `[N]`. At 0 the gradient is 0.
pub(crate) fn p_norm(rows: Tensor<2>, p: f64) -> Tensor<1> {
    let any = AnyTensor::from(&rows);
    if machine::reads_for_free(any.clone())
        && let Some(lengths) = machine::run("p_norm", &any, |machine| machine.p_norm(&any, p))
    {
        return lengths.into_rank();
    }
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

#[cfg(feature = "cpu-engine")]
pub(in crate::engine) mod host {
    use crate::engine::any_tensor::AnyTensor;
    use crate::engine::host::blocks::par_blocks;
    use crate::engine::host::memory::{Memory, in_precision, stale, tensor, with_slopes};
    use crate::engine::host::simd::{Float, vectorized};
    use crate::engine::host::vectors::LEAST_ROWS;

    /// The p-norm of each row, in the graph of the rows.
    pub(in crate::engine) fn p_norm(rows: &AnyTensor, p: f64) -> Option<AnyTensor> {
        in_precision!(rows.dtype(), T => p_norm_in::<T>(rows, p))
    }

    fn p_norm_in<T: Float>(rows: &AnyTensor, p: f64) -> Option<AnyTensor> {
        let (shape, is_tracked) = (rows.shape(), rows.is_tracked());
        let (count, size) = (shape[0], shape[1]);
        if count * size == 0 {
            return None;
        }
        let memory = Memory::new(rows)?;
        let numbers = memory.numbers_of::<T>()?;
        let (mut lengths, mut slopes) =
            (vec![T::default(); count], stale::<T>(if is_tracked { count * size } else { 0 }));
        let outputs = [Some(&mut lengths[..]), is_tracked.then_some(&mut slopes[..])];
        par_blocks(count, LEAST_ROWS, outputs, [1, size], &|block, [lengths, mut slopes]| {
            for (i, to) in lengths.expect("an output").iter_mut().enumerate() {
                let row = &numbers[(block * LEAST_ROWS + i) * size..][..size];
                let mut slopes = slopes.as_mut().map(|slopes| &mut slopes[i * size..][..size]);
                vectorized(
                    #[inline(always)]
                    || *to = T::from_f64(of_row(row, p, slopes.as_deref_mut())),
                );
            }
            0.0
        });
        with_slopes(rows, tensor(lengths, &[count], &rows.inner_device()), slopes, false)
    }

    /// The length of a row, and its derivative by each number.
    #[inline(always)]
    fn of_row<T: Float>(row: &[T], p: f64, slopes: Option<&mut [T]>) -> f64 {
        let sizes = || row.iter().map(|number| number.to_f64().abs());
        // A NaN stays one.
        let largest = sizes().fold(0.0, |most, size| if size <= most || most.is_nan() { most } else { size });
        let length = if largest == 0.0 || !largest.is_finite() {
            largest
        } else {
            let shares = sizes().map(|size| size / largest);
            let powers: f64 = if p == 2.0 {
                shares.map(|share| share * share).sum()
            } else {
                shares.map(|share| share.powf(p)).sum()
            };
            largest * if p == 2.0 { powers.sqrt() } else { powers.powf(1.0 / p) }
        };
        for (slope, number) in slopes.into_iter().flatten().zip(row) {
            let number = number.to_f64();
            *slope = T::from_f64(match p {
                _ if number == 0.0 => 0.0,
                2.0 => number / length,
                _ => number.signum() * (number.abs() / length).powf(p - 1.0),
            });
        }
        length
    }
}
