//! Two boxes -> value, for every pair.

use super::Call;
use crate::engine::any_tensor::AnyTensor;
use crate::engine::cube::items::{self, Items};
use crate::engine::cube::run_items;
use crate::formula::record::{Recorder, Recording};
use crate::formula::{BoxFormula, Dual};
use crate::options::BoxFormat;

/// A formula that can be recorded: its value, and the derivatives by the numbers of the prediction.
pub(super) type Record = dyn Fn(BoxFormat, [Recorder; 4], [Recorder; 4]) -> Dual<Recorder, 4> + Send + Sync;

pub(super) fn record(formula: impl BoxFormula) -> Box<Record> {
    Box::new(move |format, prediction, target| {
        let prediction = core::array::from_fn(|number| Dual::variable(prediction[number], number));
        formula.eval(format.corners(prediction), format.corners(target.map(Dual::constant)))
    })
}

/// The values or the reduced value, in the graph of the predictions. Kernels compute no gradient by the targets and weights.
pub(in crate::engine) fn run(call: &Call<'_>) -> Option<AnyTensor> {
    let Call { kernel, format, predictions, targets, reduction, weights } = call;
    if kernel.is_weighted {
        return None;
    }
    let record = |[a, b, c, d, e, f, g, h]: [Recorder; 8]| (kernel.record)(*format, [a, b, c, d], [e, f, g, h]);
    let recording = if predictions.is_tracked() {
        Recording::new(|numbers| {
            let Dual { value, slope: [a, b, c, d] } = record(numbers);
            [value, a, b, c, d]
        })
    } else {
        Recording::new(|numbers| [record(numbers).value])
    };
    let count = targets.count() / 4;
    let wanted = reduction.map_or(items::Wanted::Values, |reduction| {
        items::Wanted::reduced(reduction, count as f64, count, weights.as_ref().map(|_| 1.0))
    });
    let items = Items {
        recording,
        widths: (4, 4),
        count,
        shape: predictions.shape(),
        dtype: predictions.dtype(),
        per_weight: 1,
        wanted,
    };
    run_items(items, predictions, targets, weights.as_ref())
}
