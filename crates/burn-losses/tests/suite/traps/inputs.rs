//! Tensors by name, as files hold them: types, shapes, labels.

use crate::devices::{self, Target};
use crate::laws::every_variant;
use crate::probe::{batch, other_batches, weighted};
use burn::tensor::{DType, TensorData};
use burn_losses::eval::{EvalError, Inputs};
use burn_losses::signature::{Argument, Kind, Role, Shape};
use burn_losses::{AnyLoss, LossConfig};

fn flex() -> Target {
    devices::cpu().remove(0)
}

/// Every loss with a batch for each way to call it, and weights where that is possible.
fn every_batch(mut check: impl FnMut(&LossConfig, &AnyLoss, &Inputs)) {
    let device = flex().device;
    every_variant(|config| {
        let loss = config.init(&device);
        check(config, &loss, &weighted(&loss, batch(&loss, 6, 2.0, &[], 4), 7));
        other_batches(&loss).iter().for_each(|inputs| check(config, &loss, inputs));
    });
}

fn error(loss: &AnyLoss, inputs: &Inputs) -> EvalError {
    let Target { device, dtype, .. } = flex();
    let result = loss.check_labels(inputs).and_then(|()| loss.evaluate(inputs, &device, dtype));
    result.map(drop).expect_err("this is wrong")
}

fn with(inputs: &Inputs, name: &str, data: TensorData) -> Inputs {
    let mut inputs = inputs.clone();
    inputs.insert(name.into(), data);
    inputs
}

fn with_shape(data: &TensorData, shape: Vec<usize>) -> TensorData {
    let count = shape.iter().product();
    match data.dtype() {
        dtype if dtype.is_float() => TensorData::new(vec![0.5; count], shape),
        dtype if dtype.is_bool() => TensorData::new(vec![true; count], shape),
        _ => TensorData::new(vec![0i64; count], shape),
    }
}

/// T80: targets and masks may have the type in which they are stored: integers and booleans have the same value as equal floats.
#[test]
fn t80_targets_and_masks_of_every_type_are_the_same() {
    let Target { device, dtype, .. } = flex();
    let mut compared = 0;
    every_batch(|config, loss, inputs| {
        let signature = loss.signature(inputs);
        let first = inputs[signature[0].name].shape().to_vec();
        for argument in signature.iter().filter(|argument| argument.role == Role::Target) {
            let Some(data) = inputs.get(argument.name) else { continue };
            let (shape, count) = (data.shape().clone(), data.num_elements());
            let inner: usize = first.iter().skip(2).product();
            // Each row has one class; boxes have whole numbers.
            let whole = |at: usize| match loss {
                AnyLoss::Boxes(_) => [0, 0, 1, 1][at % 4],
                _ => i64::from(at / inner.max(1) % 3 == 1),
            };
            let numbers: Vec<i64> = (0..count).map(whole).collect();
            let bytes = || TensorData::new(numbers.iter().map(|x| *x as u8).collect::<Vec<_>>(), shape.clone());
            let truths = || TensorData::new(numbers.iter().map(|x| *x != 0).collect::<Vec<_>>(), shape.clone());
            let (plain, others) = match argument.kind {
                Kind::Float => {
                    let floats = numbers.iter().map(|x| *x as f64).collect::<Vec<_>>();
                    let integers = TensorData::new(numbers.clone(), shape.clone());
                    (TensorData::new(floats, shape.clone()), vec![integers, bytes(), truths()])
                }
                Kind::Mask => {
                    let stored = numbers.iter().map(|x| *x as u8 * 255).collect::<Vec<_>>();
                    (truths(), vec![bytes(), TensorData::new(stored, shape.clone())])
                }
                Kind::Labels { .. } => continue,
            };
            let evaluate = |data: &TensorData| {
                let inputs = with(inputs, argument.name, data.clone());
                // A loss with state takes its first step each time.
                let loss = config.init(&device);
                let evaluation = loss.evaluate(&inputs, &device, dtype).unwrap_or_else(|error| panic!("{error}"));
                let findings = loss.diagnose(&inputs, &device).to_string();
                (format!("{:?} {}", evaluation.loss, evaluation.unreduced), findings)
            };
            for other in others {
                assert_eq!(
                    evaluate(&other),
                    evaluate(&plain),
                    "{} {} of {:?}",
                    loss.kind(),
                    argument.name,
                    other.dtype()
                );
                compared += 1;
            }
        }
    });
    assert!(compared > 300, "{compared}");
}

/// T80: an image of 0 and 255 is no mask: its integers are refused, except where they do not count.
#[test]
fn t80_integer_masks_are_0_and_1() {
    let Target { device, dtype, .. } = flex();
    for kind in ["dice", "jaccard", "lovasz"] {
        let loss = LossConfig::from_kind("segmentation", kind).unwrap().init(&device);
        let shape = [1, 2, 2];
        let masks = |numbers: [u8; 4]| TensorData::new(numbers.to_vec(), shape);
        let of = |numbers| {
            let logits = TensorData::new(vec![0.5f64, -1.0, 2.0, 0.25], shape);
            Inputs::from([(loss.input().to_owned(), logits), ("masks".to_owned(), masks(numbers))])
        };
        let expected = format!(
            "{kind}: `masks` is not supported: 255 at [0, 0, 1], but the integers of masks are 0 and 1; masks of 0 and 255? \
             Divide by 255; labels? Hand them over as `labels`"
        );
        assert_eq!(error(&loss, &of([0, 255, 255, 0])).to_string(), expected);
        assert!(loss.evaluate(&of([0, 1, 1, 0]), &device, dtype).is_ok(), "{kind}");
        assert!(loss.diagnose(&of([0, 255, 255, 0]), &device).to_string().contains("Divide by 255"), "{kind}");
        for name in ["mask", "valid"] {
            for counts in [TensorData::new(vec![true, false, true, true], shape), masks([1, 0, 1, 1])] {
                let inputs = with(&of([0, 255, 1, 0]), name, counts);
                assert!(loss.evaluate(&inputs, &device, dtype).is_ok(), "{kind} {name}");
            }
        }
    }
}

/// T81: for a wrong number of axes, the message states the shapes that fit, not only the number of axes.
#[test]
fn t81_a_wrong_rank_names_the_shapes_that_fit() {
    every_batch(|_, loss, inputs| {
        let signature = loss.signature(inputs);
        let first = inputs[signature[0].name].shape().to_vec();
        for argument in signature.iter().skip(1) {
            let Some(data) = inputs.get(argument.name) else { continue };
            let Some(shape) = argument.shape.resolve(&first) else { continue };
            for wrong in [[&[2], &shape[..]].concat(), shape[1..].to_vec()] {
                let error = error(loss, &with(inputs, argument.name, with_shape(data, wrong.clone())));
                let message = error.to_string();
                assert_eq!(error.argument(), argument.name, "{message}");
                assert!(message.contains(&format!("has shape {wrong:?}, expected {shape:?}")), "{message}");
                if argument.role == Role::Weight && shape.len() > 1 {
                    let samples: Vec<_> = (0..shape.len()).map(|axis| if axis == 0 { shape[0] } else { 1 }).collect();
                    assert!(message.ends_with(&format!(" or {samples:?} (one per sample)")), "{message}");
                }
            }
        }
    });
}

/// T85: every error is found under every name that an argument has, in every way to call a loss.
#[test]
fn t85_every_input_error_is_found_under_every_name() {
    let mut labels = 0;
    every_batch(|_, loss, inputs| {
        let signature = loss.signature(inputs);
        let first = inputs[signature[0].name].shape().to_vec();
        for argument in &signature {
            let Some(data) = inputs.get(argument.name) else { continue };
            let names_it = |data: TensorData| {
                let error = error(loss, &with(inputs, argument.name, data));
                assert_eq!(error.argument(), argument.name, "{error}");
                error
            };
            // The tensor has a type that the argument cannot be read from.
            if argument.role != Role::Target || matches!(argument.kind, Kind::Labels { .. } | Kind::Mask) {
                let wrong = if data.dtype().is_float() { DType::I64 } else { DType::F32 };
                let data = with_shape(data, data.shape().to_vec());
                let numbers: Vec<f64> = data.iter().collect();
                let error = names_it(TensorData::new(numbers, data.shape().clone()).convert_dtype(wrong));
                assert!(matches!(error, EvalError::Type { .. }), "{error}");
            }
            // The tensor has one row too many.
            let is_fixed = argument.role != Role::Prediction && argument.shape != Shape::Axes(1, 1);
            if is_fixed && argument.shape.resolve(&first).is_some() {
                let mut shape = data.shape().to_vec();
                shape[0] += 1;
                names_it(with_shape(data, shape));
            }
            // A label that is out of range.
            if let Argument { kind: Kind::Labels { classes, ignored }, .. } = argument
                && let Some(classes) = classes.number(&first)
            {
                for wrong in [-100, -1, classes as i64, 255].into_iter().filter(|label| Some(*label) != *ignored) {
                    let mut numbers: Vec<i64> = data.iter().collect();
                    numbers[0] = wrong;
                    let error = names_it(TensorData::new(numbers, data.shape().clone()));
                    assert!(matches!(error, EvalError::NoClass { .. } | EvalError::Length { .. }), "{error}");
                    labels += 1;
                }
            }
        }
        // The tensor has a name that no argument has.
        let error = error(loss, &with(inputs, "something", TensorData::from([1.0])));
        assert_eq!(error.argument(), "something", "{error}");
    });
    assert!(labels > 500, "{labels}");
}
