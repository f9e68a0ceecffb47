//! The forward sums as tensor operations, one step after the other.

use super::{Call, Labels, Lattice, is_valid};
use crate::engine::any_tensor::AnyTensor;
use burn::tensor::{Bool, Int, Tensor};

/// A finite number in place of the logarithm of 0, so that no difference is NaN.
const NOTHING: f64 = -1e30;

/// Minus the logarithm of the likelihood of each row.
pub(super) fn run(call: &Call<'_>) -> Tensor<1> {
    let shape = call.log_p.shape();
    let [steps, classes] = [shape[1], shape[shape.len() - 1]];
    let width = call.labels.labels.dims()[1];
    let valid = is_valid(call.labels, [steps, width, classes]);
    let labels = Labels {
        labels: within(call.labels.labels.clone(), classes - 1),
        input_lengths: within(call.labels.input_lengths.clone(), steps),
        label_lengths: within(call.labels.label_lengths.clone(), width),
        blank: call.labels.blank,
        fast_emit: call.labels.fast_emit,
    };
    let total = match call.lattice {
        Lattice::Ctc => ctc(known(call.log_p.clone()), &labels),
        Lattice::Transducer => transducer(known(call.log_p.clone()), &labels),
    };
    let is_impossible = total.clone().lower_scalar(0.1 * NOTHING);
    (-total).mask_fill(is_impossible, f64::INFINITY).mask_fill(valid.bool_not(), f64::NAN)
}

/// Numbers from 0 to `most`; one that is out of range must not become an index.
fn within<const D: usize>(numbers: Tensor<D, Int>, most: usize) -> Tensor<D, Int> {
    numbers.clamp(0, most as i64)
}

/// Log-probabilities with [`NOTHING`] in place of minus infinity.
fn known<const D: usize>(log_p: AnyTensor) -> Tensor<D> {
    let log_p: Tensor<D> = log_p.into_rank();
    let is_zero = log_p.clone().lower_scalar(NOTHING);
    log_p.mask_fill(is_zero, NOTHING)
}

/// `[N, S]` with the entries moved `by` places to the right.
fn shifted(states: Tensor<2>, by: usize) -> Tensor<2> {
    let [rows, width] = states.dims();
    let nothing = Tensor::full([rows, by], NOTHING, (&states.device(), states.dtype()));
    Tensor::cat(vec![nothing, states], 1).narrow(1, 0, width)
}

/// ln(e^a + e^b).
fn log_add(a: Tensor<2>, b: Tensor<2>) -> Tensor<2> {
    let most = a.clone().max_pair(b.clone()).detach();
    ((a - most.clone()).exp() + (b - most.clone()).exp()).log() + most
}

/// One entry of each row of `[N, S]`, at `[N]` places in range.
fn at(states: Tensor<2>, places: Tensor<1, Int>) -> Tensor<1> {
    states.gather(1, places.unsqueeze_dim(1)).squeeze_dim(1)
}

/// One flag per row, for each of `width` states.
fn per_state(flags: Tensor<1, Bool>, width: usize) -> Tensor<2, Bool> {
    let rows = flags.dims()[0];
    flags.unsqueeze_dim::<2>(1).expand([rows, width])
}

/// The states are the labels with a blank before, between and after them.
fn ctc(log_p: Tensor<3>, labels: &Labels) -> Tensor<1> {
    let [rows, steps, _] = log_p.dims();
    let width = labels.labels.dims()[1];
    let states = 2 * width + 1;
    let (device, blank) = (labels.labels.device(), labels.blank as i64);
    let blanks = Tensor::<3, Int>::full([rows, width, 1], blank, &device);
    let pairs = Tensor::cat(vec![blanks, labels.labels.clone().unsqueeze_dim(2)], 2).reshape([rows, 2 * width]);
    let classes = Tensor::cat(vec![pairs, Tensor::full([rows, 1], blank, &device)], 1);
    // A blank between two labels may be left out if these differ.
    let before = Tensor::cat(vec![Tensor::full([rows, 2], blank, &device), classes.clone()], 1).narrow(1, 0, states);
    let must_stop = classes.clone().equal(before).bool_or(classes.clone().equal_elem(blank));
    let place = Tensor::<1, Int>::arange(0..states as i64, &device).unsqueeze::<2>().expand([rows, states]);

    let emitted = log_p.gather(2, classes.unsqueeze_dim::<3>(1).expand([rows, steps, states]));
    let of_step = |step: usize| emitted.clone().narrow(1, step, 1).squeeze_dim::<2>(1);
    let is_start = place.clone().lower_elem(2).bool_and(
        place.clone().lower_equal((labels.label_lengths.clone() * 2).unsqueeze_dim::<2>(1).expand([rows, states])),
    );
    let nothing = of_step(0).zeros_like().detach() + NOTHING;
    let mut sums = nothing.clone().mask_where(is_start, of_step(0));
    for step in 1..steps {
        let skipped = shifted(sums.clone(), 2).mask_fill(must_stop.clone(), NOTHING);
        let reached = log_add(log_add(sums.clone(), shifted(sums.clone(), 1)), skipped);
        let is_step = per_state(labels.input_lengths.clone().greater_elem(step as i64), states);
        sums = sums.mask_where(is_step, reached + of_step(step));
    }
    let last = labels.label_lengths.clone() * 2;
    let has_labels = labels.label_lengths.clone().greater_elem(0);
    let of_label = at(sums.clone(), (last.clone() - 1).clamp_min(0)).mask_fill(has_labels.clone().bool_not(), NOTHING);
    let total = log_add(at(sums, last).unsqueeze_dim(1), of_label.unsqueeze_dim(1)).squeeze_dim::<1>(1);
    // Without a step there are no labels.
    let has_no_step = labels.input_lengths.clone().equal_elem(0);
    let total = total.mask_fill(has_no_step.clone().bool_and(has_labels.clone()), NOTHING);
    total.mask_fill(has_no_step.bool_and(has_labels.bool_not()), 0.0)
}

/// The states are the numbers of labels so far; each diagonal of the lattice has one more step or label than the one before.
fn transducer(log_p: Tensor<4>, labels: &Labels) -> Tensor<1> {
    let [rows, steps, states, _] = log_p.dims();
    let device = labels.labels.device();
    let blank = log_p.clone().narrow(3, labels.blank, 1).squeeze_dim::<3>(3);
    let next = Tensor::cat(vec![labels.labels.clone(), Tensor::zeros([rows, 1], &device)], 1);
    let next = next.reshape([rows, 1, states, 1]).expand([rows, steps, states, 1]);
    let mut label = log_p.gather(3, next).squeeze_dim::<3>(3);
    if labels.fast_emit > 0.0 {
        label = label.clone() * (1.0 + labels.fast_emit) - label.detach() * labels.fast_emit;
    }
    let (blank, label) = (diagonals(blank), diagonals(label));
    let of = |numbers: &Tensor<3>, diagonal: usize| numbers.clone().narrow(2, diagonal, 1).squeeze_dim::<2>(2);

    let place = Tensor::<1, Int>::arange(0..states as i64, &device).unsqueeze::<2>().expand([rows, states]);
    let nothing = of(&blank, 0).zeros_like().detach() + NOTHING;
    let mut sums = nothing.mask_fill(place.equal_elem(0), 0.0);
    let last = labels.input_lengths.clone() + labels.label_lengths.clone() - 1;
    let end = |sums: &Tensor<2>, diagonal: usize| at(sums.clone() + of(&blank, diagonal), labels.label_lengths.clone());
    let mut total = end(&sums, 0).mask_fill(last.clone().not_equal_elem(0), NOTHING);
    for diagonal in 1..steps + states - 1 {
        let by_label = shifted(sums.clone() + of(&label, diagonal - 1), 1);
        sums = log_add(sums + of(&blank, diagonal - 1), by_label);
        total = total.mask_where(last.clone().equal_elem(diagonal as i64), end(&sums, diagonal));
    }
    total.mask_fill(labels.input_lengths.clone().equal_elem(0), NOTHING)
}

/// The diagonals of `[N, T, S]`: entry `[n, s, d]` is that of step d - s, or [`NOTHING`] if there is no such step.
fn diagonals(numbers: Tensor<3>) -> Tensor<3> {
    let [rows, steps, states] = numbers.dims();
    let padding = Tensor::full([rows, states, states], NOTHING, (&numbers.device(), numbers.dtype()));
    let flat = Tensor::cat(vec![numbers.swap_dims(1, 2), padding], 2).reshape([rows, states * (steps + states)]);
    flat.narrow(1, 0, states * (steps + states - 1)).reshape([rows, states, steps + states - 1])
}
