//! Rows of logits and a distribution for each -> cross-entropy.

use super::lanes::{Float, Lanes, MOST_LANES};
use super::memory::{Memory, Number, of_type, scaled_rows, tensor, unwritten};
use super::pointwise::{Sum, load, rest, store_rest};
use super::rows::largest;
use super::{PIECE, in_pieces, part};
use crate::engine::anchors::LEAST;
use crate::engine::backward::{attach, like};
use crate::engine::distributions::LEAST as LEAST_PROBABILITY;
use crate::engine::soft::Target;
use crate::formula::Real;
use burn::tensor::Tensor;
use pulp::{Simd, WithSimd};

/// The values `[M]` of `[M, C]` logits, in their graph. `None` where there is no kernel for these tensors.
pub(crate) fn values(target: Target, logits: &Tensor<2>, targets: &Tensor<2>) -> Option<Tensor<1>> {
    if super::is_off() || targets.is_tracked() || logits.dims().contains(&0) {
        return None;
    }
    of_type!(logits.dtype(), N => values_of::<N>(target, logits, targets))
}

fn values_of<N: Number>(target: Target, logits: &Tensor<2>, targets: &Tensor<2>) -> Option<Tensor<1>> {
    let ([count, classes], device) = (logits.dims(), logits.clone().without_autodiff().device());
    let (memory, target_memory) = (Memory::of(logits)?, Memory::of(targets)?);
    let (numbers, target_numbers) = (memory.numbers::<N>()?, target_memory.numbers::<N>()?);
    let width = target_numbers.len() / count;
    let mut values = unwritten::<N::Wide>(count);
    let mut slopes = unwritten::<N::Wide>(if logits.is_tracked() { count * classes } else { 0 });
    let outputs = [Some(&mut values[..]), logits.is_tracked().then_some(&mut slopes[..])];
    let size = (PIECE / classes).max(1);
    in_pieces(count, size, outputs, [1, classes], |piece, [values, slopes]| {
        let (mut room, mut target_room) = (Vec::new(), Vec::new());
        let logits = N::widen(part(numbers, piece, size, classes), &mut room);
        let targets = N::widen(part(target_numbers, piece, size, width), &mut target_room);
        let values = values.expect("an output");
        N::Wide::dispatch(Run { target, classes, width, logits, targets, values, slopes });
        0.0
    });
    let values = tensor(values, [count], &device);
    if !logits.is_tracked() {
        return Some(like(logits, values));
    }
    let dtype = logits.dtype();
    attach(values, core::slice::from_ref(logits), move |upstream: Tensor<1>| {
        vec![Some(scaled_rows(slopes, upstream, [count, classes], &device).cast(dtype))]
    })
}

/// Some rows.
struct Run<'a, T> {
    target: Target,
    classes: usize,
    /// How many numbers the target of a row has.
    width: usize,
    logits: &'a [T],
    targets: &'a [T],
    values: &'a mut [T],
    slopes: Option<&'a mut [T]>,
}

impl<T: Float> WithSimd for Run<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let Self { classes, width, .. } = self;
        let room = || vec![T::from_f64(LEAST); classes.next_multiple_of(MOST_LANES)];
        let (mut exponents, mut powers, mut own_exponents, mut q) = (room(), room(), room(), room());
        for (row, value) in self.values.iter_mut().enumerate() {
            let (logits, target) = (&self.logits[row * classes..][..classes], &self.targets[row * width..][..width]);
            let sharpness = match self.target {
                Target::Softened { sharpness, .. } => sharpness,
                Target::Between => 1.0,
            };
            each(
                simd,
                logits,
                &mut exponents,
                #[inline(always)]
                |x| x * sharpness,
            );
            let total = softmax(simd, &mut exponents, &mut powers);
            let log_total = total.ln();
            let mut slopes = self.slopes.as_mut().map(|slopes| &mut slopes[row * classes..][..classes]);
            match self.target {
                Target::Softened { is_logarithm, .. } => {
                    each(
                        simd,
                        target,
                        &mut own_exponents,
                        #[inline(always)]
                        |t| {
                            let is_there = t.gt_lit(if is_logarithm { LEAST } else { LEAST_PROBABILITY });
                            let log_t = if is_logarithm { t } else { Real::select(&is_there, t, t.lit(1.0)).ln() };
                            Real::select(&is_there, log_t * sharpness, t.lit(LEAST))
                        },
                    );
                    let own_total = softmax(simd, &mut own_exponents, &mut q);
                    // A row without a target counts nothing.
                    let mass = if own_total == 0.0 { 0.0 } else { 1.0 };
                    let share = mass / own_total.max(f64::MIN_POSITIVE);
                    let ahead = log_total - own_total.max(f64::MIN_POSITIVE).ln();
                    let lanes = <T::Lanes<S> as Lanes<S, T>>::COUNT;
                    let mut i = 0;
                    while i < q.len() {
                        let own = load::<S, T>(simd, &q[i..]) * share;
                        let over =
                            load::<S, T>(simd, &own_exponents[i..]) - load::<S, T>(simd, &exponents[i..]) + ahead;
                        if slopes.is_some() {
                            let slope = (load::<S, T>(simd, &powers[i..]) * (mass / total) - own) * sharpness;
                            slope.store(&mut powers[i..]);
                        }
                        (own * over).store(&mut q[i..]);
                        i += lanes;
                    }
                    let mut sum = Sum::default();
                    sum.add(&q[..classes], None);
                    *value = T::from_f64(sum.total());
                }
                Target::Between => {
                    let y = target[0].to_f64();
                    if !(0.0..=(classes - 1) as f64).contains(&y) {
                        *value = T::from_f64(f64::NAN);
                        if let Some(slopes) = slopes {
                            slopes.fill(T::default());
                        }
                        continue;
                    }
                    let below = (y as usize).min(classes - 2);
                    let of_above = y - below as f64;
                    let shares = [(below, 1.0 - of_above), (below + 1, of_above)];
                    let mean: f64 = shares.iter().map(|(class, share)| exponents[*class].to_f64() * share).sum();
                    *value = T::from_f64(log_total - mean);
                    if slopes.is_some() {
                        let lanes = <T::Lanes<S> as Lanes<S, T>>::COUNT;
                        let mut i = 0;
                        while i < powers.len() {
                            (load::<S, T>(simd, &powers[i..]) * (1.0 / total)).store(&mut powers[i..]);
                            i += lanes;
                        }
                        for (class, share) in shares {
                            powers[class] = T::from_f64(powers[class].to_f64() - share);
                        }
                    }
                }
            }
            if let Some(slopes) = &mut slopes {
                slopes.copy_from_slice(&powers[..classes]);
            }
        }
    }
}

/// A function of each number, whose results may be followed by others.
#[inline(always)]
fn each<S: Simd, T: Float>(simd: S, numbers: &[T], results: &mut [T], of: impl Fn(T::Lanes<S>) -> T::Lanes<S>) {
    let lanes = <T::Lanes<S> as Lanes<S, T>>::COUNT;
    let mut i = 0;
    while i + lanes <= numbers.len() {
        of(load::<S, T>(simd, &numbers[i..])).store(&mut results[i..]);
        i += lanes;
    }
    if i < numbers.len() {
        store_rest(of(rest::<S, T>(simd, &numbers[i..])), &mut results[i..numbers.len()]);
    }
}

/// Exponents relative to the largest, and e to the power of each, 0 for those that are as good as minus infinity; the sum of the
/// powers.
#[inline(always)]
fn softmax<S: Simd, T: Float>(simd: S, exponents: &mut [T], powers: &mut [T]) -> f64 {
    let lanes = <T::Lanes<S> as Lanes<S, T>>::COUNT;
    let most = rest::<S, T>(simd, &[largest(simd, exponents, T::from_f64(LEAST))]);
    let zero = rest::<S, T>(simd, &[T::default()]);
    let mut i = 0;
    while i < exponents.len() {
        let exponent = load::<S, T>(simd, &exponents[i..]);
        let is_nothing = (-exponent).gt_lit(LEAST * -0.5);
        let relative = exponent - most;
        relative.store(&mut exponents[i..]);
        Real::select(&is_nothing, zero, relative.exp()).store(&mut powers[i..]);
        i += lanes;
    }
    let mut sum = Sum::default();
    sum.add(powers, None);
    sum.total()
}
