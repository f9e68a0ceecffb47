//! The executor of rows: logits with a class axis and one label per position in, one value per position out.

#[cfg(feature = "cube")]
pub(super) mod cube;
mod executor;
#[cfg(feature = "cpu-engine")]
pub(super) mod host;

use super::any_tensor::AnyTensor;
use super::curved_rows::RowPart;
use super::primitives::labels::{Labels, fits, is_out_of_range, widen_labels};
use super::{nothing, tracked_targets, with_zero_gradient, without_weightless};
use crate::check::{Reference, widen};
use crate::error::{InputError, InputProblem};
use crate::formula::RowFormula;
use crate::reduction::{Divisor, Extras, Reduction, Unreduced};
use burn::tensor::{Bool, Int, Tensor};
pub(in crate::engine) use executor::RowSettings;
use executor::tensor_values;

pub use executor::RowKernel;
pub(crate) use executor::{Call, MINUS_INFINITY, Margin, Outcome, Reduce, Target, of_logits, values_of};

/// How a loss of the family `classification` computes its values: row by row, the class axis last.
pub trait Rows: Sized {
    /// The values of `[M, C]` logits and `[M]` labels, none of which is out of range. How much each value counts in a mean is
    /// returned too; the values of ignored rows are dropped afterwards.
    fn rows(&self, logits: Tensor<2>, labels: Tensor<1, Int>) -> Unreduced<1>;

    /// The values of `[M, C]` logits and one probability per class, if the loss is defined for probabilities.
    fn soft_rows(&self, logits: Tensor<2>, probabilities: Tensor<2>) -> Option<Unreduced<1>> {
        let _ = (logits, probabilities);
        None
    }

    /// The formula of every row, for the fused engine; `None` if there is none.
    fn kernel(&self, classes: usize) -> Option<RowKernel> {
        let _ = classes;
        None
    }

    /// The formulas of which the values are made, for second derivatives; `None` if there are none. By default it is that of
    /// [`kernel`](Self::kernel). It is called with rows without a graph, and with labels in 0..C.
    #[doc(hidden)]
    fn parts(&self, logits: &Tensor<2>, labels: &Tensor<1, Int>) -> Option<Vec<RowPart>> {
        let _ = labels;
        Some(vec![RowPart::new(&self.kernel(logits.dims()[1])?)])
    }

    /// Selects the values that are kept, out of the valid ones: all of them, unless the loss mines hard examples.
    fn select(&self, values: Unreduced<1>) -> Unreduced<1> {
        values
    }

    /// Whether [`select`](Self::select) drops any values.
    fn selects(&self) -> bool {
        false
    }

    /// The number of classes, if the config sets it.
    fn classes(&self) -> Option<usize> {
        None
    }

    /// The label of the rows that do not count.
    fn ignore_index(&self) -> Option<i64>;

    /// Whether the loss takes probabilities instead of labels.
    fn takes_probabilities(&self) -> bool {
        false
    }

    /// Whether the logits may be arbitrary scores, which are only compared with each other. By default the loss takes their
    /// softmax, as every [`RowFormula`] does: probabilities in their place are then a mistake.
    fn takes_any_scores(&self) -> bool {
        false
    }
}

impl<F: RowFormula> Rows for F {
    fn rows(&self, logits: Tensor<2>, labels: Tensor<1, Int>) -> Unreduced<1> {
        tensor_values(self, logits, &Target::Labels { of: labels, ignore_index: None })
    }

    fn soft_rows(&self, logits: Tensor<2>, probabilities: Tensor<2>) -> Option<Unreduced<1>> {
        let kernel = RowKernel::new(self);
        let target = Target::Probabilities(probabilities);
        Some(kernel.values(&logits, &target, None).unwrap_or_else(|| tensor_values(self, logits, &target)))
    }

    fn kernel(&self, _: usize) -> Option<RowKernel> {
        Some(RowKernel::new(self))
    }

    fn classes(&self) -> Option<usize> {
        self.class_factors().or(self.class_offsets()).map(<[f64]>::len)
    }

    fn ignore_index(&self) -> Option<i64> {
        RowFormula::ignore_index(self)
    }

    fn takes_probabilities(&self) -> bool {
        true
    }
}

/// Checks that labels have one axis less than logits, whose axis 1 is the class axis.
const fn assert_ranks<const D: usize, const L: usize>() {
    assert!(D == L + 1 && L > 0, "logits [N, C, d1, ..] take labels [N, d1, ..]: one axis less");
}

pub(crate) fn without_class_axis<const D: usize, const L: usize>(dims: [usize; D]) -> [usize; L] {
    const { assert_ranks::<D, L>() };
    core::array::from_fn(|axis| if axis == 0 { dims[0] } else { dims[axis + 1] })
}

/// The shape `[N, d1 d2 ..]` of values of `[N, C, d1, d2, ..]`.
pub(crate) fn rows_per_sample<const D: usize>(dims: [usize; D]) -> [usize; 2] {
    [dims[0], dims[2..].iter().product()]
}

/// Reshapes `[N, C, d1, ..]` to `[N d1 .., C]`.
pub(crate) fn as_rows<const D: usize>(tensor: Tensor<D>) -> Tensor<2> {
    let classes = tensor.dims()[1];
    let rows = tensor.shape().num_elements() / classes.max(1);
    match D {
        2 => tensor.reshape([rows, classes]),
        _ if rows == 0 => nothing([0, classes], tensor),
        _ => tensor.movedim(1, D as isize - 1).reshape([rows, classes]),
    }
}

/// Checks the shape of the logits alone.
fn check_logits<R: Rows, const D: usize>(loss: &R, logits: &Reference<'_, D>) -> Result<(), InputError> {
    let dims = logits.tensor.dims();
    match loss.classes() {
        _ if dims[1] < 2 => {
            let why = "at least 2 classes on axis 1: the softmax of one is always 1";
            Err(logits.shape_error(logits.name, &dims, why.into()))
        }
        Some(classes) if classes != dims[1] => {
            Err(logits.shape_error(logits.name, &dims, format!("{classes} classes on axis 1, as the config has")))
        }
        _ => Ok(()),
    }
}

/// Checks the arguments of a loss with labels.
pub(crate) fn check<R: Rows, const D: usize, const L: usize>(
    loss: &R,
    logits: Reference<'_, D>,
    labels: &Tensor<L, Int>,
    extras: &Extras,
) -> Result<(), InputError> {
    check_logits(loss, &logits)?;
    let expected = without_class_axis::<D, L>(logits.tensor.dims());
    logits.labels(labels, expected)?;
    logits.extras(&expected, extras)
}

/// Checks the arguments of a loss with probabilities.
pub(crate) fn check_soft<R: Rows, const D: usize>(
    loss: &R,
    logits: Reference<'_, D>,
    probabilities: &Tensor<D>,
    extras: &Extras,
) -> Result<(), InputError> {
    if !loss.takes_probabilities() {
        let why = "this loss takes one label per row; `cross_entropy` and `focal` take probabilities";
        let problem = InputProblem::Unsupported(why.into());
        return Err(logits.error("probabilities", problem));
    }
    if loss.ignore_index().is_some() {
        let why = "`ignore_index` is a label; with probabilities, rows are ignored by a `mask`";
        return Err(logits.error("probabilities", InputProblem::Unsupported(why.into())));
    }
    check_logits(loss, &logits)?;
    logits.same("probabilities", probabilities)?;
    let mut values = logits.tensor.dims().to_vec();
    values.remove(1);
    logits.extras(&values, extras)
}

/// The values of logits and labels.
///
/// Only labels in 0..C are used as an index, since an index out of bounds is silent corruption on a GPU. An ignored label becomes
/// class 0; its logits become 0 before anything is computed (so that nothing of them can come through), and its value becomes 0.
/// A row with any other label out of range has the value NaN: reading labels back to report them would make every step wait for the
/// device.
pub(crate) fn values<R: Rows, const D: usize, const L: usize>(
    loss: &R,
    logits: Tensor<D>,
    labels: Labels<L>,
) -> Unreduced<L> {
    let Labels { of: labels, ignore_index } = labels;
    let shape = labels.dims();
    let rows = as_rows(logits);
    let [count, classes] = rows.dims();
    if count == 0 {
        return nothing(shape, widen(rows)).into();
    }
    let labels = widen_labels(labels.reshape([count]));
    if let Some(kernel) = loss.kernel(classes)
        && let Some(values) = kernel.values(&rows, &Target::Labels { of: labels.clone(), ignore_index }, None)
    {
        return into_shape(loss.select(values), shape);
    }
    let rows = widen(rows);
    let ignored = ignored(ignore_index, &labels);
    let outside = is_out_of_range(&labels, classes);
    let labels = labels.mask_fill(outside.clone(), 0);
    let (unreduced, wrong) = match ignored {
        None => (loss.rows(rows, labels), outside),
        Some(ignored) => {
            let labels = labels.mask_fill(ignored.clone(), 0);
            let counts = ignored.clone().bool_not();
            let unreduced = loss.rows(zero_rows(rows, ignored), labels).masked(Some(&counts));
            (unreduced, outside.bool_and(counts))
        }
    };
    let Unreduced { values, normalizer } = loss.select(unreduced);
    let values = values.mask_fill(wrong, f64::NAN);
    into_shape(Unreduced { values, normalizer }, shape)
}

/// The values of `[M, C]` logits and labels in 0..C, all of which count.
pub(crate) fn valid_values<R: Rows>(loss: &R, logits: Tensor<2>, labels: Tensor<1, Int>) -> Unreduced<1> {
    let kernel = loss.kernel(logits.dims()[1]);
    let values = kernel
        .and_then(|kernel| kernel.values(&logits, &Target::Labels { of: labels.clone(), ignore_index: None }, None));
    values.unwrap_or_else(|| loss.rows(logits, labels))
}

/// The unreduced values, with the weights, the mask and the divisor in `extras` applied.
pub(crate) fn unreduced<R: Rows, const D: usize, const L: usize>(
    loss: &R,
    logits: Tensor<D>,
    labels: Tensor<L, Int>,
    extras: Extras,
) -> Unreduced<L> {
    let (labels, extras) = Labels::with_extras(labels, loss.ignore_index(), extras);
    let values = values(loss, without_weightless(logits, &extras), labels);
    extras.apply(values)
}

/// The reduced value of the batch.
pub(crate) fn reduce<R: Rows, const D: usize, const L: usize>(
    loss: &R,
    reduction: Reduction,
    logits: Tensor<D>,
    labels: Tensor<L, Int>,
    extras: Extras,
) -> Tensor<1> {
    let count = labels.shape().num_elements();
    let (labels, extras) = Labels::with_extras(labels, loss.ignore_index(), extras);
    if count > 0 && !loss.selects() {
        let [samples, classes, ..] = logits.dims()[..] else { unreachable!("logits have a class axis") };
        let rows = match D {
            2 => AnyTensor::from(&logits),
            _ => logits.clone().reshape([samples, classes, count / samples]).into(),
        };
        let target = Target::Labels { of: labels.of.clone().reshape([count]), ignore_index: labels.ignore_index };
        let (reduce, divisor) = Reduce::new(reduction, &extras);
        if let Some(kernel) = loss.kernel(classes)
            && let Some(value) = kernel.reduced(rows, &target, &reduce)
        {
            return Divisor::divide_by(divisor, value);
        }
    }
    let values = values(loss, without_weightless(logits, &extras), labels);
    extras.reduce(reduction, values)
}

/// The values of logits and probabilities; rows where `mask` is false are ignored.
///
/// # Panics
/// If the loss takes only labels; [`check_soft`] reports this as an error.
pub(crate) fn soft_values<R: Rows, const D: usize>(
    loss: &R,
    logits: Tensor<D>,
    probabilities: Tensor<D>,
    mask: Option<&Tensor<2, Bool>>,
) -> Unreduced<2> {
    let shape = rows_per_sample(logits.dims());
    let rows = as_rows(widen(logits));
    if rows.dims()[0] == 0 {
        return nothing(shape, rows).into();
    }
    let probabilities = as_rows(widen(probabilities));
    let of_each = |rows, probabilities| {
        tracked_targets::values(rows, probabilities, |rows, probabilities| {
            loss.soft_rows(rows, probabilities).expect("a loss that takes probabilities has values for them")
        })
    };
    let unreduced = match mask {
        None => of_each(rows, probabilities),
        Some(mask) => {
            let counts = Some(mask.clone().reshape([rows.dims()[0]]));
            let [rows, probabilities] = [rows, probabilities].map(|rows| valid_rows(rows, counts.as_ref()));
            of_each(rows, probabilities).masked(counts.as_ref())
        }
    };
    into_shape(loss.select(unreduced), shape)
}

/// Which rows are ignored, according to their labels.
pub(crate) fn ignored<const L: usize>(ignore_index: Option<i64>, labels: &Tensor<L, Int>) -> Option<Tensor<L, Bool>> {
    let index = ignore_index.filter(|index| fits(*index, labels.dtype()));
    index.map(|index| labels.clone().equal_elem(index))
}

/// The rows, with 0 in place of masked ones.
pub(crate) fn valid_rows(rows: Tensor<2>, mask: Option<&Tensor<1, Bool>>) -> Tensor<2> {
    match mask {
        None => rows,
        Some(mask) => zero_rows(rows, mask.clone().bool_not()),
    }
}

pub(in crate::engine) fn zero_rows(rows: Tensor<2>, ignored: Tensor<1, Bool>) -> Tensor<2> {
    let dims = rows.dims();
    rows.mask_fill(ignored.unsqueeze_dim::<2>(1).expand(dims), 0.0)
}

pub(crate) fn into_shape<const V: usize, const L: usize>(unreduced: Unreduced<V>, shape: [usize; L]) -> Unreduced<L> {
    if shape.contains(&0) {
        let normalizer = unreduced.normalizer.map(|normalizer| nothing(shape, normalizer.detach()));
        return Unreduced { values: nothing(shape, unreduced.values), normalizer };
    }
    Unreduced {
        values: unreduced.values.reshape(shape),
        normalizer: unreduced.normalizer.map(|normalizer| normalizer.detach().reshape(shape)),
    }
}

/// The values of an evaluation-only loss, kept in the graph of the logits.
pub(crate) fn constant(values: Tensor<1>, logits: Tensor<2>) -> Unreduced<1> {
    with_zero_gradient(values, logits).into()
}
