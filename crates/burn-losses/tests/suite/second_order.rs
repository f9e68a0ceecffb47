//! Second derivatives: against independent formulas, as laws over the registry, and their traps.

use crate::devices;
use crate::golden::{tensor, whole};
use crate::probe::{batch, variants, weighted};
use burn::tensor::{Bool, DType, Device, FloatDType, Int, Tensor, TensorData};
use burn_losses::binary::{BceLossConfig, FocalLossConfig, GhmCLossConfig, HingeLossConfig, OhemLossConfig};
use burn_losses::classification::{CrossEntropyLossConfig, MultiMarginLossConfig};
use burn_losses::config::{Format, to_string};
use burn_losses::eval::{EvalError, Inputs};
use burn_losses::formula::{Formula, Real};
use burn_losses::prelude::*;
use burn_losses::regression::{
    HuberLossConfig, LogCoshLossConfig, MaeLossConfig, MseLossConfig, SmoothL1LossConfig, TukeyBiweightLossConfig,
};
use burn_losses::{AnyLoss, Curvature, SecondOrder, SecondOrderConfig, registry};
use serde_json::Value;
use std::path::Path;

type Data = SecondOrder<TensorData>;

fn floats(data: &TensorData) -> Vec<f64> {
    data.iter::<f64>().collect()
}

fn f32s<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

fn flex() -> Device {
    Device::flex()
}

fn evaluate(loss: &AnyLoss, inputs: &Inputs, options: &SecondOrderConfig) -> Result<Data, EvalError> {
    loss.evaluate_second_order(inputs, &flex(), FloatDType::F64, options)
}

/// The result with the exact curvature; `None` for a loss whose curvature is 0 everywhere, and for one without a formula.
fn exact(loss: &AnyLoss, inputs: &Inputs) -> Option<Data> {
    match evaluate(loss, inputs, &SecondOrderConfig::new()) {
        Ok(all) => Some(all),
        Err(error) => {
            let text = error.to_string();
            let is_known = text.contains("0 everywhere") || text.contains("no formula of single values");
            assert!(is_known && error.argument() == "curvature", "{text}");
            None
        }
    }
}

/// Every config of the three families.
fn every_variant(mut check: impl FnMut(&LossConfig)) {
    let families = ["regression", "binary", "classification"];
    for info in registry().iter().filter(|info| families.contains(&info.family)) {
        variants(info).iter().for_each(&mut check);
    }
}

/// Every loss of the three families, with a batch.
fn every_loss(mut check: impl FnMut(&LossConfig, &AnyLoss, Inputs)) {
    every_variant(|config| {
        let loss = config.init(&flex());
        let inputs = batch(&loss, 6, 2.0, &[], 77);
        check(config, &loss, inputs);
    });
}

// Golden values.

fn assert_near(what: &str, got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        let allowed = 1e-9 * expected.abs() + 1e-12 * largest.max(1.0);
        assert!((got - expected).abs() <= allowed, "{what}: at {i} {got:e} against {expected:e}");
    }
}

#[test]
fn golden_second_derivatives() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/second_order");
    let mut count = 0;
    for family in ["regression", "binary", "classification"] {
        let text = std::fs::read_to_string(folder.join(format!("{family}.json"))).expect("a golden file");
        let content: Value = serde_json::from_str(&text).expect("JSON");
        for case in content["cases"].as_array().expect("cases") {
            let kind = case["kind"].as_str().expect("a kind");
            let config: LossConfig = serde_json::from_value(whole(family, kind, &case["config"])).expect("a config");
            let options: SecondOrderConfig = serde_json::from_value(case["options"].clone()).expect("options");
            let of = |(name, value): (&String, &Value)| {
                let data = tensor(value);
                let is_label = name == "labels";
                (name.clone(), if is_label { data.convert::<i64>() } else { data.convert::<f64>() })
            };
            let inputs: Inputs = case["inputs"].as_object().expect("inputs").iter().map(of).collect();
            let place = format!("{family}/{kind}/{}", case["name"]);
            let loss = config.init(&flex());
            let got = evaluate(&loss, &inputs, &options).unwrap_or_else(|error| panic!("{place}: {error}"));
            for (name, got) in [("values", &got.values), ("gradient", &got.gradient), ("curvature", &got.curvature)] {
                let expected = tensor(&case[name]).convert::<f64>();
                assert_eq!(got.shape(), expected.shape(), "{place}: {name}");
                assert_near(&format!("{place}: {name}"), &floats(got), &floats(&expected));
            }
            if let (AnyLoss::Classification(loss), Some(hessian)) = (&loss, case.get("hessian")) {
                let logits = Tensor::<2>::from_data(inputs["logits"].clone(), (&flex(), DType::F64));
                let labels = Tensor::<1, Int>::from_data(inputs["labels"].clone(), &flex());
                let got = loss.forward_hessian(logits, labels).into_data();
                let expected = tensor(hessian).convert::<f64>();
                assert_eq!(got.shape(), expected.shape(), "{place}: hessian");
                assert_near(&format!("{place}: hessian"), &floats(&got), &floats(&expected));
            }
            count += 1;
        }
    }
    assert!(count > 100, "{count} cases");
}

// Laws.

/// The curvature is the difference quotient of the gradient, and the gradient that of the values, for every loss that has them.
///
/// All predictions move together, or all logits of a class: what depends on the batch, such as the scale of Tukey's biweight, does
/// not change with that.
#[test]
fn the_curvature_is_the_slope_of_the_gradient() {
    let mut checked = 0;
    every_loss(|config, loss, inputs| {
        // A factor that is a constant for the gradient is one for the curvature too, but it moves with the predictions.
        let text = to_string(config, Format::Yaml).unwrap();
        let is_moved = text.contains("_gradient: detached");
        let Some(at) = exact(loss, &inputs).filter(|_| !is_moved) else { return };
        let name = loss.input();
        let first = floats(&inputs[name]);
        let shape = inputs[name].shape().clone();
        let classes = match loss {
            AnyLoss::Classification(_) => shape[1],
            _ => 1,
        };
        for class in 0..classes {
            // The derivatives are taken at points beside the one that is tested: at a kink nothing is compared.
            let step = 1e-6;
            let moved = |offset: f64| {
                let move_one = |(i, x): (usize, &f64)| if i % classes == class { x + offset } else { *x };
                let numbers: Vec<f64> = first.iter().enumerate().map(move_one).collect();
                let mut inputs = inputs.clone();
                inputs.insert(name.into(), TensorData::new(numbers, shape.clone()));
                exact(loss, &inputs).expect("as before")
            };
            let [low, high] = [moved(-step), moved(step)];
            let values = |data: &Data, i: usize| floats(&data.values)[i / classes];
            for i in (0..first.len()).filter(|i| i % classes == class) {
                let of = |data: &TensorData| floats(data)[i];
                let [curvature, low_curvature, high_curvature] = [&at, &low, &high].map(|all| of(&all.curvature));
                let slope = (values(&high, i) - values(&low, i)) / (2.0 * step);
                let bend = (of(&high.gradient) - of(&low.gradient)) / (2.0 * step);
                let jumps = (low_curvature - high_curvature).abs() > 1e-3 * (1.0 + curvature.abs());
                let jumps = jumps || (of(&low.gradient) - of(&high.gradient)).abs() > 1e-3 * (1.0 + curvature.abs());
                if jumps {
                    continue;
                }
                let gradient = of(&at.gradient);
                let what = format!("{config:?}: at {i}");
                let allowed = |x: f64| 1e-5 * (1.0 + x.abs() + values(&at, i).abs());
                assert!((gradient - slope).abs() <= allowed(slope), "{what}: slope {gradient} against {slope}");
                assert!(
                    (curvature - bend).abs() <= allowed(bend) + 1e-5 * gradient.abs(),
                    "{what}: curvature {curvature} against {bend}"
                );
                checked += 1;
            }
        }
    });
    assert!(checked > 1000, "{checked} numbers");
}

/// Where the prediction is exact, as in a leaf of a boosted tree, the curvature is the limit of that beside it.
#[test]
fn an_exact_prediction_has_the_curvature_beside_it() {
    every_variant(|config| {
        if !matches!(config, LossConfig::Regression(_)) {
            return;
        }
        let loss = config.init(&flex());
        let targets = vec![0.5, 1.0, 2.25, 3.0, 0.75, 1.5];
        // Every other prediction is exact. The others give the batch a scale.
        let at = |offset: f64| {
            let moved = |(i, target): (usize, &f64)| target + if i % 2 == 0 { offset } else { 0.2 * i as f64 };
            let predictions: Vec<f64> = targets.iter().enumerate().map(moved).collect();
            let tensor = |numbers: Vec<f64>| TensorData::new(numbers, [2, 3]);
            let inputs = Inputs::from([
                ("predictions".to_owned(), tensor(predictions)),
                ("targets".to_owned(), tensor(targets.clone())),
            ]);
            exact(&loss, &inputs)
        };
        let Some(exact) = at(0.0) else { return };
        let beside: Vec<Data> = [1e-5, -1e-5, 1e-7, -1e-7].into_iter().filter_map(at).collect();
        for (i, curvature) in floats(&exact.curvature).iter().enumerate() {
            let around: Vec<f64> = beside.iter().map(|all| floats(&all.curvature)[i]).collect();
            let slopes: Vec<f64> = beside.iter().map(|all| floats(&all.gradient)[i]).collect();
            let near = |a: f64, b: f64| (a - b).abs() <= 1e-3 * a.abs().max(b.abs());
            let is_kink = (slopes[2] - slopes[3]).abs() > 1e-5 * (1.0 + curvature.abs());
            if !is_kink && around.iter().all(|other| near(*other, around[0])) {
                assert!(near(*curvature, around[2]), "{config:?}: {curvature} against {around:?}");
            }
        }
    });
}

/// The values and gradients are those of training.
#[test]
fn values_and_gradients_are_those_of_training() {
    every_loss(|config, loss, inputs| {
        let mut table = serde_json::to_value(config).expect("a table");
        table["reduction"] = "sum".into();
        let sum: LossConfig = serde_json::from_value(table).expect("a config");
        let inputs = weighted(loss, inputs, 5);
        let options = SecondOrderConfig::new().with_floor(1e-3);
        let Ok(got) = evaluate(loss, &inputs, &options) else { return };
        let expected = sum.init(&flex()).evaluate(&inputs, &flex(), FloatDType::F64).expect("a value");
        let near = |what: &str, got: &TensorData, expected: &TensorData| {
            let (got, expected) = (floats(got), floats(expected));
            let largest = expected.iter().fold(1e-9, |most: f64, x| most.max(x.abs()));
            for (got, expected) in got.iter().zip(&expected) {
                assert!((got - expected).abs() <= 1e-9 * largest, "{config:?}: {what} {got} against {expected}");
            }
        };
        near("gradient", &got.gradient, &expected.gradients[loss.input()]);
        let total = TensorData::from([floats(&got.values).iter().sum::<f64>()]);
        near("sum", &total, &TensorData::from([expected.loss]));
    });
}

/// A majorizer is never below the exact curvature, and neither is below the floor.
#[test]
fn the_majorizer_is_a_bound() {
    let mut checked = 0;
    every_loss(|config, loss, _| {
        // The bound is found by a search for each target.
        let inputs = batch(loss, 1, 2.0, &[], 77);
        let Some(exact) = exact(loss, &inputs) else { return };
        let options = SecondOrderConfig::new().with_curvature(Curvature::Majorizer).with_floor(1e-6);
        let bound = match evaluate(loss, &inputs, &options) {
            Ok(bound) => bound,
            Err(error) => {
                assert!(error.to_string().contains("upper bound"), "{error}");
                return;
            }
        };
        for (bound, exact) in floats(&bound.curvature).into_iter().zip(floats(&exact.curvature)) {
            assert!(bound >= exact - 1e-12, "{config:?}: {bound} below {exact}");
            assert!(bound >= 1e-6 || bound == 0.0, "{config:?}: {bound}");
            checked += 1;
        }
    });
    assert!(checked > 200, "{checked} numbers");
}

/// Masked entries are 0 and change nothing else, a weight of 0 gives 0, and weights multiply all three results.
#[test]
fn masks_and_weights() {
    every_loss(|config, loss, inputs| {
        let options = SecondOrderConfig::new().with_floor(0.25);
        let name = loss.input();
        let is_rows = matches!(loss, AnyLoss::Classification(_));
        let shape = if is_rows { vec![6] } else { vec![6, 3] };
        let count: usize = shape.iter().product();
        let Ok(plain) = evaluate(loss, &inputs, &options) else { return };
        let weights: Vec<f64> = (0..count).map(|i| [0.0, 1.0, 2.5][i % 3]).collect();
        let mut with_weights = inputs.clone();
        with_weights.insert("weights".into(), TensorData::new(weights.clone(), shape.clone()));
        let got = evaluate(loss, &with_weights, &options).expect("as before");
        let each = |data: &TensorData| floats(data).len() / count;
        for (got, plain) in
            [(&got.values, &plain.values), (&got.gradient, &plain.gradient), (&got.curvature, &plain.curvature)]
        {
            let width = each(plain);
            for (i, (got, plain)) in floats(got).into_iter().zip(floats(plain)).enumerate() {
                assert_eq!(got, weights[i / width] * plain, "{config:?}");
            }
        }

        // What is masked may be NaN.
        let mask: Vec<bool> = (0..count).map(|i| i % 4 != 1).collect();
        let masked_with = |number: f64| {
            let mut inputs = inputs.clone();
            let width = floats(&inputs[name]).len() / count;
            let numbers = floats(&inputs[name]).into_iter().enumerate();
            let numbers: Vec<f64> = numbers.map(|(i, x)| if mask[i / width] { x } else { number }).collect();
            inputs.insert(name.into(), TensorData::new(numbers, inputs[name].shape().clone()));
            inputs.insert("mask".into(), TensorData::new(mask.clone(), shape.clone()));
            evaluate(loss, &inputs, &options).expect("as before")
        };
        let [got, other] = [masked_with(f64::NAN), masked_with(0.3)];
        for (got, other) in
            [(&got.values, &other.values), (&got.gradient, &other.gradient), (&got.curvature, &other.curvature)]
        {
            let width = each(got);
            assert_eq!(floats(got), floats(other), "{config:?}");
            for (i, got) in floats(got).into_iter().enumerate() {
                assert!(got.is_finite() && (mask[i / width] || got == 0.0), "{config:?}: {got}");
            }
        }
    });
}

/// Finite numbers give finite results, and single and half precision give the same as double precision, rounded.
#[test]
fn extremes_and_precisions() {
    every_loss(|config, loss, inputs| {
        let options = SecondOrderConfig::new().with_floor(1e-9);
        let name = loss.input();
        if evaluate(loss, &inputs, &options).is_err() {
            return;
        }
        for scale in [0.0, 1.0, 1e4, -1e4] {
            let numbers: Vec<f64> = floats(&inputs[name]).into_iter().map(|x| x * scale).collect();
            let numbers = match name {
                "probabilities" => numbers.into_iter().map(|x| x.clamp(0.0, 1.0)).collect(),
                _ => numbers,
            };
            let mut inputs = inputs.clone();
            inputs.insert(name.into(), TensorData::new(numbers, inputs[name].shape().clone()));
            let got = evaluate(loss, &inputs, &options).expect("as before");
            for data in [&got.values, &got.gradient] {
                assert!(floats(data).iter().all(|x| x.is_finite()), "{config:?} at {scale}: {data:?}");
            }
            assert!(!floats(&got.curvature).iter().any(|x| x.is_nan()), "{config:?} at {scale}");
        }
        for dtype in [FloatDType::F32, FloatDType::F16, FloatDType::BF16] {
            let got = loss.evaluate_second_order(&inputs, &flex(), dtype, &options).expect("as before");
            for data in [&got.values, &got.gradient, &got.curvature] {
                assert!(!floats(data).iter().any(|x| x.is_nan()), "{config:?} in {dtype:?}");
            }
        }
    });
}

/// Any number of axes, no rows at all, and the other devices of the CPU.
#[test]
fn shapes_and_devices() {
    every_variant(|config| {
        let loss = config.init(&flex());
        let options = SecondOrderConfig::new().with_floor(0.5);
        let flat = batch(&loss, 4, 2.0, &[], 3);
        if evaluate(&loss, &flat, &options).is_err() {
            return;
        }
        let inputs = batch(&loss, 4, 2.0, &[2], 3);
        let expected = evaluate(&loss, &inputs, &options).expect("as before");
        assert_eq!(expected.gradient.shape(), inputs[loss.input()].shape());
        assert_eq!(expected.curvature.shape(), inputs[loss.input()].shape());
        let empty = evaluate(&loss, &batch(&loss, 0, 2.0, &[], 3), &SecondOrderConfig::new()).expect("no rows");
        assert_eq!(empty.curvature.shape()[0], 0);
        for target in devices::cpu() {
            let got = loss.evaluate_second_order(&inputs, &target.device, target.dtype, &options).expect("as before");
            let (got, expected) = (floats(&got.curvature), floats(&expected.curvature));
            let largest = expected.iter().fold(1.0, |most: f64, x| most.max(x.abs()));
            // In single precision an input beside a kink may move to its other side.
            let far = got.iter().zip(&expected).filter(|(a, b)| (*a - *b).abs() > 1e-4 * largest).count();
            assert!(far * 8 <= got.len(), "{config:?} on {}: {got:?} against {expected:?}", target.name);
        }
    });
}

/// A GPU has other numbers, which are read back.
#[test]
fn second_order_on_wgpu() {
    let Some(target) = devices::gpu() else { return };
    for (family, kind) in [("regression", "huber"), ("binary", "ghm_c"), ("binary", "ohem"), ("classification", "ohem")]
    {
        let loss = LossConfig::from_kind(family, kind).expect("a kind").init(&target.device);
        let inputs = batch(&loss, 4, 2.0, &[], 3);
        let options = SecondOrderConfig::new();
        let got = loss.evaluate_second_order(&inputs, &target.device, target.dtype, &options).expect("results");
        let expected = evaluate(&loss, &inputs, &options).expect("results");
        for (got, expected) in floats(&got.curvature).into_iter().zip(floats(&expected.curvature)) {
            assert!((got - expected).abs() <= 1e-5 * (1.0 + expected.abs()), "{kind}: {got} against {expected}");
        }
    }
}

// Traps.

fn second_order(loss: &impl RegressionLoss, predictions: &[f64], targets: &[f64]) -> SecondOrder<Vec<f64>> {
    SecondOrder::of(loss, predictions, targets)
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
    let all = SecondOrder::of(&bce, &[f64::INFINITY, f64::NEG_INFINITY, f64::INFINITY], &[1.0, 0.0, 0.0]);
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
    let all = SecondOrder::of(&BceLossConfig::new().init(&flex()), &logits, &labels);
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
    assert!(SecondOrder::of(&focal, &[-4.0], &[1.0]).curvature[0] < 0.0);
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
    let all = SecondOrder::of(&Cauchy, &[0.0, 2.0], &[0.0, 0.0]);
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
