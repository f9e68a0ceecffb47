//! What the tests of several losses share.

use super::RankingLoss;
use crate::engine::pointwise::numbers;
use burn::tensor::{Bool, Device, Tensor, TensorData};

/// The scores or the relevance of lists, on a device without autodiff.
pub(super) fn lists<const N: usize, const L: usize>(rows: [[f32; L]; N]) -> Tensor<2> {
    Tensor::from_floats(rows, &Device::flex())
}

/// The gradient of the sum of the values.
pub(super) fn gradient<const D: usize>(values: &Tensor<1>, scores: &Tensor<D>) -> Vec<f64> {
    numbers(scores.grad(&values.clone().sum().backward()).expect("a gradient"))
}

/// The values of lists of (score, relevance) and their gradient. Whatever stands where there is no item must change neither.
pub(super) fn with_missing_items<const N: usize>(
    loss: &impl RankingLoss,
    items: [[Option<(f32, f32)>; 3]; N],
) -> (Vec<f64>, Vec<f64>) {
    let device = Device::flex().autodiff();
    let valid = items.map(|list| list.map(|item| item.is_some()));
    let valid = Tensor::<2, Bool>::from_data(TensorData::from(valid), &device);
    let run = |noise: f32| {
        let of_items = |number: fn((f32, f32)) -> f32| {
            Tensor::<2>::from_floats(items.map(|list| list.map(|item| item.map_or(noise, number))), &device)
        };
        let (scores, relevance) = (of_items(|item| item.0).require_grad(), of_items(|item| item.1));
        let values = loss.forward_no_reduction(scores.clone(), (relevance, valid.clone()));
        let gradient = gradient(&values, &scores);
        (numbers(values), gradient)
    };
    let result = run(f32::NAN);
    assert_eq!(result, run(0.25));
    result
}
