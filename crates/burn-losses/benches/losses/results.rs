//! The figures of a run, as they are in a file. `cargo xtask` compiles this file too: it makes the tables.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A run on one machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) machine: Machine,
    /// Of the start, UTC: `2026-01-31`.
    pub(crate) date: String,
    pub(crate) versions: Versions,
    pub(crate) losses: Vec<Measured>,
}

/// What the figures hold for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// The name of the model, as the system says it.
    pub(crate) cpu: String,
    pub(crate) threads: usize,
}

/// What was measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Versions {
    pub(crate) burn: String,
    /// Absent where PyTorch was left out.
    pub(crate) torch: Option<String>,
}

/// Milliseconds; forward and backward, if not said otherwise.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Times {
    /// By the name of the device.
    pub(crate) fused: BTreeMap<String, f64>,
    pub(crate) tensor: BTreeMap<String, f64>,
    /// Forward alone, fused, on Flex.
    pub(crate) forward: f64,
}

/// Milliseconds of a forward and a backward pass with PyTorch.
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
    /// Into memory that is new, and into memory that was written before.
    pub(crate) copy: f64,
    pub(crate) copy_reused: f64,
    pub(crate) torch: Option<OfTorch>,
    /// Bytes at the peak beyond the inputs, on Flex: fused, and with tensor operations.
    pub(crate) peaks: [Option<usize>; 2],
}

impl Measured {
    /// Milliseconds of the fused engine on Flex.
    pub(crate) fn flex(&self) -> f64 {
        self.times.fused["flex"]
    }

    /// How many times as long as the fused engine on Flex: tensor operations on Flex; NdArray's against its own fused time; PyTorch,
    /// as it is and compiled.
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
