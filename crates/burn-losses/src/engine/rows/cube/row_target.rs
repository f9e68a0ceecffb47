//! What is known about a row before its logits are read: its label, its teacher, and the shares of its classes.

use super::kernel::{Kind, Numbers, Structure};
use crate::engine::cube::softmax::{Total, ln, merge, merged};
use burn_cubecl::cubecl;
use cubecl::prelude::*;

/// A finite number in place of the logarithm of 0.
const NOTHING: f32 = crate::engine::rows::MINUS_INFINITY as f32;

/// What is known about a row before its logits are read.
#[derive(CubeType)]
pub(super) struct RowTarget<F: Float> {
    /// The places of the row's first logit, its first target, and its first slope.
    pub(super) start: usize,
    pub(super) of_targets: usize,
    pub(super) of_slopes: usize,
    pub(super) label: usize,
    /// Whether nothing depends on the logits: the row is ignored, or its label is out of range.
    pub(super) is_constant: bool,
    pub(super) constant: F,
    /// How much the row counts in a mean.
    pub(super) normalizer: F,
    /// The factor of the label.
    pub(super) factor: F,
    /// The number between two classes.
    pub(super) bin: F,
    /// The softmax of the teacher.
    pub(super) teacher: Total<F>,
}

#[cube]
pub(super) fn row_target<S: Float, L: Int, T: Float, F: Float>(
    logits: &Tensor<S>,
    labels: ComptimeOption<&Tensor<L>>,
    targets: ComptimeOption<&Tensor<T>>,
    factors: ComptimeOption<&Tensor<F>>,
    row: usize,
    numbers: &Numbers,
    #[comptime] structure: Structure,
) -> RowTarget<F> {
    let (zero, one) = (F::new(0.0_f32), F::new(1.0_f32));
    let (outer, inner) = (row / numbers.inner, row % numbers.inner);
    let start = outer * logits.stride(0) + inner * logits.stride(2);
    let of_slopes = outer * numbers.classes * numbers.inner + inner;
    let mut of_targets = 0_usize.runtime();
    let mut label = 0_usize.runtime();
    let mut is_constant = false.runtime();
    let mut constant = zero;
    let mut normalizer = one;
    let mut factor = one;
    let mut bin = zero;
    let mut teacher_most = zero;
    let mut teacher_sum = one;
    #[comptime]
    if let ComptimeOption::Some(labels) = &labels {
        let given = labels[row];
        // A label that is out of range must not become an index.
        let is_class = given >= L::from_int(0) && given < L::cast_from(numbers.classes);
        label = select(is_class, usize::cast_from(given), 0_usize);
        is_constant = !is_class;
        constant = numbers.nan.get::<F>();
        if comptime!(structure.has_ignored) {
            let is_ignored = given == numbers.ignored.get::<L>();
            is_constant = is_constant || is_ignored;
            constant = select(is_ignored, zero, constant);
            normalizer = select(is_ignored, zero, normalizer);
        }
        #[comptime]
        if let ComptimeOption::Some(factors) = &factors {
            factor = factors[label];
            if comptime!(structure.factors_count) {
                normalizer = select(is_constant, normalizer, factor);
            }
        }
    }
    #[comptime]
    if let ComptimeOption::Some(targets) = &targets {
        if comptime!(structure.kind != Kind::Bins) {
            of_targets = outer * targets.stride(0) + inner * targets.stride(2);
        }
        if comptime!(structure.kind == Kind::Bins) {
            bin = F::cast_from(targets[row * targets.stride(0)]);
            let is_between = bin >= zero && bin <= F::cast_from(numbers.classes - 1);
            is_constant = !is_between;
            constant = numbers.nan.get::<F>();
        }
        if comptime!(matches!(structure.kind, Kind::Teacher { .. })) {
            let per_row = comptime!(structure.per_row);
            let mut most = F::new(NOTHING);
            let mut total = zero;
            let mut class = UNIT_POS as usize % per_row;
            while class < numbers.classes {
                let logarithm = softened::<F>(
                    F::cast_from(targets[of_targets + class * targets.stride(1)]),
                    numbers,
                    structure.kind,
                );
                let is_there = logarithm > F::new(0.5 * NOTHING);
                let next = merge::<F>(
                    Total::<F> { most, sum: total },
                    Total::<F> { most: logarithm, sum: select(is_there, one, zero) },
                );
                most = next.most;
                total = next.sum;
                class += per_row;
            }
            let teacher = merged::<F>(Total::<F> { most, sum: total }, structure.units, per_row);
            teacher_most = teacher.most;
            teacher_sum = teacher.sum;
        }
    }
    let teacher = Total::<F> { most: teacher_most, sum: teacher_sum };
    RowTarget::<F> { start, of_targets, of_slopes, label, is_constant, constant, normalizer, factor, bin, teacher }
}

/// The logarithm of a teacher's probability, times the sharpness.
#[cube]
fn softened<F: Float>(given: F, numbers: &Numbers, #[comptime] kind: Kind) -> F {
    let is_logarithm = comptime!(kind == Kind::Teacher { is_logarithm: true });
    let nothing = F::new(NOTHING);
    let mut logarithm = given;
    let mut is_there = given > nothing;
    if !is_logarithm {
        is_there = given > F::new(comptime!(crate::engine::distributions::LEAST as f32));
        logarithm = ln::<F>(select(is_there, given, F::new(1.0_f32)));
    }
    select(is_there, logarithm * numbers.sharpness.get::<F>(), nothing)
}

/// The share of a class in the target of its row.
#[cube]
pub(super) fn share<T: Float, F: Float>(
    targets: ComptimeOption<&Tensor<T>>,
    factors: ComptimeOption<&Tensor<F>>,
    target: &RowTarget<F>,
    class: usize,
    numbers: &Numbers,
    #[comptime] structure: Structure,
) -> F {
    let (zero, one) = (F::new(0.0_f32), F::new(1.0_f32));
    let mut share = select(class == target.label, one, zero);
    #[comptime]
    if let ComptimeOption::Some(targets) = &targets {
        if comptime!(structure.kind == Kind::Probabilities) {
            share = F::cast_from(targets[target.of_targets + class * targets.stride(1)]);
        }
        if comptime!(matches!(structure.kind, Kind::Teacher { .. })) {
            let logarithm = softened::<F>(
                F::cast_from(targets[target.of_targets + class * targets.stride(1)]),
                numbers,
                structure.kind,
            );
            let is_there = logarithm > F::new(0.5 * NOTHING);
            let of_softmax = logarithm - target.teacher.most - ln::<F>(select(is_there, target.teacher.sum, one));
            share = select(is_there, of_softmax, F::new(NOTHING));
        }
        if comptime!(structure.kind == Kind::Bins) {
            let near = one - (target.bin - F::cast_from(class)).abs();
            share = select(near > zero, near, zero);
        }
    }
    if comptime!(structure.kind == Kind::Smoothed || structure.kind == Kind::Probabilities) {
        share = share * numbers.keep.get::<F>() + numbers.floor.get::<F>();
        #[comptime]
        if let ComptimeOption::Some(factors) = &factors {
            share *= factors[class];
        }
    }
    share
}
