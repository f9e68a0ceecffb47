//! Labels of classes.

use super::{F64, assert_near, flex, ints, list, matrix, number, vector};
use crate::devices;
use burn::tensor::{Device, Int, Tensor};
use burn_losses::binary::HardExamples;
use burn_losses::classification::{
    CrossEntropyLossConfig, LabelSmoothing, MultiMarginLossConfig, MultiMarginVariant, Spread,
};
use burn_losses::prelude::*;

/// -ln softmax, computed directly.
pub(super) fn nll(row: &[f64], class: usize) -> f64 {
    row.iter().map(|x| x.exp()).sum::<f64>().ln() - row[class]
}

pub(super) const ROWS: [[f64; 3]; 3] = [[0.3, -1.2, 0.8], [1.5, 0.1, -0.4], [-0.7, 0.9, 0.2]];

#[test]
fn t01_t02_t05_t06_t07_weights_smoothing_and_ignored_rows_together() {
    let (device, weights, e) = (flex(), [0.5, 2.0, 1.5], 0.2);
    let config = CrossEntropyLossConfig::new()
        .with_class_weights(weights.to_vec())
        .with_label_smoothing(LabelSmoothing { epsilon: e, spread: Spread::All })
        .with_ignore_index(-100);
    let loss = config.init(&device);
    // The middle row is ignored: neither its smoothing term nor its weight is used.
    let got = loss.forward(matrix(&ROWS, &device, F64), ints(&[2, -100, 1], &device));
    let row = |row: &[f64; 3], label: usize| {
        let spread: f64 = (0..3).map(|c| weights[c] * nll(row, c)).sum();
        (1.0 - e) * weights[label] * nll(row, label) + e / 3.0 * spread
    };
    let total = row(&ROWS[0], 2) + row(&ROWS[2], 1);
    assert_near(number(got), total / (weights[2] + weights[1]));
    // The other divisor that is documented, and a batch of one.
    let values = loss.forward_no_reduction(matrix(&ROWS, &device, F64), ints(&[2, -100, 1], &device));
    assert_near(number(loss.config().reduction.apply(values, None, Some(2usize.into()))), total / 2.0);
    let one = loss.forward(matrix(&ROWS[..1], &device, F64), ints(&[2], &device));
    assert_near(number(one), row(&ROWS[0], 2) / weights[2]);
}

#[test]
fn t03_all_rows_ignored_is_zero_with_a_live_zero_gradient() {
    for target in devices::all() {
        let device = target.device.clone().autodiff();
        for config in [
            "cross_entropy",
            "nll",
            "focal",
            "asymmetric",
            "poly1",
            "generalized",
            "symmetric",
            "brier",
            "multi_margin",
            "zero_one",
        ] {
            let text = format!("kind: {config}\nignore_index: 255");
            let config: ClassificationLossConfig =
                burn_losses::config::from_str(&text, burn_losses::config::Format::Yaml).unwrap();
            let logits = matrix(&ROWS, &device, target.dtype.into()).require_grad();
            let value = config.init(&device).forward(logits.clone(), ints(&[255, 255, 255], &device));
            let gradients = value.backward();
            assert_eq!(number(value), 0.0, "{text} on {}", target.name);
            assert_eq!(list(logits.grad(&gradients).unwrap()), [0.0; 9], "{text} on {}", target.name);
        }
    }
}

/// The host never waits for a device to raise an error, but a wrong label is never hidden, and is never used as an index.
#[test]
fn t04_a_label_out_of_range_is_nan_on_every_device() {
    for target in devices::all() {
        let device = target.device.clone().autodiff();
        for wrong in [-1, 3, 1_000_000, i32::MIN as i64] {
            let loss = CrossEntropyLossConfig::new().with_ignore_index(-100).init(&device);
            let labels = ints(&[2, wrong, 1], &device);
            let values = list(loss.forward_no_reduction(matrix(&ROWS, &device, target.dtype.into()), labels.clone()));
            assert!(
                values[0].is_finite() && values[1].is_nan() && values[2].is_finite(),
                "{}: {values:?}",
                target.name
            );
            let mean = loss.forward(matrix(&ROWS, &device, target.dtype.into()), labels);
            assert!(number(mean).is_nan(), "{}", target.name);
        }
    }
}

#[test]
fn t08_ignored_rows_may_hold_anything() {
    for target in devices::all() {
        let device = target.device.clone().autodiff();
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e30] {
            let loss = CrossEntropyLossConfig::new().with_ignore_index(-1).init(&device);
            let rows = [ROWS[0], [bad, 0.0, bad]];
            let logits = matrix(&rows, &device, target.dtype.into()).require_grad();
            let value = loss.forward(logits.clone(), ints(&[0, -1], &device));
            let gradients = list(logits.grad(&value.backward()).unwrap());
            assert!((number(value) - nll(&ROWS[0], 0)).abs() < 1e-6);
            assert!(gradients.iter().all(|g| g.is_finite()) && gradients[3..] == [0.0; 3], "{gradients:?}");
        }
    }
}

#[test]
fn t10_a_common_offset_changes_nothing() {
    for target in devices::all() {
        // Eighths and 8192 keep every sum exact.
        let rows = [[0.375, -1.25, 0.75], [1.5, 0.125, -0.5]];
        let device = target.device.clone().autodiff();
        let run = |offset: f64| {
            let logits = matrix(&rows, &device, target.dtype.into()) + offset;
            number(CrossEntropyLossConfig::new().init(&device).forward(logits, ints(&[0, 2], &device)))
        };
        assert_eq!(run(0.0), run(8192.0), "{}", target.name);
        assert!((run(0.0) - run(1e4)).abs() < 1e-3, "{}", target.name);
    }
}

#[test]
fn t14c_the_weights_of_ignored_rows_are_not_in_the_divisor() {
    let device = flex();
    let loss =
        CrossEntropyLossConfig::new().with_ignore_index(-100).with_reduction(Reduction::WeightedMean).init(&device);
    let weights = vector(&[2.0, 50.0, 0.5], &device, F64);
    let got = loss.forward_with(matrix(&ROWS, &device, F64), ints(&[2, -100, 1], &device), weights);
    assert_near(number(got), (2.0 * nll(&ROWS[0], 2) + 0.5 * nll(&ROWS[2], 1)) / 2.5);
}

#[test]
fn t68_crammer_singer_is_zero_when_all_wrong_scores_are_far_below() {
    let device = flex();
    let loss = MultiMarginLossConfig::new().with_variant(MultiMarginVariant::CrammerSinger).init(&device);
    let value = loss.forward(matrix(&[[-0.5, -2.0, -3.0]], &device, F64), ints(&[0], &device));
    assert_eq!(number(value), 0.0);
}

#[test]
fn label_smoothing_has_the_exact_optimum() {
    // For free logits the optimum is the smoothed target itself, with a known logit gap and entropy.
    let device = flex();
    for (spread, gap, minimum) in [(Spread::All, 4.510_860, 0.500_288), (Spread::Others, 4.394_449, 0.544_805)] {
        let loss =
            CrossEntropyLossConfig::new().with_label_smoothing(LabelSmoothing { epsilon: 0.1, spread }).init(&device);
        let mut row = [0.0; 10];
        row[3] = gap;
        let logits = matrix(&[row], &device, F64).require_grad();
        let value = loss.forward(logits.clone(), ints(&[3], &device));
        let gradient = list(logits.grad(&value.backward()).unwrap());
        assert!((number(value) - minimum).abs() < 1e-6);
        assert!(gradient.iter().all(|g| g.abs() < 1e-6), "{gradient:?}");
    }
}

/// A mean is the reduction of the unreduced values, even if some are ignored, weighted by class, or dropped.
#[test]
fn t70_none_then_mean_is_mean_with_ignored_rows_and_mining() {
    let device = flex();
    let config = CrossEntropyLossConfig::new().with_class_weights(vec![0.5, 2.0, 1.5]).with_ignore_index(-1);
    let ohem = burn_losses::classification::OhemLossConfig::new()
        .with_loss(Box::new(config.clone().into()))
        .with_keep(HardExamples::Count(1));
    let (logits, labels) = (matrix(&ROWS, &device, F64), ints(&[2, -1, 1], &device));
    fn means<L: ClassificationLoss>(loss: &L, logits: Tensor<2>, labels: Tensor<1, Int>) -> [f64; 3] {
        let unreduced = loss.forward_unreduced(logits.clone(), labels.clone(), Extras::new());
        let count = unreduced.count();
        let values = loss.forward_no_reduction(logits.clone(), labels.clone());
        [
            number(loss.forward(logits, labels)),
            number(Reduction::Mean.reduce(unreduced, None, None)),
            number(Reduction::Mean.apply(values, None, Some(count.into()))),
        ]
    }
    for [mean, reduced, divided] in [
        means(&config.init(&device), logits.clone(), labels.clone()),
        means(&ohem.init(&device), logits.clone(), labels.clone()),
    ] {
        assert_near(reduced, mean);
        assert_near(divided, mean);
    }
}

/// An option without an effect is refused even if only the arguments show that.
#[test]
fn t72_an_ignored_label_has_no_meaning_for_soft_targets() {
    let device = Device::flex();
    let loss = CrossEntropyLossConfig::new().with_ignore_index(1).init(&device);
    let logits = matrix(&ROWS, &device, F64);
    let error = loss.check_soft(&logits, &logits, &Extras::new()).unwrap_err().to_string();
    assert!(error.contains("rows are ignored by a `mask`"), "{error}");
}

#[test]
fn dense_prediction_ranks_agree_with_rows() {
    let device = flex();
    let loss = CrossEntropyLossConfig::new().init(&device);
    // The shape is [1, 3, 2, 1]: two positions of three classes.
    let rows = matrix(&ROWS[..2], &device, F64);
    let image: Tensor<4> = rows.clone().transpose().reshape([1, 3, 2, 1]);
    let labels: Tensor<3, Int> = ints(&[2, 0], &device).reshape([1, 2, 1]);
    let flat = number(loss.forward(rows, ints(&[2, 0], &device)));
    assert_near(number(loss.forward(image, labels)), flat);
}
