//! What `cargo xtask launches` counts, in the format of its file. The task compiles this file too, and prints the table.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A run on one device.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// The device, as the driver names it.
    pub(crate) device: String,
    pub(crate) losses: Vec<Counted>,
}

/// A training step of a loss: forward and backward pass.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Counted {
    /// `family/kind`.
    pub(crate) name: String,
    /// How often each kernel is launched, once all of them are compiled.
    pub(crate) launches: BTreeMap<String, usize>,
    /// How many different kernels the first step launches, each of which is compiled once: a kernel may have several versions, and
    /// Burn tries some out.
    pub(crate) compiled: usize,
    /// The bytes in use after the forward pass or after the backward pass, whichever are more: of the inputs, of what is kept for the
    /// backward pass, and of the gradients.
    pub(crate) bytes: u64,
}
