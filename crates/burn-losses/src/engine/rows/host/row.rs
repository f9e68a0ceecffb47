//! One row: its value, and its slopes with respect to the logits.

use super::{LEAST_PROBABILITY, MINUS_INFINITY, Margin, RowKernel, pointwise};
use crate::engine::host::simd::{Float, MOST_LANES, Sum, each, exponentials, largest, scale, splat, zip};
use crate::formula::{Dual, Real};
use pulp::Simd;

/// A class that has a share of a row's target.
#[derive(Clone, Copy)]
pub(super) struct Shared {
    pub(super) class: usize,
    pub(super) share: f64,
    /// The factor of the formula of this class.
    pub(super) part: f64,
}

/// Numbers of a row, one per class.
#[derive(Default)]
pub(super) struct Scratch<T> {
    pub(super) shares: Vec<T>,
    /// The factor of the formula of each class; empty if all factors are 1.
    parts: Vec<T>,
    log_p: Vec<T>,
    powers: Vec<T>,
}

/// Writes a softened distribution: its logarithms as shares, with minus infinity for a probability of 0, and its probabilities as
/// parts.
#[inline(always)]
pub(super) fn log_softened<S: Simd, T: Float>(
    simd: S,
    numbers: &[T],
    sharpness: f64,
    is_logarithm: bool,
    scratch: &mut Scratch<T>,
) {
    let Scratch { shares, parts, .. } = scratch;
    parts.clear();
    parts.resize(numbers.len(), T::default());
    each(
        simd,
        numbers,
        shares,
        #[inline(always)]
        |t| {
            let is_there = t.gt_lit(if is_logarithm { MINUS_INFINITY } else { LEAST_PROBABILITY });
            let log_t = if is_logarithm { t } else { Real::select(&is_there, t, t.lit(1.0)).ln() };
            Real::select(&is_there, log_t * sharpness, t.lit(MINUS_INFINITY))
        },
    );
    let most = largest(simd, shares, T::from_f64(MINUS_INFINITY));
    if most.to_f64() <= 0.5 * MINUS_INFINITY {
        return;
    }
    exponentials(simd, Some(shares), most, parts);
    let mut sum = Sum::default();
    sum.add(parts, None);
    let (of, total) = (splat::<S, T>(simd, most), sum.total());
    let log_total = total.ln();
    zip(
        simd,
        parts,
        shares,
        #[inline(always)]
        |_, share| share - of - log_total,
    );
    scale(simd, parts, 1.0 / total, 0.0);
}

/// One row, and the places of its results.
pub(super) struct OneRow<'a, T> {
    pub(super) logits: Option<&'a [T]>,
    pub(super) slopes: Option<&'a mut [T]>,
    /// What is added to the logit of the label after its margin.
    pub(super) offset_of_own: f64,
    pub(super) length: f64,
    /// The factor of the slopes.
    pub(super) factor: f64,
    pub(super) by_length: Option<&'a mut T>,
    pub(super) kernel: &'a RowKernel,
    /// The number of the row in its batch, and the margin.
    pub(super) margin: Option<(usize, &'a Margin<'a>)>,
}

impl<T: Float> OneRow<'_, T>
where
    dyn pointwise::Kernels: pointwise::Kernel<T>,
{
    /// The logit of the label with its margin, and its derivatives with respect to the logit and the length.
    #[inline(always)]
    fn with_margin(&self, logit: f64) -> (f64, [f64; 2]) {
        self.margin.map_or((logit, [1.0, 0.0]), |(row, margin)| {
            let logit = margin(row, logit, self.length);
            (logit.value + self.offset_of_own, logit.slope)
        })
    }

    /// The value of a row in which few classes have a share of the target: the first of these may have a margin.
    #[inline(always)]
    pub(super) fn sparse<S: Simd, const N: usize>(mut self, simd: S, shared: [Shared; N]) -> f64 {
        let logits =
            self.logits.or(self.slopes.as_deref()).expect("logits are given or stand where the slopes are to be");
        let Shared { class: own, share, .. } = shared[0];
        let (target, [d_margin, by_length]) = self.with_margin(logits[own].to_f64());
        // The largest of all logits, in which the label's logit has its margin.
        let most = match self.margin {
            None => largest(simd, logits, logits[own]),
            Some(_) => largest(simd, &logits[..own], largest(simd, &logits[own + 1..], T::from_f64(target))),
        };
        if most.to_f64().is_infinite() {
            let counts = self.counts_of(own);
            return self.infinite(most, &shared, counts);
        }
        let is_most = T::from_f64(target).to_f64() == most.to_f64();
        let others_of_target: [f64; N] = shared.map(|shared| logits[shared.class].to_f64() - most.to_f64());

        // e^(x - largest) for each class, and its sum over the other classes.
        let mut sum = Sum::default();
        match &mut self.slopes {
            Some(slopes) => {
                exponentials(simd, self.logits, most, slopes);
                slopes[own] = T::default();
                sum.add(slopes, None);
            }
            None => {
                let mut scratch = [T::default(); 16 * MOST_LANES];
                let logits = self.logits.expect("logits are given or stand where the slopes are to be");
                for (start, logits) in (0..).step_by(scratch.len()).zip(logits.chunks(scratch.len())) {
                    let powers = &mut scratch[..logits.len()];
                    exponentials(simd, Some(logits), most, powers);
                    if let Some(power) = own.checked_sub(start).and_then(|own| powers.get_mut(own)) {
                        *power = T::default();
                    }
                    sum.add(powers, None);
                }
            }
        }
        let (others, mut target) = (sum.total(), target - most.to_f64());
        // A logit with a margin has double precision. If it is the largest one and is huge, rounding moves it so far from itself that
        // its exponential would vanish or overflow.
        if is_most {
            target = target.clamp(-0.5, 0.5);
        }
        let power = target.exp();
        let total = others + power;
        // If the target's probability is close to 1, this form keeps the digits of the value.
        let is_certain = target > -1.0;
        let log_p = if is_certain { -(others / power).ln_1p() } else { target - total.ln() };
        let log_total = if is_certain { target - log_p } else { total.ln() };

        let of_own = self.kernel.host.eval(log_p, share);
        let mut of_others = Dual { value: 0.0, slope: [0.0] };
        let mut slopes_of_others = [0.0; N];
        for (number, shared) in shared.iter().enumerate().skip(1) {
            let of_class = self.kernel.host.eval(others_of_target[number] - log_total, shared.share);
            slopes_of_others[number] = of_class.slope[0];
            of_others = of_others + of_class;
        }
        let mut value = of_own.value + of_others.value;
        // The derivative with respect to ln(sum e^x), without the part from the class' own log-probability.
        let mut by_total = -of_others.slope[0];
        if let Some(penalty) = self.kernel.host.penalty(log_total + most.to_f64()) {
            let counts = self.counts_of(own);
            value += counts * penalty.value;
            by_total += counts * penalty.slope[0];
        }
        if let Some(slopes) = &mut self.slopes {
            let of_own = of_own.slope[0];
            scale(simd, slopes, (by_total - of_own) * self.factor / total, 0.0);
            let through_total = if by_total == 0.0 { 0.0 } else { by_total * power / total };
            let by_logit = (if of_own == 0.0 { 0.0 } else { of_own * (others / total) } + through_total) * self.factor;
            slopes[own] = T::from_f64(by_logit * d_margin);
            for (number, shared) in shared.iter().enumerate().skip(1) {
                let slope = slopes[shared.class].to_f64() + slopes_of_others[number] * self.factor;
                slopes[shared.class] = T::from_f64(slope);
            }
            if let Some(to) = self.by_length {
                *to = T::from_f64(by_logit * by_length);
            }
        }
        value
    }

    /// How much a row with this label counts.
    fn counts_of(&self, class: usize) -> f64 {
        let factors = self.kernel.host.class_factors().filter(|_| self.kernel.host.factors_count());
        factors.map_or(1.0, |factors| factors[class])
    }

    /// The value of a row whose largest logit is infinite: the classes with such a logit share all of the probability.
    #[cold]
    #[inline(never)]
    fn infinite(mut self, most: T, shared: &[Shared], counts: f64) -> f64 {
        let logits =
            self.logits.or(self.slopes.as_deref()).expect("logits are given or stand where the slopes are to be");
        if logits.iter().any(|logit| logit.to_f64().is_nan()) {
            let nan = T::from_f64(f64::NAN);
            self.slopes.into_iter().for_each(|slopes| slopes.fill(nan));
            self.by_length.into_iter().for_each(|slope| *slope = nan);
            return f64::NAN;
        }
        let is_most: Vec<bool> = logits.iter().map(|logit| logit.to_f64() == most.to_f64()).collect();
        let number = is_most.iter().filter(|is_most| **is_most).count() as f64;
        let (mut value, mut slopes) = (0.0, vec![0.0; logits.len()]);
        for Shared { class, share, part } in shared {
            let log_p = if is_most[*class] { -number.ln() } else { f64::NEG_INFINITY };
            let of_class = self.kernel.host.eval(log_p, *share);
            value += part.weigh(of_class.value);
            slopes[*class] += part.weigh(of_class.slope[0]);
        }
        let mut by_total = -slopes.iter().sum::<f64>();
        if let Some(penalty) = self.kernel.host.penalty(most.to_f64()) {
            value += counts * penalty.value;
            by_total += counts * penalty.slope[0];
        }
        if let Some(results) = &mut self.slopes {
            for ((to, slope), is_most) in results.iter_mut().zip(slopes).zip(is_most) {
                let through_total = if is_most { by_total / number } else { 0.0 };
                *to = T::from_f64((slope + through_total) * self.factor);
            }
        }
        if let Some(to) = self.by_length {
            *to = T::default();
        }
        value
    }

    /// The value of a row in which every class may have a share; the shares are in `scratch`. `counts` is the normalizer of the
    /// row.
    #[inline(always)]
    pub(super) fn dense<S: Simd>(
        mut self,
        simd: S,
        label: Option<usize>,
        (sharpness, counts): (f64, f64),
        scratch: &mut Scratch<T>,
    ) -> f64 {
        let logits =
            self.logits.or(self.slopes.as_deref()).expect("logits are given or stand where the slopes are to be");
        let Scratch { shares, parts, log_p, powers } = scratch;
        let parts = (!parts.is_empty()).then_some(&parts[..]);
        for buffer in [&mut *log_p, &mut *powers] {
            buffer.resize(logits.len(), T::default());
        }
        each(
            simd,
            logits,
            log_p,
            #[inline(always)]
            |logit| logit * sharpness,
        );
        let mut of_margin = [1.0, 0.0];
        if let Some(label) = label {
            let (target, slope) = self.with_margin(log_p[label].to_f64());
            log_p[label] = T::from_f64(target);
            of_margin = slope;
        }
        let most = largest(simd, log_p, T::from_f64(f64::NEG_INFINITY));
        if most.to_f64().is_infinite() {
            let part = |class: usize| parts.map_or(1.0, |parts| parts[class].to_f64());
            let shared = |(class, share): (usize, &T)| Shared { class, share: share.to_f64(), part: part(class) };
            let shared: Vec<Shared> = (0..).zip(shares.iter()).map(shared).collect();
            self.factor *= sharpness;
            return self.infinite(most, &shared, counts);
        }
        exponentials(simd, Some(log_p), most, powers);
        let mut sum = Sum::default();
        sum.add(powers, None);
        let (of, total) = (splat::<S, T>(simd, most), sum.total());
        let log_total = total.ln();
        zip(
            simd,
            powers,
            log_p,
            #[inline(always)]
            |_, logit| logit - of - log_total,
        );
        // From here on the logits are not read again: they may be stored in the place of the slopes.
        let (first, targets, slopes) = (&log_p[..], &shares[..], self.slopes.as_deref_mut());
        let task = pointwise::Task { first, targets, weights: parts, factor: 1.0, values: None, slopes };
        let mut value = self.kernel.classes.host.run(task);
        let penalty = self.kernel.host.penalty(log_total + most.to_f64());
        if let Some(penalty) = &penalty {
            value += counts * penalty.value;
        }
        if let Some(slopes) = self.slopes {
            let mut sum = Sum::default();
            sum.add(slopes, None);
            let by_total = penalty.map_or(0.0, |penalty| counts * penalty.slope[0]) - sum.total();
            let (factor, through_total) = (self.factor * sharpness, by_total / total);
            zip(
                simd,
                powers,
                slopes,
                #[inline(always)]
                |power, slope| (power * through_total + slope) * factor,
            );
            if let Some(label) = label {
                let by_logit = slopes[label].to_f64();
                slopes[label] = T::from_f64(by_logit * of_margin[0]);
                if let Some(to) = self.by_length {
                    *to = T::from_f64(by_logit * of_margin[1]);
                }
            }
        }
        value
    }
}
