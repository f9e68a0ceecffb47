//! Pairs of numbers, and of boxes.

use crate::devices;
use crate::probe::numbers;
use burn::tensor::{DType, Device, Tensor, TensorData};
use burn_losses::binary::BceLossConfig;
use burn_losses::boxes::CiouLossConfig;
use burn_losses::regression::HuberLossConfig;
use burn_losses::{Reduction, watched};

/// A loss on some numbers, to run in double precision on the CPU and in single precision on the GPU.
#[derive(Clone)]
struct Case {
    reduction: Reduction,
    first: Vec<f64>,
    targets: Vec<f64>,
    weights: Option<Vec<f64>>,
    shape: [usize; 2],
    upstream: f64,
}

impl Case {
    fn new(shape: [usize; 2]) -> Self {
        let count = shape[0] * shape[1];
        let first = numbers(count, 3).into_iter().map(|x| f64::from((4.0 * x) as f32)).collect();
        let targets = numbers(count, 4).into_iter().map(|x| f64::from(u8::from(x > 0.3))).collect();
        Self { reduction: Reduction::Mean, first, targets, weights: None, shape, upstream: 1.0 }
    }

    /// The value and the gradient with respect to a leaf; `view` makes the argument of the loss from the leaf.
    fn run(&self, device: &Device, dtype: DType, view: impl Fn(Tensor<2>) -> Tensor<2>) -> (f64, Vec<f64>) {
        let device = device.clone().autodiff();
        let tensor = |numbers: &[f64]| {
            let rows = numbers.len() / self.shape[1];
            let shape = if numbers.len() == self.shape[0] { [numbers.len(), 1] } else { [rows, self.shape[1]] };
            Tensor::<2>::from_data(TensorData::new(numbers.to_vec(), shape), (&device, dtype))
        };
        let loss = BceLossConfig::new().with_reduction(self.reduction).init(&device);
        let leaf = tensor(&self.first).require_grad();
        let targets = view(tensor(&self.targets)).without_autodiff().autodiff();
        let ran = || match &self.weights {
            None => loss.forward(view(leaf.clone()), targets),
            Some(weights) => loss.forward_with(view(leaf.clone()), targets, tensor(weights)),
        };
        let (value, paths) = watched(ran);
        let ran_as_kernel = paths.fused == ["pointwise"] && paths.tensor.is_empty();
        assert!(ran_as_kernel || dtype == DType::F64, "{paths:?}");
        let gradients = (value.clone() * self.upstream).backward();
        let gradient = leaf.grad(&gradients).expect("a gradient").into_data().convert::<f64>();
        (f64::from(value.into_scalar::<f32>()), gradient.iter().collect())
    }

    /// Checks that both devices agree, and that two runs on the GPU give the same bits.
    fn check(&self, gpu: &Device, dtype: DType, tolerance: f64, view: impl Fn(Tensor<2>) -> Tensor<2>) {
        let (value, gradient) = self.run(&Device::flex(), DType::F64, &view);
        let (got, of_gpu) = self.run(gpu, dtype, &view);
        let place = format!("{:?} of {:?}, upstream {}", self.reduction, self.shape, self.upstream);
        assert!((got - value).abs() <= tolerance * (value.abs() + 1e-3), "{place}: {got} against {value}");
        let most = gradient.iter().fold(1e-30, |most: f64, x| most.max(x.abs()));
        for (i, (got, expected)) in of_gpu.iter().zip(&gradient).enumerate() {
            let is_right = (got - expected).abs() <= tolerance * most || (got.is_nan() && expected.is_nan());
            assert!(is_right, "{place}: gradient {i} is {got} against {expected}");
        }
        let (again, gradient_again) = self.run(gpu, dtype, &view);
        let bits = |numbers: &[f64]| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert!(again.to_bits() == got.to_bits() && bits(&of_gpu) == bits(&gradient_again), "{place}: other bits");
    }
}

#[test]
fn any_number_of_values() {
    let Some(gpu) = devices::gpu() else { return };
    for rows in [1, 31, 32, 33, 255, 256, 257, 65_537] {
        for columns in [1, 4] {
            Case::new([rows, columns]).check(&gpu.device, DType::F32, 2e-6, |x| x);
        }
    }
    Case::new([1 << 11, 1 << 10]).check(&gpu.device, DType::F32, 2e-6, |x| x);
}

#[test]
fn every_layout() {
    let Some(gpu) = devices::gpu() else { return };
    let check = |shape, view: fn(Tensor<2>) -> Tensor<2>| {
        Case::new(shape).check(&gpu.device, DType::F32, 2e-6, view);
    };
    check([40, 24], |x| x.transpose());
    check([41, 23], |x| x.narrow(0, 3, 30));
    check([40, 24], |x| x.narrow(1, 4, 8));
    check([1, 24], |x| x.expand([17, 24]));
    check([24, 1], |x| x.expand([24, 16]));
    check([40, 24], |x| x.narrow(1, 1, 20).transpose());
}

#[test]
fn every_reduction_weight_and_upstream_gradient() {
    let Some(gpu) = devices::gpu() else { return };
    use Reduction::{BatchMean, Mean, Positives, Sum, WeightedMean};
    for reduction in [Mean, Sum, BatchMean, WeightedMean, Positives] {
        for weights in [None, Some(36), Some(36 * 8), Some(0)] {
            let mut case = Case { reduction, ..Case::new([36, 8]) };
            case.weights = weights.map(|count| match count {
                // No value counts.
                0 => vec![0.0; 36],
                count => numbers(count, 7).into_iter().map(|x| f64::from((x + 1.0) as f32)).collect(),
            });
            // In tensor operations nothing flows to values without a weight, not even this NaN.
            let upstreams = if weights == Some(0) { &[1.0, 0.0, -2.0][..] } else { &[1.0, 0.0, -2.0, f64::NAN] };
            for upstream in upstreams.iter().copied() {
                Case { upstream, ..case.clone() }.check(&gpu.device, DType::F32, 2e-6, |x| x);
            }
        }
    }
}

#[test]
fn half_precision_keeps_small_gradients() {
    let Some(gpu) = devices::gpu() else { return };
    for dtype in [DType::F16, DType::BF16] {
        if !gpu.device.supports_dtype(dtype) {
            eprintln!("{dtype:?} is not supported");
            continue;
        }
        // The reciprocal of the number of values is less than the smallest number of this type.
        let case = Case { upstream: 65536.0, ..Case::new([1 << 10, 1 << 12]) };
        case.check(&gpu.device, dtype, 5e-3, |x| x);
    }
}

/// Unreduced values have an upstream gradient each.
#[test]
fn gradients_of_values() {
    let Some(gpu) = devices::gpu() else { return };
    let run = |device: &Device, dtype: DType| {
        let device = device.clone().autodiff();
        let tensor = |seed, shape: [usize; 2]| {
            let numbers: Vec<f64> =
                numbers(shape[0] * shape[1], seed).iter().map(|x| f64::from(*x as f32) + 2.0).collect();
            Tensor::<2>::from_data(TensorData::new(numbers, shape), (&device, dtype))
        };
        let upstream = |count| tensor(9, [count, 1]).reshape([count]).detach();
        let points = tensor(1, [33, 8]).require_grad();
        let values = HuberLossConfig::new().init(&device).forward_no_reduction(points.clone(), tensor(2, [33, 8]));
        let sum = (values.reshape([264]) * upstream(264)).sum();
        let boxes = tensor(3, [65, 4]).require_grad();
        let format = burn_losses::boxes::BoxFormat::Cxcywh;
        let ciou = CiouLossConfig::new().with_format(format).init(&device);
        let sum = sum + (ciou.forward_no_reduction(boxes.clone(), tensor(4, [65, 4])) * upstream(65)).sum();
        let gradients = sum.backward();
        [points, boxes].map(|leaf| floats_of(leaf.grad(&gradients).expect("a gradient")))
    };
    let (expected, got) = (run(&Device::flex(), DType::F64), run(&gpu.device, DType::F32));
    for (expected, got) in expected.iter().zip(&got) {
        let most = expected.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() <= 5e-6 * most, "{got} against {expected}");
        }
    }
}

fn floats_of(tensor: Tensor<2>) -> Vec<f64> {
    tensor.into_data().convert::<f64>().iter().collect()
}
