//! Strips of garments, made from Fashion-MNIST: two to five of five kinds, one behind the other, and nobody says where.

use super::{DataError, Samples, Split, fashion};
use crate::rng::Rng;

/// The classes of the garments; the label of a garment is its place here plus one, and 0 is the blank.
const KINDS: [f32; 5] = [0.0, 1.0, 7.0, 8.0, 9.0];
/// The number of labels.
pub const LABELS: usize = KINDS.len();
/// The most garments in a strip.
pub const MOST: usize = 5;
/// The most empty columns before a garment.
const GAP: usize = 4;
/// Pixels along a side of a garment.
pub const SIDE: usize = 14;
/// The columns of a strip; what is behind the last garment is empty.
pub const COLUMNS: usize = MOST * (SIDE + GAP);
/// The columns from a window to the next one.
pub const STRIDE: usize = 4;
/// The number of windows, each as wide as a garment.
pub const STEPS: usize = (COLUMNS - SIDE) / STRIDE + 1;
/// The strips to train on, and those held out.
const COUNTS: [usize; 2] = [2000, 500];

/// What is known of a strip: a row of the targets.
#[derive(Debug, Clone, PartialEq)]
pub struct Strip {
    /// The number of windows up to the end of the last garment.
    pub steps: usize,
    /// The labels, from left to right.
    pub labels: Vec<usize>,
}

impl Strip {
    /// The numbers in a row of the targets: the steps, the number of labels, [`MOST`] labels, and a label for each step.
    pub const WIDTH: usize = 2 + MOST + STEPS;

    /// Reads a row of the targets.
    pub fn from_target(target: &[f32]) -> Self {
        let labels = target[2..2 + target[1] as usize].iter().map(|&label| label as usize);
        Self { steps: target[0] as usize, labels: labels.collect() }
    }

    /// The row of the targets. The labels of the steps spread the labels evenly over the strip: a guess, as the places are unknown.
    fn to_target(&self) -> Vec<f32> {
        let count = self.labels.len();
        let spread = (0..STEPS).map(|step| match step < self.steps {
            true => self.labels[step * count / self.steps],
            false => 0,
        });
        let labels = self.labels.iter().copied().chain([0; MOST]).take(MOST);
        [self.steps, count].into_iter().chain(labels).chain(spread).map(|number| number as f32).collect()
    }
}

/// Makes the strips; their pixels come column by column.
pub(super) fn load() -> Result<Split, DataError> {
    let images = fashion::load()?;
    let mut rng = Rng::new(0);
    let mut draw = |samples: &Samples, count: usize| strips(samples, count, &mut rng);
    Ok(Split { train: draw(&images.train, COUNTS[0]), held_out: draw(&images.held_out, COUNTS[1]) })
}

fn strips(images: &Samples, count: usize, rng: &mut Rng) -> Samples {
    let empty = images.inputs().iter().copied().fold(f32::MAX, f32::min);
    let label = |row: usize| KINDS.iter().position(|&kind| kind == images.targets()[row]);
    let garments: Vec<(usize, usize)> =
        (0..images.targets().len()).filter_map(|row| label(row).map(|label| (row, label + 1))).collect();
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let mut strip = vec![empty; COLUMNS * SIDE];
        let (mut labels, mut end) = (Vec::new(), 0);
        for _ in 0..2 + rng.below(MOST - 1) {
            let (row, label) = garments[rng.below(garments.len())];
            let start = end + rng.below(GAP + 1);
            end = start + SIDE;
            let pixels = images.row(images.inputs(), row);
            let place = |column: usize, line: usize| (start + column) * SIDE + line;
            (0..SIDE * SIDE).for_each(|at| strip[place(at % SIDE, at / SIDE)] = pixels[at]);
            labels.push(label);
        }
        inputs.extend(strip);
        targets.extend(Strip { steps: (end - SIDE).div_ceil(STRIDE) + 1, labels }.to_target());
    }
    Samples::new(COLUMNS * SIDE, inputs, targets)
}

#[cfg(test)]
mod tests {
    use burn::data::dataset::Dataset;

    use super::*;

    #[test]
    fn every_strip_has_an_alignment() {
        let split = load().unwrap();
        assert_eq!([split.train.len(), split.held_out.len()], COUNTS);
        for target in split.train.targets().chunks(Strip::WIDTH).chain(split.held_out.targets().chunks(Strip::WIDTH)) {
            let strip = Strip::from_target(target);
            let repeats = strip.labels.windows(2).filter(|pair| pair[0] == pair[1]).count();
            assert!((2..=MOST).contains(&strip.labels.len()) && strip.steps <= STEPS);
            assert!(strip.labels.len() + repeats <= strip.steps, "{strip:?}");
            assert!(strip.labels.iter().all(|label| (1..=LABELS).contains(label)));
        }
    }

    #[test]
    fn a_row_of_targets_by_hand() {
        let strip = Strip { steps: 6, labels: vec![3, 1] };
        let target = strip.to_target();
        assert_eq!(target[..7], [6.0, 2.0, 3.0, 1.0, 0.0, 0.0, 0.0]);
        assert_eq!(target[7..14], [3.0, 3.0, 3.0, 1.0, 1.0, 1.0, 0.0]);
        assert_eq!((target.len(), Strip::from_target(&target)), (Strip::WIDTH, strip));
    }

    #[test]
    fn a_garment_stands_upright_in_its_columns() {
        // The first pixel of the second line of the image.
        let mut pixels = vec![0.0; SIDE * SIDE];
        pixels[SIDE] = 1.0;
        let strip = strips(&Samples::new(SIDE * SIDE, pixels, vec![9.0]), 1, &mut Rng::new(5));
        let bright: Vec<usize> = (0..COLUMNS * SIDE).filter(|&at| strip.inputs()[at] == 1.0).collect();
        assert_eq!(bright.len(), Strip::from_target(strip.targets()).labels.len());
        assert!(bright.iter().all(|at| at % SIDE == 1));
    }
}
