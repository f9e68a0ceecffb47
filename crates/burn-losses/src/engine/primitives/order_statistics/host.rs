//! Order statistics of numbers in memory, computed from the digits of the numbers.

use crate::engine::any_tensor::AnyTensor;
use crate::engine::host::blocks::{BLOCK, par_map, par_rows, part};
use crate::engine::host::memory::{Memory, Pooled, in_precision, tensor, zeros};
use crate::engine::host::simd::Float;
use burn::tensor::{Int, Tensor, TensorData};
use rayon::prelude::*;

/// The place of the largest number of each row, the first one at ties; a NaN counts as larger than all numbers.
pub(in crate::engine) fn argmax(rows: &AnyTensor) -> Option<Tensor<1, Int>> {
    let (columns, memory) = (rows.shape()[1], Memory::new(rows)?);
    let numbers = memory.numbers()?;
    let places: Vec<i64> = in_precision!(rows.dtype(), T => {
        let mut scratch = Vec::new();
        let numbers = T::read(numbers, 0..numbers.len(), &mut scratch);
        let places = par_map(numbers.len() / columns, (BLOCK / columns).max(1), &|row| {
            place_of_largest(part(numbers, row, 1, columns)) as f64
        });
        Some(places.into_iter().map(|place| place as i64).collect())
    })?;
    let count = places.len();
    Some(Tensor::from_data(TensorData::new(places, [count]), &rows.inner_device()))
}

/// The place of the largest number, as in [`argmax`].
fn place_of_largest<T: Float>(row: &[T]) -> usize {
    // The largest number of each of some columns: so the compiler compares several numbers at once.
    const COLUMNS: usize = 16;
    let (mut most, mut has_nan) = ([T::from_f64(f64::NEG_INFINITY); COLUMNS], [false; COLUMNS]);
    let mut compare = |group: &[T]| {
        for ((most, has_nan), number) in most.iter_mut().zip(&mut has_nan).zip(group) {
            *most = if *number > *most { *number } else { *most };
            *has_nan |= number.to_f64().is_nan();
        }
    };
    let (groups, rest) = row.as_chunks::<COLUMNS>();
    groups.iter().for_each(|group| compare(group));
    compare(rest);
    let largest = most.into_iter().fold(most[0], |a, b| if b > a { b } else { a });
    let place = match has_nan.contains(&true) {
        true => row.iter().position(|number| number.to_f64().is_nan()),
        false => row.iter().position(|number| *number == largest),
    };
    place.expect("a number of the row")
}

/// 1 for each of the `k` largest scores, with the first ones at ties; 0 for the others.
pub(in crate::engine) fn largest(scores: &AnyTensor, k: usize) -> Option<AnyTensor> {
    let (device, memory) = (scores.inner_device(), Memory::new(scores)?);
    in_precision!(scores.dtype(), T => Some(tensor(k_largest(memory.numbers_of::<T>()?, k), &scores.shape(), &device)))
}

/// The median of the values that are not NaN: the mean of the two middle ones if their number is even, 0 if there are none.
pub(in crate::engine) fn median(values: &AnyTensor) -> Option<AnyTensor> {
    let (device, memory) = (values.inner_device(), Memory::new(values)?);
    in_precision!(values.dtype(), T => Some(tensor(vec![median_of(memory.numbers_of::<T>()?)], &[1], &device)))
}

/// 1 for each of the `k` largest numbers, with the first ones at ties; 0 for the others. A NaN ranks like infinity.
fn k_largest<T: Float>(numbers: &[T], k: usize) -> Pooled<T> {
    let mut marks = zeros::<T>(numbers.len());
    if numbers.is_empty() {
        return marks;
    }
    let score = |number: T| Some(number.to_f64()).filter(|number| !number.is_nan()).unwrap_or(f64::INFINITY);
    // Of no numbers at all, these are left.
    let (last, tied) = match k.min(numbers.len()) {
        0 => (f64::INFINITY, 0),
        k => kth_largest(numbers, &score, k),
    };
    // The number of ties before each block.
    let is_tie = |number: &&T| score(**number) == last;
    let ties = |block| part(numbers, block, BLOCK, 1).iter().filter(is_tie).count() as f64;
    let counts = par_map(numbers.len().div_ceil(BLOCK), 1, &ties);
    let sum_before = |sum: &mut usize, count| Some(core::mem::replace(sum, *sum + count as usize));
    let first: Vec<usize> = counts.into_iter().scan(0, sum_before).collect();
    par_rows(&mut marks, BLOCK, 1, &|block, marks| {
        let mut number_of_tie = first[block];
        for (to, number) in marks.iter_mut().zip(part(numbers, block, BLOCK, 1)) {
            let score = score(*number);
            let is_tie = score == last;
            if score > last || is_tie && number_of_tie < tied {
                *to = T::from_f64(1.0);
            }
            number_of_tie += usize::from(is_tie);
        }
    });
    marks
}

/// The `k`th largest score of the numbers, found digit by digit; and how many of its ties are among the `k` largest.
fn kth_largest<T: Float>(numbers: &[T], score: &(impl Fn(T) -> f64 + Sync), k: usize) -> (f64, usize) {
    const DIGITS: usize = 1 << 16;
    if numbers.len() <= 4 * DIGITS {
        // -0 and 0 become the same score.
        let mut scores: Vec<f64> = numbers.iter().map(|number| score(*number) + 0.0).collect();
        let (above, &mut last, _) = scores.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
        return (last, k - above.iter().filter(|score| score.total_cmp(&last).is_gt()).count());
    }
    // The bits of a key rise with the number; -0 and 0 have the same key.
    let key = |number: T| {
        let bits = (score(number) + 0.0).to_bits();
        if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
    };
    let (mut known, mut mask, mut rank) = (0, 0, k);
    for shift in [48, 32, 16, 0] {
        let count = |mut counts: Vec<usize>, numbers: &[T]| {
            for number in numbers {
                let key = key(*number);
                if key & mask == known {
                    counts[(key >> shift) as usize % DIGITS] += 1;
                }
            }
            counts
        };
        let add = |mut a: Vec<usize>, b: Vec<usize>| {
            a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
            a
        };
        let blocks = numbers.par_chunks((numbers.len() / 8).max(BLOCK));
        let counts = blocks.map(|numbers| count(vec![0; DIGITS], numbers)).reduce(|| vec![0; DIGITS], add);
        let digit = (0..DIGITS).rev().find(|digit| {
            let is_here = rank <= counts[*digit];
            if !is_here {
                rank -= counts[*digit];
            }
            is_here
        });
        known |= (digit.expect("no more than there are") as u64) << shift;
        mask |= (DIGITS as u64 - 1) << shift;
    }
    let bits = if known >> 63 == 1 { known & !(1 << 63) } else { !known };
    (f64::from_bits(bits), rank)
}

fn median_of<T: Float>(values: &[T]) -> T {
    let is_number = |number: &&T| !number.to_f64().is_nan();
    let count: usize = values.par_chunks(BLOCK).map(|values| values.iter().filter(is_number).count()).sum();
    // A NaN ranks below all numbers.
    let score = |number: T| Some(number.to_f64()).filter(|number| !number.is_nan()).unwrap_or(f64::NEG_INFINITY);
    let of_rank = |rank| kth_largest(values, &score, rank).0;
    let middle = count / 2 + 1;
    T::from_f64(match (count, count % 2) {
        (0, _) => 0.0,
        (_, 1) => of_rank(middle),
        _ => of_rank(middle - 1) * 0.5 + of_rank(middle) * 0.5,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers with many ties and with both zeros.
    fn numbers(count: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919) % 1009) as f32 * 0.01 - 5.0).map(|x| if x == 0.01 { -0.0 } else { x }).collect()
    }

    #[test]
    fn the_first_of_the_largest_numbers_has_the_place() {
        let (infinite, nan) = (f32::INFINITY, f32::NAN);
        assert_eq!(place_of_largest(&[-infinite; 40]), 0);
        assert_eq!(place_of_largest(&[1.0, nan, infinite, nan]), 1);
        for count in [1, 2, 15, 16, 17, 33, 100] {
            for place in 0..count {
                let mut row: Vec<f32> = (0..count).map(|i| if i > place { 2.0 } else { -(i as f32) }).collect();
                row[place] = 2.0;
                assert_eq!(place_of_largest(&row), place, "of {count}");
            }
        }
    }

    #[test]
    fn the_largest_are_those_that_sorting_finds() {
        for count in [1, 5, 1000, 1 << 18, (1 << 18) + 3] {
            let numbers = numbers(count);
            let mut order: Vec<usize> = (0..count).collect();
            order.sort_by(|a, b| numbers[*b].partial_cmp(&numbers[*a]).expect("no NaN").then(a.cmp(b)));
            for k in [0, 1, count / 3, count / 2, count - 1, count, count + 7] {
                let mut expected = vec![false; count];
                order.iter().take(k).for_each(|place| expected[*place] = true);
                let marked: Vec<bool> = k_largest(&numbers, k).iter().map(|mark| *mark == 1.0).collect();
                assert!(marked == expected, "{k} of {count}");
            }
            let middle = [(count - 1) / 2, count / 2].map(|place| f64::from(numbers[order[place]]));
            assert_eq!(f64::from(median_of(&numbers)), f64::from((0.5 * (middle[0] + middle[1])) as f32), "{count}");
        }
    }
}
