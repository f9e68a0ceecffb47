//! Second derivatives: values, gradients and curvatures, for Newton's method and for boosted trees.
//!
//! [`regression`](crate::regression), [`binary`](crate::binary) and [`classification`](crate::classification) have the method
//! `forward_second_order`. It gives one value, one gradient and one curvature for each prediction; of classes, the curvature is the
//! diagonal of the Hessian, and `forward_hessian` gives all of it.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use burn_losses::{Curvature, SecondOrderConfig, binary::BceLossConfig};
//!
//! let device = Device::flex();
//! let loss = BceLossConfig::new().init(&device);
//! let logits = Tensor::<1>::from_floats([0.0, 3.0], &device);
//! let targets = Tensor::from_floats([1.0, 0.0], &device);
//! let all = loss.forward_second_order(logits.clone(), targets.clone());
//! let newton_step = -all.gradient / all.curvature;
//! assert_eq!(newton_step.into_data().to_vec::<f32>().unwrap()[0], 2.0);
//!
//! // A quarter is never too little.
//! let options = SecondOrderConfig::new().with_curvature(Curvature::Majorizer);
//! let all = loss.forward_second_order_with(logits, targets, &options, burn_losses::Extras::new());
//! let curvature = all.curvature.into_data().to_vec::<f32>().unwrap();
//! assert!(curvature.iter().all(|curvature| (curvature - 0.25).abs() < 1e-6));
//! ```
//!
//! # An objective for boosted trees
//! Libraries of boosted trees ask for the gradient and the curvature of every row. [`SecondOrder::of`] computes both from slices,
//! without a tensor.
//!
//! ```
//! use burn_losses::SecondOrder;
//! use burn_losses::regression::LogCoshLossConfig;
//!
//! fn objective(predictions: &[f64], labels: &[f64]) -> (Vec<f64>, Vec<f64>) {
//!     let loss = LogCoshLossConfig::new().init(&burn::tensor::Device::flex());
//!     let all = SecondOrder::of(&loss, predictions, labels);
//!     (all.gradient, all.curvature)
//! }
//!
//! let (gradient, curvature) = objective(&[0.5, 2.0], &[0.5, 0.0]);
//! assert_eq!((gradient[0], curvature[0]), (0.0, 1.0));
//! assert!((curvature[1] - (1.0 - 2f64.tanh().powi(2))).abs() < 1e-12);
//! ```
//!
//! # What is computed
//! - The formula of a loss runs on nested [`Dual`](crate::formula::Dual) numbers: no derivative is written by hand.
//! - All three results are unreduced. Weights multiply all of them, a divisor divides them, and a mask makes them 0.
//! - What a batch decides is a constant: the weights of GHM, the balance of classes, the scale of Tukey's biweight. A value that hard
//!   example mining drops is 0, its curvature too, whatever the floor. No loss with state takes a step.
//! - A loss without curvature (`mae`, `quantile`, `hinge`, ..) is an error, unless the floor is above 0.
//! - Far from the minimum the exact curvature may be negative (`focal`, `tukey_biweight`), and Newton's step then leads uphill:
//!   take a floor, or the majorizer.
//! - It is computed on the host in double precision, on all threads, and rounded to the type of the input. Tensors on another device
//!   are read back.

use crate::check::{Reference, widen};
use crate::engine::curved::{Curves, Lacking, Model, Part, fill_rows};
use crate::engine::curved_rows::{Results, RowCurves};
use crate::engine::pointwise::{self, Pointwise, as_three_axes, numbers};
use crate::engine::primitives::labels::{Labels, widen_labels};
use crate::engine::rows::{self, Rows, as_rows};
use crate::error::{InputError, InputProblem, expect};
use crate::loss::Loss;
use crate::reduction::{Divisor, Extras, ShapedExtras, Unreduced, cleaned};
use burn::tensor::{DType, Device, Int, Tensor, TensorData};

pub use crate::options::{Curvature, SecondOrderConfig};

/// Values with their gradients and curvatures, none of them reduced: see [`second_order`](crate::second_order).
///
/// Of tensors, all have the shape of the predictions; the values of classes have that of the labels. [`of`](Self::of) computes
/// slices.
#[derive(Debug, Clone, PartialEq)]
pub struct SecondOrder<V, G = V> {
    /// The values.
    pub values: V,
    /// The first derivative of each value with respect to its own prediction.
    pub gradient: G,
    /// The second derivative of each value with respect to its own prediction, or what [`Curvature`] asks for in its place.
    pub curvature: G,
}

impl SecondOrder<Vec<f64>> {
    /// The values, gradients and exact curvatures of a loss of the families `regression` or `binary`: what an objective of boosted
    /// trees returns. With other options it is `forward_second_order_on_host` of the loss.
    ///
    /// # Panics
    /// If there are not as many targets as predictions, and for a loss whose curvature is 0 everywhere.
    #[track_caller]
    pub fn of(loss: &(impl Pointwise + Loss), predictions: &[f64], targets: &[f64]) -> Self {
        expect(on_host(loss, Model::Likelihood, [predictions, targets], None, &SecondOrderConfig::new()))
    }
}

/// An error of the options, or of a loss that has no such derivatives.
fn unsupported(loss: &'static str, argument: &'static str, why: impl Into<String>) -> InputError {
    InputError { loss, argument, problem: InputProblem::Unsupported(why.into()) }
}

fn lacking(loss: &'static str, why: Lacking) -> InputError {
    let why = match why {
        Lacking::Flat => "the second derivative of this loss is 0 everywhere; allowed with a `floor` > 0",
        Lacking::NoModel => {
            "`expected` needs a loss that says what its predictions expect: allowed are `exact` and `majorizer`"
        }
        Lacking::Unbounded => {
            "`majorizer` needs a second derivative with an upper bound, and that of this loss has none: allowed are `exact` and `expected`"
        }
    };
    unsupported(loss, "curvature", why)
}

const NONE: &str = "this loss has no formula of single values, and so no second derivative";

fn check_options(loss: &'static str, options: &SecondOrderConfig) -> Result<(), InputError> {
    let error = options.validate().err();
    error
        .map_or(Ok(()), |_| Err(unsupported(loss, "floor", format!("it is {}, allowed: a number >= 0", options.floor))))
}

/// The curvature, at least the floor. A NaN stays.
fn floored(curvature: f64, floor: f64) -> f64 {
    if floor > 0.0 && curvature < floor { floor } else { curvature }
}

/// Zero times anything is zero.
fn weighed(weight: f64, number: f64) -> f64 {
    if weight == 0.0 { 0.0 } else { weight * number }
}

/// The factor of each value: its weight over the divisor. `None`: 1.
fn factors<const V: usize>(extras: &ShapedExtras<V>, shape: [usize; V]) -> Option<Vec<f64>> {
    let divisor = extras.divisor.clone().map(|divisor| match divisor {
        Divisor::Number(number) => number,
        Divisor::Tensor(tensor) => numbers(*tensor)[0],
    });
    let weights = extras.weights.clone().map(|weights| numbers(widen(weights).expand(shape)));
    let count = shape.iter().product();
    let weights = match (weights, divisor) {
        (None, None) => return None,
        (weights, divisor) => {
            let share = divisor.map_or(1.0, |divisor| if divisor == 0.0 { 0.0 } else { 1.0 / divisor });
            let weights = weights.unwrap_or_else(|| vec![1.0; count]);
            weights.into_iter().map(|weight| weighed(share, weight)).collect()
        }
    };
    Some(weights)
}

/// The three results of each value, one after the other.
fn split(all: &[f64]) -> [Vec<f64>; 3] {
    core::array::from_fn(|at| all.iter().skip(at).step_by(3).copied().collect())
}

/// The results of pairs of numbers.
fn of_pairs(
    curves: &Curves,
    [first, targets]: [&[f64]; 2],
    factors: Option<&[f64]>,
    valid: Option<&[bool]>,
    floor: f64,
) -> [Vec<f64>; 3] {
    let work = |at: usize, to: &mut [f64]| {
        let factor = factors.map_or(1.0, |factors| factors[at]);
        if factor == 0.0 || !curves.counts(at) || valid.is_some_and(|valid| !valid[at]) {
            return;
        }
        let [value, slope, curvature] = curves.at(at, first[at], targets[at]);
        let results = [value, slope, floored(curvature, floor)];
        to.iter_mut().zip(results).for_each(|(to, result)| *to = factor * result);
    };
    split(&fill_rows(first.len(), 3, &work))
}

/// The results for slices.
pub(crate) fn on_host(
    loss: &(impl Pointwise + Loss),
    model: Model,
    [first, targets]: [&[f64]; 2],
    weights: Option<&[f64]>,
    options: &SecondOrderConfig,
) -> Result<SecondOrder<Vec<f64>>, InputError> {
    let kind = loss.kind();
    check_options(kind, options)?;
    let count = first.len();
    for (argument, numbers) in [("targets", Some(targets)), ("weights", weights)] {
        if let Some(numbers) = numbers.filter(|numbers| numbers.len() != count) {
            let (given, expected) = (vec![numbers.len()], format!("[{count}] (one per prediction)"));
            return Err(InputError { loss: kind, argument, problem: InputProblem::Shape { given, expected } });
        }
    }
    loss.accepts(&[count]).map_err(|expected| {
        let problem = InputProblem::Shape { given: vec![count], expected };
        InputError { loss: kind, argument: "predictions", problem }
    })?;
    let parts = match loss.kernel() {
        Some(kernel) => Some(vec![Part::new(&kernel)]),
        None => {
            #[cfg(feature = "flex")]
            let on = (&Device::flex(), DType::F64);
            #[cfg(not(feature = "flex"))]
            let on = (&Device::default().without_autodiff(), DType::F32);
            let tensor = |numbers: &[f64]| Tensor::<3>::from_data(TensorData::new(numbers.to_vec(), [count, 1, 1]), on);
            if count == 0 { Some(Vec::new()) } else { loss.parts(&tensor(first), &tensor(targets), None) }
        }
    };
    let parts = parts.ok_or_else(|| unsupported(kind, "curvature", NONE))?;
    let wanted = (options.curvature, options.floor > 0.0 || count == 0);
    let curves = Curves::new(parts, wanted, model, targets).map_err(|why| lacking(kind, why))?;
    let [values, gradient, curvature] = of_pairs(&curves, [first, targets], weights, None, options.floor);
    Ok(SecondOrder { values, gradient, curvature })
}

/// Predictions and targets of one shape, ready to be differentiated.
pub(crate) struct Pairs<const D: usize> {
    curves: Curves,
    first: Vec<f64>,
    targets: Vec<f64>,
    factors: Option<Vec<f64>>,
    valid: Option<Vec<bool>>,
    floor: f64,
    shape: [usize; D],
    on: (Device, DType),
}

impl<const D: usize> Pairs<D> {
    /// Checks the arguments, and that the loss has the wanted curvature.
    pub(crate) fn new<P: Pointwise>(
        loss: &P,
        model: Model,
        first: Reference<'_, D>,
        targets: &Tensor<D>,
        extras: Extras,
        options: &SecondOrderConfig,
    ) -> Result<Self, InputError> {
        pointwise::check(loss, first, targets, &extras)?;
        check_options(first.loss, options)?;
        let (kind, shape, device) = (first.loss, first.tensor.dims(), first.tensor.device());
        let extras = extras.for_shape(shape);
        let mask = extras.mask.as_ref();
        let [first, targets] =
            [first.tensor, targets].map(|tensor| cleaned(widen(tensor.clone().without_autodiff()), mask));
        let (is_empty, on) = (shape.contains(&0), (device, first.dtype()));
        let parts = if is_empty {
            Some(Vec::new())
        } else {
            let mask = mask.cloned().map(as_three_axes);
            loss.parts(&as_three_axes(first.clone()), &as_three_axes(targets.clone()), mask.as_ref())
        };
        let parts = parts.ok_or_else(|| unsupported(kind, "curvature", NONE))?;
        let [first, targets] = [first, targets].map(numbers);
        let wanted = (options.curvature, options.floor > 0.0 || is_empty);
        let curves = Curves::new(parts, wanted, model, &targets).map_err(|why| lacking(kind, why))?;
        let valid = mask.map(|mask| mask.clone().into_data().iter::<bool>().collect());
        let factors = factors(&extras, shape);
        Ok(Self { curves, first, targets, factors, valid, floor: options.floor, shape, on })
    }

    /// The results.
    pub(crate) fn results(self) -> SecondOrder<Tensor<D>> {
        let numbers = [&self.first[..], &self.targets];
        let results = of_pairs(&self.curves, numbers, self.factors.as_deref(), self.valid.as_deref(), self.floor);
        let tensor = |numbers| Tensor::from_data(TensorData::new(numbers, self.shape), (&self.on.0, self.on.1));
        let [values, gradient, curvature] = results.map(tensor);
        SecondOrder { values, gradient, curvature }
    }
}

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
