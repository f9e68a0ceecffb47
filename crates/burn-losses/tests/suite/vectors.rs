//! User-defined losses of some numbers per row: the fused engine agrees with tensor operations, however many numbers there are.

use burn::tensor::{DType, Device, Distribution, Tensor};
use burn_losses::formula::{Real, VectorFormula};
use burn_losses::vectors::VectorLoss;
use burn_losses::{Extras, Loss, Reduction, watched, with_tensor_operations};

/// Differences of numbers that are first mixed, so that each derivative depends on several of them.
#[derive(Debug, Clone)]
struct Turned {
    reduction: Reduction,
}

impl<const K: usize, const TARGETS: usize> VectorFormula<K, TARGETS> for Turned {
    #[inline(always)]
    fn eval<R: Real>(&self, prediction: [R; K], target: [R; TARGETS]) -> R {
        let mut sum = prediction[0].lit(0.0);
        let mut k = 0;
        while k < K {
            let difference = prediction[k].clone() * (k + 1) as f64 - target[k % TARGETS].clone();
            sum = sum + difference.square().log1p();
            k += 1;
        }
        sum
    }

    #[inline(always)]
    fn linear<R: Real>(&self, prediction: [R; K], target: [R; TARGETS]) -> ([R; K], [R; TARGETS]) {
        let mut mixed = prediction.clone();
        let mut k = 0;
        while k < K {
            mixed[k] = prediction[k].clone() * 2.0 - prediction[(k + 1) % K].clone() * 0.5;
            k += 1;
        }
        (mixed, target)
    }
}

impl Loss for Turned {
    fn kind(&self) -> &'static str {
        "mixed"
    }
    fn reduction(&self) -> Reduction {
        self.reduction
    }
}

impl<const K: usize, const TARGETS: usize> VectorLoss<K, TARGETS> for Turned {}

fn close(got: &Tensor<1>, expected: &Tensor<1>, what: &str) {
    let largest = expected.clone().abs().max().into_scalar::<f64>();
    let difference = (got.clone() - expected.clone()).abs().max().into_scalar::<f64>();
    let tolerance = if got.dtype() == DType::F64 { 1e-13 } else { 1e-5 };
    assert!(difference <= tolerance * (1.0 + largest), "{what}: {difference} of {largest}");
}

fn both_paths_agree<const K: usize, const TARGETS: usize>() {
    let device = Device::flex().autodiff();
    for (count, dtype) in [1, 3, 8, 17, 5000].into_iter().flat_map(|n| [(n, DType::F64), (n, DType::F32)]) {
        let random = |shape: [usize; 2]| Tensor::<2>::random(shape, Distribution::Normal(0.0, 1.0), (&device, dtype));
        let (predictions, targets) = (random([count, K]).require_grad(), random([count, TARGETS]));
        let weights = random([count, 1]).squeeze_dim::<1>(1).abs() + 0.1;
        let run = |reduction: Option<Reduction>| {
            let loss = Turned { reduction: reduction.unwrap_or(Reduction::Mean) };
            let extras = match reduction {
                Some(Reduction::Mean | Reduction::WeightedMean) => Extras::new().with_weights(weights.clone()),
                _ => Extras::new(),
            };
            let (predictions_now, targets) = (predictions.clone(), targets.clone());
            let value = match reduction {
                None => VectorLoss::<K, TARGETS>::forward_unreduced(&loss, predictions_now, targets, extras).values,
                Some(_) => VectorLoss::<K, TARGETS>::forward_with(&loss, predictions_now, targets, extras),
            };
            let gradient = predictions.grad(&(value.clone() * value.clone()).sum().backward()).expect("a gradient");
            (value, gradient.reshape([count * K]))
        };
        for reduction in [None, Some(Reduction::Sum), Some(Reduction::Mean), Some(Reduction::WeightedMean)] {
            let what = format!("{K} numbers, {TARGETS} targets, {count} rows, {dtype:?}, {reduction:?}");
            let ((value, gradient), paths) = watched(|| run(reduction));
            assert_eq!(paths.fused, ["vectors"], "{what}");
            let (expected, expected_gradient) = with_tensor_operations(|| run(reduction));
            close(&value, &expected, &what);
            close(&gradient, &expected_gradient, &what);
        }
    }
}

#[test]
fn any_numbers_of_predictions_and_targets() {
    both_paths_agree::<1, 1>();
    both_paths_agree::<1, 4>();
    both_paths_agree::<2, 1>();
    both_paths_agree::<3, 3>();
    both_paths_agree::<4, 1>();
    both_paths_agree::<4, 4>();
    both_paths_agree::<9, 2>();
}

#[test]
fn what_is_wrong_with_the_arguments() {
    let device = Device::flex();
    let loss = Turned { reduction: Reduction::Mean };
    let check = |predictions, targets, extras: Extras| {
        let result = VectorLoss::<2, 1>::check(&loss, &predictions, &targets, &extras);
        result.expect_err("wrong").to_string()
    };
    let zeros = |shape: [usize; 2]| Tensor::<2>::zeros(shape, &device);
    let cases = [
        (check(zeros([3, 4]), zeros([3, 1]), Extras::new()), "mixed: `predictions`", "2 numbers per row on axis 1"),
        (check(zeros([3, 2]), zeros([2, 1]), Extras::new()), "mixed: `targets`", "[3, 1] (one row per prediction)"),
        (
            check(zeros([3, 2]), zeros([3, 1]), Extras::new().with_weights(Tensor::<1>::zeros([2], &device))),
            "mixed: `weights`",
            "[3]",
        ),
    ];
    for (message, argument, allowed) in cases {
        assert!(message.starts_with(argument) && message.contains(allowed), "{message}");
    }
    let nothing = VectorLoss::<2, 1>::forward(&loss, zeros([0, 2]), zeros([0, 1]));
    assert_eq!(nothing.into_scalar::<f32>(), 0.0);
}
