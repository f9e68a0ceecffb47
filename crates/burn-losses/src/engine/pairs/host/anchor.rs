//! The scores of an anchor -> its value, and the slopes of the value.

use super::scratch::{NUMBERS, Scratch, add};
use super::triplets::{Scores, Sums};
use crate::engine::host::simd::{Float, Lanes, Sum, largest, load, splat};
use crate::engine::host::vectors::dot;
use crate::engine::pairs::anchors::LEAST;
use crate::formula::{self, Anchor, AnchorFormula, Counts, Dual, Partners, Real, Triplets};
use core::ops::Range;
use pulp::{Simd, WithSimd};

type Register<S> = Lanes<S, f64>;
type Score<S> = Dual<Register<S>, 1>;

/// Anchors, and the rows they are compared with.
pub(super) struct Side<'a> {
    /// The labels of the anchors.
    pub(super) labels: &'a [i64],
    /// The labels of the rows that the anchors are compared with.
    pub(super) others: &'a [i64],
    /// Whether anchors and others are the same rows; no row is compared with itself then.
    pub(super) is_same: bool,
    /// Whether a value is the sum of its pairs' terms, and each pair adds the same term to the values of both of its rows.
    pub(super) is_symmetric: bool,
}

/// The number of results of an anchor: its value, its normalizer, and the two derivatives with respect to [`Run::scaling`].
pub(super) const RESULTS: usize = 4;

type Write<'a> = dyn FnMut(usize, [f64; RESULTS], &[f64]) + 'a;

/// Some anchors of a side.
pub(in crate::engine) struct Run<'a> {
    pub(super) side: &'a Side<'a>,
    pub(super) anchors: Range<usize>,
    pub(super) is_tracked: bool,
    /// The products or squared distances that the scores are computed from, one row per anchor.
    pub(super) numbers: &'a [f64],
    /// A factor and a term: each number is multiplied by the factor, and the term is added.
    pub(super) scaling: Option<[f64; 2]>,
    /// Receives the results of each anchor, and the derivatives with respect to its scaled numbers; the slice is empty if all of
    /// these are 0.
    pub(super) write: &'a mut Write<'a>,
}

/// A formula that is compiled for the machine.
pub(in crate::engine) trait Kernel: Send + Sync {
    /// Computes some anchors. With [`Side::is_symmetric`], returns what their pairs add to the value of each of the others, and to
    /// its derivatives with respect to [`Run::scaling`]; otherwise nothing.
    fn run(&self, run: Run<'_>) -> [Vec<f64>; 3];
    fn score(&self) -> formula::Score;
    fn is_symmetric(&self) -> bool;
}

impl<F: AnchorFormula> Kernel for F {
    fn run(&self, run: Run<'_>) -> [Vec<f64>; 3] {
        f64::dispatch(OfFormula { formula: self, run })
    }
    fn score(&self) -> formula::Score {
        self.score()
    }
    fn is_symmetric(&self) -> bool {
        self.is_symmetric()
    }
}

struct OfFormula<'a, 'b, F> {
    formula: &'a F,
    run: Run<'b>,
}

impl<F: AnchorFormula> WithSimd for OfFormula<'_, '_, F> {
    type Output = [Vec<f64>; 3];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let Self { formula, run: Run { side, anchors, is_tracked, numbers, scaling, write } } = self;
        let Side { labels, others, is_same, is_symmetric } = *side;
        let mut scratch = Scratch::new(others.len(), is_symmetric);
        for (anchor, numbers) in anchors.zip(numbers.chunks(others.len())) {
            let counts = scratch.compare(labels[anchor], others, is_same.then_some(anchor));
            scratch.fill(simd, formula, numbers, scaling.unwrap_or([1.0, 0.0]));
            let (factors, triplets) = ([0.0; NUMBERS], Sums::default());
            let mut row = Row { formula, simd, scratch: &mut scratch, counts, is_tracked, factors, triplets, used: 0 };
            let result = formula.eval(&mut row);
            let Row { factors, triplets, .. } = row;
            let [positives, negatives] = counts;
            let is_complete = positives > 0 && negatives > 0;
            let (is_dropped, normalizer) = match formula.counts() {
                Counts::One => (false, 1.0),
                Counts::Pairs => (false, (positives + negatives) as f64),
                Counts::Positives => (false, positives as f64),
                Counts::WithPositive => (positives == 0, 1.0),
                Counts::WithBoth => (!is_complete, 1.0),
                // A NaN counts, so that it stays visible.
                Counts::Active => (!is_complete, f64::from(result.value > 0.0 || result.value.is_nan())),
                Counts::Triplets => (false, triplets.chosen),
                Counts::ActiveTriplets => (false, triplets.active),
            };
            if is_dropped {
                write(anchor, [0.0; RESULTS], &[]);
                continue;
            }
            let slopes = match is_tracked {
                true => scratch.finish(core::array::from_fn(|number| result.slope[number] * factors[number]), numbers),
                false => &[],
            };
            let [by_factor, by_term] = match scaling {
                Some(_) if is_tracked => [dot(&slopes[..numbers.len()], numbers), sum_of(&slopes[..numbers.len()])],
                _ => [0.0; 2],
            };
            write(anchor, [result.value, normalizer, by_factor, by_term], slopes);
        }
        scratch.of_others
    }
}

/// An anchor as the formula sees it.
struct Row<'a, F, S> {
    formula: &'a F,
    simd: S,
    scratch: &'a mut Scratch,
    counts: [usize; 2],
    is_tracked: bool,
    /// The factors by which the slopes of each number still have to be multiplied.
    factors: [f64; NUMBERS],
    triplets: Sums,
    used: usize,
}

impl<F: AnchorFormula, S: Simd> Row<'_, F, S> {
    #[inline(always)]
    fn count(&self, partners: Partners) -> usize {
        match partners {
            Partners::Positives => self.counts[0],
            Partners::Negatives => self.counts[1],
            Partners::All => self.counts[0] + self.counts[1],
        }
    }

    /// A number whose slopes, except for this factor, are in its part of the scratch.
    #[inline(always)]
    fn number(&mut self, value: f64, factor: f64) -> Dual<f64, NUMBERS> {
        let index = self.used;
        self.used += 1;
        self.factors[index] = factor;
        Dual::variable(value, index)
    }

    /// A number without slopes.
    #[inline(always)]
    fn constant(&mut self, value: f64) -> Dual<f64, NUMBERS> {
        self.scratch.slopes[self.used].fill(0.0);
        self.number(value, 0.0)
    }

    /// Writes the terms: a function of each partner's score, and `other` in the other places. The slopes go to the scratch of the
    /// next number.
    #[inline(always)]
    fn map(&mut self, partners: Partners, other: f64, function: impl Fn(Score<S>) -> Score<S>) {
        let simd = self.simd;
        let Scratch { scores, masks, terms, slopes, .. } = &mut *self.scratch;
        let (mask, slopes) = (&masks[partners as usize], &mut slopes[self.used]);
        let other = splat(simd, other);
        let lanes = Register::<S>::COUNT;
        let mut i = 0;
        while i < scores.len() {
            let mut term = Dual::constant(other);
            // Positives are few: registers without any are skipped.
            if is_any(&mask[i..i + lanes]) {
                let mask = load::<S, f64>(simd, &mask[i..]).gt_lit(0.5);
                term = Real::select(&mask, function(Dual::variable(load::<S, f64>(simd, &scores[i..]), 0)), term);
            }
            term.value.store(&mut terms[i..]);
            term.slope[0].store(&mut slopes[i..]);
            i += lanes;
        }
    }

    #[inline(always)]
    fn extreme(&mut self, partners: Partners, sign: f64) -> Dual<f64, NUMBERS> {
        let mask = &self.scratch.masks[partners as usize];
        let mut found = None;
        for (j, &score) in self.scratch.scores.iter().enumerate() {
            // A NaN is always chosen, so that it stays visible.
            if mask[j] > 0.5 && found.is_none_or(|(_, most): (usize, f64)| score * sign > most * sign || score.is_nan())
            {
                found = Some((j, score));
            }
        }
        let index = self.used;
        let number = self.constant(found.map_or(LEAST * sign, |(_, score)| score));
        if let Some((place, _)) = found {
            self.scratch.slopes[index][place] = 1.0;
            self.factors[index] = 1.0;
        }
        number
    }
}

impl<F: AnchorFormula, S: Simd> Anchor for Row<'_, F, S> {
    type Number = Dual<f64, NUMBERS>;

    #[inline(always)]
    fn log_sum_exp(&mut self, partners: Partners) -> Self::Number {
        if self.count(partners) == 0 {
            return self.constant(LEAST);
        }
        let (simd, formula, lanes) = (self.simd, self.formula, Register::<S>::COUNT);
        self.map(
            partners,
            f64::NEG_INFINITY,
            #[inline(always)]
            |score| formula.exponent(partners, score),
        );
        let Scratch { terms, slopes, .. } = &mut *self.scratch;
        let slopes = &mut slopes[self.used];
        let most = largest(simd, terms, f64::MIN);
        let mut i = 0;
        while i < terms.len() {
            if terms[i..i + lanes].iter().all(|term| *term == f64::NEG_INFINITY) {
                terms[i..i + lanes].fill(0.0);
                i += lanes;
                continue;
            }
            let power = (load::<S, f64>(simd, &terms[i..]) - splat(simd, most)).exp();
            power.store(&mut terms[i..]);
            if self.is_tracked {
                (load::<S, f64>(simd, &slopes[i..]) * power).store(&mut slopes[i..]);
            }
            i += lanes;
        }
        let total = sum_of(terms);
        self.number(most + total.ln(), 1.0 / total)
    }

    #[inline(always)]
    fn sum(&mut self, partners: Partners) -> Self::Number {
        if self.count(partners) == 0 {
            return self.constant(0.0);
        }
        let formula = self.formula;
        self.map(
            partners,
            0.0,
            #[inline(always)]
            |score| formula.term(partners, score),
        );
        add(&mut self.scratch.of_others[0], &self.scratch.terms);
        let total = sum_of(&self.scratch.terms);
        self.number(total, 1.0)
    }

    #[inline(always)]
    fn mean(&mut self, partners: Partners) -> Self::Number {
        let count = self.count(partners).max(1) as f64;
        self.sum(partners) * (1.0 / count)
    }

    #[inline(always)]
    fn sum_with(&mut self, partners: Partners, other: Self::Number) -> Self::Number {
        if self.count(partners) == 0 {
            return self.constant(0.0);
        }
        let (simd, lanes) = (self.simd, Register::<S>::COUNT);
        let Scratch { scores, masks, terms, by_given, slopes, .. } = &mut *self.scratch;
        let (mask, slopes) = (&masks[partners as usize], &mut slopes[self.used]);
        let (zero, own) = (splat(simd, 0.0), Dual::<_, 2>::variable(splat(simd, other.value), 1));
        let mut i = 0;
        while i < scores.len() {
            let mut term = Dual::<_, 2>::constant(zero);
            if is_any(&mask[i..i + lanes]) {
                let mask = load::<S, f64>(simd, &mask[i..]).gt_lit(0.5);
                let score = Dual::variable(load::<S, f64>(simd, &scores[i..]), 0);
                term = Real::select(&mask, self.formula.term_with(partners, score, own), term);
            }
            term.value.store(&mut terms[i..]);
            term.slope[0].store(&mut slopes[i..]);
            term.slope[1].store(&mut by_given[i..]);
            i += lanes;
        }
        let (total, through) = (sum_of(terms), sum_of(by_given));
        let mut number = self.number(total, 1.0);
        for (slope, of_other) in number.slope.iter_mut().zip(other.slope) {
            *slope += of_other.weigh(through);
        }
        number
    }

    #[inline(always)]
    fn largest(&mut self, partners: Partners) -> Self::Number {
        self.extreme(partners, 1.0)
    }

    #[inline(always)]
    fn smallest(&mut self, partners: Partners) -> Self::Number {
        self.extreme(partners, -1.0)
    }

    #[inline(always)]
    fn triplets(&mut self, chosen: Triplets) -> Self::Number {
        if self.counts.contains(&0) {
            return self.constant(0.0);
        }
        let Scratch { scores, masks: [positives, negatives, _], slopes, .. } = &mut *self.scratch;
        let scores = Scores { scores, masks: [positives, negatives], slopes: &mut slopes[self.used] };
        self.triplets = scores.sum(self.simd, self.formula, chosen);
        self.number(self.triplets.terms, 1.0)
    }
}

/// Whether the mask is set anywhere; all entries are read, so that vector instructions can be used.
#[inline(always)]
fn is_any(mask: &[f64]) -> bool {
    mask.iter().fold(
        false,
        #[inline(always)]
        |is_any, mask| is_any | (*mask != 0.0),
    )
}

#[inline(always)]
fn sum_of(numbers: &[f64]) -> f64 {
    let mut sum = Sum::default();
    sum.add(numbers, None);
    sum.total()
}
