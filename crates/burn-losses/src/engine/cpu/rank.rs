//! Order statistics: which numbers are the largest, and how large.

use super::PIECE;
use super::lanes::Float;
use super::memory::{Lent, tensor, unwritten, with_numbers};
use burn::tensor::{Bool, Int, Tensor, TensorData};
use rayon::prelude::*;

/// The `k` largest of `scores`, at ties those that come first.
pub(crate) fn largest(scores: &Tensor<1>, k: usize) -> Option<Tensor<1, Bool>> {
    let kept = with_numbers!(scores, |numbers| k_largest(numbers, k))?;
    let count = kept.len();
    let device = scores.clone().without_autodiff().device();
    Some(Tensor::from_data(TensorData::new(kept, [count]), &device))
}

fn k_largest<T: Float>(scores: &[T], k: usize) -> Vec<bool> {
    let mut kept = vec![false; scores.len()];
    mark_largest(scores, k, T::to_f64, &mut kept, |_, is_large| is_large);
    kept
}

/// 1 for each of the `k` largest values and for what is not finite, 0 for the others; and how many these are.
pub(crate) fn hardest<const D: usize>(values: &Tensor<D>, k: usize) -> Option<(Tensor<D>, f64)> {
    let (shape, device) = (values.dims(), values.clone().without_autodiff().device());
    with_numbers!(values, |numbers| {
        let kept = hardest_of(numbers, k);
        let count = sum_of(&kept);
        (tensor(kept, shape, &device), count)
    })
}

fn hardest_of<T: Float>(values: &[T], k: usize) -> Lent<T> {
    let mut kept = unwritten(values.len());
    let score = |value: T| if value.to_f64().is_finite() { value.to_f64() } else { 0.0 };
    let mark = |value: T, is_large| T::from_f64(f64::from(is_large || !value.to_f64().is_finite()));
    mark_largest(values, k, score, &mut kept, mark);
    kept
}

fn sum_of<T: Float>(numbers: &[T]) -> f64 {
    numbers.par_chunks(PIECE).map(|numbers| numbers.iter().map(|number| number.to_f64()).sum::<f64>()).sum()
}

/// How many are greater.
pub(crate) fn count_above<const D: usize>(values: &Tensor<D>, threshold: f64) -> Option<usize> {
    fn count<T: Float>(values: &[T], threshold: f64) -> usize {
        let is_above = |value: &&T| value.to_f64() > threshold && value.to_f64().is_finite();
        values.par_chunks(PIECE).map(|values| values.iter().filter(is_above).count()).sum()
    }
    with_numbers!(values, |numbers| count(numbers, threshold))
}

/// Marks the `k` largest scores, at ties those that come first.
fn mark_largest<T: Float, M: Send>(
    numbers: &[T],
    k: usize,
    score: impl Fn(T) -> f64 + Copy + Send + Sync,
    marks: &mut [M],
    mark: impl Fn(T, bool) -> M + Send + Sync,
) {
    let k = k.min(numbers.len());
    if k == 0 {
        marks.iter_mut().zip(numbers).for_each(|(to, number)| *to = mark(*number, false));
        return;
    }
    let (last, tied) = kth_largest(numbers, k, score);
    // How many ties come before each piece.
    let ties = |numbers: &[T]| numbers.iter().filter(|number| score(**number) == last).count();
    let counts: Vec<usize> = numbers.par_chunks(PIECE).map(ties).collect();
    let sum_before = |sum: &mut usize, count| Some(core::mem::replace(sum, *sum + count));
    let first: Vec<usize> = counts.into_iter().scan(0, sum_before).collect();
    marks.par_chunks_mut(PIECE).zip(numbers.par_chunks(PIECE)).zip(first).for_each(|((marks, numbers), first)| {
        let mut number_of_tie = first;
        for (to, number) in marks.iter_mut().zip(numbers) {
            let score = score(*number);
            let is_tie = score == last;
            *to = mark(*number, score > last || is_tie && number_of_tie < tied);
            number_of_tie += usize::from(is_tie);
        }
    });
}

/// The `k`th largest score, digit by digit; and how many of its ties are among the `k` largest.
fn kth_largest<T: Float>(numbers: &[T], k: usize, score: impl Fn(T) -> f64 + Send + Sync) -> (f64, usize) {
    const DIGITS: usize = 1 << 16;
    if numbers.len() <= 4 * DIGITS {
        // Both zeros are one.
        let mut scores: Vec<f64> = numbers.iter().map(|number| score(*number) + 0.0).collect();
        let (above, &mut last, _) = scores.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
        return (last, k - above.iter().filter(|score| score.total_cmp(&last).is_gt()).count());
    }
    // Bits that rise with the number; both zeros have the same.
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
        let pieces = numbers.par_chunks((numbers.len() / 8).max(PIECE));
        let counts = pieces.map(|numbers| count(vec![0; DIGITS], numbers)).reduce(|| vec![0; DIGITS], add);
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

/// The place of the largest number of each row, at ties the first; what is not a number counts as larger than all.
pub(crate) fn argmax(rows: &Tensor<2>) -> Option<Tensor<1, Int>> {
    fn of_row<T: Float>(row: &[T]) -> i64 {
        let (mut place, mut most) = (0, f64::NEG_INFINITY);
        for (i, number) in row.iter().enumerate() {
            let number = number.to_f64();
            if (number > most || number.is_nan()) && !most.is_nan() {
                (place, most) = (i, number);
            }
        }
        place as i64
    }
    let [_, columns] = rows.dims();
    let places: Vec<i64> = with_numbers!(rows, |numbers| numbers.par_chunks(columns).map(of_row).collect())?;
    let count = places.len();
    Some(Tensor::from_data(TensorData::new(places, [count]), &rows.device()))
}

/// The median: the mean of the two middle values where their number is even.
pub(crate) fn median(values: &Tensor<1>) -> Option<Tensor<1>> {
    let device = values.clone().without_autodiff().device();
    with_numbers!(values, |numbers| tensor(vec![median_of(numbers)], [1], &device))
}

fn median_of<T: Float>(values: &[T]) -> T {
    let of_rank = |rank| kth_largest(values, rank, T::to_f64).0;
    let middle = values.len() / 2 + 1;
    T::from_f64(match values.len() % 2 {
        1 => of_rank(middle),
        _ => (of_rank(middle - 1) + of_rank(middle)) * 0.5,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Many ties, both zeros, and few of one size.
    fn numbers(count: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919) % 1009) as f32 * 0.01 - 5.0).map(|x| if x == 0.01 { -0.0 } else { x }).collect()
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
                assert!(k_largest(&numbers, k) == expected, "{k} of {count}");
            }
            let middle = [(count - 1) / 2, count / 2].map(|place| f64::from(numbers[order[place]]));
            assert_eq!(f64::from(median_of(&numbers)), f64::from((0.5 * (middle[0] + middle[1])) as f32), "{count}");
        }
    }

    #[test]
    fn what_is_not_finite_is_kept_beyond_the_count() {
        let values = [1.0, f64::NAN, 3.0, f64::NEG_INFINITY, 2.0, -1.0];
        assert_eq!(hardest_of(&values, 2)[..], [0.0, 1.0, 1.0, 1.0, 1.0, 0.0]);
        assert_eq!(hardest_of(&values, 0)[..], [0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
        assert_eq!(hardest_of(&values, 9)[..], [1.0; 6]);
    }
}
