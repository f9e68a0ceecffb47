//! Regression trees, boosted by Newton's method, against the same trees that know the gradient alone.
//!
//! `cargo run --release -p boosting`

use burn::tensor::Device;
use burn_losses::{Curvature, SecondOrder, SecondOrderConfig, binary, regression};
use std::io::Read;

const FEATURES: usize = 9;
const BINS: usize = 32;
const ROUNDS: usize = 20;
const DEPTH: usize = 3;

/// Values, gradients and curvatures of (predictions, targets).
type Objective<'a> = &'a dyn Fn(&[f64], &[f64]) -> SecondOrder<Vec<f64>>;

/// The sensors of the shuttle, each as one of 32 bins, and the targets. Every fourth row is held out.
struct Data {
    bins: Vec<[u8; FEATURES]>,
    targets: Vec<f64>,
}

impl Data {
    /// `without` is a sensor that the trees do not see: it is the target.
    fn new(rows: &[Vec<f64>], without: Option<usize>, target: impl Fn(&[f64]) -> f64) -> Self {
        let mut bins = vec![[0; FEATURES]; rows.len()];
        for feature in (0..FEATURES).filter(|feature| Some(*feature) != without) {
            let mut sorted: Vec<f64> = rows.iter().map(|row| row[feature]).collect();
            sorted.sort_by(f64::total_cmp);
            let edges: Vec<f64> = (1..BINS).map(|bin| sorted[bin * sorted.len() / BINS]).collect();
            for (bins, row) in bins.iter_mut().zip(rows) {
                bins[feature] = edges.partition_point(|edge| *edge < row[feature]) as u8;
            }
        }
        Self { bins, targets: rows.iter().map(|row| target(row)).collect() }
    }
}

/// Adds a tree to the predictions of `rows`: each leaf moves by -rate sum(gradient) / (sum(curvature) + 1) of its training rows.
fn grow(data: &Data, step: &SecondOrder<Vec<f64>>, rows: &[usize], depth: usize, rate: f64, predictions: &mut [f64]) {
    let mut sums = [[[0.0; 2]; BINS]; FEATURES];
    for &row in rows.iter().filter(|row| **row % 4 != 3) {
        for (sums, bin) in sums.iter_mut().zip(data.bins[row]) {
            sums[bin as usize][0] += step.gradient[row];
            sums[bin as usize][1] += step.curvature[row];
        }
    }
    let add = |a: [f64; 2], b: &[f64; 2]| [a[0] + b[0], a[1] + b[1]];
    let score = |[gradient, curvature]: [f64; 2]| gradient * gradient / (curvature + 1.0);
    let all = sums[0].iter().fold([0.0; 2], add);
    let (mut best, mut split) = (score(all) + 1e-9, None);
    for (feature, sums) in sums.iter().enumerate() {
        let mut left = [0.0; 2];
        for (bin, sum) in sums[..BINS - 1].iter().enumerate() {
            left = add(left, sum);
            let gain = score(left) + score([all[0] - left[0], all[1] - left[1]]);
            if gain > best {
                (best, split) = (gain, Some((feature, bin)));
            }
        }
    }
    match split.filter(|_| depth > 0) {
        None => rows.iter().for_each(|row| predictions[*row] -= rate * all[0] / (all[1] + 1.0)),
        Some((feature, bin)) => {
            let (low, high): (Vec<_>, Vec<_>) = rows.iter().partition(|row| data.bins[**row][feature] as usize <= bin);
            grow(data, step, &low, depth - 1, rate, predictions);
            grow(data, step, &high, depth - 1, rate, predictions);
        }
    }
}

/// Boosts trees, and returns the mean loss of the rows that are held out.
fn boost(data: &Data, objective: Objective<'_>, knows_curvature: bool, rate: f64) -> f64 {
    let rows: Vec<usize> = (0..data.targets.len()).collect();
    let mut predictions = vec![0.0; rows.len()];
    for _ in 0..ROUNDS {
        let mut step = objective(&predictions, &data.targets);
        if !knows_curvature {
            step.curvature.fill(1.0);
        }
        grow(data, &step, &rows, DEPTH, rate, &mut predictions);
    }
    let values = objective(&predictions, &data.targets).values;
    let held_out: Vec<f64> = values.into_iter().skip(3).step_by(4).collect();
    held_out.iter().sum::<f64>() / held_out.len() as f64
}

fn main() {
    let mut csv = String::new();
    let file = &include_bytes!("../../../data/shuttle/shuttle.csv.gz")[..];
    flate2::read::GzDecoder::new(file).read_to_string(&mut csv).expect("the file is a part of the program");
    let number = |text: &str| text.parse().expect("a number");
    let rows: Vec<Vec<f64>> = csv.lines().skip(1).map(|line| line.split(',').map(number).collect()).collect();
    // The fifth sensor has outliers far away: log-cosh and Huber are made for them. Few rows are anomalies: so is focal loss.
    let sensor = Data::new(&rows, Some(4), |row| (row[4] - 42.0) / 3.0);
    let anomaly = Data::new(&rows, None, |row| row[9]);

    let device = Device::flex();
    let log_cosh = regression::LogCoshLossConfig::new().init(&device);
    let huber = regression::HuberLossConfig::new().init(&device);
    let focal = binary::FocalLossConfig::new().init(&device);
    // Far from the target, log-cosh and Huber have no curvature, and that of focal loss is negative.
    let floor = SecondOrderConfig::new().with_floor(0.25);
    let expected = SecondOrderConfig::new().with_curvature(Curvature::Expected).with_floor(1e-6);
    let objectives: [(&str, &Data, Objective<'_>); 3] = [
        ("log_cosh", &sensor, &|x, t| log_cosh.forward_second_order_on_host(x, t, None, &floor)),
        ("huber", &sensor, &|x, t| huber.forward_second_order_on_host(x, t, None, &floor)),
        ("focal", &anomaly, &|x, t| focal.forward_second_order_on_host(x, t, None, &expected)),
    ];
    for (name, data, objective) in objectives {
        let newton = boost(data, objective, true, 0.6);
        let same = boost(data, objective, false, 0.6);
        let best = [1.0, 2.0, 16.0].map(|rate| boost(data, objective, false, rate)).into_iter().fold(same, f64::min);
        println!("{name}: {newton:.5} by Newton's method, {same:.5} by the gradient alone, {best:.5} at its best rate");
        assert!(newton < best, "{name}");
    }
}
