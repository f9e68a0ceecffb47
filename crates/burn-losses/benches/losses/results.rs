//! The figures of a run, in the format of the file. `cargo xtask` compiles this file too, and makes the tables.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A run on one machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) machine: Machine,
    /// The date of the start in UTC: `2026-01-31`.
    pub(crate) date: String,
    pub(crate) versions: Versions,
    pub(crate) losses: Vec<Measured>,
}

/// The machine that the figures were measured on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// The model name, as the system reports it.
    pub(crate) cpu: String,
    pub(crate) threads: usize,
}

/// The versions of the software that was measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Versions {
    pub(crate) burn: String,
    /// `None` if PyTorch was left out.
    pub(crate) torch: Option<String>,
}

/// Times in milliseconds, of forward and backward pass unless stated otherwise.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Times {
    /// The times of the fused engine, by the name of the device.
    pub(crate) fused: BTreeMap<String, f64>,
    pub(crate) tensor: BTreeMap<String, f64>,
    /// The time of the forward pass alone, fused, on Flex.
    pub(crate) forward: f64,
}

/// Times of a forward and a backward pass with PyTorch, in milliseconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OfTorch {
    pub(crate) eager_ms: Option<f64>,
    pub(crate) compiled_ms: Option<f64>,
    pub(crate) eager_peak_bytes: Option<f64>,
}

/// The figures of one loss.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// `family/kind`.
    pub(crate) name: String,
    pub(crate) size: Vec<usize>,
    /// How many classes the loss has parameters for.
    pub(crate) classes: Option<usize>,
    pub(crate) times: Times,
    /// The time of a copy into new memory, and into memory that was written before.
    pub(crate) copy: f64,
    pub(crate) copy_reused: f64,
    pub(crate) torch: Option<OfTorch>,
    /// Memory peaks on Flex beyond the inputs, in bytes: fused, and with tensor operations.
    pub(crate) peaks: [Option<usize>; 2],
}

impl Measured {
    /// The time of the fused engine on Flex, in milliseconds.
    pub(crate) fn flex(&self) -> f64 {
        self.times.fused["flex"]
    }

    /// Times relative to the fused engine on Flex: tensor operations on Flex; on NdArray, relative to its own fused time;
    /// PyTorch, as it is and compiled.
    pub(crate) fn ratios(&self) -> [Option<f64>; 4] {
        let torch = |of: fn(&OfTorch) -> Option<f64>| self.torch.as_ref().and_then(of).map(|time| time / self.flex());
        [
            Some(self.times.tensor["flex"] / self.flex()),
            Some(self.times.tensor["ndarray"] / self.times.fused["ndarray"]),
            torch(|torch| torch.eager_ms),
            torch(|torch| torch.compiled_ms),
        ]
    }
}
