//! Devices to run on, and whether they can be trusted.

use std::panic::{AssertUnwindSafe, catch_unwind};

use burn::tensor::{Device, Tensor};

/// A device and what to call it.
#[derive(Debug, Clone)]
pub struct Target {
    /// A short name, which is also that of the report's folder.
    pub name: &'static str,
    /// The name, with that of the hardware if it is known.
    pub description: String,
    /// The device.
    pub device: Device,
}

impl Target {
    /// A device whose name is also its description.
    pub fn new(name: &'static str, device: Device) -> Self {
        Self { name, description: name.to_string(), device }
    }

    /// Adds the name of the hardware.
    pub fn described(mut self, hardware: &str) -> Self {
        self.description = format!("{} ({hardware})", self.name);
        self
    }
}

/// Why a device cannot be used.
#[derive(Debug, PartialEq)]
pub enum Unusable {
    /// The device does not start at all.
    Absent(String),
    /// The device computes, but wrongly: this is its sum of [`ONES`] ones.
    Wrong(f64),
}

/// How many ones a device has to add up correctly before it is trusted.
pub const ONES: usize = 1 << 22;

/// Lets the device add up [`ONES`] ones.
///
/// Some software drivers stop a shader's loop after 65,535 rounds without an error: small sums are right, but large ones
/// are not, and a training on such a driver goes wrong silently.
pub fn check(device: &Device) -> Result<(), Unusable> {
    let sum =
        quietly(|| Tensor::<1>::ones([ONES], device).sum().try_into_scalar::<f32>().map_err(|error| error.to_string()));
    match sum {
        Ok(Ok(sum)) if sum == ONES as f32 => Ok(()),
        Ok(Ok(sum)) => Err(Unusable::Wrong(sum.into())),
        Ok(Err(message)) | Err(message) => Err(Unusable::Absent(message)),
    }
}

/// Runs work that may panic, and returns the panic's message instead of printing it.
pub fn quietly<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let result = catch_unwind(AssertUnwindSafe(work));
    std::panic::set_hook(hook);
    result.map_err(|payload| {
        let text = payload.downcast_ref::<String>().cloned();
        let text = text.or_else(|| payload.downcast_ref::<&str>().map(|s| s.to_string()));
        text.unwrap_or_else(|| "unknown reason".to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_passes() {
        assert_eq!(check(&Device::flex()), Ok(()));
    }

    #[test]
    fn a_panic_becomes_a_message() {
        assert_eq!(quietly(|| panic!("no adapter")), Err::<(), _>("no adapter".to_string()));
    }
}
