//! Products of rows with chosen rows of a weight. The kernel does not copy the rows that are chosen for a single row.

use crate::engine::any_tensor::AnyTensor;
use crate::engine::machine::{self, Machine};
use burn::tensor::{Int, Tensor};

/// The products of each of the rows `[N, E]` with the K rows of a weight at its `own` places, then with the rows at the S places
/// that all rows share: `[N, K + S]`. All places must be in range.
pub(crate) fn gathered_matmul(
    rows: Tensor<2>,
    weight: Tensor<2>,
    own: Tensor<2, Int>,
    shared: Option<Tensor<1, Int>>,
) -> Tensor<2> {
    let parents = [AnyTensor::from(&rows), AnyTensor::from(&weight)];
    let run = |machine: &dyn Machine| machine.gathered_matmul(&parents, &own, shared.as_ref());
    if let Some(products) = machine::run("gathered_matmul", &parents[0], run) {
        return products.into_rank();
    }
    let ([count, size], [_, each]) = (rows.dims(), own.dims());
    let own = own.reshape([count * each]);
    // All places are selected in one call: the gradient of each selection is as large as the weight.
    let places = shared.map_or(own.clone(), |shared| Tensor::cat(vec![own, shared], 0));
    let chosen = weight.select(0, places);
    let of_own = chosen.clone().narrow(0, 0, count * each).reshape([count, each, size]);
    let copies = rows.clone().unsqueeze_dim::<3>(1).expand([count, each, size]);
    let own = (copies * of_own).sum_dim(2).squeeze_dim::<2>(2);
    match chosen.dims()[0] - count * each {
        0 => own,
        drawn => Tensor::cat(vec![own, rows.matmul(chosen.narrow(0, count * each, drawn).transpose())], 1),
    }
}

#[cfg(feature = "cpu-engine")]
pub(in crate::engine) mod host {
    use crate::engine::any_tensor::AnyTensor;
    use crate::engine::custom_backward::custom_backward;
    use crate::engine::host::blocks::{par_rows, part};
    use crate::engine::host::by_place::ByPlace;
    use crate::engine::host::memory::{Memory, Pooled, in_precision, tensor, zeros};
    use crate::engine::host::simd::{Float, Lanes, MOST_LANES, load, rest, store_rest};
    use crate::engine::host::unsafe_calls::{Matrix, product};
    use crate::engine::host::vectors::LEAST_ROWS;
    use crate::formula::Real;
    use burn::tensor::{Int, Tensor};
    use pulp::{Simd, WithSimd};

    /// The products, in the graph of the rows and the weight.
    pub(in crate::engine) fn run(
        parents: &[AnyTensor; 2],
        own: &Tensor<2, Int>,
        shared: Option<&Tensor<1, Int>>,
    ) -> Option<AnyTensor> {
        let [rows, weight] = parents;
        if rows.count() == 0 || weight.dtype() != rows.dtype() {
            return None;
        }
        in_precision!(rows.dtype(), T => run_in::<T>(parents, own, shared))
    }

    fn run_in<T: Float>(
        parents: &[AnyTensor; 2],
        own: &Tensor<2, Int>,
        shared: Option<&Tensor<1, Int>>,
    ) -> Option<AnyTensor> {
        let needed = parents.each_ref().map(AnyTensor::is_tracked);
        let [rows, weight] = parents;
        let (shape, [_, each]) = (rows.shape(), own.dims());
        let (count, size, classes) = (shape[0], shape[1], weight.shape()[0]);
        let (memory, of_weight) = (Memory::new(rows)?, Memory::new(weight)?);
        let (numbers, all) = (memory.numbers_of::<T>()?, of_weight.numbers_of::<T>()?);
        let chosen_rows = ChosenRows { own: read(own), each, shared: shared.map(read).unwrap_or_default(), size };
        let chosen = chosen_rows.chosen(all);
        let columns = chosen_rows.columns();

        let mut values = zeros::<T>(count * columns);
        if !chosen_rows.shared.is_empty() {
            let chosen = Matrix::rows(&chosen, size).transposed();
            product(Matrix::rows(numbers, size), chosen, 1.0, (&mut values, columns), false);
        }
        par_rows(&mut values, columns, LEAST_ROWS, &|number, values| {
            let row = part(numbers, number, 1, size);
            for (value, place) in values.iter_mut().zip(part(&chosen_rows.own, number, 1, each)) {
                *value = T::from_f64(T::dispatch(Dot(row, &all[place * size..][..size])));
            }
        });

        let device = rows.inner_device();
        let values = tensor(values, &[count, columns], &device);
        custom_backward(values, parents, move |upstream| {
            let upstream = Memory::new(&upstream).expect("in memory");
            let slopes = upstream.numbers_of::<T>().expect("of the type of the value");
            let numbers = memory.numbers_of::<T>().expect("of this type");
            let of_rows = needed[0].then(|| {
                let all = of_weight.numbers_of::<T>().expect("of this type");
                tensor(chosen_rows.of_rows(slopes, all, &chosen), &[count, size], &device)
            });
            let of_weight =
                needed[1].then(|| tensor(chosen_rows.of_weight(slopes, numbers, classes), &[classes, size], &device));
            vec![of_rows, of_weight]
        })
    }

    fn read<const D: usize>(places: &Tensor<D, Int>) -> Vec<usize> {
        places.clone().without_autodiff().into_data().iter::<i64>().map(|place| place as usize).collect()
    }

    /// The places of the rows of the weight that are multiplied.
    struct ChosenRows {
        /// The places that belong to single rows, `each` of them per row.
        own: Vec<usize>,
        each: usize,
        shared: Vec<usize>,
        /// The number of entries of a row.
        size: usize,
    }

    impl ChosenRows {
        fn columns(&self) -> usize {
            self.each + self.shared.len()
        }

        /// The shared rows of the weight, after as many rows of zeros as each row has places of its own: one matrix that covers
        /// all columns.
        fn chosen<T: Float>(&self, weight: &[T]) -> Vec<T> {
            if self.shared.is_empty() {
                return Vec::new();
            }
            let mut chosen = vec![T::default(); self.each * self.size];
            self.shared.iter().for_each(|place| chosen.extend_from_slice(&weight[place * self.size..][..self.size]));
            chosen
        }

        /// The gradient of the rows: the sum of the chosen rows of the weight, each times its slope.
        fn of_rows<T: Float>(&self, slopes: &[T], weight: &[T], chosen: &[T]) -> Pooled<T> {
            let (size, columns) = (self.size, self.columns());
            let mut gradient = zeros::<T>(slopes.len() / columns * size);
            if !self.shared.is_empty() {
                product(Matrix::rows(slopes, columns), Matrix::rows(chosen, size), 1.0, (&mut gradient, size), false);
            }
            par_rows(&mut gradient, size, LEAST_ROWS, &|row, gradient| {
                let (slopes, places) = (part(slopes, row, 1, columns), part(&self.own, row, 1, self.each));
                let picked = places.iter().map(|place| &weight[place * size..][..size]);
                T::dispatch(Add { sums: gradient, terms: picked.zip(slopes.iter().copied()) });
            });
            gradient
        }

        /// The gradient of the weight.
        fn of_weight<T: Float>(&self, slopes: &[T], rows: &[T], classes: usize) -> Pooled<T> {
            let (size, columns) = (self.size, self.columns());
            // The gradients of the shared rows come from one product.
            let mut of_chosen = Pooled::from(Vec::new());
            if !self.shared.is_empty() {
                of_chosen = zeros::<T>(columns * size);
                let slopes = Matrix::rows(slopes, columns).transposed();
                product(slopes, Matrix::rows(rows, size), 1.0, (&mut of_chosen, size), false);
            }
            let by_place = ByPlace::from_places(self.own.iter().chain(&self.shared).copied(), classes);
            let mut gradient = zeros::<T>(classes * size);
            par_rows(&mut gradient, size, LEAST_ROWS, &|place, gradient| {
                let terms = by_place.at(place).iter().map(|item| match item.checked_sub(self.own.len()) {
                    None => {
                        let (row, column) = (item / self.each, item % self.each);
                        (&rows[row * size..][..size], slopes[row * columns + column])
                    }
                    Some(shared) => (&of_chosen[(self.each + shared) * size..][..size], T::from_f64(1.0)),
                });
                T::dispatch(Add { sums: gradient, terms });
            });
            gradient
        }
    }

    /// The dot product of two rows.
    struct Dot<'a, T>(&'a [T], &'a [T]);

    impl<T: Float> WithSimd for Dot<'_, T> {
        type Output = f64;

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> f64 {
            // Separate sums do not wait for each other.
            const SUMS: usize = 4;
            let Self(a, b) = self;
            let lanes = Lanes::<S, T>::COUNT;
            let mut sums = [rest::<S, T>(simd, &[T::default()]); SUMS];
            let mut start = 0;
            while start + SUMS * lanes <= a.len() {
                for sum in &mut sums {
                    *sum = load::<S, T>(simd, &a[start..]).mul_add(load::<S, T>(simd, &b[start..]), *sum);
                    start += lanes;
                }
            }
            let mut total = 0.0;
            while start < a.len() {
                total += a[start].to_f64() * b[start].to_f64();
                start += 1;
            }
            let mut scratch = [T::default(); MOST_LANES];
            for sum in sums {
                sum.store(&mut scratch);
                for sum in &scratch[..lanes] {
                    total += sum.to_f64();
                }
            }
            total
        }
    }

    /// Adds rows to sums, each row times its factor.
    struct Add<'a, T, I> {
        sums: &'a mut [T],
        terms: I,
    }

    impl<'a, T: Float, I: Iterator<Item = (&'a [T], T)>> WithSimd for Add<'_, T, I> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Self { sums, terms } = self;
            let lanes = Lanes::<S, T>::COUNT;
            let whole = sums.len() / lanes * lanes;
            for (term, factor) in terms {
                let factor = rest::<S, T>(simd, &[factor]);
                let mut start = 0;
                while start < whole {
                    let sum = load::<S, T>(simd, &term[start..]).mul_add(factor, load::<S, T>(simd, &sums[start..]));
                    sum.store(&mut sums[start..]);
                    start += lanes;
                }
                if whole < sums.len() {
                    let sum = rest::<S, T>(simd, &term[whole..]).mul_add(factor, rest::<S, T>(simd, &sums[whole..]));
                    store_rest(sum, &mut sums[whole..]);
                }
            }
        }
    }
}
