//! The same numbers on every device, for inputs as they lie in memory, and for every upstream gradient.

use crate::devices::{self, Target};
use crate::probe::{batch, default_of, numbers, variants};
use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use burn_losses::prelude::*;
use burn_losses::{AnyLoss, LossConfig, registry};

fn floats(data: &TensorData) -> Vec<f64> {
    data.clone().convert::<f64>().iter().collect()
}

fn worst(got: &[f64], expected: &[f64]) -> f64 {
    let scale = expected.iter().fold(1e-9, |most: f64, x| most.max(x.abs()));
    let difference = |(a, b): (&f64, &f64)| if (a - b).is_nan() { f64::INFINITY } else { (a - b).abs() };
    got.iter().zip(expected).map(difference).fold(0.0, f64::max) / scale
}

/// Values and gradients of every loss on every device against Flex in double precision.
#[test]
fn every_device_gives_the_same_numbers() {
    let exact = devices::cpu().remove(0);
    for target in devices::all() {
        for info in registry() {
            // On the CPU also with every field at other values.
            let configs = if target.name.starts_with("wgpu") { vec![default_of(&info)] } else { variants(&info) };
            for config in configs {
                let loss = config.init(&exact.device);
                let mut inputs = batch(&loss, 57, 4.0, &[5], 1);
                if target.dtype != exact.dtype {
                    inputs = crate::golden::rounded(inputs);
                }
                let expected = loss.evaluate(&inputs, &exact.device, exact.dtype).unwrap();
                let got = config.init(&target.device).evaluate(&inputs, &target.device, target.dtype).unwrap();
                let place = format!("{config:?} on {}", target.name);
                // Many values are added up, and a tensor of gradients of a mean holds small numbers: a few times more
                // than one value.
                let allowed = 4.0 * target.tolerance;
                for (what, got, expected) in [
                    ("loss", vec![got.loss], vec![expected.loss]),
                    ("unreduced", floats(&got.unreduced), floats(&expected.unreduced)),
                    ("gradient", floats(&got.gradients[loss.input()]), floats(&expected.gradients[loss.input()])),
                ] {
                    let error = worst(&got, &expected);
                    assert!(error <= allowed, "{place}: {what} is off by {error:.1e}");
                }
            }
        }
    }
}

/// The loss of a first argument `[N, 3]`, its other argument given as the values of an evaluation are.
fn unreduced(loss: &AnyLoss, first: Tensor<2>, second: &TensorData, device: &Device) -> Tensor<1> {
    let floats = |data: &TensorData| Tensor::<2>::from_data(data.clone(), (device, first.dtype()));
    match loss {
        AnyLoss::Regression(loss) => {
            let targets = floats(second);
            loss.forward_no_reduction(first, targets).reshape([-1])
        }
        AnyLoss::Binary(loss) => {
            let targets = floats(second);
            loss.forward_no_reduction(first, targets).reshape([-1])
        }
        AnyLoss::Classification(loss) => {
            loss.forward_no_reduction(first, Tensor::<1, Int>::from_data(second.clone(), device))
        }
    }
}

struct Case {
    config: LossConfig,
    target: Target,
    first: TensorData,
    second: TensorData,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for target in devices::all() {
        for info in registry() {
            let config = LossConfig::of(info.family, info.kind).unwrap();
            let loss = config.init(&target.device);
            let mut inputs = batch(&loss, 9, 3.0, &[], 2);
            let first = inputs.remove(loss.input()).unwrap();
            let second = inputs.into_values().next().unwrap();
            let (name, device) = (target.name, target.device.clone());
            let target = Target { name, device, ..target };
            cases.push(Case { config, target, first, second });
        }
    }
    cases
}

impl Case {
    fn leaf(&self) -> Tensor<2> {
        let device = self.target.device.clone().autodiff();
        Tensor::from_data(self.first.clone(), (&device, DType::from(self.target.dtype))).require_grad()
    }

    /// Values and gradient of a function of the first argument's leaf.
    fn run(
        &self,
        leaf: Tensor<2>,
        view: impl Fn(Tensor<2>) -> Tensor<2>,
        upstream: Option<&[f64]>,
    ) -> (Vec<f64>, Vec<f64>) {
        let loss = self.config.init(&self.target.device);
        let device = leaf.device();
        let values = unreduced(&loss, view(leaf.clone()), &self.second, &device);
        let shown = floats(&values.clone().into_data());
        let scaled = match upstream {
            None => values,
            Some(factors) => {
                let factors = TensorData::new(factors[..shown.len()].to_vec(), [shown.len()]);
                values.clone() * Tensor::from_data(factors, (&device, values.dtype()))
            }
        };
        let gradients = scaled.sum().backward();
        (shown, floats(&leaf.grad(&gradients).expect("a gradient").into_data()))
    }

    fn place(&self) -> String {
        format!("{}/{} on {}", self.config.family(), self.config.kind(), self.target.name)
    }
}

#[test]
fn inputs_that_are_not_contiguous_give_the_same() {
    for case in cases() {
        let (values, gradient) = case.run(case.leaf(), |x| x, None);
        // Transposed, and a part of something larger.
        let device = case.target.device.clone().autodiff();
        let dtype = DType::from(case.target.dtype);
        let first = Tensor::<2>::from_data(case.first.clone(), (&device, dtype));
        let [rows, columns] = first.dims();
        let turned = Tensor::from_data(first.clone().transpose().into_data(), (&device, dtype)).require_grad();
        let (got, turned_gradient) = case.run(turned, |x| x.transpose(), None);
        assert!(worst(&got, &values) <= case.target.tolerance, "{} transposed", case.place());
        let back: Vec<f64> = (0..rows * columns).map(|i| turned_gradient[i % columns * rows + i / columns]).collect();
        assert!(worst(&back, &gradient) <= case.target.tolerance, "{} transposed", case.place());

        let larger = Tensor::cat(vec![first.clone(), first.clone() * 2.0, first], 1);
        let larger = Tensor::from_data(larger.into_data(), (&device, dtype)).require_grad();
        let (got, larger_gradient) = case.run(larger, |x| x.narrow(1, 2 * columns, columns), None);
        assert!(worst(&got, &values) <= case.target.tolerance, "{} sliced", case.place());
        let inner: Vec<f64> = (0..rows * columns)
            .map(|i| larger_gradient[i / columns * 3 * columns + 2 * columns + i % columns])
            .collect();
        assert!(worst(&inner, &gradient) <= case.target.tolerance, "{} sliced", case.place());
    }
}

#[test]
fn upstream_gradients_are_multiplied_in() {
    for case in cases() {
        let factors = numbers(64, 5);
        let (values, plain) = case.run(case.leaf(), |x| x, None);
        let (_, scaled) = case.run(case.leaf(), |x| x, Some(&factors));
        // Each value depends on one element, or on one row.
        let per_value = plain.len() / values.len();
        let expected: Vec<f64> = plain.iter().enumerate().map(|(i, g)| g * factors[i / per_value]).collect();
        assert!(worst(&scaled, &expected) <= 2.0 * case.target.tolerance, "{}", case.place());
    }
}

/// Tensors share their memory with their clones: none of the arguments may be written to.
#[test]
fn t67_inputs_are_not_changed() {
    for case in cases() {
        let device = case.target.device.clone().autodiff();
        let dtype = DType::from(case.target.dtype);
        let first = Tensor::<2>::from_data(case.first.clone(), (&device, dtype)).require_grad();
        let show = |tensor: Tensor<2>| floats(&tensor.into_data());
        let before = show(first.clone());
        match case.config.init(&device) {
            AnyLoss::Regression(loss) => {
                let targets = Tensor::<2>::from_data(case.second.clone(), (&device, dtype));
                let (weights, kept) = (targets.ones_like() * 0.5, show(targets.clone()));
                loss.forward_weighted(first.clone(), targets.clone(), weights.clone()).backward();
                assert_eq!((show(targets), show(weights)), (kept.clone(), vec![0.5; kept.len()]), "{}", case.place());
            }
            AnyLoss::Binary(loss) => {
                let targets = Tensor::<2>::from_data(case.second.clone(), (&device, dtype));
                let (weights, kept) = (targets.ones_like() * 0.5, show(targets.clone()));
                loss.forward_weighted(first.clone(), targets.clone(), weights.clone()).backward();
                assert_eq!((show(targets), show(weights)), (kept.clone(), vec![0.5; kept.len()]), "{}", case.place());
            }
            AnyLoss::Classification(loss) => {
                let labels = Tensor::<1, Int>::from_data(case.second.clone(), &device);
                let kept: Vec<i64> = labels.clone().into_data().iter().collect();
                let weights = Tensor::<1>::full([kept.len()], 0.5, (&device, dtype));
                loss.forward_weighted(first.clone(), labels.clone(), weights.clone()).backward();
                assert_eq!(labels.into_data().iter::<i64>().collect::<Vec<_>>(), kept, "{}", case.place());
                assert_eq!(floats(&weights.into_data()), vec![0.5; kept.len()], "{}", case.place());
            }
        }
        assert_eq!(show(first), before, "{}", case.place());
    }
}
