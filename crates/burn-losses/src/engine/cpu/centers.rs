//! Embeddings and the centers of their classes: one pass over memory each.

use super::lanes::{Float, vectorized};
use super::memory::{Memory, Number, of_type, scaled_rows, tensor, unwritten};
use super::unit::{LEAST_ROWS, dot};
use crate::engine::backward::{attach, like};
use burn::tensor::{Int, Tensor};
use core::ops::Mul;
use rayon::prelude::*;

/// Half the squared distance of each row to its center, NaN without one, in the graph of both.
pub(crate) fn half_squares(rows: &Tensor<2>, centers: &Tensor<2>, labels: &Tensor<1, Int>) -> Option<Tensor<1>> {
    if super::is_off() {
        return None;
    }
    of_type!(rows.dtype(), N => half_squares_of::<<N as Number>::Wide>(rows, centers, labels))
}

fn half_squares_of<T: Float + Number<Wide = T> + Mul<Output = T>>(
    rows: &Tensor<2>,
    centers: &Tensor<2>,
    labels: &Tensor<1, Int>,
) -> Option<Tensor<1>> {
    let parents = [rows.clone(), centers.clone()];
    let ([shape @ [count, size], of_centers], needed) = (parents.each_ref().map(Tensor::dims), [rows, centers]);
    let needed = needed.map(Tensor::is_tracked);
    let memory = [Memory::of(rows)?, Memory::of(centers)?];
    let [rows, centers] = [memory[0].numbers::<T>()?, memory[1].numbers::<T>()?];
    let places = places(labels, of_centers[0]);
    let (mut values, mut differences) = (vec![T::from_f64(f64::NAN); count], unwritten::<T>(count * size));
    let all = rows.par_chunks(size).zip(differences.par_chunks_mut(size)).zip(&mut values).zip(&places);
    all.with_min_len(LEAST_ROWS).for_each(|(((row, difference), value), place)| {
        let Some(place) = place else { return difference.fill(T::default()) };
        vectorized(
            #[inline(always)]
            || {
                for (to, (a, b)) in difference.iter_mut().zip(row.iter().zip(&centers[place * size..])) {
                    *to = T::from_f64(a.to_f64() - b.to_f64());
                }
                *value = T::from_f64(0.5 * dot(difference, difference));
            },
        );
    });
    let device = parents[0].clone().without_autodiff().device();
    let values = tensor(values, [count], &device);
    if !needed.contains(&true) {
        return Some(like(&parents[0], values));
    }
    attach(values, &parents, move |upstream: Tensor<1>| {
        let of_rows = scaled_rows(differences, upstream, shape, &device);
        let of_centers = needed[1].then(|| {
            let memory = Memory::of(&of_rows).expect("in memory");
            let slopes = memory.numbers::<T>().expect("of this type");
            let mut gradient = unwritten::<T>(of_centers[0] * size);
            let own = rows_of_centers(&places, of_centers[0]);
            gradient.par_chunks_mut(size).zip(&own).for_each(|(gradient, own)| {
                let sums = sums(slopes, size, own);
                gradient.iter_mut().zip(sums).for_each(|(to, sum)| *to = T::from_f64(-sum));
            });
            tensor(gradient, of_centers, &device)
        });
        vec![needed[0].then_some(of_rows), of_centers]
    })
}

/// The centers, each moved towards the mean of its rows: see [`CenterLoss`](crate::metric::CenterLoss).
pub(crate) fn moved(centers: &Tensor<2>, rows: &Tensor<2>, labels: &Tensor<1, Int>, rate: f64) -> Option<Tensor<2>> {
    if super::is_off() {
        return None;
    }
    of_type!(rows.dtype(), N => moved_of::<<N as Number>::Wide>(centers, rows, labels, rate))
}

fn moved_of<T: Float + Number<Wide = T>>(
    centers: &Tensor<2>,
    rows: &Tensor<2>,
    labels: &Tensor<1, Int>,
    rate: f64,
) -> Option<Tensor<2>> {
    let shape @ [classes, size] = centers.dims();
    let memory = [Memory::of(rows)?, Memory::of(centers)?];
    let [numbers, old] = [memory[0].numbers::<T>()?, memory[1].numbers::<T>()?];
    let mut moved = old.to_vec();
    let mut own = rows_of_centers(&places(labels, classes), classes);
    moved.par_chunks_mut(size).zip(&mut own).for_each(|(center, own)| {
        own.retain(|row| is_finite(&numbers[row * size..][..size]));
        if own.is_empty() {
            return;
        }
        let count = own.len() as f64;
        for (center, sum) in center.iter_mut().zip(sums(numbers, size, own)) {
            let old = center.to_f64();
            *center = T::from_f64(old - rate * (count * old - sum) / (count + 1.0));
        }
    });
    Some(like(rows, tensor(moved, shape, &rows.clone().without_autodiff().device())))
}

/// Where a label's center is; a label that is no class has none.
fn places(labels: &Tensor<1, Int>, classes: usize) -> Vec<Option<usize>> {
    let labels = labels.clone().without_autodiff().into_data();
    labels.iter::<i64>().map(|label| usize::try_from(label).ok().filter(|label| *label < classes)).collect()
}

/// The rows of each center, in order.
fn rows_of_centers(places: &[Option<usize>], centers: usize) -> Vec<Vec<usize>> {
    let mut rows = vec![Vec::new(); centers];
    for (row, place) in places.iter().enumerate() {
        if let Some(place) = place {
            rows[*place].push(row);
        }
    }
    rows
}

/// The sums of the columns of some rows.
fn sums<T: Float>(numbers: &[T], size: usize, rows: &[usize]) -> Vec<f64> {
    let mut sums = vec![0.0; size];
    vectorized(
        #[inline(always)]
        || {
            for row in rows {
                sums.iter_mut().zip(&numbers[row * size..]).for_each(|(sum, number)| *sum += number.to_f64());
            }
        },
    );
    sums
}

fn is_finite<T: Float>(numbers: &[T]) -> bool {
    vectorized(
        #[inline(always)]
        // All are looked at: a loop that may end early has no vector instructions.
        || numbers.iter().fold(true, |all, number| all & number.to_f64().is_finite()),
    )
}
