//! The kernel of anchors: statistics of the pairs of each anchor, and a formula of these.

use super::record::Kind;
use super::statistic::{Found, partner, slope_of, statistic};
use crate::engine::cube::emit;
use crate::engine::cube::softmax::{group_sum, is_nan};
use crate::formula::program::Program;
use crate::formula::{Counts, Partners};
use burn_cubecl::cubecl;
use cubecl::prelude::*;

/// How a kernel computes one statistic of an anchor.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Term {
    pub(super) kind: Kind,
    pub(super) partners: Partners,
    pub(super) program: Option<Program>,
}

impl Term {
    fn is_of_given(&self) -> bool {
        self.kind == Kind::SumWith
    }
}

/// Everything that a kernel is compiled for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Structure {
    pub(super) first: Term,
    pub(super) second: Option<Term>,
    pub(super) finish: Program,
    pub(super) counts: Counts,
    /// Whether anchors are compared with each other; no anchor is compared with itself then.
    pub(super) is_same: bool,
    /// The units of a cube: a power of two.
    pub(super) units: usize,
}

/// The numbers that are arguments of a kernel.
#[derive(CubeType, CubeLaunch)]
pub(super) struct Numbers {
    /// The parameters of each program.
    pub(super) of_first: Sequence<InputScalar>,
    pub(super) of_second: Sequence<InputScalar>,
    pub(super) of_finish: Sequence<InputScalar>,
    pub(super) rows: usize,
    pub(super) columns: usize,
}

/// Computes the values of the rows of scores, their normalizers, and the slopes. Each cube works on one row at a time.
#[cube(launch, address_type = "dynamic")]
#[expect(clippy::too_many_arguments)] // a kernel takes its arguments one by one
pub(super) fn anchors<S: Float, L: Int, F: Float>(
    scores: &Tensor<S>,
    labels: &Tensor<L>,
    others: &Tensor<L>,
    values: &mut Tensor<F>,
    normalizers: &mut Tensor<F>,
    mut slopes: ComptimeOption<&mut Tensor<S>>,
    numbers: &Numbers,
    #[comptime] structure: Structure,
    #[define(S, L, F)] _types: [ElemType; 3],
) {
    let (units, is_same, counts) = comptime!((structure.units, structure.is_same, structure.counts));
    let (first, second) = comptime!((structure.first.clone(), structure.second.clone()));
    let (zero, one) = (F::new(0.0_f32), F::new(1.0_f32));
    let (unit, columns) = (UNIT_POS as usize, numbers.columns);
    let mut row = CUBE_POS;
    // All units of a cube work on the same rows, because they wait for each other.
    while row < numbers.rows {
        let mut positives = zero;
        let mut negatives = zero;
        let mut column = unit;
        while column < columns {
            let is_positive = partner::<L>(labels, others, row, column, comptime!(Partners::Positives), is_same);
            let is_negative = partner::<L>(labels, others, row, column, comptime!(Partners::Negatives), is_same);
            positives += select(is_positive, one, zero);
            negatives += select(is_negative, one, zero);
            column += units;
        }
        let positives = group_sum::<F>(positives, units, units);
        let negatives = group_sum::<F>(negatives, units, units);

        let of_first = statistic::<S, L, F>(
            scores,
            labels,
            others,
            row,
            columns,
            count::<F>(positives, negatives, comptime!(first.partners)),
            zero,
            &numbers.of_first,
            comptime!(first.clone()),
            is_same,
            units,
        );
        let mut given = zero;
        let mut by_given = zero;
        if comptime!(second.as_ref().is_some_and(Term::is_of_given)) {
            let program = comptime!(structure.finish.clone());
            let outputs = finish::<F>(of_first.value, zero, positives, negatives, &numbers.of_finish, program);
            given = outputs.index(3).extract(0_usize);
            by_given = outputs.index(4).extract(0_usize);
        }
        let of_second = if comptime!(second.is_some()) {
            let second = comptime!(second.clone().expect("a second number"));
            statistic::<S, L, F>(
                scores,
                labels,
                others,
                row,
                columns,
                count::<F>(positives, negatives, comptime!(second.partners)),
                given,
                &numbers.of_second,
                second,
                is_same,
                units,
            )
        } else {
            Found::<F> { value: zero, through: zero, most: zero, sum: one, place: columns }
        };
        let program = comptime!(structure.finish.clone());
        let outputs = finish::<F>(of_first.value, of_second.value, positives, negatives, &numbers.of_finish, program);
        let value = outputs.index(0).extract(0_usize);
        let by_second = outputs.index(2).extract(0_usize);
        let through = weigh::<F>(by_second, weigh::<F>(of_second.through, by_given));
        let by_first = outputs.index(1).extract(0_usize) + through;

        let is_complete = positives > zero && negatives > zero;
        let mut normalizer = one;
        let mut is_dropped = false.runtime();
        if comptime!(counts == Counts::Pairs) {
            normalizer = positives + negatives;
        }
        if comptime!(counts == Counts::Positives) {
            normalizer = positives;
        }
        if comptime!(counts == Counts::WithPositive) {
            is_dropped = positives == zero;
        }
        if comptime!(matches!(counts, Counts::WithBoth | Counts::Active)) {
            is_dropped = !is_complete;
        }
        if comptime!(counts == Counts::Active) {
            // A NaN counts, so that it stays visible.
            normalizer = select(value > zero || is_nan::<F>(value), one, zero);
        }
        if unit == 0 {
            values[row] = select(is_dropped, zero, value);
            normalizers[row] = select(is_dropped, zero, normalizer);
        }
        #[comptime]
        if let ComptimeOption::Some(slopes) = &mut slopes {
            let mut column = unit;
            while column < columns {
                let score = F::cast_from(scores[row * scores.stride(0) + column * scores.stride(1)]);
                let is_partner = partner::<L>(labels, others, row, column, comptime!(first.partners), is_same);
                let by_score = slope_of::<F>(
                    score,
                    column,
                    is_partner,
                    &of_first,
                    zero,
                    &numbers.of_first,
                    comptime!(first.clone()),
                );
                let mut slope = weigh::<F>(by_first, by_score);
                if comptime!(second.is_some()) {
                    let second = comptime!(second.clone().expect("a second number"));
                    let is_partner = partner::<L>(labels, others, row, column, comptime!(second.partners), is_same);
                    let by_score =
                        slope_of::<F>(score, column, is_partner, &of_second, given, &numbers.of_second, second);
                    slope += weigh::<F>(by_second, by_score);
                }
                slopes[row * columns + column] = S::cast_from(select(is_dropped, zero, slope));
                column += units;
            }
        }
        row += CUBE_COUNT;
    }
}

/// The number of these partners.
#[cube]
fn count<F: Float>(positives: F, negatives: F, #[comptime] partners: Partners) -> F {
    let mut count = positives + negatives;
    if comptime!(partners == Partners::Positives) {
        count = positives;
    }
    if comptime!(partners == Partners::Negatives) {
        count = negatives;
    }
    count
}

/// The value of an anchor, computed from its statistics.
#[cube]
fn finish<F: Float>(
    first: F,
    second: F,
    positives: F,
    negatives: F,
    parameters: &Sequence<InputScalar>,
    #[comptime] program: Program,
) -> Sequence<Vector<F, Const<1>>> {
    let mut inputs = Sequence::<Vector<F, Const<1>>>::new();
    inputs.push(Vector::new(first));
    inputs.push(Vector::new(second));
    inputs.push(Vector::new(over::<F>(positives)));
    inputs.push(Vector::new(over::<F>(negatives)));
    inputs.push(Vector::new(over::<F>(positives + negatives)));
    emit::run::<F, Const<1>>(&inputs, parameters, program)
}

#[cube]
fn over<F: Float>(count: F) -> F {
    let one = F::new(1.0_f32);
    one / select(count > one, count, one)
}

/// A product in which a factor of 0 always gives 0.
#[cube]
fn weigh<F: Float>(a: F, b: F) -> F {
    let zero = F::new(0.0_f32);
    select(a == zero || b == zero, zero, a * b)
}
