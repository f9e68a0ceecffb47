//! Formulas of a row of scores with their second derivatives.

use crate::formula::near;
use crate::formula::{Anchor, AnchorFormula, Partners, Real, Triplets};

/// An [`AnchorFormula`] of a row of scores, in which the class of the label is the only positive.
pub(super) trait CurvedScores: Send + Sync {
    /// The value, its derivative with respect to score `along[0]`, and the derivative of that with respect to score `along[1]`.
    fn at(&self, scores: &[f64], label: usize, along: [usize; 2]) -> [f64; 3];
}

impl<F: AnchorFormula> CurvedScores for F {
    fn at(&self, scores: &[f64], label: usize, [first, second]: [usize; 2]) -> [f64; 3] {
        let is = |class: usize, other: usize| if class == other { 1.0 } else { 0.0 };
        let number = |(class, score): (usize, &f64)| near::variable(*score, [is(class, first), is(class, second)], 0.0);
        let scores: Vec<near::Curved> = (0..).zip(scores).map(number).collect();
        near::numbers(&self.eval(&mut Row { formula: self, scores: &scores, label }))
    }
}

/// The scores of a row.
struct Row<'a, F> {
    formula: &'a F,
    scores: &'a [near::Curved],
    label: usize,
}

impl<F> Row<'_, F> {
    fn scores(&self, partners: Partners) -> impl Iterator<Item = near::Curved> {
        let is_wanted = move |class: usize| match partners {
            Partners::Positives => class == self.label,
            Partners::Negatives => class != self.label,
            Partners::All => true,
        };
        (0..).zip(self.scores).filter(move |(class, _)| is_wanted(*class)).map(|(_, score)| *score)
    }

    /// The sum of numbers, of which there may be none.
    fn add(&self, numbers: impl Iterator<Item = near::Curved>) -> near::Curved {
        numbers.fold(self.scores[0].lit(0.0), |sum, number| sum + number)
    }

    fn best(&self, partners: Partners, is_better: fn(&near::Curved, &near::Curved) -> bool) -> near::Curved {
        let best = self.scores(partners).reduce(|best, score| if is_better(&score, &best) { score } else { best });
        best.unwrap_or_else(|| self.scores[0].lit(0.0))
    }
}

impl<F: AnchorFormula> Anchor for Row<'_, F> {
    type Number = near::Curved;

    fn log_sum_exp(&mut self, partners: Partners) -> near::Curved {
        let exponent = |score| self.formula.exponent(partners, score);
        let exponents: Vec<_> = self.scores(partners).map(exponent).collect();
        let most = exponents.iter().copied().reduce(Real::maximum).map_or(self.scores[0].lit(0.0), Real::stop);
        self.add(exponents.into_iter().map(|exponent| (exponent - most).exp())).ln() + most
    }
    fn sum(&mut self, partners: Partners) -> near::Curved {
        self.add(self.scores(partners).map(|score| self.formula.term(partners, score)))
    }
    fn mean(&mut self, partners: Partners) -> near::Curved {
        let count = self.scores(partners).count().max(1);
        self.sum(partners) * (1.0 / count as f64)
    }
    fn sum_with(&mut self, partners: Partners, other: near::Curved) -> near::Curved {
        self.add(self.scores(partners).map(|score| self.formula.term_with(partners, score, other)))
    }
    fn largest(&mut self, partners: Partners) -> near::Curved {
        self.best(partners, |score, best| score.gt(best))
    }
    fn smallest(&mut self, partners: Partners) -> near::Curved {
        self.best(partners, |score, best| best.gt(score))
    }
    fn triplets(&mut self, _: Triplets) -> near::Curved {
        unreachable!("one positive and no second embedding make no triplets")
    }
}
