//! Fashion-MNIST: gray images of ten kinds of clothes, halved from 28 x 28 to 14 x 14 pixels.

use super::{DataError, Samples, Split, gunzip, halve, idx, moments};

const SET: &str = "fashion-mnist";
const IMAGES: &[u8] =
    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/fashion-mnist/t10k-images-idx3-ubyte.gz"));
const LABELS: &[u8] =
    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/fashion-mnist/t10k-labels-idx1-ubyte.gz"));
const SIDE: usize = 14;
const PIXELS: usize = SIDE * SIDE;
const TRAIN: usize = 8000;

/// Reads the images, with pixels scaled to mean 0 and variance 1 over the training images.
pub(super) fn load() -> Result<Split, DataError> {
    let (images, labels) = pixels()?;
    let images = halve(&images, 2 * SIDE);
    let (mean, deviation) = moments(&images[..TRAIN * PIXELS]);
    let scaled = images.iter().map(|p| ((p - mean) / deviation) as f32).collect();

    let all = Samples::new(PIXELS, scaled, labels.iter().map(|&l| l.into()).collect());
    Ok(Split {
        train: all.select(&(0..TRAIN).collect::<Vec<_>>()),
        held_out: all.select(&(TRAIN..10_000).collect::<Vec<_>>()),
    })
}

/// The original images, 28 x 28 bytes each, and their labels.
pub(super) fn pixels() -> Result<(Vec<u8>, Vec<u8>), DataError> {
    Ok((idx(SET, &gunzip(SET, IMAGES)?, &[10_000, 28, 28])?, idx(SET, &gunzip(SET, LABELS)?, &[10_000])?))
}

#[cfg(test)]
mod tests {
    use burn::data::dataset::Dataset;

    use super::super::crc32;
    use super::*;

    #[test]
    fn sizes_classes_and_scale() {
        let split = load().unwrap();
        assert_eq!((split.train.len(), split.held_out.len()), (8000, 2000));
        assert_eq!(split.train.width(), 196);
        for class in 0..10 {
            let count = |s: &Samples| s.targets().iter().filter(|&&t| t == class as f32).count();
            assert_eq!(count(&split.train) + count(&split.held_out), 1000);
        }
        let pixels = split.train.len() * PIXELS;
        let mean =
            (0..8000).flat_map(|i| split.train.get(i).unwrap().inputs).map(f64::from).sum::<f64>() / pixels as f64;
        assert!(mean.abs() < 1e-6, "{mean}");
    }

    #[test]
    fn halving_by_hand() {
        let mut image = [0; 28 * 28];
        (image[0], image[1], image[28], image[29]) = (1, 2, 3, 6); // the first square
        image[28 * 27 + 27] = 4; // a corner of the last one
        let halved = halve(&image, 28);
        assert_eq!((halved.len(), halved[0], halved[195]), (196, 3.0, 1.0));
        assert_eq!(halved.iter().sum::<f64>(), 4.0);
    }

    #[test]
    fn files_are_the_published_ones() {
        assert_eq!(crc32(IMAGES), 0xF305_0A72);
        assert_eq!(crc32(LABELS), 0x8F87_4FBB);
    }
}
