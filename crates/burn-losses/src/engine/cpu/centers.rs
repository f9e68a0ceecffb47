//! Embeddings and the centers of their classes: one pass over memory each.

use super::lanes::Float;
use super::memory::{Memory, Number, of_type, scaled_rows, tensor, zeros};
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
    let (mut values, mut differences) = (vec![T::from_f64(f64::NAN); count], zeros::<T>(count * size));
    let all = rows.par_chunks(size).zip(differences.par_chunks_mut(size)).zip(&mut values).zip(&places);
    all.with_min_len(LEAST_ROWS).for_each(|(((row, difference), value), place)| {
        let Some(place) = place else { return };
        for (to, (a, b)) in difference.iter_mut().zip(row.iter().zip(&centers[place * size..])) {
            *to = T::from_f64(a.to_f64() - b.to_f64());
        }
        *value = T::from_f64(0.5 * dot(difference, difference));
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
            let mut gradient = zeros::<T>(of_centers[0] * size);
            for (slopes, place) in memory.numbers::<T>().expect("of this type").chunks(size).zip(places) {
                let Some(place) = place else { continue };
                for (sum, slope) in gradient[place * size..].iter_mut().zip(slopes) {
                    *sum = T::from_f64(sum.to_f64() - slope.to_f64());
                }
            }
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
    let (mut sums, mut counts) = (vec![0.0; classes * size], vec![0.0; classes]);
    for (row, place) in numbers.chunks(size).zip(places(labels, classes)) {
        let Some(place) = place.filter(|_| row.iter().all(|number| number.to_f64().is_finite())) else { continue };
        counts[place] += 1.0;
        sums[place * size..].iter_mut().zip(row).for_each(|(sum, number)| *sum += number.to_f64());
    }
    let mut moved = old.to_vec();
    for ((centers, sums), count) in moved.chunks_mut(size).zip(sums.chunks(size)).zip(counts) {
        if count > 0.0 {
            for (center, sum) in centers.iter_mut().zip(sums) {
                *center = T::from_f64(center.to_f64() - rate * (count * center.to_f64() - sum) / (count + 1.0));
            }
        }
    }
    Some(like(rows, tensor(moved, shape, &rows.clone().without_autodiff().device())))
}

/// Where a label's center is; a label that is no class has none.
fn places(labels: &Tensor<1, Int>, classes: usize) -> Vec<Option<usize>> {
    let labels = labels.clone().without_autodiff().into_data();
    labels.iter::<i64>().map(|label| usize::try_from(label).ok().filter(|label| *label < classes)).collect()
}
