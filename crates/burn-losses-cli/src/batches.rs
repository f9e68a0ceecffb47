//! The files of `eval` and `diagnose`: a loss, and the tensors that it is run on.

use crate::config::Place;
use crate::device::{DeviceName, DtypeName};
use crate::error::Error;
use burn::tensor::{Device, FloatDType};
use burn_losses::AnyLoss;
use clap::Args;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The options that say which loss, on which tensors, and where.
#[derive(Debug, Args)]
pub(crate) struct Batches {
    /// The config of the loss (.json, .toml, .yaml)
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    #[command(flatten)]
    place: Place,
    /// Tensors (.safetensors), by the names of the loss's arguments; several files are several batches
    #[arg(long, value_name = "FILE", required = true)]
    input: Vec<PathBuf>,
    /// Where to compute
    #[arg(long, value_enum, default_value = "flex")]
    device: DeviceName,
}

impl Batches {
    /// The loss on its device, and the type to compute in.
    pub(crate) fn open(&self, dtype: Option<DtypeName>) -> Result<(AnyLoss, Device, FloatDType), Error> {
        let config = self.place.load(&self.config)?;
        let (device, dtype) = self.device.open(dtype)?;
        Ok((config.try_init(&device)?, device, dtype))
    }

    /// What comes out for each file of tensors.
    pub(crate) fn each<T>(&self, run: impl Fn(&Path) -> Result<T, Error>) -> Result<Vec<T>, Error> {
        self.input.iter().map(|path| run(path)).collect()
    }

    /// A section for each file of tensors.
    pub(crate) fn sections<T>(&self, results: &[T], section: impl Fn(&Path, &T) -> String) -> String {
        self.input.iter().zip(results).map(|(path, result)| section(path, result)).collect::<Vec<_>>().join("\n\n")
    }
}

/// One object, or an array where there are several.
pub(crate) fn json(all: &[impl Serialize]) -> String {
    match all {
        [one] => serde_json::to_string(one),
        all => serde_json::to_string(all),
    }
    .expect("finite numbers and strings are JSON")
}
