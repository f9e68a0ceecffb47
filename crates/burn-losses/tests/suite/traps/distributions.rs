//! Distributions.

use super::{F64, assert_near, flex, is_finite, list, matrix, number};
use crate::devices;
use burn::tensor::{Device, Int, Tensor, TensorData};
use burn_losses::config::{Format, from_str};
use burn_losses::distribution::{Direction, DistillationLossConfig, DistributionInput, KlDivergenceLossConfig};
use burn_losses::eval::Inputs;
use burn_losses::prelude::*;
use burn_losses::{LossConfig, registry};

fn kl(log_p: Tensor<2>, t: Tensor<2>, direction: Direction) -> Tensor<1> {
    KlDivergenceLossConfig::new().with_direction(direction).init(&log_p.device()).forward_no_reduction(log_p, t)
}

#[test]
fn t12_a_target_of_zero_has_the_gradient_zero_and_the_mean_is_that_of_the_rows() {
    let device = flex();
    // The first class is impossible in both: its logarithm is minus infinity.
    let log_p = matrix(&[[f64::NEG_INFINITY, 0.25f64.ln(), 0.75f64.ln()], [0.5f64.ln(); 3]], &device, F64);
    let log_p = log_p.require_grad();
    let t = matrix(&[[0.0, 0.5, 0.5], [0.2, 0.3, 0.5]], &device, F64).require_grad();
    let values = kl(log_p.clone(), t.clone(), Direction::Forward);
    let first = 0.5 * 2f64.ln() + 0.5 * (0.5f64 / 0.75).ln();
    assert_near(list(values.clone())[0], first);
    let gradients = values.sum().backward();
    assert_eq!(list(log_p.grad(&gradients).unwrap())[..3], [0.0, -0.5, -0.5]);
    assert_eq!(list(t.grad(&gradients).unwrap())[0], 0.0);

    // `mean` is PyTorch's `batchmean`; its `mean` is a third of that.
    let loss = KlDivergenceLossConfig::new().init(&device);
    let (log_p, t) = (matrix(&[[0.5f64.ln(), 0.5f64.ln()], [0.1f64.ln(), 0.9f64.ln()]], &device, F64), [[1.0, 0.0]; 2]);
    let mean = number(loss.forward(log_p, matrix(&t, &device, F64)));
    assert_near(mean, (2f64.ln() + 10f64.ln()) / 2.0);

    let nothing = || Tensor::<2>::zeros([0, 3], (&device, F64)).require_grad();
    let leaf = nothing();
    let value = loss.forward(leaf.clone(), nothing());
    let gradients = value.backward();
    assert_eq!((number(value), leaf.grad(&gradients).unwrap().dims()), (0.0, [0, 3]));
}

#[test]
fn t13_kl_is_the_same_on_every_device() {
    let log_p = [[0.1f64.ln(), 0.2f64.ln(), 0.7f64.ln()], [0.0, -1e4, -2e4], [0.3f64.ln(), 0.3f64.ln(), 0.4f64.ln()]];
    let t = [[0.0, 1.0, 0.0], [0.5, 0.5, 0.0], [0.25, 0.25, 0.5]];
    for direction in [Direction::Forward, Direction::Reverse] {
        let on = |device: &Device, dtype| {
            let leaf = matrix(&log_p, device, dtype).require_grad();
            let values = kl(leaf.clone(), matrix(&t, device, dtype), direction);
            let gradients = values.clone().sum().backward();
            [list(values), list(leaf.grad(&gradients).unwrap())].concat()
        };
        let expected = on(&flex(), F64);
        for target in devices::all() {
            for (got, expected) in on(&target.device.clone().autodiff(), target.dtype.into()).iter().zip(&expected) {
                assert!((got - expected).abs() <= 1e-6 * (1.0 + expected.abs()), "{}: {got} {expected}", target.name);
            }
        }
    }
}

/// Very small probabilities down to 0, also subnormal ones, in every direction and on every device.
#[test]
fn vanishing_probabilities_have_finite_gradients() {
    for target in devices::all() {
        for info in registry().iter().filter(|info| info.family == "distribution") {
            let loss = LossConfig::example("distribution", info.kind).unwrap().init(&target.device);
            for z in (80..=112).chain([700, 720, 744, 760]) {
                let tensor = |data: Vec<f64>| TensorData::new(data, [2, 3]);
                let inputs = Inputs::from([
                    ("logits".into(), tensor(vec![0.0, -5.0, -f64::from(z), -f64::from(z), 0.0, -1.0])),
                    ("targets".into(), tensor(vec![1.0, 0.0, 0.0, 0.5, 0.5 - 1e-42, 1e-42])),
                ]);
                let got = loss.evaluate(&inputs, &target.device, target.dtype).unwrap();
                assert!(is_finite(&got), "{} on {} at {z}", info.kind, target.name);
            }
        }
    }
}

/// A teacher's distribution may be given as logits, at any temperature.
#[test]
fn distillation_of_logits_and_of_impossible_classes() {
    let device = flex();
    let value = |form: &str, temperature: f64, teacher: [f64; 3]| {
        let text = format!("kind = 'distillation'\ninput = 'logits'\ntarget = '{form}'\ntemperature = {temperature}");
        let config: DistributionLossConfig = from_str(&text, Format::Toml).unwrap();
        let student = matrix(&[[0.3, -0.2, 0.9]], &device, F64);
        number(config.init(&device).forward(student, matrix(&[teacher], &device, F64)))
    };
    assert_near(
        value("log_probabilities", 20.0, [-1000.0, -1001.0, -1005.0]),
        value("log_probabilities", 20.0, [0.0, -1.0, -5.0]),
    );
    let [a, b] = [0.0, 1e-300].map(|none| value("probabilities", 0.001, [0.5, 0.5 - none, none]));
    assert!((a - b).abs() < 1e-9 && a > 0.0, "{a} {b}");
}

/// p = (.01, .01, .04, .04, .1, .1, .35, .35), sent in a code of 2, 2, 3, 3, 4, 4, 5 and 5 bits.
#[test]
fn eight_kinds_of_weather_in_bits() {
    let device = flex();
    let p = [0.01, 0.01, 0.04, 0.04, 0.1, 0.1, 0.35, 0.35];
    let bits = [2.0, 2.0, 3.0, 3.0, 4.0, 4.0, 5.0, 5.0];
    let value = |kind: &str, log_p: [f64; 8]| {
        let config: DistributionLossConfig = from_str(&format!("kind = '{kind}'\nbase = 2"), Format::Toml).unwrap();
        let loss = config.init(&device);
        number(loss.forward(matrix(&[log_p], &device, F64), matrix(&[p], &device, F64)))
    };
    let code = bits.map(|bits: f64| -bits * 2f64.ln());
    let entropy: f64 = p.iter().map(|p: &f64| -p * p.log2()).sum();
    assert_near(value("entropy", p.map(f64::ln)), entropy);
    assert_near(value("cross_entropy", code), 4.58);
    assert_near(value("kl_divergence", code), 4.58 - entropy);
    assert_eq!(format!("{entropy:.2}"), "2.23");
    assert_eq!(format!("{:.2}", 4.58 - entropy), "2.35");
}

#[test]
fn a_hard_weight_needs_labels_and_a_wrong_label_is_nan() {
    let device = flex();
    let config = DistillationLossConfig::new().with_hard_weight(0.5).with_input(DistributionInput::Logits);
    let loss = config.init(&device);
    let (student, teacher) = (matrix(&[[1.0, 0.0]], &device, F64), matrix(&[[0.5, 0.5]], &device, F64));
    let error = loss.check(&student, &teacher, &Extras::new()).unwrap_err().to_string();
    assert_eq!(error, "distillation: `labels` is missing: `hard_weight` is not 0: call `forward_with_labels`");
    let labels = Tensor::<1, Int>::from_ints([2], &device);
    assert!(number(loss.forward_with_labels(student, teacher, labels, Extras::new())).is_nan());
}
