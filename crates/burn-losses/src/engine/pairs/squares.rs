//! Squared distances of all pairs of rows: a kernel on CPUs, elsewhere tensor operations.
//!
//! They are sums of squared differences, and their gradient is a sum of differences. The formula |a|^2 + |b|^2 - 2 a b would lose
//! the digits of rows that are near each other and far from the others.

use crate::engine::any_tensor::AnyTensor;
use crate::engine::custom_backward::custom_backward;
use crate::engine::{TOGETHER, machine};
use burn::tensor::Tensor;
use core::slice::from_ref;

/// The squared distances of every row to every row: `[N, N]`.
pub(super) fn squares(rows: Tensor<2>) -> Tensor<2> {
    let tracked = AnyTensor::from(&rows);
    if machine::reads_for_free(tracked.clone())
        && let Some(squares) = machine::run("squares", &tracked, |machine| machine.squares(&tracked))
    {
        return squares.into_rank();
    }
    let known = rows.clone().without_autodiff();
    let squares = AnyTensor::from(of_differences(&known, &known));
    if !tracked.is_tracked() {
        return tracked.lift(squares).into_rank();
    }
    let attached = custom_backward(squares, from_ref(&tracked), move |upstream| {
        vec![Some(gradient(&known, upstream.into_rank()).into())]
    });
    attached.map_or_else(|| of_differences(&rows, &rows), AnyTensor::into_rank)
}

/// The squared distances of every row to every other row, which gets no gradient: `[N, M]`.
pub(super) fn squares_between(rows: Tensor<2>, others: Tensor<2>) -> Tensor<2> {
    let tracked = AnyTensor::from(&rows);
    let (known, others) = (rows.clone().without_autodiff(), others.without_autodiff());
    let squares = AnyTensor::from(of_differences(&known, &others));
    if !tracked.is_tracked() {
        return tracked.lift(squares).into_rank();
    }
    let against = others.clone();
    let attached = custom_backward(squares, from_ref(&tracked), move |upstream| {
        vec![Some(pulls(&known, &against, upstream.into_rank()).into())]
    });
    attached.map_or_else(|| of_differences(&rows, &others.to_device(&rows.device())), AnyTensor::into_rank)
}

fn of_differences(rows: &Tensor<2>, others: &Tensor<2>) -> Tensor<2> {
    let [count, _] = others.dims();
    let squares = differences(rows, others)
        .map(|(own, difference)| (difference.clone() * difference).sum_dim(2).reshape([own, count]));
    Tensor::cat(squares.collect(), 0)
}

/// The gradient of the rows: every pair contributes to both of its rows.
fn gradient(rows: &Tensor<2>, upstream: Tensor<2>) -> Tensor<2> {
    pulls(rows, rows, upstream.clone() + upstream.transpose())
}

/// Twice the sum of the differences from the others, each times its weight.
fn pulls(rows: &Tensor<2>, others: &Tensor<2>, weights: Tensor<2>) -> Tensor<2> {
    let shape @ [_, size] = rows.dims();
    let mut start = 0;
    let pulls = differences(rows, others).map(|(own, difference)| {
        let weights = weights.clone().narrow(0, start, own).unsqueeze_dim::<3>(2).expand(difference.dims());
        start += own;
        (difference * weights).sum_dim(1).reshape([own, size])
    });
    Tensor::cat(pulls.collect(), 0).reshape(shape) * 2.0
}

/// The differences of some rows at a time from all others: the number of rows, and `[n, M, E]`.
fn differences(rows: &Tensor<2>, others: &Tensor<2>) -> impl Iterator<Item = (usize, Tensor<3>)> {
    let ([count, size], [number, _]) = (rows.dims(), others.dims());
    let most = (TOGETHER / (number * size)).clamp(1, count);
    (0..count).step_by(most).map(move |start| {
        let own = most.min(count - start);
        let shape = [own, number, size];
        let first = rows.clone().narrow(0, start, own).unsqueeze_dim::<3>(1).expand(shape);
        (own, first - others.clone().unsqueeze_dim::<3>(0).expand(shape))
    })
}
