//! The fused engine on a GPU: when it runs, and that it agrees with tensor operations in double precision, with the same bits in
//! every run.

#[cfg(feature = "cube")]
mod counts;
mod functions;
#[cfg(feature = "cube")]
mod launches;
mod pairs;
mod regions;
mod rows;
mod vectors;

use crate::devices::{self, Target};
use crate::engine::imprecise;
use crate::probe::{batch, default_of};
use crate::repository::repository;
use burn_losses::signature::{Arguments, Role, Wanted};
use burn_losses::{LossInfo, Paths, registry, watched};
use std::collections::BTreeSet;

/// Trains a loss for one step on a device: returns which executors ran as kernels, and which as tensor operations.
fn paths(info: &LossInfo, target: &Target, wanted: Wanted) -> Paths {
    let device = target.device.clone().autodiff();
    let loss = default_of(info).init(&device);
    let inputs = batch(&loss, 30, 3.0, &[], 2);
    let signature = loss.signature(&inputs);
    let trained = [Role::Prediction, Role::Parameter];
    let train = || {
        let arguments = Arguments::new(info.kind, &signature, &inputs, &device, target.dtype, &trained);
        let mut arguments = arguments.expect("arguments of the loss");
        let called = loss.as_family().call(&mut arguments, wanted).expect("a value");
        arguments.into_leaves().differentiate(&called.numbers.sum());
    };
    watched(train).1
}

/// These executors have kernels for everything.
#[test]
fn executors_run_as_kernels() {
    let Some(gpu) = devices::gpu() else { return };
    for wanted in [Wanted::Values, Wanted::Loss] {
        let of = |info: LossInfo| (format!("{}/{}", info.family, info.kind), paths(&info, &gpu, wanted));
        let falls_back = |(name, paths): &(String, Paths)| {
            let sums_of_rows = name.starts_with("distribution") && wanted == Wanted::Values;
            paths.tensor.iter().any(|executor| match *executor {
                "pointwise" => !sums_of_rows,
                // Sums over triplets are tensor operations; a weighted sum contains some by default.
                "pairs" => !["metric/triplet", "metric/weighted_sum"].contains(&name.as_str()),
                executor => ["vectors", "rows", "regions"].contains(&executor),
            })
        };
        let failures: Vec<_> = registry().into_iter().map(of).filter(falls_back).collect();
        assert!(failures.is_empty(), "{failures:?}");
    }
}

/// The GPU is as far from the truth as tensor operations on the same device, plus four units.
fn are_as_precise_as_tensor_operations(families: &[&str]) {
    let Some(gpu) = devices::gpu() else { return };
    // Losses without kernels would be compared with themselves, and those of triplets take minutes. The exponents of
    // `multi_similarity` are 50 cosines, whose rounding costs 24 units of its gradient on tensors, and 33 in the kernel.
    let has_kernels = |info: &LossInfo| {
        if info.kind == "multi_similarity" {
            return false;
        }
        let paths = paths(info, &gpu, Wanted::Loss);
        !paths.fused.is_empty() && !paths.tensor.contains(&"pairs")
    };
    let infos = registry().into_iter().filter(|info| families.contains(&info.family) && has_kernels(info));
    let infos: Vec<_> = infos.collect();
    assert!(infos.len() > 3, "{families:?}");
    let targets = [gpu];
    let failures: Vec<_> = infos.iter().flat_map(|info| imprecise(info, &targets)).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn elements_are_as_precise_as_tensor_operations() {
    are_as_precise_as_tensor_operations(&["regression", "binary"]);
}

#[test]
fn rows_are_as_precise_as_tensor_operations() {
    are_as_precise_as_tensor_operations(&["classification", "distribution", "boxes"]);
}

#[test]
fn regions_are_as_precise_as_tensor_operations() {
    are_as_precise_as_tensor_operations(&["segmentation"]);
}

#[test]
fn heads_are_as_precise_as_tensor_operations() {
    are_as_precise_as_tensor_operations(&["heads"]);
}

#[test]
fn pairs_are_as_precise_as_tensor_operations() {
    are_as_precise_as_tensor_operations(&["metric"]);
}

/// The page of limits lists exactly the losses that run without any kernel.
#[test]
fn the_guide_lists_what_has_no_kernel() {
    let (Some(root), Some(gpu)) = (repository(), devices::gpu()) else { return };
    let has_none = |info: &LossInfo| paths(info, &gpu, Wanted::Loss).fused.is_empty();
    let kinds: BTreeSet<_> = registry().iter().filter(|info| has_none(info)).map(|info| info.kind.to_owned()).collect();
    let page = std::fs::read_to_string(root.join("docs/src/limits.md")).expect("the page of limits");
    assert_eq!(kinds, crate::engine::listed_kinds(&page, "- These losses have no kernel on GPUs: "));
}
