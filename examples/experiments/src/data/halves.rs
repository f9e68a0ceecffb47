//! The upper half of a garment, and how bright its lower half is.

use super::{DataError, Samples, Split, fashion, halve, moments};

const SIDE: usize = 14;
const PIXELS: usize = SIDE * SIDE;
const TRAIN: usize = 8000;

/// Reads the images, halved to 14 x 14 pixels: the upper seven lines are the features, and the mean of the lower seven is the
/// target. Both are scaled to mean 0 and variance 1 over the training images.
pub(super) fn load() -> Result<Split, DataError> {
    let (images, _) = fashion::pixels()?;
    Ok(split(&halve(&images, 2 * SIDE), TRAIN))
}

fn split(images: &[f64], train: usize) -> Split {
    let halves = images.chunks_exact(PIXELS).map(|image| image.split_at(PIXELS / 2));
    let upper: Vec<f64> = halves.clone().flat_map(|(upper, _)| upper).copied().collect();
    let lower: Vec<f64> = halves.map(|(_, lower)| lower.iter().sum::<f64>() / lower.len() as f64).collect();
    let all = Samples::new(PIXELS / 2, scaled(&upper, train * PIXELS / 2), scaled(&lower, train));
    let rows = lower.len();
    Split {
        train: all.select(&(0..train).collect::<Vec<_>>()),
        held_out: all.select(&(train..rows).collect::<Vec<_>>()),
    }
}

/// The values in units of the first `train` of them.
fn scaled(values: &[f64], train: usize) -> Vec<f32> {
    let (mean, deviation) = moments(&values[..train]);
    values.iter().map(|value| ((value - mean) / deviation) as f32).collect()
}

#[cfg(test)]
mod tests {
    use burn::data::dataset::Dataset;

    use super::*;

    #[test]
    fn halves_by_hand() {
        // The upper halves are 1 and 3, the lower ones 2 and 6; the third image is held out.
        let image = |upper: f64, lower: f64| [[upper; PIXELS / 2], [lower; PIXELS / 2]].concat();
        let split = split(&[image(1.0, 2.0), image(3.0, 6.0), image(2.0, 8.0)].concat(), 2);
        assert_eq!((split.train.targets(), split.held_out.targets()), (&[-1.0, 1.0][..], &[2.0][..]));
        assert_eq!(split.held_out.inputs(), [0.0; PIXELS / 2]);
        assert_eq!(split.train.get(1).unwrap().inputs, [1.0; PIXELS / 2]);
    }
}
