//! A mean divides by a divisor: a given one, or that of all micro-batches of an accumulation.

use crate::probe::numbers;
use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use burn_losses::binary::BceLossConfig;
use burn_losses::boxes::GiouLossConfig;
use burn_losses::classification::CrossEntropyLossConfig;
use burn_losses::distribution::KlDivergenceLossConfig;
use burn_losses::heads::SoftmaxLossConfig;
use burn_losses::metric::ContrastiveLossConfig;
use burn_losses::prelude::*;
use burn_losses::regression::HuberLossConfig;
use burn_losses::segmentation::DiceLossConfig;
use burn_losses::{Accumulation, Divisor, Reduction, Unreduced};

/// With a divisor, a loss is the sum of its unreduced values: in every family, with weights and a mask.
#[test]
fn with_a_divisor_a_loss_is_the_sum_of_its_unreduced_values() {
    let device = Device::flex();
    let random = |shape: [usize; 2], seed| {
        let numbers = numbers(shape[0] * shape[1], seed).into_iter().map(|u| 0.5 + 0.45 * u).collect::<Vec<_>>();
        Tensor::<2>::from_data(TensorData::new(numbers, shape), (&device, DType::F64))
    };
    let rows = |seed| random([4, 4], seed);
    let labels = || Tensor::<1, Int>::from_ints([0, 1, 0, 1], &device);
    let weights = random([4, 1], 3);
    let mask = Tensor::<2>::from_floats([[1.0], [0.0], [1.0], [1.0]], &device).equal_scalar(1.0);
    let extras_of =
        |divisor: Divisor| Extras::new().with_weights(weights.clone()).with_mask(mask.clone()).with_divisor(divisor);
    let of_rows = |divisor: Divisor| {
        let (weights, mask) = (weights.clone().reshape([4]), mask.clone().reshape([4]));
        Extras::new().with_weights(weights).with_mask(mask).with_divisor(divisor)
    };
    for (number, divisor) in [
        (7.0, Divisor::from(7.0)),
        (3.0, 3_usize.into()),
        (5.0, Tensor::<1>::from_data([5.0], (&device, DType::F64)).into()),
    ] {
        macro_rules! check {
            ($kind:literal, $loss:expr, $extras:expr; $first:expr, $second:expr) => {{
                let (loss, extras): (_, Extras) = ($loss, $extras(divisor.clone()));
                let whole = loss.forward_with($first, $second, extras.clone()).into_scalar::<f64>();
                let values = loss.forward_unreduced($first, $second, extras.clone());
                let sum = values.values.into_data().iter::<f64>().sum::<f64>();
                assert!((whole - sum).abs() < 1e-12 * sum.abs().max(1.0), "{}: {whole} {sum}", $kind);
                assert!(whole.abs() > 1e-6 / number, "{}: {whole}", $kind);
            }};
        }
        check!("regression", HuberLossConfig::new().init(&device), extras_of; rows(1), rows(2));
        check!("binary", BceLossConfig::new().init(&device), extras_of; rows(1), rows(2));
        check!("classification", CrossEntropyLossConfig::new().init(&device), of_rows; rows(1), labels());
        check!("segmentation", DiceLossConfig::new().init(&device), extras_of; rows(1), rows(2));
        check!("boxes", GiouLossConfig::new().init(&device), of_rows; rows(1), rows(2));
        check!("metric", ContrastiveLossConfig::new().init(&device), of_rows; rows(1), labels());
        let head = SoftmaxLossConfig::new(2, 4).init(&device);
        let head = head.with_weight(random([2, 4], 5));
        check!("heads", head, of_rows; rows(1), labels());
        let loss = KlDivergenceLossConfig::new().init(&device);
        let whole = loss.forward_with(rows(1), rows(2), of_rows(divisor.clone())).into_scalar::<f64>();
        let values: Unreduced<1> = loss.forward_unreduced(rows(1), rows(2), of_rows(divisor));
        let sum = values.values.into_data().iter::<f64>().sum::<f64>();
        assert!((whole - sum).abs() < 1e-12 * sum.abs().max(1.0), "distribution: {whole} {sum}");
    }
}

/// The losses of micro-batches add up to the loss of the whole, with ignored, masked and weighted rows, however it is split.
#[test]
fn an_accumulation_adds_up_to_the_whole_batch() {
    let device = Device::flex();
    let logits = Tensor::<2>::from_data(TensorData::new(numbers(12, 1), [6, 2]), (&device, DType::F64));
    let labels = Tensor::<1, Int>::from_ints([0, -100, 1, 1, 0, -100], &device);
    let weights = Tensor::<1>::from_data([2.0, 1.0, 0.5, 3.0, 0.0, 1.0], (&device, DType::F64));
    let mask = Tensor::<1, Int>::from_ints([1, 1, 1, 0, 1, 1], &device).equal_scalar(1);
    for reduction in [Reduction::Mean, Reduction::WeightedMean, Reduction::Sum] {
        let loss = CrossEntropyLossConfig::new()
            .with_ignore_index(-100)
            .with_class_weights([1.0, 3.0])
            .with_reduction(reduction)
            .init(&device);
        let extras = Extras::new().with_weights(weights.clone()).with_mask(mask.clone());
        let expected = loss.forward_with(logits.clone(), labels.clone(), extras).into_scalar::<f64>();
        for size in [1, 4, 6] {
            let part = |start: usize| {
                let rows = size.min(6 - start);
                let (logits, labels) = (logits.clone().narrow(0, start, rows), labels.clone().narrow(0, start, rows));
                (logits, labels, weights.clone().narrow(0, start, rows), mask.clone().narrow(0, start, rows))
            };
            let mut whole = Accumulation::new(reduction);
            for start in (0..6).step_by(size) {
                let (logits, labels, weights, mask) = part(start);
                whole.count(loss.forward_unreduced(logits.zeros_like(), labels, mask), Some(weights));
            }
            let mut sum = 0.0;
            for start in (0..6).step_by(size) {
                let (logits, labels, weights, mask) = part(start);
                let extras = whole.extras().with_weights(weights).with_mask(mask);
                sum += loss.forward_with(logits, labels, extras).into_scalar::<f64>();
            }
            assert!((sum - expected).abs() < 1e-12, "{reduction:?}, {size} rows at a time: {sum}, expected {expected}");
        }
    }
}
