//! Second derivatives of rows of logits.

use super::{NONE, SecondOrder, SecondOrderConfig, check_options, factors, floored, lacking, unsupported};
use crate::check::{Reference, widen};
use crate::engine::curved::fill_rows;
use crate::engine::curved_rows::{Results, RowCurves};
use crate::engine::pointwise::numbers;
use crate::engine::primitives::labels::{Labels, widen_labels};
use crate::engine::rows::{self, Rows, as_rows};
use crate::error::InputError;
use crate::reduction::{Extras, Unreduced};
use burn::tensor::{DType, Device, Int, Tensor, TensorData};

/// Rows of logits with labels, ready to be differentiated.
pub(crate) struct LabeledRows<const D: usize, const L: usize> {
    curves: RowCurves,
    logits: Vec<f64>,
    /// The label of each row; `None`: it does not count.
    labels: Vec<Option<i64>>,
    factors: Option<Vec<f64>>,
    classes: usize,
    floor: f64,
    shape: [usize; D],
    on: (Device, DType),
}

/// What is done with a row: its number, its logits, its label and its results.
type RowWork<'a> = dyn Fn(usize, &[f64], usize, &mut [f64]) + Sync + 'a;

impl<const D: usize, const L: usize> LabeledRows<D, L> {
    /// Checks the arguments, and that the loss has the wanted curvature.
    pub(crate) fn new<R: Rows>(
        loss: &R,
        logits: Reference<'_, D>,
        labels: &Tensor<L, Int>,
        extras: Extras,
        options: &SecondOrderConfig,
    ) -> Result<Self, InputError> {
        rows::check(loss, logits, labels, &extras)?;
        check_options(logits.loss, options)?;
        let shape = logits.tensor.dims();
        let (labels, extras) = Labels::with_extras(labels.clone().without_autodiff(), loss.ignore_index(), extras);
        let numbers_of = widen(logits.tensor.clone().without_autodiff());
        let rows_of = as_rows(numbers_of.clone());
        let [count, classes] = rows_of.dims();
        let row_labels = widen_labels(labels.of.clone().reshape([count]));
        let ignored = labels.ignore_index;
        let read: Vec<i64> =
            if count == 0 { Vec::new() } else { row_labels.clone().into_data().iter::<i64>().collect() };
        let as_label = |label: &i64| (ignored != Some(*label)).then_some(*label);
        let label_of: Vec<Option<i64>> = read.iter().map(as_label).collect();
        let parts = if count == 0 {
            Some(Vec::new())
        } else {
            let is_class = |label: i64| (0..classes as i64).contains(&label);
            let safe: Vec<i64> = read.iter().map(|label| if is_class(*label) { *label } else { 0 }).collect();
            let on = (&row_labels.device(), row_labels.dtype());
            loss.parts(&rows_of, &Tensor::from_data(TensorData::new(safe, [count]), on))
        };
        let mut parts = parts.ok_or_else(|| unsupported(logits.loss, "curvature", NONE))?;
        if count > 0 && loss.selects() {
            // A row that is dropped is 0 and does not count in a mean.
            let Unreduced { values, normalizer } = rows::values(loss, numbers_of, labels);
            if let Some(normalizer) = normalizer {
                let rows = numbers(values).into_iter().zip(numbers(normalizer));
                let is_kept = |(value, counts): (f64, f64)| if value == 0.0 && counts == 0.0 { 0.0 } else { 1.0 };
                let kept: Vec<f64> = rows.map(is_kept).collect();
                parts = parts.into_iter().map(|part| part.with_factors(&kept)).collect();
            }
        }
        let wanted = (options.curvature, options.floor > 0.0 || count == 0);
        let curves = RowCurves::new(parts, wanted).map_err(|why| lacking(logits.loss, why))?;
        let label_shape: [usize; L] = rows::without_class_axis(shape);
        let factors = factors(&extras, label_shape);
        let (floor, on) = (options.floor, (logits.tensor.device(), rows_of.dtype()));
        Ok(Self { curves, logits: numbers(rows_of), labels: label_of, factors, classes, floor, shape, on })
    }

    /// Runs `work` on every row that counts, with its number, its label, its factor and its results. The results of a row with a
    /// label out of range are NaN.
    fn each(&self, width: usize, work: &RowWork<'_>) -> Vec<f64> {
        let classes = self.classes;
        fill_rows(self.labels.len(), width, &|row, to| {
            let factor = self.factors.as_ref().map_or(1.0, |factors| factors[row]);
            let Some(label) = self.labels[row] else { return };
            if factor == 0.0 || !self.curves.counts(row) {
                return;
            }
            match usize::try_from(label).ok().filter(|label| *label < classes) {
                None => to.fill(f64::NAN),
                Some(label) => {
                    work(row, &self.logits[row * classes..(row + 1) * classes], label, to);
                    to.iter_mut().for_each(|number| *number *= factor);
                }
            }
        })
    }

    /// The results: the diagonal of each Hessian.
    pub(crate) fn results(self) -> SecondOrder<Tensor<L>, Tensor<D>> {
        let (classes, width) = (self.classes, 1 + 2 * self.classes);
        let all = self.each(width, &|row, logits, label, to| {
            let (value, others) = to.split_at_mut(1);
            let (gradient, curvature) = others.split_at_mut(classes);
            self.curves.add(row, logits, label, Results { value: &mut value[0], gradient, curvature });
            others[classes..].iter_mut().for_each(|curvature| *curvature = floored(*curvature, self.floor));
        });
        let on = (&self.on.0, self.on.1);
        let values: Vec<f64> = all.iter().step_by(width).copied().collect();
        let values = Tensor::from_data(TensorData::new(values, rows::without_class_axis::<D, L>(self.shape)), on);
        let part = |start: usize| {
            let rows = all.chunks(width).flat_map(|row| row[start..start + classes].iter().copied());
            // The class axis is the last one.
            let last: [usize; D] = core::array::from_fn(|axis| match axis {
                0 => self.shape[0],
                axis if axis == D - 1 => classes,
                axis => self.shape[axis + 1],
            });
            let rows = TensorData::new(rows.collect::<Vec<f64>>(), last);
            Tensor::<D>::from_data(rows, on).movedim(D as isize - 1, 1)
        };
        SecondOrder { values, gradient: part(1), curvature: part(1 + classes) }
    }
}

/// The most classes of a whole Hessian.
const MOST_CLASSES: usize = 64;

impl LabeledRows<2, 1> {
    /// Checks the arguments, and that the loss has a Hessian.
    pub(crate) fn of_hessian<R: Rows>(
        loss: &R,
        logits: Reference<'_, 2>,
        labels: &Tensor<1, Int>,
        extras: Extras,
    ) -> Result<Self, InputError> {
        let [count, classes] = logits.tensor.dims();
        if classes > MOST_CLASSES {
            let expected = format!(
                "at most {MOST_CLASSES} classes on axis 1: a Hessian has the square of their number; \
                 `forward_second_order` gives its diagonal"
            );
            return Err(logits.shape_error(logits.name, &[count, classes], expected));
        }
        Self::new(loss, logits, labels, extras, &SecondOrderConfig::new())
    }

    /// The Hessian of each row, `[N, C, C]`.
    pub(crate) fn hessian(self) -> Tensor<3> {
        let [count, classes] = self.shape;
        let all = self.each(classes * classes, &|row, logits, label, to| {
            self.curves.add_hessian(row, logits, label, to);
        });
        Tensor::from_data(TensorData::new(all, [count, classes, classes]), (&self.on.0, self.on.1))
    }
}
