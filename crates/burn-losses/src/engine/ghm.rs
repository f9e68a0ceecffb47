//! The gradient harmonizing mechanism (Li et al. 2019, arXiv 1811.05181): weights that make all non-empty bins of gradient norms
//! count equally.

use super::primitives::histogram::{histogram, lookup};
use super::{new_state, set_state, state_on};
use crate::options::DivideBy;
use burn::module::{Module, RunningState};
use burn::tensor::{Bool, Device, Tensor};

/// The number of samples per bin, smoothed over the steps; saved with the module.
#[derive(Module, Debug)]
pub struct GhmCounts {
    counts: RunningState<Tensor<1>>,
}

impl GhmCounts {
    pub(crate) fn new(bins: usize, device: &Device) -> Self {
        Self { counts: new_state([bins], 0.0, device) }
    }

    /// The current smoothed counts: `[bins]`, all 0 before the first step.
    pub fn value(&self) -> Tensor<1> {
        self.counts.value_sync()
    }

    /// The weight beta of each value, from its gradient norm in [0, 1]. In training, which is every forward pass on a device with
    /// autodiff, it also adds the batch to the counts.
    ///
    /// beta = total / (smoothed count of the value's bin x number of bins that are not empty in this batch, or of all bins). A
    /// NaN and a masked value are in no bin: they are not in the total, and their beta is arbitrary.
    pub(crate) fn weights<const D: usize>(
        &self,
        gradient_norm: Tensor<D>,
        (momentum, divide_by): (f64, DivideBy),
        mask: Option<&Tensor<D, Bool>>,
    ) -> Tensor<D> {
        let shape = gradient_norm.dims();
        let count = gradient_norm.shape().num_elements();
        let norm = gradient_norm.detach().reshape([count]);
        let mask = mask.map(|mask| mask.clone().reshape([count]));
        let old = state_on(&self.counts, &norm.device()).cast(norm.dtype());
        let bins = old.dims()[0];
        let batch = histogram(norm.clone(), mask.as_ref(), bins);

        let first_step = old.clone().sum().equal_scalar(0.0).expand([bins]);
        let blended = old.clone() * momentum + batch.clone() * (1.0 - momentum);
        // A batch without a valid value does not count as a step.
        let total = batch.clone().sum();
        let nothing = total.clone().equal_scalar(0.0).expand([bins]);
        let smoothed = blended.mask_where(first_step, batch.clone()).mask_where(nothing, old);
        if norm.device().is_autodiff() {
            set_state(&self.counts, smoothed.clone());
        }

        let empty = batch.clone().equal_scalar(0.0);
        let counts = smoothed.mask_fill(empty.clone(), 1.0);
        let weights = match divide_by {
            DivideBy::All => counts * bins as f64,
            DivideBy::Occupied => {
                let filled = empty.bool_not().int().sum().float().cast(norm.dtype());
                counts * filled.clamp_min(1.0).expand([bins])
            }
        }
        .recip();
        // Beside a weight of 0, a NaN would not stay visible.
        lookup(norm, weights * total.clamp_min(1.0).expand([bins])).reshape(shape)
    }
}
