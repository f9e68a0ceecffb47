//! Second derivatives of pairs of numbers.

use super::{NONE, SecondOrder, SecondOrderConfig, check_options, factors, floored, lacking, unsupported};
use crate::check::{Reference, widen};
use crate::engine::curved::{Curves, Model, Part, fill_rows};
use crate::engine::pointwise::{self, Pointwise, as_three_axes, numbers};
use crate::error::{InputError, InputProblem};
use crate::loss::Loss;
use crate::reduction::{Extras, cleaned};
use burn::tensor::{DType, Device, Tensor, TensorData};

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
