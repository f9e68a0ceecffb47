//! Rows of logits.

use crate::devices;
use crate::probe::numbers;
use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use burn_losses::classification::{CrossEntropyLossConfig, FocalLossConfig, LabelSmoothing};
use burn_losses::{Reduction, watched};

/// A loss of rows on some logits and labels. Some labels are out of range, or ignored if the loss has an index for that.
#[derive(Clone)]
struct Case {
    config: CrossEntropyLossConfig,
    rows: usize,
    classes: usize,
    scale: f64,
    has_weights: bool,
    has_wrong_labels: bool,
    view: fn(Tensor<2>) -> Tensor<2>,
}

impl Case {
    fn new(rows: usize, classes: usize) -> Self {
        let config = CrossEntropyLossConfig::new();
        Self { config, rows, classes, scale: 4.0, has_weights: false, has_wrong_labels: false, view: |x| x }
    }

    fn label(&self, row: usize, random: f64, classes: usize) -> i64 {
        match row % 7 {
            3 if self.config.ignore_index.is_some() => -100,
            5 if self.has_wrong_labels => classes as i64 + 3,
            6 if self.has_wrong_labels => -3,
            _ => ((random + 1.0) / 2.0 * classes as f64) as i64,
        }
    }

    /// The reduced value, its gradient, the unreduced values, and their gradient.
    fn run(&self, device: &Device, dtype: DType) -> [Vec<f64>; 4] {
        let device = device.clone().autodiff();
        let loss = self.config.init(&device);
        let (rows, classes) = (self.rows, self.classes);
        let tensor = |numbers: Vec<f64>| {
            let numbers: Vec<f64> = numbers.into_iter().map(|x| f64::from(x as f32)).collect();
            let count = numbers.len();
            Tensor::<1>::from_data(TensorData::new(numbers, [count]), (&device, dtype))
        };
        let [_, seen] = (self.view)(Tensor::zeros([rows, classes], &device)).dims();
        let label = |(row, x)| self.label(row, x, seen);
        let labels: Vec<i64> = numbers(rows, 2).into_iter().enumerate().map(label).collect();
        let labels = || Tensor::<1, Int>::from_data(TensorData::new(labels.clone(), [rows]), &device);
        let logits: Vec<f64> = numbers(rows * classes, 1).into_iter().map(|x| self.scale * x).collect();
        let leaf = || tensor(logits.clone()).reshape([rows, classes]).detach().require_grad();
        let (first, second) = (leaf(), leaf());
        let run = || {
            let logits = (self.view)(first.clone());
            let weights = || tensor(numbers(rows, 3).into_iter().map(|x| x + 1.0).collect());
            let value = match self.has_weights {
                true => loss.forward_with(logits, labels(), weights()),
                false => loss.forward(logits, labels()),
            };
            (value, loss.forward_no_reduction((self.view)(second.clone()), labels()))
        };
        let ((value, values), paths) = watched(run);
        assert!(paths.tensor.is_empty() || dtype == DType::F64, "{paths:?}");
        let upstream = tensor(numbers(rows, 4)).cast(values.dtype());
        let gradient = |leaf: &Tensor<2>, value: Tensor<1>| leaf.grad(&value.backward()).expect("a gradient");
        let of_value = gradient(&first, value.clone());
        let of_values = gradient(&second, (values.clone() * upstream).sum());
        let floats = |data: TensorData| data.convert::<f64>().iter().collect();
        [value.into_data(), of_value.into_data(), values.into_data(), of_values.into_data()].map(floats)
    }

    /// Checks that the GPU agrees with tensor operations in double precision, and that two runs give the same bits.
    fn check(&self, gpu: &Device, dtype: DType, tolerance: f64) {
        let expected = self.run(&Device::flex(), DType::F64);
        let got = self.run(gpu, dtype);
        let place = format!("{:?} on [{}, {}]", self.config, self.rows, self.classes);
        for (what, (got, expected)) in
            ["value", "gradient", "values", "gradient of values"].iter().zip(got.iter().zip(&expected))
        {
            // Smaller numbers are the rounding noise of numbers that cancel each other.
            let least = if *what == "gradient" { 1.0 / self.rows as f64 } else { 1.0 };
            let most = expected.iter().filter(|x| !x.is_nan()).fold(least, |most: f64, x| most.max(x.abs()));
            for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
                let is_right = (got - expected).abs() <= tolerance * most || (got.is_nan() && expected.is_nan());
                assert!(is_right, "{place}: {what} {i} is {got} against {expected}");
            }
        }
        let bits = |results: &[Vec<f64>; 4]| results.concat().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert!(bits(&got) == bits(&self.run(gpu, dtype)), "{place}: other bits");
    }
}

#[test]
fn any_number_of_rows_and_classes() {
    let Some(gpu) = devices::gpu() else { return };
    for rows in [1, 31, 33, 257] {
        for classes in [2, 3, 19, 64, 65, 1000] {
            Case::new(rows, classes).check(&gpu.device, DType::F32, 3e-6);
        }
    }
    for (rows, classes) in [(65_537, 3), (5, 32_768), (2, 200_000)] {
        Case::new(rows, classes).check(&gpu.device, DType::F32, 3e-6);
    }
}

#[test]
fn every_config() {
    let Some(gpu) = devices::gpu() else { return };
    let weights: Vec<f64> = (0..90).map(|class| 0.25 + f64::from(class % 5)).collect();
    let new = CrossEntropyLossConfig::new;
    let smoothing = LabelSmoothing { epsilon: 0.1, ..Default::default() };
    let configs = [
        new(),
        new().with_ignore_index(-100),
        new().with_class_weights(weights.clone()),
        new().with_class_weights(weights.clone()).with_ignore_index(-100).with_z_loss(1e-2),
        new().with_label_smoothing(smoothing),
        new().with_label_smoothing(smoothing).with_class_weights(weights).with_ignore_index(-100).with_z_loss(1e-2),
    ];
    for config in configs {
        for reduction in [Reduction::Mean, Reduction::Sum, Reduction::BatchMean, Reduction::WeightedMean] {
            for has_weights in [false, true] {
                let config = config.clone().with_reduction(reduction);
                Case { config, has_weights, ..Case::new(50, 90) }.check(&gpu.device, DType::F32, 3e-6);
            }
        }
        // It is not specified how a row counts whose label is out of range, and so has no class weight.
        if config.class_weights.is_none() {
            Case { config, has_wrong_labels: true, ..Case::new(50, 90) }.check(&gpu.device, DType::F32, 3e-6);
        }
    }
}

#[test]
fn every_layout() {
    let Some(gpu) = devices::gpu() else { return };
    let check = |view, rows, classes| {
        let config = CrossEntropyLossConfig::new().with_ignore_index(-1);
        Case { view, config, has_weights: true, ..Case::new(rows, classes) }.check(&gpu.device, DType::F32, 3e-6);
    };
    check(|x| x.transpose(), 40, 40);
    check(|x| x.narrow(1, 3, 30), 40, 40);
    check(|x| x.narrow(1, 0, 1).expand([40, 100]), 40, 100);
    check(|x| x.narrow(0, 5, 1).expand([40, 100]), 40, 100);
}

/// Logits far from 0, and rows with a probability of nearly 1.
#[test]
fn large_logits() {
    let Some(gpu) = devices::gpu() else { return };
    for scale in [1e-3, 100.0, 1e4] {
        for classes in [7, 300] {
            Case { scale, ..Case::new(64, classes) }.check(&gpu.device, DType::F32, 3e-6);
        }
    }
}

#[test]
fn half_precision() {
    let Some(gpu) = devices::gpu() else { return };
    if gpu.device.supports_dtype(DType::F16) {
        for classes in [19, 300] {
            Case { has_weights: true, ..Case::new(70, classes) }.check(&gpu.device, DType::F16, 5e-3);
        }
    }
}

/// Logits `[N, C, ..]`, where the axis of the classes is not the last one.
#[test]
fn images() {
    let Some(gpu) = devices::gpu() else { return };
    let run = |device: &Device, dtype| {
        let device = device.clone().autodiff();
        let logits = TensorData::new(
            numbers(2 * 19 * 12 * 11, 1).iter().map(|x| 4.0 * f64::from(*x as f32)).collect::<Vec<_>>(),
            [2, 19, 12, 11],
        );
        let leaf = Tensor::<4>::from_data(logits, (&device, dtype)).require_grad();
        let labels: Vec<i64> = numbers(2 * 12 * 11, 2).iter().map(|x| ((x + 1.0) * 9.49) as i64).collect();
        let labels = Tensor::<3, Int>::from_data(TensorData::new(labels, [2, 12, 11]), &device);
        let focal = FocalLossConfig::new().with_ignore_index(3).init(&device);
        let ((value, values), paths) = watched(|| {
            let value = focal.forward(leaf.clone(), labels.clone());
            (value, focal.forward_no_reduction(leaf.clone(), labels))
        });
        assert!(paths.fused == ["rows", "rows"] || dtype == DType::F64, "{paths:?}");
        let gradients = (value.clone() + (values.clone() * values.clone().detach()).sum()).backward();
        let gradient = leaf.grad(&gradients).expect("a gradient");
        let floats = |data: TensorData| data.convert::<f64>().iter().collect::<Vec<f64>>();
        [floats(value.into_data()), floats(values.into_data()), floats(gradient.into_data())].concat()
    };
    let (expected, got) = (run(&Device::flex(), DType::F64), run(&gpu.device, DType::F32));
    for (expected, got) in expected.into_iter().zip(got) {
        assert!((got - expected).abs() <= 3e-6 * (1.0 + expected.abs()), "{got} against {expected}");
    }
}
