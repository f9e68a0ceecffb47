//! The fused engine on a GPU: when it runs, and that it gives what tensor operations in double precision give, the same bits every time.

use crate::devices::{self, Target};
use crate::engine::{imprecise, family};
use crate::probe::{batch, default_of, numbers};
use burn::tensor::{DType, Device, Tensor, TensorData};
use burn_losses::binary::BceLossConfig;
use burn_losses::boxes::CiouLossConfig;
use burn_losses::formula::{Formula, Real};
use burn_losses::prelude::*;
use burn_losses::regression::{HuberLossConfig, RegressionLoss};
use burn_losses::signature::{Arguments, Role, Wanted};
use burn_losses::{LossInfo, Reduction, registry, watched};

/// What trains a loss once on a device: which executors ran as kernels, and which as tensor operations.
fn paths(info: &LossInfo, target: &Target, wanted: Wanted) -> burn_losses::Paths {
    let device = target.device.clone().autodiff();
    let loss = default_of(info).init(&device);
    let inputs = batch(&loss, 30, 3.0, &[], 2);
    let signature = loss.signature(&inputs);
    let trained = [Role::Prediction, Role::Parameter];
    let train = || {
        let arguments = Arguments::new(info.kind, &signature, &inputs, &device, target.dtype, &trained);
        let mut arguments = arguments.expect("arguments of the loss");
        let called = family(&loss).call(&mut arguments, wanted).expect("a value");
        arguments.into_leaves().differentiate(&called.numbers.sum());
    };
    watched(train).1
}

/// Pairs of numbers and of boxes have kernels for everything, but for a loss of boxes whose weights depend on the whole batch.
#[test]
fn pairs_of_numbers_run_on_kernels() {
    let Some(gpu) = devices::gpu() else { return };
    for wanted in [Wanted::Values, Wanted::Loss] {
        let of = |info: LossInfo| (format!("{}/{}", info.family, info.kind), paths(&info, &gpu, wanted));
        let falls_back = |(_, paths): &(String, burn_losses::Paths)| {
            paths.tensor.iter().any(|executor| ["pointwise", "boxes"].contains(executor))
        };
        let failures: Vec<_> = pairs().map(of).filter(falls_back).collect();
        assert!(failures.len() <= 1 && failures.iter().all(|(name, _)| name.starts_with("boxes")), "{failures:?}");
    }
}

fn pairs() -> impl Iterator<Item = LossInfo> {
    registry().into_iter().filter(|info| ["regression", "binary", "boxes"].contains(&info.family))
}

#[test]
fn rows_run_on_kernels() {
    let Some(gpu) = devices::gpu() else { return };
    for info in registry() {
        if ["classification", "distribution", "heads"].contains(&info.family) || info.kind == "distribution_focal" {
            println!("{}/{} {:?} {:?}", info.family, info.kind, paths(&info, &gpu, Wanted::Values), paths(&info, &gpu, Wanted::Loss));
        }
    }
}

#[test]
fn rows_are_precise() {
    let Some(gpu) = devices::gpu() else { return };
    let targets = [gpu];
    let of_rows = |info: &LossInfo| ["classification", "distribution"].contains(&info.family) || info.kind == "distribution_focal";
    let failures: Vec<_> = registry().into_iter().filter(of_rows).flat_map(|info| imprecise(&info, &targets)).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn kernels_are_as_precise_as_tensor_operations() {
    let Some(gpu) = devices::gpu() else { return };
    let targets = [gpu];
    let failures: Vec<_> = pairs().flat_map(|info| imprecise(&info, &targets)).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A loss on some numbers in double precision, and in single precision on the GPU.
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

    /// The value and the gradient; `view` makes the argument of the loss of a leaf, whose gradient it is.
    fn run(
        &self,
        device: &Device,
        dtype: DType,
        view: impl Fn(Tensor<2>) -> Tensor<2>,
    ) -> (f64, Vec<f64>) {
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
            Some(weights) => loss.forward_weighted(view(leaf.clone()), targets, tensor(weights)),
        };
        let (value, paths) = watched(ran);
        let ran_as_kernel = paths.fused == ["pointwise"] && paths.tensor.is_empty();
        assert!(ran_as_kernel || dtype == DType::F64, "{paths:?}");
        let gradients = (value.clone() * self.upstream).backward();
        let gradient = leaf.grad(&gradients).expect("a gradient").into_data().convert::<f64>();
        (f64::from(value.into_scalar::<f32>()), gradient.iter().collect())
    }

    /// Both devices give the same; the GPU gives it twice, to the last bit.
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
                // None of the values counts.
                0 => vec![0.0; 36],
                count => numbers(count, 7).into_iter().map(|x| f64::from((x + 1.0) as f32)).collect(),
            });
            for upstream in [1.0, 0.0, -2.0, f64::NAN] {
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
        // One over the number of values is less than the least number of this type.
        let case = Case { upstream: 65536.0, ..Case::new([1 << 10, 1 << 12]) };
        case.check(&gpu.device, dtype, 5e-3, |x| x);
    }
}

/// Values that are not reduced have an upstream gradient each.
#[test]
fn gradients_of_values() {
    let Some(gpu) = devices::gpu() else { return };
    let run = |device: &Device, dtype: DType| {
        let device = device.clone().autodiff();
        let tensor = |seed, shape: [usize; 2]| {
            let numbers: Vec<f64> = numbers(shape[0] * shape[1], seed).iter().map(|x| f64::from(*x as f32) + 2.0).collect();
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

/// A user's own formula is a kernel too: here one function, whose digits are counted.
#[derive(Debug, Clone, Copy)]
enum Function {
    Sigmoid,
    Exp,
    SmallLog1p,
    ExpM1,
    Tanh,
    Atan,
    Ln,
    Sqrt,
    Reciprocal,
    Power,
}

impl Formula for Function {
    #[inline(always)]
    fn eval<R: Real>(&self, x: R, _: R) -> R {
        match self {
            Self::Sigmoid => x.sigmoid(),
            Self::Exp => x.exp(),
            Self::SmallLog1p => (-x.abs()).exp().log1p(),
            Self::ExpM1 => x.exp_m1(),
            Self::Tanh => x.tanh(),
            Self::Atan => x.atan(),
            Self::Ln => x.abs().ln(),
            Self::Sqrt => x.abs().sqrt(),
            Self::Reciprocal => x.lit(1.0) / x,
            Self::Power => x.abs().powf(1.7),
        }
    }
}

impl RegressionLoss for Function {
    fn kind(&self) -> &'static str {
        "function"
    }
    fn reduction(&self) -> Reduction {
        Reduction::Mean
    }
}

#[test]
fn functions_keep_their_digits() {
    use Function::{Atan, Exp, ExpM1, Ln, Power, Reciprocal, Sigmoid, SmallLog1p, Sqrt, Tanh};
    let Some(gpu) = devices::gpu() else { return };
    let mut failures = Vec::new();
    for function in [Sigmoid, Exp, SmallLog1p, ExpM1, Tanh, Atan, Ln, Sqrt, Reciprocal, Power] {
        for scale in [1e-6, 1.0, 30.0, 80.0] {
            let x: Vec<f32> = numbers(1 << 16, 5).iter().map(|x| (x * scale) as f32).collect();
            let tensor = Tensor::<1>::from_data(TensorData::new(x.clone(), [x.len()]), &gpu.device);
            let (values, paths) = watched(|| function.forward_no_reduction(tensor.clone(), tensor.clone()));
            assert_eq!(paths.fused, ["pointwise"]);
            let got: Vec<f32> = values.into_data().try_to_vec().expect("single precision");
            let units = |(x, got): (&f32, &f32)| {
                let exact = function.eval(f64::from(*x), 0.0);
                // Below that a device may count anything as 0. A power has as many digits less as its logarithm is large.
                let known = if let Power = function { 1.0 + exact.ln().abs() } else { 1.0 };
                let error = (f64::from(*got) / exact - 1.0).abs() / f64::from(f32::EPSILON) / known;
                if exact.abs() < 1.2e-38 { 0.0 } else { error }
            };
            let worst = x.iter().zip(&got).map(units).fold(0.0, f64::max);
            if worst > 2.5 {
                failures.push(format!("{function:?} at {scale}: {worst:.1} units"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
