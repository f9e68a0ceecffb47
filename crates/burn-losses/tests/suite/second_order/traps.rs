//! Traps.

use super::{evaluate, f32s, flex};
use crate::probe::batch;
use burn::tensor::{Bool, DType, Int, Tensor, TensorData};
use burn_losses::binary::{BceLossConfig, FocalLossConfig, GhmCLossConfig, HingeLossConfig, OhemLossConfig};
use burn_losses::classification::{CrossEntropyLossConfig, MultiMarginLossConfig};
use burn_losses::formula::{Formula, Real};
use burn_losses::prelude::*;
use burn_losses::regression::{
    HuberLossConfig, LogCoshLossConfig, MaeLossConfig, MseLossConfig, SmoothL1LossConfig, TukeyBiweightLossConfig,
};
use burn_losses::{AnyLoss, Curvature, SecondOrder, SecondOrderConfig};

fn second_order(loss: &impl RegressionLoss, predictions: &[f64], targets: &[f64]) -> SecondOrder<Vec<f64>> {
    SecondOrder::new(loss, predictions, targets)
}

/// Formulas that go through `abs` lose their curvature at an exact prediction, where a booster starts.
#[test]
fn huber_and_its_relatives_are_curved_at_zero() {
    let device = flex();
    let at_zero = |all: SecondOrder<Vec<f64>>| (all.gradient[0], (all.curvature[0] * 1e12).round() / 1e12);
    let of = |loss: &AnyLoss| match loss {
        AnyLoss::Regression(loss) => at_zero(second_order(loss, &[2.5], &[2.5])),
        _ => panic!("a loss of regression"),
    };
    let loss = |config: RegressionLossConfig| AnyLoss::Regression(config.init(&device));
    assert_eq!(of(&loss(HuberLossConfig::new().into())), (0.0, 1.0));
    assert_eq!(of(&loss(SmoothL1LossConfig::new().with_beta(0.25).into())), (0.0, 4.0));
    assert_eq!(of(&loss(LogCoshLossConfig::new().into())), (0.0, 1.0));
    assert_eq!(of(&loss(TukeyBiweightLossConfig::new().into())), (0.0, 1.0));
    assert_eq!(of(&loss(MseLossConfig::new().into())), (0.0, 2.0));
}

/// log-cosh: 1 - tanh^2 cancels far away.
#[test]
fn log_cosh_keeps_its_digits_far_away() {
    let loss = LogCoshLossConfig::new().init(&flex());
    let all = second_order(&loss, &[30.0, -300.0, 1e30], &[0.0; 3]);
    let expected = 4.0 * (-60f64).exp();
    assert!((all.curvature[0] / expected - 1.0).abs() < 1e-12, "{}", all.curvature[0]);
    assert!(all.curvature[1] > 0.0 && all.curvature[2] == 0.0);
}

#[test]
fn a_loss_without_curvature_is_an_error() {
    let device = flex();
    let numbers = || Tensor::<1>::from_floats([0.5, -1.0], &device);
    let extras = Extras::new();
    let options = SecondOrderConfig::new();
    let mae = MaeLossConfig::new().init(&device);
    let error = mae.check_second_order(&numbers(), &numbers(), &options, &extras).unwrap_err();
    assert_eq!((error.loss, error.argument), ("mae", "curvature"));
    assert!(error.to_string().contains("`floor` > 0"), "{error}");
    let floor = options.with_floor(1.0);
    assert!(mae.check_second_order(&numbers(), &numbers(), &floor, &extras).is_ok());
    let all = mae.forward_second_order_with(numbers(), numbers() - 1.0, &floor, extras.clone());
    assert_eq!(f32s(all.curvature), [1.0, 1.0]);

    let hinge = HingeLossConfig::new().init(&device);
    assert!(hinge.check_second_order(&numbers(), &numbers(), &options, &extras).is_err());
    let squared = HingeLossConfig::new().with_squared(true).init(&device);
    assert!(squared.check_second_order(&numbers(), &numbers(), &options, &extras).is_ok());

    let logits = Tensor::<2>::from_floats([[0.5, -1.0]], &device);
    let labels = Tensor::<1, Int>::from_ints([0], &device);
    let margin = |p| MultiMarginLossConfig::new().with_p(p).init(&device);
    assert!(margin(1).check_second_order(&logits, &labels, &options, &extras).is_err());
    assert!(margin(2).check_second_order(&logits, &labels, &options, &extras).is_ok());
}

#[test]
fn wrong_options_are_told() {
    let device = flex();
    let numbers = || Tensor::<1>::from_floats([0.5, -1.0], &device);
    let huber = HuberLossConfig::new().init(&device);
    for floor in [-1.0, f64::NAN, f64::INFINITY] {
        let options = SecondOrderConfig::new().with_floor(floor);
        let error = huber.check_second_order(&numbers(), &numbers(), &options, &Extras::new()).unwrap_err();
        assert_eq!((error.loss, error.argument), ("huber", "floor"), "{error}");
    }
    let expected = SecondOrderConfig::new().with_curvature(Curvature::Expected);
    let error = huber.check_second_order(&numbers(), &numbers(), &expected, &Extras::new()).unwrap_err();
    assert!(error.to_string().contains("`exact` and `majorizer`"), "{error}");
    let mse = MseLossConfig::new().init(&device);
    assert!(mse.check_second_order(&numbers(), &numbers(), &expected, &Extras::new()).is_ok());
    let shape = huber.check_second_order(&numbers(), &Tensor::zeros([3], &device), &expected, &Extras::new());
    assert_eq!(shape.unwrap_err().argument, "targets");
}

/// The whole Hessian of cross-entropy is diag(p) - p p^T: each row sums to 0.
#[test]
fn the_hessian_of_cross_entropy() {
    let device = flex();
    let loss = CrossEntropyLossConfig::new().init(&device);
    let logits =
        || Tensor::<2>::from_data(TensorData::from([[1.0, -2.0, 0.5], [30.0, 0.0, 0.0]]), (&device, DType::F64));
    let labels = || Tensor::<1, Int>::from_ints([2, 0], &device);
    let hessian = loss.forward_hessian(logits(), labels());
    assert_eq!(hessian.dims(), [2, 3, 3]);
    let sums: Vec<f64> = hessian.clone().sum_dim(2).into_data().iter::<f64>().collect();
    assert!(sums.iter().all(|sum| sum.abs() < 1e-16), "{sums:?}");
    let diagonal = loss.forward_second_order(logits(), labels()).curvature;
    let diagonal: Vec<f64> = diagonal.into_data().iter::<f64>().collect();
    let hessian: Vec<f64> = hessian.into_data().iter::<f64>().collect();
    for row in 0..2 {
        for class in 0..3 {
            assert_eq!(hessian[row * 9 + class * 4], diagonal[row * 3 + class]);
        }
    }
    // p (1 - p) of a probability close to 1.
    let q = 2.0 * (-30f64).exp() / (1.0 + 2.0 * (-30f64).exp());
    assert!((diagonal[3] / (q * (1.0 - q)) - 1.0).abs() < 1e-12);

    let many = Tensor::<2>::zeros([1, 65], &device);
    let one = Tensor::<1, Int>::from_ints([0], &device);
    let error = loss.check_hessian(&many, &one, &Extras::new()).unwrap_err();
    assert!(error.to_string().contains("at most 64 classes"), "{error}");
    assert!(loss.check_hessian(&Tensor::zeros([1, 64], &device), &one, &Extras::new()).is_ok());
}

/// A row that is ignored, masked or dropped is 0; a label out of range is NaN.
#[test]
fn labels_that_do_not_count() {
    let device = flex();
    let loss = CrossEntropyLossConfig::new().with_ignore_index(-1).init(&device);
    let logits = Tensor::<2>::zeros([3, 2], &device);
    let labels = Tensor::<1, Int>::from_ints([-1, 1, 7], &device);
    let options = SecondOrderConfig::new().with_floor(0.5);
    let all = loss.forward_second_order_with(logits, labels, &options, Extras::new());
    let curvature = f32s(all.curvature);
    assert_eq!(curvature[..4], [0.0, 0.0, 0.5, 0.5]);
    assert!(curvature[4..].iter().all(|x| x.is_nan()));
}

/// The floor makes no dropped value count.
#[test]
fn hard_examples_alone_have_a_curvature() {
    let device = flex();
    let loss = OhemLossConfig::new().with_keep(burn_losses::binary::HardExamples::Count(1)).init(&device);
    let logits = Tensor::<1>::from_floats([3.0, 0.0], &device);
    let options = SecondOrderConfig::new().with_floor(0.125);
    let all = loss.forward_second_order_with(logits, Tensor::zeros([2], &device), &options, Extras::new());
    assert_eq!(f32s(all.curvature), [0.125, 0.0]);
}

/// A loss with state takes no step, on a device with autodiff either.
#[test]
fn it_is_no_step() {
    let device = flex().autodiff();
    let loss = GhmCLossConfig::new().init(&device);
    let logits = || Tensor::<1>::from_floats([3.0, 0.0, -2.0], &device).require_grad();
    let targets = || Tensor::<1>::from_floats([1.0, 0.0, 0.0], &device);
    let sum = |loss: &burn_losses::binary::GhmCLoss| loss.counts().sum().into_scalar::<f32>();
    let first = loss.forward_second_order(logits(), targets());
    assert_eq!(sum(&loss), 0.0);
    let _ = loss.forward(logits(), targets());
    assert_eq!(sum(&loss), 3.0);
    let again = loss.forward_second_order(logits(), targets());
    assert_eq!(sum(&loss), 3.0);
    assert_eq!(first.curvature.into_data(), again.curvature.into_data());
}

/// A weight, a divisor and a mask per sample.
#[test]
fn extras_of_tensors() {
    let device = flex();
    let loss = MseLossConfig::new().init(&device);
    let numbers = || Tensor::<2>::from_floats([[1.0, 2.0], [3.0, f32::NAN]], &device);
    let mask = Tensor::<2, Bool>::from_data(TensorData::from([[true, true], [true, false]]), &device);
    let weights = Tensor::<2>::from_floats([[1.0], [4.0]], &device);
    let extras = Extras::new().with_mask(mask).with_weights(weights).with_divisor(2.0);
    let all =
        loss.forward_second_order_with(numbers(), Tensor::zeros([2, 2], &device), &SecondOrderConfig::new(), extras);
    assert_eq!(f32s(all.values), [0.5, 2.0, 18.0, 0.0]);
    assert_eq!(f32s(all.gradient), [1.0, 2.0, 12.0, 0.0]);
    assert_eq!(f32s(all.curvature), [1.0, 1.0, 4.0, 0.0]);
}

/// Infinite logits give the limit.
#[test]
fn infinities_give_the_limit() {
    let bce = BceLossConfig::new().init(&flex());
    let all = SecondOrder::new(&bce, &[f64::INFINITY, f64::NEG_INFINITY, f64::INFINITY], &[1.0, 0.0, 0.0]);
    assert_eq!(all.values, [0.0, 0.0, f64::INFINITY]);
    assert_eq!(all.gradient, [0.0, 0.0, 1.0]);
    assert_eq!(all.curvature, [0.0; 3]);
    let device = flex();
    let loss = CrossEntropyLossConfig::new().init(&device);
    let logits = Tensor::<2>::from_floats([[f32::NEG_INFINITY, 0.0, 0.0], [f32::INFINITY, 0.0, 0.0]], &device);
    let all = loss.forward_second_order(logits, Tensor::<1, Int>::from_ints([1, 0], &device));
    assert_eq!(f32s(all.curvature), [0.0, 0.25, 0.25, 0.0, 0.0, 0.0]);
}

/// The conventions of libraries of boosted trees.
#[test]
fn the_objectives_of_other_libraries() {
    // XGBoost's `binary:logistic`: p - y and p (1 - p).
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let (logits, labels) = ([0.3, -2.0, 4.0], [1.0, 0.0, 0.0]);
    let all = SecondOrder::new(&BceLossConfig::new().init(&flex()), &logits, &labels);
    for i in 0..3 {
        let p = sigmoid(logits[i]);
        assert!((all.gradient[i] - (p - labels[i])).abs() < 1e-12);
        assert!((all.curvature[i] - p * (1.0 - p)).abs() < 1e-12);
    }
    // LightGBM's `huber` has the curvature 1 everywhere, which is the bound.
    let options = SecondOrderConfig::new().with_curvature(Curvature::Majorizer);
    let huber = HuberLossConfig::new().init(&flex());
    let all = huber.forward_second_order_on_host(&[0.2, 7.0], &[0.0, 0.0], None, &options);
    assert_eq!(all.curvature, [1.0, 1.0]);
    // Focal loss is not convex.
    let focal = FocalLossConfig::new().init(&flex());
    assert!(SecondOrder::new(&focal, &[-4.0], &[1.0]).curvature[0] < 0.0);
    let all = focal.forward_second_order_on_host(&[-4.0], &[1.0], Some(&[2.0]), &options);
    assert!(all.curvature[0] > 0.0 && all.values[0] > 0.0);
}

/// A loss of the user's own has all of it.
#[test]
fn a_loss_of_ones_own() {
    #[derive(Debug, Clone)]
    struct Cauchy;
    impl Formula for Cauchy {
        #[inline(always)]
        fn eval<R: Real>(&self, prediction: R, target: R) -> R {
            (prediction - target).square().log1p()
        }
    }
    impl Loss for Cauchy {
        fn kind(&self) -> &'static str {
            "cauchy"
        }
        fn reduction(&self) -> burn_losses::Reduction {
            burn_losses::Reduction::Mean
        }
    }
    impl RegressionLoss for Cauchy {}
    let all = SecondOrder::new(&Cauchy, &[0.0, 2.0], &[0.0, 0.0]);
    assert_eq!(all.curvature[0], 2.0);
    assert!((all.curvature[1] - 2.0 * (1.0 - 4.0) / 25.0).abs() < 1e-15);
    let device = flex();
    let x = Tensor::<1>::from_floats([2.0], &device);
    let tensors = Cauchy.forward_second_order(x.clone(), x.zeros_like());
    assert!((tensors.curvature.into_scalar::<f32>() + 0.24).abs() < 1e-6);
}

/// Families without second derivatives say so.
#[test]
fn other_families_have_none() {
    let loss = LossConfig::from_kind("segmentation", "dice").expect("a kind").init(&flex());
    let error = evaluate(&loss, &batch(&loss, 2, 1.0, &[2], 4), &SecondOrderConfig::new()).unwrap_err();
    assert_eq!(error.argument(), "curvature", "{error}");
}
