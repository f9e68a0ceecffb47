//! Numbers that are NaN or infinite, and the results of a loss on them.

use super::{INF, NAN, device, floats, ints, says};
use crate::classification::CrossEntropyLossConfig;
use crate::prelude::*;
use crate::regression::MseLossConfig;

#[test]
fn numbers_that_are_none() {
    let loss = MseLossConfig::new().init(&device());
    let predictions = floats::<2>([[0.5, NAN], [NAN, -INF]]);
    let diagnosis = loss.diagnose(&predictions, &floats([[0.0, 0.0], [0.0, INF]]), None);
    assert!(diagnosis.has_errors());
    assert_eq!(diagnosis.summary(), "3 errors");
    says(
        &diagnosis,
        &[
            "error: `predictions`: NaN (2 of 4, first at [0, 1])",
            "error: `predictions`: -infinity (1 of 4, first at [1, 1])",
            "error: `targets`: infinity (1 of 4, first at [1, 1])",
        ],
    );
    let half = predictions.cast(burn::tensor::FloatDType::F16);
    says(
        &loss.diagnose(&half, &floats([[0.0; 2]; 2]), None),
        &[
            "error: `predictions`: NaN (2 of 4, first at [0, 1])",
            "error: `predictions`: -infinity (1 of 4, first at [1, 1]); an f16 holds at most 65504",
        ],
    );
}

/// A class may be masked by -infinity; an ignored row may hold anything.
#[test]
fn infinity_that_the_loss_can_do_with() {
    let loss = CrossEntropyLossConfig::new().with_ignore_index(-1).init(&device());
    let logits = floats::<2>([[0.5, -INF, 2.0], [NAN, NAN, NAN]]);
    says(
        &loss.diagnose(&logits, &ints::<1>([0, -1]), None),
        &["warning: `logits`: -infinity (1 of 6, first at [0, 1]); \
         fine where it is meant, as in a masked class: all values are finite"],
    );
}

#[test]
fn what_check_refuses_and_what_is_wrong_with_the_values() {
    let loss = CrossEntropyLossConfig::new().init(&device());
    let logits = floats::<2>([[0.5, 1.0, NAN]]);
    says(
        &loss.diagnose(&logits, &ints::<1>([0, 7]), None),
        &[
            "error: cross_entropy: `labels` has shape [2], expected [1] (that of `logits` without the class axis)",
            "error: `logits`: NaN (1 of 3, first at [0, 2])",
            "error: `labels`: 7 is out of range, allowed: 0 <= label < 3 (1 of 2, first at [1])",
        ],
    );
}

#[test]
fn weights() {
    let loss = MseLossConfig::new().init(&device());
    let of = |weights: [f64; 2]| loss.diagnose(&floats::<1>([0.5, 3.0]), &floats([0.0; 2]), Some(&floats(weights)));
    says(
        &of([1.0, -0.5]),
        &["warning: `weights`: -0.5 is negative (1 of 2, first at [1]); \
         it rewards what the loss punishes: fine for an advantage, say"],
    );
    says(
        &of([0.0, 0.0]),
        &[
            "warning: `weights`: all weights are 0; nothing counts, and every gradient is 0: fine for a batch of padding",
        ],
    );
    says(&of([1.0, NAN]), &["error: `weights`: NaN (1 of 2, first at [1])"]);
    says(&of([1.0, INF]), &["error: `weights`: infinity (1 of 2, first at [1])"]);
}

#[test]
fn a_value_that_is_not_finite_of_inputs_that_are() {
    let loss = MseLossConfig::new().init(&device());
    says(
        &loss.diagnose(&floats::<1>([1.0, 1e30, NAN]), &floats([0.0; 3]), None),
        &[
            "error: `predictions`: NaN (1 of 3, first at [2])",
            "error: `values`: infinity although the inputs are finite (1 of 3, first at [1]); \
         numbers too large, or of a row above: some losses look at the whole batch",
        ],
    );
    says(
        &loss.diagnose(&floats::<1>([1.0, 1e30]), &floats([0.0; 2]), None),
        &["error: `values`: infinity although the inputs are finite (1 of 2, first at [1]); \
         numbers too large for the type in which the loss is computed?"],
    );
    // A mean adds in double precision.
    let loss = MseLossConfig::new().with_reduction(Reduction::Sum).init(&device());
    says(
        &loss.diagnose(&floats::<1>([1.5e19, 1.5e19]), &floats([0.0; 2]), None),
        &["error: `total`: infinity although the inputs are finite; every value is finite: their sum is too large"],
    );
}
