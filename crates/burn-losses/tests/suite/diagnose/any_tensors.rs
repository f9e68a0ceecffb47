//! `diagnose` on tensors of any names, shapes, types and numbers.

use crate::probe::{base, batch, weighted};
use crate::properties::cases;
use burn::tensor::{DType, Device, TensorData};
use burn_losses::eval::Inputs;
use burn_losses::{AnyLoss, registry};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Every loss, once.
fn losses() -> Vec<AnyLoss> {
    registry().iter().map(|info| base(info).init(&Device::flex())).collect()
}

const NAMES: [&str; 24] = [
    "predictions",
    "targets",
    "logits",
    "labels",
    "weights",
    "probabilities",
    "log_probabilities",
    "mask",
    "masks",
    "embeddings",
    "weight",
    "bias",
    "proxies",
    "sampled",
    "expected_counts",
    "centers",
    "first",
    "second",
    "dissimilar",
    "anchors",
    "positives",
    "negatives",
    "valid",
    "something",
];

pub(crate) const FLOATS: [f64; 12] =
    [0.0, 1.0, 0.5, -0.5, 3.0, -100.0, 1e30, -1e200, 1e-300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];

const INTEGERS: [i64; 10] = [0, 1, 2, -1, -100, 255, i64::MIN, i64::MAX, i32::MAX as i64, 3];

/// A tensor of any type with numbers chosen by `seeds`; `shape` may have an axis of 0 or be empty.
fn tensor(shape: &[usize], dtype: usize, seeds: &[usize]) -> TensorData {
    let count = shape.iter().product::<usize>();
    let seed = |at: usize| seeds[at % seeds.len()];
    let floats = || (0..count).map(|at| FLOATS[seed(at) % FLOATS.len()]).collect::<Vec<_>>();
    let integers = || (0..count).map(|at| INTEGERS[seed(at) % INTEGERS.len()]).collect::<Vec<_>>();
    let of = |dtype| TensorData::new(floats(), shape.to_vec()).convert_dtype(dtype);
    match dtype % 9 {
        0 | 1 => of(DType::F32),
        2 => of(DType::F64),
        3 => of(DType::F16),
        4 => of(DType::BF16),
        5 => TensorData::new(integers(), shape.to_vec()),
        6 => TensorData::new(integers().iter().map(|x| *x as u64).collect::<Vec<_>>(), shape.to_vec()),
        7 => TensorData::new(integers().iter().map(|x| *x as i8).collect::<Vec<_>>(), shape.to_vec()),
        _ => TensorData::new(integers().iter().map(|x| x % 2 == 0).collect::<Vec<_>>(), shape.to_vec()),
    }
}

fn seeds() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..1000usize, 1..40)
}

fn names() -> impl Strategy<Value = BTreeMap<&'static str, (Vec<usize>, usize, Vec<usize>)>> {
    let tensor = (prop::collection::vec(0..4usize, 0..5), 0..9usize, seeds());
    prop::collection::btree_map(prop::sample::select(&NAMES[..]), tensor, 0..6)
}

proptest! {
    #![proptest_config(cases(24))]

    /// `diagnose` does not panic, whatever the names, shapes and types are.
    #[test]
    fn no_tensors_make_it_panic(names in names()) {
        let inputs: Inputs = names
            .iter()
            .map(|(name, (shape, dtype, seeds))| ((*name).to_owned(), tensor(shape, *dtype, seeds)))
            .collect();
        for loss in losses() {
            let _ = loss.diagnose(&inputs, &Device::flex()).to_string();
        }
    }

    /// With the right names and ranks, and any numbers, types and a few wrong sizes, the checks get further before an error.
    #[test]
    fn no_numbers_make_it_panic(rows in 0..5usize, cut in 0..8usize, dtype in 0..5usize, seeds in seeds()) {
        for loss in losses() {
            let inputs: Inputs = weighted(&loss, batch(&loss, rows.max(1), 3.0, &[], 1), 2)
                .into_iter()
                .enumerate()
                .map(|(at, (name, data))| {
                    let mut shape = data.shape().to_vec();
                    if rows == 0 || at == cut {
                        shape[0] = 0;
                    }
                    let dtype = if data.dtype().is_float() { dtype } else { 7 };
                    (name, tensor(&shape, dtype, &seeds))
                })
                .collect();
            let diagnosis = loss.diagnose(&inputs, &Device::flex());
            prop_assert!(
                !diagnosis.to_string().contains("the computation fails"), "{diagnosis}\n{inputs:?}"
            );
        }
    }
}
