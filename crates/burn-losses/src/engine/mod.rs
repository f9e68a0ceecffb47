//! The executors: the few shapes of computation in which all losses run, and the machines that run them.
//!
//! - [`pointwise`]: two numbers in, one value out;
//! - [`vectors`]: the few numbers of a prediction and of its target in, one value out;
//! - [`rows`]: a row of logits and its target in, one value out;
//! - [`regions`]: predicted regions and masks in, one value per sample and class out;
//! - [`pairs`]: a row and all rows that it is compared with in, one value out;
//! - [`lists`]: the scores of a list and the relevance of its items in, one value out;
//! - [`heads`]: a linear layer and then rows of its logits, some rows at a time.
//!
//! Each executor has its contract and its tensor operations in its module, and its kernel for the CPU in the module `host` below it;
//! lists run the formula of a pair as [`pointwise`] compiles it. A loss that is no formula is written with tensor operations and
//! [`primitives`]. A call goes through one door, [`machine`], which knows where a tensor lies.

// Without the CPU engine, which has all kernels, some fields of a call are never read.
#![cfg_attr(not(feature = "cpu-engine"), allow(dead_code))]

pub(crate) mod any_tensor;
pub(crate) mod classes;
#[cfg(feature = "cube")]
pub(crate) mod cube;
pub(crate) mod curved;
pub(crate) mod curved_rows;
pub(crate) mod custom_backward;
pub(crate) mod distributions;
pub(crate) mod ghm;
pub(crate) mod hard_examples;
pub(crate) mod heads;
#[cfg(feature = "cpu-engine")]
pub(crate) mod host;
pub(crate) mod lists;
pub(crate) mod machine;
pub(crate) mod outlined;
pub(crate) mod pairs;
pub(crate) mod pointwise;
pub(crate) mod primitives;
pub(crate) mod regions;
pub(crate) mod rows;
pub(crate) mod steps;
mod tracked_targets;
pub(crate) mod vectors;

use crate::reduction::ShapedExtras;
use any_tensor::AnyTensor;
use burn::module::RunningState;
use burn::tensor::{Bool, Device, Tensor, TensorData};
use core::cell::Cell;
use custom_backward::custom_backward;

/// Gives the buffers that the fused engine keeps for the next step back to the system: those of gradients on Flex, and those of
/// intermediate results. The engine does so by itself two seconds after the last step.
pub fn release_memory() {
    #[cfg(feature = "cpu-engine")]
    host::memory::release();
}

/// The bytes of the buffers that wait for the next step.
pub fn kept_memory() -> usize {
    #[cfg(feature = "cpu-engine")]
    return host::memory::waiting_bytes();
    #[cfg(not(feature = "cpu-engine"))]
    0
}

/// Sets how many bytes of buffers may wait for the next step, for each type of number. The default is 512 MiB. With 0, every step
/// takes new memory from the system, which costs about as much time as a light loss.
pub fn keep_memory(most_bytes: usize) {
    let _ = most_bytes;
    #[cfg(feature = "cpu-engine")]
    host::memory::set_limit(most_bytes);
}

/// About how many pairs, triplets or differences exist at one time, where all of them would take too much memory.
const TOGETHER: usize = 1 << 22;

/// A state that begins with `value` everywhere. Its numbers are data: a tensor that is filled lazily would be filled in the
/// kernel that first reads it. There Burn's fusion (0.22.1) has other rows read it before or after it is set again.
pub(crate) fn new_state<const D: usize>(shape: [usize; D], value: f32, device: &Device) -> RunningState<Tensor<D>> {
    let data = TensorData::new(vec![value; shape.iter().product()], shape);
    RunningState::new(Tensor::from_data(data, device))
}

/// The current value of a state, on this device, as a constant.
///
/// Clones of a module share their states, and in Burn (0.22.1) `to_device` and `fork` move shared states. So in training on
/// several devices, a state lies on the device that the last of them has put it on.
pub(crate) fn state_on<const D: usize>(state: &RunningState<Tensor<D>>, device: &Device) -> Tensor<D> {
    state.value_sync().detach().to_device(device)
}

/// Sets a state and submits the pending work of the device, so that no kernel joins this step's reading with the next one's.
///
/// Otherwise Burn keeps an update back until the next update or reading, and a record that is saved before has the old value.
pub(crate) fn set_state<const D: usize>(state: &RunningState<Tensor<D>>, value: Tensor<D>) {
    if is_held() {
        return;
    }
    state.update(value.detach());
    // An error of the device is reported when its results are read.
    let _ = state.value_sync().device().flush();
}

/// The same numbers, but without a gradient where the weight is 0, even if the number is NaN. A value depends on one number, or
/// on a row along axis 1; a weight belongs to a value or to a sample.
pub(crate) fn without_weightless<const D: usize, const V: usize>(
    numbers: Tensor<D>,
    extras: &ShapedExtras<V>,
) -> Tensor<D> {
    let shape = numbers.dims();
    let weights = extras.weights.as_ref().filter(|_| numbers.is_tracked() && !shape.contains(&0));
    let Some(weights) = weights else { return numbers };
    let count = weights.shape().num_elements();
    let per_row: [usize; D] = core::array::from_fn(|axis| if axis == 1 { 1 } else { shape[axis] });
    let per_sample = core::array::from_fn(|axis| if axis == 0 { shape[0] } else { 1 });
    let per_value: [usize; D] = if V == D { shape } else { per_row };
    let per_number = if per_value.iter().product::<usize>() == count { per_value } else { per_sample };
    without_gradient(numbers, weights.clone().without_autodiff().equal_scalar(0.0).reshape(per_number).expand(shape))
}

/// The same numbers, but without a gradient where `dropped` is true, whatever the gradient would be there.
pub(crate) fn without_gradient<const D: usize>(numbers: Tensor<D>, dropped: Tensor<D, Bool>) -> Tensor<D> {
    let (tracked, dropped) = (AnyTensor::from(&numbers), dropped.without_autodiff());
    let stopped = move |upstream: AnyTensor| vec![Some(upstream.into_rank::<D>().mask_fill(dropped, 0.0).into())];
    let attached = custom_backward(tracked.clone().without_autodiff(), &[tracked], stopped);
    attached.map_or(numbers, AnyTensor::into_rank)
}

/// The same rows, but with 0 in place of a row that is not finite where its weight is 0, for rows whose numbers no other value
/// depends on: in the gradient of what all rows share, such as the weight of a head, 0 times a NaN would reach everything.
pub(crate) fn clean_weightless(rows: Tensor<2>, weightless: Option<&Tensor<1, Bool>>) -> Tensor<2> {
    let shape = rows.dims();
    let Some(weightless) = weightless.filter(|_| !shape.contains(&0)) else { return rows };
    let not_finite = rows.clone().detach().is_finite().bool_not().any_dim(1);
    let dropped = weightless.clone().unsqueeze_dim::<2>(1).bool_and(not_finite);
    rows.mask_fill(dropped.expand(shape), 0.0)
}

/// No numbers in this shape, in which a size is 0, in the graph of `input`. (In Burn, a size of 0 in `reshape` stands for the size
/// that the tensor has on that axis.)
pub(crate) fn nothing<const D: usize, const V: usize>(shape: [usize; V], input: Tensor<D>) -> Tensor<V> {
    let zeros = Tensor::<V>::zeros(shape, (&input.device().without_autodiff(), input.dtype()));
    with_zero_gradient(AnyTensor::from(&input).lift(zeros.into()).into_rank::<V>(), input)
}

thread_local! {
    static HELD: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread runs losses without setting states: see [`held`].
pub(crate) fn is_held() -> bool {
    HELD.get()
}

/// Runs losses as in training, but sets no state: a gradient that is computed only to be inspected is no training step.
pub(crate) fn held<T>(run: impl FnOnce() -> T) -> T {
    struct Release(bool);
    impl Drop for Release {
        fn drop(&mut self) {
            HELD.set(self.0);
        }
    }
    let _release = Release(HELD.replace(true));
    run()
}

/// Keeps `values` that do not depend on `input` (those of an evaluation-only loss) in the graph of `input`: the gradient is 0,
/// and `backward` works.
pub(crate) fn with_zero_gradient<const D: usize, const V: usize>(values: Tensor<V>, input: Tensor<D>) -> Tensor<V> {
    if !input.is_tracked() || values.is_tracked() {
        return values;
    }
    let (shape, device, dtype) = (input.dims(), AnyTensor::from(&input).inner_device(), input.dtype());
    let zeros = move |_| vec![Some(Tensor::<D>::zeros(shape, (&device, dtype)).into())];
    if let Some(values) = custom_backward(AnyTensor::from(values.clone()).without_autodiff(), &[(&input).into()], zeros)
    {
        return values.into_rank();
    }
    let everywhere = input.zeros_like().equal_scalar(0.0);
    let zeros = input.mask_fill(everywhere, 0.0);
    let shape = values.dims();
    if D == V { values + zeros.reshape(shape) } else { values + zeros.sum().reshape([1; V]) }
}
