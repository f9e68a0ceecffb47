//! Heads in chunks of rows give the same numbers as all rows at once.

use crate::devices::{self, Target};
use crate::probe::numbers;
use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use burn_losses::config::{Format, from_str};
use burn_losses::heads::{AnyHeadLoss, HeadLossConfig};
use burn_losses::prelude::*;
use burn_losses::{LossInfo, registry};

const ROWS: usize = 7;
const CLASSES: usize = 5;
const SIZE: usize = 4;

fn tensor<const D: usize>(target: &Target, device: &Device, shape: [usize; D], seed: u64) -> Tensor<D> {
    let data = TensorData::new(numbers(shape.iter().product(), seed), shape);
    Tensor::from_data(data, (device, DType::from(target.dtype))).require_grad()
}

/// Returns the values, and the gradients of embeddings, weight, weights and bias, for one config.
fn run(
    text: &str,
    target: &Target,
    finish: impl Fn(&AnyHeadLoss, Tensor<2>, Tensor<1, Int>, Tensor<1>) -> Tensor<1>,
) -> Vec<Vec<f64>> {
    let device = target.device.clone().autodiff();
    let config: HeadLossConfig = from_str(text, Format::Json).unwrap();
    let head = config.init(&device);
    let weight = tensor::<2>(target, &device, head.weight().dims(), 1);
    let head = head.with_weight(weight);
    let embeddings = tensor::<2>(target, &device, [ROWS, SIZE], 2);
    let weights = tensor::<1>(target, &device, [ROWS], 3);
    let labels = Tensor::<1, Int>::from_ints([0, 3, 1, 2, 4, 3, 0], &device);
    let value = finish(&head, embeddings.clone(), labels, weights.clone());
    let values: Vec<f64> = value.clone().into_data().iter().collect();
    // The upstream gradient is not 1, and differs from value to value.
    let upstream = Tensor::<1>::from_data(
        TensorData::from([0.7, -2.0, 3.0, 0.5, 1.5, -0.25, 4.0]),
        (&device, DType::from(target.dtype)),
    );
    let gradients = (value.clone() * upstream.narrow(0, 0, value.dims()[0])).sum().backward();
    let mut all = vec![values];
    all.extend(
        [embeddings, head.weight()].map(|x| x.grad(&gradients).expect("a gradient").into_data().iter().collect()),
    );
    all.extend(weights.grad(&gradients).map(|x| x.into_data().iter().collect()));
    all.extend(head.bias().map(|x| x.grad(&gradients).expect("a gradient").into_data().iter().collect()));
    all
}

fn compare(text: &str, chunk: usize, target: &Target) {
    let chunked = text.replacen('{', &format!("{{\"chunk_rows\": {chunk}, "), 1);
    let near = |what: &str, got: Vec<Vec<f64>>, expected: Vec<Vec<f64>>| {
        assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(&expected) {
            let largest = expected.iter().fold(1e-3_f64, |most, x| most.max(x.abs()));
            for (a, b) in got.iter().zip(expected) {
                let error = (a - b).abs() / largest;
                assert!(error <= 20.0 * target.tolerance, "{what} of {chunked} on {}: {a} {b}", target.name);
            }
        }
    };
    let reduced = |head: &AnyHeadLoss, x, y, w| head.forward_with(x, y, w);
    let plain = |head: &AnyHeadLoss, x, y, _| head.forward(x, y);
    let unreduced = |head: &AnyHeadLoss, x, y, _| head.forward_no_reduction(x, y);
    near("the weighted value", run(&chunked, target, reduced), run(text, target, reduced));
    near("the value", run(&chunked, target, plain), run(text, target, plain));
    near("the unreduced values", run(&chunked, target, unreduced), run(text, target, unreduced));
}

fn has_field(info: &LossInfo, name: &str) -> bool {
    info.fields.iter().any(|field| field.name == name)
}

fn chunked() -> Vec<LossInfo> {
    let all = registry().into_iter().filter(|info| info.family == "heads");
    all.filter(|info| has_field(info, "chunk_rows")).collect()
}

/// Compares the gradients of embeddings, weight, bias and weights, for sizes that do not divide the batch.
#[test]
fn t63_t64_chunked_is_plain() {
    let options = [
        r#""reduction": "mean""#,
        r#""reduction": "mean", "prior": [50.0, 20.0, 1.0, 5.0, 0.5]"#,
        r#""reduction": "sum", "class_weights": [0.5, 2.0, 1.0, 1.5, 0.25]"#,
        r#""reduction": "weighted_mean", "ignore_index": 3, "label_smoothing": {"epsilon": 0.2, "spread": "others"}"#,
        r#""reduction": "batch_mean", "ignore_index": 3, "class_weights": [0.5, 2.0, 1.0, 1.5, 0.25],
            "label_smoothing": {"epsilon": 0.1, "spread": "all"}"#,
    ];
    assert!(chunked().len() >= 7);
    for target in devices::cpu() {
        for info in chunked() {
            let kind = info.kind;
            // If the margin grows over the steps, this is the margin alone.
            let lambda = if has_field(&info, "lambda") { r#""lambda": {"base": 0.0, "minimum": 0.0}, "# } else { "" };
            for option in options.map(|option| format!("{lambda}{option}")) {
                let text =
                    format!(r#"{{"kind": "{kind}", "num_classes": {CLASSES}, "embedding_dim": {SIZE}, {option}}}"#);
                for chunk in [1, 3, 6] {
                    compare(&text, chunk, &target);
                }
            }
        }
        let bias = format!(r#"{{"kind": "softmax", "bias": true, "num_classes": {CLASSES}, "embedding_dim": {SIZE}}}"#);
        compare(&bias, 2, &target);
    }
}

#[test]
fn t63_chunked_is_plain_on_the_gpu() {
    let Some(target) = devices::gpu() else { return };
    for (kind, option) in [("softmax", r#""bias": true"#), ("arcface", r#""scale": 8.0"#)] {
        let text = format!(
            r#"{{"kind": "{kind}", "num_classes": {CLASSES}, "embedding_dim": {SIZE}, "ignore_index": 3, {option}}}"#
        );
        compare(&text, 3, &target);
    }
}

/// Training with chunks has the same loss curve.
#[test]
fn t66_the_loss_curve_of_chunks_is_the_plain_one() {
    for target in devices::cpu().into_iter().filter(|target| target.name.ends_with("f64")) {
        let curve = |chunk: &str| {
            let text = format!(
                r#"{{"kind": "arcface", "scale": 4.0, "num_classes": {CLASSES}, "embedding_dim": {SIZE}{chunk}}}"#
            );
            let config: HeadLossConfig = from_str(&text, Format::Json).unwrap();
            let device = target.device.clone().autodiff();
            let mut weight = tensor::<2>(&target, &device, [CLASSES, SIZE], 1);
            let embeddings = tensor::<2>(&target, &device, [ROWS, SIZE], 2);
            let labels = Tensor::<1, Int>::from_ints([0, 3, 1, 2, 4, 3, 0], &device);
            let step = |_| {
                let head = config.init(&device).with_weight(weight.clone());
                let value = head.forward(embeddings.clone(), labels.clone());
                let gradients = value.backward();
                let gradient = head.weight().grad(&gradients).expect("a gradient");
                weight = Tensor::from_inner(weight.clone().inner() - gradient * 0.3).require_grad();
                value.into_scalar::<f64>()
            };
            (0..20).map(step).collect::<Vec<_>>()
        };
        let (plain, chunked) = (curve(""), curve(r#", "chunk_rows": 2"#));
        assert!(plain[19] < 0.7 * plain[0], "{plain:?}");
        assert!(plain.iter().zip(&chunked).all(|(a, b)| (a - b).abs() < 1e-12), "{plain:?} {chunked:?}");
    }
}

/// The values also agree where nothing has a gradient.
#[test]
fn chunked_values_are_where_the_plain_ones_are() {
    let device = Device::flex().autodiff();
    let config = burn_losses::heads::ArcfaceLossConfig::new(10, SIZE).with_chunk_rows(2);
    let head = burn::module::Module::no_grad(config.init(&device));
    let embeddings = Tensor::<2>::ones([5, SIZE], &device);
    let labels = Tensor::<1, Int>::from_ints([0, 1, 2, 3, 4], &device);
    assert!(head.forward(embeddings.clone(), labels.clone()).device().is_autodiff());
    assert!(head.forward_no_reduction(embeddings, labels).device().is_autodiff());
}
