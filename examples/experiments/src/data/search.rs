//! Lists to rank, made from Fashion-MNIST: a garment as the query, and candidates with grades of relevance.

use super::{DataError, Samples, Split, fashion, halve, moments};
use crate::rng::Rng;

const SIDE: usize = 14;
const PIXELS: usize = SIDE * SIDE;
const TRAIN: usize = 8000;
/// The candidates of a query: the nearest of a pool by 7 x 7 pixels, the nearest first, as another search would give them.
pub const LENGTH: usize = 20;
/// The garments in a pool.
const POOL: usize = 80;
/// The lists to train on, and those held out.
const COUNTS: [usize; 2] = [1000, 500];
/// The group of each class: tops, shoes, and kinds that are alone.
const GROUPS: [usize; 10] = [0, 1, 0, 2, 0, 3, 0, 3, 4, 3];
/// The brightness from which on a pixel belongs to the garment.
const EDGE: f64 = 25.0;

/// What is compared of a query and a candidate; each is one feature of the table.
const FEATURES: [fn(&Look, &Look) -> f64; 8] = [
    |a, b| distance(&a.pixels, &b.pixels),
    |a, b| distance(&a.coarse, &b.coarse),
    |a, b| distance(&a.lines, &b.lines),
    |a, b| distance(&a.columns, &b.columns),
    |a, b| (a.brightness - b.brightness).abs(),
    |a, b| (a.area - b.area).abs(),
    |a, b| (a.width - b.width).abs(),
    |a, b| (a.height - b.height).abs(),
];
/// The number of features.
pub const WIDTH: usize = FEATURES.len();

/// Makes the lists: the features of all candidates of a list, one after the other, and their grades.
pub(super) fn load() -> Result<Split, DataError> {
    let (images, labels) = fashion::pixels()?;
    let images = halve(&images, 2 * SIDE);
    let looks: Vec<(Look, usize)> =
        images.chunks_exact(PIXELS).zip(&labels).map(|(image, &label)| (Look::new(image), label.into())).collect();
    let mut rng = Rng::new(0);
    let (train, held_out) = looks.split_at(TRAIN);
    let (train, held_out) = (lists(train, COUNTS[0], &mut rng), lists(held_out, COUNTS[1], &mut rng));
    let scaling: [(f64, f64); WIDTH] = std::array::from_fn(|feature| {
        moments(&train.0.iter().skip(feature).step_by(WIDTH).copied().collect::<Vec<_>>())
    });
    let samples = |(features, grades): (Vec<f64>, Vec<f32>)| {
        let scaled = features.iter().enumerate().map(|(at, value)| {
            let (mean, deviation) = scaling[at % WIDTH];
            ((value - mean) / deviation) as f32
        });
        Samples::new(LENGTH * WIDTH, scaled.collect(), grades)
    };
    Ok(Split { train: samples(train), held_out: samples(held_out) })
}

/// The features and the grades of `count` lists.
fn lists(looks: &[(Look, usize)], count: usize, rng: &mut Rng) -> (Vec<f64>, Vec<f32>) {
    let (mut features, mut grades) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let mut draw = || &looks[rng.below(looks.len())];
        let query = draw();
        let others = (0..POOL).map(|_| draw()).filter(|other| !std::ptr::eq(*other, query));
        let (query, class) = query;
        let mut pool: Vec<(f64, &(Look, usize))> =
            others.map(|other| (distance(&query.coarse, &other.0.coarse), other)).collect();
        pool.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (_, (candidate, other)) in &pool[..LENGTH] {
            features.extend(FEATURES.map(|feature| feature(query, candidate)));
            grades.push(grade(*class, *other));
        }
    }
    (features, grades)
}

/// 2 for the class of the query, 1 for another class of its group, else 0.
fn grade(query: usize, candidate: usize) -> f32 {
    match query == candidate {
        true => 2.0,
        false if GROUPS[query] == GROUPS[candidate] => 1.0,
        false => 0.0,
    }
}

/// What is seen of a garment.
struct Look {
    pixels: Vec<f64>,
    /// 7 x 7 pixels.
    coarse: Vec<f64>,
    /// The mean of each line.
    lines: Vec<f64>,
    /// The mean of each column.
    columns: Vec<f64>,
    brightness: f64,
    /// The number of pixels, of columns and of lines that belong to the garment.
    area: f64,
    width: f64,
    height: f64,
}

impl Look {
    fn new(image: &[f64]) -> Self {
        let mean = |places: &mut dyn Iterator<Item = usize>| places.map(|at| image[at]).sum::<f64>() / SIDE as f64;
        let lines: Vec<f64> = (0..SIDE).map(|line| mean(&mut (0..SIDE).map(|x| line * SIDE + x))).collect();
        let columns: Vec<f64> = (0..SIDE).map(|x| mean(&mut (0..SIDE).map(|line| line * SIDE + x))).collect();
        let bytes: Vec<u8> = image.iter().map(|&pixel| pixel as u8).collect();
        let above = |values: &[f64]| values.iter().filter(|&&value| value > EDGE).count() as f64;
        Self {
            coarse: halve(&bytes, SIDE),
            brightness: lines.iter().sum::<f64>() / SIDE as f64,
            area: above(image),
            width: above(&columns),
            height: above(&lines),
            pixels: image.to_vec(),
            lines,
            columns,
        }
    }
}

/// The root of the mean squared difference.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    let squares = a.iter().zip(b).map(|(a, b)| (a - b).powi(2));
    (squares.sum::<f64>() / a.len() as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use burn::data::dataset::Dataset;

    use super::*;

    #[test]
    fn grades_by_hand() {
        // A t-shirt: another one, a shirt, a sandal. A sandal: a boot, a bag.
        assert_eq!([grade(0, 0), grade(0, 6), grade(0, 5), grade(5, 9), grade(5, 8)], [2.0, 1.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn a_look_by_hand() {
        let mut image = vec![0.0; PIXELS];
        (0..2 * SIDE).for_each(|at| image[at] = 140.0); // the first two lines
        let look = Look::new(&image);
        assert_eq!((look.area, look.width, look.height), (28.0, 0.0, 2.0));
        assert_eq!((look.lines[0], look.columns[3], look.brightness), (140.0, 20.0, 20.0));
        assert_eq!((look.coarse.len(), look.coarse[0], look.coarse[7]), (49, 140.0, 0.0));
        assert_eq!(FEATURES.map(|feature| feature(&look, &look)), [0.0; WIDTH]);
    }

    #[test]
    fn sizes_and_scale() {
        let split = load().unwrap();
        assert_eq!((split.train.len(), split.held_out.len()), (1000, 500));
        assert_eq!((split.train.width(), split.train.targets().len()), (LENGTH * WIDTH, 1000 * LENGTH));
        let first: Vec<f64> = split.train.inputs().iter().step_by(WIDTH).map(|&value| value.into()).collect();
        let (mean, deviation) = moments(&first);
        assert!(mean.abs() < 1e-4 && (deviation - 1.0).abs() < 1e-4);
        // A pool has eight garments of the query's class on average, and the first search finds most of them.
        let same = split.train.targets().iter().filter(|&&grade| grade == 2.0).count() as f64 / 1000.0;
        assert!(same > 4.0 && same < 8.0, "{same}");
        let first = |list: &[f32], at: usize| f64::from(list[at] == 2.0);
        let lists = || split.train.targets().chunks(LENGTH);
        let hits = |at: usize| lists().map(|list| first(list, at)).sum::<f64>();
        assert!(hits(0) > hits(LENGTH - 1), "the nearest comes first");
    }
}
