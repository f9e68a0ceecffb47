//! The figures of a run on a GPU, in the format of the file. `cargo xtask` compiles this file too, and makes the table.

use super::results::{OfTorch, Versions};
use serde::{Deserialize, Serialize};

/// A run on one GPU.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct GpuResults {
    pub(crate) gpu: Gpu,
    /// Whether Burn joins tensor operations.
    pub(crate) fusion: bool,
    /// The date of the start in UTC: `2026-01-31`.
    pub(crate) date: String,
    pub(crate) versions: Versions,
    pub(crate) losses: Vec<OnGpu>,
}

/// The device that the figures were measured on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Gpu {
    /// Burn's backend: `wgpu`.
    pub(crate) backend: String,
    /// The name that the driver reports.
    pub(crate) name: String,
    /// What kernels are compiled for, as the backend names it.
    pub(crate) target: String,
    /// The version of the driver, if the system reports it.
    pub(crate) driver: Option<String>,
}

/// The figures of one loss, in milliseconds: medians of forward and backward pass unless stated otherwise.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OnGpu {
    /// `family/kind`.
    pub(crate) name: String,
    pub(crate) size: Vec<usize>,
    /// How many classes the loss has parameters for.
    pub(crate) classes: Option<usize>,
    /// The time with kernels, where the loss has some.
    pub(crate) fused: f64,
    /// The time of the forward pass alone, with kernels.
    pub(crate) forward: f64,
    pub(crate) tensor: f64,
    /// The time of a copy on the device that moves as many bytes as reading the inputs and writing the gradients.
    pub(crate) copy: f64,
    pub(crate) torch: Option<OfTorch>,
}
