//! T84: zero times anything is zero.

use super::{assert_close, evaluate, every_case, flex_f64, floats};
use crate::devices;
use crate::probe::{batch, shares_rows, weighted, with_field};
use burn::tensor::TensorData;
use burn_losses::eval::Inputs;
use burn_losses::{AnyLoss, BoxTargets, Boxes, LossConfig, registry, with_tensor_operations};

const ROWS: usize = 6;

/// A batch in which the second sample has the weight 0, and `numbers` for its first argument.
fn with_row(loss: &AnyLoss, numbers: Option<f64>) -> Inputs {
    let mut inputs = weighted(loss, batch(loss, ROWS, 2.0, &[], 14), 15);
    let mut change = |name: &str, number: f64| {
        let data = &inputs[name];
        let (mut all, shape) = (floats(data), data.shape().clone());
        let width = all.len() / ROWS;
        all[width..2 * width].fill(number);
        inputs.insert(name.into(), TensorData::new(all, shape));
    };
    change("weights", 0.0);
    if let Some(number) = numbers {
        change(loss.input(), number);
    }
    inputs
}

/// A weight of 0 times an infinite or NaN value, and times its derivative, is 0: the sample adds nothing, and has no gradient.
#[test]
fn t84_a_weight_of_zero() {
    every_case(|config, target| {
        let loss = config.init(&target.device);
        // Samples of a head share its weight; boxes and pixels are finite.
        let may_be_infinite = match &loss {
            AnyLoss::Heads(_) | AnyLoss::Segmentation(_) | AnyLoss::Metric(_) => false,
            AnyLoss::Boxes(boxes) => boxes.targets() == BoxTargets::Bins,
            _ => true,
        };
        // Losses that depend on the batch as a whole also see samples of weight 0.
        if !may_be_infinite || shares_rows(config, &batch(&loss, ROWS, 2.0, &[], 14)) {
            return;
        }
        let run = |inputs: &Inputs| evaluate(&config.init(&target.device), inputs, target);
        let expected = run(&with_row(&loss, None));
        let (low, high) = if loss.input() == "probabilities" { (0.001, 0.999) } else { (-30.0, 30.0) };
        if [low, high].into_iter().any(|number| run(&with_row(&loss, Some(number))).loss != expected.loss) {
            return;
        }
        let numbers = if loss.input() == "probabilities" { vec![f64::NAN] } else { vec![f64::INFINITY, f64::NAN] };
        for number in numbers {
            let inputs = with_row(&loss, Some(number));
            let without = || [&inputs, &with_row(&loss, None)].map(run);
            for (path, [got, expected]) in [("fused", without()), ("tensor", with_tensor_operations(without))] {
                let place = format!("{config:?} with {number}, {path} on {}", target.name);
                assert_close(&place, &[got.loss], &[expected.loss], 10.0 * target.tolerance);
                let [got, mut expected] = [&got, &expected].map(|all| floats(&all.gradients[loss.input()]));
                let width = got.len() / ROWS;
                expected[width..2 * width].fill(0.0);
                assert_close(&place, &got, &expected, 10.0 * target.tolerance);
            }
        }
    });
}

/// A class weight, a positive weight or a term's weight of 0 times an infinite value is 0 too.
#[test]
fn t84_a_factor_of_zero() {
    let of = |family: &str, kind: &str, fields: &str| -> LossConfig {
        serde_yaml_ng::from_str(&format!("family: {family}\nkind: {kind}\n{fields}")).expect("a config")
    };
    let binary = [
        of("binary", "bce", "pos_weight: 0.0"),
        of("binary", "balanced_bce", "alpha: 0.0"),
        of("binary", "focal", "alpha: 0.0"),
        of("binary", "weighted_sum", "terms: { a: { kind: bce, weight: 0.0 }, b: { kind: ramp } }"),
    ];
    let classes = [
        of("classification", "cross_entropy", "class_weights: [0.0, 1.0, 1.0]"),
        of("classification", "cross_entropy", "class_weights: [0.0, 1.0, 1.0]\nlabel_smoothing: { epsilon: 0.1 }"),
        of("classification", "focal", "alpha: [0.0, 1.0, 1.0]"),
        of("classification", "multi_margin", "class_weights: [0.0, 1.0, 1.0]"),
        of("classification", "nll", "class_weights: [0.0, 1.0, 1.0]"),
    ];
    for target in devices::cpu() {
        for config in binary.iter().chain(&classes) {
            let inputs = if binary.contains(config) {
                // The positive side has the factor 0, and the logit of its target is infinitely wrong.
                let logits = vec![f64::NEG_INFINITY, 0.5, -0.25];
                Inputs::from([
                    ("logits".into(), TensorData::new(logits, [3])),
                    ("targets".into(), TensorData::new(vec![1.0, 0.0, 0.0], [3])),
                ])
            } else {
                // Class 0 has the weight 0.
                let logits = vec![f64::NEG_INFINITY, 0.5, -0.25, f64::NEG_INFINITY, 1.0, 2.0];
                let name = config.init(&target.device).input().to_owned();
                Inputs::from([
                    (name, TensorData::new(logits, [2, 3])),
                    ("labels".into(), TensorData::new(vec![0i64, 2], [2])),
                ])
            };
            let run = || evaluate(&config.init(&target.device), &inputs, &target);
            for (path, got) in [("fused", run()), ("tensor", with_tensor_operations(run))] {
                let numbers = got.gradients.iter().filter(|(name, _)| name.starts_with("log"));
                let is_finite = got.loss.is_finite() && numbers.flat_map(|(_, data)| floats(data)).all(f64::is_finite);
                assert!(is_finite, "{config:?}, {path} on {}: {got:?}", target.name);
            }
        }
    }
}

/// The documented rule, as a number: a weighted mean without any weight is 0.
#[test]
fn t84_no_weight_at_all() {
    let target = flex_f64();
    for info in registry() {
        let config = with_field(&info, "reduction", &"weighted_mean".into()).expect("every loss has it");
        let loss = config.init(&target.device);
        let mut inputs = weighted(&loss, batch(&loss, ROWS, 2.0, &[], 14), 15);
        let weights = inputs["weights"].clone();
        inputs.insert("weights".into(), TensorData::new(vec![0.0; weights.num_elements()], weights.shape().clone()));
        assert_eq!(evaluate(&loss, &inputs, &target).loss, 0.0, "{config:?}");
    }
}
