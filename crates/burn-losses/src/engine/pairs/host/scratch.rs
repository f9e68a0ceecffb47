//! Numbers that belong to the pairs of an anchor.

use crate::engine::host::simd::{Lanes, MOST_LANES, load};
use crate::formula::{self, AnchorFormula, Distance, Dual, Real};
use pulp::Simd;

/// The number of statistics that an anchor's value may depend on.
pub(super) const NUMBERS: usize = 2;

type Register<S> = Lanes<S, f64>;

/// Space for the numbers of an anchor's pairs, padded to whole registers.
pub(super) struct Scratch {
    pub(super) scores: Vec<f64>,
    /// The derivatives of the scores with respect to the scaled numbers.
    pub(super) d_score: Vec<f64>,
    /// 1 for the pairs of each set, else 0: the positives, the negatives, and both.
    pub(super) masks: [Vec<f64>; 3],
    pub(super) terms: Vec<f64>,
    pub(super) by_given: Vec<f64>,
    pub(super) slopes: [Vec<f64>; NUMBERS],
    /// Sums over the anchors, for each of the others; empty if the formula is not symmetric.
    pub(super) of_others: [Vec<f64>; 3],
}

impl Scratch {
    pub(super) fn new(columns: usize, is_symmetric: bool) -> Self {
        let numbers = || vec![0.0; columns.next_multiple_of(MOST_LANES)];
        let sums = || vec![0.0; if is_symmetric { columns } else { 0 }];
        Self {
            scores: numbers(),
            d_score: numbers(),
            masks: [numbers(), numbers(), numbers()],
            terms: numbers(),
            by_given: numbers(),
            slopes: [numbers(), numbers()],
            of_others: [sums(), sums(), sums()],
        }
    }

    /// Computes the scores from these numbers, after scaling, and the derivatives of the scores with respect to the scaled
    /// numbers.
    #[inline(always)]
    pub(super) fn fill<S: Simd>(
        &mut self,
        simd: S,
        formula: &impl AnchorFormula,
        numbers: &[f64],
        [factor, term]: [f64; 2],
    ) {
        let score = formula.score();
        let (given, rest) = self.scores.split_at_mut(numbers.len());
        given.copy_from_slice(numbers);
        rest.fill(numbers[0]);
        let mut i = 0;
        while i < self.scores.len() {
            let number = load::<S, f64>(simd, &self.scores[i..]) * factor + term;
            let score = score_of(score, Dual::<_, 1>::variable(number, 0));
            score.value.store(&mut self.scores[i..]);
            score.slope[0].store(&mut self.d_score[i..]);
            i += Register::<S>::COUNT;
        }
    }

    /// Fills the masks of positives and negatives, and returns how many there are of each.
    #[inline(always)]
    pub(super) fn compare(&mut self, label: i64, others: &[i64], itself: Option<usize>) -> [usize; 2] {
        let [positives, negatives, all] = &mut self.masks;
        let (yes, no) = (1.0, 0.0);
        let mut same = 0;
        for (j, other) in others.iter().enumerate() {
            let is_same = *other == label;
            same += usize::from(is_same);
            positives[j] = if is_same { yes } else { no };
            negatives[j] = if is_same { no } else { yes };
            all[j] = yes;
        }
        if let Some(itself) = itself {
            positives[itself] = no;
            all[itself] = no;
        }
        [same - usize::from(itself.is_some()), others.len() - same]
    }

    /// The derivatives of the value: the sum of the slopes of its statistics, each times its factor.
    #[inline(always)]
    pub(super) fn finish(&mut self, factors: [f64; NUMBERS], numbers: &[f64]) -> &[f64] {
        let [first, second] = &self.slopes;
        // An infinite factor contributes only where the slope is not 0.
        let product = |slope: f64, factor: f64| if factor.is_infinite() { slope.weigh(factor) } else { slope * factor };
        for (i, slope) in self.terms.iter_mut().enumerate() {
            *slope = (product(first[i], factors[0]) + product(second[i], factors[1])) * self.d_score[i];
        }
        let [_, by_factor, by_term] = &mut self.of_others;
        for ((sum, slope), number) in by_factor.iter_mut().zip(&self.terms).zip(numbers) {
            *sum += slope * number;
        }
        add(by_term, &self.terms);
        &self.terms
    }
}

/// The score of two rows, computed from the product of their unit vectors or from their squared distance.
#[inline(always)]
fn score_of<R: Real>(score: formula::Score, number: R) -> R {
    match score {
        formula::Score::Precomputed | formula::Score::Cosine => number,
        formula::Score::Distance(Distance::SquaredEuclidean, _) => number,
        formula::Score::Distance(Distance::Euclidean, _) => number.safe_sqrt(),
        formula::Score::Distance(Distance::Cosine, _) => -number + 1.0,
    }
}

#[inline(always)]
pub(super) fn add(sums: &mut [f64], numbers: &[f64]) {
    for (sum, number) in sums.iter_mut().zip(numbers) {
        *sum += number;
    }
}
