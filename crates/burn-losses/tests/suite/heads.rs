//! Heads in the fused engine: they agree with tensor operations, on any number of threads. Also heads that users write.

use crate::devices::{self, Target};
use crate::probe::numbers;
use burn::module::{Module, Param};
use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use burn_losses::classification::{CrossEntropyLoss, CrossEntropyLossConfig};
use burn_losses::config::{Format, from_str};
use burn_losses::extend::{Head, Scaling};
use burn_losses::formula::Real;
use burn_losses::heads::{HeadLossConfig, SoftmaxLossConfig};
use burn_losses::prelude::*;
use burn_losses::with_tensor_operations;
use rayon::ThreadPoolBuilder;

/// A batch for a head, of some rows, classes (or their centers) and numbers per row.
struct Batch {
    embeddings: Vec<f64>,
    weight: Vec<f64>,
    labels: Vec<i32>,
    weights: Vec<f64>,
}

impl Batch {
    fn new([rows, centers, classes, size]: [usize; 4]) -> Self {
        Self {
            embeddings: numbers(rows * size, 2),
            weight: numbers(centers * size, 3),
            labels: (0..rows).map(|row| (row * 7919 % classes) as i32).collect(),
            weights: numbers(rows, 4).iter().map(|u| 1.5 + u).collect(),
        }
    }

    /// The weighted value, and the gradients of embeddings, weight and, if the head has one, bias; each of them must exist.
    fn run(&self, config: &str, target: &Target) -> Vec<Vec<f64>> {
        let device = target.device.clone().autodiff();
        let head = from_str::<HeadLossConfig>(config, Format::Json).expect("a config").init(&device);
        let of = |numbers: &[f64]| TensorData::new(numbers.to_vec(), [numbers.len()]);
        let tensor = |numbers: &[f64]| Tensor::<1>::from_data(of(numbers), (&device, DType::from(target.dtype)));
        let shape @ [_, size] = head.weight().dims();
        let head = head.with_weight(tensor(&self.weight).reshape(shape));
        let embeddings = tensor(&self.embeddings).reshape([self.labels.len(), size]).require_grad();
        let labels = Tensor::<1, Int>::from_data(&self.labels[..], &device);
        let value = head.forward_with(embeddings.clone(), labels, tensor(&self.weights));
        let gradients = value.backward();
        let list = |data: TensorData| data.convert::<f64>().iter::<f64>().collect::<Vec<_>>();
        let mut all = vec![list(value.into_data())];
        let leaves = [embeddings, head.weight()];
        all.extend(leaves.map(|leaf| list(leaf.grad(&gradients).expect("a gradient").into_data())));
        all.extend(head.bias().map(|bias| list(bias.grad(&gradients).expect("a gradient").into_data())));
        all
    }

    /// Compares the fused engine with tensor operations on every CPU device; NaN has to be at the same places.
    fn compare(&self, config: &str) {
        for target in devices::cpu() {
            let (got, expected) = (self.run(config, &target), with_tensor_operations(|| self.run(config, &target)));
            assert_eq!(got.len(), expected.len());
            for (what, (got, expected)) in got.iter().zip(&expected).enumerate() {
                let largest = expected.iter().fold(1e-30_f64, |most, x| most.max(x.abs()));
                for (i, (a, b)) in got.iter().zip(expected).enumerate() {
                    let is_near = (a - b).abs() <= 10.0 * target.tolerance * largest || (a.is_nan() && b.is_nan());
                    assert!(is_near, "{config} on {}: {a}, not {b}: number {i} of result {what}", target.name);
                }
            }
        }
    }
}

/// The sizes need several blocks of rows, several products in sequence, and products that use several threads.
#[test]
fn heads_have_the_same_bits_whatever_the_number_of_threads() {
    let classes = 3001;
    for (kind, options, centers) in [
        ("softmax", r#""bias": true"#, 1),
        ("softmax", r#""bias": true, "chunk_rows": 100"#, 1),
        ("adaface", r#""scale": 16.0"#, 1),
        ("l_softmax", r#""lambda": {"base": 1.0, "minimum": 0.5}, "chunk_rows": 100"#, 1),
        ("sub_center_arcface", r#""scale": 16.0, "sub_centers": 2, "chunk_rows": 170"#, 2),
    ] {
        let batch = Batch::new([301, classes * centers, classes, 64]);
        let config = format!(r#"{{"kind": "{kind}", "num_classes": {classes}, "embedding_dim": 64, {options}}}"#);
        for target in devices::cpu().iter().take(2) {
            let run = |threads| {
                let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
                pool.install(|| batch.run(&config, target))
            };
            let one = run(1);
            for threads in [2, 5] {
                assert!(run(threads) == one, "{config} on {threads} threads on {}: other bits", target.name);
            }
        }
        batch.compare(&config);
    }
}

/// Vectors of length 0, ignored rows, several rows of a class, and two centers that are equally near.
#[test]
fn lengths_and_centers_have_the_gradients_of_tensor_operations() {
    let (classes, size) = (7, 5);
    let lambda = r#""lambda": {"base": 0.5, "minimum": 0.25}"#;
    let cases = [("l_softmax", lambda, 1), ("a_softmax", lambda, 1), ("sub_center_arcface", r#""scale": 8.0"#, 3)];
    let options = [
        r#""reduction": "mean""#,
        r#""reduction": "mean", "prior": [50.0, 20.0, 1.0, 5.0, 0.5, 2.0, 7.0]"#,
        r#""reduction": "batch_mean", "prior": [50.0, 20.0, 1.0, 5.0, 0.5, 2.0, 7.0], "ignore_index": 3,
            "label_smoothing": {"epsilon": 0.2, "spread": "all"}"#,
        r#""reduction": "sum", "ignore_index": 3, "class_weights": [0.5, 2.0, 1.0, 1.5, 0.25, 0.0, 1.0]"#,
        r#""reduction": "weighted_mean", "chunk_rows": 4, "label_smoothing": {"epsilon": 0.2, "spread": "others"}"#,
    ];
    for (kind, own, centers) in cases {
        let mut batch = Batch::new([23, classes * centers, classes, size]);
        batch.embeddings[2 * size..3 * size].fill(0.0);
        let second = batch.labels[1] as usize * centers * size;
        batch.weight[second..second + size].fill(0.0);
        if centers > 1 {
            // The first two centers of the fifth class are equal.
            let fifth = 4 * centers * size;
            batch.weight.copy_within(fifth..fifth + size, fifth + size);
        }
        for option in options {
            let config =
                format!(r#"{{"kind": "{kind}", "num_classes": {classes}, "embedding_dim": {size}, {own}, {option}}}"#);
            batch.compare(&config);
            let mut wrong =
                Batch { labels: batch.labels.clone(), ..Batch::new([23, classes * centers, classes, size]) };
            wrong.labels[5] = classes as i32;
            wrong.compare(&config);
        }
    }
}

/// The sum of a bias's gradient over many rows keeps its precision.
#[test]
fn the_gradient_of_a_bias_is_summed_in_double_precision() {
    let config = r#"{"kind": "softmax", "bias": true, "num_classes": 3, "embedding_dim": 1, "reduction": "sum"}"#;
    let mut batch = Batch::new([60_000, 3, 3, 1]);
    batch.labels.fill(0);
    batch.weights.fill(1.0);
    let [exact, target] = [0, 1].map(|i| devices::cpu().remove(i));
    // Both runs get the same numbers.
    let rounded = |numbers: &mut Vec<f64>| numbers.iter_mut().for_each(|x| *x = f64::from(*x as f32));
    rounded(&mut batch.embeddings);
    rounded(&mut batch.weight);
    let (got, expected) = (batch.run(config, &target).remove(3), batch.run(config, &exact).remove(3));
    for (got, expected) in got.into_iter().zip(expected) {
        assert!((got / expected - 1.0).abs() <= 2.0 * f64::from(f32::EPSILON), "{got}, not {expected}");
    }
}

/// A head as a user writes it.
#[derive(Module, Debug)]
struct Own {
    weight: Param<Tensor<2>>,
    rows: CrossEntropyLoss,
    centers: usize,
    samples: bool,
}

impl Own {
    fn new(shape: [usize; 2], centers: usize, samples: bool) -> Self {
        let device = Device::flex();
        let weight = Tensor::from_data(TensorData::new(numbers(shape.iter().product(), 5), shape), &device);
        let rows = CrossEntropyLossConfig::new().init(&device);
        Self { weight: Param::from_tensor(weight), rows, centers, samples }
    }
}

impl Head for Own {
    fn scaling(&self) -> Scaling {
        Scaling::cosines(4.0)
    }
    fn margin<R: Real>(&self, cosine: R, _: Option<R>) -> R {
        cosine - 0.1
    }
    fn centers_per_class(&self) -> usize {
        self.centers
    }
}

impl Loss for Own {
    fn kind(&self) -> &'static str {
        "own"
    }
    fn reduction(&self) -> Reduction {
        Reduction::Mean
    }
}

impl HeadLoss for Own {
    fn cross_entropy(&self) -> &CrossEntropyLoss {
        &self.rows
    }
    fn sampled_classes(&self, labels: &Tensor<1, Int>, _: bool) -> Option<Tensor<1, Int>> {
        self.samples.then(|| Tensor::from_data([1, 4], &labels.device()))
    }
    fn weight(&self) -> Tensor<2> {
        self.weight.val()
    }
    fn with_weight(mut self, weight: Tensor<2>) -> Self {
        self.weight = Param::from_tensor(weight);
        self
    }
}

#[test]
fn a_head_of_ones_own_without_classes_is_refused() {
    let device = Device::flex();
    let labels = Tensor::<1, Int>::from_ints([0, 1], &device);
    for (shape, centers, expected) in [
        (
            [0, 3],
            1,
            "own: `weight` has shape [0, 3], expected [C, E] (at least one class, and one number per embedding)",
        ),
        (
            [4, 0],
            1,
            "own: `weight` has shape [4, 0], expected [C, E] (at least one class, and one number per embedding)",
        ),
        (
            [4, 3],
            0,
            "own: `weight` has shape [4, 3], expected at least one row for each class: `centers_per_class` is 0",
        ),
        (
            [5, 3],
            2,
            "own: `weight` has shape [5, 3], expected [2 C, E] (2 rows for each class, at least one class and one number \
             per embedding)",
        ),
    ] {
        let head = Own::new(shape, centers, false);
        let embeddings = Tensor::<2>::ones([2, shape[1]], &device);
        let error = head.check(&embeddings, &labels, &Extras::new()).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert!(head.diagnose(&embeddings, &labels, None).to_string().contains("weight"));
    }
}

/// With kernels and without, the reduced value is the mean of the unreduced values.
#[test]
fn a_head_of_ones_own_keeps_what_it_says() {
    let device = Device::flex();
    let labels = Tensor::<1, Int>::from_ints([0, 2, 1], &device);
    let embeddings = Tensor::<2>::from_floats([[1.0, 0.5], [-0.3, 2.0], [0.1, -1.0]], &device);
    let values = [false, true].map(|samples| {
        let head = Own::new([12, 2], 2, samples);
        let value: f32 = head.forward(embeddings.clone(), labels.clone()).into_scalar();
        let expected: f32 = head.forward_no_reduction(embeddings.clone(), labels.clone()).mean().into_scalar();
        assert!((value - expected).abs() < 1e-6, "{value}, not {expected}");
        value
    });
    assert!((values[0] - values[1]).abs() > 0.01, "all classes, and some of them: {values:?}");
    // At most five of the six classes take part: the labels, and two that are drawn.
    let head = SoftmaxLossConfig::new(6, 2).with_sample_rate(0.2).init(&device);
    let all = SoftmaxLossConfig::new(6, 2).init(&device).with_weight(head.weight());
    let [some, all] = [head.forward(embeddings.clone(), labels.clone()), all.forward(embeddings, labels)];
    assert!(some.into_scalar::<f32>() < all.into_scalar::<f32>());
}
