//! The likelihood of a sequence of labels, summed over all its alignments with a longer sequence of steps.
//!
//! Every alignment is a path through a lattice, and every step of a path emits a class. Forward sums over the beginnings of the
//! paths and backward sums over their ends give the share of the likelihood that goes through a step: its occupation. The
//! derivative of the likelihood's logarithm with respect to a log-probability is the sum of the occupations of the steps that
//! emit this class. All sums are sums of logarithms.

#[cfg(feature = "cpu-engine")]
pub(in crate::engine) mod host;
mod steps;

use crate::engine::any_tensor::AnyTensor;
use crate::engine::machine;
use burn::tensor::{Bool, Int, Tensor};

/// The paths that are summed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lattice {
    /// Connectionist temporal classification: each step emits a class, `[N, T, C]`; repeated labels are one label, unless a blank
    /// lies between them, and blanks are dropped.
    Ctc,
    /// A transducer: at each pair of a step and of the number of labels so far, `[N, T, L + 1, C]`, it emits the next label, or a
    /// blank and goes on to the next step.
    Transducer,
}

/// The labels of a batch.
#[derive(Debug, Clone)]
pub(crate) struct Labels {
    /// `[N, L]`; those beyond the length of a row are not read.
    pub(crate) labels: Tensor<2, Int>,
    /// `[N]`: the number of steps, and the number of labels, of each row.
    pub(crate) input_lengths: Tensor<1, Int>,
    pub(crate) label_lengths: Tensor<1, Int>,
    /// The class that is no label.
    pub(crate) blank: usize,
    /// The gradient of the labels of a transducer is multiplied by 1 plus this number.
    pub(crate) fast_emit: f64,
}

/// A call of the primitive.
pub(crate) struct Call<'a> {
    pub(crate) lattice: Lattice,
    pub(crate) log_p: AnyTensor,
    pub(crate) labels: &'a Labels,
}

/// Minus the logarithm of the likelihood of each row, `[N]`.
///
/// A row that no alignment fits has the value infinity. A row with a length or a label that is out of range, or with a label that
/// is the blank, has the value NaN. Neither has a gradient.
pub(crate) fn negative_log_likelihood<const D: usize>(
    lattice: Lattice,
    log_p: Tensor<D>,
    labels: &Labels,
) -> Tensor<1> {
    let call = Call { lattice, log_p: AnyTensor::from(&log_p), labels };
    match machine::run("lattice", &call.log_p, |machine| machine.lattice(&call)) {
        Some(values) => values.into_rank(),
        None => steps::run(&call),
    }
}

/// The predictions of the lattice, with 0 in place of what no path reads: in tensor operations 0 times a NaN there would reach the
/// gradient of what is read. Kernels do not look beyond the lengths.
pub(crate) fn within_lengths<const D: usize>(predictions: Tensor<D>, labels: &Labels) -> Tensor<D> {
    if machine::has_kernels(&predictions) {
        return predictions;
    }
    let (shape, device) = (predictions.dims(), labels.input_lengths.device());
    let mut places = shape;
    places[D - 1] = 1;
    let along = |axis: usize| core::array::from_fn::<usize, D, _>(|at| if at == axis { shape[axis] } else { 1 });
    // The steps are on axis 1, and the states of a transducer on axis 2.
    let ends = [labels.input_lengths.clone(), labels.label_lengths.clone() + 1];
    let beyond = (1..D - 1).zip(ends).map(|(axis, end)| {
        let place = Tensor::<1, Int>::arange(0..shape[axis] as i64, &device).reshape(along(axis));
        place.expand(places).greater_equal(end.reshape(along(0)).expand(places))
    });
    match beyond.reduce(Tensor::<D, Bool>::bool_or) {
        Some(beyond) => predictions.mask_fill(beyond.expand(shape), 0.0),
        None => predictions,
    }
}

/// Which rows have lengths in range and, within them, labels that are classes but not the blank: `[N]`.
fn is_valid(labels: &Labels, [steps, width, classes]: [usize; 3]) -> Tensor<1, Bool> {
    let Labels { labels, input_lengths, label_lengths, blank, .. } = labels;
    let in_range = |lengths: &Tensor<1, Int>, most: usize| {
        lengths.clone().greater_equal_elem(0).bool_and(lengths.clone().lower_equal_elem(most as i64))
    };
    let lengths = in_range(input_lengths, steps).bool_and(in_range(label_lengths, width));
    if width == 0 {
        return lengths;
    }
    let is_label = labels
        .clone()
        .greater_equal_elem(0)
        .bool_and(labels.clone().lower_elem(classes as i64))
        .bool_and(labels.clone().not_equal_elem(*blank as i64));
    let [rows, _] = labels.dims();
    let place = Tensor::<1, Int>::arange(0..width as i64, &labels.device()).unsqueeze::<2>().expand([rows, width]);
    let is_beyond = place.greater_equal(label_lengths.clone().unsqueeze_dim::<2>(1).expand([rows, width]));
    lengths.bool_and(is_label.bool_or(is_beyond).all_dim(1).squeeze_dim::<1>(1))
}
