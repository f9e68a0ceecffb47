//! T84: zero times anything is zero.

use super::masks::is_per_row;
use super::{assert_close, evaluate, every_case, every_signature, everywhere_else, flex_f64, floats};
use crate::devices::{self, Target};
use crate::probe::{batch, numbers, shares_rows, weighted, with_field};
use burn::tensor::TensorData;
use burn_losses::config::{Table, Value};
use burn_losses::eval::Inputs;
use burn_losses::{AnyLoss, LossConfig, LossInfo, registry, with_tensor_operations};

const ROWS: usize = 6;

/// The inputs with one number in place of all numbers in the second row of some arguments.
fn with_row(inputs: &Inputs, names: &[String], number: f64) -> Inputs {
    let mut inputs = inputs.clone();
    for name in names {
        let (mut all, shape) = (floats(&inputs[name]), inputs[name].shape().clone());
        let width = all.len() / shape[0];
        all[width..2 * width].fill(number);
        inputs.insert(name.clone(), TensorData::new(all, shape));
    }
    inputs
}

/// The same inputs, but the weight of the second row is 0.
fn weightless(inputs: &Inputs) -> Inputs {
    with_row(inputs, &["weights".to_owned()], 0.0)
}

/// The arguments of numbers that have an entry for each row, without the weights.
fn numbers_of_rows(loss: &AnyLoss, inputs: &Inputs) -> Vec<String> {
    let of_rows = |name: &String| name != "weights" && is_per_row(loss, inputs, name);
    let of_floats = inputs.iter().filter(|(_, data)| data.dtype().is_float());
    of_floats.map(|(name, _)| name.clone()).filter(of_rows).collect()
}

/// Whether the unreduced values differ anywhere but in the places where `own` is true: what a value depends on, it depends on with
/// any weight.
fn reaches_others(config: &LossConfig, [first, second]: [&Inputs; 2], own: impl Fn(usize, usize) -> bool) -> bool {
    let exact = flex_f64();
    let values = |inputs: &Inputs| floats(&evaluate(&config.init(&exact.device), inputs, &exact).unreduced);
    let (first, second) = (values(first), values(second));
    (0..first.len()).any(|at| !own(at, first.len()) && first[at] != second[at])
}

/// Checks that inputs with other numbers where the weight is 0 have the same loss, and the same gradients where `own` is false. Where
/// it is true, the gradients are 0; of the weights they are any numbers there.
fn assert_nothing_comes_through(
    config: &LossConfig,
    [changed, inputs]: [&Inputs; 2],
    target: &Target,
    own: impl Fn(&str, usize, usize) -> bool,
) {
    let run = |inputs: &Inputs| evaluate(&config.init(&target.device), inputs, target);
    let both = || [run(changed), run(inputs)];
    for (path, [got, expected]) in [("fused", both()), ("tensor", with_tensor_operations(both))] {
        let place = format!("{config:?}, {path} on {}, {:?}", target.name, inputs.keys().collect::<Vec<_>>());
        assert_close(&place, &[got.loss], &[expected.loss], 10.0 * target.tolerance);
        for (name, expected) in &expected.gradients {
            let place = format!("{place}: {name}");
            let [mut got, mut expected] = [&got.gradients[name], expected].map(floats);
            let count = expected.len();
            for at in (0..count).filter(|at| own(name, *at, count)) {
                assert!(got[at] == 0.0 || name == "weights", "{place}: at {at} the gradient is {}", got[at]);
                (got[at], expected[at]) = (0.0, 0.0);
            }
            assert_close(&place, &got, &expected, 10.0 * target.tolerance);
        }
    }
}

/// Checks a row of weight 0 with a number in place of those of some arguments. What the law skips: a loss whose other values depend
/// on this row, since there a row of weight 0 still counts.
fn check_row(config: &LossConfig, inputs: &Inputs, (names, number): (&[String], f64), target: &Target) {
    let (loss, changed) = (config.init(&target.device), with_row(inputs, names, number));
    let rows = inputs["weights"].shape()[0];
    let is_second = |at: usize, count: usize| at / (count / rows).max(1) == 1;
    if reaches_others(config, [inputs, &changed], is_second) {
        return;
    }
    // The row of another argument may be in the values of other rows, as a key is.
    let own = |name: &str, at: usize, count: usize| {
        let is_changed = name == "weights" || names.iter().any(|changed| changed == name);
        is_changed && is_per_row(&loss, inputs, name) && is_second(at, count)
    };
    assert_nothing_comes_through(config, [&changed, inputs], target, own);
}

/// The config with the reduction `sum`, which has no divisor.
fn summed(config: &LossConfig) -> LossConfig {
    let Value::Table(mut table) = config.to_value() else { panic!("a table") };
    table.insert("reduction", "sum");
    LossConfig::from_value(table.into()).unwrap_or_else(|error| panic!("{config:?}: {error}"))
}

/// A weight of 0 times an infinite or NaN value, and times its derivative, is 0: the sample adds nothing, and has no gradient.
#[test]
fn t84_a_weight_of_zero() {
    every_case(|config, target| {
        let loss = config.init(&target.device);
        let inputs = weightless(&weighted(&loss, batch(&loss, ROWS, 2.0, &[], 14), 15));
        let first = [loss.input().to_owned()];
        // Losses that depend on the batch as a whole also see samples of weight 0.
        if shares_rows(config, &inputs) {
            return;
        }
        let is_probability = loss.input() == "probabilities";
        let (low, high) = if is_probability { (0.001, 0.999) } else { (-30.0, 30.0) };
        let run = |inputs: &Inputs| evaluate(&config.init(&target.device), inputs, target).loss;
        let expected = run(&inputs);
        // The numbers of a row decide whether it counts in the divisor.
        if [low, high].into_iter().any(|number| run(&with_row(&inputs, &first, number)) != expected) {
            return;
        }
        for number in if is_probability { vec![f64::NAN] } else { vec![f64::INFINITY, f64::NAN] } {
            check_row(config, &inputs, (&first, number), target);
        }
    });
}

fn check_row_of_nan(config: &LossConfig, target: &Target) {
    let config = summed(config);
    let loss = config.init(&target.device);
    let inputs = weightless(&weighted(&loss, batch(&loss, ROWS, 2.0, &[], 14), 15));
    check_row(&config, &inputs, (&numbers_of_rows(&loss, &inputs), f64::NAN), target);
}

/// A row of weight 0 adds nothing to a sum, and has no gradient in any argument, even if all its numbers are NaN.
#[test]
fn t84_a_row_of_nan_with_a_weight_of_zero() {
    every_case(check_row_of_nan);
}

/// The same holds in half precision and on a GPU.
#[test]
fn t84_a_row_of_nan_with_a_weight_of_zero_everywhere_else() {
    everywhere_else(check_row_of_nan);
}

/// The same holds for every other way to call a loss, for the first argument and for all of them.
#[test]
fn t84_a_row_of_nan_with_a_weight_of_zero_in_every_signature() {
    let target = &devices::cpu()[0];
    every_signature(|config, inputs| {
        let mut inputs = inputs.clone();
        inputs.remove("mask");
        if !inputs.contains_key("weights") {
            return;
        }
        let (config, inputs) = (summed(config), weightless(&inputs));
        let loss = config.init(&target.device);
        let first = loss.signature(&inputs)[0].name.to_owned();
        for names in [vec![first], numbers_of_rows(&loss, &inputs)] {
            check_row(&config, &inputs, (&names, f64::NAN), target);
        }
    });
}

/// The same holds for one class of one sample, where a value belongs to a class.
#[test]
fn t84_a_class_of_nan_with_a_weight_of_zero() {
    every_case(|config, target| {
        if config.family() != "segmentation" {
            return;
        }
        let loss = config.init(&target.device);
        let (mut inputs, classes) = (batch(&loss, ROWS, 2.0, &[2, 2], 14), 3);
        // The second class of the second sample.
        let chosen = classes + 1;
        let mut weights: Vec<f64> = numbers(ROWS * classes, 16).iter().map(|u| 1.5 + u).collect();
        weights[chosen] = 0.0;
        inputs.insert("weights".into(), TensorData::new(weights, [ROWS, classes]));
        let first = loss.input();
        let mut pixels = floats(&inputs[first]);
        let own = |at: usize, count: usize| at / (count / (ROWS * classes)) == chosen;
        for at in (0..pixels.len()).filter(|at| own(*at, pixels.len())).collect::<Vec<_>>() {
            pixels[at] = f64::NAN;
        }
        let mut changed = inputs.clone();
        changed.insert(first.into(), TensorData::new(pixels, inputs[first].shape().clone()));
        // In a softmax, and in a sum over classes or samples, the pixels of a class are in other values too.
        if !reaches_others(config, [&inputs, &changed], own) {
            assert_nothing_comes_through(config, [&changed, &inputs], target, |name, at, count| {
                count >= ROWS * classes && name != "labels" && own(at, count)
            });
        }
    });
}

/// The unreduced values are times the weights too.
#[test]
fn t84_unreduced_values_of_weight_zero() {
    use burn::tensor::{Device, Tensor};
    use burn_losses::regression::MseLossConfig;

    let device = Device::flex().autodiff();
    let run = || {
        let predictions = Tensor::<1>::from_floats([2.0, f32::NAN], &device).require_grad();
        let weights = Tensor::<1>::from_floats([3.0, 0.0], &device);
        let loss = MseLossConfig::new().init(&device);
        let values = loss.forward_unreduced(predictions.clone(), Tensor::zeros([2], &device), weights).values;
        let gradient = predictions.grad(&values.clone().sum().backward()).expect("a gradient");
        [values, gradient].map(|numbers| numbers.into_data().iter::<f32>().collect::<Vec<_>>())
    };
    for got in [run(), with_tensor_operations(run)] {
        assert_eq!(got, [[12.0, 0.0], [12.0, 0.0]]);
    }
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

/// The same holds for sums of metric losses, each of which takes another part of a row from the others.
#[test]
fn t84_a_row_of_nan_with_a_weight_of_zero_in_a_sum() {
    let terms: Vec<Value> = registry().into_iter().filter(|info| info.family == "metric").map(term_of_a_sum).collect();
    let target = &devices::cpu()[0];
    for (at, first) in terms.iter().enumerate() {
        for second in &terms[at..] {
            let mut table = Table::new();
            table.insert("family", "metric");
            table.insert("kind", "weighted_sum");
            let of_each = [("a", first.clone()), ("b", second.clone())];
            let mut terms = Table::new();
            of_each.into_iter().for_each(|(name, term)| terms.insert(name, term));
            table.insert("terms", Value::Table(terms));
            table.insert("reduction", "sum");
            let config = LossConfig::from_value(table.into()).unwrap_or_else(|error| panic!("{error}"));
            let loss = config.init(&target.device);
            let inputs = weightless(&weighted(&loss, batch(&loss, ROWS, 2.0, &[], 14), 15));
            check_row(&config, &inputs, (&numbers_of_rows(&loss, &inputs), f64::NAN), target);
        }
    }
}

/// The default config of a metric loss, for the batches of these tests and without the keys that a term has not.
fn term_of_a_sum(info: LossInfo) -> Value {
    let mut table = info.example();
    for (name, number) in [("num_classes", 3), ("embedding_dim", 4)] {
        if info.fields.iter().any(|field| field.name == name) {
            table.insert(name, number);
        }
    }
    table.remove("family");
    table.remove("reduction");
    table.into()
}

/// In a batch in which no anchor counts, any row may hold NaN.
#[test]
fn t84_a_row_of_nan_where_no_anchor_counts() {
    let forms = ["generalized: false", "generalized: true"];
    for (form, target) in forms.into_iter().flat_map(|form| devices::cpu().into_iter().map(move |on| (form, on))) {
        let own = format!("family: metric\nkind: lifted_structure\n{form}");
        let sum =
            format!("family: metric\nkind: weighted_sum\nterms: {{ only: {{ kind: lifted_structure, {form} }} }}");
        for (text, labels) in [own, sum].iter().flat_map(|text| [[0i64; 4], [0, 1, 2, 3]].map(|labels| (text, labels)))
        {
            let config: LossConfig = serde_yaml_ng::from_str(text).expect("a config");
            let rows = vec![1.0, 0.0, f64::NAN, 0.1, 0.0, 1.0, 0.1, 1.1];
            let inputs = Inputs::from([
                ("embeddings".into(), TensorData::new(rows, [4, 2])),
                ("labels".into(), TensorData::new(labels.to_vec(), [4])),
            ]);
            let run = || evaluate(&config.init(&target.device), &inputs, &target);
            for got in [run(), with_tensor_operations(run)] {
                let place = format!("{config:?}, {labels:?} on {}", target.name);
                assert_eq!(got.loss, 0.0, "{place}");
                assert_eq!(floats(&got.gradients["embeddings"]), [0.0; 8], "{place}");
            }
        }
    }
}

/// A row that is in no pair that counts may hold NaN, with any weight, and so may the first row of a pair whose weight is 0: other rows
/// have the gradients that they have with any number there.
#[test]
fn t84_a_row_of_nan_in_no_pair() {
    let configs = ["kind: n_pair", "kind: weighted_sum\nterms: { only: { kind: n_pair } }"];
    let configs = configs.map(|text| {
        serde_yaml_ng::from_str::<LossConfig>(&format!("family: metric\nreduction: sum\n{text}")).expect("a config")
    });
    let (labels, unit) = (vec![0i64, 0, 1, 1, 2, 1], [1.0; 6]);
    let without = |row: usize| {
        let mut weights = unit;
        weights[row] = 0.0;
        Some(weights)
    };
    // A row of a class of its own, and the third row of a class, are in no pair. Row 2 is the first of its class.
    for (row, weights) in [(4, None), (4, without(4)), (5, None), (5, without(5)), (2, without(2))] {
        let inputs = |number: f64| {
            let mut rows = vec![1.0, 0.0, 0.9, 0.1, 0.0, 1.0, 0.1, 1.1, 0.3, 0.2, -0.4, 0.6];
            rows[2 * row..2 * row + 2].fill(number);
            let mut inputs = Inputs::from([
                ("embeddings".into(), TensorData::new(rows, [6, 2])),
                ("labels".into(), TensorData::new(labels.clone(), [6])),
            ]);
            if let Some(weights) = weights {
                inputs.insert("weights".into(), TensorData::new(weights.to_vec(), [6]));
            }
            inputs
        };
        for (config, target) in configs.iter().flat_map(|config| devices::cpu().into_iter().map(move |on| (config, on)))
        {
            let run = |number: f64| evaluate(&config.init(&target.device), &inputs(number), &target);
            for (got, expected) in [(run(f64::NAN), run(0.5)), with_tensor_operations(|| (run(f64::NAN), run(0.5)))] {
                let place = format!("{config:?}, row {row}, {weights:?} on {}", target.name);
                assert_close(&place, &[got.loss], &[expected.loss], 10.0 * target.tolerance);
                let [got, expected] = [got, expected].map(|results| floats(&results.gradients["embeddings"]));
                assert_close(&place, &got, &expected, 10.0 * target.tolerance);
            }
        }
    }
    // The second row of a pair is a negative of the others, whatever its own weight is.
    let mut inputs = Inputs::from([
        ("embeddings".into(), TensorData::new(vec![1.0, 0.0, f64::NAN, 0.1, 0.0, 1.0, 0.1, 1.1], [4, 2])),
        ("labels".into(), TensorData::new(vec![0i64, 0, 1, 1], [4])),
    ]);
    inputs.insert("weights".into(), TensorData::new(vec![1.0, 0.0, 1.0, 1.0], [4]));
    let target = flex_f64();
    assert!(evaluate(&configs[0].init(&target.device), &inputs, &target).loss.is_nan());
}
