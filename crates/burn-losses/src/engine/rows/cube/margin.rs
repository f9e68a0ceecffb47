//! The margin of a label's logit.

use super::kernel::Numbers;
use super::row_target::RowTarget;
use crate::engine::cube::emit;
use crate::formula::program::Program;
use burn_cubecl::cubecl;
use cubecl::prelude::*;

/// The logit of a label with its margin, and its derivatives.
#[derive(CubeType)]
pub(super) struct Own<F: Float> {
    pub(super) logit: F,
    pub(super) by_logit: F,
    pub(super) by_length: F,
}

#[cube]
#[expect(clippy::too_many_arguments)] // a kernel takes its arguments one by one
pub(super) fn with_margin<F: Float>(
    logit: F,
    offsets: ComptimeOption<&Tensor<F>>,
    label: usize,
    modulation: ComptimeOption<&Tensor<F>>,
    lengths: ComptimeOption<&Tensor<F>>,
    row: usize,
    numbers: &Numbers,
    #[comptime] program: Option<Program>,
) -> Own<F> {
    let mut changed = logit;
    let mut by_logit = F::new(1.0_f32);
    let mut by_length = F::new(0.0_f32);
    if comptime!(program.is_some()) {
        let program = comptime!(program.clone().expect("a margin"));
        let results = comptime!(program.outputs().len());
        let mut inputs = Sequence::<Vector<F, Const<1>>>::new();
        inputs.push(Vector::new(logit));
        #[comptime]
        if let ComptimeOption::Some(modulation) = &modulation {
            inputs.push(Vector::new(modulation[row]));
        }
        #[comptime]
        if let ComptimeOption::Some(lengths) = &lengths {
            inputs.push(Vector::new(lengths[row]));
        }
        let outputs = emit::run::<F, Const<1>>(&inputs, &numbers.of_margin, program);
        changed = outputs.index(0).extract(0_usize);
        if comptime!(results > 1) {
            by_logit = outputs.index(1).extract(0_usize);
        }
        if comptime!(results > 2) {
            by_length = outputs.index(2).extract(0_usize);
        }
    }
    #[comptime]
    if let ComptimeOption::Some(offsets) = &offsets {
        changed += offsets[label];
    }
    Own::<F> { logit: changed, by_logit, by_length }
}

/// The logit of a class, with its offset; the label's logit has its margin.
#[cube]
#[expect(clippy::too_many_arguments)] // a kernel takes its arguments one by one
pub(super) fn logit_of<S: Float, F: Float>(
    logits: &Tensor<S>,
    place: usize,
    class: usize,
    offsets: ComptimeOption<&Tensor<F>>,
    target: &RowTarget<F>,
    own: &Own<F>,
    numbers: &Numbers,
    #[comptime] has_margin: bool,
) -> F {
    let mut logit = F::cast_from(logits[place]) * numbers.sharpness.get::<F>();
    #[comptime]
    if let ComptimeOption::Some(offsets) = &offsets {
        logit += offsets[class];
    }
    if has_margin {
        logit = select(class == target.label, own.logit, logit);
    }
    logit
}
