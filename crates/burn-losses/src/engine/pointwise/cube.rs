//! (first, target) -> value, for every pair.

use super::{Call, PointKernel, Wanted};
use crate::engine::any_tensor::AnyTensor;
use crate::engine::cube::items::{self, Items};
use crate::engine::cube::run_items;
use crate::formula::record::{Recorder, Recording};
use crate::formula::{Dual, Formula, Real};
use crate::reduction::Reduction;
use std::sync::Arc;

/// A formula that can be recorded.
pub(in crate::engine) trait Record: Send + Sync {
    /// The value of the formula, and its derivative with respect to `first`.
    fn record(&self, first: Recorder, target: Recorder) -> Dual<Recorder, 1>;
    /// The value and the derivative for given numbers, which the program of the recording has to reproduce.
    #[cfg(test)]
    fn exact(&self, first: f64, target: f64) -> Dual<f64, 1>;
}

impl<F: Formula> Record for F {
    fn record(&self, first: Recorder, target: Recorder) -> Dual<Recorder, 1> {
        self.eval(Dual::variable(first, 0), Dual::constant(target))
    }
    #[cfg(test)]
    fn exact(&self, first: f64, target: f64) -> Dual<f64, 1> {
        self.eval(Dual::variable(first, 0), Dual::constant(target))
    }
}

/// A sum of formulas, each times its weight. It becomes one program, in which common subexpressions are computed once.
pub(super) struct WeightedSum(Vec<(f64, Arc<dyn Record>)>);

impl WeightedSum {
    pub(super) fn new(terms: &[(f64, PointKernel)]) -> Self {
        Self(terms.iter().map(|(weight, kernel)| (*weight, kernel.record.clone())).collect())
    }
}

/// The sum of `term` over all formulas, each times its weight.
fn sum<R: Real>(terms: &[(f64, Arc<dyn Record>)], zero: R, term: impl Fn(&dyn Record) -> Dual<R, 1>) -> Dual<R, 1> {
    // A term of weight 0 counts as 0, even if it is NaN or infinite.
    terms
        .iter()
        .filter(|(weight, _)| *weight != 0.0)
        .fold(Dual::constant(zero), |sum, (weight, record)| sum + term(&**record) * *weight)
}

impl Record for WeightedSum {
    fn record(&self, first: Recorder, target: Recorder) -> Dual<Recorder, 1> {
        sum(&self.0, first.lit(0.0), |term| term.record(first, target))
    }
    #[cfg(test)]
    fn exact(&self, first: f64, target: f64) -> Dual<f64, 1> {
        sum(&self.0, 0.0, |term| term.exact(first, target))
    }
}

impl PointKernel {
    /// The formula as data, with its derivative if wanted.
    pub(in crate::engine) fn recording(&self, has_slope: bool) -> Recording {
        if has_slope {
            return Recording::new(|[first, target]| {
                let y = self.record.record(first, target);
                [y.value, y.slope[0]]
            });
        }
        Recording::new(|[first, target]| [self.record.record(first, target).value])
    }
}

/// The wanted values, in the graph of the first argument. Kernels compute no gradient with respect to the targets and weights.
pub(in crate::engine) fn run(call: &Call<'_>) -> Option<AnyTensor> {
    let Call { kernel, first, targets, wanted } = call;
    let (wanted, weights) = match wanted {
        Wanted::Values => (items::Wanted::Values, None),
        // There is no kernel here for sums of rows.
        Wanted::RowSums => return None,
        Wanted::Reduced(reduce) => {
            let width = reduce.width as f64;
            let count = first.count() as f64 / width;
            let weights = reduce.weights.as_ref();
            let wanted = match reduce.reduction {
                Reduction::Positives => items::Wanted::PerPositive,
                reduction => items::Wanted::reduced(reduction, count, reduce.samples, weights.map(|_| 1.0 / width)),
            };
            (wanted, weights)
        }
    };
    let count = first.count();
    let items = Items {
        recording: kernel.recording(first.is_tracked()),
        widths: (1, 1),
        count,
        shape: first.shape(),
        shape_of_values: first.shape(),
        dtype: first.dtype(),
        per_weight: weights.map_or(1, |weights| count / weights.count().max(1)),
        wanted,
    };
    run_items(items, first, targets, weights)
}
