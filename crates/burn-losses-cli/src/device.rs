//! The devices and the float types that `--device` and `--dtype` name.

use crate::error::Error;
use burn::tensor::{DType, Device, FloatDType, Tensor};
use clap::ValueEnum;

/// A device by name. All names exist in every build, so that a device that is not compiled in can say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DeviceName {
    /// The CPU, with Burn's NdArray backend
    Ndarray,
    /// The CPU, with Burn's Flex backend
    Flex,
    /// The GPU, with Burn's wgpu backend
    Wgpu,
}

/// A float type by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DtypeName {
    F64,
    F32,
    F16,
    Bf16,
}

impl DtypeName {
    fn dtype(self) -> FloatDType {
        match self {
            Self::F64 => FloatDType::F64,
            Self::F32 => FloatDType::F32,
            Self::F16 => FloatDType::F16,
            Self::Bf16 => FloatDType::BF16,
        }
    }
}

impl DeviceName {
    /// The device, and the type to compute in: the given type, or else f64. A GPU computes f64 slowly or not at all.
    pub(crate) fn open(self, dtype: Option<DtypeName>) -> Result<(Device, FloatDType), Error> {
        let device = self.device()?;
        let default = if self == Self::Wgpu { DtypeName::F32 } else { DtypeName::F64 };
        let dtype = dtype.unwrap_or(default);
        if computes(&device, dtype.dtype()) {
            return Ok((device, dtype.dtype()));
        }
        let all = DtypeName::value_variants().iter().filter(|dtype| computes(&device, dtype.dtype()));
        let allowed: Vec<_> = all.map(|dtype| format!("`{}`", name(*dtype))).collect();
        let (device, dtype, allowed) = (name(self), name(dtype), allowed.join(", "));
        Err(Error::Option(format!("device `{device}` has no `{dtype}`, allowed: {allowed}")))
    }

    fn device(self) -> Result<Device, Error> {
        match self {
            #[cfg(feature = "ndarray")]
            #[allow(deprecated)] // upstream's, not ours: burn-ndarray is part of what we support
            Self::Ndarray => Ok(Device::ndarray()),
            #[cfg(feature = "flex")]
            Self::Flex => Ok(Device::flex()),
            #[cfg(feature = "wgpu")]
            Self::Wgpu => {
                use burn::tensor::{DeviceKind, DeviceType};
                if Device::enumerate(DeviceType::Wgpu).iter().next().is_none() {
                    return Err(Error::Option("device `wgpu`: this machine has no graphics adapter".to_owned()));
                }
                Ok(Device::wgpu(DeviceKind::DefaultDevice))
            }
            #[allow(unreachable_patterns)] // unreachable if all devices are compiled in
            _ => {
                let name = name(self);
                Err(Error::Option(format!("device `{name}` is not compiled in: build with `--features {name}`")))
            }
        }
    }
}

/// Whether a device has a type and computes correctly in it: some GPU drivers have an f64 whose logarithm is wrong.
fn computes(device: &Device, dtype: FloatDType) -> bool {
    if !device.supports_dtype(dtype) {
        return false;
    }
    let one = Tensor::<1>::from_data([1.0], (device, DType::from(dtype)));
    let softplus: f64 = one.exp().log1p().into_scalar();
    (softplus - 1.313_26).abs() < 0.01
}

fn name<T: ValueEnum>(value: T) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
