//! Embeddings: heads, whose logits Burn computes as a matrix product, and pairs, whose scores it computes so too.

use crate::devices::{self, Target};
use crate::engine::loss_on;
use crate::golden::{rounded, whole};
use crate::probe::{numbers, parameters};
use burn::tensor::TensorData;
use burn_losses::eval::{Evaluation, Inputs};
use burn_losses::{LossConfig, watched, with_tensor_operations};
use serde_json::{Value, json};

fn config(family: &str, kind: &str, fields: &Value) -> LossConfig {
    serde_json::from_value(whole(family, kind, fields)).expect("a config")
}

/// Checks that the numbers agree, relative to the largest of each tensor; NaN has to be at the same places.
fn assert_close(got: &Evaluation, expected: &Evaluation, tolerance: f64, place: &str) {
    let floats = |data: &TensorData| data.iter::<f64>().collect::<Vec<_>>();
    let all = |evaluation: &Evaluation| {
        let loss = ("loss".to_owned(), vec![evaluation.loss]);
        let gradients = evaluation.gradients.iter().map(|(name, data)| (format!("gradient of {name}"), floats(data)));
        let unreduced = ("unreduced".to_owned(), floats(&evaluation.unreduced));
        [loss, unreduced].into_iter().chain(gradients).collect::<Vec<_>>()
    };
    for ((what, got), (_, expected)) in all(got).into_iter().zip(all(expected)) {
        let most = expected.iter().filter(|x| x.is_finite()).fold(1e-6, |most: f64, x| most.max(x.abs()));
        assert_eq!(got.len(), expected.len(), "{place}: {what}");
        for (i, (got, expected)) in got.iter().zip(&expected).enumerate() {
            let is_right = (got - expected).abs() <= tolerance * most || (got.is_nan() && expected.is_nan());
            assert!(is_right, "{place}: {what} {i} is {got} against {expected}");
        }
    }
}

/// Checks that the GPU, with this executor, agrees with tensor operations in double precision, and gives the same bits twice.
fn check(config: &LossConfig, gpu: &Target, inputs: Inputs, executor: &str, tolerance: f64) {
    let inputs = rounded(inputs);
    let expected = with_tensor_operations(|| loss_on(config, &devices::cpu()[0], &inputs));
    let (got, paths) = watched(|| loss_on(config, gpu, &inputs));
    let place = format!("{config:?} of {:?}", inputs["embeddings"].shape());
    let ran = |paths: &[&str]| paths.contains(&executor);
    assert!(ran(&paths.fused) && !ran(&paths.tensor), "{place}: {paths:?}");
    assert_close(&got, &expected, tolerance, &place);
    let again = loss_on(config, gpu, &inputs);
    let bits = |data: &TensorData| data.iter::<f64>().map(f64::to_bits).collect::<Vec<_>>();
    assert!(got.loss.to_bits() == again.loss.to_bits() && bits(&got.unreduced) == bits(&again.unreduced), "{place}");
    for (name, gradient) in &got.gradients {
        assert!(bits(gradient) == bits(&again.gradients[name]), "{place}: other bits of the gradient of {name}");
    }
}

fn tensor(shape: Vec<usize>, seed: u64) -> TensorData {
    TensorData::new(numbers(shape.iter().product(), seed), shape)
}

/// A batch of `rows` embeddings, with some of the labels replaced by those in `odd`.
fn batch(config: &LossConfig, [rows, classes, size]: [usize; 3], odd: &[i64]) -> Inputs {
    let loss = config.init(&devices::cpu()[0].device);
    let label = |(row, x): (usize, f64)| match odd.get(row % 7) {
        Some(odd) => *odd,
        None => ((x + 1.0) / 2.0 * classes as f64) as i64,
    };
    let labels: Vec<i64> = numbers(rows, 2).into_iter().enumerate().map(label).collect();
    let parameters = parameters(&loss).map(|(name, shape)| (name.to_owned(), tensor(shape, 3)));
    let given =
        [("embeddings".into(), tensor(vec![rows, size], 1)), ("labels".into(), TensorData::new(labels, [rows]))];
    given.into_iter().chain(parameters).collect()
}

const HEADS: [&str; 10] = [
    "softmax",
    "normalized_softmax",
    "arcface",
    "cosface",
    "am_softmax",
    "combined_margin",
    "adaface",
    "sub_center_arcface",
    "a_softmax",
    "l_softmax",
];

/// The fields of a head of this kind, with a scale at which logits are as precise as other numbers.
fn fields(kind: &str, classes: usize, options: &Value) -> Value {
    let mut fields = json!({ "num_classes": classes, "embedding_dim": 8 });
    if !["softmax", "l_softmax", "a_softmax"].contains(&kind) {
        fields["scale"] = 4.0.into();
    }
    for (name, value) in options.as_object().expect("a table") {
        fields[name] = value.clone();
    }
    fields
}

#[test]
fn heads_of_any_number_of_rows_and_classes() {
    let Some(gpu) = devices::gpu() else { return };
    for kind in HEADS {
        for (rows, classes) in [(1, 2), (33, 19), (257, 65), (5, 1000)] {
            let config = config("heads", kind, &fields(kind, classes, &json!({})));
            check(&config, &gpu, batch(&config, [rows, classes, 8], &[]), "rows", 1e-5);
        }
    }
}

#[test]
fn heads_with_every_option() {
    let Some(gpu) = devices::gpu() else { return };
    let weights: Vec<f64> = (0..9).map(|class| 0.25 + f64::from(class % 5)).collect();
    let options = [
        json!({ "ignore_index": -100 }),
        json!({ "prior": weights }),
        json!({ "prior": weights, "label_smoothing": { "epsilon": 0.1 }, "ignore_index": -100 }),
        json!({ "class_weights": weights, "reduction": "sum" }),
        json!({ "label_smoothing": { "epsilon": 0.1 }, "reduction": "batch_mean" }),
        json!({ "label_smoothing": { "epsilon": 0.1 }, "class_weights": weights, "ignore_index": -100 }),
        json!({ "chunk_rows": 7, "ignore_index": -100 }),
    ];
    // Heads without lengths, with both lengths, and with numbers that the caller supplies.
    for kind in ["arcface", "l_softmax", "adaface"] {
        for options in &options {
            let config = config("heads", kind, &fields(kind, 9, options));
            let ignored = options.get("ignore_index").is_some();
            check(&config, &gpu, batch(&config, [40, 9, 8], if ignored { &[-100] } else { &[] }), "rows", 1e-5);
        }
        // Some labels are out of range.
        let config = config("heads", kind, &fields(kind, 9, &json!({ "reduction": "sum" })));
        check(&config, &gpu, batch(&config, [40, 9, 8], &[9, -3]), "rows", 1e-5);
    }
}

#[test]
fn pairs_of_any_number_of_rows() {
    let Some(gpu) = devices::gpu() else { return };
    let cases = [
        ("nt_xent", json!({})),
        ("sup_con", json!({})),
        ("multi_similarity", json!({})),
        ("circle", json!({ "gamma": 16.0 })),
        ("contrastive", json!({})),
        ("contrastive", json!({ "normalize": false })),
        ("triplet", json!({ "mining": "hard" })),
        ("triplet", json!({ "mining": "easy", "distance": "cosine" })),
        ("clip", json!({})),
        ("siglip", json!({})),
    ];
    for (kind, fields) in cases {
        let config = config("metric", kind, &fields);
        for rows in [2, 4, 32, 66, 258] {
            // Rows have no, one or several partners of the same label.
            for classes in [1, 3, 40] {
                check(&config, &gpu, batch(&config, [rows, classes, 8], &[]), "pairs", 2e-5);
            }
        }
    }
}

/// The largest exponent of an anchor is found however far below 0 it is.
#[test]
fn exponents_far_below_zero() {
    let Some(gpu) = devices::gpu() else { return };
    let config = config("metric", "nca", &json!({ "normalize": false }));
    let inputs = Inputs::from([
        ("embeddings".into(), TensorData::new(vec![0.0, 3e16, 1e16], [3, 1])),
        ("labels".into(), TensorData::new(vec![0i64, 0, 1], [3])),
    ]);
    check(&config, &gpu, inputs, "pairs", 1e-5);
}
