//! The same numbers on every device, for every memory layout of the inputs, and for every upstream gradient.

use crate::devices::{self, Target};
use crate::probe::{batch, default_of, numbers, other_batches, variants};
use burn::tensor::{DType, Int, Tensor, TensorData};
use burn_losses::eval::Inputs;
use burn_losses::signature::{Arguments, Layout, Role, Wanted};
use burn_losses::{AnyLoss, LossConfig, registry, with_tensor_operations};
use std::collections::BTreeMap;

fn floats(data: &TensorData) -> Vec<f64> {
    data.clone().convert::<f64>().iter().collect()
}

fn worst(got: &[f64], expected: &[f64]) -> f64 {
    let scale = expected.iter().fold(1e-9, |most: f64, x| most.max(x.abs()));
    let difference = |(a, b): (&f64, &f64)| if (a - b).is_nan() { f64::INFINITY } else { (a - b).abs() };
    got.iter().zip(expected).map(difference).fold(0.0, f64::max) / scale
}

/// Compares values and gradients of every loss on every device with those on Flex in double precision.
#[test]
fn every_device_gives_the_same_numbers() {
    let exact = devices::cpu().remove(0);
    for target in devices::all() {
        for info in registry() {
            // The CPU is also tested with every field at other values.
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
                // Many values are added up, and the gradient of a mean consists of small numbers, so the tolerance is a few
                // times that of one value.
                let allowed = 4.0 * target.tolerance;
                // The variance of a window of an image is a small difference of large moments, whose slope is steep near 0.
                if matches!(loss, AnyLoss::Image(_)) && target.dtype != exact.dtype {
                    assert!(worst(&floats(&got.unreduced), &floats(&expected.unreduced)) <= 4.0 * allowed, "{place}");
                    continue;
                }
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

/// Compares the other ways to call a loss too: pairs, triplets, views, soft targets, labels of regions, drawn classes.
#[test]
fn every_signature_gives_the_same_numbers() {
    let exact = devices::cpu().remove(0);
    for target in devices::cpu() {
        for config in registry().iter().flat_map(variants) {
            for inputs in other_batches(&config.init(&exact.device)) {
                let inputs = crate::golden::rounded(inputs);
                let on = |target: &Target| {
                    config.init(&target.device).evaluate(&inputs, &target.device, target.dtype).expect("a value")
                };
                let (expected, got) = (with_tensor_operations(|| on(&exact)), on(&target));
                let compare = |what: &str, got: &[f64], expected: &[f64]| {
                    let error = worst(got, expected);
                    let place = format!("{config:?} with {:?} on {}", inputs.keys(), target.name);
                    assert!(error <= 4.0 * target.tolerance, "{place}: {what} is off by {error:.1e}");
                };
                compare("loss", &[got.loss], &[expected.loss]);
                compare("unreduced", &floats(&got.unreduced), &floats(&expected.unreduced));
                for (name, gradient) in &expected.gradients {
                    compare(name, &floats(&got.gradients[name]), &floats(gradient));
                }
            }
        }
    }
}

/// A loss with a batch, on a device.
struct Case {
    config: LossConfig,
    target: Target,
    inputs: Inputs,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for target in devices::all() {
        for info in registry() {
            let config = default_of(&info);
            let inputs = batch(&config.init(&target.device), 5, 3.0, &[], 2);
            let (name, device) = (target.name, target.device.clone());
            cases.push(Case { config, target: Target { name, device, ..target }, inputs });
        }
    }
    cases
}

impl Case {
    /// The values, and the gradients of their sum, or of their sum times upstream factors, by argument.
    fn run(&self, layout: Layout, upstream: Option<&[f64]>) -> (Vec<f64>, BTreeMap<String, TensorData>) {
        let device = self.target.device.clone().autodiff();
        let loss = self.config.init(&device);
        let (signature, trained) = (loss.signature(&self.inputs), [Role::Prediction, Role::Parameter]);
        let arguments = Arguments::new(loss.kind(), &signature, &self.inputs, &device, self.target.dtype, &trained);
        let mut arguments = arguments.expect("arguments of the loss").with_layout(layout);
        let values = loss.as_family().call(&mut arguments, Wanted::Values).expect("values").numbers;
        let shown = floats(&values.clone().into_data());
        let scaled = match upstream {
            None => values,
            Some(factors) => {
                let factors = TensorData::new(factors[..shown.len()].to_vec(), [shown.len()]);
                values.clone() * Tensor::from_data(factors, (&device, values.dtype()))
            }
        };
        (shown, arguments.into_leaves().differentiate(&scaled.sum()))
    }

    fn place(&self) -> String {
        format!("{}/{} on {}", self.config.family(), self.config.kind(), self.target.name)
    }
}

#[test]
fn inputs_that_are_not_contiguous_give_the_same() {
    for case in cases() {
        let (values, gradients) = case.run(Layout::Contiguous, None);
        for layout in [Layout::Transposed, Layout::Sliced] {
            let place = format!("{} {layout:?}", case.place());
            let (got, got_gradients) = case.run(layout, None);
            assert!(worst(&got, &values) <= case.target.tolerance, "{place}");
            for (name, gradient) in &gradients {
                let error = worst(&floats(&got_gradients[name]), &floats(gradient));
                assert!(error <= case.target.tolerance, "{place}: {name}");
            }
        }
    }
}

/// The gradient of a weighted sum of the values is the weighted sum of their gradients.
#[test]
fn upstream_gradients_are_multiplied_in() {
    for case in cases() {
        let (factors, first) = (numbers(64, 5), case.config.init(&case.target.device).input());
        let of_first = |gradients: BTreeMap<String, TensorData>| floats(&gradients[first]);
        let (values, scaled) = case.run(Layout::Contiguous, Some(&factors));
        let scaled = of_first(scaled);
        let mut expected = vec![0.0; scaled.len()];
        for value in 0..values.len() {
            let mut alone = vec![0.0; values.len()];
            alone[value] = factors[value];
            let gradient = of_first(case.run(Layout::Contiguous, Some(&alone)).1);
            expected.iter_mut().zip(gradient).for_each(|(sum, part)| *sum += part);
        }
        assert!(worst(&scaled, &expected) <= 4.0 * case.target.tolerance, "{}", case.place());
        assert!(scaled.iter().any(|x| *x != 0.0) || case.config.kind() == "zero_one", "{}", case.place());
    }
}

/// T67: tensors share their memory with their clones, so no argument may be written to.
#[test]
fn t67_inputs_are_not_changed() {
    for case in cases() {
        let (device, dtype) = (case.target.device.clone(), case.target.dtype);
        let loss = case.config.init(&device);
        let mut inputs = batch(&loss, 4, 3.0, &[], 2);
        let first = inputs.remove(loss.input()).unwrap();
        if first.shape().len() != 2 {
            continue;
        }
        let (name, second) = inputs.into_iter().next().unwrap();
        let leaf = Tensor::<2>::from_data(first, (&device.clone().autodiff(), DType::from(dtype))).require_grad();
        let before = floats(&leaf.clone().into_data());
        macro_rules! keeps {
            ($loss:expr, $second:expr, $weights:expr) => {{
                let (loss, second, weights) = ($loss, $second, $weights);
                let numbers = || (floats(&second.clone().into_data()), floats(&weights.clone().into_data()));
                let kept = numbers();
                loss.forward_with(leaf.clone(), second.clone(), weights.clone()).backward();
                assert_eq!(numbers(), kept, "{name} or weights of {}", case.place());
            }};
        }
        let device = leaf.device();
        let matrix = || Tensor::<2>::from_data(second.clone(), (&device, DType::from(dtype)));
        let vector = || Tensor::<1>::from_data(second.clone(), (&device, DType::from(dtype)));
        let labels = || Tensor::<1, Int>::from_data(second.clone(), &device);
        let half = || Tensor::<1>::full([4], 0.5, (&device, DType::from(dtype)));
        match loss {
            AnyLoss::Regression(loss) => keeps!(loss, matrix(), matrix().ones_like() * 0.5),
            AnyLoss::Likelihood(loss) => keeps!(loss, vector(), half()),
            AnyLoss::Binary(loss) => keeps!(loss, matrix(), matrix().ones_like() * 0.5),
            AnyLoss::Classification(loss) => keeps!(loss, labels(), half()),
            AnyLoss::Distribution(loss) => keeps!(loss, matrix(), half()),
            AnyLoss::Segmentation(loss) => keeps!(loss, matrix(), matrix().ones_like() * 0.5),
            AnyLoss::Boxes(loss) => keeps!(loss, matrix(), half()),
            AnyLoss::Heads(loss) => keeps!(loss, labels(), half()),
            AnyLoss::Metric(loss) => keeps!(loss, labels(), half()),
            _ => continue,
        }
        assert_eq!(floats(&leaf.into_data()), before, "{}", case.place());
    }
}
