//! Labels, logits, and errors: regression, binary losses and classification.

use super::{F64, assert_near, flex, ints, list, matrix, number, vector};
use crate::devices;
use burn::module::Module;
use burn::tensor::{DType, Device, FloatDType, Int, Tensor, TensorData};
use burn_losses::binary::{
    BalancedBceLossConfig, BceInput, BceLossConfig, FocalLossConfig, GhmCLossConfig, HingeLossConfig, Keep,
    OhemLossConfig,
};
use burn_losses::classification::{
    CrossEntropyLossConfig, FocalLossConfig as SoftmaxFocalLossConfig, LabelSmoothing, MultiMarginLossConfig,
    MultiMarginVariant, NllLossConfig, Spread,
};
use burn_losses::config::Alpha;
use burn_losses::prelude::*;
use burn_losses::regression::{GhmRLossConfig, HuberLossConfig, LogCoshLossConfig, MseLossConfig, SmoothL1LossConfig};

/// -ln softmax, the plain way.
fn nll(row: &[f64], class: usize) -> f64 {
    row.iter().map(|x| x.exp()).sum::<f64>().ln() - row[class]
}

const ROWS: [[f64; 3]; 3] = [[0.3, -1.2, 0.8], [1.5, 0.1, -0.4], [-0.7, 0.9, 0.2]];

#[test]
fn t01_t02_t05_t06_t07_weights_smoothing_and_ignored_rows_together() {
    let (device, weights, e) = (flex(), [0.5, 2.0, 1.5], 0.2);
    let config = CrossEntropyLossConfig::new()
        .with_class_weights(weights.to_vec())
        .with_label_smoothing(LabelSmoothing { epsilon: e, spread: Spread::All })
        .with_ignore_index(-100);
    let loss = config.init(&device);
    // The middle row is ignored: neither its smoothing term nor its weight enters.
    let got = loss.forward(matrix(&ROWS, &device, F64), ints(&[2, -100, 1], &device));
    let row = |row: &[f64; 3], label: usize| {
        let spread: f64 = (0..3).map(|c| weights[c] * nll(row, c)).sum();
        (1.0 - e) * weights[label] * nll(row, label) + e / 3.0 * spread
    };
    let total = row(&ROWS[0], 2) + row(&ROWS[2], 1);
    assert_near(number(got), total / (weights[2] + weights[1]));
    // The documented other divisor, and a batch of one.
    let values = loss.forward_no_reduction(matrix(&ROWS, &device, F64), ints(&[2, -100, 1], &device));
    assert_near(number(loss.config().reduction.apply(values, None, Some(2usize.into()))), total / 2.0);
    let one = loss.forward(matrix(&ROWS[..1], &device, F64), ints(&[2], &device));
    assert_near(number(one), row(&ROWS[0], 2) / weights[2]);
}

#[test]
fn t03_all_rows_ignored_is_zero_with_a_live_zero_gradient() {
    for target in devices::all() {
        let device = target.device.clone().autodiff();
        for config in ["cross_entropy", "nll", "focal", "multi_margin", "zero_one"] {
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

/// No host waits for a device to raise an error, but a wrong label never passes unseen, and never reaches an index.
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
fn t11_t14b_probabilities_of_zero_and_one_are_finite() {
    for target in devices::all() {
        let device = target.device.clone().autodiff();
        for smoothing in [0.0, 0.1] {
            let loss =
                BceLossConfig::new().with_input(BceInput::Probabilities).with_label_smoothing(smoothing).init(&device);
            let p = vector(&[0.0, 1.0, 0.0, 1.0, 0.5], &device, target.dtype.into()).require_grad();
            let y = vector(&[0.0, 1.0, 1.0, 0.0, 1.0], &device, target.dtype.into());
            let values = list(loss.forward_no_reduction(p.clone(), y.clone()));
            let gradient = list(p.grad(&loss.forward(p.clone(), y).backward()).unwrap());
            assert!(gradient.iter().all(|g| g.is_finite()), "{}: {gradient:?}", target.name);
            if smoothing == 0.0 {
                // As in PyTorch, a logarithm is never below -100.
                assert_eq!(values[..4], [0.0, 0.0, 100.0, 100.0], "{}", target.name);
            }
        }
        let nll = NllLossConfig::new().with_ignore_index(7).init(&device);
        let value = nll.forward(matrix(&ROWS, &device, target.dtype.into()), ints(&[0, 7, 1], &device));
        assert!((number(value) + (ROWS[0][0] + ROWS[2][1]) / 2.0).abs() < 1e-6);
    }
}

#[test]
fn t14c_the_weights_of_ignored_rows_are_not_in_the_divisor() {
    let device = flex();
    let loss =
        CrossEntropyLossConfig::new().with_ignore_index(-100).with_reduction(Reduction::WeightedMean).init(&device);
    let weights = vector(&[2.0, 50.0, 0.5], &device, F64);
    let got = loss.forward_weighted(matrix(&ROWS, &device, F64), ints(&[2, -100, 1], &device), weights);
    assert_near(number(got), (2.0 * nll(&ROWS[0], 2) + 0.5 * nll(&ROWS[2], 1)) / 2.5);
}

#[test]
fn t15_t16_t17_focal_is_finite_at_saturated_logits_in_every_precision() {
    let mut targets = devices::all();
    for dtype in [FloatDType::F16, FloatDType::BF16] {
        targets.push(devices::Target { name: "flex half", device: Device::flex(), dtype, tolerance: 0.0 });
    }
    for target in targets {
        let device = target.device.clone().autodiff();
        for gamma in [0.0, 0.5, 1.0, 2.0] {
            let logits = [1e4, -1e4, 50.0, -50.0, 0.0];
            for positive in [0.0, 1.0] {
                let loss = FocalLossConfig::new().with_gamma(gamma).with_alpha(Alpha::None).init(&device);
                let bce = BceLossConfig::new().init(&device);
                let run = |value: Tensor<1>, x: &Tensor<1>| list(x.grad(&value.backward()).unwrap());
                let x = vector(&logits, &device, target.dtype.into()).require_grad();
                let y = vector(&[positive; 5], &device, target.dtype.into());
                let values = list(loss.forward_no_reduction(x.clone(), y.clone()));
                assert!(values.iter().all(|value| value.is_finite()), "{} {gamma}: {values:?}", target.name);
                let gradient = run(loss.forward(x.clone(), y.clone()), &x);
                assert!(gradient.iter().all(|g| g.is_finite()), "{} {gamma}: {gradient:?}", target.name);
                if gamma == 0.0 {
                    let x = vector(&logits, &device, target.dtype.into()).require_grad();
                    assert_eq!(gradient, run(bce.forward(x.clone(), y), &x), "{}", target.name);
                }
            }
        }
    }
}

#[test]
fn t18_alpha_weighs_the_positive_class_and_each_class_of_a_softmax() {
    let device = flex();
    let value = |alpha: f64, y: f64| {
        let loss = FocalLossConfig::new().with_gamma(0.0).with_alpha(alpha).init(&device);
        number(loss.forward(vector(&[0.0], &device, F64), vector(&[y], &device, F64)))
    };
    assert_near(value(0.9, 1.0) / value(0.9, 0.0), 9.0);
    let loss = SoftmaxFocalLossConfig::new().with_gamma(0.0).with_alpha(vec![1.0, 10.0, 100.0]).init(&device);
    let values = list(loss.forward_no_reduction(matrix(&[[0.0; 3]; 3], &device, F64), ints(&[0, 1, 2], &device)));
    assert_near(values[1] / values[0], 10.0);
    assert_near(values[2] / values[0], 100.0);
}

#[test]
fn t19_multi_class_focal_is_that_of_the_softmax_from_logits_or_probabilities() {
    let device = flex();
    let loss = SoftmaxFocalLossConfig::new().init(&device);
    let logits = matrix(&ROWS, &device, F64);
    let labels = ints(&[2, 0, 1], &device);
    let expected: Vec<f64> = [(0, 2), (1, 0), (2, 1)]
        .map(|(row, class)| {
            let nll = nll(&ROWS[row], class);
            (1.0 - (-nll).exp()).powi(2) * nll
        })
        .to_vec();
    let got = list(loss.forward_no_reduction(logits.clone(), labels.clone()));
    // The logarithms of probabilities are logits, and a label is a row of probabilities.
    let probabilities = burn::tensor::activation::softmax(logits.clone(), 1);
    let from_probabilities = list(loss.forward_no_reduction(probabilities.log(), labels));
    let one_hot = matrix(&[[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], &device, F64);
    let soft = list(loss.forward_soft_no_reduction::<2, 1>(logits, one_hot, None));
    for i in 0..3 {
        assert_near(got[i], expected[i]);
        assert_near(from_probabilities[i], expected[i]);
        assert_near(soft[i], expected[i]);
    }
}

#[test]
fn t20_t21_focal_reduces_by_mean_sum_and_positives_also_without_positives() {
    let device = flex();
    let run = |reduction: Reduction, targets: [[f64; 2]; 3]| {
        let loss = FocalLossConfig::new().with_reduction(reduction).init(&device);
        let logits = matrix(&[[1.0, -2.0], [0.5, 0.3], [-1.0, 2.0]], &device, F64);
        number(loss.forward(logits, matrix(&targets, &device, F64)))
    };
    let two = [[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]];
    assert_near(run(Reduction::Mean, two) * 6.0, run(Reduction::Sum, two));
    assert_near(run(Reduction::Positives, two) * 2.0, run(Reduction::Sum, two));
    let background = [[0.0; 2]; 3];
    assert_near(run(Reduction::Positives, background), run(Reduction::Sum, background));
}

#[test]
fn t21_one_class_alone_is_finite_when_balanced() {
    for positive in [0.0, 1.0] {
        let device = flex();
        let loss = BalancedBceLossConfig::new().init(&device);
        let x = vector(&[2.0, -1.0], &device, F64).require_grad();
        let value = loss.forward(x.clone(), vector(&[positive; 2], &device, F64));
        assert_eq!(list(x.grad(&value.backward()).unwrap()), [0.0, 0.0]);
        assert_eq!(number(value), 0.0);
    }
}

/// Logits whose gradient norm |sigmoid(x) - 0| is in the middle of a bin of ten.
fn in_bins(bins: &[usize], device: &Device) -> (Tensor<1>, Tensor<1>) {
    let logit = |bin: &usize| {
        let p = (*bin as f64 + 0.5) / 10.0;
        (p / (1.0 - p)).ln()
    };
    let logits: Vec<f64> = bins.iter().map(logit).collect();
    (vector(&logits, device, F64), vector(&vec![0.0; bins.len()], device, F64))
}

#[test]
fn t22_ghm_counts_start_unscaled_decay_when_empty_and_are_saved() {
    let device = flex();
    let config = GhmCLossConfig::new().with_bins(10usize).with_momentum(0.75);
    let loss = config.init(&device);
    let step = |loss: &burn_losses::binary::GhmCLoss, bins: &[usize]| {
        let (x, y) = in_bins(bins, &device);
        number(loss.forward(x, y))
    };
    step(&loss, &[0, 0, 0, 5]);
    let counts = list(loss.counts());
    assert_eq!((counts[0], counts[5]), (3.0, 1.0), "the first step is taken as it is");
    step(&loss, &[0, 0, 0, 0]);
    let counts = list(loss.counts());
    assert_eq!((counts[0], counts[5]), (3.25, 0.75), "an empty bin decays");

    // A gradient norm of 1 is in the last bin.
    let edge = config.init(&device);
    edge.forward(vector(&[1e4, -1e4], &device, F64), vector(&[0.0, 0.0], &device, F64));
    let counts = list(edge.counts());
    assert_eq!((counts[0], counts[9]), (1.0, 1.0));

    // Saved and loaded in the middle of training, the next step is the same.
    let record = loss.clone().into_record();
    let resumed = config.init(&device).load_record(record);
    assert_eq!(list(resumed.counts()), list(loss.counts()));
    assert_eq!(step(&resumed, &[1, 1, 5, 9]), step(&loss, &[1, 1, 5, 9]));

    // On a device without autodiff, which is validation, nothing is counted.
    let before = list(loss.counts());
    let plain = Device::flex();
    let (x, y) = in_bins(&[3, 3], &plain);
    loss.valid().forward(x, y);
    assert_eq!(list(loss.counts()), before);
}

#[test]
fn t22_ghm_gives_every_bin_the_same_weight() {
    let device = flex();
    let loss = GhmRLossConfig::new().init(&device);
    let errors = [0.001, 0.002, 0.0015, 0.02, 0.5, 3.0, 7.0, 100.0];
    let values = list(loss.forward_no_reduction(vector(&errors, &device, F64), vector(&[0.0; 8], &device, F64)));
    let mu: f64 = 0.02;
    let mut weight_of_bin = [0.0; 10];
    for (d, value) in errors.iter().zip(values) {
        let root = (d * d + mu * mu).sqrt();
        weight_of_bin[((d / root * 10.0) as usize).min(9)] += value / (root - mu);
    }
    let filled: Vec<f64> = weight_of_bin.into_iter().filter(|weight| *weight > 0.0).collect();
    assert_eq!(filled.len(), 3);
    for weight in &filled {
        assert!((weight - 8.0 / 3.0).abs() < 1e-9, "{filled:?}");
    }
}

#[test]
fn t23_ohem_keeps_exactly_the_hardest() {
    for target in devices::all() {
        let device = target.device.clone().autodiff();
        // The hinge of x at target 0 is 1 + x.
        let run = |keep: Keep, min_kept: usize, x: &[f64]| {
            let inner = Box::new(HingeLossConfig::new().into());
            let loss = OhemLossConfig::new().with_loss(inner).with_keep(keep).with_min_kept(min_kept).init(&device);
            let zeros = vec![0.0; x.len()];
            let x = vector(x, &device, target.dtype.into());
            let y = vector(&zeros, &device, target.dtype.into());
            (list(loss.forward_no_reduction(x.clone(), y.clone())), number(loss.forward(x, y)))
        };
        let (values, mean) = run(Keep::Count(2), 1, &[0.0, 3.0, 1.0, 2.0]);
        assert_eq!((values, mean), (vec![0.0, 4.0, 0.0, 3.0], 3.5), "{}", target.name);
        // Ties: exactly k, the first ones.
        let (values, _) = run(Keep::Ratio(0.5), 1, &[1.0; 4]);
        assert_eq!(values, [2.0, 2.0, 0.0, 0.0], "{}", target.name);
        // More than there are: all.
        assert_eq!(run(Keep::Count(9), 1, &[0.0, 1.0]).0, [1.0, 2.0], "{}", target.name);
        // A threshold that nothing passes still keeps the least number.
        assert_eq!(run(Keep::Threshold(10.0), 1, &[0.0, 1.0, 0.5]).0, [0.0, 2.0, 0.0], "{}", target.name);
        assert_eq!(run(Keep::Threshold(10.0), 0, &[0.0, 1.0]), (vec![0.0, 0.0], 0.0), "{}", target.name);
        assert_eq!(run(Keep::Threshold(1.2), 1, &[0.0, 1.0, 0.5]).0, [0.0, 2.0, 1.5], "{}", target.name);
    }
}

#[test]
fn t45_smooth_l1_at_zero_is_l1_with_a_finite_gradient_on_every_device() {
    for target in devices::all() {
        let device = target.device.clone().autodiff();
        let loss = SmoothL1LossConfig::new().with_beta(0.0).with_reduction(Reduction::Sum).init(&device);
        let p = vector(&[0.0, 2.0, -3.0], &device, target.dtype.into()).require_grad();
        let value = loss.forward(p.clone(), p.clone().detach() * 0.0);
        assert_eq!(list(p.grad(&value.backward()).unwrap()), [0.0, 1.0, -1.0], "{}", target.name);
        assert_eq!(number(value), 5.0);
    }
}

#[test]
fn t46_smooth_l1_is_huber_over_delta() {
    let device = flex();
    let (p, t) = (vector(&[0.0, 0.05, 0.1, 0.2, -4.0], &device, F64), vector(&[0.0; 5], &device, F64));
    let smooth = SmoothL1LossConfig::new().with_beta(1.0 / 9.0).init(&device);
    let huber = HuberLossConfig::new().with_delta(1.0 / 9.0).init(&device);
    assert_near(number(smooth.forward(p.clone(), t.clone())), 9.0 * number(huber.forward(p, t)));
}

#[test]
fn t47_t49_large_errors_do_not_overflow() {
    let ln2 = std::f64::consts::LN_2;
    for (dtype, error) in [(DType::F16, 4e4), (DType::BF16, 1e30), (DType::F32, 1e30), (DType::F64, 1e300)] {
        let device = flex();
        let loss = LogCoshLossConfig::new().init(&device);
        let p = vector(&[error], &device, dtype).require_grad();
        let value = loss.forward(p.clone(), vector(&[0.0], &device, dtype));
        let gradient = list(p.grad(&value.backward()).unwrap());
        let value = number(value);
        assert!((value / (error - ln2) - 1.0).abs() < 5e-3, "{dtype:?}: {value}");
        assert_eq!(gradient, [1.0], "{dtype:?}");
    }
    let device = flex();
    let loss = MseLossConfig::new().init(&device);
    let p = vector(&[300.0], &device, DType::F16).require_grad();
    let value = loss.forward(p.clone(), vector(&[0.0], &device, DType::F16));
    assert_eq!(list(p.grad(&value.backward()).unwrap()), [600.0]);
    assert_eq!((value.dtype(), number(value)), (DType::F32, 90000.0));
}

/// The Taylor series near zero, on devices whose log1p is only ln(1 + x).
#[test]
fn log_cosh_keeps_its_digits_near_zero_on_every_device() {
    for target in devices::all() {
        let device = target.device.clone();
        let errors = [1e-6, 1e-4, 1e-2, 0.2, 0.3, 1.0];
        let loss = LogCoshLossConfig::new().init(&device);
        let p = vector(&errors, &device, target.dtype.into());
        let values = list(loss.forward_no_reduction(p.clone(), p * 0.0));
        for (d, value) in errors.iter().zip(values) {
            let d = if target.dtype == FloatDType::F64 { *d } else { f64::from(*d as f32) };
            let expected = (2.0 * (d / 2.0).sinh().powi(2)).ln_1p();
            let allowed = if target.dtype == FloatDType::F64 { 1e-14 } else { 4e-6 };
            assert!((value / expected - 1.0).abs() < allowed, "{} at {d}: {value}", target.name);
        }
    }
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
    // With free logits the optimum is the smoothed target itself: its logit gap and its entropy are known.
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

#[test]
fn wrong_shapes_and_types_are_named() {
    let device = Device::flex();
    let message = |run: &dyn Fn()| {
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_err();
        panic.downcast_ref::<String>().expect("a message").clone()
    };
    let loss = FocalLossConfig::new().init(&device);
    let (x, y) = (Tensor::<2>::ones([4, 3], &device), Tensor::<2>::ones([4, 2], &device));
    let expected = "focal: `targets` has shape [4, 2], expected [4, 3] (that of `logits`)";
    assert_eq!(message(&|| drop(loss.forward(x.clone(), y.clone()))), expected);
    assert_eq!(loss.check(&x, &y, None).unwrap_err().to_string(), expected);
    assert_eq!(
        loss.check(&x, &x, Some(&y)).unwrap_err().to_string(),
        "focal: `weights` has shape [4, 2], expected [4, 3] (one weight per value) or [4, 1] (one per sample)"
    );
    let double = x.clone().cast(FloatDType::F64);
    assert_eq!(
        loss.check(&x, &double, None).unwrap_err().to_string(),
        "focal: `targets` has type F64, expected F32 (that of `logits`)"
    );
    assert!(loss.check(&x.clone().cast(FloatDType::F16), &x, None).is_ok(), "half precision goes with f32");

    let loss = CrossEntropyLossConfig::new().with_class_weights(vec![1.0; 5]).init(&device);
    assert_eq!(
        loss.check(&x, &Tensor::<1, Int>::zeros([4], &device), None).unwrap_err().to_string(),
        "cross_entropy: `logits` has shape [4, 3], expected 5 classes on axis 1, as the config has"
    );
    let loss = CrossEntropyLossConfig::new().init(&device);
    assert_eq!(
        loss.check(&x, &Tensor::<1, Int>::zeros([3], &device), None).unwrap_err().to_string(),
        "cross_entropy: `labels` has shape [3], expected [4] (that of `logits` without the class axis)"
    );
    let margin = MultiMarginLossConfig::new().init(&device);
    assert_eq!(
        message(&|| drop(margin.forward_soft(x.clone(), x.clone()))),
        "multi_margin: `probabilities` is not supported: this loss takes one label per row; `cross_entropy` and `focal` \
         take probabilities"
    );
    let multi_label = BceLossConfig::new().with_pos_weight(vec![1.0, 2.0]).init(&device);
    assert_eq!(
        multi_label.check(&x, &x, None).unwrap_err().to_string(),
        "bce: `logits` has shape [4, 3], expected 2 classes on axis 1, as `pos_weight` has"
    );
}

/// A mean is the reduction of the unreduced values, also where some are ignored, weighed by class, or dropped.
#[test]
fn t70_none_then_mean_is_mean_with_ignored_rows_and_mining() {
    let device = flex();
    let config = CrossEntropyLossConfig::new().with_class_weights(vec![0.5, 2.0, 1.5]).with_ignore_index(-1);
    let ohem = burn_losses::classification::OhemLossConfig::new()
        .with_loss(Box::new(config.clone().into()))
        .with_keep(Keep::Count(1));
    let (logits, labels) = (matrix(&ROWS, &device, F64), ints(&[2, -1, 1], &device));
    fn means<L: ClassificationLoss>(loss: &L, logits: Tensor<2>, labels: Tensor<1, Int>) -> [f64; 3] {
        let unreduced = loss.forward_unreduced(logits.clone(), labels.clone());
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

/// An option that would do nothing is refused also where only the arguments show it.
#[test]
fn t72_an_ignored_label_has_no_meaning_for_soft_targets() {
    let device = Device::flex();
    let loss = CrossEntropyLossConfig::new().with_ignore_index(1).init(&device);
    let logits = matrix(&ROWS, &device, F64);
    let error = loss.check_soft::<2, 1>(&logits, &logits, None, None).unwrap_err().to_string();
    assert!(error.contains("rows are ignored by a `mask`"), "{error}");
}

/// Errors that are small beside what is predicted keep their digits.
#[test]
fn tukey_scales_the_error_rather_than_its_parts() {
    let device = flex();
    let loss = burn_losses::regression::TukeyBiweightLossConfig::new()
        .with_scale(burn_losses::regression::TukeyScale::Mad)
        .init(&device);
    let errors = [0.125, -0.25, 0.0625, 0.5, -0.375];
    let run = |offset: f64| {
        let predictions: Vec<f64> = errors.iter().map(|error| offset + error).collect();
        let (p, t) = (vector(&predictions, &device, DType::F32), vector(&[offset; 5], &device, DType::F32));
        list(loss.forward_no_reduction(p, t))
    };
    assert_eq!(run(0.0), run(4096.0));
}

/// What was read from a device stays as it was, also in a type that needs no conversion, while the device goes on.
#[test]
fn what_an_evaluation_returns_does_not_change_afterwards() {
    for target in devices::all() {
        // lavapipe has an f64 whose logarithm is wrong, but what it gives must stay as it was, too.
        let dtypes = [FloatDType::F32, FloatDType::F64].into_iter();
        for dtype in dtypes.filter(|dtype| target.device.supports_dtype(*dtype)) {
            let loss = LossConfig::of("binary", "bce").unwrap().init(&target.device);
            let tensor = |data: [f64; 4]| TensorData::new(data.to_vec(), [4]);
            let inputs = burn_losses::eval::Inputs::from([
                ("logits".to_owned(), tensor([0.5, -1.0, 2.0, 0.25])),
                ("targets".to_owned(), tensor([1.0, 0.0, 0.3, 0.0])),
                ("weights".to_owned(), tensor([0.5, 3.0, 2.0, 0.1])),
            ]);
            let run = || loss.evaluate(&inputs, &target.device, dtype).unwrap();
            let first = run();
            let then = (first.unreduced.iter::<f64>().collect::<Vec<_>>(), first.gradients["logits"].clone());
            (0..5).for_each(|_| drop(run()));
            assert_eq!(first.unreduced.iter::<f64>().collect::<Vec<_>>(), then.0, "{}", target.name);
            assert_eq!(first.gradients["logits"], then.1, "{}", target.name);
        }
    }
}

#[test]
fn dense_prediction_ranks_agree_with_rows() {
    let device = flex();
    let loss = CrossEntropyLossConfig::new().init(&device);
    // [1, 3, 2, 1]: two positions of three classes.
    let rows = matrix(&ROWS[..2], &device, F64);
    let image: Tensor<4> = rows.clone().transpose().reshape([1, 3, 2, 1]);
    let labels: Tensor<3, Int> = ints(&[2, 0], &device).reshape([1, 2, 1]);
    let flat = number(loss.forward(rows, ints(&[2, 0], &device)));
    assert_near(number(loss.forward(image, labels)), flat);
}
