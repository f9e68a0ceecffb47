//! The executors: the few shapes of computation in which all losses run.

pub(crate) mod anchors;
pub(crate) mod backward;
pub(crate) mod boxes;
pub(crate) mod centers;
pub(crate) mod chunks;
pub(crate) mod classes;
#[cfg(feature = "cpu-engine")]
pub(crate) mod cpu;
pub(crate) mod distributions;
pub(crate) mod ghm;
pub(crate) mod hardest;
pub(crate) mod heads;
pub(crate) mod overlap;
pub(crate) mod pairwise;
pub(crate) mod pointwise;
pub(crate) mod proxies;
pub(crate) mod rank;
pub(crate) mod rows;
pub(crate) mod soft;
pub(crate) mod sort;

use burn::module::RunningState;
use burn::tensor::{Device, Tensor, TensorData};

/// Runs `run` with tensor operations alone: without the fused engine, which computes value and gradient of most losses in one pass
/// where a tensor lies in the memory of the CPU. For debugging, and to compare.
///
/// It concerns this thread. The environment variable `BURN_LOSSES_ENGINE=tensor` does the same for a whole process.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, regression::HuberLossConfig};
///
/// let device = Device::flex();
/// let loss = HuberLossConfig::new().init(&device);
/// let of = |_| Tensor::<1>::from_floats([0.5, 3.0], &device);
/// let fused = loss.forward(of(0), of(0) * 2.0);
/// let plain = burn_losses::with_tensor_operations(|| loss.forward(of(0), of(0) * 2.0));
/// assert_eq!(fused.into_data(), plain.into_data());
/// ```
pub fn with_tensor_operations<T>(run: impl FnOnce() -> T) -> T {
    #[cfg(feature = "cpu-engine")]
    return cpu::without(run);
    #[cfg(not(feature = "cpu-engine"))]
    run()
}

/// Gives memory back to the system that the fused engine keeps for the next step: of gradients on Flex, and of what is computed on the
/// way; at most 512 MiB of each type of number.
pub fn release_memory() {
    #[cfg(feature = "cpu-engine")]
    cpu::memory::release();
}

/// Whether the fused engine may run on this tensor: its numbers can be read without waiting for a device.
pub(crate) fn is_fused<const D: usize>(tensor: &Tensor<D>) -> bool {
    let _ = tensor;
    #[cfg(feature = "cpu-engine")]
    return cpu::applies(tensor);
    #[cfg(not(feature = "cpu-engine"))]
    false
}

/// A state that begins with these numbers, which are data: a tensor that is yet to be filled would be filled in the kernel that first
/// reads it, where Burn's fusion (0.22.1) has other rows read it before or after it is set anew.
pub(crate) fn new_state<const D: usize>(shape: [usize; D], value: f32, device: &Device) -> RunningState<Tensor<D>> {
    let data = TensorData::new(vec![value; shape.iter().product()], shape);
    RunningState::new(Tensor::from_data(data, device))
}

/// A state as it is now, on this device, as a constant.
///
/// Clones of a module share their states, and in Burn (0.22.1) `to_device` and `fork` move what is shared: in training on several
/// devices it lies wherever the last of them has put it.
pub(crate) fn state_on<const D: usize>(state: &RunningState<Tensor<D>>, device: &Device) -> Tensor<D> {
    state.value_sync().detach().to_device(device)
}

/// Sets a state, and hands on what has been asked of the device so far, so that no kernel joins this step's reading with the next one's.
///
/// Burn keeps an update back until the next one or the next reading, and a record that is saved before has the value before it.
pub(crate) fn set_state<const D: usize>(state: &RunningState<Tensor<D>>, value: Tensor<D>) {
    state.update(value.detach());
    // A device that cannot go on says so when its results are read.
    let _ = state.value_sync().device().flush();
}

/// Keeps `values` in the graph of `input` where they do not depend on it (an evaluation-only loss): its gradient is 0, and
/// `backward` works.
pub(crate) fn keep_graph<const D: usize, const V: usize>(values: Tensor<V>, input: Tensor<D>) -> Tensor<V> {
    if !input.is_tracked() || values.is_tracked() {
        return values;
    }
    #[cfg(feature = "cpu-engine")]
    if let Some(values) = cpu::host::without_gradient(&values, &input) {
        return values;
    }
    let everywhere = input.zeros_like().equal_scalar(0.0);
    let zeros = input.mask_fill(everywhere, 0.0);
    let shape = values.dims();
    if D == V { values + zeros.reshape(shape) } else { values + zeros.sum().reshape([1; V]) }
}
