//! (prediction, target) -> value, for every row.

use super::Call;
use crate::engine::any_tensor::AnyTensor;
use crate::engine::cube::items::{Items, Wanted};
use crate::engine::cube::run_items;
use crate::formula::record::Recording;
use crate::formula::safe::{finite, unless_infinite};
use crate::formula::{Dual, Real, VectorFormula};

/// A formula that can be recorded.
pub(in crate::engine) trait Record: Send + Sync {
    /// How many numbers the prediction and the target have.
    fn widths(&self) -> (usize, usize);
    /// The formula as data, with its derivatives with respect to the numbers of the prediction if wanted. The inputs are the
    /// numbers of the prediction, then those of the target.
    fn recording(&self, has_slopes: bool) -> Recording;
    /// The value and the derivatives for given numbers, which the program of the recording has to reproduce.
    #[cfg(test)]
    fn exact(&self, numbers: &[f64]) -> Vec<f64>;
}

/// A formula of `K` and `TARGETS` numbers, with or without its derivatives.
pub(super) struct Recorded<F, const K: usize, const TARGETS: usize, const SLOPES: bool>(pub(super) F);

impl<F: VectorFormula<K, TARGETS>, const K: usize, const TARGETS: usize, const SLOPES: bool> Record
    for Recorded<F, K, TARGETS, SLOPES>
{
    fn widths(&self) -> (usize, usize) {
        (K, TARGETS)
    }
    fn recording(&self, has_slopes: bool) -> Recording {
        let outputs = if SLOPES && has_slopes { 1 + K } else { 1 };
        Recording::of_slice(K + TARGETS, |numbers| self.eval(numbers)[..outputs].to_vec())
    }
    #[cfg(test)]
    fn exact(&self, numbers: &[f64]) -> Vec<f64> {
        self.eval(numbers)
    }
}

impl<F: VectorFormula<K, TARGETS>, const K: usize, const TARGETS: usize, const SLOPES: bool>
    Recorded<F, K, TARGETS, SLOPES>
{
    /// The value and its derivatives.
    fn eval<R: Real + Copy>(&self, numbers: &[R]) -> Vec<R> {
        let prediction = core::array::from_fn(|number| Dual::<R, K>::variable(numbers[number], number));
        let target = core::array::from_fn(|number| Dual::constant(numbers[K + number]));
        let (mut prediction, mut target) = self.0.linear(prediction, target);
        // The slopes of infinite coordinates are dropped at the end, so that those of all others stay constants in the program.
        let coordinates = self.0.coordinates();
        for number in
            [&mut prediction[..], &mut target[..]].into_iter().flat_map(|row| row.iter_mut().take(coordinates))
        {
            number.value = finite(number.value);
        }
        let Dual { value, mut slope } = self.0.eval(prediction, target);
        for (slope, number) in slope.iter_mut().zip(numbers).take(coordinates) {
            *slope = unless_infinite(number, *slope, [number.lit(0.0); 2]);
        }
        core::iter::once(value).chain(slope).collect()
    }
}

/// The values or the reduced value, in the graph of the predictions. Kernels compute no gradient with respect to the targets and
/// weights.
pub(in crate::engine) fn run(call: &Call<'_>) -> Option<AnyTensor> {
    let Call { kernel, predictions, targets, reduction, weights } = call;
    let widths = kernel.record.widths();
    let count = predictions.count() / widths.0;
    let wanted = reduction.map_or(Wanted::Values, |reduction| {
        Wanted::reduced(reduction, count as f64, count, weights.as_ref().map(|_| 1.0))
    });
    let items = Items {
        recording: kernel.record.recording(predictions.is_tracked()),
        widths,
        count,
        shape: predictions.shape(),
        shape_of_values: vec![count],
        dtype: predictions.dtype(),
        per_weight: 1,
        wanted,
    };
    run_items(items, predictions, targets, weights.as_ref())
}
