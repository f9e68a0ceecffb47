//! A formula of an anchor as data: the statistics of its pairs, and the value that is computed from them.

use crate::formula::record::{Recorder, Recording};
use crate::formula::{Anchor, AnchorFormula, Counts, Dual, Partners, Real, Triplets};

/// The most statistics that an anchor's value may be computed from.
pub(super) const NUMBERS: usize = 2;

/// The kinds of statistics of an anchor's pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// ln of the sum of e^x; the program computes x from a score.
    LogSumExp,
    /// The sum over the pairs; the program computes each term from a score.
    Sum,
    /// The sum over the pairs; the program computes each term from a score and a number that depends on the statistics before.
    SumWith,
    /// The largest score.
    Largest,
    /// The smallest score.
    Smallest,
}

/// A statistic of an anchor.
#[derive(Debug, Clone)]
pub(super) struct Statistic {
    pub(super) kind: Kind,
    pub(super) partners: Partners,
    /// Computes a term and its derivatives from a score and, for [`Kind::SumWith`], a given number. `None` for the extremes.
    pub(super) program: Option<Recording>,
}

/// A recorded formula of an anchor.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub(super) statistics: Vec<Statistic>,
    /// The last program. Its inputs are the statistics, and 1 over the numbers of positives, negatives and pairs. Its outputs are
    /// the value with its derivatives with respect to the statistics, and the given number with its derivatives.
    pub(super) finish: Recording,
    pub(super) counts: Counts,
}

/// An [`AnchorFormula`], recorded if that is possible.
pub(in crate::engine) trait Record {
    /// The recorded formula; `None` if it needs more than sums and extremes of its pairs.
    fn recorded(&self) -> Option<Recorded>;
}

impl<F: AnchorFormula> Record for F {
    fn recorded(&self) -> Option<Recorded> {
        let (mut statistics, mut is_whole) = (Vec::new(), true);
        let finish = Recording::of_slice(NUMBERS + 3, |inputs| {
            let given = Dual::constant(inputs[0].lit(0.0));
            let mut row = Row { formula: self, inputs, statistics: Vec::new(), given, is_whole: true };
            let value = self.eval(&mut row);
            let given = row.given;
            (statistics, is_whole) = (row.statistics, row.is_whole);
            [value, given].into_iter().flat_map(|number| core::iter::once(number.value).chain(number.slope)).collect()
        });
        let is_given_later = |(place, statistic): (usize, &Statistic)| statistic.kind == Kind::SumWith && place == 0;
        if !is_whole
            || statistics.is_empty()
            || statistics.len() > NUMBERS
            || statistics.iter().enumerate().any(is_given_later)
        {
            return None;
        }
        Some(Recorded { statistics, finish, counts: self.counts() })
    }
}

type Number = Dual<Recorder, NUMBERS>;

/// An anchor whose formula is being recorded.
struct Row<'a, F> {
    formula: &'a F,
    inputs: &'a [Recorder],
    statistics: Vec<Statistic>,
    given: Number,
    /// Whether it was possible to record everything so far.
    is_whole: bool,
}

impl<F: AnchorFormula> Row<'_, F> {
    fn number(&mut self, kind: Kind, partners: Partners, program: Option<Recording>) -> Number {
        let place = self.statistics.len();
        self.statistics.push(Statistic { kind, partners, program });
        if place < NUMBERS { Dual::variable(self.inputs[place], place) } else { Dual::constant(self.inputs[0]) }
    }

    fn of_score(&self, term: impl Fn(&F, Dual<Recorder, 1>) -> Dual<Recorder, 1>) -> Option<Recording> {
        Some(Recording::new(|[score]| {
            let y = term(self.formula, Dual::variable(score, 0));
            [y.value, y.slope[0]]
        }))
    }
}

impl<F: AnchorFormula> Anchor for Row<'_, F> {
    type Number = Number;

    fn log_sum_exp(&mut self, partners: Partners) -> Number {
        let program = self.of_score(|formula, score| formula.exponent(partners, score));
        self.number(Kind::LogSumExp, partners, program)
    }
    fn sum(&mut self, partners: Partners) -> Number {
        let program = self.of_score(|formula, score| formula.term(partners, score));
        self.number(Kind::Sum, partners, program)
    }
    fn mean(&mut self, partners: Partners) -> Number {
        let over_count = self.inputs[NUMBERS + partners as usize];
        self.sum(partners) * Dual::constant(over_count)
    }
    fn sum_with(&mut self, partners: Partners, given: Number) -> Number {
        self.given = given;
        let program = Recording::new(|[score, given]| {
            let (score, given) = (Dual::<_, 2>::variable(score, 0), Dual::variable(given, 1));
            let y = self.formula.term_with(partners, score, given);
            [y.value, y.slope[0], y.slope[1]]
        });
        self.number(Kind::SumWith, partners, Some(program))
    }
    fn largest(&mut self, partners: Partners) -> Number {
        self.number(Kind::Largest, partners, None)
    }
    fn smallest(&mut self, partners: Partners) -> Number {
        self.number(Kind::Smallest, partners, None)
    }
    fn triplets(&mut self, _: Triplets) -> Number {
        self.is_whole = false;
        Dual::constant(self.inputs[0])
    }
}
