//! The data of the experiments: compiled into the program, so that nothing has to be fetched.
//!
//! Each set lies under `data/` in the repository, with its source and licence beside it.

mod batch;
mod fashion;
mod lines;
mod shuttle;

pub use batch::{ClassBatch, ClassBatcher, ValueBatch, ValueBatcher};
pub use lines::{LineData, LineSet, Scaling};

use burn::data::dataset::{Dataset, DatasetError};
use burn::tensor::TensorData;

/// Whatever is wrong with a data set.
#[derive(Debug)]
pub struct DataError(String);

impl DataError {
    fn new(set: &str, what: impl std::fmt::Display) -> Self {
        Self(format!("data set {set}: {what}"))
    }
}

impl std::fmt::Display for DataError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DataError {}

/// One row: its features, and the class, the label or the value to predict.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The features.
    pub inputs: Vec<f32>,
    /// A class index, a label in `{0, 1}`, or a value.
    pub target: f32,
}

/// Rows of equal width, held in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    width: usize,
    inputs: Vec<f32>,
    targets: Vec<f32>,
}

impl Samples {
    /// Rows from one flat vector of features (`targets.len()` rows of `width` numbers).
    ///
    /// # Panics
    ///
    /// If the two lengths do not fit.
    pub fn new(width: usize, inputs: Vec<f32>, targets: Vec<f32>) -> Self {
        assert_eq!(inputs.len(), width * targets.len(), "features and targets");
        Self { width, inputs, targets }
    }

    /// How many features a row has.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The target of every row.
    pub fn targets(&self) -> &[f32] {
        &self.targets
    }

    /// The rows with these indices, in this order.
    pub fn select(&self, rows: &[usize]) -> Self {
        let inputs = rows.iter().flat_map(|&row| self.row(row)).copied();
        Self {
            width: self.width,
            inputs: inputs.collect(),
            targets: rows.iter().map(|&row| self.targets[row]).collect(),
        }
    }

    /// At most the first `rows` rows.
    pub fn head(&self, rows: usize) -> Self {
        self.select(&(0..rows.min(self.targets.len())).collect::<Vec<_>>())
    }

    /// The same rows `times` times over: an epoch of that many passes.
    pub fn repeat(&self, times: usize) -> Self {
        Self { width: self.width, inputs: self.inputs.repeat(times), targets: self.targets.repeat(times) }
    }

    /// The features of all rows, `[rows, width]`.
    pub fn to_data(&self) -> TensorData {
        TensorData::new(self.inputs.clone(), [self.targets.len(), self.width])
    }

    /// The features in pieces of `rows` rows, the last one perhaps smaller.
    pub fn chunks(&self, rows: usize) -> impl Iterator<Item = TensorData> {
        let pieces = self.inputs.chunks(rows * self.width);
        pieces.map(|piece| TensorData::new(piece.to_vec(), [piece.len() / self.width, self.width]))
    }

    fn row(&self, row: usize) -> &[f32] {
        &self.inputs[row * self.width..(row + 1) * self.width]
    }
}

impl Dataset<Sample> for Samples {
    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        Ok(Sample { inputs: self.row(index).to_vec(), target: self.targets[index] })
    }

    fn len(&self) -> usize {
        self.targets.len()
    }
}

/// What is trained on, and what is held out.
#[derive(Debug, Clone)]
pub struct Split {
    /// The rows to train on.
    pub train: Samples,
    /// The rows that training never sees.
    pub held_out: Samples,
}

/// Fashion-MNIST's test part: the first 8,000 pictures to train on, the last 2,000 held out.
pub fn fashion() -> Result<Split, DataError> {
    fashion::load()
}

/// The shuttle's sensors: three quarters of the 49,097 rows to train on, one quarter held out.
pub fn shuttle() -> Result<Split, DataError> {
    shuttle::load()
}

/// Undoes gzip; a damaged file is an error (gzip carries a checksum).
fn gunzip(set: &str, bytes: &[u8]) -> Result<Vec<u8>, DataError> {
    let mut out = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(bytes), &mut out)
        .map_err(|error| DataError::new(set, error))?;
    Ok(out)
}

/// CRC-32 of some bytes: what the tests compare with.
#[cfg(test)]
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}
