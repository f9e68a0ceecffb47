//! The door: the one place that decides which machine computes on a tensor.
//!
//! A machine takes the tensors whose numbers lie where it computes. A tensor that no machine takes, or a call that has no kernel,
//! runs as tensor operations: with the same results, but more slowly. The path that was taken is counted: see [`watched`].

use super::any_tensor::AnyTensor;
use super::primitives::{lattice, neighbors, sort, windows};
use super::{heads, lists, pairs, pointwise, regions, rows};
use burn::tensor::{Int, Tensor};
use std::cell::{Cell, RefCell};
use std::sync::OnceLock;

/// Implements all kernels, one for each executor and primitive, on the CPU (`host`) or on a machine that has none of them (`none`).
/// The list has the name, the arguments, the result, and the function on the CPU, whose path is read in `host`.
macro_rules! kernels {
    ($machine:ident) => {
        kernels! { @$machine
            pointwise(call: &pointwise::Call<'_>) -> AnyTensor = pointwise::host::run;
            vectors(call: &super::vectors::Call<'_>) -> AnyTensor = super::vectors::host::run;
            rows(call: &rows::Call<'_>) -> rows::Outcome = rows::host::run;
            regions(call: &regions::Call<'_>) -> regions::Outcome = regions::host::run;
            lists(call: &lists::pairs::Call<'_>) -> AnyTensor = lists::host::run;
            pairs(call: &pairs::Call<'_>) -> pairs::Outcome = pairs::host::run;
            heads(call: &heads::Call<'_>) -> AnyTensor = heads::host::run;

            argmax(rows: &AnyTensor) -> Tensor<1, Int> = order_statistics::host::argmax;
            centers_moved(centers: &AnyTensor, rows: &AnyTensor, labels: &Tensor<1, Int>, rate: f64) -> AnyTensor
                = centers::host::moved;
            columns(both: &[AnyTensor; 2]) -> AnyTensor = columns::host::columns;
            gather(rows: &AnyTensor, columns: &Tensor<1, Int>) -> AnyTensor = gather::host::gather;
            gathered_matmul(parents: &[AnyTensor; 2], own: &Tensor<2, Int>, shared: Option<&Tensor<1, Int>>) -> AnyTensor
                = gathered_matmul::host::run;
            half_squared_distances(parents: &[AnyTensor; 2], labels: &Tensor<1, Int>) -> AnyTensor
                = centers::host::half_squared_distances;
            halve(numbers: &AnyTensor) -> AnyTensor = halve::host::halve;
            histogram(numbers: &AnyTensor, bins: usize) -> AnyTensor = histogram::host::histogram;
            l2_normalize(rows: &AnyTensor) -> AnyTensor = l2_normalize::host::run;
            largest(scores: &AnyTensor, k: usize) -> AnyTensor = order_statistics::host::largest;
            lattice(call: &lattice::Call<'_>) -> AnyTensor = lattice::host::lattice;
            log_softmax(rows: &AnyTensor) -> AnyTensor = softmax::host::log_softmax;
            lookup(numbers: &AnyTensor, entries: &AnyTensor) -> AnyTensor = histogram::host::lookup;
            median(values: &AnyTensor) -> AnyTensor = order_statistics::host::median;
            neighbors(call: &neighbors::Call<'_>) -> AnyTensor = neighbors::host::run;
            of_ranks(call: &sort::Call<'_>) -> AnyTensor = sort::host::of_ranks;
            p_norm(rows: &AnyTensor, p: f64) -> AnyTensor = p_norm::host::p_norm;
            proxy_anchor(parents: &[AnyTensor; 2], labels: &Tensor<1, Int>, scales: [f64; 2]) -> AnyTensor
                = proxies::host::run;
            ranks(keys: &AnyTensor, valid: &AnyTensor) -> AnyTensor = lists::host::ranks;
            select(rows: &AnyTensor, places: &Tensor<1, Int>) -> AnyTensor = gather::host::select;
            squares(rows: &AnyTensor) -> AnyTensor = pairs::host::squares;
            windows(call: &windows::Call<'_>) -> AnyTensor = windows::host::run;
        }
    };
    (@$machine:ident $($name:ident($($argument:ident: $type:ty),+) -> $result:ty = $host:path;)+) => {$(
        fn $name(&self, $($argument: $type),+) -> Option<$result> {
            kernels!(@$machine ($($argument),+) $host)
        }
    )+};
    (@none $arguments:tt $host:path) => { None };
    (@host $arguments:tt $host:path) => { $host $arguments };
}
#[cfg(feature = "cpu-engine")]
pub(super) use kernels;

/// A machine and its kernels. A result is in the graph of the inputs; `None` means that there is no kernel for the call.
#[allow(unused_variables)] // the defaults, for kernels that a machine does not have, ignore their arguments
pub(crate) trait Machine: Sync {
    /// Whether the numbers of a tensor lie where this machine computes.
    fn takes(&self, tensor: &AnyTensor) -> bool;

    /// Whether reading the numbers of the machine's tensors back makes no step wait.
    fn reads_for_free(&self) -> bool;

    kernels!(none);
}

/// All machines that this crate was built with.
static MACHINES: &[&dyn Machine] = &[
    #[cfg(feature = "cpu-engine")]
    &super::host::Host,
    #[cfg(feature = "cube")]
    &super::cube::Cube,
];

/// The machine that has the numbers of a tensor.
fn machine_of(tensor: &AnyTensor) -> Option<&'static dyn Machine> {
    MACHINES.iter().copied().find(|machine| machine.takes(tensor))
}

/// Whether reading numbers of this tensor back makes no step wait.
pub(crate) fn reads_for_free(tensor: impl Into<AnyTensor>) -> bool {
    machine_of(&tensor.into()).is_some_and(|machine| machine.reads_for_free())
}

/// Whether kernels may run on this tensor.
#[cfg(feature = "cube")]
pub(crate) fn is_any(tensor: impl Into<AnyTensor>) -> bool {
    !is_off() && machine_of(&tensor.into()).is_some()
}

/// Whether kernels may run on this tensor and its numbers may be read back without a wait; false if tensor operations were asked
/// for.
pub(crate) fn has_kernels(tensor: impl Into<AnyTensor>) -> bool {
    !is_off() && reads_for_free(tensor)
}

/// The result of a call on the machine of `tensor`; `None` if it has no kernel for the call. `executor` is the name that
/// [`watched`] reports.
pub(crate) fn run<T>(
    executor: &'static str,
    tensor: &AnyTensor,
    call: impl FnOnce(&dyn Machine) -> Option<T>,
) -> Option<T> {
    let result = machine_of(tensor).filter(|_| !is_off()).and_then(call);
    PATHS.with_borrow_mut(|paths| {
        if let Some(paths) = paths {
            let path = if result.is_some() { &mut paths.fused } else { &mut paths.tensor };
            path.push(executor);
            if result.is_none() && paths.advice.is_none() {
                paths.advice = advice(&format!("{:?}", tensor.inner_device()), &BUILT);
            }
        }
    });
    result
}

/// Which paths computations took while they were watched: the names of executors and primitives, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paths {
    /// The names of those that ran as kernels.
    pub fused: Vec<&'static str>,
    /// The names of those that had no kernel and ran as tensor operations.
    pub tensor: Vec<&'static str>,
    /// How to get kernels, if this crate was built without those of Burn's backend.
    pub advice: Option<String>,
}

/// Each CPU backend as Burn prints it, the feature of this crate that adds its kernels, and whether that feature is on.
const BUILT: [(&str, &str, bool); 2] =
    [("Flex", "flex", cfg!(feature = "flex")), ("NdArray", "ndarray", cfg!(feature = "ndarray"))];

/// The feature to turn on for tensors of a device that Burn prints like this: without that feature, only the printed name tells
/// the backend.
fn advice(device: &str, built: &[(&str, &str, bool)]) -> Option<String> {
    let is_missing = |(backend, _, is_on): &&(&str, &str, bool)| !is_on && device.contains(&format!("<{backend}("));
    let (backend, feature, _) = built.iter().find(is_missing)?;
    Some(format!(
        "burn-losses was built without its feature `{feature}`: with it, losses on {backend} run in the fused engine, many times as fast"
    ))
}

thread_local! {
    static PATHS: RefCell<Option<Paths>> = const { RefCell::new(None) };
    static OFF: Cell<bool> = const { Cell::new(false) };
}

/// Runs `run`, and returns which of its computations on this thread ran as kernels of the fused engine and which as tensor
/// operations.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{prelude::*, regression::HuberLossConfig};
///
/// let device = Device::flex();
/// let loss = HuberLossConfig::new().init(&device);
/// let zeros = || Tensor::<1>::zeros([3], &device);
/// let (_, paths) = burn_losses::watched(|| loss.forward(zeros(), zeros()));
/// assert_eq!(paths.fused, ["pointwise"]);
/// assert!(paths.tensor.is_empty());
/// ```
pub fn watched<T>(run: impl FnOnce() -> T) -> (T, Paths) {
    struct Restore(Option<Paths>);
    impl Drop for Restore {
        fn drop(&mut self) {
            PATHS.set(self.0.take());
        }
    }
    let _restore = Restore(PATHS.replace(Some(Paths::default())));
    let result = run();
    (result, PATHS.take().unwrap_or_default())
}

/// Runs `run` with tensor operations alone: without the fused engine, which computes value and gradient of most losses in one
/// pass over memory. It is meant for debugging and comparisons.
///
/// This setting is per thread. The environment variable `BURN_LOSSES_ENGINE=tensor` does the same for a whole process.
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
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            OFF.set(self.0);
        }
    }
    let _restore = Restore(OFF.replace(true));
    run()
}

/// The environment variable that turns the fused engine off.
const SWITCH: &str = "BURN_LOSSES_ENGINE";

/// Whether tensor operations were asked for.
fn is_off() -> bool {
    static EVERYWHERE: OnceLock<bool> = OnceLock::new();
    OFF.get()
        || *EVERYWHERE.get_or_init(|| match std::env::var(SWITCH).as_deref() {
            Err(_) | Ok("fused") => false,
            Ok("tensor") => true,
            Ok(other) => panic!("{SWITCH} is `{other}`; allowed are `fused` (the default) and `tensor`"),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    /// After a panic, which Burn answers a lost device with, nothing is watched any longer.
    #[test]
    fn a_panic_ends_the_watching() {
        let failed = std::panic::catch_unwind(|| watched::<()>(|| panic!("a device is lost")));
        assert!(failed.is_err() && PATHS.take().is_none());
    }

    #[test]
    #[allow(deprecated)] // Burn deprecates burn-ndarray, which we still support
    fn a_backend_without_its_kernels_is_told_how_to_have_them() {
        let device = format!("{:?}", Device::flex());
        let said = advice(&device, &[("Flex", "flex", false), ("NdArray", "ndarray", true)]).expect("advice");
        assert!(said.contains("without its feature `flex`"), "{said}");
        assert_eq!(advice(&device, &[("Flex", "flex", true), ("NdArray", "ndarray", false)]), None);
        let device = format!("{:?}", Device::ndarray());
        let said = advice(&device, &[("Flex", "flex", true), ("NdArray", "ndarray", false)]).expect("advice");
        assert!(said.contains("without its feature `ndarray`"), "{said}");
    }
}
