//! Products of rows with rows of a weight that are picked for them: what is picked is never copied.

use super::lanes::{Float, Lanes, MOST_LANES};
use super::memory::{Lent, Memory, Number, of_type, tensor, zeros};
use super::pointwise::{load, rest, store_rest};
use super::raw::{Matrix, product};
use super::unit::LEAST_ROWS;
use crate::engine::backward::{attach, like};
use crate::formula::Real;
use burn::tensor::{Int, Tensor};
use core::ops::Range;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// The products `[N, K + S]` of rows `[N, E]` with the rows of a weight `[C, E]` that stand at `own` places `[N, K]`, then with those that
/// stand at the places `[S]` `shared` by all; in the graph of rows and weight. All places are there.
pub(crate) fn products(
    rows: &Tensor<2>,
    weight: &Tensor<2>,
    own: &Tensor<2, Int>,
    shared: Option<&Tensor<1, Int>>,
) -> Option<Tensor<2>> {
    if super::is_off() || rows.dims().contains(&0) || weight.dtype() != rows.dtype() {
        return None;
    }
    of_type!(rows.dtype(), N => products_of::<<N as Number>::Wide>(rows, weight, own, shared))
}

fn products_of<T: Float + Number<Wide = T>>(
    rows: &Tensor<2>,
    weight: &Tensor<2>,
    own: &Tensor<2, Int>,
    shared: Option<&Tensor<1, Int>>,
) -> Option<Tensor<2>> {
    let parents = [rows.clone(), weight.clone()];
    let needed = parents.each_ref().map(Tensor::is_tracked);
    let ([count, size], [classes, _], [_, each]) = (rows.dims(), weight.dims(), own.dims());
    let (memory, of_weight) = (Memory::of(rows)?, Memory::of(weight)?);
    let (numbers, all) = (memory.numbers::<T>()?, of_weight.numbers::<T>()?);
    let picks = Picks { own: read(own), each, shared: shared.map(read).unwrap_or_default(), size };
    let chosen = picks.chosen(all);
    let columns = picks.columns();

    let mut values = zeros::<T>(count * columns);
    if !picks.shared.is_empty() {
        let chosen = Matrix::rows(&chosen, size).transposed();
        product(Matrix::rows(numbers, size), chosen, 1.0, (&mut values, columns), false);
    }
    let each_row = values.par_chunks_mut(columns).zip(numbers.par_chunks(size)).zip(picks.own.par_chunks(each));
    each_row.with_min_len(LEAST_ROWS).for_each(|((values, row), places)| {
        for (value, place) in values.iter_mut().zip(places) {
            *value = T::from_f64(T::dispatch(Dot(row, &all[place * size..][..size])));
        }
    });

    let device = rows.clone().without_autodiff().device();
    let values = tensor(values, [count, columns], &device);
    if !needed.contains(&true) {
        return Some(like(rows, values));
    }
    attach(values, &parents, move |upstream: Tensor<2>| {
        let upstream = Memory::of(&upstream).expect("in memory");
        let slopes = upstream.numbers::<T>().expect("of the type of the value");
        let numbers = memory.numbers::<T>().expect("of this type");
        let of_rows = needed[0].then(|| {
            let all = of_weight.numbers::<T>().expect("of this type");
            tensor(picks.of_rows(slopes, all, &chosen), [count, size], &device)
        });
        let of_weight = needed[1].then(|| tensor(picks.of_weight(slopes, numbers, classes), [classes, size], &device));
        vec![of_rows, of_weight]
    })
}

fn read<const D: usize>(places: &Tensor<D, Int>) -> Vec<usize> {
    places.clone().without_autodiff().into_data().iter::<i64>().map(|place| place as usize).collect()
}

/// Which rows of the weight are multiplied.
struct Picks {
    /// Those of each row alone, `each` of them.
    own: Vec<usize>,
    each: usize,
    shared: Vec<usize>,
    /// Numbers of a row.
    size: usize,
}

impl Picks {
    fn columns(&self) -> usize {
        self.each + self.shared.len()
    }

    /// The rows that all share, behind as many zeros as each has of its own: one matrix that has all columns.
    fn chosen<T: Float>(&self, weight: &[T]) -> Vec<T> {
        if self.shared.is_empty() {
            return Vec::new();
        }
        let mut chosen = vec![T::default(); self.each * self.size];
        self.shared.iter().for_each(|place| chosen.extend_from_slice(&weight[place * self.size..][..self.size]));
        chosen
    }

    /// The gradient of the rows: the picked rows of the weight, each times its slope.
    fn of_rows<T: Float>(&self, slopes: &[T], weight: &[T], chosen: &[T]) -> Lent<T> {
        let (size, columns) = (self.size, self.columns());
        let mut gradient = zeros::<T>(slopes.len() / columns * size);
        if !self.shared.is_empty() {
            product(Matrix::rows(slopes, columns), Matrix::rows(chosen, size), 1.0, (&mut gradient, size), false);
        }
        let all = gradient.par_chunks_mut(size).zip(slopes.par_chunks(columns)).zip(self.own.par_chunks(self.each));
        all.with_min_len(LEAST_ROWS).for_each(|((gradient, slopes), places)| {
            let picked = places.iter().map(|place| &weight[place * size..][..size]);
            T::dispatch(Add { sums: gradient, terms: picked.zip(slopes.iter().copied()) });
        });
        gradient
    }

    /// The gradient of the weight.
    fn of_weight<T: Float>(&self, slopes: &[T], rows: &[T], classes: usize) -> Lent<T> {
        let (size, columns) = (self.size, self.columns());
        // Of each shared row all at once.
        let mut of_chosen = Lent::from(Vec::new());
        if !self.shared.is_empty() {
            of_chosen = zeros::<T>(columns * size);
            let slopes = Matrix::rows(slopes, columns).transposed();
            product(slopes, Matrix::rows(rows, size), 1.0, (&mut of_chosen, size), false);
        }
        let picks = ByPlace::of(self.own.iter().chain(&self.shared).copied(), classes);
        let mut gradient = zeros::<T>(classes * size);
        gradient.par_chunks_mut(size).enumerate().with_min_len(LEAST_ROWS).for_each(|(place, gradient)| {
            let terms = picks.at(place).iter().map(|pick| match pick.checked_sub(self.own.len()) {
                None => {
                    let (row, column) = (pick / self.each, pick % self.each);
                    (&rows[row * size..][..size], slopes[row * columns + column])
                }
                Some(shared) => (&of_chosen[(self.each + shared) * size..][..size], T::from_f64(1.0)),
            });
            T::dispatch(Add { sums: gradient, terms });
        });
        gradient
    }
}

/// The sum of the products of two rows.
struct Dot<'a, T>(&'a [T], &'a [T]);

impl<T: Float> WithSimd for Dot<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        // Sums that do not wait for each other.
        const SUMS: usize = 4;
        let Self(a, b) = self;
        let lanes = <T::Lanes<S> as Lanes<S, T>>::COUNT;
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
        let mut room = [T::default(); MOST_LANES];
        for sum in sums {
            sum.store(&mut room);
            for sum in &room[..lanes] {
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
        let lanes = <T::Lanes<S> as Lanes<S, T>>::COUNT;
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

/// Picks in the order of their places, and in their own at each: so that a sum of them does not depend on who adds it up.
struct ByPlace {
    /// Where those of each place end.
    ends: Vec<usize>,
    picks: Vec<usize>,
}

impl ByPlace {
    fn of(places: impl Iterator<Item = usize> + Clone, count: usize) -> Self {
        let mut ends = vec![0; count + 1];
        places.clone().for_each(|place| ends[place + 1] += 1);
        for place in 0..count {
            ends[place + 1] += ends[place];
        }
        // What was the end of the place before moves on to the end of its own.
        let mut picks = vec![0; ends[count]];
        for (pick, place) in places.enumerate() {
            picks[ends[place]] = pick;
            ends[place] += 1;
        }
        Self { ends, picks }
    }

    fn at(&self, place: usize) -> &[usize] {
        let range: Range<usize> = place.checked_sub(1).map_or(0, |before| self.ends[before])..self.ends[place];
        &self.picks[range]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picks_are_in_the_order_of_their_places() {
        let picks = ByPlace::of([3, 0, 3, 1, 0].into_iter(), 5);
        let all: Vec<&[usize]> = (0..5).map(|place| picks.at(place)).collect();
        assert_eq!(all, [&[1, 4][..], &[3], &[], &[0, 2], &[]]);
    }
}
