//! L2 normalization.

use crate::engine::any_tensor::AnyTensor;
use crate::engine::machine;
use crate::formula::Real;
use burn::tensor::Tensor;

/// A vector shorter than this has no direction: it is not scaled, and its cosines are 0.
pub(crate) const NO_LENGTH: f64 = 1e-12;

/// The rows scaled to length 1; a row shorter than [`NO_LENGTH`] stays as it is.
pub(crate) fn l2_normalize(embeddings: Tensor<2>) -> Tensor<2> {
    let rows = AnyTensor::from(&embeddings);
    if let Some(unit) = machine::run("l2_normalize", &rows, |machine| machine.l2_normalize(&rows)) {
        return unit.into_rank();
    }
    let shape = embeddings.dims();
    // Large numbers are divided by the largest one first, so that no square is infinite.
    let largest = embeddings.clone().detach().abs().max_dim(1);
    let scale = largest.clone().mask_fill(largest.lower_equal_scalar(1e15), 1.0);
    let scaled = embeddings / scale.clone().expand(shape);
    let length = Real::safe_sqrt((scaled.clone() * scaled.clone()).sum_dim(1));
    let none = (length.clone().detach() * scale).lower_scalar(NO_LENGTH);
    scaled / length.mask_fill(none, 1.0).expand(shape)
}

#[cfg(feature = "cpu-engine")]
pub(in crate::engine) mod host {
    use crate::engine::any_tensor::AnyTensor;
    use crate::engine::custom_backward::custom_backward;
    use crate::engine::host::memory::{Memory, in_precision, tensor};
    use crate::engine::host::simd::Float;
    use crate::engine::host::vectors::{l2_normalize, l2_normalize_backward};

    pub(in crate::engine) fn run(rows: &AnyTensor) -> Option<AnyTensor> {
        if rows.count() == 0 {
            return None;
        }
        in_precision!(rows.dtype(), T => run_in::<T>(rows))
    }

    fn run_in<T: Float>(rows: &AnyTensor) -> Option<AnyTensor> {
        let (shape, dtype, device) = (rows.shape(), rows.dtype(), rows.inner_device());
        let (count, size) = (shape[0], shape[1]);
        let memory = Memory::new(rows)?;
        let mut scratch = Vec::new();
        let numbers = T::read(memory.numbers()?, 0..count * size, &mut scratch);
        let (units, lengths) = l2_normalize(numbers, [count, size], size);
        let units = tensor(units, &shape, &device);
        let known = units.clone();
        custom_backward(units, core::slice::from_ref(rows), move |upstream| {
            let (units, upstream) =
                (Memory::new(&known).expect("in memory"), Memory::new(&upstream).expect("in memory"));
            let mut gradient = upstream.numbers_of::<T>().expect("of the type of the value").to_vec();
            l2_normalize_backward(&mut gradient, units.numbers_of().expect("of this type"), &lengths, size);
            vec![Some(tensor(gradient, &shape, &device).cast(dtype))]
        })
    }
}
