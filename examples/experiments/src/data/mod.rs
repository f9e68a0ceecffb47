//! The data of the experiments. It is compiled into the program, so that nothing has to be fetched.
//!
//! Each set lies under `data/` in the repository, with its source and license beside it. MNIST replaces Fashion-MNIST for
//! embeddings if it has been fetched.

mod batch;
mod fashion;
mod halves;
mod lines;
mod long_tail;
mod nuclei;
mod pictures;
pub mod rotated;
pub mod search;
mod shuttle;
pub mod strips;
mod wordnet;

pub use batch::{ClassBatch, ClassBatcher, MaskBatch, MaskBatcher, ValueBatch, ValueBatcher};
pub use lines::{LineData, LineSet, Scaling};
pub use long_tail::COUNTS;
pub use nuclei::TILE;
pub use pictures::{PictureSet, Pictures, SIDE};
pub use wordnet::{Pairs, WORDS};

use burn::data::dataset::{Dataset, DatasetError};
use burn::tensor::TensorData;

/// An error in a data set.
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

/// One row: its features, and what to predict.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The features, or the pixels.
    pub inputs: Vec<f32>,
    /// A class index, a label in `{0, 1}`, a value, or a label for every pixel.
    pub targets: Vec<f32>,
}

/// Rows of equal width, held in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    rows: usize,
    inputs: Vec<f32>,
    targets: Vec<f32>,
}

impl Samples {
    /// Makes rows from two flat vectors: each row has `width` features, and an equal share of the targets.
    ///
    /// # Panics
    ///
    /// If the lengths do not fit.
    pub fn new(width: usize, inputs: Vec<f32>, targets: Vec<f32>) -> Self {
        let rows = inputs.len() / width;
        assert!(inputs.len() == rows * width && targets.len().is_multiple_of(rows), "features and targets");
        Self { rows, inputs, targets }
    }

    /// How many features a row has.
    pub fn width(&self) -> usize {
        self.inputs.len() / self.rows
    }

    /// The features of all rows, one row after the other.
    pub fn inputs(&self) -> &[f32] {
        &self.inputs
    }

    /// The targets of all rows, one row after the other.
    pub fn targets(&self) -> &[f32] {
        &self.targets
    }

    /// Whether each target, a label in `{0, 1}`, is 1.
    pub fn positive(&self) -> Vec<bool> {
        self.targets.iter().map(|&target| target > 0.5).collect()
    }

    /// The rows with these indices, in this order.
    pub fn select(&self, rows: &[usize]) -> Self {
        let pick = |values| rows.iter().flat_map(|&row| self.row(values, row)).copied().collect();
        Self { rows: rows.len(), inputs: pick(&self.inputs), targets: pick(&self.targets) }
    }

    /// At most the first `rows` rows.
    pub fn head(&self, rows: usize) -> Self {
        self.select(&(0..rows.min(self.rows)).collect::<Vec<_>>())
    }

    /// The same rows, repeated `times` times: an epoch of that many passes.
    pub fn repeat(&self, times: usize) -> Self {
        Self { rows: self.rows * times, inputs: self.inputs.repeat(times), targets: self.targets.repeat(times) }
    }

    /// The features of all rows, `[rows, width]`.
    pub fn to_data(&self) -> TensorData {
        TensorData::new(self.inputs.clone(), [self.rows, self.width()])
    }

    /// The features in pieces of `rows` rows, the last one perhaps smaller.
    pub fn chunks(&self, rows: usize) -> impl Iterator<Item = TensorData> {
        let width = self.width();
        let pieces = self.inputs.chunks(rows * width);
        pieces.map(move |piece| TensorData::new(piece.to_vec(), [piece.len() / width, width]))
    }

    /// The part of `values` (features or targets) that belongs to a row.
    fn row<'a>(&self, values: &'a [f32], row: usize) -> &'a [f32] {
        let width = values.len() / self.rows;
        &values[row * width..(row + 1) * width]
    }
}

impl Dataset<Sample> for Samples {
    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        let [inputs, targets] = [&self.inputs, &self.targets].map(|values| self.row(values, index).to_vec());
        Ok(Sample { inputs, targets })
    }

    fn len(&self) -> usize {
        self.rows
    }
}

/// The rows to train on, and those that are held out.
#[derive(Debug, Clone)]
pub struct Split {
    /// The rows to train on.
    pub train: Samples,
    /// The rows that training never sees.
    pub held_out: Samples,
}

/// The test part of Fashion-MNIST: the first 8,000 images to train on, the last 2,000 held out.
pub fn fashion() -> Result<Split, DataError> {
    fashion::load()
}

/// The same, with fewer images to train on: 700 of the first class, and 7 of the last.
pub fn long_tail() -> Result<Split, DataError> {
    long_tail::load()
}

/// The same images: the upper half of each, and the brightness of its lower half.
pub fn halves() -> Result<Split, DataError> {
    halves::load()
}

/// The trousers and dresses among them, at a random angle each, and the box around each.
pub fn rotated() -> Result<Split, DataError> {
    rotated::load()
}

/// Strips of two to five of the garments, and their labels: 2,000 to train on, 500 held out.
pub fn strips() -> Result<Split, DataError> {
    strips::load()
}

/// Garments as queries with 20 candidates each: 1,000 lists to train on, 500 held out.
pub fn search() -> Result<Split, DataError> {
    search::load()
}

/// The shuttle's sensors: three quarters of the 49,097 rows to train on, one quarter held out.
pub fn shuttle() -> Result<Split, DataError> {
    shuttle::load()
}

/// Nuclei in a microscope image, and a mask of their cores: 96 tiles to train on, 4 held out.
pub fn nuclei() -> Result<Split, DataError> {
    nuclei::load()
}

/// WordNet's glosses: 300,000 pairs of words to train on, 20,000 held out.
pub fn glosses() -> Result<Pairs, DataError> {
    wordnet::load()
}

/// Images of ten classes; the training leaves out classes from `classes` on. MNIST if it has been fetched, else Fashion-MNIST.
pub fn pictures(classes: usize) -> Result<Pictures, DataError> {
    pictures::load(classes)
}

/// Replaces every square of four pixels by their mean, in an image `width` pixels wide or in several images one below the other.
fn halve(pixels: &[u8], width: usize) -> Vec<f64> {
    let square = |(row, column): (usize, usize)| {
        let corner = 2 * row * width + 2 * column;
        let square = [corner, corner + 1, corner + width, corner + width + 1];
        square.iter().map(|&i| f64::from(pixels[i])).sum::<f64>() / 4.0
    };
    let rows = pixels.len() / width / 2;
    (0..rows).flat_map(|row| (0..width / 2).map(move |column| (row, column))).map(square).collect()
}

/// Mean and standard deviation.
fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    (mean, variance.sqrt())
}

/// The bytes of an IDX file, after its header has been compared with the expected shape.
fn idx(set: &str, bytes: &[u8], shape: &[u32]) -> Result<Vec<u8>, DataError> {
    let mut header = vec![0, 0, 8, shape.len() as u8]; // 8: the elements are bytes
    shape.iter().for_each(|n| header.extend(n.to_be_bytes()));
    let body = bytes
        .strip_prefix(header.as_slice())
        .ok_or_else(|| DataError::new(set, format!("not an IDX file of shape {shape:?}")))?;
    let expected = shape.iter().product::<u32>() as usize;
    if body.len() != expected {
        let got = body.len();
        return Err(DataError::new(set, format!("{expected} bytes, got {got}")));
    }
    Ok(body.to_vec())
}

/// Undoes gzip; a damaged file is an error (gzip carries a checksum).
fn gunzip(set: &str, bytes: &[u8]) -> Result<Vec<u8>, DataError> {
    let mut out = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(bytes), &mut out)
        .map_err(|error| DataError::new(set, error))?;
    Ok(out)
}

/// The CRC-32 of some bytes, which the tests compare with a known one.
#[cfg(test)]
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_header_and_a_short_file_are_errors() {
        assert!(idx("test", &[0, 0, 8, 1, 0, 0, 0, 2, 7], &[2]).is_err());
        assert!(idx("test", &[0, 0, 9, 1, 0, 0, 0, 1, 7], &[1]).is_err());
        assert_eq!(idx("test", &[0, 0, 8, 1, 0, 0, 0, 1, 7], &[1]).unwrap(), [7]);
    }
}
