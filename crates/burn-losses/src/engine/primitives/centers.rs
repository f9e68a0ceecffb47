//! Embeddings and the centers of their classes.

use crate::engine::any_tensor::AnyTensor;
use crate::engine::machine;
use crate::engine::primitives::gather::select;
use crate::engine::primitives::labels::{is_out_of_range, one_hot, widen_labels};
use burn::tensor::{Int, Tensor};

/// Half the squared distance of each row to its center; NaN for a row without a center.
pub(crate) fn half_squared_distances(rows: Tensor<2>, centers: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
    let parents = [AnyTensor::from(&rows), AnyTensor::from(&centers)];
    let values = machine::run("half_squared_distances", &parents[0], |machine| {
        machine.half_squared_distances(&parents, &labels)
    });
    if let Some(values) = values {
        return values.into_rank();
    }
    let labels = widen_labels(labels);
    let outside = is_out_of_range(&labels, centers.dims()[0]);
    let difference = rows - select(centers, labels.mask_fill(outside.clone(), 0));
    let values = (difference.clone() * difference).sum_dim(1).squeeze_dim::<1>(1) * 0.5;
    values.mask_fill(outside, f64::NAN)
}

/// The centers, each moved toward the mean of its rows: c <- c - rate sum (c - x) / (1 + n). A row that is not finite, or that
/// has no center, moves none.
pub(crate) fn moved(centers: Tensor<2>, rows: Tensor<2>, labels: Tensor<1, Int>, rate: f64) -> Tensor<2> {
    let (any, of_rows) = (AnyTensor::from(&centers), AnyTensor::from(&rows));
    let moved = machine::run("centers_moved", &any, |machine| machine.centers_moved(&any, &of_rows, &labels, rate));
    if let Some(moved) = moved {
        return moved.into_rank();
    }
    let ([classes, size], shape) = (centers.dims(), rows.dims());
    let finite = rows.clone().is_finite().all_dim(1);
    // In the product below a row that is not finite would move all centers.
    let rows = rows.mask_fill(finite.clone().bool_not().expand(shape), 0.0);
    // [C, N]: 1 where a row is of a class.
    let member = one_hot(widen_labels(labels), classes).bool_and(finite.expand([shape[0], classes]));
    let member = member.float().cast(rows.dtype()).transpose();
    let count = member.clone().sum_dim(1);
    let sum = member.matmul(rows);
    let shift = (centers.clone() * count.clone().expand([classes, size]) - sum) / (count + 1.0).expand([classes, size]);
    centers - shift * rate
}

#[cfg(feature = "cpu-engine")]
pub(in crate::engine) mod host {
    use crate::engine::any_tensor::AnyTensor;
    use crate::engine::custom_backward::custom_backward;
    use crate::engine::host::blocks::{par_blocks, par_rows};
    use crate::engine::host::by_place::ByPlace;
    use crate::engine::host::memory::{Memory, in_precision, scaled_rows, stale, tensor};
    use crate::engine::host::simd::{Float, vectorized};
    use crate::engine::host::vectors::{LEAST_ROWS, dot};
    use burn::tensor::{Int, Tensor};

    /// Half the squared distance of each row to its center, in the graph of both; NaN for a row without a center.
    pub(in crate::engine) fn half_squared_distances(
        parents: &[AnyTensor; 2],
        labels: &Tensor<1, Int>,
    ) -> Option<AnyTensor> {
        in_precision!(parents[0].dtype(), T => half_squared_distances_in::<T>(parents, labels))
    }

    fn half_squared_distances_in<T: Float>(parents: &[AnyTensor; 2], labels: &Tensor<1, Int>) -> Option<AnyTensor> {
        let needed = parents.each_ref().map(AnyTensor::is_tracked);
        let [shape, of_centers] = parents.each_ref().map(AnyTensor::shape);
        let (count, size) = (shape[0], shape[1]);
        let memory = [Memory::new(&parents[0])?, Memory::new(&parents[1])?];
        let [rows, centers] = [memory[0].numbers_of::<T>()?, memory[1].numbers_of::<T>()?];
        let places = places(labels, of_centers[0]);
        let (mut values, mut differences) = (vec![T::from_f64(f64::NAN); count], stale::<T>(count * size));
        let outputs = [Some(&mut values[..]), Some(&mut differences[..])];
        par_blocks(count, LEAST_ROWS, outputs, [1, size], &|block, [values, differences]| {
            let (values, differences) = (values.expect("an output"), differences.expect("an output"));
            for (i, (value, difference)) in values.iter_mut().zip(differences.chunks_mut(size)).enumerate() {
                let row = block * LEAST_ROWS + i;
                let Some(place) = places[row] else {
                    difference.fill(T::default());
                    continue;
                };
                vectorized(
                    #[inline(always)]
                    || {
                        let both = rows[row * size..].iter().zip(&centers[place * size..]);
                        for (to, (a, b)) in difference.iter_mut().zip(both) {
                            *to = T::from_f64(a.to_f64() - b.to_f64());
                        }
                        *value = T::from_f64(0.5 * dot(difference, difference));
                    },
                );
            }
            0.0
        });
        let device = parents[0].inner_device();
        let values = tensor(values, &[count], &device);
        custom_backward(values, parents, move |upstream| {
            let of_rows = scaled_rows(differences, &upstream, &shape, &device);
            let of_centers = needed[1].then(|| {
                let memory = Memory::new(&of_rows).expect("in memory");
                let slopes = memory.numbers_of::<T>().expect("of this type");
                let mut gradient = stale::<T>(of_centers[0] * size);
                let own = rows_of_centers(&places, of_centers[0]);
                par_rows(&mut gradient, size, 1, &|center, gradient| {
                    let sums = sums(slopes, size, own.at(center));
                    gradient.iter_mut().zip(sums).for_each(|(to, sum)| *to = T::from_f64(-sum));
                });
                tensor(gradient, &of_centers, &device)
            });
            vec![needed[0].then_some(of_rows), of_centers]
        })
    }

    /// The centers, each moved toward the mean of its rows.
    pub(in crate::engine) fn moved(
        centers: &AnyTensor,
        rows: &AnyTensor,
        labels: &Tensor<1, Int>,
        rate: f64,
    ) -> Option<AnyTensor> {
        in_precision!(rows.dtype(), T => moved_in::<T>(centers, rows, labels, rate))
    }

    fn moved_in<T: Float>(
        centers: &AnyTensor,
        rows: &AnyTensor,
        labels: &Tensor<1, Int>,
        rate: f64,
    ) -> Option<AnyTensor> {
        let shape = centers.shape();
        let (classes, size) = (shape[0], shape[1]);
        let memory = [Memory::new(rows)?, Memory::new(centers)?];
        let [numbers, old] = [memory[0].numbers_of::<T>()?, memory[1].numbers_of::<T>()?];
        let mut moved = old.to_vec();
        let all = rows_of_centers(&places(labels, classes), classes);
        par_rows(&mut moved, size, 1, &|number, center| {
            let mut own = all.at(number).to_vec();
            own.retain(|row| is_finite(&numbers[row * size..][..size]));
            if own.is_empty() {
                return;
            }
            let count = own.len() as f64;
            for (center, sum) in center.iter_mut().zip(sums(numbers, size, &own)) {
                let old = center.to_f64();
                *center = T::from_f64(old - rate * (count * old - sum) / (count + 1.0));
            }
        });
        Some(rows.lift(tensor(moved, &shape, &rows.inner_device())))
    }

    /// The place of each label's center; a label that is out of range has none.
    fn places(labels: &Tensor<1, Int>, classes: usize) -> Vec<Option<usize>> {
        let labels = labels.clone().without_autodiff().into_data();
        labels.iter::<i64>().map(|label| usize::try_from(label).ok().filter(|label| *label < classes)).collect()
    }

    /// The rows of each center, in order; the rows without a center come last.
    fn rows_of_centers(places: &[Option<usize>], centers: usize) -> ByPlace {
        ByPlace::from_places(places.iter().map(|place| place.unwrap_or(centers)), centers + 1)
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
            // All numbers are read: a loop that may end early has no vector instructions.
            || numbers.iter().fold(true, |all, number| all & number.to_f64().is_finite()),
        )
    }
}
