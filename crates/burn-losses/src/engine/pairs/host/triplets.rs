//! Sums over the triplets of an anchor.

use crate::engine::host::simd::{Lanes, MOST_LANES, load, splat};
use crate::formula::{AnchorFormula, Dual, Partners, Real, Triplets};
use pulp::Simd;

type Register<S> = Lanes<S, f64>;

/// An anchor's scores, the masks of its positives and negatives, and the slopes with respect to the scores, which are written.
pub(super) struct Scores<'a> {
    pub(super) scores: &'a [f64],
    pub(super) masks: [&'a [f64]; 2],
    pub(super) slopes: &'a mut [f64],
}

/// The sum of the terms, the number of triplets, and the number of triplets whose term is not 0.
#[derive(Default)]
pub(super) struct Sums {
    pub(super) terms: f64,
    pub(super) chosen: f64,
    pub(super) active: f64,
}

impl Scores<'_> {
    /// Sums over the triplets; the anchor has a positive and a negative.
    #[inline(always)]
    pub(super) fn sum<S: Simd>(mut self, simd: S, formula: &impl AnchorFormula, chosen: Triplets) -> Sums {
        self.slopes.fill(0.0);
        let margin = match chosen {
            Triplets::All => None,
            Triplets::Within(margin) => Some(margin),
            Triplets::Nearest => return self.nearest(formula),
        };
        let mut sums = Sums::default();
        for positive in 0..self.scores.len() {
            if self.masks[0][positive] > 0.5 {
                self.with_negatives(simd, formula, positive, margin, &mut sums);
            }
        }
        sums
    }

    /// The triplets of one positive: those with all negatives, or with the negatives within a margin.
    #[inline(always)]
    fn with_negatives<S: Simd>(
        &mut self,
        simd: S,
        formula: &impl AnchorFormula,
        positive: usize,
        margin: Option<f64>,
        sums: &mut Sums,
    ) {
        let (zero, one) = (splat::<S, f64>(simd, 0.0), splat(simd, 1.0));
        let own = splat::<S, f64>(simd, self.scores[positive]);
        let end = match self.scores[positive] {
            // No negative is farther.
            f64::INFINITY => splat(simd, f64::NEG_INFINITY),
            _ => own + margin.unwrap_or_default(),
        };
        let mut of_lanes = [zero; 4];
        let mut i = 0;
        while i < self.scores.len() {
            let score = load::<S, f64>(simd, &self.scores[i..]);
            let mut chosen = load::<S, f64>(simd, &self.masks[1][i..]);
            if margin.is_some() {
                // Negatives are excluded, not included, by comparisons: a NaN is never excluded, so that it stays visible.
                chosen = Real::select(&score.gt(&end), zero, chosen);
                chosen = Real::select(&is_not_negative(own - score), zero, chosen);
            }
            let is_chosen = chosen.gt_lit(0.5);
            let term = formula.term_with(Partners::Negatives, Dual::<_, 2>::variable(score, 0), Dual::variable(own, 1));
            let term = Real::select(&is_chosen, term, Dual::constant(zero));
            let active = Real::select(&is_not_negative(-term.value), zero, one);
            for (sum, number) in of_lanes.iter_mut().zip([term.value, chosen, active, term.slope[1]]) {
                *sum = *sum + number;
            }
            (load::<S, f64>(simd, &self.slopes[i..]) + term.slope[0]).store(&mut self.slopes[i..]);
            i += Register::<S>::COUNT;
        }
        let [terms, chosen, active, by_positive] = of_lanes.map(
            #[inline(always)]
            |lanes| {
                let mut all = [0.0; MOST_LANES];
                lanes.store(&mut all);
                all.iter().sum::<f64>()
            },
        );
        sums.terms += terms;
        sums.chosen += chosen;
        sums.active += active;
        self.slopes[positive] += by_positive;
    }

    /// One negative for each positive.
    #[inline(always)]
    fn nearest(self, formula: &impl AnchorFormula) -> Sums {
        let Self { scores, masks: [positives, negatives], slopes } = self;
        let places = |mask: &[f64]| (0..scores.len()).filter(|place| mask[*place] > 0.5).collect::<Vec<_>>();
        // At ties the first one counts; a NaN counts as greater than all numbers.
        let mut sorted = places(negatives);
        sorted.sort_by(|a, b| {
            scores[*a].partial_cmp(&scores[*b]).unwrap_or(scores[*a].is_nan().cmp(&scores[*b].is_nan()))
        });
        let greatest = scores[*sorted.last().expect("a negative")];
        let is_below = |place: &usize| scores[*place] < greatest || greatest.is_nan() && !scores[*place].is_nan();
        let farthest = sorted[sorted.partition_point(is_below)];
        let mut sums = Sums::default();
        for positive in places(positives) {
            let above = sorted.partition_point(|place| scores[*place] <= scores[positive]);
            let negative = *sorted.get(above).unwrap_or(&farthest);
            let (score, given) = (Dual::<f64, 2>::variable(scores[negative], 0), Dual::variable(scores[positive], 1));
            let term = formula.term_with(Partners::Negatives, score, given);
            sums.terms += term.value;
            sums.chosen += 1.0;
            sums.active += f64::from(term.value > 0.0 || term.value.is_nan());
            slopes[negative] += term.slope[0];
            slopes[positive] += term.slope[1];
        }
        sums
    }
}

/// Whether a number is 0 or more.
#[inline(always)]
fn is_not_negative<R: Real>(number: R) -> R::Mask {
    const LEAST: f64 = f64::from_bits(1);
    number.gt_lit(-LEAST)
}
