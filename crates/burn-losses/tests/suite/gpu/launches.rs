//! What a training step of each loss launches, compiles and allocates: `cargo xtask launches`.

use super::counts::{Counted, Counts};
use crate::devices::{self, Target};
use crate::probe::{batch, default_of};
use burn_cubecl::cubecl::launched::LaunchedKernels;
use burn_cubecl::cubecl::logging::{LaunchObservation, LaunchObserver};
use burn_losses::signature::{Arguments, Role, Wanted};
use burn_losses::{LossInfo, registry};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::{env, fs, mem};

/// How often each kernel is launched, by its name.
#[derive(Default)]
struct Observer(Mutex<BTreeMap<String, usize>>);

impl LaunchObserver for Observer {
    fn launched(&self, kernel: &'static str) {
        // Without the types, which a kernel has as parameters.
        let name = kernel.split('<').next().unwrap_or(kernel);
        *self.0.lock().expect("counts").entry(name.to_owned()).or_default() += 1;
    }
}

/// Counts a step of the default config of a loss.
fn count(info: &LossInfo, target: &Target, rows: usize) -> Counted {
    let device = target.device.clone().autodiff();
    let loss = default_of(info).init(&device);
    let inputs = batch(&loss, rows, 3.0, &[], 2);
    let signature = loss.signature(&inputs);
    let trained = [Role::Prediction, Role::Parameter];
    let sync = || device.sync().expect("a device that works");
    let bytes = || {
        sync();
        device.memory_pool_usage().map_or(0, |usage| usage.bytes_in_use)
    };
    // The call copies its inputs to the device, which launches nothing.
    let step = |observer: Arc<Observer>| {
        let arguments = Arguments::new(info.kind, &signature, &inputs, &device, target.dtype, &trained);
        let mut arguments = arguments.expect("arguments of the loss");
        let before = bytes();
        let observation = LaunchObservation::new(observer);
        let value = loss.as_family().call(&mut arguments, Wanted::Loss).expect("a value").numbers;
        let forward = bytes();
        let gradients = value.is_tracked().then(|| value.backward());
        let backward = bytes();
        drop(observation);
        drop(gradients);
        forward.max(backward).saturating_sub(before)
    };
    let kernels = LaunchedKernels::new();
    step(Arc::default());
    let compiled = kernels.finish().len();
    let observer = Arc::new(Observer::default());
    let bytes = step(observer.clone());
    let launches = mem::take(&mut *observer.0.lock().expect("counts"));
    Counted { name: format!("{}/{}", info.family, info.kind), launches, compiled, bytes }
}

/// Counts the losses whose names contain a part of `BURN_LOSSES_LAUNCHES_LOSSES`, and writes the file that `BURN_LOSSES_LAUNCHES`
/// names, as `cargo xtask launches` runs it. No other test may run at the same time, since all launches of the process are counted.
#[test]
fn of_every_loss() {
    let Ok(file) = env::var("BURN_LOSSES_LAUNCHES") else { return };
    let Some(gpu) = devices::gpu() else { return };
    let parts = env::var("BURN_LOSSES_LAUNCHES_LOSSES").unwrap_or_default();
    let rows = env::var("BURN_LOSSES_LAUNCHES_ROWS").map_or(64, |rows| rows.parse().expect("a number of rows"));
    let is_chosen = |info: &LossInfo| {
        let name = format!("{}/{}", info.family, info.kind);
        parts.split(',').any(|part| name.contains(part))
    };
    let losses = registry().into_iter().filter(is_chosen).map(|info| count(&info, &gpu, rows)).collect();
    let counts = Counts { device: devices::processor(&gpu.device), losses };
    fs::write(&file, serde_json::to_string_pretty(&counts).expect("numbers")).expect("the file is written");
}
