//! The devices that tests run on.

use crate::cpu;
use burn::tensor::{Device, FloatDType};

/// A device with a float type, and how far its numbers may be from the exact ones.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) device: Device,
    pub(crate) dtype: FloatDType,
    /// The error allowed, relative to the largest number of a tensor.
    pub(crate) tolerance: f64,
}

#[allow(deprecated)] // upstream's, not ours: burn-ndarray is part of what we support
fn ndarray() -> Device {
    Device::ndarray()
}

/// Flex and NdArray, in double and single precision.
pub(crate) fn cpu() -> Vec<Target> {
    let target = |name, device, dtype, tolerance| Target { name, device, dtype, tolerance };
    vec![
        target("flex f64", Device::flex(), FloatDType::F64, 1e-12),
        target("flex f32", Device::flex(), FloatDType::F32, 2e-6),
        target("ndarray f64", ndarray(), FloatDType::F64, 1e-12),
        target("ndarray f32", ndarray(), FloatDType::F32, 2e-6),
    ]
}

/// The GPU in single precision, if there is one that computes correctly.
///
/// # Panics
/// With `BURN_LOSSES_REQUIRE_GPU=1`, if there is none.
pub(crate) fn gpu() -> Option<Target> {
    match usable_gpu() {
        Ok(device) => Some(Target { name: "wgpu f32", device, dtype: FloatDType::F32, tolerance: 5e-6 }),
        Err(why) => {
            let advice = "`.ci/software-vulkan` installs a software driver";
            assert!(
                std::env::var("BURN_LOSSES_REQUIRE_GPU").as_deref() != Ok("1"),
                "BURN_LOSSES_REQUIRE_GPU=1, but {why}; {advice}"
            );
            eprintln!("\n*** SKIPPED ON THE GPU: {why}; {advice} ***\n");
            None
        }
    }
}

/// All devices: the CPU's, and the GPU if there is one.
pub(crate) fn all() -> Vec<Target> {
    cpu().into_iter().chain(gpu()).collect()
}

/// Every device that there is, with its name.
pub(crate) fn named() -> Vec<(&'static str, Device)> {
    let gpu = gpu().map(|target| ("wgpu", target.device));
    [("flex", Device::flex()), ("ndarray", ndarray())].into_iter().chain(gpu).collect()
}

/// What computes on a device: the name of the GPU or of the CPU.
pub(crate) fn processor(device: &Device) -> String {
    #[cfg(feature = "wgpu")]
    if let Some(identity) = device.identity() {
        return identity.name;
    }
    let _ = device;
    cpu::cpu().unwrap_or_else(|| std::env::consts::ARCH.into())
}

#[cfg(not(feature = "wgpu"))]
fn usable_gpu() -> Result<Device, String> {
    Err("the tests were built without the feature `wgpu`".into())
}

#[cfg(feature = "wgpu")]
fn usable_gpu() -> Result<Device, String> {
    use burn::tensor::{DeviceKind, Tensor};
    use std::sync::LazyLock;

    // Some drivers silently compute wrongly: their loops stop after 65535 rounds.
    static GPU: LazyLock<Result<Device, String>> = LazyLock::new(|| {
        let sum = std::panic::catch_unwind(|| {
            let device = Device::wgpu(DeviceKind::DefaultDevice);
            let sum: f32 = Tensor::<1>::ones([1 << 22], &device).sum().into_scalar();
            (device, sum)
        });
        match sum {
            Ok((device, sum)) if sum == (1 << 22) as f32 => Ok(device),
            Ok((device, sum)) => Err(format!("the driver of {device:?} sums 2^22 ones to {sum}: it is refused")),
            Err(_) => Err("there is no usable Vulkan, Metal or DirectX driver".into()),
        }
    });
    GPU.clone()
}
