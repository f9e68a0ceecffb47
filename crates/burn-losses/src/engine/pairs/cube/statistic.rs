//! Statistics of the pairs of an anchor.

use super::kernel::Term;
use super::record::Kind;
use crate::engine::cube::emit;
use crate::engine::cube::softmax::{exp, group_largest, group_sum, is_nan, ln};
use crate::engine::pairs::anchors::LEAST;
use crate::formula::Partners;
use burn_cubecl::cubecl;
use cubecl::prelude::*;

const NOTHING: f32 = LEAST as f32;

/// The search for the largest exponent starts from this number, since a kernel has no infinity.
const LOWEST: f32 = -3.4e38;

/// A statistic of an anchor, and what its slopes are computed from.
#[derive(CubeType)]
pub(super) struct Found<F: Float> {
    pub(super) value: F,
    /// The derivative with respect to the given number.
    pub(super) through: F,
    /// For a softmax: the largest exponent, and the sum of e^(x - largest).
    pub(super) most: F,
    pub(super) sum: F,
    /// For an extreme: the column that has it.
    pub(super) place: usize,
}

/// Whether a row and a column are partners.
#[cube]
pub(super) fn partner<L: Int>(
    labels: &Tensor<L>,
    others: &Tensor<L>,
    row: usize,
    column: usize,
    #[comptime] partners: Partners,
    #[comptime] is_same: bool,
) -> bool {
    let is_alike = labels[row] == others[column];
    let mut is_other = true.runtime();
    if is_same {
        is_other = row != column;
    }
    let mut result = is_other;
    if comptime!(partners == Partners::Positives) {
        result = is_alike && is_other;
    }
    if comptime!(partners == Partners::Negatives) {
        result = !is_alike;
    }
    result
}

/// A statistic of a row that has `count` of these partners.
#[cube]
#[expect(clippy::too_many_arguments)] // a kernel takes its arguments one by one
pub(super) fn statistic<S: Float, L: Int, F: Float>(
    scores: &Tensor<S>,
    labels: &Tensor<L>,
    others: &Tensor<L>,
    row: usize,
    columns: usize,
    count: F,
    given: F,
    parameters: &Sequence<InputScalar>,
    #[comptime] term: Term,
    #[comptime] is_same: bool,
    #[comptime] units: usize,
) -> Found<F> {
    let (zero, one) = (F::new(0.0_f32), F::new(1.0_f32));
    let kind = comptime!(term.kind);
    let start = row * scores.stride(0);
    let mut value = zero;
    let mut through = zero;
    let mut most = F::new(NOTHING);
    if comptime!(kind == Kind::LogSumExp) {
        most = F::new(LOWEST);
    }
    let mut sum = zero;
    let mut place = columns;
    let mut column = UNIT_POS as usize;
    while column < columns {
        let is_partner = partner::<L>(labels, others, row, column, comptime!(term.partners), is_same);
        let score = F::cast_from(scores[start + column * scores.stride(1)]);
        let score = select(is_partner, score, zero);
        if comptime!(matches!(kind, Kind::Largest | Kind::Smallest)) {
            let mut key = score;
            if comptime!(kind == Kind::Smallest) {
                key = -score;
            }
            if is_partner && is_better::<F>(key, column, most, place, columns) {
                most = key;
                place = column;
            }
        } else {
            let outputs = of_score::<F>(score, given, parameters, comptime!(term.clone()));
            let x = outputs.index(0).extract(0_usize);
            if comptime!(kind == Kind::LogSumExp) {
                most = select(is_partner && x > most, x, most);
            } else {
                value += select(is_partner, x, zero);
                if comptime!(kind == Kind::SumWith) {
                    through += select(is_partner, outputs.index(2).extract(0_usize), zero);
                }
            }
        }
        column += units;
    }
    if comptime!(kind == Kind::LogSumExp) {
        most = group_largest::<F>(most, units, units);
        // Exponents relative to the largest one: so the sum loses no digits.
        let mut column = UNIT_POS as usize;
        while column < columns {
            let is_partner = partner::<L>(labels, others, row, column, comptime!(term.partners), is_same);
            let score = F::cast_from(scores[start + column * scores.stride(1)]);
            let score = select(is_partner, score, zero);
            let outputs = of_score::<F>(score, given, parameters, comptime!(term.clone()));
            let power = exp::<F>(outputs.index(0).extract(0_usize) - most);
            sum += select(is_partner, power, zero);
            column += units;
        }
        sum = group_sum::<F>(sum, units, units);
        sum = select(count > zero, sum, one);
        value = select(count > zero, most + ln::<F>(sum), F::new(NOTHING));
    }
    if comptime!(matches!(kind, Kind::Sum | Kind::SumWith)) {
        value = group_sum::<F>(value, units, units);
        if comptime!(kind == Kind::SumWith) {
            through = group_sum::<F>(through, units, units);
        }
    }
    if comptime!(matches!(kind, Kind::Largest | Kind::Smallest)) {
        let mut keys = Shared::<[F]>::new_slice(units);
        let mut places = Shared::<[u32]>::new_slice(units);
        let unit = UNIT_POS as usize;
        keys[unit] = most;
        places[unit] = place as u32;
        sync_cube();
        let mut active = (units / 2).runtime();
        while active > 0 {
            if unit < active {
                let (key, other) = (keys[unit + active], places[unit + active] as usize);
                if other < columns && is_better::<F>(key, other, keys[unit], places[unit] as usize, columns) {
                    keys[unit] = key;
                    places[unit] = other as u32;
                }
            }
            sync_cube();
            active /= 2;
        }
        most = keys[0];
        place = places[0] as usize;
        // No unit may write here again before all have read.
        sync_cube();
        value = most;
        if comptime!(kind == Kind::Smallest) {
            value = -most;
        }
    }
    Found::<F> { value, through, most, sum, place }
}

/// Whether a score ranks before the best so far: it is larger, or equal and in an earlier column. A NaN ranks before all numbers.
#[cube]
fn is_better<F: Float>(key: F, column: usize, most: F, place: usize, columns: usize) -> bool {
    let is_first = column < place;
    let is_larger = key > most || (key == most && is_first);
    let (is_nan, most_is_nan) = (is_nan::<F>(key), is_nan::<F>(most));
    let is_better = (is_nan && (!most_is_nan || is_first)) || (is_larger && !most_is_nan);
    place == columns || is_better
}

/// The derivative of a statistic with respect to a score.
#[cube]
pub(super) fn slope_of<F: Float>(
    score: F,
    column: usize,
    is_partner: bool,
    found: &Found<F>,
    given: F,
    parameters: &Sequence<InputScalar>,
    #[comptime] term: Term,
) -> F {
    let zero = F::new(0.0_f32);
    let kind = comptime!(term.kind);
    let mut slope = select(column == found.place, F::new(1.0_f32), zero);
    if comptime!(!matches!(kind, Kind::Largest | Kind::Smallest)) {
        let outputs = of_score::<F>(select(is_partner, score, zero), given, parameters, comptime!(term.clone()));
        slope = outputs.index(1).extract(0_usize);
        if comptime!(kind == Kind::LogSumExp) {
            slope *= exp::<F>(outputs.index(0).extract(0_usize) - found.most) / found.sum;
        }
    }
    select(is_partner, slope, zero)
}

#[cube]
fn of_score<F: Float>(
    score: F,
    given: F,
    parameters: &Sequence<InputScalar>,
    #[comptime] term: Term,
) -> Sequence<Vector<F, Const<1>>> {
    let mut inputs = Sequence::<Vector<F, Const<1>>>::new();
    inputs.push(Vector::new(score));
    inputs.push(Vector::new(given));
    emit::run::<F, Const<1>>(&inputs, parameters, comptime!(term.program.clone().expect("a program")))
}
