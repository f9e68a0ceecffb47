//! Two boxes -> value, for every pair.

use super::{BoxKernel, Call};
use crate::engine::any_tensor::AnyTensor;
use crate::engine::cube::items::{self, Items};
use crate::engine::cube::run_items;
use crate::formula::record::{Recorder, Recording};
use crate::formula::{BoxFormula, Dual, Real};
use crate::options::BoxFormat;

/// A formula that can be recorded.
pub(in crate::engine) trait Record: Send + Sync {
    /// Its value, and the derivatives by the numbers of the prediction.
    fn record(&self, format: BoxFormat, prediction: [Recorder; 4], target: [Recorder; 4]) -> Dual<Recorder, 4>;
    /// The same of numbers: what the program of the recording has to give.
    #[cfg(test)]
    fn exact(&self, format: BoxFormat, prediction: [f64; 4], target: [f64; 4]) -> Dual<f64, 4>;
}

impl<F: BoxFormula> Record for F {
    fn record(&self, format: BoxFormat, prediction: [Recorder; 4], target: [Recorder; 4]) -> Dual<Recorder, 4> {
        eval(self, format, prediction, target)
    }
    #[cfg(test)]
    fn exact(&self, format: BoxFormat, prediction: [f64; 4], target: [f64; 4]) -> Dual<f64, 4> {
        eval(self, format, prediction, target)
    }
}

fn eval<R: Real + Copy>(
    formula: &impl BoxFormula,
    format: BoxFormat,
    prediction: [R; 4],
    target: [R; 4],
) -> Dual<R, 4> {
    let prediction = core::array::from_fn(|number| Dual::variable(prediction[number], number));
    formula.eval(format.corners(prediction), format.corners(target.map(Dual::constant)))
}

impl BoxKernel {
    /// The formula as data, with its derivatives if wanted: inputs are the numbers of the prediction, then those of the target.
    pub(in crate::engine) fn recording(&self, format: BoxFormat, has_slopes: bool) -> Recording {
        let record = |[a, b, c, d, e, f, g, h]: [Recorder; 8]| self.record.record(format, [a, b, c, d], [e, f, g, h]);
        if has_slopes {
            return Recording::new(|numbers| {
                let Dual { value, slope: [a, b, c, d] } = record(numbers);
                [value, a, b, c, d]
            });
        }
        Recording::new(|numbers| [record(numbers).value])
    }
}

/// The values or the reduced value, in the graph of the predictions. Kernels compute no gradient by the targets and weights.
pub(in crate::engine) fn run(call: &Call<'_>) -> Option<AnyTensor> {
    let Call { kernel, format, predictions, targets, reduction, weights } = call;
    if kernel.is_weighted {
        return None;
    }
    let count = targets.count() / 4;
    let wanted = reduction.map_or(items::Wanted::Values, |reduction| {
        items::Wanted::reduced(reduction, count as f64, count, weights.as_ref().map(|_| 1.0))
    });
    let items = Items {
        recording: kernel.recording(*format, predictions.is_tracked()),
        widths: (4, 4),
        count,
        shape: predictions.shape(),
        dtype: predictions.dtype(),
        per_weight: 1,
        wanted,
    };
    run_items(items, predictions, targets, weights.as_ref())
}
