//! Laws over the registry.

use super::{Data, evaluate, every_loss, every_variant, exact, flex, floats};
use crate::devices;
use crate::probe::{batch, weighted};
use burn::tensor::{FloatDType, TensorData};
use burn_losses::config::{Format, to_string};
use burn_losses::eval::Inputs;
use burn_losses::prelude::*;
use burn_losses::{AnyLoss, Curvature, SecondOrderConfig};

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
