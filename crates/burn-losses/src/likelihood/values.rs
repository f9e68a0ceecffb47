//! How a loss of this family computes its values.

use crate::check::Reference;
use crate::engine::rows::{as_rows, into_shape, without_class_axis};
use crate::engine::vectors::{self, VectorKernel, Vectors, of_formula};
use crate::engine::{nothing, without_gradient};
use crate::error::{InputError, InputProblem};
use crate::formula::VectorFormula;
use crate::reduction::{Extras, Reduction, ShapedExtras, Unreduced};
use burn::tensor::{Bool, Tensor};

/// How a loss of the family `likelihood` computes its values: target by target, with the K parameters of each next to one another.
///
/// Every [`VectorFormula`] of a mean, a spread and one target implements it. Losses of other parameters implement it themselves.
pub trait Likelihood: Sized {
    /// K: how many parameters belong to one target.
    fn parameters(&self) -> usize;

    /// Whether the parameters are a mean and a spread, which may be two tensors.
    fn has_parts(&self) -> bool {
        false
    }

    /// The `[M]` values of `[M, K]` parameters and `[M]` targets, in single or double precision; M is not 0.
    fn rows(&self, parameters: Tensor<2>, targets: Tensor<1>) -> Tensor<1>;

    /// The formula of a single value for the fused engine, or `None` for a loss that has none.
    fn kernel(&self) -> Option<VectorKernel> {
        None
    }
}

impl<F: VectorFormula<2, 1>> Likelihood for F {
    fn parameters(&self) -> usize {
        2
    }

    fn has_parts(&self) -> bool {
        true
    }

    fn rows(&self, parameters: Tensor<2>, targets: Tensor<1>) -> Tensor<1> {
        of_formula(self, parameters, targets.unsqueeze_dim(1))
    }

    fn kernel(&self) -> Option<VectorKernel> {
        Some(VectorKernel::new(self))
    }
}

/// A loss as the executor takes it.
struct OfRows<'a, L>(&'a L);

impl<L: Likelihood> Vectors for OfRows<'_, L> {
    fn kernel(&self) -> Option<VectorKernel> {
        self.0.kernel()
    }
    fn values(&self, parameters: Tensor<2>, targets: Tensor<2>, _: Option<&Tensor<1, Bool>>) -> Tensor<1> {
        self.0.rows(parameters, targets.squeeze_dim(1))
    }
}

/// Parameters `[M, K]` and targets `[M, 1]`, and the shape that the targets had.
pub(super) struct Rows<const L: usize> {
    parameters: Tensor<2>,
    targets: Tensor<2>,
    shape: [usize; L],
}

impl<const L: usize> Rows<L> {
    /// The parameters are on axis 1.
    pub(super) fn new<const D: usize>(parameters: Tensor<D>, targets: Tensor<L>) -> Self {
        Self::from_rows(as_rows(parameters), targets)
    }

    /// A mean and a spread of the shape of the targets.
    pub(super) fn from_parts(mean: Tensor<L>, spread: Tensor<L>, targets: Tensor<L>) -> Self {
        Self::from_rows(Tensor::cat(vec![column(mean), column(spread)], 1), targets)
    }

    fn from_rows(parameters: Tensor<2>, targets: Tensor<L>) -> Self {
        let shape = targets.dims();
        Self { parameters, targets: column(targets), shape }
    }

    /// The shape `[N, d1 d2 ..]` of the values.
    fn per_sample(&self) -> [usize; 2] {
        [self.shape[0], self.shape[1..].iter().product()]
    }

    /// The reduced value.
    pub(super) fn reduce(self, loss: &impl Likelihood, reduction: Reduction, extras: Extras) -> Tensor<1> {
        let [samples, each] = self.per_sample();
        let extras = extras.for_shape([samples, each]);
        let divisor = extras.counted(reduction);
        // The executor takes each row for a sample.
        let divisor = divisor.or_else(|| (reduction == Reduction::BatchMean).then(|| samples.into()));
        let rows = [samples * each];
        let extras = ShapedExtras {
            samples: rows[0],
            weights: extras
                .weights
                .filter(|_| rows[0] > 0)
                .map(|weights| weights.expand([samples, each]).reshape(rows)),
            mask: extras.mask.map(|mask| mask.reshape(rows)),
            divisor,
        };
        vectors::reduce_shaped(&OfRows(loss), reduction, self.parameters, self.targets, extras)
    }

    /// The unreduced values, with the weights, the mask and the divisor in `extras` applied.
    pub(super) fn unreduced(self, loss: &impl Likelihood, extras: Extras) -> Unreduced<L> {
        let [samples, each] = self.per_sample();
        let extras = extras.for_shape([samples, each]);
        let mask = extras.mask.clone().map(|mask| mask.reshape([samples * each]));
        let weightless =
            extras.weightless().map(|weightless| weightless.expand([samples, each]).reshape([samples * each, 1]));
        let [parameters, targets] = [self.parameters, self.targets].map(|rows| match &weightless {
            None => rows,
            Some(weightless) => {
                let shape = rows.dims();
                without_gradient(rows, weightless.clone().expand(shape))
            }
        });
        let values = vectors::values(&OfRows(loss), parameters, targets, mask.as_ref());
        into_shape(extras.apply(into_shape(values, [samples, each])), self.shape)
    }
}

/// Any numbers as one column.
fn column<const L: usize>(numbers: Tensor<L>) -> Tensor<2> {
    match numbers.shape().num_elements() {
        0 => nothing([0, 1], numbers),
        count => numbers.reshape([count, 1]),
    }
}

/// Checks the arguments of a loss; every forward method does this first.
pub(super) fn check<F: Likelihood, const D: usize, const L: usize>(
    loss: &F,
    kind: &'static str,
    parameters: &Tensor<D>,
    targets: &Tensor<L>,
    extras: &Extras,
) -> Result<(), InputError> {
    let first = Reference { loss: kind, name: "parameters", tensor: parameters };
    let (dims, expected) = (parameters.dims(), without_class_axis::<D, L>(parameters.dims()));
    let width = loss.parameters();
    if dims[1] != width {
        return Err(first.shape_error(first.name, &dims, format!("{width} parameters on axis 1")));
    }
    first.companion("targets", targets, expected, "that of `parameters` without axis 1")?;
    first.extras(&expected, extras)
}

/// Checks a mean, a spread and targets.
pub(super) fn check_parts<F: Likelihood, const L: usize>(
    loss: &F,
    kind: &'static str,
    mean: &Tensor<L>,
    [spread, targets]: [&Tensor<L>; 2],
    extras: &Extras,
) -> Result<(), InputError> {
    let first = Reference { loss: kind, name: "mean", tensor: mean };
    if !loss.has_parts() {
        let why = "the parameters of this loss are no mean and spread: call `forward`";
        return Err(first.error(first.name, InputProblem::Unsupported(why.into())));
    }
    first.same("spread", spread)?;
    first.same("targets", targets)?;
    first.extras(&mean.dims(), extras)
}
