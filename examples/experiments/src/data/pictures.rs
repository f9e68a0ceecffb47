//! Gray images of ten classes, 28 x 28 pixels each. The training may leave out some of the classes.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{DataError, Samples, Split, fashion, idx, moments};

/// Pixels along a side.
pub const SIDE: usize = 28;
const PIXELS: usize = SIDE * SIDE;
/// The folder where `cargo xtask fetch mnist` puts its files.
const FETCHED: &str = "data/fetched/mnist";

/// A set of images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PictureSet {
    /// Handwritten digits: the first 10,000 images to train on, the first 4,000 of the test part held out.
    Mnist,
    /// Clothes, from the test part: the first 8,000 images to train on, the last 2,000 held out.
    FashionMnist,
}

impl PictureSet {
    /// The set's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mnist => "MNIST",
            Self::FashionMnist => "Fashion-MNIST",
        }
    }

    /// The names of the classes.
    pub fn classes(self) -> [&'static str; 10] {
        match self {
            Self::Mnist => ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
            Self::FashionMnist => {
                ["t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"]
            }
        }
    }
}

/// Images of classes to learn, and of classes that training never sees.
#[derive(Debug, Clone)]
pub struct Pictures {
    /// The set that the images are from.
    pub set: PictureSet,
    /// The classes to learn.
    pub known: Split,
    /// Held-out images of the other classes.
    pub unseen: Samples,
}

/// Reads the images, with pixels scaled to mean 0 and variance 1 over the training images.
pub(super) fn load(classes: usize) -> Result<Pictures, DataError> {
    match fetched() {
        Some(folder) => {
            let (train, labels) = mnist(&folder, "train", 60_000)?;
            let (test, test_labels) = mnist(&folder, "t10k", 10_000)?;
            let part = |pixels: &[u8], labels: &[u8], n: usize| (pixels[..n * PIXELS].to_vec(), labels[..n].to_vec());
            let (train, test) = (part(&train, &labels, 10_000), part(&test, &test_labels, 4000));
            Ok(split(PictureSet::Mnist, &train, &test, classes))
        }
        None => {
            const TRAIN: usize = 8000;
            let (mut train, mut labels) = fashion::pixels()?;
            let test = (train.split_off(TRAIN * PIXELS), labels.split_off(TRAIN));
            Ok(split(PictureSet::FashionMnist, &(train, labels), &test, classes))
        }
    }
}

/// The folder of MNIST, here or else in the repository where this program was built; `None` if it was not fetched.
fn fetched() -> Option<PathBuf> {
    let places = [PathBuf::from(FETCHED), Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(FETCHED)];
    places.into_iter().find(|folder| folder.is_dir())
}

fn mnist(folder: &Path, part: &str, pictures: u32) -> Result<(Vec<u8>, Vec<u8>), DataError> {
    let read = |kind: &str, shape: &[u32]| {
        let path = folder.join(format!("{part}-{kind}-idx{}-ubyte", shape.len()));
        let bytes =
            std::fs::read(&path).map_err(|error| DataError::new("mnist", format!("{}: {error}", path.display())));
        idx("mnist", &bytes?, shape)
    };
    Ok((read("images", &[pictures, 28, 28])?, read("labels", &[pictures])?))
}

/// Splits images into those of the classes to learn, to train on and to test with, and those of the other classes.
fn split(set: PictureSet, train: &(Vec<u8>, Vec<u8>), test: &(Vec<u8>, Vec<u8>), classes: usize) -> Pictures {
    let values = |pixels: &[u8]| -> Vec<f64> { pixels.iter().map(|&p| p.into()).collect() };
    let (mean, deviation) = moments(&values(&train.0));
    let samples = |(pixels, labels): &(Vec<u8>, Vec<u8>), known: bool| {
        let scaled = values(pixels).iter().map(|p| ((p - mean) / deviation) as f32).collect();
        let all = Samples::new(PIXELS, scaled, labels.iter().map(|&l| l.into()).collect());
        let rows = (0..labels.len()).filter(|&row| (usize::from(labels[row]) < classes) == known);
        all.select(&rows.collect::<Vec<_>>())
    };
    Pictures {
        set,
        known: Split { train: samples(train, true), held_out: samples(test, true) },
        unseen: samples(test, false),
    }
}

#[cfg(test)]
mod tests {
    use burn::data::dataset::Dataset;

    use super::*;

    #[test]
    fn classes_are_kept_from_the_training() {
        let labels: Vec<u8> = (0..10).collect();
        let pixels: Vec<u8> = labels.iter().flat_map(|&label| [10 * label; PIXELS]).collect();
        let part = (pixels, labels);
        let pictures = split(PictureSet::Mnist, &part, &part, 7);
        let of = |samples: &Samples| samples.targets().to_vec();
        let known = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!((of(&pictures.known.train), of(&pictures.known.held_out)), (known.to_vec(), known.to_vec()));
        assert_eq!(of(&pictures.unseen), [7.0, 8.0, 9.0]);
        // The mean of all ten values is 45, their variance 825.
        let pixel = pictures.unseen.get(2).unwrap().inputs[0];
        assert!((f64::from(pixel) - 45.0 / 825f64.sqrt()).abs() < 1e-6);
    }

    #[test]
    fn nothing_is_kept_where_all_classes_are_known() {
        let pictures = load(10).unwrap();
        assert_eq!(pictures.unseen.len(), 0);
        assert_eq!(pictures.known.train.width(), PIXELS);
    }

    #[test]
    fn a_folder_without_its_files_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = mnist(folder.path(), "train", 60_000).unwrap_err().to_string();
        assert!(error.contains("train-images-idx3-ubyte"), "{error}");
    }
}
