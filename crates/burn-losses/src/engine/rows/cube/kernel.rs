//! The kernel of rows: a softmax, and a formula of each class.

// Kernels do not support chains of `let`.
#![expect(clippy::collapsible_if)]

use super::margin::{logit_of, with_margin};
use super::row_target::{row_target, share};
use crate::engine::cube::emit;
use crate::engine::cube::reduce::cube_sum;
use crate::engine::cube::softmax::{Total, below, exp, group_sum, ln, log1p, merge, merged};
use crate::formula::program::Program;
use burn_cubecl::cubecl;
use cubecl::prelude::*;

/// The kinds of targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// A class for each row, which has all of the target.
    Label,
    /// A class for each row, which has most of the target.
    Smoothed,
    /// A distribution for each row.
    Probabilities,
    /// A distribution for each row, or its logarithm; it still has to be softened.
    Teacher { is_logarithm: bool },
    /// A number for each row, which lies between two classes.
    Bins,
}

/// Everything that a kernel is compiled for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Structure {
    pub(super) kind: Kind,
    /// The program of a class: from the log-probability and the share, the contribution of the class and, if gradients are
    /// wanted, its derivative with respect to the log-probability.
    pub(super) classes: Program,
    /// The program of a row: from ln(sum e^x), the penalty of the row and its derivative.
    pub(super) penalty: Option<Program>,
    /// The program of the margin: from the label's logit, and whatever else the margin depends on, that logit with its margin and
    /// its derivatives.
    pub(super) margin: Option<Program>,
    pub(super) has_ignored: bool,
    /// Whether the normalizer of a row is the factor of its class.
    pub(super) factors_count: bool,
    /// Whether a mean divides by the sum of the weights.
    pub(super) weights_count: bool,
    /// The units of a cube, and how many of them work on one row: powers of two.
    pub(super) units: usize,
    pub(super) per_row: usize,
}

/// The numbers that are arguments of a kernel.
#[derive(CubeType, CubeLaunch)]
pub(super) struct Numbers {
    /// The parameters of each program.
    pub(super) of_classes: Sequence<InputScalar>,
    pub(super) of_penalty: Sequence<InputScalar>,
    pub(super) of_margin: Sequence<InputScalar>,
    /// `keep` and `floor`: a share q becomes `keep q + floor`.
    pub(super) keep: InputScalar,
    pub(super) floor: InputScalar,
    /// The factor of the logits.
    pub(super) sharpness: InputScalar,
    /// The factor of the slopes.
    pub(super) factor: InputScalar,
    /// The label of rows that do not count.
    pub(super) ignored: InputScalar,
    /// The value of a row whose label is out of range.
    pub(super) nan: InputScalar,
    pub(super) rows: usize,
    pub(super) classes: usize,
    pub(super) inner: usize,
    /// The number of rows that each group of units works on, one after the other.
    pub(super) rounds: usize,
    /// How many rows share a weight.
    pub(super) per_weight: usize,
}

/// Computes rows of `[outer, classes, inner]` logits; each group of units works on some of them.
#[cube(launch, address_type = "dynamic")]
#[expect(clippy::too_many_arguments)] // a kernel takes its arguments one by one
pub(super) fn rows<S: Float, L: Int, T: Float, W: Float, F: Float>(
    logits: &Tensor<S>,
    labels: ComptimeOption<&Tensor<L>>,
    targets: ComptimeOption<&Tensor<T>>,
    factors: ComptimeOption<&Tensor<F>>,
    offsets: ComptimeOption<&Tensor<F>>,
    modulation: ComptimeOption<&Tensor<F>>,
    lengths: ComptimeOption<&Tensor<F>>,
    weights: ComptimeOption<&Tensor<W>>,
    mut values: ComptimeOption<&mut Tensor<F>>,
    mut normalizers: ComptimeOption<&mut Tensor<F>>,
    mut slopes: ComptimeOption<&mut Tensor<S>>,
    mut by_length: ComptimeOption<&mut Tensor<F>>,
    mut partial: ComptimeOption<&mut Tensor<F>>,
    numbers: &Numbers,
    #[comptime] structure: Structure,
    #[define(S, L, T, W, F)] _types: [ElemType; 5],
) {
    let (units, per_row) = comptime!((structure.units, structure.per_row));
    let (kind, program) = comptime!((structure.kind, structure.classes.clone()));
    let is_sparse = comptime!(kind == Kind::Label);
    let has_margin = comptime!(structure.margin.is_some());
    let classes = numbers.classes;
    let sharpness = numbers.sharpness.get::<F>();
    let (zero, one) = (F::new(0.0_f32), F::new(1.0_f32));
    let unit = UNIT_POS as usize;
    let place = unit % per_row;
    let mut sum = zero;
    let mut counted = zero;
    let mut round = 0_usize.runtime();
    // All units of a cube go through the same rounds, because they wait for each other.
    while round < numbers.rounds {
        let wanted = (round * CUBE_COUNT + CUBE_POS) * comptime!(units / per_row) + unit / per_row;
        let is_row = wanted < numbers.rows;
        let row = select(is_row, wanted, numbers.rows - 1);
        let target =
            row_target::<S, L, T, F>(logits, labels, targets, factors, row, numbers, comptime!(structure.clone()));
        let (start, step) = (target.start, logits.stride(1));

        // The largest logit, and the sum of e^(x - largest): without the label's own logit if the label has all of the target.
        let own = F::cast_from(logits[start + target.label * step]) * sharpness;
        let own = with_margin::<F>(
            own,
            offsets,
            target.label,
            modulation,
            lengths,
            row,
            numbers,
            comptime!(structure.margin.clone()),
        );
        let own_logit = own.logit;
        let mut most = own_logit;
        let mut total = zero;
        let mut class = place;
        while class < classes {
            let is_counted = !is_sparse || class != target.label;
            let logit = Total::<F> {
                most: logit_of::<S, F>(
                    logits,
                    start + class * step,
                    class,
                    offsets,
                    &target,
                    &own,
                    numbers,
                    has_margin,
                ),
                sum: select(is_counted, one, zero),
            };
            let next = merge::<F>(Total::<F> { most, sum: total }, logit);
            most = next.most;
            total = next.sum;
            class += per_row;
        }
        let all = merged::<F>(Total::<F> { most, sum: total }, units, per_row);
        let most = all.most;

        let mut value = zero;
        // The derivative with respect to ln(sum e^x), and the derivative with respect to the label's logit beside that.
        let mut by_total = zero;
        let mut by_label = zero;
        let mut total = all.sum;
        let mut log_total = ln::<F>(total);
        if is_sparse {
            let relative = below::<F>(own_logit, most);
            let power = exp::<F>(relative);
            total += power;
            // If the target's probability is close to 1, this form keeps the digits of the value.
            let is_certain = relative > F::new(-1.0_f32);
            let certain = log1p::<F>(all.sum / select(is_certain, power, one));
            let logarithm = ln::<F>(total);
            let log_p = select(is_certain, -certain, relative - logarithm);
            log_total = select(is_certain, relative + certain, logarithm);
            let share = numbers.keep.get::<F>() * target.factor;
            let outputs = of_class::<F>(log_p, share, &numbers.of_classes, comptime!(program.clone()));
            value = outputs.index(0).extract(0_usize);
            #[comptime]
            if slopes.is_some() {
                by_label = outputs.index(1).extract(0_usize);
                by_total = -by_label;
            }
        } else {
            let mut class = place;
            while class < classes {
                let logit =
                    logit_of::<S, F>(logits, start + class * step, class, offsets, &target, &own, numbers, has_margin);
                let log_p = below::<F>(logit, most) - log_total;
                let share = share::<T, F>(targets, factors, &target, class, numbers, comptime!(structure.clone()));
                let outputs = of_class::<F>(log_p, share, &numbers.of_classes, comptime!(program.clone()));
                value += part::<F>(outputs.index(0).extract(0_usize), share, kind);
                #[comptime]
                if slopes.is_some() {
                    by_total -= part::<F>(outputs.index(1).extract(0_usize), share, kind);
                }
                class += per_row;
            }
            value = group_sum::<F>(value, units, per_row);
            #[comptime]
            if slopes.is_some() {
                by_total = group_sum::<F>(by_total, units, per_row);
            }
        }
        if comptime!(structure.penalty.is_some()) {
            let program = comptime!(structure.penalty.clone().expect("a penalty"));
            let mut inputs = Sequence::<Vector<F, Const<1>>>::new();
            inputs.push(Vector::new(log_total + most));
            let outputs = emit::run::<F, Const<1>>(&inputs, &numbers.of_penalty, program);
            value += target.normalizer * outputs.index(0).extract(0_usize);
            by_total += target.normalizer * outputs.index(1).extract(0_usize);
        }
        value = select(target.is_constant, target.constant, value);

        let mut weight = one;
        #[comptime]
        if let ComptimeOption::Some(weights) = &weights {
            weight = F::cast_from(weights[row / numbers.per_weight]);
        }
        if is_row && place == 0 {
            let weighted = select(target.is_constant, value, value * weight);
            // A value of weight 0 counts as 0, even if it is NaN or infinite.
            sum += select(weight == zero, zero, weighted);
            if comptime!(structure.weights_count) {
                counted += target.normalizer * weight;
            } else {
                counted += target.normalizer;
            }
            #[comptime]
            if let ComptimeOption::Some(values) = &mut values {
                values[row] = value;
            }
            #[comptime]
            if let ComptimeOption::Some(normalizers) = &mut normalizers {
                normalizers[row] = target.normalizer;
            }
        }
        #[comptime]
        if let ComptimeOption::Some(slopes) = &mut slopes {
            if is_row {
                let factor = numbers.factor.get::<F>() * weight * sharpness;
                let mut class = place;
                while class < classes {
                    let logit = logit_of::<S, F>(
                        logits,
                        start + class * step,
                        class,
                        offsets,
                        &target,
                        &own,
                        numbers,
                        has_margin,
                    );
                    let logit = below::<F>(logit, most);
                    let mut slope = exp::<F>(logit) / total * by_total;
                    if is_sparse {
                        let power = exp::<F>(below::<F>(own_logit, most));
                        let through_total = (by_total + by_label) * (power / total);
                        let of_label = by_label * (all.sum / total) + through_total;
                        slope = select(class == target.label, of_label, slope);
                    } else {
                        let share =
                            share::<T, F>(targets, factors, &target, class, numbers, comptime!(structure.clone()));
                        let outputs =
                            of_class::<F>(logit - log_total, share, &numbers.of_classes, comptime!(program.clone()));
                        slope += part::<F>(outputs.index(1).extract(0_usize), share, kind);
                    }
                    slope = select(target.is_constant || weight == zero, zero, slope * factor);
                    if has_margin {
                        let is_own = class == target.label;
                        #[comptime]
                        if let ComptimeOption::Some(by_length) = &mut by_length {
                            if is_own {
                                by_length[row] = slope * own.by_length;
                            }
                        }
                        slope *= select(is_own, own.by_logit, one);
                    }
                    slopes[target.of_slopes + class * numbers.inner] = S::cast_from(slope);
                    class += per_row;
                }
            }
        }
        round += 1;
    }
    #[comptime]
    if let ComptimeOption::Some(partial) = &mut partial {
        let sum = cube_sum::<F, Const<1>>(Vector::new(sum), units);
        let counted = cube_sum::<F, Const<1>>(Vector::new(counted), units);
        if UNIT_POS == 0 {
            partial[CUBE_POS] = sum;
            partial[CUBE_COUNT + CUBE_POS] = counted;
        }
    }
}

#[cube]
fn of_class<F: Float>(
    log_p: F,
    share: F,
    parameters: &Sequence<InputScalar>,
    #[comptime] program: Program,
) -> Sequence<Vector<F, Const<1>>> {
    let mut inputs = Sequence::<Vector<F, Const<1>>>::new();
    inputs.push(Vector::new(log_p));
    inputs.push(Vector::new(share));
    emit::run::<F, Const<1>>(&inputs, parameters, program)
}

/// The contribution of a class to the value of its row. With a teacher the formula is weighted by the probability, and the share
/// is the logarithm of that.
#[cube]
fn part<F: Float>(of_class: F, share: F, #[comptime] kind: Kind) -> F {
    let mut result = of_class;
    if comptime!(matches!(kind, Kind::Teacher { .. })) {
        let q = exp::<F>(share);
        // A class of probability 0 contributes 0, even if its formula is NaN or infinite.
        result = select(q == F::new(0.0_f32), q, q * of_class);
    }
    result
}
