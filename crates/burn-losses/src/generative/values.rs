//! How a loss of this family computes its values.

use crate::check::Reference;
use crate::error::{InputError, InputProblem};
use crate::loss::Loss;
use crate::reduction::{Extras, Reduction, Unreduced};
use crate::signature::{Arguments, Called, EvalError, Signature, Wanted};
use burn::tensor::Tensor;

/// How a loss of the family `generative` computes its values.
///
/// Whatever axes the inputs have, they are passed as rows, `[N, rest]`: so the code is compiled once, not for each number of axes.
/// The values are `[N, rest]` too, or `[N, 1]` for a loss that gives one value per row.
pub trait Generative: Sized {
    /// The names of the first and the second argument.
    fn arguments(&self) -> [&'static str; 2];

    /// Whether a row has one value, and not each of its numbers.
    fn is_per_row(&self) -> bool {
        false
    }

    /// An argument that the config asks for beyond the first two, and what to do about it.
    fn needs(&self) -> Option<(&'static str, &'static str)> {
        None
    }

    /// The unreduced values, with the weights, the mask and the divisor in `extras` applied.
    fn unreduced(&self, first: Tensor<2>, second: Tensor<2>, extras: Extras) -> Unreduced<2>;

    /// The reduced value of the batch.
    fn reduce(&self, reduction: Reduction, first: Tensor<2>, second: Tensor<2>, extras: Extras) -> Tensor<1>;

    /// The arguments of another way to call the loss.
    #[doc(hidden)]
    fn other_signature(&self) -> Option<Signature> {
        None
    }

    /// Calls the loss with the arguments of [`other_signature`](Self::other_signature).
    #[doc(hidden)]
    fn call_other(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        let _ = (arguments, wanted);
        unreachable!("a loss without another signature")
    }
}

/// A tensor as rows.
pub(super) fn rows<const D: usize>(tensor: Tensor<D>) -> Tensor<2> {
    let shape = tensor.dims();
    tensor.reshape([shape[0], shape[1..].iter().product()])
}

/// The shape of the values, for inputs of this shape.
fn shape_of_values<'a>(loss: &impl Generative, shape: &'a [usize]) -> &'a [usize] {
    if loss.is_per_row() { &shape[..1] } else { shape }
}

/// Values of rows in the shape of values, for inputs of this shape.
#[track_caller]
pub(super) fn in_shape<L: Generative + Loss, const V: usize>(
    loss: &L,
    shape: &[usize],
    unreduced: Unreduced<2>,
) -> Unreduced<V> {
    let shape = shape_of_values(loss, shape);
    let Ok(shape) = <[usize; V]>::try_from(shape) else {
        panic!("{}: the values have {} axes, not {V}", loss.kind(), shape.len())
    };
    let Unreduced { values, normalizer } = unreduced;
    Unreduced { values: values.reshape(shape), normalizer: normalizer.map(|normalizer| normalizer.reshape(shape)) }
}

/// Checks the first two arguments and the extras.
pub(super) fn check_two<L: Generative + Loss, const D: usize>(
    loss: &L,
    first: &Tensor<D>,
    second: &Tensor<D>,
    extras: &Extras,
) -> Result<(), InputError> {
    let [name, other] = loss.arguments();
    let reference = Reference { loss: loss.kind(), name, tensor: first };
    reference.same(other, second)?;
    reference.extras(shape_of_values(loss, &first.dims()), extras)
}

/// Checks the arguments of a loss; every forward method does this first.
pub(super) fn check<L: Generative + Loss, const D: usize>(
    loss: &L,
    first: &Tensor<D>,
    second: &Tensor<D>,
    extras: &Extras,
) -> Result<(), InputError> {
    if let Some((argument, why)) = loss.needs() {
        return Err(InputError { loss: loss.kind(), argument, problem: InputProblem::Missing(why.into()) });
    }
    check_two(loss, first, second, extras)
}
