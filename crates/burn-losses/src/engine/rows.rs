//! Logits with a class axis and one label per position in, one value per position out.

use super::keep_graph;
use crate::check::{Reference, widen};
use crate::error::{InputError, InputProblem};
use crate::formula::Dual;
use crate::reduction::{Reduction, Unreduced};
use burn::tensor::{Bool, DType, Int, IntDType, Tensor};

/// How a loss of the family `classification` computes its values: row by row, the class axis last.
pub trait Rows: Sized {
    /// The values of `[M, C]` logits and `[M]` labels, each of which is a valid class. What each value counts in a mean
    /// comes with them; the values of ignored rows are dropped afterwards.
    fn rows(&self, logits: Tensor<2>, labels: Tensor<1, Int>) -> Unreduced<1>;

    /// The same for one probability per class, where the loss has a meaning for it.
    fn soft_rows(&self, logits: Tensor<2>, probabilities: Tensor<2>) -> Option<Unreduced<1>> {
        let _ = (logits, probabilities);
        None
    }

    /// The formula of every row, where there is one, for the fused engine.
    fn kernel(&self, classes: usize) -> Option<RowKernel> {
        let _ = classes;
        None
    }

    /// Which of the valid values are kept: all, but for mining.
    fn select(&self, values: Unreduced<1>) -> Unreduced<1> {
        values
    }

    /// Whether [`select`](Self::select) drops any.
    fn selects(&self) -> bool {
        false
    }

    /// The number of classes that the config asks for, where it does.
    fn classes(&self) -> Option<usize> {
        None
    }

    /// The label of the rows that count nothing.
    fn ignore_index(&self) -> Option<i64>;

    /// Whether the loss takes probabilities instead of labels.
    fn takes_probabilities(&self) -> bool {
        false
    }
}

/// A number of a row with its derivatives by the target's logit, by the logarithm of the total, and by the sum.
pub(crate) type Number3 = Dual<f64, 3>;

/// What a loss of a row depends on. All logits are relative to the largest of the row.
#[cfg_attr(not(feature = "cpu-engine"), allow(dead_code))]
pub(crate) struct Row {
    pub(crate) label: usize,
    /// The logit of the label.
    pub(crate) target: Number3,
    /// ln(sum_c e^x_c).
    pub(crate) log_total: Number3,
    /// sum_c w_c x_c, where [`RowFormula::sums`] asks for it.
    pub(crate) sum: Number3,
    /// The largest logit.
    pub(crate) largest: f64,
}

/// Which logits are summed.
#[cfg_attr(not(feature = "cpu-engine"), allow(dead_code))]
pub(crate) enum Sums<'a> {
    Nothing,
    All,
    /// Each times its weight.
    Weighted(&'a [f64]),
}

/// The value of a row.
#[cfg_attr(not(feature = "cpu-engine"), allow(dead_code))]
pub(crate) trait RowFormula: Send + Sync {
    fn eval(&self, row: &Row) -> Number3;

    fn sums(&self) -> Sums<'_> {
        Sums::Nothing
    }

    /// What a row counts in a mean; `None`: 1.
    fn mass(&self, label: usize) -> Option<f64> {
        let _ = label;
        None
    }

    /// What the target's logit becomes before anything else, with its derivatives by the logit and by the length: a margin. The length
    /// is what the logit has in it beside the cosine and the scale.
    fn margin(&self, row: usize, logit: f64, length: f64) -> Option<Dual<f64, 2>> {
        let _ = (row, logit, length);
        None
    }
}

/// A loss of single rows as the fused engine runs it.
pub struct RowKernel {
    #[cfg_attr(not(feature = "cpu-engine"), allow(dead_code))]
    pub(crate) formula: Box<dyn RowFormula>,
}

impl RowKernel {
    pub(crate) fn of(formula: impl RowFormula + 'static) -> Self {
        Self { formula: Box::new(formula) }
    }

    /// The values of `[M, C]` logits and any labels.
    pub(crate) fn values(
        &self,
        ignore_index: Option<i64>,
        logits: &Tensor<2>,
        labels: &Tensor<1, Int>,
    ) -> Option<Unreduced<1>> {
        let _ = (ignore_index, logits, labels);
        #[cfg(feature = "cpu-engine")]
        return super::cpu::rows::Batch { formula: &*self.formula, ignore_index, logits, labels }.values();
        #[cfg(not(feature = "cpu-engine"))]
        None
    }

    /// Their value; `weights` are those of the rows, or of the samples.
    pub(crate) fn reduced<const L: usize>(
        &self,
        ignore_index: Option<i64>,
        logits: &Tensor<2>,
        labels: &Tensor<1, Int>,
        (reduction, samples): (Reduction, usize),
        weights: Option<&Tensor<L>>,
    ) -> Option<Tensor<1>> {
        let _ = (ignore_index, logits, labels, reduction, samples, weights);
        #[cfg(feature = "cpu-engine")]
        {
            use super::cpu::rows::{Batch, Reduce};
            let batch = Batch { formula: &*self.formula, ignore_index, logits, labels };
            batch.reduced(&Reduce { reduction, samples, weights })
        }
        #[cfg(not(feature = "cpu-engine"))]
        None
    }
}

/// The class axis is axis 1: labels have one axis less than logits.
const fn assert_ranks<const D: usize, const L: usize>() {
    assert!(D == L + 1 && L > 0, "logits [N, C, d1, ..] take labels [N, d1, ..]: one axis less");
}

pub(crate) fn without_class_axis<const D: usize, const L: usize>(dims: [usize; D]) -> [usize; L] {
    const { assert_ranks::<D, L>() };
    core::array::from_fn(|axis| if axis == 0 { dims[0] } else { dims[axis + 1] })
}

/// `[N, C, d1, ..]` as `[N d1 .., C]`.
pub(crate) fn as_rows<const D: usize>(tensor: Tensor<D>) -> Tensor<2> {
    let classes = tensor.dims()[1];
    let rows = tensor.shape().num_elements() / classes.max(1);
    if D == 2 { tensor.reshape([rows, classes]) } else { tensor.movedim(1, D as isize - 1).reshape([rows, classes]) }
}

/// Checks the shape of the logits themselves.
fn check_logits<R: Rows, const D: usize>(loss: &R, logits: &Reference<'_, D>) -> Result<(), InputError> {
    let dims = logits.tensor.dims();
    match loss.classes() {
        _ if dims[1] == 0 => Err(logits.shape_error(logits.name, &dims, "at least one class on axis 1".into())),
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
    weights: Option<&Tensor<L>>,
) -> Result<(), InputError> {
    check_logits(loss, &logits)?;
    let expected = without_class_axis::<D, L>(logits.tensor.dims());
    logits.labels(labels, expected)?;
    weights.map_or(Ok(()), |weights| logits.weights(expected, weights))
}

/// Checks the arguments of a loss with probabilities.
pub(crate) fn check_soft<R: Rows, const D: usize, const L: usize>(
    loss: &R,
    logits: Reference<'_, D>,
    probabilities: &Tensor<D>,
    mask: Option<&Tensor<L, Bool>>,
    weights: Option<&Tensor<L>>,
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
    let expected = without_class_axis::<D, L>(logits.tensor.dims());
    if let Some(mask) = mask {
        if mask.dims() != expected {
            let reason = format!("{expected:?} (that of `{}` without the class axis)", logits.name);
            return Err(logits.shape_error("mask", &mask.dims(), reason));
        }
        logits.same_device("mask", mask)?;
    }
    weights.map_or(Ok(()), |weights| logits.weights(expected, weights))
}

/// The values of logits and labels.
///
/// No label but those of 0..C reaches an index, since an index out of bounds is silent corruption on a GPU. An ignored label
/// becomes class 0, its logits become 0 before anything is computed (so that nothing of them can come through), its value 0.
/// A label that is neither has the value NaN: reading it back to report it would make every step wait for the device.
pub(crate) fn values<R: Rows, const D: usize, const L: usize>(
    loss: &R,
    logits: Tensor<D>,
    labels: Tensor<L, Int>,
) -> Unreduced<L> {
    let shape = labels.dims();
    let rows = as_rows(logits);
    let [count, classes] = rows.dims();
    if count == 0 {
        return widen(rows).reshape(shape).into();
    }
    let labels = wide(labels.reshape([count]));
    if let Some(kernel) = loss.kernel(classes)
        && let Some(values) = kernel.values(loss.ignore_index(), &rows, &labels)
    {
        return into_shape(loss.select(values), shape);
    }
    let rows = widen(rows);
    let ignored = ignored(loss, &labels);
    let outside = outside(&labels, classes);
    let labels = labels.mask_fill(outside.clone(), 0);
    let (unreduced, wrong) = match ignored {
        None => (loss.rows(rows, labels), outside),
        Some(ignored) => {
            let labels = labels.mask_fill(ignored.clone(), 0);
            let rows = without(rows, ignored.clone());
            let wrong = outside.bool_and(ignored.clone().bool_not());
            (drop_rows(loss.rows(rows, labels), ignored), wrong)
        }
    };
    let Unreduced { values, mass } = loss.select(unreduced);
    let values = values.mask_fill(wrong, f64::NAN);
    into_shape(Unreduced { values, mass }, shape)
}

/// The values of `[M, C]` logits and labels that are classes, all of which count.
pub(crate) fn valid_values<R: Rows>(loss: &R, logits: Tensor<2>, labels: Tensor<1, Int>) -> Unreduced<1> {
    let kernel = loss.kernel(logits.dims()[1]);
    let values = kernel.and_then(|kernel| kernel.values(None, &logits, &labels));
    values.unwrap_or_else(|| loss.rows(logits, labels))
}

/// The value of the batch.
pub(crate) fn reduce<R: Rows, const D: usize, const L: usize>(
    loss: &R,
    reduction: Reduction,
    logits: Tensor<D>,
    labels: Tensor<L, Int>,
    weights: Option<Tensor<L>>,
) -> Tensor<1> {
    let (shape, count) = (labels.dims(), labels.shape().num_elements());
    if count > 0 && !loss.selects() {
        let (rows, labels) = (as_rows(logits.clone()), labels.clone().reshape([count]));
        let batch = (reduction, shape[0]);
        if let Some(kernel) = loss.kernel(rows.dims()[1])
            && let Some(value) = kernel.reduced(loss.ignore_index(), &rows, &labels, batch, weights.as_ref())
        {
            return value;
        }
    }
    reduction.reduce(values(loss, logits, labels), weights, None)
}

/// The values of logits and probabilities; rows where `mask` is false are ignored.
///
/// # Panics
/// If the loss takes labels only, which [`check_soft`] says as an error.
pub(crate) fn soft_values<R: Rows, const D: usize, const L: usize>(
    loss: &R,
    logits: Tensor<D>,
    probabilities: Tensor<D>,
    mask: Option<Tensor<L, Bool>>,
) -> Unreduced<L> {
    let shape = without_class_axis::<D, L>(logits.dims());
    let rows = as_rows(widen(logits));
    if rows.dims()[0] == 0 {
        return rows.reshape(shape).into();
    }
    let probabilities = as_rows(widen(probabilities));
    let unreduced = match mask {
        None => loss.soft_rows(rows, probabilities),
        Some(mask) => {
            let ignored = mask.bool_not().reshape([rows.dims()[0]]);
            let rows = without(rows, ignored.clone());
            let probabilities = without(probabilities, ignored.clone());
            loss.soft_rows(rows, probabilities).map(|values| drop_rows(values, ignored))
        }
    };
    let unreduced = unreduced.expect("a loss that takes probabilities has values for them");
    into_shape(loss.select(unreduced), shape)
}

/// Where a label says that its row counts nothing.
pub(crate) fn ignored<R: Rows, const L: usize>(loss: &R, labels: &Tensor<L, Int>) -> Option<Tensor<L, Bool>> {
    let index = loss.ignore_index().filter(|index| fits(*index, labels.dtype()));
    index.map(|index| labels.clone().equal_elem(index))
}

pub(crate) fn fits(index: i64, dtype: DType) -> bool {
    match dtype {
        DType::I64 => true,
        DType::I32 => i32::try_from(index).is_ok(),
        DType::I16 => i16::try_from(index).is_ok(),
        DType::I8 => i8::try_from(index).is_ok(),
        DType::U64 => u64::try_from(index).is_ok(),
        DType::U32 => u32::try_from(index).is_ok(),
        DType::U16 => u16::try_from(index).is_ok(),
        DType::U8 => u8::try_from(index).is_ok(),
        _ => true,
    }
}

fn without(rows: Tensor<2>, ignored: Tensor<1, Bool>) -> Tensor<2> {
    let dims = rows.dims();
    rows.mask_fill(ignored.unsqueeze_dim::<2>(1).expand(dims), 0.0)
}

fn drop_rows(unreduced: Unreduced<1>, ignored: Tensor<1, Bool>) -> Unreduced<1> {
    let Unreduced { values, mass } = unreduced;
    let mass = mass.unwrap_or_else(|| values.ones_like());
    Unreduced { values: values.mask_fill(ignored.clone(), 0.0), mass: Some(mass.mask_fill(ignored, 0.0)) }
}

fn into_shape<const L: usize>(unreduced: Unreduced<1>, shape: [usize; L]) -> Unreduced<L> {
    Unreduced { values: unreduced.values.reshape(shape), mass: unreduced.mass.map(|mass| mass.detach().reshape(shape)) }
}

/// Labels in a type that holds every class.
pub(crate) fn wide<const L: usize>(labels: Tensor<L, Int>) -> Tensor<L, Int> {
    match labels.dtype() {
        DType::I8 | DType::I16 | DType::U8 | DType::U16 => labels.cast(IntDType::I32),
        _ => labels,
    }
}

/// Where a label is none of the classes.
pub(crate) fn outside<const L: usize>(labels: &Tensor<L, Int>, classes: usize) -> Tensor<L, Bool> {
    labels.clone().lower_elem(0).bool_or(labels.clone().greater_equal_elem(classes as i64))
}

/// True at the class of each row: `[M, C]`, made by comparison, exact and without reading anything back.
pub(crate) fn one_hot(labels: Tensor<1, Int>, classes: usize) -> Tensor<2, Bool> {
    let rows = labels.dims()[0];
    let class = Tensor::<1, Int>::arange(0..classes as i64, (&labels.device(), labels.dtype()));
    class.unsqueeze::<2>().expand([rows, classes]).equal(labels.unsqueeze_dim::<2>(1).expand([rows, classes]))
}

/// The entry of each row at its label: `[M]`.
pub(crate) fn pick(rows: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
    #[cfg(feature = "cpu-engine")]
    if let Some(picked) = super::cpu::host::pick(&rows, &labels) {
        return picked;
    }
    rows.gather(1, labels.unsqueeze_dim(1)).squeeze_dim(1)
}

/// Some rows, in this order; all of them are there.
pub(crate) fn select(rows: Tensor<2>, places: Tensor<1, Int>) -> Tensor<2> {
    #[cfg(feature = "cpu-engine")]
    if let Some(selected) = super::cpu::host::select(&rows, &places) {
        return selected;
    }
    rows.select(0, places)
}

/// Evaluation-only values, kept in the graph of the logits.
pub(crate) fn constant(values: Tensor<1>, logits: Tensor<2>) -> Unreduced<1> {
    keep_graph(values, logits).into()
}
