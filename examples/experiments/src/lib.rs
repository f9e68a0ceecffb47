//! The experiments of burn-losses: real data, small networks, and a loss that a config file chooses.
//!
//! Everything here is generic in the device. `train-ndarray` runs it on the CPU and `train-wgpu` on the GPU; both start
//! from the same weights and see the same batches, so the losses of their steps can be compared number by number.
//!
//! To read the code, begin with [`model`], which has the networks with their loss, [`training`], a training with Burn's learner,
//! and [`runs`], the experiments.

pub mod bigram;
pub mod cli;
pub mod config;
mod convolution;
pub mod curves;
pub mod data;
pub mod device;
pub mod embedded;
pub mod embedding;
pub mod epoch_figures;
pub mod expect;
pub mod history;
pub mod intervals;
mod map;
pub mod memory;
pub mod metrics;
pub mod model;
mod page;
mod panels;
mod picture;
pub mod plot;
pub mod progress;
pub mod reading;
pub mod report;
pub mod rng;
pub mod runs;
mod scatter;
pub mod simulation;
mod squares;
mod story;
pub mod terms;
pub mod training;
pub mod trajectory;
pub mod unet;

/// Why an experiment could not be run: a message for the person at the terminal.
#[derive(Debug)]
pub struct Error(String);

impl Error {
    /// Makes an error from anything that can be printed.
    pub fn new(message: impl std::fmt::Display) -> Self {
        Self(message.to_string())
    }

    /// An error of the file system, with the path.
    pub fn file(path: &std::path::Path, error: impl std::fmt::Display) -> Self {
        Self(format!("{}: {error}", path.display()))
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl From<data::DataError> for Error {
    fn from(error: data::DataError) -> Self {
        Self::new(error)
    }
}

/// Writes a file, whole or not at all.
fn write(path: &std::path::Path, bytes: impl AsRef<[u8]>) -> Result<(), Error> {
    burn_losses::config::write_file(path, bytes).map_err(|error| Error::file(path, error))
}

// The examples of the README and of the guide compile and run. They are tested here, since both files lie outside the package
// `burn-losses`.
#[cfg(doctest)]
#[path = "../../../docs/doctests.rs"]
mod guide;
